// What is known of the past only to a minute, and is not said as if it were known better.
#include <gtest/gtest.h>

#include "rule/past_fixture.hpp"
#include "rule/simulate.hpp"
#include "rule/terms_fixture.hpp"

namespace pricewire::rule {
namespace {

using namespace std::chrono_literals;

constexpr Timestamp shown_day{std::chrono::hours{24 * 20'000}};

class ShownPast : public testing::Test {
protected:
    void bar(int at, const char* open, const char* low, const char* high, const char* close) {
        const auto number = [](const char* text) { return Decimal::parse(text).value(); };
        stored_.add(Ticker("BTC"), shown_day + at * 1min, number(open), number(low), number(high),
                    number(close));
    }
    void flat(int from, int to, const char* price) {
        for (int at = from; at < to; ++at) bar(at, price, price, price, price);
    }
    static RuledAlert made(Terms terms, Duration at) {
        return {std::make_shared<const Terms>(std::move(terms)), {}, shown_day + at, shown_day + at};
    }
    std::optional<Timestamp> held(const RuledAlert& alert, Duration now) {
        const Past past = stored_.past();
        const auto run = present(alert, shown_day + now, past);
        return run ? held_since(alert, *run, past) : std::nullopt;
    }

    StoredMinutes stored_;
};

TEST_F(ShownPast, AHoldBeginsAtTheEarliestWhereAMinuteTellsNoMore) {
    const RuledAlert alert = made(terms_of(R"({"is":"above","level":100})", R"("30m")"), 0min);
    flat(0, 10, "99");
    bar(10, "99", "99", "102", "101");
    flat(11, 20, "101");
    EXPECT_EQ(held(alert, 20min), shown_day + 10min);
    // Each price of the minute is above, and that before was not: the minute is known.
    flat(20, 25, "99");
    flat(25, 30, "101");
    EXPECT_EQ(held(alert, 30min), shown_day + 25min);
    flat(30, 31, "99");
    EXPECT_EQ(held(alert, 31min), std::nullopt);
}

TEST_F(ShownPast, AHoldDoesNotBeginBeforeTheAlert) {
    const RuledAlert alert = made(terms_of(R"({"is":"above","level":100})", R"("30m")"), 10min + 20s);
    flat(0, 10, "101");
    bar(10, "101", "101", "102", "101");
    flat(11, 15, "101");
    EXPECT_EQ(held(alert, 15min), shown_day + 10min + 20s);
}

TEST_F(ShownPast, OfTheMinuteOfTheStartTheEndAloneIsCloseToTheLevel) {
    const RuledAlert alert = made(terms_of(R"({"is":"above","level":100})"), 10min + 20s);
    flat(0, 10, "99");
    bar(10, "99", "95", "99.9", "99.5");
    flat(11, 15, "98");
    const auto found = closest(alert, shown_day + 15min, stored_.past()).closest;
    ASSERT_TRUE(found);
    EXPECT_EQ(found->distance, Decimal::parse("0.5").value());
    EXPECT_EQ(found->time, shown_day + 10min);
}

TEST_F(ShownPast, APreviewSaysHowLongALevelWasUnknown) {
    flat(0, 180, "99");
    const auto notes = [&](const char* when) {
        return simulate(terms_of(when), shown_day, shown_day + 180min, stored_.past())->notes;
    };
    EXPECT_EQ(
        notes(R"({"is":"above","level":{"from":"high","over":"24h"}})"),
        std::vector<std::string>{"All the time the level was unknown: prices of BTC are not known for the "
                                 "whole 24h before."});
    const auto partly = notes(R"({"is":"above","level":{"from":"high","over":"1h"}})");
    ASSERT_EQ(partly.size(), 1U);
    EXPECT_TRUE(partly[0].starts_with("Until ")) << partly[0];
    EXPECT_TRUE(notes(R"({"is":"above","level":100})").empty());
    EXPECT_TRUE(notes(R"({"is":"below","level":{"from":"high","over":"24h","by":"-5%"}})").empty())
        << "a fall is measured from the prices that are known";
}

TEST_F(ShownPast, OneFiringThatTheOrdersPutAMinuteApartIsOne) {
    flat(0, 30, "101");
    // Down through 100 in this minute if the low came first, else with the next.
    bar(30, "100", "99", "101", "99");
    flat(31, 60, "98");
    const auto fired = simulate(terms_of(R"({"is":"crosses_down","level":100})"), shown_day,
                                shown_day + 60min, stored_.past());
    ASSERT_TRUE(fired);
    EXPECT_LE(fired->firings.size(), static_cast<std::size_t>(fired->most));
}

}  // namespace
}  // namespace pricewire::rule
