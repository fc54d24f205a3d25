// Alerts that say more than above and below: made, shown, listed, changed and deleted.
#include "api/api_fixture.hpp"

namespace pricewire::api {
namespace {

class RuledAlertsTest : public ApiTest {
protected:
    static std::string with(const std::string& members, const std::string& ticker = "BTC",
                            const std::string& url = "https://hooks.example.com/a") {
        return R"({"ticker":")" + ticker + R"(","webhook_url":")" + url + "\"," + members + "}";
    }
    Answer create(const std::string& members) {
        return call_as(ann_, "POST", "/api/v1/alerts", with(members));
    }
    std::string id_of(const Answer& answer) {
        EXPECT_EQ(answer.status, 201) << answer.body;
        return member(answer.body, "id");
    }
    Answer change(const std::string& id, const std::string& body, net::Headers headers = {}) {
        headers.emplace_back("x-api-key", ann_.api_key);
        return call("PATCH", "/api/v1/alerts/" + id, body, std::move(headers));
    }
    Answer show(const std::string& id) { return call_as(ann_, "GET", "/api/v1/alerts/" + id); }
    std::string at(Duration later) const { return format_rfc3339(clock_.now() + later); }

    Account ann_ = register_user("ann@example.com");
    Account bob_ = register_user("bob@example.com");
};

constexpr const char* move =
    R"("when":{"is":"above","level":{"from":"low","over":"1h","by":"5%"}},"repeat":{"cooldown":"15m","times":10})";

TEST_F(RuledAlertsTest, AreShownWithAllTheirMembersInOrder) {
    const std::string expires = at(24h * 30);
    const Answer made = create(std::string(move) + R"(,"expires_at":")" + expires +
                               R"(","message":"{{ticker}} is up {{change}} since {{anchor_time}}")");
    const std::string id = id_of(made);
    const std::size_t says = made.body.find(
        R"("says":"BTC rises 5 % within 1h, every time, at most every 15 min, 10 times, until )");
    ASSERT_NE(says, std::string::npos) << made.body;
    EXPECT_EQ(
        made.body.substr(0, says),
        R"({"id":")" + id +
            R"(","ticker":"BTC","target_price":null,"condition":null,"webhook_url":"https://hooks.example.com/a","is_active":true,"created_at":")" +
            at(0s) +
            R"(","triggered_at":null,"triggered_price":null,"format":"json","note":"","deliver_within":"24h",)");
    EXPECT_TRUE(made.body.ends_with(
        R"(,"when":{"is":"above","level":{"from":"low","over":"1h","by":"5%"}},"for":null,"repeat":{"cooldown":"15m","rearm":"0%","times":10},"starts_at":null,"expires_at":")" +
        expires +
        R"(","snoozed_until":null,"notify_on_expiry":false,"message":"{{ticker}} is up {{change}} since {{anchor_time}}","status":"active","firings":0,"revision":1})"))
        << made.body;
    EXPECT_EQ(made.header("ETag"), "\"1\"");
    EXPECT_EQ(made.header("Location"), "/api/v1/alerts/" + id);
    EXPECT_EQ(show(id).body, made.body);
    EXPECT_EQ(show(id).header("ETag"), "\"1\"");
    EXPECT_EQ(call_as(ann_, "GET", "/api/v1/alerts").body, "[" + made.body + "]");
}

