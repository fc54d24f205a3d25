#include "bus/in_process/in_process_notices.hpp"

#include <utility>

#include "base/mutex.hpp"

namespace pricewire::bus {
namespace {

class InProcessNotices : public DeliveryNotices {
public:
    void publish(std::span<const DeliveryNotice> notices) override {
        MutexLock lock(mutex_);
        if (subscriber_.notices && !notices.empty()) subscriber_.notices(notices);
    }
    void subscribe(NoticeSubscriber subscriber) override {
        MutexLock lock(mutex_);
        subscriber_ = std::move(subscriber);
    }
    void unsubscribe() override {
        MutexLock lock(mutex_);
        subscriber_ = {};
    }

private:
    Mutex mutex_;
    NoticeSubscriber subscriber_ GUARDED_BY(mutex_);
};

}  // namespace

std::unique_ptr<DeliveryNotices> create_in_process_notices() {
    return std::make_unique<InProcessNotices>();
}

}  // namespace pricewire::bus
