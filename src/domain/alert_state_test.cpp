#include "domain/alert_state.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <limits>

namespace pricewire {
namespace {

std::optional<Decimal> any_number() {
    if (*rc::gen::arbitrary<bool>()) return std::nullopt;
    const auto high = *rc::gen::arbitrary<std::int64_t>();
    const auto low = *rc::gen::arbitrary<std::int64_t>();
    return Decimal::from_raw(Decimal::Raw{high} * 10'000'000'000 + low);
}
Timestamp any_time() {
    return from_micros(*rc::gen::arbitrary<std::int64_t>());
}
RuleState any_rule() {
    RuleState out;
    out.armed = *rc::gen::arbitrary<bool>();
    out.fired = *rc::gen::arbitrary<bool>();
    out.side = *rc::gen::element<std::optional<Side>>(std::nullopt, Side::above, Side::below);
    out.start = any_time();
    out.start_price = any_number();
    out.as_of = any_time();
    out.extreme = any_number();
    out.upper_extreme = any_number();
    out.extreme_until = any_time();
    return out;
}

RC_GTEST_PROP(RuleStates, AreReadBackAsTheyWere, ()) {
    std::vector<RuleState> rules(*rc::gen::inRange<std::size_t>(0, max_rules + 1));
    for (RuleState& rule : rules) rule = any_rule();
    RC_ASSERT(parse_rule_states(to_text(rules)) == rules);
}

TEST(RuleStates, AreWrittenInOneWay) {
    RuleState rule;
    rule.armed = true;
    rule.side = Side::below;
    rule.start = from_micros(1'700'000'000'000'000);
    rule.start_price = Decimal::parse("65420.15").value();
    rule.as_of = from_micros(1'700'000'060'000'000);
    EXPECT_EQ(to_text({rule}), "a-d 1700000000000000 65420.15 1700000060000000 - - 0");
    rule.fired = true;
    rule.extreme = Decimal::from_int(70'000);
    EXPECT_EQ(to_text({RuleState{}, rule}),
              "--- 0 - 0 - - 0;afd 1700000000000000 65420.15 1700000060000000 70000 - 0");
    EXPECT_EQ(to_text({}), "");
}

TEST(RuleStates, AreRefusedIfNotUnderstood) {
    const std::string good = "a-d 17 65420.15 60 - 70000 0";
    EXPECT_TRUE(parse_rule_states(good));
    const std::string shorter = good.substr(0, good.size() - 2);
    const std::string five = good + ";" + good + ";" + good + ";" + good + ";" + good;
    for (const std::string& bad : std::vector<std::string>{
             " ", "a", good + ";", ";" + good, good + " 1", shorter, "A-d 17 65420.15 60 - 70000 0",
             "a-x 17 - 60 - - 0", "a-- x - 60 - - 0", "a-- 17 1.2.3 60 - - 0", "a--- 17 - 60 - - 0", five}) {
        EXPECT_FALSE(parse_rule_states(bad)) << bad;
    }
}

}  // namespace
}  // namespace pricewire