TEST_F(RuledAlertsTest, WhatThePlainFormSaysIsShownInItHoweverItWasWritten) {
    const Answer plain = create(R"("condition":"gt","target_price":1)");
    EXPECT_TRUE(plain.body.ends_with(R"("format":"json","note":"","deliver_within":"24h"})")) << plain.body;
    EXPECT_EQ(plain.header("ETag"), "");
    const Answer same = create(R"("when":{"is":"above","level":1})");
    expect_error(same, 409, "An identical active alert already exists");
    const Answer other = create(R"("when":{"is":"below","level":"2.0"},"repeat":null)");
    EXPECT_TRUE(other.has(R"("target_price":2,"condition":"lt",)")) << other.body;
    EXPECT_TRUE(other.body.ends_with(R"("deliver_within":"24h"})")) << other.body;
    const Answer both = create(R"("condition":"gt","target_price":3,"repeat":{})");
    EXPECT_TRUE(both.has(R"("target_price":3,"condition":"gt",)")) << both.body;
    EXPECT_TRUE(both.has(R"("when":{"is":"above","level":3})")) << both.body;
    const Answer told = create(R"("condition":"gt","target_price":4,"message":"up")");
    EXPECT_TRUE(told.has(R"("message":"up","status":"active","firings":0,"revision":1})")) << told.body;
}

TEST_F(RuledAlertsTest, AParameterThatIsGivenTwiceIsRefused) {
    const std::string id = id_of(create(move));
    for (const auto& [method, target] : {std::pair{"DELETE", "/api/v1/alerts?dry_run=true&dry_run=false"},
                                         std::pair{"GET", "/api/v1/alerts?dry_run=1&dry%5frun=1"},
                                         std::pair{"GET", "/api/v1/tickers?dry_run=1&dry_run=2"}}) {
        expect_invalid(call_as(ann_, method, target), R"("query","dry_run")", "duplicate");
    }
    EXPECT_EQ(show(id).status, 200);
}

TEST_F(RuledAlertsTest, BothFormsMaySayTheSame) {
    const std::string when = R"("when":{"is":"above","level":5},)";
    EXPECT_EQ(create(when + R"("condition":"gt","target_price":5.0)").status, 201);
    expect_invalid(create(when + R"("condition":"lt","target_price":5)"), R"("body","condition")",
                   "value_error");
    expect_invalid(create(when + R"("target_price":6)"), R"("body","target_price")", "value_error");
}

TEST_F(RuledAlertsTest, MembersOfRepeatThatAreNotGivenStay) {
    const std::string id = id_of(create(move));
    const Answer changed = change(id, R"({"repeat":{"cooldown":"20s"}})");
    EXPECT_TRUE(changed.has(R"("repeat":{"cooldown":"20s","rearm":"0%","times":10})")) << changed.body;
    const Answer freed = change(id, R"({"repeat":{"times":null}})");
    EXPECT_TRUE(freed.has(R"("repeat":{"cooldown":"20s","rearm":"0%","times":null})")) << freed.body;
}

TEST_F(RuledAlertsTest, IfMatchWithoutQuotesIsRefused) {
    const std::string id = id_of(create(move));
    for (const char* header : {"1", "\"1", "", "\"1\", 2"})
        EXPECT_EQ(change(id, R"({"note":"x"})", {{"if-match", header}}).status, 400) << header;
    EXPECT_EQ(change(id, R"({"note":"x"})", {{"if-match", "\"7\", W/\"8\""}}).status, 412);
    EXPECT_EQ(change(id, R"({"note":"x"})", {{"if-match", "\"7\", \"1\""}}).status, 200);
}

TEST_F(RuledAlertsTest, AHoldOfLessThanAMicrosecondIsRefused) {
    expect_invalid(create(R"("when":{"is":"above","level":5},"for":0.0000001)"), R"("body","for")",
                   "duration_parsing");
}

TEST_F(RuledAlertsTest, OneIsIdenticalByItsRuleNotByItsTexts) {
    ASSERT_EQ(create(move).status, 201);
    expect_error(create(std::string(move) + R"(,"note":"other")"), 409,
                 "An identical active alert already exists");
    expect_error(
        create(
            R"("repeat":{"times":10,"rearm":"0.0%","cooldown":900},"when":{"level":{"by":"5.0%","over":"1h","from":"low"},"is":"above"})"),
        409, "An identical active alert already exists");
    EXPECT_EQ(create(R"("when":{"is":"above","level":{"from":"low","over":"1h","by":"5%"}})").status, 201);
}

