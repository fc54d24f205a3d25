// A guarded member under its mutex: this must compile.
#include "base/mutex.hpp"

using pricewire::Mutex;
using pricewire::MutexLock;

class Counter {
public:
    int value() {
        MutexLock lock(mutex_);
        return value_;
    }

private:
    Mutex mutex_;
    int value_ GUARDED_BY(mutex_) = 0;
};

int value_of(Counter& counter) {
    return counter.value();
}
