// An alert's options: format, template, note, deliver_within, the URL's state.
#include <fstream>
#include <iterator>

#include "api/api_fixture.hpp"

namespace pricewire::api {
namespace {

class AlertOptionsTest : public ApiTest {
protected:
    // A valid alert with these additional fields.
    static std::string with(const std::string& fields, const std::string& target = "1",
                            const std::string& url = "https://hooks.example.com/a") {
        std::string json = alert_body(target, "BTC", "gt", url);
        json.insert(json.size() - 1, "," + fields);
        return json;
    }
    Answer create(std::string json) { return call_as(ann_, "POST", "/api/v1/alerts", std::move(json)); }
    void disable(const std::string& url) {
        const std::string id =
            member(call_as(ann_, "POST", "/api/v1/alerts", alert_body("9", "BTC", "gt", url)).body, "id");
        const DeliveryTask task{*Uuid::parse(fire(id, "10")), 1};
        ASSERT_EQ(storage_.claim({&task, 1}, clock_.now(), {"test", clock_.now() + 30s}).size(), 1u);
        DeliveryOutcome outcome{.delivery_id = task.delivery_id, .attempt_number = 1, .attempt = {}};
        outcome.next = DeliveryState::failed;
        outcome.reason = "410 Gone";
        outcome.ended_at = clock_.now();
        outcome.disable_endpoint = true;
        storage_.record({&outcome, 1});
    }

    Account ann_ = register_user("ann@example.com");
    Account bob_ = register_user("bob@example.com");
};

TEST_F(AlertOptionsTest, FollowTheOlderFields) {
    const Answer answer = create(with(R"("format":"slack","note":"Sell \"half\" é","deliver_within":"30m")"));
    ASSERT_EQ(answer.status, 201) << answer.body;
    EXPECT_TRUE(answer.body.ends_with(
        R"("triggered_at":null,"triggered_price":null,"format":"slack","note":"Sell \"half\" é","deliver_within":"30m"})"))
        << answer.body;
    EXPECT_EQ(call_as(ann_, "GET", answer.header("Location")).body, answer.body);
    EXPECT_EQ(call_as(ann_, "GET", "/api/v1/alerts").body, "[" + answer.body + "]");
}

TEST_F(AlertOptionsTest, NullCountsAsMissing) {
    const Answer answer = create(with(R"("format":null,"note":null,"template":null,"deliver_within":null)"));
    EXPECT_TRUE(answer.has(R"("format":"json","note":"","deliver_within":"24h"})")) << answer.body;
}

TEST_F(AlertOptionsTest, RecoverIsShownOnlyWhereItIsOff) {
    const Answer off = create(with(R"("recover":false)", "2"));
    EXPECT_TRUE(off.body.ends_with(R"("deliver_within":"24h","recover":false})")) << off.body;
    EXPECT_EQ(call_as(ann_, "GET", off.header("Location")).body, off.body);
    EXPECT_FALSE(create(with(R"("recover":true)", "3")).has("recover"));
    EXPECT_FALSE(create(with(R"("recover":null)", "4")).has("recover"));
    EXPECT_EQ(create(with(R"("recover":true)", "2")).status, 409) << "it differs in nothing else";
    const Answer wrong = create(with(R"("recover":"no")", "5"));
    EXPECT_EQ(wrong.status, 422);
    EXPECT_TRUE(
        wrong.has(R"({"loc":["body","recover"],"msg":"Input should be true or false","type":"bool_type"})"))
        << wrong.body;
}

TEST_F(AlertOptionsTest, ALateFiringSaysWhenItsLevelWasTouched) {
    const std::string id = member(create(with("\"note\":\"x\"")).body, "id");
    FiringGroup group{{"BTC", Decimal::from_int(7), clock_.now(), 1},
                      clock_.now(),
                      {{*Uuid::parse(id), make_uuid(clock_.now())}},
                      LateFiring{clock_.now() - 10min, clock_.now() - 9min, {"binance", "kraken"}}};
    ASSERT_EQ(storage_.fire(std::vector{group}).size(), 1U);
    const std::string late = R"("late":true,"occurred_between":[")" + format_rfc3339(clock_.now() - 10min) +
                             R"(",")" + format_rfc3339(clock_.now() - 9min) +
                             R"("],"sources":["binance","kraken"])";
    const Answer alert = call_as(ann_, "GET", "/api/v1/alerts/" + id);
    EXPECT_TRUE(alert.body.ends_with("," + late + "}")) << alert.body;
    const Answer delivery =
        call_as(ann_, "GET", "/api/v1/deliveries/" + group.firings[0].delivery_id.to_string());
    EXPECT_TRUE(delivery.has(late)) << delivery.body;
    EXPECT_TRUE(call_as(ann_, "GET", "/api/v1/deliveries").has(late));
}

