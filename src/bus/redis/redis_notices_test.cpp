// Notices under a Redis of the test's own that is killed and comes back, and what stands in it.
#include "bus/redis/redis_notices.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "bus/redis/notice_codec.hpp"
#include "fakes/log_capture.hpp"
#include "redis/redis_fixture.hpp"

namespace pricewire {
namespace {

using redis::eventually;

DeliveryNotice make_notice(bool fired = false) {
    const Timestamp now = system_clock().now();
    return {make_uuid(now), make_uuid(now), fired};
}

TEST(NoticeCodec, ReadsWhatItWrites) {
    const std::vector<DeliveryNotice> notices{make_notice(), make_notice(true), make_notice()};
    std::string text;
    bus::append_notices(text, notices);
    EXPECT_EQ(text.size(), 3U * 33);
    EXPECT_EQ(bus::parse_notices(text), notices);
    EXPECT_FALSE(bus::parse_notices(""));
    EXPECT_FALSE(bus::parse_notices(text.substr(1)));
    text[32] = 'x';
    EXPECT_FALSE(bus::parse_notices(text));
}

TEST(RedisNotices, AfterAnOutageTheSubscriberIsToldSinceWhenItMissedSomething) {
    LogCapture log;
    std::mutex mutex;
    std::vector<DeliveryNotice> heard;
    std::vector<Timestamp> missed;
    test::RedisServer server;
    const RedisNoticesOptions options{.url = server.url(), .prefix = "pricewire:"};
    const auto sender = create_redis_notices(options, system_clock());
    const auto api = create_redis_notices(options, system_clock());
    api->subscribe({.notices =
                        [&](std::span<const DeliveryNotice> notices) {
                            std::lock_guard lock(mutex);
                            heard.insert(heard.end(), notices.begin(), notices.end());
                        },
                    .missed =
                        [&](Timestamp since) {
                            std::lock_guard lock(mutex);
                            missed.push_back(since);
                        }});
    const auto misses = [&] {
        std::lock_guard lock(mutex);
        return missed.size();
    };
    const auto publish_until_heard = [&] {
        const DeliveryNotice notice = make_notice();
        return eventually([&] {
            sender->publish({&notice, 1});
            std::lock_guard lock(mutex);
            return std::find(heard.begin(), heard.end(), notice) != heard.end();
        });
    };
    ASSERT_TRUE(publish_until_heard());
    EXPECT_EQ(misses(), 1U) << "what happened before it listened";
    const Timestamp before = system_clock().now();
    server.kill();
    const DeliveryNotice lost = make_notice();
    sender->publish({&lost, 1});
    ASSERT_TRUE(eventually([&] { return log.count("waiting for Redis") >= 1; }));
    server.start();
    ASSERT_TRUE(publish_until_heard());
    EXPECT_EQ(misses(), 2U);
    std::lock_guard lock(mutex);
    EXPECT_LE(missed.back(), before + std::chrono::seconds{1});
    EXPECT_GE(missed.back(), missed.front());
}

TEST(RedisNotices, WhatAPublisherHadToDropIsToldAsMissedWhenItCanSayAgain) {
    LogCapture log;
    std::mutex mutex;
    std::vector<Timestamp> missed;
    test::RedisServer server;
    const RedisNoticesOptions options{.url = server.url(), .prefix = "p:"};
    const auto sender = create_redis_notices(options, system_clock());
    server.kill();
    const Timestamp before = system_clock().now();
    const DeliveryNotice notice = make_notice();
    ASSERT_TRUE(eventually([&] {
        sender->publish({&notice, 1});
        return log.count("waiting for Redis") >= 1;
    }));
    server.start();
    // One that was not there meanwhile, so that nothing but the publisher can tell it.
    const auto api = create_redis_notices(options, system_clock());
    api->subscribe({.notices = [](std::span<const DeliveryNotice>) {},
                    .missed =
                        [&](Timestamp since) {
                            std::lock_guard lock(mutex);
                            missed.push_back(since);
                        }});
    EXPECT_TRUE(eventually([&] {
        std::lock_guard lock(mutex);
        return std::any_of(missed.begin(), missed.end(), [&](Timestamp t) { return t <= before; });
    }));
}

TEST(RedisNotices, WhatIsNoNoticeIsPassedOverAndSaidOnce) {
    LogCapture log;
    std::mutex mutex;
    std::size_t heard = 0;
    test::RedisServer server;
    const auto notices = create_redis_notices({.url = server.url(), .prefix = "p:"}, system_clock());
    notices->subscribe({.notices =
                            [&](std::span<const DeliveryNotice> told) {
                                std::lock_guard lock(mutex);
                                heard += told.size();
                            },
                        .missed = [](Timestamp) {}});
    const auto redis = redis::Connection::open(*redis::parse_url(server.url()), {});
    const DeliveryNotice good = make_notice();
    ASSERT_TRUE(eventually([&] {
        redis->command({"XADD", "p:deliveries", "*", "n", "nonsense"}).checked();
        return log.count("cannot be read") > 0;
    }));
    redis->command({"XADD", "p:deliveries", "*", "other", "nonsense"}).checked();
    ASSERT_TRUE(eventually([&] {
        notices->publish({&good, 1});
        std::lock_guard lock(mutex);
        return heard > 0;
    }));
    EXPECT_EQ(log.count("cannot be read"), 1U);
}

}  // namespace
}  // namespace pricewire