TEST_F(RuledAlertsTest, ErrorsNameThePlaceInTheRule) {
    expect_invalid(create(R"("when":{"any":[{"is":"above","level":1},{"is":"inside","level":1}]})"),
                   R"("body","when","any",1,"level")", "value_error");
    expect_invalid(create(R"("when":{"is":"above","level":{"from":"start"}})"),
                   R"("body","when","level","by")", "value_error");
    expect_invalid(create(R"("condition":"gt","target_price":1,"message":"{{nothing}}")"),
                   R"("body","message")", "value_error");
    const Answer over = create(R"("when":{"is":"above","level":{"from":"low","over":"3h"}})");
    EXPECT_TRUE(over.has(
        R"({"loc":["body","when","level","over"],"msg":"Input should be 1m, 5m, 15m, 30m, 1h, 2h, 4h, 6h, 12h, 24h or 7d","type":"enum"})"))
        << over.body;
}

TEST_F(RuledAlertsTest, AreListedByTheirStatus) {
    const std::string plain = id_of(create(R"("condition":"gt","target_price":1)"));
    clock_.advance(1s);
    const std::string later =
        id_of(create(R"("condition":"gt","target_price":2,"starts_at":")" + at(1h) + "\""));
    clock_.advance(1s);
    const std::string snoozed =
        id_of(create(R"("condition":"gt","target_price":3,"snoozed_until":")" + at(1h) + "\""));
    const std::string paused = id_of(create(R"("condition":"gt","target_price":4)"));
    ASSERT_EQ(change(paused, R"({"is_active":false})").status, 200);
    const std::string fired = id_of(create(R"("condition":"gt","target_price":5)"));
    fire(fired, "6");
    const auto list = [&](const std::string& status) {
        const Answer answer = call_as(ann_, "GET", "/api/v1/alerts?status=" + status);
        EXPECT_EQ(answer.status, 200) << answer.body;
        return ids(answer);
    };
    using Ids = std::vector<std::string>;
    EXPECT_EQ(list("active"), Ids{plain});
    EXPECT_EQ(list("scheduled"), Ids{later});
    EXPECT_EQ(list("snoozed"), Ids{snoozed});
    EXPECT_EQ(list("paused"), Ids{paused});
    EXPECT_EQ(list("fired"), Ids{fired});
    EXPECT_EQ(list("expired"), Ids{});
    EXPECT_TRUE(show(later).has(R"("status":"scheduled")"));
    EXPECT_TRUE(show(snoozed).has(R"("status":"snoozed")"));
    EXPECT_TRUE(show(paused).has(R"("is_active":false)"));
    EXPECT_TRUE(show(paused).has(R"("status":"paused")"));
    clock_.advance(2h);
    EXPECT_EQ(list("active"), (Ids{snoozed, later, plain})) << "newest first";
    expect_invalid(call_as(ann_, "GET", "/api/v1/alerts?status=gone"), R"("query","status")", "enum");
}

TEST_F(RuledAlertsTest, ChangingARuleIsANewRevision) {
    const std::string id = id_of(create(R"("condition":"gt","target_price":70000)"));
    const Answer moved = change(id, R"({"target_price":71000})");
    ASSERT_EQ(moved.status, 200) << moved.body;
    EXPECT_EQ(moved.header("ETag"), "\"2\"");
    EXPECT_TRUE(moved.has(R"("target_price":71000,"condition":"gt",)")) << moved.body;
    EXPECT_TRUE(moved.body.ends_with(R"("status":"active","firings":0,"revision":2})")) << moved.body;
    EXPECT_EQ(show(id).body, moved.body);
    const Answer noted = change(id, R"({"note":"x"})");
    EXPECT_EQ(noted.header("ETag"), "\"2\"") << "a text is no new start";
    EXPECT_TRUE(noted.has(R"("note":"x")"));
    const Answer again = change(id, R"({"when":{"level":"71000.00","is":"above"}})");
    EXPECT_EQ(again.header("ETag"), "\"2\"") << "the same rule in other words";
}

