// What alerts would have done, and how they stand.
#include "api/api_fixture.hpp"

namespace pricewire::api {
namespace {

class PastTest : public ApiTest {
protected:
    // Minutes of BTC that end now, each from `low` to `high`, at 99 at both ends.
    void add_minutes(const std::vector<std::pair<int, int>>& ranges) {
        Timestamp start = std::chrono::floor<std::chrono::minutes>(clock_.now()) - 1min * ranges.size();
        std::vector<Bar> bars;
        for (const auto& [low, high] : ranges) {
            const Decimal edge = Decimal::from_int(99);
            bars.push_back({"BTC", start, edge, Decimal::from_int(high), Decimal::from_int(low), edge});
            start += 1min;
        }
        storage_.upsert_bars(bars);
    }
    // 99 all the time, but for one minute that reaches up to 105, an hour before the end.
    void add_one_peak() {
        std::vector<std::pair<int, int>> ranges(600, {99, 99});
        ranges[540] = {99, 105};
        add_minutes(ranges);
    }
    Answer preview(const std::string& members) {
        return call_as(ann_, "POST", "/api/v1/alerts/preview", R"({"ticker":"BTC",)" + members + "}");
    }
    std::string made(const std::string& members) {
        const Answer answer =
            call_as(ann_, "POST", "/api/v1/alerts",
                    R"({"ticker":"BTC","webhook_url":"https://hooks.example.com/a",)" + members + "}");
        EXPECT_EQ(answer.status, 201) << answer.body;
        return member(answer.body, "id");
    }
    Answer state(const std::string& id) { return call_as(ann_, "GET", "/api/v1/alerts/" + id + "/state"); }
    std::string at(Duration later) const { return format_rfc3339(clock_.now() + later); }

    Account ann_ = register_user("ann@example.com");
    Account bob_ = register_user("bob@example.com");
};

TEST_F(PastTest, APreviewTellsWhatAnAlertWouldHaveDone) {
    add_one_peak();
    publish("BTC", "99");
    const Timestamp peak = std::chrono::floor<std::chrono::minutes>(clock_.now()) - 60min;
    for (const char* rule : {R"("condition":"gt","target_price":100)",
                             R"("when":{"is":"above","level":{"from":"start","by":"1%"}})"}) {
        const Answer answer = preview(std::string(rule) + R"(,"over":"24h")");
        ASSERT_EQ(answer.status, 200) << answer.body;
        EXPECT_TRUE(answer.has(R"("would_have_fired":{"least":1,"most":1},"true_now":false)")) << answer.body;
        EXPECT_TRUE(answer.has(R"("firings":[{"time":")" + format_rfc3339(peak) +
                               R"(","within":"1m","price":{"from":)"))
            << answer.body;
        EXPECT_TRUE(answer.has(R"("to":105},"sure":true}],"more":false,"notes":[)")) << answer.body;
        EXPECT_TRUE(answer.has(R"("bars":"1m"})")) << answer.body;
    }
    const Answer never = preview(R"("when":{"is":"above","level":106})");
    EXPECT_TRUE(never.has(R"("would_have_fired":{"least":0,"most":0})")) << never.body;
    EXPECT_TRUE(never.has(R"("firings":[],"more":false)")) << never.body;
    EXPECT_EQ(ids(call_as(ann_, "GET", "/api/v1/alerts")).size(), 0U) << "nothing was created";
}

TEST_F(PastTest, APreviewHasTheErrorsOfAnAlert) {
    expect_invalid(preview(R"("when":{"is":"above","level":{"from":"start"}})"),
                   R"("body","when","level","by")", "value_error");
    expect_invalid(preview(R"("when":{"is":"above","level":1},"over":"91d")"), R"("body","over")",
                   "out_of_range");
    expect_invalid(call_as(ann_, "POST", "/api/v1/alerts/preview", "[]"), R"("body")",
                   "model_attributes_type");
    EXPECT_EQ(preview(R"("webhook_url":7,"when":{"is":"above","level":1})").status, 200)
        << "no URL is needed";
}

TEST_F(PastTest, APreviewThatTakesTooLongSaysWhatToAskForInstead) {
    add_one_peak();
    storage_.on_bars = [this] { clock_.advance(3s); };
    const Answer answer = preview(R"("when":{"is":"above","level":{"from":"low","over":"1h","by":"5%"}})");
    EXPECT_EQ(answer.status, 503) << answer.body;
    EXPECT_TRUE(answer.has("The preview took longer than 2s.")) << answer.body;
    EXPECT_TRUE(answer.has(R"(\"over\": \"15d\")")) << answer.body;
    EXPECT_EQ(answer.header("Retry-After"), "1");
}

TEST_F(PastTest, PreviewsHaveALimitOfTheirOwn) {
    options_.preview_limit = {2, 10s};
    api_ = nullptr;
    for (const int status : {200, 200, 429})
        EXPECT_EQ(preview(R"("condition":"gt","target_price":1)").status, status);
    EXPECT_EQ(call_as(ann_, "GET", "/api/v1/alerts").status, 200);
}

TEST_F(PastTest, AStateSaysHowFarItIsAndHowCloseItCame) {
    const std::string id = made(R"("condition":"gt","target_price":110)");
    const std::string begun = at(0s);
    clock_.advance(3h);
    add_one_peak();
    publish("BTC", "99");
    const Answer answer = state(id);
    ASSERT_EQ(answer.status, 200) << answer.body;
    EXPECT_TRUE(answer.body.starts_with(
        R"({"status":"active","armed":true,"judged_until":null,"says":"BTC is 11 (11)"))
        << answer.body;
    EXPECT_TRUE(answer.has(
        R"("rules":[{"is":"above","level":110,"value":99,"true":false,"distance":11,"distance_percent":11.11}],"start":{"time":")" +
        begun + "\""))
        << answer.body;
    EXPECT_TRUE(answer.has(
        R"("held_since":null,"muted_until":null,"muted_by":null,"closest":{"price":105,"distance":5,"time":")"))
        << answer.body;
    EXPECT_TRUE(answer.has(
        R"("blind":{"total":"0s","now":null,"intervals":[]},"firings":0,"left_out":[],"revision":1})"))
        << answer.body;
}

TEST_F(PastTest, AStateShowsThePriceAtItsStartAsFarAsMinutesTell) {
    publish("BTC", "99");
    const std::string id = made(R"("condition":"gt","target_price":110)");
    const std::string begun = at(0s);
    clock_.advance(3h);
    publish("BTC", "97");
    EXPECT_TRUE(state(id).has(R"("start":{"time":")" + begun + R"(","price":null})")) << state(id).body;
    add_minutes(std::vector(200, std::pair(99, 99)));
    EXPECT_TRUE(state(id).has(R"("start":{"time":")" + begun + R"(","price":99})")) << state(id).body;
}

TEST_F(PastTest, AStateNamesNoPriceAtItsStartThatMayHaveBeenAnother) {
    clock_.advance(20s);
    const std::string id = made(R"("condition":"gt","target_price":110)");
    const std::string begun = at(0s);
    clock_.advance(3h);
    add_minutes(std::vector(200, std::pair(98, 100)));
    EXPECT_TRUE(state(id).has(R"("start":{"time":")" + begun + R"(","price":null})")) << state(id).body;
}

TEST_F(PastTest, AStateOfOneThatHasNotBegunHasNoStart) {
    publish("BTC", "99");
    add_minutes(std::vector(200, std::pair(99, 99)));
    const std::string id =
        made(R"("when":{"is":"above","level":50},"for":"1h","starts_at":")" + at(24h) + "\"");
    const std::string body = state(id).body;
    EXPECT_TRUE(body.starts_with(R"({"status":"scheduled","armed":false,)")) << body;
    EXPECT_TRUE(body.contains(R"("start":null,"held_since":null,)")) << body;
}

TEST_F(PastTest, AHoldBeginsNoSoonerThanTheAlert) {
    publish("BTC", "99");
    clock_.advance(20s);
    const std::string id = made(R"("when":{"is":"above","level":50},"for":"1h")");
    const std::string begun = at(0s);
    clock_.advance(5s);
    add_minutes(std::vector(200, std::pair(98, 100)));
    EXPECT_TRUE(state(id).has(R"("held_since":")" + begun + "\"")) << state(id).body;
}

TEST_F(PastTest, OfSilenceNothingIsClose) {
    publish("BTC", "99");
    add_minutes(std::vector(200, std::pair(99, 99)));
    const std::string id = made(R"("when":{"watch":"age","is":"above","level":"1h"})");
    clock_.advance(2min);
    EXPECT_TRUE(state(id).has(R"("distance_percent":null)")) << state(id).body;
    EXPECT_TRUE(state(id).has(R"("closest":null)")) << state(id).body;
}

TEST_F(PastTest, AStateOfSeveralRulesHasEach) {
    publish("BTC", "99");
    publish("ETH", "50");
    const std::string id =
        made(R"("when":{"all":[{"is":"above","level":100},{"ticker":"ETH","is":"inside","level":[40,60]}]})");
    const Answer answer = state(id);
    EXPECT_TRUE(answer.has(
        R"("rules":[{"ticker":"BTC","is":"above","level":100,"value":99,"true":false,"distance":1,"distance_percent":1.01},{"ticker":"ETH","is":"inside","level":[40,60],"value":50,"true":true,"distance":0,"distance_percent":0}])"))
        << answer.body;
}

TEST_F(PastTest, AStateSaysWhyNothingCanFire) {
    publish("BTC", "99");
    const std::string snoozed =
        made(R"("condition":"gt","target_price":1,"snoozed_until":")" + at(1h) + "\"");
    const Answer muted = state(snoozed);
    EXPECT_TRUE(muted.has(R"("status":"snoozed")")) << muted.body;
    EXPECT_TRUE(muted.has(R"("muted_until":")" + at(1h) + R"(","muted_by":"snooze")")) << muted.body;

    const std::string fired = made(R"("condition":"gt","target_price":2)");
    fire(fired, "99");
    const Answer ended = state(fired);
    EXPECT_TRUE(ended.has(R"({"status":"fired","armed":false,)")) << ended.body;
    EXPECT_TRUE(ended.has(R"("firings":1,"left_out":[],"revision":1})")) << ended.body;
    EXPECT_TRUE(ended.has(R"("closest":null)")) << ended.body;

    TickerBoard gone{.ticker = "BTC"};
    gone.unpriced_since = clock_.now();
    bus_->publish_board(gone);
    const std::string waits = made(R"("condition":"gt","target_price":3)");
    clock_.advance(10s);
    const Answer blind = state(waits);
    EXPECT_TRUE(blind.has(R"("now":{"ticker":"BTC","since":")" + at(-10s) +
                          R"(","reason":"no source has sent a quote yet"})"))
        << blind.body;

