#include "rule/canonical.hpp"

#include <gtest/gtest.h>

#include "rule/terms_fixture.hpp"

namespace pricewire::rule {
namespace {

TEST(RuleCanonical, IsStoredSo) {
    EXPECT_EQ(canonical(terms_of(R"({"is":"above","level":{"from":"low","over":"1h","by":"5%"}})", "null",
                                 R"({"cooldown":"15m","times":10})")),
              R"({"when":{"ticker":"BTC","is":"above","level":{"from":"low","over":"1h","by":"5%"}},)"
              R"("for":null,"repeat":{"cooldown":"15m","rearm":"0%","times":10}})");
    EXPECT_EQ(canonical(terms_of(R"({"is":"outside","level":[0.99,1.01]})", R"("5m")", "null", "USDC")),
              R"({"when":{"ticker":"USDC","is":"outside","level":[0.99,1.01]},"for":"5m","repeat":null})");
    EXPECT_EQ(canonical(terms_of(
                  R"({"all":[{"is":"above","level":70000},{"ticker":"ETH","is":"below","level":2500}]})")),
              R"({"when":{"all":[{"ticker":"BTC","is":"above","level":70000},)"
              R"({"ticker":"ETH","is":"below","level":2500}]},"for":null,"repeat":null})");
    EXPECT_EQ(
        canonical(terms_of(R"({"watch":"age","is":"above","level":"60s"})")),
        R"({"when":{"ticker":"BTC","watch":"age","is":"above","level":"1m"},"for":null,"repeat":null})");
    EXPECT_EQ(canonical(terms_of(R"({"watch":{"ratio_to":"BTC"},"is":"below","level":0.05})", "null", "null",
                                 "ETH")),
              R"({"when":{"ticker":"ETH","watch":{"ratio_to":"BTC"},"is":"below","level":0.05},)"
              R"("for":null,"repeat":null})");
}

TEST(RuleCanonical, IsReadBack) {
    for (
        const char* const when :
        {R"({"is":"crosses","level":70000})",
         R"({"is":"leaves","level":[1,{"from":"high","over":"7d","by":"-5"}]})",
         R"({"watch":"age","is":"above","level":"1500ms"})",
         R"({"watch":{"close":"24h"},"is":"inside","level":[1,2]})",
         R"({"any":[{"is":"above","level":{"from":65000,"by":"2%"}},{"ticker":"ETH","is":"crosses","level":5}]})"}) {
        const Terms terms = terms_of(when, "null", R"({"rearm":"0.1%"})");
        EXPECT_EQ(parse_canonical(canonical(terms)), terms) << when;
    }
    const Terms held = terms_of(R"({"is":"above","level":5})", R"("90s")");
    EXPECT_EQ(parse_canonical(canonical(held)), held);
}

TEST(RuleCanonical, IsNotReadIfAnythingIsNotUnderstood) {
    const std::string good = R"({"when":{"ticker":"BTC","is":"above","level":5},"for":null,"repeat":null})";
    ASSERT_TRUE(parse_canonical(good));
    for (
        const char* const bad :
        {"", "{}", R"({"when":{"is":"above","level":5},"for":null,"repeat":null})",
         R"({"when":{"ticker":"BTC","is":"above","level":5}})", R"({"when":null,"for":null,"repeat":null})",
         R"({"when":{"ticker":"BTC","is":"above","level":5},"for":null,"repeat":null,"remind":"1h"})",
         R"({"when":{"ticker":"BTC","is":"doubles","level":5},"for":null,"repeat":null})",
         R"({"when":{"ticker":"BTC","is":"above","level":5,"source":"kraken"},"for":null,"repeat":null})",
         R"({"when":{"ticker":"BTC","is":"above","level":{"from":"average","over":"20x1h"}},"for":null,"repeat":null})",
         R"({"when":{"ticker":"BTC","is":"above","level":5},"for":null,"repeat":{"cooldown":"5m","quiet":true}})",
         R"({"when":{"ticker":"BTC","is":"above","level":5},"for":"10d","repeat":null})"})
        EXPECT_FALSE(parse_canonical(bad)) << bad;
}

TEST(RuleCanonical, KeysTellRulesApart) {
    const std::string when = R"({"is":"above","level":5})";
    const Terms plain = terms_of(when), held = terms_of(when, R"("5m")"),
                repeats = terms_of(when, "null", "{}");
    EXPECT_EQ(rule_key(plain).size(), 22u);
    EXPECT_EQ(rule_key(plain), rule_key(terms_of(R"({"level":"5.0","is":"above"})")));
    EXPECT_NE(rule_key(plain), rule_key(held));
    EXPECT_NE(rule_key(plain), rule_key(repeats));
    EXPECT_NE(rule_key(plain), rule_key(terms_of(when, "null", "null", "ETH")));
    EXPECT_EQ(rule_key(repeats), rule_key(terms_of(when, "null", R"({"rearm":"0.50%"})")));
}

TEST(RuleCanonical, TheSeedsFormSaysOnlyANumber) {
    const auto form = [](std::string_view when, std::string_view hold = "null",
                         std::string_view repeat = "null") {
        return plain_form(terms_of(when, hold, repeat));
    };
    EXPECT_EQ(form(R"({"is":"above","level":5})"), std::pair(Condition::gt, Decimal::from_int(5)));
    EXPECT_EQ(form(R"({"is":"below","level":{"from":5}})"), std::pair(Condition::lt, Decimal::from_int(5)));
    for (const char* const when :
         {R"({"is":"crosses_up","level":5})", R"({"is":"inside","level":[5,6]})",
          R"({"is":"above","level":{"from":5,"by":"1"}})",
          R"({"watch":{"close":"1h"},"is":"above","level":5})",
          R"({"watch":{"ratio_to":"ETH"},"is":"above","level":5})",
          R"({"watch":"age","is":"above","level":5})", R"({"is":"above","level":{"from":"high"}})",
          R"({"all":[{"is":"above","level":5},{"is":"above","level":6}]})"})
        EXPECT_FALSE(form(when)) << when;
    EXPECT_FALSE(form(R"({"is":"above","level":5})", R"("1s")"));
    EXPECT_FALSE(form(R"({"is":"above","level":5})", "null", "{}"));
    const Terms plain = terms_of(R"({"is":"below","level":5})");
    EXPECT_EQ(plain_terms("BTC", Condition::lt, Decimal::from_int(5)), plain);
}

TEST(RuleCanonical, ShowsATargetWhereARuleIsOneNumber) {
    const auto target = [](std::string_view when) { return shown_target(terms_of(when, "null", "{}")); };
    const auto is = [](Condition condition, const char* number) {
        return std::optional(std::pair(condition, Decimal::parse(number).value()));
    };
    EXPECT_EQ(target(R"({"is":"above","level":5})"), is(Condition::gt, "5"));
    EXPECT_EQ(target(R"({"is":"crosses_up","level":5})"), is(Condition::gt, "5"));
    EXPECT_EQ(target(R"({"is":"crosses_down","level":5})"), is(Condition::lt, "5"));
    EXPECT_EQ(target(R"({"is":"above","level":{"from":65000,"by":"2%"}})"), is(Condition::gt, "66300"));
    EXPECT_EQ(target(R"({"is":"above","level":{"from":65000,"by":"-500"}})"), is(Condition::gt, "64500"));
    EXPECT_EQ(target(R"({"watch":"age","is":"above","level":"1m"})"), is(Condition::gt, "60"));
    // A percentage of the number is cut toward zero, not the sum.
    EXPECT_EQ(target(R"({"is":"below","level":{"from":0.000000000000000003,"by":"-50%"}})"),
              is(Condition::lt, "0.000000000000000002"));
    for (const char* const when : {R"({"is":"crosses","level":5})", R"({"is":"inside","level":[5,6]})",
                                   R"({"is":"above","level":{"from":"start","by":"5%"}})",
                                   R"({"any":[{"is":"above","level":5},{"is":"above","level":6}]})"})
        EXPECT_FALSE(target(when)) << when;
}

}  // namespace
}  // namespace pricewire::rule
