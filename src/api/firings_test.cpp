// Why alerts have fired.
#include <memory>
#include <string>
#include <vector>

#include "api/api_fixture.hpp"
#include "fakes/fake_peer.hpp"
#include "rule/evidence.hpp"

namespace pricewire::api {
namespace {

class FiringsTest : public ApiTest {
protected:
    std::string made(const std::string& members) {
        const Answer answer =
            call_as(ann_, "POST", "/api/v1/alerts",
                    R"({"ticker":"BTC","webhook_url":"https://hooks.example.com/a",)" + members + "}");
        EXPECT_EQ(answer.status, 201) << answer.body;
        return member(answer.body, "id");
    }
    // Fires an alert with one rule, "rises above 100", for the k-th time.
    Uuid fire_ruled(const std::string& id, std::int64_t number, std::optional<LateFiring> late = {},
                    std::vector<rule::BlindGap> gaps = {}) {
        clock_.advance(1h);
        const Decimal level = Decimal::from_int(100);
        const Decimal value = Decimal::from_int(100 + number);
        rule::RuleSeen seen{.is = Word::crosses_up, .level = {.value = level}};
        seen.value = value;
        seen.is_true = true;
        RuledFiring firing;
        firing.alert_id = *Uuid::parse(id);
        firing.delivery_id = make_uuid(clock_.now());
        firing.number = number;
        firing.time = clock_.now() - 5ms;
        firing.value = value;
        firing.level = level;
        firing.is_last = false;
        firing.evidence = rule::to_json({.rules = {seen}, .left_out = number - 1, .blind = std::move(gaps)});
        firing.after.firings = number;
        firing.after.rules = {{.start = firing.time}};
        FiringGroup group{.price = {"BTC", value, firing.time, 1}, .fired_at = clock_.now(), .late = late};
        group.ruled.push_back(firing);
        group.board = R"([{"source":"binance","price":101,"age_ms":40,"counts":true,"reason":"counted"}])";
        group.board_at = firing.time + 2ms;
        EXPECT_EQ(storage_.fire({&group, 1}).size(), 1U) << call_as(ann_, "GET", "/api/v1/alerts/" + id).body;
        return firing.delivery_id;
    }
    Answer firings(const std::string& id, const std::string& query = {}) {
        return call_as(ann_, "GET", "/api/v1/alerts/" + id + "/firings" + query);
    }

    static constexpr const char* crossing =
        R"("when":{"is":"crosses_up","level":100},"repeat":{"cooldown":"10s"})";
    Account ann_ = register_user("ann@example.com");
    Account bob_ = register_user("bob@example.com");
};

TEST_F(FiringsTest, SayWhyAnAlertHasFired) {
    const std::string id = made(crossing);
    EXPECT_EQ(firings(id).body, "[]");
    const std::string delivery = fire_ruled(id, 1).to_string();
    const std::string time = format_rfc3339(clock_.now() - 5ms);
    const Answer answer = firings(id);
    EXPECT_EQ(answer.status, 200);
    EXPECT_TRUE(answer.body.starts_with(R"([{"number":1,"fired_at":")" + format_rfc3339(clock_.now()) +
                                        R"(","late_ms":5,"price":101,"price_time":")" + time +
                                        R"(","because":"BTC )"))
        << answer.body;
    EXPECT_TRUE(answer.body.ends_with(
        R"("rules":[{"is":"crosses_up","level":100,"value":101,"true":true}],"held_since":null,"muted_until":null,"left_out":0,"blind":[],"sources":[{"source":"binance","price":101,"age_ms":40,"counts":true,"reason":"counted"}],"sources_as_of_ms":2,"revision":1,"delivery_id":")" +
        delivery + R"("}])"))
        << answer.body;
    const std::string firing = answer.body.substr(1, answer.body.size() - 2);
    EXPECT_TRUE(call_as(ann_, "GET", "/api/v1/deliveries/" + delivery).has(R"("firing":)" + firing));
    EXPECT_TRUE(call_as(ann_, "GET", "/api/v1/deliveries").has(R"("firing":)" + firing));
    EXPECT_TRUE(call_as(ann_, "GET", "/api/v1/alerts/" + id).has(R"("firings":1)"));
}

TEST_F(FiringsTest, ArePagedNewestFirst) {
    const std::string id = made(crossing);
    for (int k = 1; k <= 5; ++k) fire_ruled(id, k);
    std::vector<std::string> numbers;
    int pages = 0;
    for (std::string target = "/api/v1/alerts/" + id + "/firings?limit=2"; !target.empty(); ++pages) {
        const Answer page = call_as(ann_, "GET", target);
        ASSERT_EQ(page.status, 200) << page.body;
        for (std::size_t at = 0; (at = page.body.find("\"number\":", at)) != std::string::npos; at += 9)
            numbers.push_back(page.body.substr(at + 9, 1));
        target = next_page(page);
    }
    EXPECT_EQ(numbers, (std::vector<std::string>{"5", "4", "3", "2", "1"}));
    EXPECT_EQ(pages, 3);
    EXPECT_EQ(firings(id, "?limit=5").header("Link"), "") << "a full page may be the last one";
    expect_invalid(firings(id, "?limit=0"), R"("query","limit")", "out_of_range");
    expect_invalid(firings(id, "?cursor=x"), R"("query","cursor")", "value_error");
}

