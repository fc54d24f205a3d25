// The gate on Redis: what it answers, how often it asks, and what happens without Redis.
#include <gtest/gtest.h>

#include <csignal>
#include <future>
#include <optional>
#include <stdexcept>
#include <thread>
#include <vector>

#include "access/redis/redis_auth_cache.hpp"
#include "access/redis/redis_gate.hpp"
#include "access/redis/redis_rate_limits.hpp"
#include "fakes/log_capture.hpp"
#include "fakes/new_user.hpp"
#include "redis/redis_fixture.hpp"
#include "support/eventually.hpp"

namespace pricewire::access {
namespace {

using namespace std::chrono_literals;
using fakes::new_user;
using test::eventually;

// One process' part.
struct Process {
    explicit Process(RedisAuthCacheOptions options)
        : keys(create_redis_auth_cache(options)),
          limits(create_redis_rate_limits(options)),
          gate(create_redis_gate(options, *keys, *limits)) {}

    std::future<Admission> start(const std::string& key, const RateLimit& limit = {5, 1h},
                                 const std::string& address = {}) {
        auto promise = std::make_shared<std::promise<Admission>>();
        auto out = promise->get_future();
        gate->admit({sha256(key), address.empty() ? "rates" : address, address.empty(), limit},
                    [promise](Admission a) { promise->set_value(std::move(a)); });
        return out;
    }
    Admission admit(const std::string& key, const RateLimit& limit = {5, 1h},
                    const std::string& address = {}) {
        return start(key, limit, address).get();
    }
    void know(const std::string& key, const User& user) { keys->put(sha256(key), user, keys->generation()); }

    std::unique_ptr<RedisAuthCache> keys;
    std::unique_ptr<RedisRateLimits> limits;
    std::unique_ptr<Gate> gate;
};

class RedisGateTest : public testing::Test {
protected:
    RedisAuthCacheOptions options(Duration local_ttl = 10min) const {
        RedisAuthCacheOptions out;
        out.url = server_.url();
        out.command_timeout = 10s;
        out.ttl = 1h;
        out.local_ttl = local_ttl;
        return out;
    }
    // Scripts that Redis has run.
    int scripts() {
        const auto c = redis::Connection::open(*redis::parse_url(server_.url()), {});
        const std::string text(c->command({"INFO", "commandstats"}).text());
        int calls = 0;
        for (const std::string name : {"cmdstat_evalsha:calls=", "cmdstat_eval:calls="}) {
            const std::size_t at = text.find(name);
            if (at != std::string::npos) calls += std::stoi(text.substr(at + name.size()));
        }
        return calls;
    }

