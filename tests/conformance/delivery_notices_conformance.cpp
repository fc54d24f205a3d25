// The contract of every DeliveryNotices. To add an implementation, add it to the factories at the end.
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/mutex.hpp"
#include "bus/in_process/in_process_notices.hpp"
#include "bus/redis/redis_notices.hpp"
#include "redis/redis_fixture.hpp"

namespace pricewire::conformance {
namespace {

using redis::eventually;

struct Factory {
    std::string name;
    bool on_redis = false;
    // `keys` is set if it is on Redis.
    std::function<std::unique_ptr<bus::DeliveryNotices>(const redis::TestKeys* keys)> create;
};

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

class DeliveryNoticesConformance : public testing::TestWithParam<Factory> {
protected:
    void SetUp() override {
        if (GetParam().on_redis) {
            const auto url = test::shared_redis_url();
            if (!url) GTEST_SKIP() << test::no_redis;
            keys_.emplace(*url);
        }
        notices_ = GetParam().create(keys_ ? &*keys_ : nullptr);
    }
    // When a subscription on Redis becomes active is not visible here: publish until something arrives.
    void wait_until_heard(Heard& heard) {
        EXPECT_TRUE(eventually([&] {
            notices_->publish(make_notices(1));
            return !heard.all().empty();
        }));
    }

    std::optional<redis::TestKeys> keys_;
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
    testing::Values(Factory{"InProcess", false,
                            [](const redis::TestKeys*) { return bus::create_in_process_notices(); }},
                    Factory{"Redis", true,
                            [](const redis::TestKeys* keys) {
                                return bus::create_redis_notices(
                                    {.url = keys->url(), .prefix = keys->prefix()}, system_clock());
                            }}),
    [](const auto& test) { return test.param.name; });

}  // namespace
}  // namespace pricewire::conformance