TEST_F(RuledAlertsTest, ATextOfAPlainAlertLeavesItPlain) {
    const std::string id = id_of(create(R"("condition":"gt","target_price":70000)"));
    const Answer noted = change(id, R"({"note":"x","webhook_url":"https://hooks.example.com/b"})");
    ASSERT_EQ(noted.status, 200) << noted.body;
    EXPECT_TRUE(noted.body.ends_with(R"("note":"x","deliver_within":"24h"})")) << noted.body;
    EXPECT_EQ(noted.header("ETag"), "\"1\"");
    EXPECT_TRUE(noted.has("hooks.example.com/b"));
}

TEST_F(RuledAlertsTest, APlainAlertWithAMessageHasFiredOnce) {
    const std::string id = id_of(create(R"("condition":"gt","target_price":5,"message":"{{price}}")"));
    EXPECT_TRUE(show(id).has(R"("status":"active","firings":0,)")) << show(id).body;
    fire(id, "6");
    EXPECT_TRUE(show(id).has(R"("status":"fired","firings":1,)")) << show(id).body;
}

TEST_F(RuledAlertsTest, SnoozeAndPauseAreChangesLikeOthers) {
    const std::string id = id_of(create(move));
    const std::string until = at(1h);
    const Answer snoozed = change(id, R"({"snoozed_until":")" + until + "\"}");
    EXPECT_TRUE(snoozed.has(R"("snoozed_until":")" + until + "\"")) << snoozed.body;
    EXPECT_TRUE(snoozed.has(R"("status":"snoozed","firings":0,"revision":1)")) << snoozed.body;
    EXPECT_TRUE(change(id, R"({"snoozed_until":null})").has(R"("status":"active")"));
    const Answer paused = change(id, R"({"is_active":false})");
    EXPECT_TRUE(paused.has(R"("is_active":false)") && paused.has(R"("status":"paused")")) << paused.body;
    const Answer resumed = change(id, R"({"is_active":true})");
    EXPECT_TRUE(resumed.has(R"("is_active":true)") && resumed.has(R"("status":"active")")) << resumed.body;
}

TEST_F(RuledAlertsTest, AFiredAlertBeginsAgainWhenItIsSwitchedOn) {
    const std::string id = id_of(create(R"("condition":"gt","target_price":5)"));
    fire(id, "6");
    ASSERT_TRUE(show(id).has(R"("is_active":false)"));
    const Answer on = change(id, R"({"is_active":true})");
    ASSERT_EQ(on.status, 200) << on.body;
    EXPECT_TRUE(on.has(R"("is_active":true)") && on.has(R"("status":"active")")) << on.body;
}

TEST_F(RuledAlertsTest, IfMatchNamesTheRevisionThatIsMeant) {
    const std::string id = id_of(create(move));
    ASSERT_EQ(change(id, R"({"for":null,"note":"a"})", {{"if-match", "\"1\""}}).status, 200);
    ASSERT_EQ(change(id, R"({"when":{"is":"above","level":1}})", {{"if-match", "\"7\", \"1\""}}).status, 200);
    for (const char* stale : {"\"1\"", "W/\"2\"", "\"x\""}) {
        expect_error(change(id, R"({"note":"b"})", {{"if-match", stale}}), 412,
                     "The alert has another revision than If-Match names; read it again");
    }
    EXPECT_TRUE(show(id).has(R"("note":"a")"));
    EXPECT_EQ(change(id, R"({"note":"c"})", {{"if-match", "*"}}).status, 200);
    EXPECT_EQ(change(id, R"({"note":"d"})", {{"if-match", "\"2\""}}).status, 200);
}