TEST_F(AlertOptionsTest, AllFormatsAreAccepted) {
    int target = 1;
    for (const std::string format : {"json", "slack", "discord", "telegram"}) {
        const Answer answer = create(with(R"("format":")" + format + "\"", std::to_string(++target),
                                          "https://hooks.example.com/a?chat_id=1"));
        EXPECT_EQ(answer.status, 201) << answer.body;
        EXPECT_TRUE(answer.has(R"("format":")" + format + "\"")) << answer.body;
    }
    for (const char* bad : {R"("JSON")", R"("")", R"("custom")", "1", "{}", "[]", "true"}) {
        const Answer answer = create(with(R"("format":)" + std::string(bad)));
        const bool is_text = bad[0] == '"';
        expect_invalid(answer, R"("body","format")", is_text ? "enum" : "string_type");
    }
    EXPECT_TRUE(create(with(R"("format":"xml")"))
                    .has("Input should be 'json', 'slack', 'discord', 'telegram' or 'template'"));
}

TEST_F(AlertOptionsTest, ATemplateIsShownUnchanged) {
    const Answer answer = create(with(
        R"("format":"template","template":{"content_type":"text/plain","body":"{{ticker}} \"{{price}}\" é","more":[1]})"));
    ASSERT_EQ(answer.status, 201) << answer.body;
    EXPECT_TRUE(answer.body.ends_with(
        R"("format":"template","note":"","deliver_within":"24h",)"
        R"("template":{"body":"{{ticker}} \"{{price}}\" é","content_type":"text/plain"}})"))
        << answer.body;
    EXPECT_TRUE(create(with(R"("format":"template","template":{"body":"{}"})", "2"))
                    .has(R"("template":{"body":"{}","content_type":"application/json"}})"));
}

TEST_F(AlertOptionsTest, ErrorsInATemplateAreReported) {
    const auto post = [&](const std::string& value) {
        return create(with(R"("format":"template","template":)" + value));
    };
    expect_invalid(create(with(R"("format":"template")")), R"("body","template")", "missing");
    expect_invalid(create(with(R"("template":{"body":"{}"})")), R"("body","template")", "value_error");
    expect_invalid(create(with(R"("format":"slack","template":{"body":"{}"})")), R"("body","template")",
                   "value_error");
    expect_invalid(post("7"), R"("body","template")", "model_attributes_type");
    expect_invalid(post(R"(["body"])"), R"("body","template")", "model_attributes_type");
    expect_invalid(post("{}"), R"("body","template","body")", "missing");
    expect_invalid(post(R"({"body":7})"), R"("body","template","body")", "string_type");
    expect_invalid(post(R"({"body":{}})"), R"("body","template","body")", "string_type");
    expect_invalid(post(R"({"body":null})"), R"("body","template","body")", "string_type");
    expect_invalid(post(R"({"body":"{}","content_type":7})"), R"("body","template","content_type")",
                   "string_type");
    expect_invalid(post(R"({"body":"{}","body":"{}"})"), R"("body","template","body")", "duplicate");
    const std::string body = R"("body","template","body")";
    expect_invalid(post(R"({"body":""})"), body, "value_error");
    expect_invalid(post(R"({"body":"{{tickr}}"})"), body, "value_error");
    EXPECT_TRUE(post(R"({"body":"\"{{tickr}}\""})").has("tickr")) << "the name is reported";
    expect_invalid(post(R"({"body":"{\"note\": {{note}}}"})"), body, "value_error");
    expect_invalid(post(R"({"body":"no JSON"})"), body, "value_error");
    expect_invalid(post(R"({"body":")" + std::string(16 * 1024 + 1, '1') + "\"}"), body, "value_error");
    for (const char* type :
         {"", "text", "text/plain\\r\\nx: y", "image/png", "application/json; charset=latin1"}) {
        expect_invalid(post(R"({"body":"1","content_type":")" + std::string(type) + "\"}"),
                       R"("body","template","content_type")", "value_error");
    }
    EXPECT_EQ(storage_.calls("create_each"), 0);
}

TEST_F(AlertOptionsTest, UrlsAreCanonicalized) {
    const std::pair<const char*, const char*> cases[] = {
        {"HTTPS://Hooks.Example.COM./A?b=C", "https://hooks.example.com/A?b=C"},
        {"https://b\xc3\xbc\x63her.example/x", "https://xn--bcher-kva.example/x"},
    };
    for (const auto& [sent, kept] : cases) {
        const Answer answer = create(alert_body("1", "BTC", "gt", sent));
        EXPECT_TRUE(answer.has(R"("webhook_url":")" + std::string(kept) + "\"")) << answer.body;
        expect_error(create(alert_body("1", "BTC", "gt", kept)), 409,
                     "An identical active alert already exists");
    }
}

