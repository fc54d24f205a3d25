// Every POST that creates something takes an Idempotency-Key.
#include <boost/json.hpp>
#include <map>
#include <set>
#include <utility>

#include "api/api_fixture.hpp"
#include "api/embedded.hpp"

namespace pricewire::api {
namespace {

// The POSTs that take none, and why.
const std::map<std::string, std::string> posts_without_key{
    {"/api/v1/users/register", "keys belong to users; one that is repeated finds its address taken"},
    {"/api/v1/users/me/api-key",
     "its answer is a secret, which is not stored; the new key replaces the old one"},
    {"/api/v1/users/me/webhook-secret", "the same"},
    {"/api/v1/alerts/preview", "creates nothing"},
    {"/api/v1/deliveries/recover", "creates nothing: deliveries that are pending again are passed over"},
    {"/api/v1/deliveries/{id}/retry", "creates nothing: a delivery that is pending again is refused"},
    {"/api/v1/deliveries/{id}/cancel", "creates nothing"},
    {"/api/v1/endpoints/enable", "creates nothing"},
    {"/api/v1/catcher", "a user has one address: who asks again gets the same"},
    {"/try/{token}", "not called by users: a receiver for what is sent to it"},
};

std::set<std::string> documented_posts(bool with_key) {
    const boost::json::value document = boost::json::parse(embedded_openapi_json());
    std::set<std::string> out;
    for (const auto& [path, item] : document.at("paths").as_object()) {
        const boost::json::value* const post = item.as_object().if_contains("post");
        if (post == nullptr) continue;
        bool takes_key = false;
        if (const boost::json::value* const parameters = post->as_object().if_contains("parameters")) {
            for (const boost::json::value& parameter : parameters->as_array()) {
                const boost::json::value* const target = parameter.as_object().if_contains("$ref");
                takes_key |= target != nullptr && *target == "#/components/parameters/Idempotency-Key";
            }
        }
        if (takes_key == with_key) out.emplace(path);
    }
    return out;
}

TEST(IdempotencyDocument, EveryPostTakesAKeyOrHasAReasonNotTo) {
    std::set<std::string> excused;
    for (const auto& [path, reason] : posts_without_key) excused.insert(path);
    EXPECT_EQ(documented_posts(false), excused);
}

class IdempotencyTest : public ApiTest {
protected:
    Answer post(const std::string& path, const std::string& body, const std::string& key) {
        return call("POST", path, body, {{"x-api-key", ann_.api_key}, {"idempotency-key", key}});
    }
    // A new one's id.
    std::string made(const std::string& path, const std::string& body) {
        const Answer answer = call_as(ann_, "POST", path, body);
        EXPECT_EQ(answer.status, 201) << answer.body;
        return member(answer.body, "id");
    }
    static std::string device(const std::string& path) {
        return R"({"endpoint":"https://push.example.com/)" + path +
               R"(","keys":{"p256dh":"BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8)"
               R"(pZGH6SRpkNtoIAiw4","auth":"BTBZMqHH6r4Tts7J_aSIgg"}})";
    }

    Account ann_ = register_user("ann@example.com");
};

TEST_F(IdempotencyTest, EveryRouteThatTakesAKeyCreatesOnceForIt) {
    const std::string alert = made("/api/v1/alerts", alert_body("1"));
    const std::string phone = made("/api/v1/push/subscriptions", device("1"));
    struct Creation {
        std::string path, body;
        int status;
    };
    const std::map<std::string, Creation> creations{
        {"/api/v1/alerts", {"/api/v1/alerts", alert_body("2"), 201}},
        {"/api/v1/alerts/bulk", {"/api/v1/alerts/bulk", "[" + alert_body("3") + "]", 200}},
        {"/api/v1/alerts/{id}/test", {"/api/v1/alerts/" + alert + "/test", "", 202}},
        {"/api/v1/endpoints/test",
         {"/api/v1/endpoints/test", R"({"webhook_url":"https://hooks.example.com/b"})", 202}},
        {"/api/v1/push/subscriptions", {"/api/v1/push/subscriptions", device("2"), 201}},
        {"/api/v1/push/subscriptions/{id}/test", {"/api/v1/push/subscriptions/" + phone + "/test", "", 202}},
    };
    std::set<std::string> tried;
    for (const auto& [route, creation] : creations) {
        SCOPED_TRACE(route);
        tried.insert(route);
        const Answer first = post(creation.path, creation.body, route);
        EXPECT_EQ(first.status, creation.status) << first.body;
        EXPECT_EQ(first.header("Idempotent-Replayed"), "");
        EXPECT_FALSE(ids(first).empty()) << first.body;
        const Answer again = post(creation.path, creation.body, route);
        EXPECT_EQ(again.status, first.status);
        EXPECT_EQ(again.body, first.body);
        EXPECT_EQ(again.header("Location"), first.header("Location"));
        EXPECT_EQ(again.header("Idempotent-Replayed"), "true");
        expect_invalid(post("/api/v1/alerts", alert_body("9"), route), R"("header","Idempotency-Key")",
                       "idempotency_key");
    }
    EXPECT_EQ(tried, documented_posts(true));
}

}  // namespace
}  // namespace pricewire::api
