// Notices on a dedicated Redis that is killed and restarted, and the format of what it stores.
#include "bus/redis/redis_notices.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "base/mutex.hpp"
#include "bus/redis/notice_codec.hpp"
#include "fakes/log_capture.hpp"
#include "redis/redis_fixture.hpp"
#include "support/eventually.hpp"

namespace pricewire::bus {
namespace {

using test::eventually;

DeliveryNotice make_notice(bool fired = false) {
    const Timestamp now = system_clock().now();
    return {make_uuid(now), make_uuid(now), fired};
}

TEST(NoticeCodec, ReadsWhatItWrites) {
    const std::vector<DeliveryNotice> notices{make_notice(), make_notice(true), make_notice()};
    std::string text;
    append_notices(text, notices);
    EXPECT_EQ(text.size(), 3U * 33);
    EXPECT_EQ(parse_notices(text), notices);
    EXPECT_FALSE(parse_notices(""));
    EXPECT_FALSE(parse_notices(text.substr(1)));
    text[32] = 'x';
    EXPECT_FALSE(parse_notices(text));
}

// Records what a subscriber received.
class HeardNotices {
public:
    NoticeSubscriber subscriber() {
        return {.notices =
                    [this](std::span<const DeliveryNotice> notices) {
                        MutexLock lock(mutex_);
                        notices_.insert(notices_.end(), notices.begin(), notices.end());
                    },
                .missed =
                    [this](Timestamp since) {
                        MutexLock lock(mutex_);
                        missed_.push_back(since);
                    }};
    }
    std::vector<DeliveryNotice> notices() {
        MutexLock lock(mutex_);
        return notices_;
    }
    std::vector<Timestamp> missed() {
        MutexLock lock(mutex_);
        return missed_;
    }

private:
    Mutex mutex_;
    std::vector<DeliveryNotice> notices_ GUARDED_BY(mutex_);
    std::vector<Timestamp> missed_ GUARDED_BY(mutex_);  // since when, each time
};

TEST(RedisNotices, AfterAnOutageTheSubscriberLearnsSinceWhenItMissedNotices) {
    fakes::LogCapture log;
    HeardNotices heard;
    test::RedisServer server;
    const RedisNoticesOptions options{.url = server.url(), .prefix = "pricewire:"};
    const auto sender = create_redis_notices(options, system_clock());
    const auto api = create_redis_notices(options, system_clock());
    api->subscribe(heard.subscriber());
    const auto publish_until_heard = [&] {
        const DeliveryNotice notice = make_notice();
        return eventually([&] {
            sender->publish({&notice, 1});
            const auto all = heard.notices();
            return std::find(all.begin(), all.end(), notice) != all.end();
        });
    };
    ASSERT_TRUE(publish_until_heard());
    EXPECT_EQ(heard.missed().size(), 1U) << "what happened before it subscribed";
    const Timestamp before = system_clock().now();
    server.kill();
    const DeliveryNotice lost = make_notice();
    sender->publish({&lost, 1});
    ASSERT_TRUE(eventually([&] { return log.count("waiting for Redis") >= 1; }));
    server.start();
    ASSERT_TRUE(publish_until_heard());
    // Because of its own reconnect, and perhaps by the publisher too.
    const auto missed = heard.missed();
    ASSERT_GE(missed.size(), 2U);
    EXPECT_LE(*std::min_element(missed.begin() + 1, missed.end()), before + std::chrono::seconds{1});
}

TEST(RedisNotices, APublisherThatDroppedNoticesReportsItAfterReconnecting) {
    fakes::LogCapture log;
    test::RedisServer server;
    const auto sender = create_redis_notices({.url = server.url(), .prefix = "p:"}, system_clock());
    server.kill();
    const Timestamp before = system_clock().now();
    const DeliveryNotice notice = make_notice();
    sender->publish({&notice, 1});
    ASSERT_TRUE(eventually([&] { return log.count("waiting for Redis") >= 1; }));
    server.start();
    // Even if nothing more is published.
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

TEST(RedisNotices, DroppedNoticesAreReportedAsMissed) {
    HeardNotices heard;
    test::RedisServer server;
    const auto api = create_redis_notices({.url = server.url(), .prefix = "p:"}, system_clock());
    api->subscribe(heard.subscriber());
    const auto redis = redis::Connection::open(*redis::parse_url(server.url()), {});
    EXPECT_TRUE(eventually([&] {
        redis->command({"XADD", "p:deliveries", "*", "m", "1700000000000000"}).checked();
        const auto missed = heard.missed();
        return std::find(missed.begin(), missed.end(), from_micros(1'700'000'000'000'000)) != missed.end();
    }));
}

TEST(RedisNotices, SkipsUnreadableNoticesAndWarnsOnce) {
    fakes::LogCapture log;
    HeardNotices heard;
    test::RedisServer server;
    const auto notices = create_redis_notices({.url = server.url(), .prefix = "p:"}, system_clock());
    notices->subscribe(heard.subscriber());
    const auto redis = redis::Connection::open(*redis::parse_url(server.url()), {});
    const DeliveryNotice good = make_notice();
    ASSERT_TRUE(eventually([&] {
        redis->command({"XADD", "p:deliveries", "*", "n", "nonsense"}).checked();
        return log.count("unreadable delivery notice") > 0;
    }));
    redis->command({"XADD", "p:deliveries", "*", "other", "nonsense"}).checked();
    ASSERT_TRUE(eventually([&] {
        notices->publish({&good, 1});
        return !heard.notices().empty();
    }));
    EXPECT_EQ(log.count("unreadable delivery notice"), 1U);
}

}  // namespace
}  // namespace pricewire::bus
