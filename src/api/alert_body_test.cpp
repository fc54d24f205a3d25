// What bodies say of alerts: made, changed and previewed.
#include "api/alert_body.hpp"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "api/responses.hpp"
#include "rule/canonical.hpp"

namespace pricewire::api {
namespace {

using namespace std::chrono_literals;

const std::vector<Ticker> pinned{"BTC", "ETH"};
const KnownTickers known(pinned);
const net::UrlPolicy policy;
const Timestamp now = *parse_rfc3339("2025-01-01T00:00:00Z");
const AlertContext context{known, policy, now};

std::string with_url(const std::string& members) {
    return R"({"ticker":"BTC","webhook_url":"https://hooks.example.com/a",)" + members + "}";
}

// "body when level by: The level would not be above 0 (greater_than)", one line for each.
template <typename T>
std::string errors(const Parsed<T>& parsed) {
    if (parsed) return "";
    std::string out;
    for (const Issue& issue : parsed.error()) {
        std::string loc;
        for (const LocStep& step : issue.loc) {
            if (!loc.empty()) loc += ' ';
            if (const auto* name = std::get_if<std::string>(&step)) {
                loc += *name;
            } else {
                loc += std::to_string(std::get<std::size_t>(step));
            }
        }
        if (!out.empty()) out += '\n';
        out += loc + ": " + issue.message + " (" + issue.type + ")";
    }
    return out;
}

std::string errors_of(const std::string& members) {
    return errors(parse_alert_body(with_url(members), context));
}

Alert made(const std::string& members) {
    auto body = parse_alert_body(with_url(members), context);
    EXPECT_EQ(errors(body), "") << members;
    return body ? alert_of(std::move(*body), make_uuid(now), now) : Alert{};
}

Alert changed(const Alert& alert, const std::string& body) {
    auto change = parse_alert_change(body, alert, context);
    EXPECT_EQ(errors(change), "") << body;
    return change ? std::move(change->alert) : Alert{};
}

std::string refusal_of(const Alert& alert, const std::string& body) {
    return errors(parse_alert_change(body, alert, context));
}

std::string when_of(const Alert& alert) {
    return rule::when_json(terms_of(alert), alert.ticker);
}

TEST(AlertBody, OneNumberAboveOrBelowIsInThePlainFormHoweverItWasWritten) {
    for (
        const char* spelled :
        {R"("condition":"gt","target_price":70000)", R"("when":{"is":"above","level":70000})",
         R"("when":{"is":"above","level":"70000.00"},"for":null,"repeat":null,"expires_at":null,"message":null)",
         R"("condition":"gt","target_price":"7e4","for":0)"}) {
        const Alert alert = made(spelled);
        EXPECT_TRUE(is_plain(alert)) << spelled;
        EXPECT_EQ(alert.target, Decimal::from_int(70000));
        EXPECT_EQ(alert.condition, Condition::gt);
    }
    for (const char* spelled :
         {R"("when":{"is":"crosses_up","level":70000})",
          R"("condition":"gt","target_price":70000,"for":"5m")",
          R"("condition":"gt","target_price":70000,"repeat":{})",
          R"("condition":"gt","target_price":70000,"expires_at":"2025-02-01T00:00:00Z")",
          R"("condition":"gt","target_price":70000,"starts_at":"2025-02-01T00:00:00Z")",
          R"("condition":"gt","target_price":70000,"snoozed_until":"2025-02-01T00:00:00Z")",
          R"("condition":"gt","target_price":70000,"watch":{"close":"1h"})"}) {
        const Alert alert = made(spelled);
        ASSERT_TRUE(alert.terms) << spelled;
        EXPECT_EQ(alert.target, Decimal::from_int(70000)) << spelled << " is shown with both spellings";
        EXPECT_EQ(alert.condition, Condition::gt);
    }
    const Alert told = made(R"("condition":"gt","target_price":70000,"message":"up")");
    EXPECT_FALSE(told.terms) << "a text does not decide when it fires";
    EXPECT_FALSE(is_plain(told));
}

TEST(AlertBody, TheFormOfBeforeHasTheErrorsOfBefore) {
    EXPECT_EQ(errors(parse_alert_body("{}", context)),
              "body ticker: Field required (missing)\nbody target_price: Field required (missing)\n"
              "body condition: Field required (missing)\nbody webhook_url: Field required (missing)");
    EXPECT_EQ(errors_of(R"("condition":"up","target_price":-1)"),
              "body target_price: Input should be greater than 0 (greater_than)\n"
              "body condition: Input should be 'gt' or 'lt' (enum)");
    EXPECT_EQ(errors_of(R"("condition":"gt","target_price":[],"note":7)"),
              "body target_price: Input should be a number, or a string of its digits (decimal_type)\n"
              "body note: Input should be a valid string (string_type)");
}

TEST(AlertBody, ErrorsOfARuleNameThePlaceInIt) {
    EXPECT_EQ(
        errors_of(R"("condition":"gt","target_price":"2","when":{"is":"above","level":1})"),
        "body target_price: Give either when, or condition and target_price; or both alike (value_error)");
    EXPECT_EQ(
        errors_of(R"("when":{"is":"over","level":1},"for":"x","note":"\u0000")"),
        "body when is: Input should be 'above', 'below', 'inside', 'outside', 'crosses_up', 'crosses_down', "
        "'enters', 'leaves' or 'crosses' (enum)\n"
        "body for: Input should be a duration such as 5m, or a number of seconds (duration_parsing)\n"
        "body note: the note has the control character U+0000; of these, only tabs and line breaks are "
        "accepted "
        "(value_error)");
    EXPECT_EQ(errors_of(R"("when":{"all":[{"is":"above","level":1},{"is":"crosses","level":1}]})"),
              "body when all 1 is: Only above, below, inside and outside within all (value_error)");
    EXPECT_EQ(errors_of(R"("when":{"is":"above","level":1,"lvel":2})"),
              "body when lvel: There is no such field here; did you mean 'level'? (extra_forbidden)");
    EXPECT_EQ(errors_of(R"("condition":"gt","target_price":0,"repeat":{"cooldown":"1s"})"),
              "body target_price: Input should be greater than 0 (greater_than)\n"
              "body repeat cooldown: Input should be between 10s and 720h (out_of_range)");
    EXPECT_EQ(errors_of(R"("condition":"gt","target_price":1,"expires_at":"2024-01-01T00:00:00Z")"),
              "body expires_at: Input should be in the future (value_error)");
    EXPECT_EQ(errors_of(R"("when":{"is":"above","level":1},"unknown":1)"), "") << "as today, at the top";
}

TEST(AlertChange, WhatTheBodyLacksStays) {
    const Alert alert = made(
        R"("when":{"is":"above","level":70000},"for":"5m","repeat":{"cooldown":"1m","rearm":"2%","times":3},"note":"n")");
    const Alert other =
        changed(alert, R"({"note":null,"message":"m","deliver_within":"1h","recover":false})");
    EXPECT_EQ(other.note, "");
    EXPECT_EQ(other.message, "m");
    EXPECT_EQ(other.deliver_within, 1h);
    EXPECT_FALSE(other.recover);
    EXPECT_EQ(other.terms, alert.terms);
    const Alert held = changed(alert, R"({"for":"10m"})");
    EXPECT_EQ(held.terms->hold, 10min);
    EXPECT_EQ(held.terms->rules, alert.terms->rules);
    EXPECT_EQ(held.terms->repeat, alert.terms->repeat);
    const Alert once = changed(alert, R"({"repeat":null})");
    EXPECT_FALSE(once.terms->repeat);
    EXPECT_EQ(once.terms->hold, 5min);
    EXPECT_EQ(changed(alert, "{}").terms, alert.terms);
    EXPECT_EQ(changed(alert, R"({"for":"300s","when":{"is":"above","level":"70000.0"}})").terms, alert.terms)
        << "the same in other words is no change";
}

TEST(AlertChange, ANumberOrASideMovesTheRuleThatThereIs) {
    const Alert crosses = made(R"("when":{"is":"crosses_up","level":70000},"watch":{"close":"1h"})");
    EXPECT_EQ(when_of(changed(crosses, R"({"target_price":71000})")),
              R"({"watch":{"close":"1h"},"is":"crosses_up","level":71000})");
    EXPECT_EQ(when_of(changed(crosses, R"({"condition":"lt"})")),
              R"({"watch":{"close":"1h"},"is":"crosses_down","level":70000})");
    EXPECT_EQ(when_of(changed(crosses, R"({"watch":null})")), R"({"is":"crosses_up","level":70000})");
    EXPECT_EQ(when_of(changed(crosses, R"({"watch":{"close":"4h"}})")),
              R"({"watch":{"close":"4h"},"is":"crosses_up","level":70000})");
    const Alert plain = made(R"("condition":"gt","target_price":70000)");
    const Alert moved = changed(plain, R"({"target_price":"71000","condition":"lt"})");
    EXPECT_EQ(when_of(moved), R"({"is":"below","level":71000})");
    EXPECT_EQ(moved.target, Decimal::from_int(71000));
    const Alert channel = made(R"("when":{"is":"outside","level":[1,2]})");
    EXPECT_EQ(refusal_of(channel, R"({"target_price":3})"), "body condition: Field required (missing)");
    EXPECT_EQ(when_of(changed(channel, R"({"target_price":3,"condition":"gt"})")),
              R"({"is":"above","level":3})");
    EXPECT_EQ(refusal_of(channel, R"({"when":null})"),
              "body target_price: Field required (missing)\nbody condition: Field required (missing)");
    EXPECT_EQ(refusal_of(channel, R"({"when":{"is":"above","level":1},"condition":"lt"})"),
              "body condition: Give either when, or condition and target_price; or both alike (value_error)");
}

TEST(AlertChange, AnotherTickerTakesTheRulesOfTheAlertsTickerAlong) {
    const Alert both =
        made(R"("when":{"all":[{"is":"above","level":70000},{"ticker":"ETH","is":"below","level":2500}]})");
    const Alert moved = changed(both, R"({"ticker":"eth"})");
    EXPECT_EQ(moved.ticker, Ticker("ETH"));
    EXPECT_EQ(moved.terms->rules[0].ticker, Ticker("ETH"));
    EXPECT_EQ(moved.terms->rules[1].ticker, Ticker("ETH"));
    EXPECT_EQ(refusal_of(both, R"({"ticker":"XYZ"})").find("body ticker: Input should be one of BTC, ETH"),
              0U);
    EXPECT_EQ(refusal_of(both, R"({"ticker":null})"),
              "body ticker: Input should be a valid string (string_type)");
}

TEST(AlertChange, ATickerThatIsListedNoMoreStaysInRulesThatStay) {
    const Alert ratio = made(R"("when":{"watch":{"ratio_to":"ETH"},"is":"above","level":20})");
    const std::vector<Ticker> left{"BTC"};
    const KnownTickers without_eth(left);
    const AlertContext later{without_eth, policy, now};
    const auto repeats = parse_alert_change(R"({"repeat":{"times":2}})", ratio, later);
    ASSERT_EQ(errors(repeats), "");
    EXPECT_EQ(repeats->alert.terms->rules, ratio.terms->rules);
    EXPECT_EQ(repeats->alert.terms->repeat->times, 2);
    EXPECT_TRUE(errors(parse_alert_change(R"({"when":{"watch":{"ratio_to":"ETH"},"is":"above","level":21}})",
                                          ratio, later))
                    .starts_with("body when watch ratio_to: "));
}

TEST(AlertChange, AMarginThatWasTheDefaultFollowsTheRule) {
    const Alert by_default = made(R"("when":{"is":"above","level":70000},"repeat":{"times":3})");
    const Alert relative =
        changed(by_default, R"({"when":{"is":"above","level":{"from":"start","by":"5%"}}})");
    EXPECT_TRUE(relative.terms->repeat->rearm.amount.is_zero());
    EXPECT_EQ(relative.terms->repeat->times, 3);
    const Alert chosen = made(R"("when":{"is":"above","level":70000},"repeat":{"rearm":"1%"})");
    EXPECT_EQ(changed(chosen, R"({"target_price":1})").terms->repeat->rearm,
              (Change{Decimal::from_int(1), true}));
}

TEST(AlertChange, RefusesWhatItDoesNotKnowAndWhatOnlyFollows) {
    const Alert alert = made(R"("condition":"gt","target_price":70000)");
    EXPECT_EQ(
        refusal_of(alert, R"({"tarket_price":1,"id":"x","zzzzzzzz":1})"),
        "body tarket_price: There is no such field here; did you mean 'target_price'? (extra_forbidden)\n"
        "body id: It cannot be changed (extra_forbidden)\n"
        "body zzzzzzzz: There is no such field here (extra_forbidden)");
    EXPECT_EQ(refusal_of(alert, R"({"is_active":"no"})"),
              "body is_active: Input should be true or false (bool_type)");
    EXPECT_EQ(refusal_of(alert, "[]"), "body: Input should be a JSON object (model_attributes_type)");
    EXPECT_EQ(refusal_of(alert, ""), "body: Field required (missing)");
    EXPECT_EQ(refusal_of(alert, R"({"webhook_url":null})"),
              "body webhook_url: Input should be a valid string (string_type)");
}

TEST(AlertChange, ALifeIsCheckedAsAWhole) {
    const Alert alert = made(
        R"("condition":"gt","target_price":70000,"starts_at":"2025-03-01T00:00:00Z","expires_at":"2025-04-01T00:00:00Z")");
    EXPECT_EQ(refusal_of(alert, R"({"expires_at":"2025-02-01T00:00:00Z"})"),
              "body expires_at: Input should be in the future (value_error)");
    EXPECT_EQ(refusal_of(alert, R"({"starts_at":"2025-05-01T00:00:00Z"})"),
              "body expires_at: Input should be in the future (value_error)");
    const Alert endless = changed(alert, R"({"expires_at":null,"starts_at":"2025-05-01T00:00:00Z"})");
    EXPECT_FALSE(endless.state.expires_at);
    EXPECT_EQ(endless.state.starts_at, *parse_rfc3339("2025-05-01T00:00:00Z"));

    Alert expired = alert;
    expired.is_active = false;
    expired.ended = AlertEnd::expired;
    expired.state.expires_at = now - 1h;
    expired.state.starts_at.reset();
    EXPECT_EQ(refusal_of(expired, R"({"note":"x"})"), "");
    EXPECT_EQ(refusal_of(expired, R"({"is_active":true})"),
              "body expires_at: Input should be in the future (value_error)");
    EXPECT_TRUE(changed(expired, R"({"is_active":true,"expires_at":null})").is_active);
    EXPECT_TRUE(changed(expired, R"({"is_active":null,"expires_at":null})").is_active) << "the default";
}

TEST(AlertChange, AFormatTakesItsTemplateAlong) {
    const Alert alert =
        made(R"("condition":"gt","target_price":1,"format":"template","template":{"body":"1"})");
    EXPECT_FALSE(changed(alert, R"({"format":null})").custom);
    EXPECT_EQ(changed(alert, R"({"template":{"body":"2"}})").custom->body, "2");
    EXPECT_EQ(refusal_of(alert, R"({"template":null})"),
              "body template: Field required where format is 'template' (missing)");
    const Alert plain = made(R"("condition":"gt","target_price":1)");
    EXPECT_EQ(refusal_of(plain, R"({"format":"template"})"),
              "body template: Field required where format is 'template' (missing)");
    EXPECT_EQ(refusal_of(plain, R"({"template":{"body":"1"}})"),
              "body template: Only where format is 'template' (value_error)");
}

TEST(PreviewBody, NeedsNoUrlAndTakesDays) {
    const auto parsed =
        parse_preview_body(R"({"ticker":"BTC","when":{"is":"above","level":1},"over":"7d"})", context);
    ASSERT_TRUE(parsed) << errors(parsed);
    EXPECT_EQ(parsed->over, 7 * 24h);
    const auto by_default =
        parse_preview_body(R"({"ticker":"BTC","condition":"gt","target_price":1})", context);
    ASSERT_TRUE(by_default);
    EXPECT_EQ(by_default->over, 30 * 24h);
    const auto over = [](const std::string& text) {
        return errors(parse_preview_body(
            R"({"ticker":"BTC","when":{"is":"above","level":1},"over":)" + text + "}", context));
    };
    EXPECT_EQ(over("\"91d\""), "body over: Input should be between 1h and 90d (out_of_range)");
    EXPECT_EQ(over("\"59m\""), "body over: Input should be between 1h and 90d (out_of_range)");
    EXPECT_EQ(over("\"90d\""), "");
    EXPECT_EQ(over("\"xd\""), "body over: Input should be a duration such as 24h or 30d (duration_parsing)");
    EXPECT_EQ(over("\"99999d\""),
              "body over: Input should be a duration such as 24h or 30d (duration_parsing)");
    EXPECT_EQ(over("5"), "body over: Input should be a valid string (string_type)");
}

}  // namespace
}  // namespace pricewire::api