TEST_F(FiringsTest, OfAPlainAlertIsItsOne) {
    const std::string id = made(R"("condition":"gt","target_price":100)");
    const std::string delivery = fire(id, "100.5");
    const Answer answer = firings(id);
    EXPECT_TRUE(answer.has(R"({"number":1,)")) << answer.body;
    EXPECT_TRUE(answer.has(R"("because":"BTC )")) << answer.body;
    EXPECT_TRUE(answer.has(R"("rules":[{"is":"above","level":100,"value":100.5,"true":true}])"))
        << answer.body;
    EXPECT_TRUE(answer.has(R"("revision":1,"delivery_id":")" + delivery + "\"}]")) << answer.body;
    EXPECT_FALSE(call_as(ann_, "GET", "/api/v1/deliveries/" + delivery).has("firing"))
        << "a delivery of a plain alert is as before";
}

TEST_F(FiringsTest, OfALateOneSayWhenItWas) {
    const std::string id = made(crossing);
    const LateFiring late{clock_.now(), clock_.now() + 1min, {"binance", "kraken"}};
    fire_ruled(id, 1, late);
    const Answer answer = firings(id);
    EXPECT_TRUE(answer.has(R"("late":true,"occurred_between":[")" + format_rfc3339(late.from) + R"(",")" +
                           format_rfc3339(late.to) + R"("],"told_by":["binance","kraken"])"))
        << answer.body;
}

// "blind" of firings.
class FiringsGapsTest : public FiringsTest {
protected:
    BlindSpan span(Duration from, Duration to, const std::string& reason) const {
        return {.ticker = "BTC",
                .from = start_ + from,
                .to = start_ + to,
                .reason = reason,
                .state = BlindState::waiting,
                .told_until = {}};
    }
    rule::BlindGap gap(Duration from, Duration to) const {
        return {.from = start_ + from, .to = start_ + to};
    }
    std::string shown(Duration from, Duration to, const std::string& reason) const {
        return R"({"from":")" + format_rfc3339(start_ + from) + R"(","to":")" + format_rfc3339(start_ + to) +
               R"(","reason":")" + reason + "\"}";
    }

    const std::string id_ = made(crossing);
    const Timestamp start_ = clock_.now();
};

TEST_F(FiringsGapsTest, SayWhyThereWasNoPrice) {
    storage_.save_blind(std::vector{span(10min, 20min, "no feed was running")});
    const std::string delivery = fire_ruled(id_, 1, {}, {gap(1min, 2min), gap(9min, 21min)}).to_string();
    const std::string gaps = R"("blind":[)" + shown(1min, 2min, "no source had a valid price") + "," +
                             shown(9min, 21min, "no feed was running") + "]";
    EXPECT_TRUE(firings(id_).has(gaps)) << firings(id_).body;
    EXPECT_TRUE(call_as(ann_, "GET", "/api/v1/deliveries/" + delivery).has(gaps));
    EXPECT_TRUE(call_as(ann_, "GET", "/api/v1/deliveries").has(gaps));
}

TEST_F(FiringsGapsTest, SayEachReasonOnce) {
    storage_.save_blind(std::vector{span(1min, 2min, "no feed was running, or heard"),
                                    span(2min, 3min, "no feed was running"),
                                    span(4min, 5min, "no feed was running, or heard")});
    fire_ruled(id_, 1, {}, {gap(0min, 6min)});
    EXPECT_TRUE(firings(id_).has(shown(0min, 6min, "no feed was running, or heard; no feed was running")))
        << firings(id_).body;
}

TEST_F(FiringsGapsTest, OfATimeThatHasJustEndedSayNothingYet) {
    fire_ruled(id_, 1, {}, {gap(1min, 1h)});
    EXPECT_TRUE(firings(id_).has(shown(1min, 1h, ""))) << firings(id_).body;
    clock_.advance(15s);
    EXPECT_TRUE(firings(id_).has(shown(1min, 1h, "no source had a valid price"))) << firings(id_).body;
}

TEST_F(FiringsGapsTest, AreExplainedOnTheStreamToo) {
    const auto peer = std::make_shared<fakes::FakePeer>();
    const net::WsHandler handler = open_stream(ann_, peer);
    ASSERT_TRUE(peer->wait_for("ready"));
    storage_.save_blind(std::vector{span(10min, 20min, "no feed was running")});
    const Uuid delivery = fire_ruled(id_, 1, {}, {gap(9min, 21min)});
    const DeliveryNotice notice{*Uuid::parse(ann_.id), delivery, true};
    notices_->publish({&notice, 1});
    EXPECT_TRUE(peer->wait_for(R"("type":"alert_fired")"));
    EXPECT_TRUE(peer->wait_for(R"("blind":[)" + shown(9min, 21min, "no feed was running") + "]", 2))
        << "with the alert, and with its delivery";
    handler.on_close();
}

TEST_F(FiringsTest, AreTheirUsersOnly) {
    const std::string id = made(crossing);
    fire_ruled(id, 1);
    expect_error(call_as(bob_, "GET", "/api/v1/alerts/" + id + "/firings"), 404, "Alert not found");
    expect_error(firings("1"), 404, "Alert not found");
    expect_error(firings("018f3f6e-7c1a-7a3b-8f00-0123456789ab"), 404, "Alert not found");
}

}  // namespace
}  // namespace pricewire::api
