#include <gtest/gtest.h>

#include "rule/evidence.hpp"
#include "rule/terms_fixture.hpp"
#include "rule/words.hpp"

namespace pricewire::rule {
namespace {

Timestamp when(std::string_view time) {
    return parse_rfc3339(time).value();
}
Decimal number(std::string_view digits) {
    return Decimal::parse(digits).value();
}

const Timestamp fired_at = when("2025-01-02T10:11:12.5Z");

LevelSeen fixed(std::string_view level) {
    return {number(level)};
}
LevelSeen measured(std::string_view level, Anchor from, std::string_view price, std::string_view time,
                   Change by) {
    return {number(level), AnchorSeen{from, {}, number(price), when(time)}, by};
}
Change percent(std::string_view amount) {
    return {number(amount), true};
}
RuleSeen seen(std::string_view value, LevelSeen level, std::optional<LevelSeen> upper = {},
              bool is_true = true) {
    RuleSeen out;
    out.level = std::move(level);
    out.upper = std::move(upper);
    out.value = number(value);
    out.is_true = is_true;
    return out;
}
Evidence evidence(std::vector<RuleSeen> rules, std::size_t shown = 0) {
    Evidence out;
    out.rules = std::move(rules);
    out.shown = shown;
    return out;
}
std::string why(const Terms& terms, std::vector<RuleSeen> rules, std::size_t shown = 0) {
    return because(terms, evidence(std::move(rules), shown), fired_at);
}

TEST(RuleBecause, SaysEachKind) {
    EXPECT_EQ(why(terms_of(R"({"is":"above","level":{"from":"low","over":"1h","by":"5%"}})"),
                  {seen("68250.5",
                        measured("68121.9", Anchor::low, "64878", "2025-01-02T09:58:04.1Z", percent("5")))}),
              "BTC rose 5.2 % within 1h: 68,250.5 is above 68,121.9, which is 5 % above the low of 64,878 at "
              "09:58:04");
    EXPECT_EQ(why(terms_of(R"({"is":"below","level":{"from":"high","by":"-500"}})"),
                  {seen("69400", measured("69500", Anchor::high, "70000", "2025-01-01T23:00:00Z",
                                          {number("-500"), false}))}),
              "BTC fell 600 from its high: 69,400 is below 69,500, which is 500 below the high of 70,000 on "
              "1 Jan at "
              "23:00");
    EXPECT_EQ(
        why(terms_of(R"({"is":"outside","level":[{"from":"start","by":"-5%"},{"from":"start","by":"5%"}]})"),
            {seen("94.9", measured("95", Anchor::start, "100", "2025-01-02T10:00:00Z", percent("-5")),
                  measured("105", Anchor::start, "100", "2025-01-02T10:00:00Z", percent("5")))}),
        "BTC fell 5.1 % from its price at the start: 94.9 is below 95, which is 5 % below the starting price "
        "of "
        "100 at 10:00");
    EXPECT_EQ(why(terms_of(R"({"is":"above","level":70000})"), {seen("70000.5", fixed("70000"))}),
              "BTC rose above 70,000: it was at 70,000.5");
    EXPECT_EQ(why(terms_of(R"({"is":"crosses","level":70000})"), {seen("69999", fixed("70000"))}),
              "BTC crossed 70,000: it was at 69,999");
    EXPECT_EQ(
        why(terms_of(R"({"is":"leaves","level":[90,100]})"), {seen("100.01", fixed("90"), fixed("100"))}),
        "BTC left 90 to 100: it was at 100.01");
    EXPECT_EQ(why(terms_of(R"({"is":"inside","level":[90,100]})"), {seen("99", fixed("90"), fixed("100"))}),
              "BTC was between 90 and 100: it was at 99");
    EXPECT_EQ(why(terms_of(R"({"is":"above","level":{"from":65000,"by":"2%"}})"),
                  {seen("66301",
                        {number("66300"), AnchorSeen{Anchor::number, {}, number("65000")}, percent("2")})}),
              "BTC rose above 66,300 (2 % above 65,000): 66,301 is above 66,300, which is 2 % above 65,000");
    EXPECT_EQ(why(terms_of(R"({"is":"above","level":{"from":"high","over":"24h"}})"),
                  {seen("110.01", {number("110"), AnchorSeen{Anchor::high, std::chrono::hours{24},
                                                             number("110"), when("2025-01-02T09:00:00Z")}})}),
              "BTC made a new 24h high: 110.01 is above 110, which is the high at 09:00");
    EXPECT_EQ(why(terms_of(R"({"watch":{"close":"1h"},"is":"above","level":70000})"),
                  {seen("70100", fixed("70000"))}),
              "BTC's 1h close rose above 70,000: it was at 70,100");
    EXPECT_EQ(why(terms_of(R"({"watch":{"ratio_to":"ETH"},"is":"below","level":0.05})"),
                  {seen("0.049985714285714285", fixed("0.05"))}),
              "BTC in ETH fell below 0.05: it was at 0.04998571429");
    Evidence age = evidence({seen("60", fixed("60"))});
    const Terms silent = terms_of(R"({"watch":"age","is":"above","level":"60s"})");
    EXPECT_EQ(because(silent, age, fired_at), "BTC had no price for 1 min");
    age.last_price = number("70000");
    EXPECT_EQ(because(silent, age, fired_at), "BTC had no price for 1 min: the last one was 70,000");
}

TEST(RuleBecause, SaysWhichOfSeveral) {
    const std::vector<RuleSeen> two{seen("101", fixed("100")), seen("49", fixed("50"))};
    const char* const rules = R"([{"is":"above","level":100},{"ticker":"ETH","is":"below","level":50}]})";
    EXPECT_EQ(why(terms_of(std::string(R"({"all":)") + rules, R"("10s")"), two),
              "BTC at 101 is above 100 while ETH at 49 is below 50 and stayed so for 10 s");
    EXPECT_EQ(why(terms_of(std::string(R"({"any":)") + rules), two, 1), "ETH fell below 50: it was at 49");
}

TEST(RuleBecause, SaysThatItHadToWait) {
    Evidence held = evidence({seen("102", fixed("100"))});
    held.muted_until = fired_at;
    EXPECT_EQ(because(terms_of(R"({"is":"above","level":100})", R"("5m")"), held, fired_at),
              "BTC rose above 100 and stayed so for 5 min: it was at 102; it was muted until then");
}

TEST(RuleBecause, IsEmptyWithoutTheEvidence) {
    const Terms terms = terms_of(R"({"is":"above","level":100})");
    EXPECT_EQ(why(terms, {}), "");
    EXPECT_EQ(why(terms, {seen("102", {})}), "");
    EXPECT_EQ(why(terms, {seen("102", fixed("100"))}, 1), "");
    EXPECT_EQ(why(terms, {seen("102", fixed("90"), fixed("100"))}), "");
    EXPECT_EQ(why(terms_of(R"({"is":"leaves","level":[90,100]})"), {seen("102", fixed("90"))}), "");
}

class RuleStateWords : public testing::Test {
protected:
    std::string says(const Terms& terms) const { return state_words(terms, facts); }
    // Of the one rule with this level.
    std::string says(std::string_view rule, const RuleSeen& rule_seen, std::string_view hold = "null",
                     std::string_view repeat = "null") {
        now = evidence({rule_seen});
        now.held_since = held_since;
        now.closest = closest;
        facts.seen = &now;
        return state_words(terms_of(rule, hold, repeat), facts);
    }

