// A guarded member without its mutex: this must not compile.
#include "base/mutex.hpp"

using pricewire::Mutex;

class Counter {
public:
    int value() { return value_; }

private:
    Mutex mutex_;
    int value_ GUARDED_BY(mutex_) = 0;
};

int value_of(Counter& counter) {
    return counter.value();
}