    const Answer unseen =
        state(member(call_as(ann_, "POST", "/api/v1/alerts", alert_body("1", "ETH")).body, "id"));
    EXPECT_TRUE(
        unseen.has(R"("now":{"ticker":"ETH","since":null,"reason":"no source has sent a quote yet"})"))
        << unseen.body;
    EXPECT_TRUE(call_as(ann_, "GET", "/api/v1/rates/ETH").has("no source has sent a quote yet"));
}

TEST_F(PastTest, AStateSaysWhatAMuteLeftOut) {
    publish("BTC", "99");
    clock_.advance(1h);
    const std::string id = made(R"("condition":"gt","target_price":104,"snoozed_until":")" + at(5h) + "\"");
    clock_.advance(3h);
    add_one_peak();
    const Answer answer = state(id);
    EXPECT_TRUE(answer.has(R"("left_out":[{"time":")")) << answer.body;
    EXPECT_TRUE(answer.has(R"(","within":"1m"}],"revision":1})")) << answer.body;
}

TEST_F(PastTest, AStateOfAnAgeCountsFromTheLastPrice) {
    publish("BTC", "99");
    const std::string id = made(R"("watch":"age","when":{"is":"above","level":"60s"})");
    clock_.advance(12s);
    const Answer answer = state(id);
    EXPECT_TRUE(answer.has(R"("rules":[{"is":"above","level":60,"value":12,"true":false,"distance":48,)"))
        << answer.body;
    EXPECT_TRUE(answer.has(R"("says":"The last price of BTC is 12 s old.")")) << answer.body;
}

