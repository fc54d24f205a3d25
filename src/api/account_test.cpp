// Changes to a user's account: the key, the webhook secret, deletion.
#include "api/delivery_fixture.hpp"
#include "fakes/log_capture.hpp"

namespace pricewire::api {
namespace {

class AccountTest : public DeliveryFixture {
protected:
    static constexpr const char* secret_path = "/api/v1/users/me/webhook-secret";
    WebhookSecrets stored(const Account& account) {
        return *storage_.webhook_secrets(*Uuid::parse(account.id));
    }
};

TEST_F(AccountTest, AReplacedKeyStopsWorkingAtOnce) {
    ASSERT_EQ(call_as(ann_, "GET", "/api/v1/users/me").status, 200);
    for (const char* path : {"/api/v1/users/me/api-key", "/api/v1/users/me/api-key/"}) {
        const Answer answer = call_as(ann_, "POST", path);
        ASSERT_EQ(answer.status, 200) << answer.body;
        const Account renewed{ann_.id, member(answer.body, "api_key")};
        EXPECT_EQ(answer.body, R"({"api_key":")" + renewed.api_key + "\"}");
        EXPECT_EQ(renewed.api_key.size(), 8u + 43u);
        EXPECT_NE(renewed.api_key, ann_.api_key);
        expect_error(call_as(ann_, "GET", "/api/v1/users/me"), 401, "Invalid or inactive API Key");
        EXPECT_EQ(call_as(renewed, "GET", "/api/v1/users/me").status, 200);
        ann_ = renewed;
    }
    EXPECT_EQ(call_as(bob_, "GET", "/api/v1/users/me").status, 200);
}

TEST_F(AccountTest, TheOldKeyIsEvictedWithoutTheStoragesEvent) {
    fakes::TestStorage silent;
    ApiDependencies use{silent, *bus_, *auth_cache_, *rate_limits_, clock_, secrets_, *notices_};
    use.make_webhook_secret = [](SignatureScheme) { return NewWebhookSecret{v1_secret, v1_secret}; };
    api_ = create_api(std::move(use), options_);
    Account eve = register_user("eve@example.com");
    ASSERT_EQ(call_as(eve, "GET", "/api/v1/users/me").status, 200);
    const std::string key = member(call_as(eve, "POST", "/api/v1/users/me/api-key").body, "api_key");
    expect_error(call_as(eve, "GET", "/api/v1/users/me"), 401, "Invalid or inactive API Key");
    eve.api_key = key;
    ASSERT_EQ(call_as(eve, "GET", "/api/v1/users/me").status, 200);
    ASSERT_EQ(call_as(eve, "DELETE", "/api/v1/users/me").status, 204);
    expect_error(call_as(eve, "GET", "/api/v1/users/me"), 401, "Invalid or inactive API Key");
    api_ = nullptr;  // destroyed before the storage that it uses
}

TEST_F(AccountTest, AConcurrentLookupDoesNotCacheTheOldKey) {
    const Account eve = register_user("eve@example.com");
    change_during_lookup(eve,
                         [&] { ASSERT_EQ(call_as(eve, "POST", "/api/v1/users/me/api-key").status, 200); });
    expect_error(call_as(eve, "GET", "/api/v1/users/me"), 401, "Invalid or inactive API Key");
}

TEST_F(AccountTest, ADeletedUserCanRegisterAgain) {
    const std::string alert = create(ann_);
    const std::string id = fire(create(ann_, "2"), "70001");
    const Answer answer = call_as(ann_, "DELETE", "/api/v1/users/me/");
    EXPECT_EQ(answer.status, 204);
    EXPECT_EQ(answer.body, "");
    for (const char* path : {"/api/v1/users/me", "/api/v1/alerts", "/api/v1/rates"}) {
        expect_error(call_as(ann_, "GET", path), 401, "Invalid or inactive API Key");
    }
    expect_error(call_as(ann_, "DELETE", "/api/v1/users/me"), 401, "Invalid or inactive API Key");
    EXPECT_EQ(storage_.count(DeliveryState::cancelled), 1u);
    const Account again = register_user("ann@example.com");
    EXPECT_NE(again.id, ann_.id);
    EXPECT_EQ(call_as(again, "GET", "/api/v1/alerts").body, "[]");
    EXPECT_EQ(call_as(again, "GET", "/api/v1/deliveries").body, "[]");
    EXPECT_EQ(call_as(again, "GET", "/api/v1/alerts/" + alert).status, 404);
    EXPECT_EQ(call_as(again, "GET", "/api/v1/deliveries/" + id).status, 404);
    EXPECT_EQ(call_as(bob_, "GET", "/api/v1/users/me").status, 200);
}

TEST_F(AccountTest, RegistrationChoosesTheScheme) {
    const auto post = [&](const std::string& email, const std::string& signature) {
        return call("POST", "/api/v1/users/register",
                    R"({"email":")" + email + R"(","signature":)" + signature + "}");
    };
    EXPECT_TRUE(post("c@example.com", R"("v1")").body.ends_with(R"(,"webhook_secret":"whsec_c2VjcmV0"})"));
    EXPECT_TRUE(post("d@example.com", "null").body.ends_with(R"(,"webhook_secret":"whsec_c2VjcmV0"})"));
    const Answer v1a = post("e@example.com", R"("v1a")");
    EXPECT_TRUE(
        v1a.body.ends_with(R"(,"webhook_public_key":"whpk_1SiA4o9hyqTCpIqC5V9HUakiiaeACeqfZTInDBbOir4="})"))
        << v1a.body;
    EXPECT_FALSE(v1a.has("webhook_secret"));
    EXPECT_EQ(stored({member(v1a.body, "id"), ""}).current,
              "sealed:" + member(v1a.body, "id") + ":" + v1a_secret);
    expect_invalid(post("f@example.com", R"("v2")"), R"("body","signature")", "enum");
    expect_invalid(post("f@example.com", "7"), R"("body","signature")", "string_type");
}

TEST_F(AccountTest, ARotationShowsTheNewSecretAndKeepsTheOldOneForADay) {
    const std::string old = stored(ann_).current;
    const Answer answer = call_as(ann_, "POST", secret_path);
    EXPECT_EQ(answer.status, 200);
    EXPECT_EQ(answer.body, R"({"scheme":"v1","webhook_secret":"whsec_c2VjcmV0",)"
                           R"("previous_valid_until":"2023-11-15T22:13:20Z"})");
    const WebhookSecrets now = stored(ann_);
    EXPECT_EQ(now.current, "sealed:" + ann_.id + ":" + v1_secret);
    EXPECT_EQ(now.previous, old);
    EXPECT_EQ(now.previous_until, clock_.now() + 24h);
    EXPECT_FALSE(stored(bob_).previous_until);
}

TEST_F(AccountTest, ARotationChangesTheSchemeOnlyWhenAsked) {
    const Answer to_v1a = call_as(ann_, "POST", std::string(secret_path) + "/", R"({"scheme":"v1a"})");
    EXPECT_EQ(to_v1a.body,
              R"({"scheme":"v1a","webhook_public_key":"whpk_1SiA4o9hyqTCpIqC5V9HUakiiaeACeqfZTInDBbOir4=",)"
              R"("previous_valid_until":"2023-11-15T22:13:20Z"})");
    EXPECT_EQ(stored(ann_).current, "sealed:" + ann_.id + ":" + v1a_secret);
    for (const char* body : {"", "{}", R"({"scheme":null})"}) {
        EXPECT_TRUE(call_as(ann_, "POST", secret_path, body).has(R"({"scheme":"v1a","webhook_public_key")"));
    }
    EXPECT_TRUE(call_as(ann_, "POST", secret_path, R"({"scheme":"v1"})").has(R"("webhook_secret")"));
    expect_invalid(call_as(ann_, "POST", secret_path, R"({"scheme":"v3"})"), R"("body","scheme")", "enum");
    expect_invalid(call_as(ann_, "POST", secret_path, R"({"scheme":1})"), R"("body","scheme")",
                   "string_type");
    expect_invalid(call_as(ann_, "POST", secret_path, "7"), R"("body")", "model_attributes_type");
}

TEST_F(AccountTest, ShowsTheSchemeAndPublicKeyWithoutTheSecret) {
    EXPECT_EQ(call_as(ann_, "GET", secret_path).body, R"({"scheme":"v1","previous_valid_until":null})");
    call_as(ann_, "POST", secret_path, R"({"scheme":"v1a"})");
    EXPECT_EQ(
        call_as(ann_, "GET", secret_path).body,
        R"({"scheme":"v1a","webhook_public_key":"whpk_1SiA4o9hyqTCpIqC5V9HUakiiaeACeqfZTInDBbOir4=","previous_valid_until":"2023-11-15T22:13:20Z"})");
    clock_.advance(24h);
    EXPECT_TRUE(call_as(ann_, "GET", std::string(secret_path) + "/").has(R"("previous_valid_until":null)"));
}

TEST_F(AccountTest, AnUnreadableSecretCanBeReplaced) {
    ASSERT_TRUE(storage_.rotate_webhook_secret(*Uuid::parse(ann_.id), "sealed:another:text", clock_.now()));
    fakes::LogCapture log;
    expect_error(call_as(ann_, "GET", secret_path), 500, "Internal Server Error");
    EXPECT_EQ(log.count("a webhook secret cannot be read: sealed for another user"), 1u);
    const Answer unnamed = call_as(ann_, "POST", secret_path);
    EXPECT_EQ(unnamed.status, 409);
    EXPECT_TRUE(unnamed.has(R"(name one in \"scheme\")")) << unnamed.body;
    EXPECT_EQ(call_as(ann_, "POST", secret_path, R"({"scheme":"v1"})").status, 200);
    EXPECT_EQ(call_as(ann_, "GET", secret_path).status, 200);
}

TEST_F(AccountTest, SecretsAppearInNoOtherResponseAndNoLog) {
    fakes::LogCapture log(log::Level::debug);
    Account eve = register_user("eve@example.com");
    const std::string alert = create(eve);
    const std::string id = fire(alert, "70001");
    end(id, DeliveryState::failed);
    std::vector<std::string> bodies;
    const auto ask = [&](const char* method, const std::string& path, std::string body = {}) {
        const Answer answer = call_as(eve, method, "/api/v1/" + path, std::move(body));
        EXPECT_LT(answer.status, 500) << path << answer.body;
        bodies.push_back(answer.body);
        for (const auto& [name, value] : answer.response.headers) bodies.push_back(value);
    };
    ask("GET", "users/me");
    ask("GET", "users/me/webhook-secret");
    ask("GET", "alerts");
    ask("GET", "alerts/" + alert);
    ask("GET", "alerts/" + alert + "/deliveries");
    ask("POST", "alerts/" + alert + "/test");
    ask("GET", "deliveries");
    ask("GET", "deliveries/" + id);
    ask("POST", "deliveries/" + id + "/retry");
    ask("POST", "deliveries/" + id + "/cancel");
    ask("POST", "deliveries/recover", R"({"since":"2023-01-01T00:00:00Z"})");
    ask("GET", "endpoints");
    ask("POST", "endpoints/enable", R"({"webhook_url":"https://h.example.com"})");
    const Answer v1a = call_as(eve, "POST", secret_path, R"({"scheme":"v1a"})");
    bodies.push_back(v1a.body);
    ask("GET", "users/me/webhook-secret");
    const std::string old_key = eve.api_key;
    eve.api_key = member(call_as(eve, "POST", "/api/v1/users/me/api-key").body, "api_key");
    ask("GET", "users/me");
    for (const std::string& secret :
         {old_key, eve.api_key, std::string(v1_secret), std::string(v1a_secret), std::string("sealed:")}) {
        for (const std::string& body : bodies) EXPECT_EQ(body.find(secret), std::string::npos) << body;
        EXPECT_EQ(log.count(secret), 0u);
    }
    EXPECT_EQ(log.count("key=1"), 0u) << "a URL may contain a secret too";
}

}  // namespace
}  // namespace pricewire::api
