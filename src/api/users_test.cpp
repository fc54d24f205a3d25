#include <set>

#include "api/accounts.hpp"
#include "api/api_fixture.hpp"

namespace pricewire::api {
namespace {

class UsersTest : public ApiTest {};

TEST_F(UsersTest, RegistrationReturnsBothSecretsAndStoresOnlyAHashOfTheKey) {
    const Answer answer = call("POST", "/api/v1/users/register", R"({"email":"ann@example.com"})");
    ASSERT_EQ(answer.status, 201) << answer.body;
    const std::string key = member(answer.body, "api_key");
    EXPECT_EQ(key.size(), 8u + 43u);
    EXPECT_TRUE(key.starts_with("sk_live_"));
    EXPECT_EQ(key.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_"),
              std::string::npos);
    EXPECT_EQ(answer.body,
              R"({"id":")" + member(answer.body, "id") +
                  R"(","email":"ann@example.com","is_active":true,"created_at":"2023-11-14T22:13:20Z",)" +
                  R"("api_key":")" + key + R"(","webhook_secret":"whsec_c2VjcmV0"})");
    const auto stored = storage_.user_by_key_hash(sha256(key));
    ASSERT_TRUE(stored);
    EXPECT_EQ(stored->id.to_string(), member(answer.body, "id"));
}

TEST_F(UsersTest, KeysDiffer) {
    std::set<std::string> keys;
    for (int i = 0; i < 50; ++i) keys.insert(register_user("u" + std::to_string(i) + "@example.com").api_key);
    EXPECT_EQ(keys.size(), 50u);
}

TEST_F(UsersTest, ARegisteredAddressIs400IgnoringCase) {
    register_user("ann@example.com");
    expect_error(call("POST", "/api/v1/users/register", R"({"email":"ann@example.com"})"), 400,
                 "Email already registered");
    expect_error(call("POST", "/api/v1/users/register", R"({"email":"Ann@Example.com"})"), 400,
                 "Email already registered");
}

TEST_F(UsersTest, OneMailboxIsOneUserInEverySpelling) {
    const auto post = [&](const std::string& email) {
        return call("POST", "/api/v1/users/register", R"({"email":")" + email + "\"}");
    };
    EXPECT_EQ(member(post("ann@b\xc3\xbc"
                          "cher.example")
                         .body,
                     "email"),
              "ann@xn--bcher-kva.example");
    for (const char* again : {"ann@B\xc3\x9c"
                              "CHER.example",
                              "ann@bu\xcc\x88"
                              "cher.example",
                              "Ann@XN--BCHER-KVA.example"}) {
        expect_error(post(again), 400, "Email already registered");
    }
    // As an earlier version stored it.
    NewUser old;
    old.user = {make_uuid(clock_.now()),
                "bob@b\xc3\xbc"
                "cher.example",
                true, clock_.now()};
    old.api_key_hash = sha256("bob");
    ASSERT_TRUE(storage_.create_user(old));
    expect_error(post("bob@xn--bcher-kva.example"), 400, "Email already registered");
    EXPECT_EQ(find_user(storage_, "bob@xn--bcher-kva.example").value().id, old.user.id);
    expect_invalid(post("\xc3\xa9@example.com"), R"("body","email")", "value_error");
}

TEST_F(UsersTest, ClosedRegistrationIs403WhateverIsSent) {
    EXPECT_EQ(call("GET", "/api/v1/users/registration").body, R"({"registration":"open"})");
    register_user("ann@example.com");
    api_ = nullptr;
    options_.registration_open = false;
    options_.register_limit = {1, 10s};
    storage_.fail();
    for (const char* body : {R"({"email":"ann@example.com"})", R"({"email":"bob@example.com"})", "{}"}) {
        expect_error(call("POST", "/api/v1/users/register", body), 403,
                     "Registration is closed on this server. Whoever runs it can create an account for you.");
    }
    EXPECT_EQ(call("GET", "/api/v1/users/registration").body, R"({"registration":"closed"})");
    storage_.heal();
    EXPECT_EQ(storage_.users().size(), 1u);
}

TEST_F(UsersTest, ErrorsInARegistrationAreReported) {
    const auto post = [&](std::string body) {
        return call("POST", "/api/v1/users/register", std::move(body));
    };
    expect_invalid(post(""), R"("body")", "missing");
    expect_invalid(post("{"), R"("body")", "json_invalid");
    expect_invalid(post("[]"), R"("body")", "model_attributes_type");
    expect_invalid(post("{}"), R"("body","email")", "missing");
    expect_invalid(post(R"({"email":7})"), R"("body","email")", "string_type");
    expect_invalid(post(R"({"email":"ann"})"), R"("body","email")", "value_error");
    expect_invalid(post(R"({"email":"a@b.cc","email":"b@b.cc"})"), R"("body","email")", "duplicate");
    EXPECT_EQ(storage_.calls("create_user"), 0);
}