    Evidence now;
    std::optional<Timestamp> held_since;
    std::optional<Closest> closest;
    StateFacts facts{.now = fired_at,
                     .created_at = when("2025-01-01T00:00:00Z"),
                     .begun_at = when("2025-01-01T00:00:00Z")};
    const std::string above = R"({"is":"above","level":70000})";
};

TEST_F(RuleStateWords, SayHowFarItIsAndHowCloseItCame) {
    closest =
        Closest{number("69999.5"), number("0.5"), when("2025-01-02T09:14:00Z"), std::chrono::minutes{1}};
    EXPECT_EQ(
        says(above, seen("69980.2", fixed("70000"), {}, false)),
        "BTC is 19.8 (0.028 %) below 70,000. Since it was made on 1 Jan it came as close as 0.5, on 2 Jan at "
        "09:14.");
    facts.begun_at = when("2025-01-02T00:00:00Z");
    EXPECT_EQ(says(above, seen("70000", fixed("70000"), {}, false)),
              "BTC is at 70,000. Since it began on 2 Jan it came as close as 0.5, on 2 Jan at 09:14.");
    facts.closest_is_recent = true;
    EXPECT_TRUE(
        says(above, seen("70000", fixed("70000"), {}, false)).contains("In the last 30 days it came"));
    closest = {};
    EXPECT_EQ(says(R"({"is":"outside","level":[90,100]})", seen("99", fixed("90"), fixed("100"), false)),
              "BTC is 1 (1.01 %) below 100.");
    EXPECT_EQ(says(R"({"is":"below","level":{"from":"high","by":"-3%"}})",
                   seen("107", measured("106.7", Anchor::high, "110", "2025-01-02T10:00:00Z", percent("-3")),
                        {}, false)),
              "BTC is 0.3 (0.28 %) above 106.7, which is 3 % below the high of 110 at 10:00.");
    EXPECT_EQ(
        says(R"({"watch":"age","is":"above","level":"60s"})", seen("12.345678", fixed("60"), {}, false)),
        "The last price of BTC is 12 s old.");
    EXPECT_EQ(says(R"({"watch":"age","is":"above","level":"60s"})", seen("0.25", fixed("60"), {}, false)),
              "The last price of BTC is less than a second old.");
}

TEST_F(RuleStateWords, SayWhatIsNotKnown) {
    EXPECT_EQ(says(terms_of(above)), "It has not been judged yet.");
    RuleSeen none;
    EXPECT_EQ(says(above, none), "There is no price of BTC yet.");
    EXPECT_EQ(says(R"({"watch":{"close":"1h"},"is":"above","level":70000})", none),
              "The first 1h bar since it began has not ended.");
    EXPECT_EQ(says(R"({"is":"above","level":{"from":"high","over":"24h"}})", seen("5", {}, {}, false)),
              "Prices of BTC are not known for the whole 24h before.");
}

TEST_F(RuleStateWords, SayThatItIsNotReady) {
    facts.armed = false;
    EXPECT_EQ(says(R"({"is":"crosses_up","level":70000})", seen("70100", fixed("70000"))),
              "It waits until BTC has been at 70,000 or below.");
    EXPECT_EQ(says(R"({"is":"leaves","level":[90,100]})", seen("101", fixed("90"), fixed("100"))),
              "It waits until BTC has been between 90 and 100.");
    EXPECT_EQ(says(R"({"is":"crosses","level":100})", seen("100", fixed("100"))),
              "It waits until BTC has been off 100.");
    facts.has_fired = true;
    EXPECT_EQ(says(above, seen("70100", fixed("70000")), "null", "{}"),
              "It waits until BTC has been back at 69,650 or below.");
    EXPECT_EQ(says(R"({"is":"below","level":100})", seen("99", fixed("100")), "null", R"({"rearm":"5"})"),
              "It waits until BTC has been back at 105 or above.");
    EXPECT_EQ(says(R"({"is":"enters","level":[90,100]})", seen("91", fixed("90"), fixed("100")), "null",
                   R"({"rearm":"10%"})"),
              "It waits until BTC has been back below 81 or above 110.");
    EXPECT_EQ(says(R"({"is":"crosses","level":100})", seen("100", fixed("100")), "null", R"({"rearm":"1%"})"),
              "It waits until BTC has been back 1 away from 100.");
    EXPECT_EQ(says(R"({"watch":"age","is":"above","level":"60s"})", seen("70", fixed("60")), "null", "{}"),
              "It waits until BTC has a price.");
}

TEST_F(RuleStateWords, SayThatItHolds) {
    held_since = when("2025-01-02T10:08:00Z");
    EXPECT_EQ(says(above, seen("70100", fixed("70000")), R"("5m")"),
              "BTC has been above 70,000 since about 10:08; it fires at about 10:13 if it stays so.");
}

TEST_F(RuleStateWords, SayTheMostImportantThing) {
    const Terms terms = terms_of(above);
    facts.armed = false;
    facts.muted_until = when("2025-01-02T18:00:00Z");
    EXPECT_EQ(says(terms), "It is muted until 18:00, after its last firing.");
    facts.is_snoozed = true;
    facts.muted_until = when("2025-01-03T18:00:00Z");
    EXPECT_EQ(says(terms), "It is snoozed until 3 Jan 18:00.");
    facts.unpriced = Ticker("BTC");
    EXPECT_EQ(says(terms), "BTC has no price.");
    facts.unpriced_since = when("2025-01-02T10:11:05Z");
    facts.unpriced_reason = "binance was silent, coingecko was stale";
    EXPECT_EQ(says(terms), "BTC has had no price since 10:11:05: binance was silent, coingecko was stale.");
    facts.starts_at = when("2025-01-03T09:00:00Z");
    EXPECT_EQ(says(terms), "It begins on 3 Jan at 09:00.");
    facts.ended = AlertEnd::fired;
    facts.ended_at = when("2024-12-31T09:00:00Z");
    EXPECT_EQ(says(terms), "It fired on 31 Dec 2024 at 09:00.");
    facts.ended = AlertEnd::expired;
    facts.ended_at = when("2025-01-02T09:00:00Z");
    EXPECT_EQ(says(terms), "It expired at 09:00.");
    facts.ended = AlertEnd::paused;
    EXPECT_EQ(says(terms), "It is paused.");
}

}  // namespace
}  // namespace pricewire::rule
