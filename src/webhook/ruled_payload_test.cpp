// Webhooks of alerts with terms.
#include <gtest/gtest.h>

#include <boost/json.hpp>

#include "base/utf8.hpp"
#include "rule/evidence.hpp"
#include "webhook/chat_formats.hpp"
#include "webhook/payload.hpp"
#include "webhook/template.hpp"

namespace pricewire::webhook {
namespace {

using namespace std::chrono_literals;

Decimal number(const char* text) {
    return *Decimal::parse(text);
}
Timestamp time(const char* text) {
    return *parse_rfc3339(text);
}

std::shared_ptr<const Terms> terms_of(const Rule& rule) {
    return std::make_shared<const Terms>(
        Terms{.rules = {rule}, .repeat = Repeat{.rearm = {number("0"), true}}});
}

const Rule rise{.ticker = "BTC",
                .word = Word::above,
                .level = {.from = Anchor::low, .over = 1h, .by = Change{number("5"), true}}};

// The third firing of "BTC rises 5 % within 1h".
ClaimedDelivery third_rise() {
    rule::Evidence evidence{.rules = {{.is = Word::above,
                                       .level = {.value = number("68121.9"),
                                                 .anchor = rule::AnchorSeen{Anchor::low, 1h, number("64878"),
                                                                            time("2025-01-02T09:58:04.1Z")},
                                                 .by = Change{number("5"), true}},
                                       .value = number("68250.5"),
                                       .is_true = true}},
                            .left_out = 1};
    ClaimedDelivery d{.id = *Uuid::parse("018f3f6e-7c1a-7a3b-8f00-0123456789ac")};
    d.alert = {.id = *Uuid::parse("018f3f6e-7c1a-7a3b-8f00-0123456789ab"),
               .ticker = "BTC",
               .condition = Condition::lt,  // as it is stored
               .webhook_url = "https://example.com/hook",
               .created_at = time("2025-01-01T00:00:00Z"),
               .triggered_at = time("2025-01-02T10:11:12.5Z"),
               .triggered_price = number("68250.5")};
    d.alert.terms = terms_of(rise);
    d.firing = DeliveredFiring{.number = 3,
                               .terms = d.alert.terms,
                               .level = number("68121.9"),
                               .condition = Condition::gt,
                               .evidence = rule::to_json(evidence)};
    return d;
}

void change_evidence(ClaimedDelivery& d, const std::function<void(rule::Evidence&)>& change) {
    rule::Evidence evidence = *rule::parse_evidence(d.firing->evidence);
    change(evidence);
    d.firing->evidence = rule::to_json(evidence);
}

std::string ruled_payload(const ClaimedDelivery& d) {
    return webhook_body(d).text;
}
std::string ruled_message(const ClaimedDelivery& d) {
    return std::string(boost::json::parse(ruled_payload(d)).at("message").as_string());
}
bool holds(const ClaimedDelivery& d, std::string_view part) {
    return ruled_payload(d).find(part) != std::string::npos;
}

constexpr const char* why =
    "BTC rose 5.2 % within 1h: 68,250.5 is above 68,121.9, which is 5 % above the low of 64,878 at 09:58:04";

TEST(RuledPayload, IsTheDocumentedBody) {
    EXPECT_EQ(
        ruled_payload(third_rise()),
        std::string(
            R"({"alert_id":"018f3f6e-7c1a-7a3b-8f00-0123456789ab","ticker":"BTC","triggered_price":68250.5,)"
            R"("target_price":68121.9,"condition":"gt","triggered_at":"2025-01-02T10:11:12.5Z",)"
            R"("created_at":"2025-01-01T00:00:00Z","message":")") +
            why +
            R"(","rule":"BTC rises 5 % within 1h","firing":3,"change":"5.2%","anchor_price":64878,)"
            R"("anchor_time":"2025-01-02T09:58:04.1Z","left_out":1,"blind_seconds":0})");
}

TEST(RuledPayload, TellsHowLongItWasBlind) {
    ClaimedDelivery d = third_rise();
    change_evidence(d, [](rule::Evidence& e) {
        e.blind.push_back(
            {{}, time("2025-01-02T09:00:00Z"), time("2025-01-02T09:15:00Z"), "binance was silent"});
    });
    EXPECT_TRUE(ruled_payload(d).ends_with(R"("left_out":1,"blind_seconds":900})")) << ruled_payload(d);
}

TEST(RuledPayload, OfALevelThatIsANumberHasNoAnchor) {
    ClaimedDelivery d = third_rise();
    d.firing->terms =
        terms_of({.ticker = "BTC", .word = Word::crosses, .level = {.number = number("70000")}});
    d.firing->level = number("70000");
    d.firing->condition = Condition::lt;
    change_evidence(d, [](rule::Evidence& e) {
        e.rules[0] = {.is = Word::crosses,
                      .level = {.value = number("70000")},
                      .value = number("69999.5"),
                      .is_true = true};
    });
    EXPECT_TRUE(holds(d, R"("target_price":70000,"condition":"lt")")) << ruled_payload(d);
    EXPECT_TRUE(holds(d, R"("change":null,"anchor_price":null,"anchor_time":null)")) << ruled_payload(d);
}

TEST(RuledPayload, OfAChannelTellsTheBoundThatWasPassed) {
    ClaimedDelivery d = third_rise();
    const Level lower{.from = Anchor::start, .by = Change{number("-5"), true}};
    d.firing->terms = terms_of(
        {.ticker = "BTC", .word = Word::outside, .level = lower, .upper = Level{.number = number("70000")}});
    const auto pass = [&](const char* value, const char* level, Condition side) {
        d.alert.triggered_price = number(value);
        d.firing->level = number(level);
        d.firing->condition = side;
        change_evidence(d, [&](rule::Evidence& e) {
            e.rules[0] = {.is = Word::outside,
                          .level = {.value = number("61634.1"),
                                    .anchor =
                                        rule::AnchorSeen{
                                            Anchor::start, {}, number("64878"), time("2025-01-01T00:00:00Z")},
                                    .by = lower.by},
                          .upper = rule::LevelSeen{.value = number("70000")},
                          .value = number(value),
                          .is_true = true};
        });
    };
    pass("61000", "61634.1", Condition::lt);
    EXPECT_TRUE(holds(d, R"("triggered_price":61000,"target_price":61634.1,"condition":"lt")"));
    EXPECT_TRUE(holds(d, R"("change":"-5.98%","anchor_price":64878,"anchor_time":"2025-01-01T00:00:00Z")"))
        << ruled_payload(d);
    pass("70001", "70000", Condition::gt);
    EXPECT_TRUE(holds(d, R"("triggered_price":70001,"target_price":70000,"condition":"gt")"));
    EXPECT_TRUE(holds(d, R"("change":null,"anchor_price":null)")) << ruled_payload(d);
}

TEST(RuledPayload, OfAnAgeTellsTheLimitAndTheLastPrice) {
    ClaimedDelivery d = third_rise();
    d.firing->terms = terms_of({.ticker = "BTC", .watched = Watched::age, .level = {.number = number("60")}});
    d.firing->level = number("60");
    d.alert.triggered_price = number("60");
    change_evidence(d, [](rule::Evidence& e) {
        e.rules[0] = {
            .is = Word::above, .level = {.value = number("60")}, .value = number("60"), .is_true = true};
        e.last_price = number("65000.5");
    });
    EXPECT_TRUE(holds(d, R"("triggered_price":65000.5,"target_price":60,"condition":"gt")"))
        << ruled_payload(d);
    change_evidence(d, [](rule::Evidence& e) { e.last_price.reset(); });
    EXPECT_TRUE(holds(d, R"("triggered_price":null,"target_price":60,"condition":"gt")")) << ruled_payload(d);
}

TEST(RuledPayload, OfAnyTellsTheRuleThatFired) {
    ClaimedDelivery d = third_rise();
    Terms both{.joined = Joined::any,
               .rules = {{.ticker = "BTC", .level = {.number = number("90000")}}, rise}};
    d.firing->terms = std::make_shared<const Terms>(both);
    change_evidence(d, [](rule::Evidence& e) {
        e.rules.insert(e.rules.begin(), {.is = Word::above,
                                         .level = {.value = number("90000")},
                                         .value = number("68250.5"),
                                         .is_true = false});
        e.rules[0].ticker = e.rules[1].ticker = "BTC";
        e.shown = 1;
    });
    EXPECT_TRUE(holds(d, R"("change":"5.2%","anchor_price":64878)")) << ruled_payload(d);
}

TEST(RuledPayload, OfSeveralTickersNamesTheOneWhosePriceItShows) {
    ClaimedDelivery d = third_rise();
    const Rule eth{.ticker = "ETH", .word = Word::above, .level = {.number = number("4000")}};
    const auto join = [&](Joined joined, std::size_t shown) {
        d.firing->terms = std::make_shared<const Terms>(Terms{
            .joined = joined,
            .rules = {{.ticker = "BTC", .word = Word::above, .level = {.number = number("90000")}}, eth}});
        rule::Evidence evidence{.shown = shown};
        for (const Rule& rule : d.firing->terms->rules) {
            evidence.rules.push_back({.ticker = rule.ticker,
                                      .is = rule.word,
                                      .level = {.value = rule.level.number},
                                      .value = number("4001"),
                                      .is_true = true});
        }
        d.firing->evidence = rule::to_json(evidence);
    };
    d.alert.triggered_price = number("4001");
    join(Joined::any, 1);
    EXPECT_TRUE(holds(d, R"("ticker":"BTC","triggered_price":4001)")) << ruled_payload(d);
    EXPECT_TRUE(holds(d, R"("firing":3,"triggered_ticker":"ETH","change":)")) << ruled_payload(d);
    join(Joined::any, 0);
    EXPECT_TRUE(holds(d, R"("firing":3,"triggered_ticker":"BTC","change":)")) << ruled_payload(d);
    join(Joined::all, 0);
    EXPECT_TRUE(holds(d, R"("firing":3,"triggered_ticker":"BTC","change":)")) << ruled_payload(d);
    join(Joined::any, 1);
    d.firing->evidence.clear();
    EXPECT_TRUE(holds(d, R"("firing":3,"triggered_ticker":null,"change":)")) << ruled_payload(d);
    d.kind = DeliveryKind::test;
    EXPECT_TRUE(holds(d, R"("firing":3,"triggered_ticker":"BTC","change":)")) << "its price is BTC's";
}

TEST(RuledPayload, WithoutReadableEvidenceTellsTheFiringAlone) {
    ClaimedDelivery d = third_rise();
    for (const char* evidence : {"", "{", R"({"rules":[{"is":"jumps"}]})"}) {
        d.firing->evidence = evidence;
        EXPECT_TRUE(holds(d, R"("triggered_price":68250.5,"target_price":68121.9,"condition":"gt")"))
            << evidence;
        EXPECT_TRUE(holds(d, R"("message":"BTC rises 5 % within 1h: 68250.5",)")) << ruled_payload(d);
        EXPECT_TRUE(holds(d, R"("firing":3,"change":null,"anchor_price":null,"anchor_time":null)"))
            << evidence;
    }
}

TEST(RuledPayload, SaysWhatItsUserWantsItToSay) {
    ClaimedDelivery d = third_rise();
    d.alert.message = "{{ticker}} is up {{change}} since {{anchor_time}}: \"sell\"";
    EXPECT_TRUE(holds(d, R"("message":"BTC is up 5.2% since 2025-01-02T09:58:04.1Z: \"sell\"",)"))
        << ruled_payload(d);
    d.kind = DeliveryKind::test;
    EXPECT_TRUE(holds(d, R"("message":"Test: BTC is up)")) << ruled_payload(d);
}

TEST(RuledPayload, APlainAlertsMessageIsFilledAndNothingElseIsAdded) {
    ClaimedDelivery d = third_rise();
    d.firing.reset();
    d.alert.terms.reset();
    d.alert.condition = Condition::gt;
    d.alert.target = number("68000");
    d.alert.message = "{{rule}}, {{firing}}: {{price}} > {{level}}{{change}}";
    EXPECT_EQ(ruled_message(d), "BTC rises above 68,000, 1: 68250.5 > 68000");
    EXPECT_TRUE(ruled_payload(d).ends_with(R"("message":"BTC rises above 68,000, 1: 68250.5 > 68000"})"))
        << ruled_payload(d);
}

TEST(RuledPayload, MarksAUsersMessageOfALateFiring) {
    ClaimedDelivery d = third_rise();
    d.alert.message = "sell";
    d.alert.late = LateFiring{time("2025-01-02T09:00:00Z"), time("2025-01-02T09:00:00Z"), {"okx"}};
    EXPECT_EQ(ruled_message(d), "sell (late: happened at 2025-01-02T09:00:00Z)");
}

ClaimedDelivery test_event() {
    ClaimedDelivery d = third_rise();
    d.kind = DeliveryKind::test;
    d.alert.triggered_price = number("65000");
    d.firing->number = 2;
    d.firing->level = {};
    d.firing->evidence.clear();
    return d;
}

TEST(RuledPayload, OfATestHasAValueForEachMember) {
    ClaimedDelivery d = test_event();
    const std::string body = ruled_payload(d);
    EXPECT_TRUE(
        body.ends_with(R"("message":"Test: BTC rises 5 % within 1h: 65000","test":true,)"
                       R"("rule":"BTC rises 5 % within 1h","firing":2,"change":"0%","anchor_price":65000,)"
                       R"("anchor_time":"2025-01-02T10:11:12.5Z","left_out":0,"blind_seconds":0})"))
        << body;
    EXPECT_TRUE(holds(d, R"("triggered_price":65000,"target_price":65000,"condition":"gt")")) << body;
    d.firing->terms = terms_of({.ticker = "BTC", .word = Word::above, .level = {.number = number("70000")}});
    d.firing->level = number("70000");
    EXPECT_TRUE(holds(d, R"("target_price":70000)"));
    EXPECT_TRUE(holds(d, R"("change":null,"anchor_price":null)")) << ruled_payload(d);
    EXPECT_TRUE(webhook_body(d).test);
    EXPECT_EQ(webhook_body(d).event, "");
}

ClaimedDelivery expiry() {
    ClaimedDelivery d = third_rise();
    d.kind = DeliveryKind::expired;
    d.alert.triggered_at = time("2025-02-01T00:00:00Z");
    d.alert.triggered_price = number("69980.2");
    d.firing->terms = terms_of({.ticker = "BTC", .word = Word::above, .level = {.number = number("70000")}});
    d.firing->level = number("70000");
    d.firing->number = 0;
    d.firing->evidence = rule::to_json(
        {.rules = {{.is = Word::above,
                    .level = {.value = number("70000")},
                    .value = number("69980.2"),
                    .is_true = false}},
         .closest = rule::Closest{number("69999.5"), number("0.5"), time("2025-01-02T09:14:00Z"), 1min}});
    return d;
}

TEST(RuledPayload, OfAnExpirySaysSoAndHowCloseItCame) {
    ClaimedDelivery d = expiry();
    d.alert.message = "sell half";  // nothing that happened
    EXPECT_EQ(
        ruled_payload(d),
        R"({"alert_id":"018f3f6e-7c1a-7a3b-8f00-0123456789ab","ticker":"BTC","triggered_price":69980.2,)"
        R"("target_price":70000,"condition":"gt","triggered_at":"2025-02-01T00:00:00Z",)"
        R"("created_at":"2025-01-01T00:00:00Z","message":"Expired: BTC rises above 70,000. It has not fired. )"
        R"(It came as close as 0.5, on 2 Jan 09:14.","rule":"BTC rises above 70,000","firing":0,"change":null,)"
        R"("anchor_price":null,"anchor_time":null,"left_out":0,"blind_seconds":0,"event":"expired",)"
        R"("closest":{"price":69999.5,"distance":0.5,"time":"2025-01-02T09:14:00Z","within":"1m"}})");
    const WebhookBody body = webhook_body(d);
    EXPECT_EQ(body.event, "expired");
    EXPECT_FALSE(body.test);
    change_evidence(d, [](rule::Evidence& e) { e.closest.reset(); });
    d.firing->number = 3;
    EXPECT_EQ(ruled_message(d),
              "Expired: BTC rises above 70,000. It has fired 3 times. At its end it was 19.8 away.");
    d.firing->evidence.clear();
    d.firing->number = 1;
    d.alert.triggered_price.reset();
    EXPECT_EQ(ruled_message(d), "Expired: BTC rises above 70,000. It has fired once.");
    EXPECT_TRUE(holds(d, R"("triggered_price":null)"));
    EXPECT_TRUE(ruled_payload(d).ends_with(R"("event":"expired","closest":null})")) << ruled_payload(d);
    d.firing->terms = terms_of(rise);
    d.firing->level = {};
    EXPECT_TRUE(holds(d, R"("target_price":null)")) << ruled_payload(d);
}

TEST(RuledPayload, ChatsSayTheSame) {
    ClaimedDelivery d = third_rise();
    const auto text = [&](PayloadFormat format) {
        d.alert.format = format;
        return webhook_body(d).text;
    };
    EXPECT_EQ(text(PayloadFormat::slack),
              std::string(R"({"text":")") + why + R"(\n2025-01-02T10:11:12.5Z"})");
    d.alert.message = "<!channel> & {{change}}";
    EXPECT_EQ(text(PayloadFormat::slack),
              R"({"text":"&lt;!channel&gt; &amp; 5.2%\n2025-01-02T10:11:12.5Z"})");
    EXPECT_TRUE(text(PayloadFormat::discord).starts_with(R"({"content":"<!channel> & 5.2%\n2025)"));
    d = expiry();
    EXPECT_TRUE(
        text(PayloadFormat::slack).starts_with(R"({"text":"Expired: BTC rises above 70,000. It has)"));
}

TEST(RuledPayload, AMessageThatIsTooLongForAChatIsCut) {
    ClaimedDelivery d = third_rise();
    d.alert.format = PayloadFormat::discord;
    d.alert.note = "a note";
    for (int i = 0; i < 100; ++i) d.alert.message += "{{rule}}€\n";
    ASSERT_TRUE(check_message(d.alert.message));
    const std::string body = webhook_body(d).text;
    EXPECT_NE(body.find(R"(…\n2025-01-02T10:11:12.5Z")"), body.npos) << body;
    EXPECT_LE(count_code_points(body), discord_limit + 200) << "escapes and what is around it";
    EXPECT_EQ(body.find("a note"), body.npos) << "there was no room for it";
}

TEST(RuledPayload, TemplatesHaveItsValues) {
    ClaimedDelivery d = third_rise();
    d.alert.format = PayloadFormat::custom;
    d.alert.custom = WebhookTemplate{
        R"({"r":"{{rule}}","f":{{firing}},"l":{{level}},"c":"{{change}}","p":{{anchor_price}},"t":"{{anchor_time}}",)"
        R"("o":{{left_out}},"b":{{blind_seconds}},"g":{{target}},"s":"{{condition}}"})",
        "application/json"};
    ASSERT_TRUE(check_template(*d.alert.custom)) << check_template(*d.alert.custom).error().message;
    EXPECT_EQ(
        webhook_body(d).text,
        R"({"r":"BTC rises 5 % within 1h","f":3,"l":68121.9,"c":"5.2%","p":64878,"t":"2025-01-02T09:58:04.1Z",)"
        R"("o":1,"b":0,"g":68121.9,"s":"gt"})");
}

TEST(RuledPayload, IsTheSameOnEveryAttempt) {
    for (const PayloadFormat format : {PayloadFormat::json, PayloadFormat::slack}) {
        ClaimedDelivery d = third_rise();
        d.alert.format = format;
        const std::string first = webhook_body(d).text;
        d.attempt = 4;
        d.alert.state.firings = 7;
        d.alert.state.revision = 2;
        d.alert.terms = terms_of({.ticker = "BTC", .level = {.number = number("1")}});
        EXPECT_EQ(webhook_body(d).text, first) << "its firing's rule counts, not the alert's present one";
    }
}

}  // namespace
}  // namespace pricewire::webhook