TEST_F(UsersTest, MeShowsTheUserWithoutSecrets) {
    const Account ann = register_user("ann@example.com");
    const std::string wanted =
        R"({"id":")" + ann.id +
        R"(","email":"ann@example.com","is_active":true,"created_at":"2023-11-14T22:13:20Z"})";
    for (const char* path : {"/api/v1/users/me", "/api/v1/users/me/"}) {
        const Answer answer = call_as(ann, "GET", path);
        EXPECT_EQ(answer.status, 200);
        EXPECT_EQ(answer.body, wanted);
    }
}

TEST_F(UsersTest, AMissingOrWrongKeyIs401) {
    const std::string unknown = "sk_live_" + std::string(43, 'x');
    for (const char* path : {"/api/v1/users/me", "/api/v1/rates/", "/api/v1/rates/BTC", "/api/v1/alerts/",
                             "/api/v1/alerts/018f3f6e-7c1a-7a3b-8f00-0123456789ab"}) {
        const Answer missing = call("GET", path);
        expect_error(missing, 401, "Missing API Key in headers");
        EXPECT_EQ(missing.header("WWW-Authenticate"), "ApiKey");
        expect_error(call("GET", path, {}, {{"x-api-key", ""}}), 401, "Missing API Key in headers");
        expect_error(call("GET", path, {}, {{"x-api-key", "nonsense"}}), 401, "Invalid or inactive API Key");
        expect_error(call("GET", path, {}, {{"x-api-key", unknown}}), 401, "Invalid or inactive API Key");
    }
    EXPECT_EQ(storage_.calls("user_by_key_hash"), 5) << "a key of another form is not looked up";
}

TEST_F(UsersTest, EveryRouteOfAUserRequiresAKey) {
    std::vector<std::pair<const char*, const char*>> routes(std::begin(user_routes), std::end(user_routes));
    routes.insert(routes.end(), {{"DELETE", "/api/v1/users/me"}, {"POST", "/api/v1/users/me/api-key"}});
    const std::string unknown = "sk_live_" + std::string(43, 'x');
    for (const auto& [method, path] : routes) {
        expect_error(call(method, path), 401, "Missing API Key in headers");
        expect_error(call(method, path, {}, {{"x-api-key", unknown}}), 401, "Invalid or inactive API Key");
        clock_.advance(2s);  // 30 invalid keys a minute are looked up
    }
}

TEST_F(UsersTest, AKnownKeyIsLookedUpOnce) {
    const Account ann = register_user("ann@example.com");
    for (int i = 0; i < 5; ++i) EXPECT_EQ(call_as(ann, "GET", "/api/v1/users/me").status, 200);
    EXPECT_EQ(storage_.calls("user_by_key_hash"), 1);
    clock_.advance(1h);
    EXPECT_EQ(call_as(ann, "GET", "/api/v1/users/me").status, 200);
    EXPECT_EQ(storage_.calls("user_by_key_hash"), 2);
}

TEST_F(UsersTest, ADisabledUserIsRejectedFromTheNextRequestOn) {
    const Account ann = register_user("ann@example.com");
    ASSERT_EQ(call_as(ann, "GET", "/api/v1/users/me").status, 200);
    ASSERT_TRUE(storage_.set_user_active(*Uuid::parse(ann.id), false));
    expect_error(call_as(ann, "GET", "/api/v1/users/me"), 401, "Invalid or inactive API Key");
    expect_error(call_as(ann, "GET", "/api/v1/rates/"), 401, "Invalid or inactive API Key");
    ASSERT_TRUE(storage_.set_user_active(*Uuid::parse(ann.id), true));
    EXPECT_EQ(call_as(ann, "GET", "/api/v1/users/me").status, 200);
}

TEST_F(UsersTest, AConcurrentLookupDoesNotCacheADisabledUser) {
    const Account ann = register_user("ann@example.com");
    change_during_lookup(ann, [&] { ASSERT_TRUE(storage_.set_user_active(*Uuid::parse(ann.id), false)); });
    expect_error(call_as(ann, "GET", "/api/v1/users/me"), 401, "Invalid or inactive API Key");
}

TEST_F(UsersTest, DuringADatabaseOutageKnownKeysStillGetRates) {
    const Account ann = register_user("ann@example.com");
    publish("BTC", "65420.15");
    ASSERT_EQ(call_as(ann, "GET", "/api/v1/rates/").status, 200);
    storage_.fail();
    const std::string text =
        "The database cannot be reached right now. Nothing was changed; try again shortly.";
    const Answer answer = call("POST", "/api/v1/users/register", R"({"email":"bob@example.com"})");
    expect_error(answer, 503, text);
    EXPECT_EQ(answer.header("Retry-After"), "1");
    expect_error(call_as(ann, "GET", "/api/v1/alerts/"), 503, text);
    expect_error(call("GET", "/api/v1/rates/", {}, {{"x-api-key", "sk_live_" + std::string(43, 'x')}}), 503,
                 text);
    EXPECT_EQ(call_as(ann, "GET", "/api/v1/rates/").status, 200);
    storage_.heal();
    EXPECT_EQ(call_as(ann, "GET", "/api/v1/alerts/").status, 200);
}

}  // namespace
}  // namespace pricewire::api
