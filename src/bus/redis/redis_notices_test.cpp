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

namespace pricewire::bus {
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
    fakes::LogCapture log;
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
    // By its own new connection, and perhaps by the publisher as well.
    EXPECT_GE(misses(), 2U);
    std::lock_guard lock(mutex);
    EXPECT_LE(*std::min_element(missed.begin() + 1, missed.end()), before + std::chrono::seconds{1});
}

TEST(RedisNotices, APublisherThatHadToDropSaysSoWhenItCan) {
    fakes::LogCapture log;
    test::RedisServer server;
    const auto sender = create_redis_notices({.url = server.url(), .prefix = "p:"}, system_clock());
    server.kill();
    const Timestamp before = system_clock().now();
    const DeliveryNotice notice = make_notice();
    sender->publish({&notice, 1});
    ASSERT_TRUE(eventually([&] { return log.count("waiting for Redis") >= 1; }));
    server.start();
    // Though nothing more is published.
    std::int64_t since = 0;
    ASSERT_TRUE(eventually([&] {
        const auto redis = redis::Connection::open(*redis::parse_url(server.url()), {});
        const redis::Reply entries = redis->command({"XRANGE", "p:deliveries", "-", "+"});
        if (entries[0][1][0].text() != "m") return false;
        since = std::stoll(std::string(entries[0][1][1].text()));
        return true;
    }));
    EXPECT_LE(since, to_micros(before));
    EXPECT_GE(since, to_micros(before - std::chrono::seconds{5}));
}

TEST(RedisNotices, WhatAPublisherHadToDropIsToldAsMissed) {
    std::mutex mutex;
    std::vector<Timestamp> missed;
    test::RedisServer server;
    const auto api = create_redis_notices({.url = server.url(), .prefix = "p:"}, system_clock());
    api->subscribe({.notices = [](std::span<const DeliveryNotice>) {},
                    .missed =
                        [&](Timestamp since) {
                            std::lock_guard lock(mutex);
                            missed.push_back(since);
                        }});
    const auto redis = redis::Connection::open(*redis::parse_url(server.url()), {});
    EXPECT_TRUE(eventually([&] {
        redis->command({"XADD", "p:deliveries", "*", "m", "1700000000000000"}).checked();
        std::lock_guard lock(mutex);
        return std::find(missed.begin(), missed.end(), from_micros(1'700'000'000'000'000)) != missed.end();
    }));
}

TEST(RedisNotices, WhatIsNoNoticeIsPassedOverAndSaidOnce) {
    fakes::LogCapture log;
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
}  // namespace pricewire::bus
