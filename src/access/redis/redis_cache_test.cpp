// What the implementations on Redis guarantee beyond the conformance suites.
#include <gtest/gtest.h>

#include <csignal>
#include <optional>
#include <stdexcept>
#include <vector>

#include "access/redis/redis_auth_cache.hpp"
#include "access/redis/redis_rate_limits.hpp"
#include "access/token_bucket.hpp"
#include "fakes/log_capture.hpp"
#include "fakes/new_user.hpp"
#include "redis/redis_fixture.hpp"
#include "support/eventually.hpp"

namespace pricewire::access {
namespace {

using namespace std::chrono_literals;
using fakes::new_user;
using test::eventually;

RedisAuthCacheOptions options_of(const std::string& url, const std::string& prefix = "pricewire:") {
    RedisAuthCacheOptions options;
    options.url = url;
    options.prefix = prefix;
    options.command_timeout = 10s;
    // What another process evicts counts at once; see redis_gate_test.cpp for the bound otherwise.
    options.local_ttl = {};
    return options;
}

class RedisCacheTest : public testing::Test {
protected:
    void SetUp() override {
        const auto url = test::shared_redis_url();
        if (!url) GTEST_SKIP() << test::no_redis;
        keys_.emplace(*url);
    }
    RedisAuthCacheOptions options() const { return options_of(keys_->url(), keys_->prefix()); }