TEST_F(PastTest, AStateListsTheTimesWithoutAPrice) {
    publish("BTC", "99");
    const std::string id = made(R"("condition":"gt","target_price":1000)");
    const Timestamp begun = clock_.now();
    clock_.advance(1h);
    BlindSpan before{.ticker = "BTC", .from = begun - 1min, .to = begun + 20s, .reason = "nothing ran"};
    BlindSpan after{
        .ticker = "BTC", .from = begun + 10min, .to = begun + 13min, .reason = "binance was silent"};
    before.state = after.state = BlindState::lost;
    storage_.save_blind(std::vector{before, after});
    const Answer answer = state(id);
    EXPECT_TRUE(answer.has(R"("blind":{"total":"3m20s","now":null,"intervals":[{"from":")" +
                           format_rfc3339(begun) + R"(","to":")" + format_rfc3339(begun + 20s) +
                           R"(","reason":"nothing ran"},{"from":")" + format_rfc3339(begun + 10min) +
                           R"(","to":")" + format_rfc3339(begun + 13min) +
                           R"(","reason":"binance was silent"}]})"))
        << answer.body;
}

TEST_F(PastTest, AStateIsItsUsersOnly) {
    const std::string id = made(R"("condition":"gt","target_price":1)");
    expect_error(call_as(bob_, "GET", "/api/v1/alerts/" + id + "/state"), 404, "Alert not found");
    expect_error(state("1"), 404, "Alert not found");
    EXPECT_EQ(state(id).status, 200) << "without any price, too";
}

}  // namespace
}  // namespace pricewire::api