TEST_F(RuledAlertsTest, AChangeIsRefusedForTheReasonsOfMakingOne) {
    options_.alerts_per_user = 2;
    vet_ = [](std::string_view url) -> Result<net::WebhookUrl> {
        if (url.find("inside") != std::string_view::npos) return fail("10.0.0.1 is a private address");
        return net::WebhookUrl{};
    };
    api_ = nullptr;
    const std::string one = id_of(create(R"("condition":"gt","target_price":1)"));
    const std::string two = id_of(create(R"("condition":"gt","target_price":2)"));
    expect_error(change(two, R"({"target_price":1})"), 409, "An identical active alert already exists");
    expect_invalid(change(two, R"({"webhook_url":"https://inside.example.com/"})"), R"("body","webhook_url")",
                   "webhook_url");
    expect_invalid(change(two, R"({"format":"telegram"})"), R"("body","webhook_url")", "value_error");
    expect_invalid(change(two, R"({"colour":"red"})"), R"("body","colour")", "extra_forbidden");
    EXPECT_TRUE(show(two).body.ends_with(R"("note":"","deliver_within":"24h"})")) << "nothing has changed";
    ASSERT_EQ(change(two, R"({"is_active":false})").status, 200);
    ASSERT_EQ(create(R"("condition":"gt","target_price":3)").status, 201);
    const Answer full = change(two, R"({"is_active":true})");
    EXPECT_EQ(full.status, 403) << full.body;
    EXPECT_TRUE(full.has("Alert limit reached: a user may have 2 active alerts."));
    expect_error(change("018f3f6e-7c1a-7a3b-8f00-0123456789ab", "{}"), 404, "Alert not found");
    expect_error(change("1", "{}"), 404, "Alert not found");
    expect_error(call("PATCH", "/api/v1/alerts/" + one, "{}", {{"x-api-key", bob_.api_key}}), 404,
                 "Alert not found");
    EXPECT_EQ(change(one, "{}").status, 200) << "no change is one too";
    expect_invalid(change(one, ""), R"("body")", "missing");
}

TEST_F(RuledAlertsTest, AllOfATickerAreDeletedAtOnceOrOnlyCounted) {
    for (const char* target : {"1", "2", "3"})
        ASSERT_EQ(call_as(ann_, "POST", "/api/v1/alerts", alert_body(target)).status, 201);
    ASSERT_EQ(call_as(ann_, "POST", "/api/v1/alerts", alert_body("1", "ETH")).status, 201);
    ASSERT_EQ(call_as(bob_, "POST", "/api/v1/alerts", alert_body("1")).status, 201);
    for (const char* query :
         {"", "?", "?dry_run=true", "?ticker=", "?ticker", "?Ticker=BTC", "?ticker=BTC&is_active=false",
          "?ticker=BTC&dry_run=maybe", "?ticker=BTC&dryrun=true"}) {
        EXPECT_EQ(call_as(ann_, "DELETE", std::string("/api/v1/alerts") + query).status, 422) << query;
    }
    const Answer counted = call_as(ann_, "DELETE", "/api/v1/alerts?ticker=btc&dry_run=true");
    EXPECT_EQ(counted.body, R"({"ticker":"BTC","dry_run":true,"would_delete":3})");
    EXPECT_EQ(ids(call_as(ann_, "GET", "/api/v1/alerts")).size(), 4U);
    const Answer deleted = call_as(ann_, "DELETE", "/api/v1/alerts/?ticker=BTC");
    EXPECT_EQ(deleted.body, R"({"ticker":"BTC","dry_run":false,"deleted":3})");
    EXPECT_EQ(call_as(ann_, "DELETE", "/api/v1/alerts?ticker=BTC&dry_run=false").body,
              R"({"ticker":"BTC","dry_run":false,"deleted":0})");
    EXPECT_EQ(ids(call_as(ann_, "GET", "/api/v1/alerts")).size(), 1U) << "ETH stays";
    EXPECT_EQ(ids(call_as(bob_, "GET", "/api/v1/alerts")).size(), 1U) << "so does what is bob's";
    expect_invalid(call_as(ann_, "DELETE", "/api/v1/alerts"), R"("query","ticker")", "missing");
}

}  // namespace
}  // namespace pricewire::api