    std::optional<redis::TestKeys> keys_;
    const MonoTime now_ = std::chrono::steady_clock::now();
};

TEST_F(RedisCacheTest, TwoProcessesShareABucket) {
    const auto one = create_redis_rate_limits(options());
    const auto two = create_redis_rate_limits(options());
    const RateLimit limit{3, 1h};
    EXPECT_EQ(one->take("b", limit, now_).remaining, 2u);
    EXPECT_EQ(two->take("b", limit, now_).remaining, 1u);
    EXPECT_EQ(one->take("b", limit, now_).remaining, 0u);
    EXPECT_FALSE(two->take("b", limit, now_).allowed);
    EXPECT_TRUE(two->take(std::string(100'000, 'b'), limit, now_).allowed);
}

TEST_F(RedisCacheTest, ABucketIsExactToItsLastUnit) {
    // A token of the first limit costs 1,200,000,000.33 microseconds. The debts equal those of
    // token_bucket.hpp at one instant, except for the time that passes between calls.
    const auto limits = create_redis_rate_limits(options());
    for (const RateLimit limit : {RateLimit{3, 3'600'000'001us}, RateLimit{1'000'000'000, 24h * 3650},
                                  RateLimit{7, 24h}, RateLimit{1, 1h}}) {
        TokenBucket model;
        const std::string name = std::to_string(limit.count);
        for (int i = 0; i < 8; ++i) {
            const RateDecision is = limits->take(name, limit, now_);
            const RateDecision wanted = model.take(limit, now_ + 1h);
            EXPECT_EQ(is.allowed, wanted.allowed) << name << " " << i;
            EXPECT_EQ(is.remaining, wanted.remaining) << name << " " << i;
            EXPECT_LE(is.retry_after, wanted.retry_after);
            EXPECT_LE(is.reset_after, wanted.reset_after);
            if (limit.count < 100) {
                EXPECT_GT(is.reset_after, wanted.reset_after - 5min);
            }
        }
    }
}

TEST_F(RedisCacheTest, ABucketsKeyExpiresWhenItIsFull) {
    const auto limits = create_redis_rate_limits(options());
    const auto c = keys_->connect();
    const auto there = [&] { return c->command({"EXISTS", keys_->prefix() + "limit:b"}).integer() == 1; };
    limits->take("b", {2, 10min}, now_);
    ASSERT_TRUE(there());
    const auto ms = c->command({"PTTL", keys_->prefix() + "limit:b"}).integer();
    EXPECT_GT(ms, 0);
    EXPECT_LE(ms, 300'001);
    limits->take("c", {2, 1ms}, now_);
    EXPECT_TRUE(
        eventually([&] { return c->command({"EXISTS", keys_->prefix() + "limit:c"}).integer() == 0; }));
}

TEST_F(RedisCacheTest, AKeyWithAnUnexpectedValueIsAFullBucket) {
    const auto limits = create_redis_rate_limits(options());
    keys_->connect()->command({"SET", keys_->prefix() + "limit:b", "nonsense"});
    EXPECT_EQ(limits->take("b", {3, 1h}, now_).remaining, 2u);
}

TEST_F(RedisCacheTest, FlushedScriptsAreLoadedAgain) {
    const auto limits = create_redis_rate_limits(options());
    const auto cache = create_redis_auth_cache(options());
    const User ann = new_user("ann@example.com");
    const auto c = keys_->connect();
    for (std::uint32_t i = 0; i < 3; ++i) {
        EXPECT_EQ(limits->take("b", {5, 1h}, now_).remaining, 4 - i);
        cache->put(sha256("key"), ann, cache->generation());
        EXPECT_TRUE(cache->get(sha256("key")));
        c->command({"SCRIPT", "FLUSH"}).checked();
    }
}

TEST_F(RedisCacheTest, AnEvictionByOneProcessAppliesToAll) {
    const auto one = create_redis_auth_cache(options());
    const auto two = create_redis_auth_cache(options());
    const User ann = new_user("ann@example.com");
    const User bob = new_user("bob@example.com");
    one->put(sha256("ann"), ann, one->generation());
    one->put(sha256("bob"), bob, one->generation());
    ASSERT_TRUE(two->get(sha256("ann")));
    const auto before = two->generation();
    one->evict(ann.id);
    EXPECT_FALSE(two->get(sha256("ann")));
    EXPECT_TRUE(two->get(sha256("bob")));
    two->put(sha256("ann"), ann, before);
    EXPECT_FALSE(one->get(sha256("ann")));
    two->put(sha256("ann"), ann, two->generation());
    EXPECT_TRUE(one->get(sha256("ann")));
    two->evict(std::nullopt);
    EXPECT_FALSE(one->get(sha256("ann")));
    EXPECT_FALSE(one->get(sha256("bob")));
}

TEST_F(RedisCacheTest, StoresOnlyTheSha256OfAKey) {
    const auto cache = create_redis_auth_cache(options());
    const std::string key = "sk_live_s3cret";
    cache->put(sha256(key), new_user("ann@example.com"), cache->generation());
    const auto c = keys_->connect();
    const std::string entry = keys_->prefix() + "auth:key:" + hex_encode(sha256(key));
    const redis::Reply value = c->command({"GET", entry});
    EXPECT_NE(value.text().find("ann@example.com"), std::string_view::npos);
    EXPECT_EQ(value.text().find("s3cret"), std::string_view::npos);
    const auto ttl = c->command({"PTTL", entry}).integer();
    EXPECT_GT(ttl, 0);
    EXPECT_LE(ttl, 60'000);
    c->command({"SET", entry, "nonsense"});
    EXPECT_FALSE(cache->get(sha256(key)));
    c->command({"SET", entry, "1 nonsense 1 1 ann@example.com"});
    EXPECT_FALSE(cache->get(sha256(key)));
}

TEST(RedisCacheOutage, AfterAWipeNoUserIsCachedAndEarlierLookupsAreRefused) {
    test::RedisServer server;
    const auto cache = create_redis_auth_cache(options_of(server.url()));
    const User ann = new_user("ann@example.com");
    cache->put(sha256("key"), ann, cache->generation());
    ASSERT_TRUE(cache->get(sha256("key")));
    const auto before = cache->generation();
    cache->evict(ann.id);
    redis::Connection::open(*redis::parse_url(server.url()), {})->command({"FLUSHALL"}).checked();
    EXPECT_FALSE(cache->get(sha256("key")));
    cache->put(sha256("key"), ann, before);
    EXPECT_FALSE(cache->get(sha256("key")));
    EXPECT_GT(cache->generation(), before);
    cache->put(sha256("key"), ann, before);
    EXPECT_FALSE(cache->get(sha256("key")));
    cache->put(sha256("key"), ann, cache->generation());
    EXPECT_TRUE(cache->get(sha256("key")));
}

TEST(RedisCacheOutage, AnEvictionThatDidNotReachRedisIsAppliedBeforeAnythingIsRead) {
    fakes::LogCapture log;
    test::RedisServer server;
    auto options = options_of(server.url());
    options.command_timeout = 200ms;
    const auto cache = create_redis_auth_cache(options);
    const auto other = create_redis_auth_cache(options_of(server.url()));
    const User ann = new_user("ann@example.com");
    const User bob = new_user("bob@example.com");
    ASSERT_TRUE(eventually([&] {
        cache->put(sha256("ann"), ann, cache->generation());
        cache->put(sha256("bob"), bob, cache->generation());
        return cache->get(sha256("ann")) && cache->get(sha256("bob"));
    }));
    // It keeps its data but does not answer.
    server.signal(SIGSTOP);
    cache->evict(ann.id);
    EXPECT_FALSE(cache->get(sha256("ann")));
    EXPECT_FALSE(cache->get(sha256("bob")));
    ASSERT_TRUE(eventually([&] { return log.count("waiting for Redis") > 0; }));
    EXPECT_EQ(cache->generation(), 0u);
    server.signal(SIGCONT);
    ASSERT_TRUE(eventually([&] { return cache->get(sha256("bob")).has_value(); }));
    EXPECT_FALSE(cache->get(sha256("ann")));
    EXPECT_FALSE(other->get(sha256("ann")));
}

TEST(RedisCacheOutage, WithoutRedisAProcessLimitsOnItsOwnAndReconnectsLater) {
    fakes::LogCapture log;
    test::RedisServer server;
    server.kill();
    RedisCacheOptions options;
    options.url = server.url();
    const auto limits = create_redis_rate_limits(options);
    const RateLimit limit{3, 1h};
    const MonoTime now = std::chrono::steady_clock::now();
    for (std::uint32_t left = 3; left-- > 0;) EXPECT_EQ(limits->take("b", limit, now).remaining, left);
    EXPECT_FALSE(limits->take("b", limit, now).allowed);
    EXPECT_EQ(limits->take("b", limit, now).retry_after, 20min);
    EXPECT_EQ(log.count("waiting for Redis"), 1u);
    server.start();
    ASSERT_TRUE(eventually([&] { return limits->take("b", limit, now).allowed; })) << "Redis has no bucket";
    EXPECT_EQ(log.count("rate limits are shared again"), 1u);
}

TEST(RedisCacheOutage, AListenerThatNeverAnswersBlocksNobody) {
    const auto [listening, port] = test::bind_loopback(SOCK_STREAM, "127.0.0.1", 0);
    fakes::LogCapture log;
    const std::string url = "redis://:s3cret@127.0.0.1:" + std::to_string(port);
    auto options = options_of(url);
    options.connect_timeout = 100ms;
    const auto limits = create_redis_rate_limits(options);
    const auto cache = create_redis_auth_cache(options);
    const RateLimit limit{10'000, 1h};
    const MonoTime now = std::chrono::steady_clock::now();
    for (int i = 0; i < 1000; ++i) limits->take("b", limit, now);
    EXPECT_EQ(limits->take("b", limit, now).remaining, 8'999u);
    EXPECT_FALSE(cache->get(sha256("key")));
    for (int i = 0; i < 2000; ++i) cache->evict(new_user("x").id);
    cache->put(sha256("key"), new_user("ann@example.com"), cache->generation());
    EXPECT_EQ(log.count("waiting for Redis"), 2u) << "once per object";
    EXPECT_EQ(log.count("s3cret"), 0u);
}

TEST(RedisCache, RejectsAnInvalidUrl) {
    EXPECT_THROW(create_redis_rate_limits(options_of("http://h")), std::invalid_argument);
    EXPECT_THROW(create_redis_auth_cache(options_of("http://h")), std::invalid_argument);
}

}  // namespace
}  // namespace pricewire::access
