#include "bus/in_process/in_process_notices.hpp"

#include <mutex>
#include <utility>

namespace pricewire::bus {
namespace {

class InProcessNotices : public DeliveryNotices {
public:
    void publish(std::span<const DeliveryNotice> notices) override {
        std::lock_guard lock(mutex_);
        if (subscriber_.notices && !notices.empty()) subscriber_.notices(notices);
    }
    void subscribe(NoticeSubscriber subscriber) override {
        std::lock_guard lock(mutex_);
        subscriber_ = std::move(subscriber);
    }
    void unsubscribe() override {
        std::lock_guard lock(mutex_);
        subscriber_ = {};
    }

private:
    std::mutex mutex_;
    NoticeSubscriber subscriber_;
};

}  // namespace

std::unique_ptr<DeliveryNotices> create_in_process_notices() {
    return std::make_unique<InProcessNotices>();
}

}  // namespace pricewire::bus
