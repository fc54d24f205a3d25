// The contract of every AuthCache. To add an implementation, add it to the list of factories at the end.
#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "access/auth_cache.hpp"
#include "access/in_process/in_process_auth_cache.hpp"
#include "access/redis/redis_auth_cache.hpp"
#include "fakes/new_user.hpp"
#include "redis_contract.hpp"
#include "support/eventually.hpp"

namespace pricewire::conformance::auth_cache {
namespace {

using namespace std::chrono_literals;
using fakes::new_user;

using Maker = Factory<access::AuthCache, const Clock&, Duration>;

class AuthCacheConformance : public RedisContract<Maker> {
protected:
    void create() override { cache_ = make(clock_, 1h); }
    void create(Duration ttl) { cache_ = make(clock_, ttl); }
    void put(const std::string& key, const User& user) {
        cache_->put(sha256(key), user, cache_->generation());
    }

    ManualClock clock_;
    std::unique_ptr<access::AuthCache> cache_;
};

TEST_P(AuthCacheConformance, ReturnsAllFieldsOfAUser) {
    const User user = new_user("ann@example.com");
    EXPECT_FALSE(cache_->get(sha256("key")));
    put("key", user);
    const auto found = cache_->get(sha256("key"));
    ASSERT_TRUE(found);
    EXPECT_EQ(found->id, user.id);
    EXPECT_EQ(found->email, user.email);
    EXPECT_TRUE(found->is_active);
    EXPECT_EQ(found->created_at, user.created_at);
    EXPECT_FALSE(cache_->get(sha256("another key")));
}

TEST_P(AuthCacheConformance, PutReplacesAnEntry) {
    put("key", new_user("ann@example.com"));
    const User bob = new_user("bob@example.com");
    put("key", bob);
    EXPECT_EQ(cache_->get(sha256("key"))->id, bob.id);
}

TEST_P(AuthCacheConformance, AnEntryExpiresHoweverOftenItIsRead) {
    if (GetParam().on_redis) {
        create(1s);
        put("key", new_user("ann@example.com"));
        EXPECT_TRUE(test::eventually([&] { return !cache_->get(sha256("key")); }));
        return;
    }
    put("key", new_user("ann@example.com"));
    clock_.advance(59min);
    EXPECT_TRUE(cache_->get(sha256("key")));
    clock_.advance(1min);
    EXPECT_FALSE(cache_->get(sha256("key")));
}

TEST_P(AuthCacheConformance, EvictsAllKeysOfOneUserOnly) {
    const User ann = new_user("ann@example.com");
    for (int i = 0; i < 100; ++i) put("ann" + std::to_string(i), ann);
    put("bob", new_user("bob@example.com"));
    cache_->evict(ann.id);
    for (int i = 0; i < 100; ++i) EXPECT_FALSE(cache_->get(sha256("ann" + std::to_string(i)))) << i;
    EXPECT_TRUE(cache_->get(sha256("bob")));
}

TEST_P(AuthCacheConformance, EvictsAllUsers) {
    put("ann", new_user("ann@example.com"));
    put("bob", new_user("bob@example.com"));
    cache_->evict(std::nullopt);
    EXPECT_FALSE(cache_->get(sha256("ann")));
    EXPECT_FALSE(cache_->get(sha256("bob")));
}

TEST_P(AuthCacheConformance, ALookupInProgressDuringAnEvictionIsNotCached) {
    const User ann = new_user("ann@example.com");
    const auto before = cache_->generation();
    cache_->evict(ann.id);
    cache_->put(sha256("key"), ann, before);
    EXPECT_FALSE(cache_->get(sha256("key")));
    cache_->put(sha256("key"), ann, cache_->generation());
    EXPECT_TRUE(cache_->get(sha256("key")));
}

// Lookups race with disabling the user: nothing they read before may be cached afterwards.
TEST_P(AuthCacheConformance, NoRaceKeepsADisabledUserCached) {
    const User ann = new_user("ann@example.com");
    for (int round = 0; round < 200; ++round) {
        std::atomic<bool> active{true};
        std::vector<std::thread> lookups;
        for (int t = 0; t < 3; ++t) {
            lookups.emplace_back([&, t] {
                const auto generation = cache_->generation();
                if (active.load()) cache_->put(sha256(std::to_string(t)), ann, generation);
            });
        }
        active = false;
        cache_->evict(ann.id);
        for (std::thread& t : lookups) t.join();
        for (int t = 0; t < 3; ++t) ASSERT_FALSE(cache_->get(sha256(std::to_string(t))));
    }
}

std::unique_ptr<access::AuthCache> in_process(const Clock& clock, Duration ttl, const redis::TestKeys*) {
    return access::create_in_process_auth_cache(clock, {.ttl = ttl});
}

std::unique_ptr<access::AuthCache> on_redis(const Clock&, Duration ttl, const redis::TestKeys* keys) {
    access::RedisAuthCacheOptions options;
    options.url = keys->url();
    options.prefix = keys->prefix();
    options.command_timeout = 10s;
    options.ttl = ttl;
    return access::create_redis_auth_cache(options);
}

INSTANTIATE_TEST_SUITE_P(Caches, AuthCacheConformance,
                         testing::Values(Maker{"in_process", false, in_process},
                                         Maker{"redis", true, on_redis}),
                         [](const auto& test) { return test.param.name; });

}  // namespace
}  // namespace pricewire::conformance::auth_cache
