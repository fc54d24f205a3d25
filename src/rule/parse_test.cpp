#include "rule/parse.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "rule/canonical.hpp"

namespace pricewire::rule {
namespace {

std::expected<Ticker, std::string> named(std::string_view text) {
    if (text == "BTC" || text == "btc") return Ticker("BTC");
    if (text == "ETH" || text == "DOGE") return Ticker(text);
    return std::unexpected(fmt::format("There is no {} here", text));
}

std::optional<std::string_view> member(const std::string& text) {
    if (text.empty()) return std::nullopt;
    return text;
}

struct Body {
    std::string when, hold = {}, repeat = {}, watch = {};
    std::string ticker = "BTC";
};

Checked<Terms> parsed(const Body& body) {
    RuleInput input;
    input.ticker = Ticker(body.ticker);
    input.when = member(body.when);
    input.watch = member(body.watch);
    input.hold = member(body.hold);
    input.repeat = member(body.repeat);
    return parse_terms(input, named);
}

std::string line(const RuleIssue& issue) {
    std::string out;
    for (const PathPart& part : issue.path) {
        const auto* const index = std::get_if<std::size_t>(&part);
        out += index != nullptr ? fmt::format("{} ", *index) : std::get<std::string>(part) + ' ';
    }
    return out + "| " + issue.message + " | " + issue.type;
}
// One line an error: "when level by | message | type".
std::string errors(const Body& body) {
    const auto terms = parsed(body);
    std::string out;
    if (terms) return out;
    for (const RuleIssue& issue : terms.error()) out += (out.empty() ? "" : "\n") + line(issue);
    return out;
}
// The canonical spelling without the outermost members.
std::string spelled(const Body& body) {
    const auto terms = parsed(body);
    if (!terms) return "refused: " + errors(body);
    return when_json(*terms, Ticker(body.ticker));
}
std::string repeat_of(const Body& body) {
    const auto terms = parsed(body);
    if (!terms) return "refused: " + errors(body);
    return repeat_json(*terms);
}

constexpr const char* words =
    "Input should be 'above', 'below', 'inside', 'outside', 'crosses_up', 'crosses_down', 'enters', 'leaves' "
    "or "
    "'crosses'";

TEST(RuleParse, ReadsEachKind) {
    for (
        const char* const when :
        {R"({"is":"above","level":70000})",
         R"({"is":"below","level":0.000000000000000001})",
         R"({"is":"crosses","level":70000})",
         R"({"is":"crosses_up","level":70000})",
         R"({"is":"crosses_down","level":70000})",
         R"({"is":"inside","level":[0.99,1.01]})",
         R"({"is":"outside","level":[0.99,1.01]})",
         R"({"is":"enters","level":[0.99,1.01]})",
         R"({"is":"leaves","level":[0.99,1.01]})",
         R"({"is":"above","level":{"from":65000,"by":"2%"}})",
         R"({"is":"outside","level":[{"from":"start","by":"-5%"},{"from":"start","by":"5%"}]})",
         R"({"is":"above","level":{"from":"low","over":"1h","by":"5%"}})",
         R"({"is":"below","level":{"from":"high","by":"-3%"}})",
         R"({"is":"below","level":{"from":"high","by":"-500"}})",
         R"({"is":"above","level":{"from":"high","over":"24h"}})",
         R"({"is":"above","level":{"from":"high","over":"7d"}})",
         R"({"watch":{"close":"1h"},"is":"above","level":70000})",
         R"({"watch":{"ratio_to":"ETH"},"is":"below","level":0.05})",
         R"({"watch":"age","is":"above","level":"1m"})",
         R"({"all":[{"is":"above","level":70000},{"ticker":"ETH","is":"below","level":2500}]})",
         R"({"any":[{"watch":{"ratio_to":"ETH"},"is":"leaves","level":[1,2]},{"ticker":"ETH","is":"crosses","level":2}]})"})
        EXPECT_EQ(spelled({when}), when);
}

TEST(RuleParse, HasOneSpellingOfEverything) {
    EXPECT_EQ(spelled({R"({"level":"70000.00","ticker":"btc","is":"above","watch":null})"}),
              R"({"is":"above","level":70000})");
    EXPECT_EQ(spelled({R"({"is":"above","level":7e4,"watch":"price"})"}), R"({"is":"above","level":70000})");
    EXPECT_EQ(spelled({R"({"is":"above","level":{"from":"65000.0","over":null,"by":null}})"}),
              R"({"is":"above","level":65000})");
    EXPECT_EQ(spelled({R"({"is":"above","level":{"by":"+5.00%","over":"60m","from":"low"}})"}),
              R"({"is":"above","level":{"from":"low","over":"1h","by":"5%"}})");
    EXPECT_EQ(spelled({R"({"watch":"age","is":"above","level":90})"}),
              R"({"watch":"age","is":"above","level":"90s"})");
    EXPECT_EQ(spelled({R"({"watch":{"close":"1d"},"is":"above","level":1})"}),
              R"({"watch":{"close":"24h"},"is":"above","level":1})");
    // At the top, watch is that of the only rule.
    EXPECT_EQ(spelled({.when = R"({"is":"above","level":1})", .watch = R"({"close":"1h"})"}),
              R"({"watch":{"close":"1h"},"is":"above","level":1})");
}

TEST(RuleParse, FillsInDefaults) {
    const std::string number = R"({"is":"above","level":70000})";
    const std::string move = R"({"is":"above","level":{"from":"low","over":"1h","by":"5%"}})";
    const std::string new_high = R"({"is":"above","level":{"from":"high","over":"24h"}})";
    EXPECT_EQ(repeat_of({number}), "null");
    EXPECT_EQ(repeat_of({.when = number, .repeat = "null"}), "null");
    EXPECT_EQ(repeat_of({.when = number, .repeat = "{}"}),
              R"({"cooldown":"5m","rearm":"0.5%","times":null})");
    // A level that begins anew with the firing needs no margin.
    EXPECT_EQ(repeat_of({.when = move, .repeat = "{}"}), R"({"cooldown":"5m","rearm":"0%","times":null})");
    EXPECT_EQ(repeat_of({.when = new_high, .repeat = "{}"}),
              R"({"cooldown":"5m","rearm":"0.5%","times":null})");
    EXPECT_EQ(repeat_of({.when = R"({"any":[)" + number + "," + move + "]}", .repeat = "{}"}),
              R"({"cooldown":"5m","rearm":"0.5%","times":null})");
    EXPECT_EQ(repeat_of({.when = move, .repeat = R"({"cooldown":"900s","rearm":"1.50%","times":"10"})"}),
              R"({"cooldown":"15m","rearm":"1.5%","times":10})");
    EXPECT_EQ(repeat_of({.when = number, .repeat = R"({"rearm":500})"}),
              R"({"cooldown":"5m","rearm":"500","times":null})");
    for (const char* const zero : {"0", R"("0")", R"("0%")", R"("0.00")"})
        EXPECT_EQ(repeat_of({.when = number, .repeat = fmt::format(R"({{"rearm":{}}})", zero)}),
                  R"({"cooldown":"5m","rearm":"0%","times":null})");
    EXPECT_EQ(hold_json(parsed({.when = number, .hold = R"("300s")"}).value()), R"("5m")");
    EXPECT_EQ(hold_json(parsed({.when = number, .hold = "90"}).value()), R"("90s")");
    EXPECT_EQ(hold_json(parsed({.when = number, .hold = R"("0s")"}).value()), "null");
    EXPECT_EQ(hold_json(parsed({.when = number, .hold = R"("24h")"}).value()), R"("24h")");
}

TEST(RuleParse, NeedsOneOfTheTwoForms) {
    EXPECT_EQ(errors({""}), "target_price | Field required | missing\ncondition | Field required | missing");
    RuleInput input;
    input.ticker = Ticker("BTC");
    input.condition = Condition::lt;
    const auto half = parse_terms(input, named);
    ASSERT_FALSE(half);
    EXPECT_EQ(line(half.error().at(0)), "target_price | Field required | missing");
    input.target = Decimal::from_int(5);
    EXPECT_EQ(when_json(parse_terms(input, named).value(), "BTC"), R"({"is":"below","level":5})");
    input.repeat = "{}";
    EXPECT_EQ(repeat_json(parse_terms(input, named).value()),
              R"({"cooldown":"5m","rearm":"0.5%","times":null})");
    input.watch = R"("age")";
    EXPECT_EQ(line(parse_terms(input, named).error().at(0)), "watch | Only gt with age | value_error");
    input.condition = Condition::gt;
    for (const char* const wrong : {"0.5", "604801", "1000000000000"}) {
        input.target = Decimal::parse(wrong).value();
        EXPECT_EQ(line(parse_terms(input, named).error().at(0)),
                  "target_price | Input should be between 1s and 168h | out_of_range")
            << wrong;
    }
    input.target = Decimal::from_int(604'800);
    EXPECT_EQ(when_json(parse_terms(input, named).value(), "BTC"),
              R"({"watch":"age","is":"above","level":"168h"})");
    input.when = R"({"is":"above","level":1})";
    const auto both = parse_terms(input, named);
    ASSERT_FALSE(both);
    EXPECT_EQ(line(both.error().at(0)),
              "when | Give either when, or condition and target_price | value_error");
}

TEST(RuleParse, RefusesWhatIsNotARule) {
    EXPECT_EQ(errors({"70000"}), "when | Input should be a JSON object | model_attributes_type");
    EXPECT_EQ(errors({"{"}), "when | Invalid JSON | json_invalid");
    EXPECT_EQ(errors({"{}"}), "when is | Field required | missing\nwhen level | Field required | missing");
    EXPECT_EQ(errors({R"({"is":"over","level":1})"}), fmt::format("when is | {} | enum", words));
    EXPECT_EQ(errors({R"({"is":1,"level":1})"}), "when is | Input should be a valid string | string_type");
    EXPECT_EQ(errors({R"({"is":"above","level":true})"}),
              "when level | Input should be a number, or a string of its digits | decimal_type");
    EXPECT_EQ(errors({R"({"is":"above","level":"x"})"}).substr(0, 41),
              "when level | Input should be a valid deci");
    EXPECT_EQ(errors({R"({"is":"above","level":0})"}),
              "when level | Input should be greater than 0 | greater_than");
    EXPECT_EQ(errors({R"({"is":"above","level":1e15})"}), "");
    EXPECT_EQ(errors({R"({"is":"above","level":1000000000000001})"}),
              "when level | Input should be less than or equal to 1000000000000000 | less_than_equal");
    EXPECT_EQ(errors({R"({"is":"above","level":1,"level":2})"}),
              "when level | Field is given twice | duplicate");
    EXPECT_EQ(errors({R"({"ticker":"XYZ","is":"above","level":1})"}),
              "when ticker | There is no XYZ here | enum");
    EXPECT_EQ(errors({R"({"ticker":"ETH","is":"above","level":1})"}),
              "when ticker | Input should be the alert's ticker, BTC | value_error");
}

TEST(RuleParse, NamesUnknownMembersAndTheNearestOne) {
    EXPECT_EQ(errors({R"({"is":"above","levle":1,"level":1})"}),
              "when levle | There is no such field here; did you mean 'level'? | extra_forbidden");
    EXPECT_EQ(errors({R"({"is":"above","level":{"from":"low","ovr":"1h","by":"5%"}})"}),
              "when level ovr | There is no such field here; did you mean 'over'? | extra_forbidden");
    EXPECT_EQ(errors({.when = R"({"is":"above","level":1})", .repeat = R"({"cool_down":"5m","every":1})"}),
              "repeat cool_down | There is no such field here; did you mean 'cooldown'? | extra_forbidden\n"
              "repeat every | There is no such field here | extra_forbidden");
    EXPECT_EQ(errors({R"({"watch":{"closes":"1h"},"is":"above","level":1})"}),
              "when watch closes | There is no such field here; did you mean 'close'? | extra_forbidden");
    EXPECT_EQ(errors({.when = R"({"watch":"age","is":"above","level":60})", .watch = R"({"close":"1h"})"}),
              "when watch | Give it either here or beside when | value_error");
    EXPECT_EQ(errors({.when = R"({"any":[{"is":"above","level":1},{"is":"below","level":0.5}]})",
                      .watch = R"({"close":"1h"})"}),
              "watch | Give it in each rule of all or any | value_error");
}

TEST(RuleParse, RefusesLevelsThatCannotBe) {
    const std::string two = "Input should be two levels, the lower one first | value_error";
    EXPECT_EQ(errors({R"({"is":"outside","level":1})"}), "when level | " + two);
    EXPECT_EQ(errors({R"({"is":"outside","level":[1]})"}), "when level | " + two);
    EXPECT_EQ(errors({R"({"is":"outside","level":[1,2,3]})"}), "when level | " + two);
    EXPECT_EQ(errors({R"({"is":"above","level":[1,2]})"}),
              "when level | Input should be one level | value_error");
    const std::string order = "when level | The lower level should be below the upper one | value_error";
    for (const char* const level : {"[2,1]", "[1,1]", R"([{"from":100,"by":"1%"},{"from":102,"by":"-1"}])",
                                    R"([{"from":"start","by":"5%"},{"from":"start","by":"-5%"}])",
                                    R"([{"from":"start","by":"5"},{"from":"start","by":"5"}])",
                                    R"([{"from":"start","by":"5"},{"from":"start","by":"-5%"}])",
                                    R"([{"from":"high","over":"1h"},{"from":"low","over":"24h"}])",
                                    R"([{"from":"high","over":"24h"},{"from":"high","over":"1h"}])",
                                    R"([{"from":"low","over":"1h"},{"from":"low","over":"24h"}])",
                                    R"([{"from":"high"},{"from":"start","by":"-1"}])",
                                    R"([{"from":"start","by":"1%"},{"from":"low"}])"})
        EXPECT_EQ(errors({fmt::format(R"({{"is":"inside","level":{}}})", level)}), order) << level;
    for (const char* const level :
         {R"([{"from":100,"by":"1%"},{"from":102,"by":"-0.99"}])",
          R"([{"from":"start","by":"5"},{"from":"start","by":"5%"}])",
          R"([{"from":"low","over":"24h"},{"from":"low","over":"1h"}])",
          R"([{"from":"high"},{"from":"high","over":"1h"}])",
          R"([{"from":"high","by":"-5%"},{"from":"low","by":"5%"}])", R"([100,{"from":"high"}])"})
        EXPECT_EQ(errors({fmt::format(R"({{"is":"inside","level":{}}})", level)}), "") << level;
}

TEST(RuleParse, RefusesAnchorsThatCannotBe) {
    const auto level = [](const char* json) {
        return errors({fmt::format(R"({{"is":"above","level":{}}})", json)});
    };
    EXPECT_EQ(level(R"({"by":"5%"})"), "when level from | Field required | missing");
    EXPECT_EQ(level(R"({"from":"average","by":"5%"})"),
              "when level from | Input should be a number, 'start', 'high' or 'low' | enum");
    EXPECT_EQ(level(R"({"from":"number","by":"5%"})"),
              "when level from | Input should be a number, 'start', 'high' or 'low' | enum");
    EXPECT_EQ(level(R"({"from":0,"by":"5%"})"),
              "when level from | Input should be greater than 0 | greater_than");
    const std::string over =
        "when level over | Input should be 1m, 5m, 15m, 30m, 1h, 2h, 4h, 6h, 12h, 24h or 7d | enum";
    for (const char* const bad : {R"("3h")", R"("x")", "3600", "{}", R"("0s")"})
        EXPECT_EQ(level(fmt::format(R"({{"from":"low","over":{},"by":"5%"}})", bad).c_str()), over) << bad;
    EXPECT_EQ(level(R"({"from":"start","over":"1h","by":"5%"})"),
              "when level over | Only with high and low | value_error");
    EXPECT_EQ(level(R"({"from":100,"over":"1h","by":"5%"})"),
              "when level over | Only with high and low | value_error");
    const std::string by = "when level by | Input should be a change such as 5%, -3% or -500 | value_error";
    EXPECT_EQ(level(R"({"from":"start"})"), by);
    for (const char* const bad : {R"("0%")", R"("0")", R"("")", R"("%")", R"("5 %")", R"("five")", "5",
                                  "-500", R"("5.00001%")", R"("+-5%")", R"("--5")", R"("10000.0001%")", "{}"})
        EXPECT_EQ(level(fmt::format(R"({{"from":"start","by":{}}})", bad).c_str()), by) << bad;
    EXPECT_EQ(level(R"({"from":"start","by":"5.0001%"})"), "");
    EXPECT_EQ(level(R"({"from":"start","by":"0.000000000000000001"})"), "");
    const std::string positive = "when level by | The level would not be above 0 | greater_than";
    EXPECT_EQ(level(R"({"from":"start","by":"-100%"})"), positive);
    EXPECT_EQ(level(R"({"from":100,"by":"-100"})"), positive);
    EXPECT_EQ(level(R"({"from":100,"by":"-99.99"})"), "");
    EXPECT_EQ(level(R"({"from":"high","by":"-99.9999%"})"), "");
}

TEST(RuleParse, RefusesWhatDoesNotGoTogether) {
    const std::string move = R"({"is":"above","level":{"from":"low","over":"1h","by":"5%"}})";
    EXPECT_EQ(errors({.when = move, .hold = R"("5m")"}), "for | Not together with over | value_error");
    EXPECT_EQ(errors({.when = R"({"is":"below","level":{"from":"high","by":"-5%"}})", .hold = R"("5m")"}),
              "");
    EXPECT_EQ(errors({R"({"watch":{"close":"1h"},"is":"above","level":{"from":"start","by":"5%"}})"}),
              "when level | Only a number with close | value_error");
    EXPECT_EQ(errors({R"({"watch":{"close":"3h"},"is":"above","level":5})"}),
              "when watch close | Input should be 1m, 5m, 15m, 30m, 1h, 2h, 4h, 6h, 12h, 24h or 7d | enum");
    EXPECT_EQ(errors({R"({"watch":{"ratio_to":"BTC"},"is":"above","level":5})"}),
              "when watch ratio_to | Input should be another ticker than BTC | value_error");
    EXPECT_EQ(errors({R"({"watch":"gap","is":"above","level":5})"}),
              R"(when watch | Input should be "age", {"close": "1h"} or {"ratio_to": "BTC"} | value_error)");
    EXPECT_EQ(errors({R"({"watch":"age","is":"below","level":"60s"})"}),
              "when is | Only above with age | value_error");
    EXPECT_EQ(errors({.when = R"({"watch":"age","is":"above","level":"60s"})", .hold = R"("5m")"}),
              "for | Only null with age | value_error");
    EXPECT_EQ(
        errors({R"({"watch":"age","is":"above","level":"soon"})"}),
        "when level | Input should be a duration such as 60s, or a number of seconds | duration_parsing");
    EXPECT_EQ(errors({R"({"watch":"age","is":"above","level":"0s"})"}),
              "when level | Input should be between 1s and 168h | out_of_range");
}

TEST(RuleParse, RefusesGroupsThatCannotBe) {
    const std::string a = R"({"is":"above","level":1})", e = R"({"ticker":"ETH","is":"above","level":1})";
    EXPECT_EQ(errors({R"({"all":[)" + a + "]}"}), "when all | Input should be 2 to 4 rules | too_short");
    EXPECT_EQ(errors({R"({"any":[)" + a + "," + a + "," + a + "," + a + "," + a + "]}"}),
              "when any | Input should be 2 to 4 rules | too_long");
    EXPECT_EQ(errors({R"({"any":{}})"}), "when any | Input should be 2 to 4 rules | list_type");
    EXPECT_EQ(errors({R"({"any":[)" + a + "," + e + R"(],"all":[]})"}),
              "when | Give either one rule, or all, or any | value_error");
    EXPECT_EQ(errors({R"({"any":[)" + a + "," + e + R"(],"for":"5m"})"}),
              "when for | There is no such field here | extra_forbidden\n"
              "when | Give either one rule, or all, or any | value_error");
    EXPECT_EQ(errors({R"({"all":[)" + a + R"(,{"any":[]}]})"}),
              "when all 1 any | Not within all or any | value_error");
    EXPECT_EQ(errors({R"({"any":[)" + e + "," + a + "]}"}),
              "when any 0 ticker | The first rule should be of the alert's ticker, BTC | value_error");
    for (const char* const word : {"crosses", "crosses_up", "crosses_down"})
        EXPECT_EQ(errors({fmt::format(R"({{"all":[{},{{"is":"{}","level":1}}]}})", a, word)}),
                  "when all 1 is | Only above, below, inside and outside within all | value_error");
    EXPECT_EQ(errors({R"({"all":[)" + a + R"(,{"is":"leaves","level":[1,2]}]})"}),
              "when all 1 is | Only above, below, inside and outside within all | value_error");
    for (const char* const watch : {R"({"close":"1h"})", R"("age")"})
        for (const char* const group : {"all", "any"})
            EXPECT_EQ(
                errors(
                    {fmt::format(R"({{"{}":[{},{{"watch":{},"is":"above","level":5}}]}})", group, a, watch)}),
                fmt::format("when {} 1 watch | Only a price or a ratio within all and any | value_error",
                            group));
    EXPECT_EQ(errors({.when = R"({"all":[)" + a + "," + e + "]}", .hold = R"("5m")"}), "");
    EXPECT_EQ(errors({R"({"all":[)" + a + R"(,{"is":"above","level":{"from":"low","by":"0"}}]})"}),
              "when all 1 level by | Input should be a change such as 5%, -3% or -500 | value_error");
}

TEST(RuleParse, RefusesRepeatsThatCannotBe) {
    const std::string number = R"({"is":"above","level":100})";
    const auto repeat = [&](std::string_view json) {
        return errors({.when = number, .repeat = std::string(json)});
    };
    EXPECT_EQ(repeat("true"), "repeat | Input should be a JSON object | model_attributes_type");
    EXPECT_EQ(repeat(R"({"cooldown":"9s"})"),
              "repeat cooldown | Input should be between 10s and 720h | out_of_range");
    EXPECT_EQ(repeat(R"({"cooldown":"10s"})"), "");
    EXPECT_EQ(
        repeat(R"({"cooldown":"often"})"),
        "repeat cooldown | Input should be a duration such as 5m, or a number of seconds | duration_parsing");
    for (const char* const bad : {R"("-1%")", R"("x")", "-0.5", "{}", "true"})
        EXPECT_EQ(repeat(fmt::format(R"({{"rearm":{}}})", bad)),
                  "repeat rearm | Input should be a margin such as 0.5% or 500, or 0 | value_error");
    EXPECT_EQ(repeat(R"({"times":0})"),
              "repeat times | Input should be between 1 and 1000000 | out_of_range");
    EXPECT_EQ(repeat(R"({"times":1.5})"), "repeat times | Input should be a whole number | int_parsing");
    EXPECT_EQ(repeat(R"({"times":true})"), "repeat times | Input should be a whole number | int_parsing");
    EXPECT_EQ(repeat(R"({"times":1e1})"), "");
    const auto hold = [&](std::string_view json) {
        return errors({.when = number, .hold = std::string(json)});
    };
    EXPECT_EQ(hold(R"("25h")"), "for | Input should be between 0s and 24h | out_of_range");
    EXPECT_EQ(hold("-1"), "for | Input should be between 0s and 24h | out_of_range");
    EXPECT_EQ(hold("18446744073769.551616"), "for | Input should be between 0s and 24h | out_of_range");
    EXPECT_EQ(hold("[]"),
              "for | Input should be a duration such as 5m, or a number of seconds | duration_parsing");
}

TEST(RuleParse, RefusesMarginsAfterWhichItIsNeverArmedAgain) {
    const auto rearm = [](const char* rule, const char* margin) {
        return errors({.when = rule, .repeat = fmt::format(R"({{"rearm":"{}"}})", margin)});
    };
    const auto never = [](const char* margin) {
        return fmt::format(
            "repeat rearm | With a margin of {} it would never be armed again: give a smaller one | "
            "value_error",
            margin);
    };
    const char* const channel = R"({"is":"outside","level":[90,110]})";
    EXPECT_EQ(rearm(channel, "10"), "");
    EXPECT_EQ(rearm(channel, "10.01"), never("10.01"));
    EXPECT_EQ(rearm(channel, "10%"), "");  // 99 and 99
    EXPECT_EQ(rearm(channel, "10.0001%"), never("10.0001%"));
    EXPECT_EQ(rearm(R"({"is":"inside","level":[90,110]})", "50%"), "");
    const char* const relative =
        R"({"is":"leaves","level":[{"from":"start","by":"-5%"},{"from":"start","by":"5%"}]})";
    EXPECT_EQ(rearm(relative, "5%"), "");
    EXPECT_EQ(rearm(relative, "5.0001%"), never("5.0001%"));
    EXPECT_EQ(
        rearm(R"({"is":"leaves","level":[{"from":"start","by":"-5"},{"from":"start","by":"5"}]})", "5.1"),
        never("5.1"));
    // 0.5 % where none is given.
    EXPECT_EQ(errors({.when = R"({"is":"outside","level":[0.999,1.001]})", .repeat = "{}"}), never("0.5%"));
    EXPECT_EQ(rearm(R"({"is":"above","level":100})", "100"), never("100"));
    EXPECT_EQ(rearm(R"({"is":"above","level":100})", "100%"), never("100%"));
    EXPECT_EQ(rearm(R"({"is":"above","level":100})", "99.9999%"), "");
    EXPECT_EQ(rearm(R"({"is":"below","level":100})", "200%"), "");
    EXPECT_EQ(rearm(R"({"is":"crosses","level":100})", "200%"), "");
    EXPECT_EQ(rearm(R"({"watch":"age","is":"above","level":"60s"})", "60"), "");
    EXPECT_EQ(rearm(R"({"watch":"age","is":"above","level":"60s"})", "60.1"), never("60.1"));
    // One calm rule is enough for all, none may be missing in any.
    const std::string pair = R"([{"is":"above","level":100},{"is":"below","level":200}])";
    EXPECT_EQ(rearm((R"({"all":)" + pair + "}").c_str(), "100"), "");
    EXPECT_EQ(rearm((R"({"any":)" + pair + "}").c_str(), "100"), never("100"));
}

TEST(RuleParse, RefusesAnAlertThatWouldFireAtEveryPriceOfAClimb) {
    const std::string climb =
        "repeat rearm | It would fire at every price of a climb: give a margin | value_error";
    const std::string none = R"({"rearm":0})";
    for (const char* const rule :
         {R"({"is":"above","level":{"from":"high","over":"24h"}})",
          R"({"is":"crosses_down","level":{"from":"low"}})",
          R"({"is":"outside","level":[{"from":"low","over":"1h"},{"from":"high","over":"1h"}]})",
          R"({"any":[{"is":"above","level":5},{"is":"above","level":{"from":"high","over":"24h"}}]})"})
        EXPECT_EQ(errors({.when = rule, .repeat = none}), climb) << rule;
    for (const char* const rule :
         {R"({"is":"above","level":{"from":"high","over":"24h","by":"1%"}})", R"({"is":"above","level":5})",
          R"({"is":"inside","level":[{"from":"low","over":"1h"},{"from":"high","over":"1h"}]})"})
        EXPECT_EQ(errors({.when = rule, .repeat = none}), "") << rule;
    EXPECT_EQ(errors({.when = R"({"is":"above","level":{"from":"high","over":"24h"}})",
                      .repeat = R"({"rearm":"1%"})"}),
              "");
}

TEST(RuleParse, TellsAllErrorsAtOnce) {
    EXPECT_EQ(
        errors({.when = R"({"is":"up","level":{"from":"low","over":"9h","by":"x"},"lvl":1})",
                .hold = R"("x")",
                .repeat = R"({"times":-1})"}),
        fmt::format(
            "when lvl | There is no such field here | extra_forbidden\n"
            "when is | {} | enum\n"
            "when level over | Input should be 1m, 5m, 15m, 30m, 1h, 2h, 4h, 6h, 12h, 24h or 7d | enum\n"
            "when level by | Input should be a change such as 5%, -3% or -500 | value_error\n"
            "for | Input should be a duration such as 5m, or a number of seconds | duration_parsing\n"
            "repeat times | Input should be between 1 and 1000000 | out_of_range",
            words));
}

TEST(RuleLife, ReadsTimes) {
    const Timestamp now = parse_rfc3339("2025-01-02T00:00:00Z").value();
    const auto life = parse_life(
        {R"("2025-01-03T00:00:00Z")", R"("2025-02-01T00:00:00+01:00")", R"("2025-01-01T00:00:00Z")", "true"},
        now);
    ASSERT_TRUE(life);
    EXPECT_EQ(life->starts_at, parse_rfc3339("2025-01-03T00:00:00Z").value());
    EXPECT_EQ(life->expires_at, parse_rfc3339("2025-01-31T23:00:00Z").value());
    EXPECT_EQ(life->snoozed_until, parse_rfc3339("2025-01-01T00:00:00Z").value());
    EXPECT_TRUE(life->notify_on_expiry);
    EXPECT_EQ(parse_life({}, now).value(), Life{});
    EXPECT_EQ(parse_life({"null", "null", "null", "null"}, now).value(), Life{});
}

TEST(RuleLife, EndsInTheFuture) {
    const Timestamp now = parse_rfc3339("2025-01-02T00:00:00Z").value();
    const auto first = [&](const LifeInput& input) { return line(parse_life(input, now).error().at(0)); };
    const std::string past = "expires_at | Input should be in the future | value_error";
    EXPECT_EQ(first({.expires_at = R"("2025-01-02T00:00:00Z")"}), past);
    EXPECT_EQ(first({.starts_at = R"("2025-01-04T00:00:00Z")", .expires_at = R"("2025-01-03T00:00:00Z")"}),
              past);
    EXPECT_EQ(first({.starts_at = R"("soon")"}),
              "starts_at | Input should be a date and time such as 2025-01-01T00:00:00Z | datetime_parsing");
    EXPECT_EQ(first({.snoozed_until = "5"}), "snoozed_until | Input should be a valid string | string_type");
    EXPECT_EQ(first({.notify_on_expiry = R"("yes")"}),
              "notify_on_expiry | Input should be true or false | bool_type");
}

}  // namespace
}  // namespace pricewire::rule
