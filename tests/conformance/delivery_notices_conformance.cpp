// The contract of every DeliveryNotices. To add an implementation, add it to the factories at the end.
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <span>
#include <vector>

#include "base/mutex.hpp"
#include "bus/in_process/in_process_notices.hpp"
#include "bus/redis/redis_notices.hpp"
#include "redis_contract.hpp"
#include "support/eventually.hpp"

namespace pricewire::conformance::delivery_notices {
namespace {

using test::eventually;

using Maker = Factory<bus::DeliveryNotices>;

class Heard {
public:
    bus::NoticeSubscriber subscriber() {
        return {.notices =
                    [this](std::span<const DeliveryNotice> notices) {
                        MutexLock lock(mutex_);
                        all_.insert(all_.end(), notices.begin(), notices.end());
                    },
                .missed =
                    [this](Timestamp) {
                        MutexLock lock(mutex_);
                        ++missed_;
                    }};
    }
    std::vector<DeliveryNotice> all() const {
        MutexLock lock(mutex_);
        return all_;
    }
    int missed() const {
        MutexLock lock(mutex_);
        return missed_;
    }

private:
    mutable Mutex mutex_;
    std::vector<DeliveryNotice> all_ GUARDED_BY(mutex_);
    int missed_ GUARDED_BY(mutex_) = 0;
};

std::vector<DeliveryNotice> make_notices(std::size_t count) {
    std::vector<DeliveryNotice> out;
    const Timestamp now = system_clock().now();
    for (std::size_t i = 0; i < count; ++i) out.push_back({make_uuid(now), make_uuid(now), i % 2 == 0});
    return out;
}

class DeliveryNoticesConformance : public RedisContract<Maker> {
protected:
    void create() override { notices_ = make(); }
    // When a subscription on Redis becomes active is not visible here: publish until something arrives.
    void wait_until_heard(Heard& heard) {
        EXPECT_TRUE(eventually([&] {
            notices_->publish(make_notices(1));
            return !heard.all().empty();
        }));
    }

    std::unique_ptr<bus::DeliveryNotices> notices_;
};

TEST_P(DeliveryNoticesConformance, DeliversEveryNoticeInOrder) {
    Heard heard;
    notices_->subscribe(heard.subscriber());
    wait_until_heard(heard);
    const auto sent = make_notices(1234);
    notices_->publish(sent);
    ASSERT_TRUE(eventually([&] {
        const auto all = heard.all();
        return !all.empty() && all.back() == sent.back();
    }));
    const auto all = heard.all();
    const auto first = std::find(all.begin(), all.end(), sent.front());
    EXPECT_EQ(std::vector(first, all.end()), sent);
    notices_->unsubscribe();
}

TEST_P(DeliveryNoticesConformance, NothingIsDeliveredAfterUnsubscribing) {
    Heard heard;
    notices_->subscribe(heard.subscriber());
    wait_until_heard(heard);
    notices_->unsubscribe();
    const std::size_t before = heard.all().size();
    notices_->publish(make_notices(3));
    notices_.reset();
    EXPECT_EQ(heard.all().size(), before);
}

TEST_P(DeliveryNoticesConformance, PublishingWithoutASubscriberIsHarmless) {
    notices_->publish(make_notices(3));
    notices_->publish({});
    notices_->unsubscribe();
}

INSTANTIATE_TEST_SUITE_P(
    All, DeliveryNoticesConformance,
    testing::Values(Maker{"InProcess", false,
                          [](const redis::TestKeys*) { return bus::create_in_process_notices(); }},
                    Maker{"Redis", true,
                          [](const redis::TestKeys* keys) {
                              return bus::create_redis_notices({.url = keys->url(), .prefix = keys->prefix()},
                                                               system_clock());
                          }}),
    [](const auto& test) { return test.param.name; });

}  // namespace
}  // namespace pricewire::conformance::delivery_notices