    test::RedisServer server_;
};

TEST_F(RedisGateTest, AnswersTheKeyAndTheLimitTogether) {
    Process process(options());
    const User ann = new_user("ann@example.com");
    const Admission unknown = process.admit("ann's");
    EXPECT_FALSE(unknown.user);
    EXPECT_FALSE(unknown.decision) << "whose bucket it is, is not known";
    const Admission at_address = process.admit("ann's", {5, 1h}, "rates:192.0.2.1");
    EXPECT_FALSE(at_address.user);
    ASSERT_TRUE(at_address.decision);
    EXPECT_EQ(at_address.decision->remaining, 4U);
    process.know("ann's", ann);
    for (std::uint32_t left = 5; left-- > 0;) {
        const Admission admission = process.admit("ann's");
        ASSERT_TRUE(admission.user && admission.decision);
        EXPECT_EQ(admission.user->id, ann.id);
        EXPECT_EQ(admission.user->email, ann.email);
        EXPECT_EQ(admission.decision->remaining, left);
    }
    const Admission refused = process.admit("ann's");
    ASSERT_TRUE(refused.decision);
    EXPECT_FALSE(refused.decision->allowed);
    EXPECT_GT(refused.decision->retry_after, 11min);
    EXPECT_FALSE(process.limits->take(bucket_of(ann.id, "rates"), {5, 1h}, {}).allowed)
        << "it is the same bucket";
    EXPECT_EQ(process.limits->look("rates:192.0.2.1", {5, 1h}, {}).remaining, 4U);
}

TEST_F(RedisGateTest, ARequestIsOneRoundTripAtMost) {
    Process maker(options());
    for (int i = 0; i < 100; ++i) maker.know(std::to_string(i), new_user(std::to_string(i)));
    Process process(options());
    const int before = scripts();
    std::vector<std::future<Admission>> pending;
    for (int i = 0; i < 100; ++i) pending.push_back(process.start(std::to_string(i)));
    for (auto& one : pending) EXPECT_TRUE(one.get().decision);
    EXPECT_EQ(scripts() - before, 100);
    // Now the users are known, but each small bucket is asked about.
    for (int i = 0; i < 100; ++i) process.admit(std::to_string(i));
    EXPECT_EQ(scripts() - before, 200);
    // Of a large one tokens are leased.
    for (int i = 0; i < 1000; ++i)
        EXPECT_TRUE(process.admit("1", {1'000'000, 1s}, "large").decision->allowed);
    EXPECT_LT(scripts() - before, 300);
}

TEST_F(RedisGateTest, ADisabledUserLivesNoLongerThanTheLocalBound) {
    const User ann = new_user("ann@example.com");
    Process other(options());
    // Its own evictions count at once, however long it would keep the user.
    Process slow(options(1h));
    slow.know("ann's", ann);
    ASSERT_TRUE(slow.admit("ann's").user);
    slow.keys->evict(ann.id);
    EXPECT_FALSE(slow.admit("ann's").user);
    // Those of others once that has passed.
    Process quick(options(250ms));
    quick.know("ann's", ann);
    ASSERT_TRUE(quick.admit("ann's", {1000, 1h}).user);
    other.keys->evict(ann.id);
    std::this_thread::sleep_for(250ms);
    EXPECT_FALSE(quick.admit("ann's", {1000, 1h}).user);
    EXPECT_FALSE(quick.keys->get(sha256("ann's")));
}

TEST_F(RedisGateTest, AnEvictionDuringARequestWins) {
    Process process(options(1h));
    const User ann = new_user("ann@example.com");
    for (int i = 0; i < 200; ++i) {
        process.know("ann's", ann);
        auto pending = process.start("ann's", {1'000'000, 1h});
        process.keys->evict(ann.id);
        pending.wait();
        ASSERT_FALSE(process.admit("ann's", {1'000'000, 1h}).user) << i;
    }
}

TEST_F(RedisGateTest, ProcessesOvershootByNoMoreThanALeaseEach) {
    Process one(options()), two(options()), three(options());
    const RateLimit limit{3200, 100s};
    const std::uint32_t lease = Leases::most(limit);
    ASSERT_GE(lease, 2U);
    const MonoTime began = std::chrono::steady_clock::now();
    std::vector<std::thread> threads;
    std::atomic<std::uint32_t> allowed = 0;
    for (Process* process : {&one, &two, &three}) {
        threads.emplace_back([&, process] {
            for (int i = 0; i < 3000; ++i)
                allowed += process->admit("x", limit, "rates:192.0.2.1").decision->allowed ? 1 : 0;
        });
    }
    for (std::thread& thread : threads) thread.join();
    const auto took = std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
    EXPECT_LE(allowed, limit.count + 32 * took + 3 * lease + 1);
    EXPECT_GE(allowed, limit.count - 3 * lease);
}

TEST_F(RedisGateTest, ScriptsThatWereRemovedAreSentAgain) {
    Process process(options());
    process.know("ann's", new_user("ann@example.com"));
    redis::Connection::open(*redis::parse_url(server_.url()), {})->command({"SCRIPT", "FLUSH"}).checked();
    EXPECT_EQ(process.admit("ann's").decision->remaining, 4U);
    EXPECT_EQ(process.admit("ann's").decision->remaining, 3U);
}

TEST_F(RedisGateTest, WithoutRedisEachProcessLimitsAloneAndAsksAgainLater) {
    fakes::LogCapture log;
    Process process(options(0s));
    const User ann = new_user("ann@example.com");
    process.know("ann's", ann);
    EXPECT_TRUE(process.admit("ann's").user);
    server_.kill();
    for (std::uint32_t left = 5; left-- > 0;) {
        const Admission alone = process.admit("ann's", {5, 1h}, "rates:192.0.2.1");
        EXPECT_FALSE(alone.user) << "it is looked up in the database";
        ASSERT_TRUE(alone.decision);
        EXPECT_EQ(alone.decision->remaining, left);
    }
    EXPECT_FALSE(process.admit("ann's", {5, 1h}, "rates:192.0.2.1").decision->allowed);
    EXPECT_FALSE(process.admit("ann's").decision);
    server_.start();
    ASSERT_TRUE(eventually([&] {
        process.know("ann's", ann);
        return process.admit("ann's").user.has_value();
    }));
    EXPECT_EQ(log.count("keys and limits are shared again"), 1U);
}

TEST_F(RedisGateTest, ARedisThatHangsDelaysNobodyForLongerThanItsTimeout) {
    auto with_timeout = options();
    with_timeout.command_timeout = 100ms;
    Process process(with_timeout);
    server_.signal(SIGSTOP);
    std::vector<std::future<Admission>> pending;
    for (int i = 0; i < 50; ++i) pending.push_back(process.start("x", {5, 1h}, "rates:192.0.2.1"));
    int allowed = 0;
    for (auto& one : pending) allowed += one.get().decision->allowed ? 1 : 0;
    EXPECT_EQ(allowed, 5);
    server_.signal(SIGCONT);
}

TEST_F(RedisGateTest, WhatIsUnderWayIsDroppedAtItsEnd) {
    auto process = std::make_optional<Process>(options());
    server_.signal(SIGSTOP);
    auto first = process->start("x");
    auto second = process->start("y");
    std::thread lets([&] {
        std::this_thread::sleep_for(50ms);
        server_.signal(SIGCONT);
    });
    process->gate = nullptr;
    lets.join();
    // Each was answered before the end, or never will be.
    for (auto* one : {&first, &second}) EXPECT_EQ(one->wait_for(0s), std::future_status::ready);
}

TEST(RedisGate, RejectsAnInvalidUrl) {
    test::RedisServer server;
    RedisAuthCacheOptions options;
    options.url = server.url();
    const auto keys = create_redis_auth_cache(options);
    const auto limits = create_redis_rate_limits(options);
    RedisCacheOptions bad;
    bad.url = "http://h";
    EXPECT_THROW(create_redis_gate(bad, *keys, *limits), std::invalid_argument);
}

}  // namespace
}  // namespace pricewire::access
