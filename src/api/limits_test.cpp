#include "api/api_fixture.hpp"
#include "fakes/log_capture.hpp"

namespace pricewire::api {
namespace {

class LimitsTest : public ApiTest {
protected:
    LimitsTest() {
        options_.register_limit = {2, 10s};
        options_.user_limit = {5, 10s};
        options_.rates_limit = {5, 10s};
        publish("BTC", "1");
    }
    Answer register_from(const std::string& peer, net::Headers headers = {}) {
        return call("POST", "/api/v1/users/register", "{}", std::move(headers), peer);
    }
};

TEST_F(LimitsTest, UserRoutesAreLimitedSeparately) {
    const Account ann = register_user("ann@example.com");
    for (int left = 4; left >= 0; --left) {
        const Answer answer = call_as(ann, "GET", "/api/v1/users/me");
        ASSERT_EQ(answer.status, 200);
        EXPECT_EQ(answer.header("RateLimit-Limit"), "5");
        EXPECT_EQ(answer.header("RateLimit-Remaining"), std::to_string(left));
        EXPECT_EQ(answer.header("RateLimit-Reset"), std::to_string(2 * (5 - left)));
        EXPECT_EQ(answer.header("Retry-After"), "");
    }
    const Answer refused = call_as(ann, "GET", "/api/v1/users/me");
    expect_error(refused, 429, "Rate limit exceeded: 5 requests per 10s. Try again in 2 s.");
    EXPECT_EQ(refused.header("Retry-After"), "2");
    EXPECT_EQ(refused.header("RateLimit-Limit"), "5");
    EXPECT_EQ(refused.header("RateLimit-Remaining"), "0");
    EXPECT_EQ(refused.header("RateLimit-Reset"), "10");
    EXPECT_EQ(call_as(ann, "GET", "/api/v1/alerts/").status, 200);
    EXPECT_EQ(call_as(ann, "POST", "/api/v1/alerts/", "{}").status, 422);
    clock_.advance(2s);
    EXPECT_EQ(call_as(ann, "GET", "/api/v1/users/me").status, 200);
    EXPECT_EQ(call_as(ann, "GET", "/api/v1/users/me").status, 429);
}

TEST_F(LimitsTest, EveryRouteOfAUserHasItsOwnBucket) {
    options_.user_limit = {1, 10s};
    options_.preview_limit = {1, 10s};
    const Account ann = register_user("ann@example.com");
    for (const auto& [method, path] : user_routes) {
        // A catcher is opened without a body.
        const bool has_body =
            std::string_view(method) == "POST" && std::string_view(path) != "/api/v1/catcher";
        const Answer answer = call_as(ann, method, path, has_body ? "x" : "");
        EXPECT_NE(answer.status, 429) << method << path;
        EXPECT_EQ(answer.header("RateLimit-Limit"), "1") << method << path;
        EXPECT_EQ(answer.header("RateLimit-Remaining"), "0") << method << path;
    }
    for (const auto& [method, path] : user_routes) {
        EXPECT_EQ(call_as(ann, method, path).status, 429) << method << path;
    }
    EXPECT_EQ(call_as(ann, "DELETE", "/api/v1/users/me").status, 204);
    Account bob = register_user("bob@example.com");
    bob.api_key = member(call_as(bob, "POST", "/api/v1/users/me/api-key").body, "api_key");
    EXPECT_EQ(call_as(bob, "POST", "/api/v1/users/me/api-key").status, 429);
    EXPECT_EQ(storage_.calls("replace_api_key"), 1);
    storage_.fail();
    EXPECT_EQ(call_as(bob, "DELETE", "/api/v1/users/me").status, 503);
    storage_.heal();
    EXPECT_EQ(call_as(bob, "DELETE", "/api/v1/users/me").status, 429);
}

TEST_F(LimitsTest, UsersBehindOneAddressAreLimitedSeparately) {
    const Account ann = register_user("ann@example.com");
    const Account bob = register_user("bob@example.com");
    for (int i = 0; i < 5; ++i) call_as(ann, "GET", "/api/v1/users/me");
    EXPECT_EQ(call_as(ann, "GET", "/api/v1/users/me").status, 429);
    EXPECT_EQ(call_as(bob, "GET", "/api/v1/users/me").status, 200);
}

TEST_F(LimitsTest, RatesAreLimitedByAddressTogether) {
    const Account ann = register_user("ann@example.com");
    const Account bob = register_user("bob@example.com");
    for (int i = 0; i < 3; ++i) EXPECT_EQ(call_as(ann, "GET", "/api/v1/rates/").status, 200);
    for (int i = 0; i < 2; ++i) EXPECT_EQ(call_as(bob, "GET", "/api/v1/rates/BTC").status, 200);
    EXPECT_EQ(call_as(bob, "GET", "/api/v1/rates/").status, 429);
    EXPECT_EQ(call_as(bob, "GET", "/api/v1/rates/BTC").status, 429);
    EXPECT_EQ(call("GET", "/api/v1/rates/", {}, {{"x-api-key", bob.api_key}}, "192.0.2.2").status, 200);
}

TEST_F(LimitsTest, WhatIsSentToACatcherIsLimitedByAddress) {
    const std::string path = "/try/" + std::string(22, 'x');
    for (int i = 0; i < 5; ++i) EXPECT_NE(call("POST", path, "{}").status, 429);
    EXPECT_EQ(call("POST", path, "{}").status, 429);
    EXPECT_NE(call("POST", path, "{}", {}, "192.0.2.2").status, 429);
}

TEST_F(LimitsTest, HistoryHasItsOwnLimitByUser) {
    options_.history_limit = {2, 10s};
    const Account ann = register_user("ann@example.com");
    const Account bob = register_user("bob@example.com");
    EXPECT_EQ(call_as(ann, "GET", "/api/v1/rates/BTC/history").header("RateLimit-Limit"), "2");
    EXPECT_EQ(call_as(ann, "GET", "/api/v1/rates/ETH/history").status, 200);
    EXPECT_EQ(call_as(ann, "GET", "/api/v1/rates/DOGE/history").status, 429) << "all tickers share the limit";
    EXPECT_EQ(call_as(bob, "GET", "/api/v1/rates/BTC/history").status, 200);
    EXPECT_EQ(call_as(ann, "GET", "/api/v1/rates/BTC").status, 200);
    for (int i = 0; i < 2; ++i) EXPECT_EQ(call_as(ann, "GET", "/api/v1/rates/changes").status, 200);
    EXPECT_EQ(call_as(ann, "GET", "/api/v1/rates/changes").status, 429) << "as many again";
}

TEST_F(LimitsTest, InventedKeysAreLimitedBeforeTheLookup) {
    const std::string key = "sk_live_" + std::string(43, 'x');
    for (int i = 0; i < 5; ++i)
        EXPECT_EQ(call("GET", "/api/v1/rates/", {}, {{"x-api-key", key}}).status, 401);
    EXPECT_EQ(call("GET", "/api/v1/rates/", {}, {{"x-api-key", key}}).status, 429);
    EXPECT_EQ(storage_.calls("user_by_key_hash"), 5);
    EXPECT_EQ(call("GET", "/api/v1/rates/").status, 401) << "requests without a key do not count";
}

std::string invented_key(int number) {
    std::string key = "sk_live_" + std::string(43, 'x');
    const std::string digits = std::to_string(number);
    return key.replace(key.size() - digits.size(), digits.size(), digits);
}

TEST_F(LimitsTest, GuessingKeysIsLimitedByAddressBeforeTheLookup) {
    options_.failed_keys_limit = {10, 60s};
    const Account ann = register_user("ann@example.com");
    const Account bob = register_user("bob@example.com");
    EXPECT_EQ(call_as(ann, "GET", "/api/v1/users/me").status, 200);
    const int before = storage_.calls("user_by_key_hash");
    const auto guess = [&](int i, std::string peer = "192.0.2.1") {
        return call("GET", "/api/v1/users/me", {}, {{"x-api-key", invented_key(i)}}, std::move(peer));
    };
    for (int i = 0; i < 10; ++i) expect_error(guess(i), 401, "Invalid or inactive API Key");
    const Answer refused = guess(10);
    expect_error(refused, 429, "Rate limit exceeded: 10 invalid API keys per 1m. Try again in 6 s.");
    EXPECT_EQ(refused.header("Retry-After"), "6");
    EXPECT_EQ(refused.header("RateLimit-Remaining"), "0");
    for (int i = 11; i < 100; ++i) EXPECT_EQ(guess(i).status, 429);
    EXPECT_EQ(storage_.calls("user_by_key_hash"), before + 10);
    EXPECT_EQ(call_as(ann, "GET", "/api/v1/users/me").status, 200) << "a known key behind the same address";
    api().on_user_changed(std::nullopt);
    EXPECT_EQ(call_as(ann, "GET", "/api/v1/users/me").status, 200) << "and once the cache has forgotten it";
    EXPECT_EQ(call_as(bob, "GET", "/api/v1/users/me").status, 429) << "one that was never looked up";
    EXPECT_EQ(guess(100, "192.0.2.2").status, 401) << "another address";
    EXPECT_EQ(call("GET", "/api/v1/users/me", {}, {{"x-api-key", "no key at all"}}).status, 401)
        << "costs no look-up";
    clock_.advance(6s);
    EXPECT_EQ(call_as(bob, "GET", "/api/v1/users/me").status, 200);
    EXPECT_EQ(guess(101).status, 401) << "bob's look-up cost nothing";
    EXPECT_EQ(guess(102).status, 429);
}

TEST_F(LimitsTest, AKeyThatHasStoppedWorkingIsOneMoreGuess) {
    options_.failed_keys_limit = {1, 60s};
    const Account ann = register_user("ann@example.com");
    EXPECT_EQ(call_as(ann, "GET", "/api/v1/users/me").status, 200);
    storage_.set_user_active(*Uuid::parse(ann.id), false);
    api().on_user_changed(*Uuid::parse(ann.id));
    EXPECT_EQ(call_as(ann, "GET", "/api/v1/users/me").status, 401);
    EXPECT_EQ(call_as(ann, "GET", "/api/v1/users/me").status, 429);
}

TEST_F(LimitsTest, GuessesThatWaitForAWorkerAreCountedToo) {
    options_.failed_keys_limit = {10, 60s};
    std::vector<Pending> pending;
    for (int i = 0; i < 200; ++i)
        pending.push_back(start("GET", "/api/v1/alerts", {}, {{"x-api-key", invented_key(i)}}));
    int refused = 0;
    for (Pending& p : pending) refused += wait(std::move(p)).status == 429;
    EXPECT_GE(refused, 200 - 10 - options_.workers);
    EXPECT_LE(storage_.calls("user_by_key_hash"), 10 + options_.workers);
}

TEST_F(LimitsTest, RegistrationIsLimitedByAddressIncludingFailures) {
    EXPECT_EQ(register_from("192.0.2.1").status, 422);
    EXPECT_EQ(register_from("192.0.2.1").header("RateLimit-Remaining"), "0");
    const Answer refused = register_from("192.0.2.1");
    expect_error(refused, 429, "Rate limit exceeded: 2 requests per 10s. Try again in 5 s.");
    EXPECT_EQ(refused.header("Retry-After"), "5");
    EXPECT_EQ(register_from("192.0.2.2").status, 422);
}

TEST_F(LimitsTest, Ipv6AddressesAreLimitedByNetwork) {
    EXPECT_EQ(register_from("2001:db8:1:2::1").status, 422);
    EXPECT_EQ(register_from("2001:db8:1:2:ffff::2").status, 422);
    EXPECT_EQ(register_from("2001:db8:1:2::3").status, 429);
    EXPECT_EQ(register_from("2001:db8:1:3::1").status, 422);
}

TEST_F(LimitsTest, AForwardedAddressCountsOnlyFromATrustedProxy) {
    options_.trusted_proxies = {*net::Network::parse("10.0.0.0/8")};
    for (int i = 0; i < 2; ++i)
        EXPECT_EQ(register_from("10.1.1.1", {{"x-forwarded-for", "198.51.100.7"}}).status, 422);
    EXPECT_EQ(register_from("10.1.1.1", {{"x-forwarded-for", "198.51.100.7"}}).status, 429);
    EXPECT_EQ(register_from("10.2.2.2", {{"x-forwarded-for", "198.51.100.7"}}).status, 429)
        << "another proxy";
    EXPECT_EQ(register_from("10.1.1.1", {{"x-forwarded-for", "198.51.100.8"}}).status, 422);
    for (int i = 0; i < 2; ++i) {
        EXPECT_EQ(register_from("192.0.2.9", {{"x-forwarded-for", "203.0.113." + std::to_string(i)}}).status,
                  422);
    }
    EXPECT_EQ(register_from("192.0.2.9", {{"x-forwarded-for", "203.0.113.9"}}).status, 429)
        << "a client cannot choose its address";
}

TEST_F(LimitsTest, AProxyThatIsNotTrustedIsNamedOnce) {
    fakes::LogCapture log;
    options_.trusted_proxies = {*net::Network::parse("10.0.0.0/8")};
    const auto ask = [&](const std::string& peer, const char* header) {
        call("GET", "/health/live", {}, {{header, "198.51.100.7"}}, peer);
    };
    ask("10.1.1.1", "x-forwarded-for");
    ask("192.0.2.1", "x-forwarded-for");  // anybody on the internet can write that
    ask("127.0.0.1", "x-real-ip");
    EXPECT_EQ(log.count("a proxy passes requests on and is not trusted"), 0U);
    ask("127.0.0.1", "x-forwarded-for");
    ask("192.168.1.1", "forwarded");
    EXPECT_EQ(log.count("a proxy passes requests on and is not trusted"), 1U);
}

TEST_F(LimitsTest, OpenRoutesAreNotLimited) {
    for (int i = 0; i < 30; ++i) EXPECT_EQ(call("GET", "/health/live").status, 200);
    EXPECT_EQ(call("GET", "/health/live").header("RateLimit-Limit"), "");
}

}  // namespace
}  // namespace pricewire::api