TEST_F(AlertOptionsTest, ANoteHasAtMost500Characters) {
    std::string long_note;
    for (int i = 0; i < 500; ++i) long_note += "\xf0\x9f\x9a\x80";
    EXPECT_EQ(create(with(R"("note":")" + long_note + "\"")).status, 201);
    expect_invalid(create(with(R"("note":")" + long_note + "x\"", "2")), R"("body","note")", "value_error");
    expect_invalid(create(with(R"("note":")" + std::string(501, 'x') + "\"", "2")), R"("body","note")",
                   "value_error");
    expect_invalid(create(with(R"("note":"a\u0000b")", "2")), R"("body","note")", "value_error");
    expect_invalid(create(with(R"("note":7)")), R"("body","note")", "string_type");
    expect_invalid(create(with("\"note\":\"\xc3\x28\"")), R"("body")", "json_invalid");
}

TEST_F(AlertOptionsTest, DeliverWithinIsADurationOrSeconds) {
    const std::pair<const char*, const char*> good[] = {
        {R"("1s")", "1s"},   {R"("30d")", "720h"}, {R"("90m")", "90m"}, {R"("1500ms")", "1500ms"},
        {"1", "1s"},         {"3600", "1h"},       {"86400.0", "24h"},  {"1.5", "1500ms"},
        {"2592000", "720h"}, {"1e3", "1000s"},     {R"("60s")", "1m"},  {"1.00000000000000000000009", "1s"},
    };
    int target = 1;
    for (const auto& [sent, shown] : good) {
        const Answer answer =
            create(with(R"("deliver_within":)" + std::string(sent), std::to_string(++target)));
        EXPECT_TRUE(answer.has(R"("deliver_within":")" + std::string(shown) + "\"")) << sent << answer.body;
    }
    const std::string loc = R"("body","deliver_within")";
    for (const char* bad : {R"("")", R"("1")", R"("soon")", R"("-1s")", "true", "[1]", "{}", "1e30",
                            R"("99999999d")", R"("1h30m")"}) {
        expect_invalid(create(with(R"("deliver_within":)" + std::string(bad))), loc, "duration_parsing");
    }
    for (const char* bad : {"0", "-1", "0.999999", "2592001", "1e15", "18446744073769.551616", R"("0s")",
                            R"("999ms")", R"("31d")"}) {
        expect_invalid(create(with(R"("deliver_within":)" + std::string(bad))), loc, "out_of_range");
    }
    EXPECT_TRUE(create(with(R"("deliver_within":0)")).has("Input should be between 1s and 720h"));
}

TEST_F(AlertOptionsTest, AUrlThatCannotTakeTheFormatIs422) {
    const Answer telegram = create(with(R"("format":"telegram")"));
    expect_invalid(telegram, R"("body","webhook_url")", "value_error");
    EXPECT_TRUE(telegram.has("format telegram needs the chat in the URL"));
    EXPECT_EQ(storage_.calls("create_each"), 0);
    EXPECT_EQ(create(with(R"("format":"json")")).status, 201);
}

TEST_F(AlertOptionsTest, AUrlThatAnswered410IsRejectedUntilEnabled) {
    const std::string url = "https://gone.example.com/hook";
    disable(url);
    const std::string detail =
        "This webhook_url has answered 410 Gone, or has refused too many webhooks in a row, and is not "
        "called any more. POST /api/v1/endpoints/enable with it to have it called again.";
    expect_error(create(alert_body("1", "BTC", "gt", url)), 409, detail);
    EXPECT_TRUE(call_as(ann_, "GET", "/api/v1/alerts")
                    .has(R"("deliver_within":"24h","endpoint_disabled_at":"2023-11-14T22:13:20Z"})"));
    EXPECT_EQ(create(alert_body("1", "BTC", "gt", "https://gone.example.com/other")).status, 201);
    EXPECT_EQ(call_as(bob_, "POST", "/api/v1/alerts", alert_body("1", "BTC", "gt", url)).status, 201)
        << "another user's webhooks did not get 410";
    EXPECT_EQ(call_as(ann_, "POST", "/api/v1/endpoints/enable", R"({"webhook_url":")" + url + "\"}").status,
              204);
    const Answer created = create(alert_body("1", "BTC", "gt", url));
    EXPECT_EQ(created.status, 201);
    EXPECT_FALSE(created.has("endpoint_disabled_at"));
}

TEST_F(AlertOptionsTest, TheExampleOfTheGuideIsAccepted) {
    std::ifstream file(PRICEWIRE_SOURCE_DIR "/docs/webhooks.md");
    const std::string guide{std::istreambuf_iterator<char>(file), {}};
    const std::size_t from = guide.find("```json\n") + 8;
    const Answer created =
        call_as(ann_, "POST", "/api/v1/alerts", guide.substr(from, guide.find("```", from) - from));
    EXPECT_EQ(created.status, 201) << created.body;
}

}  // namespace
}  // namespace pricewire::api
