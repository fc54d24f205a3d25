#include "past/combine.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <random>
#include <set>

#include "support/minute_bars.hpp"

namespace pricewire::past {
namespace {

using namespace std::chrono_literals;

constexpr Timestamp noon{std::chrono::seconds{1'700'049'600}};

Decimal n(double value) {
    return Decimal::parse(fmt::format("{:.8f}", value)).value();
}
feed::Candle candle(double open, double high, double low, double close, Timestamp start = noon) {
    return {.start = start, .open = n(open), .high = n(high), .low = n(low), .close = n(close)};
}
VenueCandles venue(SourceName source, std::vector<feed::Candle> candles, int weight = 4,
                   Currency currency = "USD") {
    return {source, currency, weight, {}, std::move(candles)};
}
// "open high low close, owners", of the only bar; "none".
std::string shown(const std::vector<VenueCandles>& venues, const PastRates& rates = {}) {
    const auto bars = combine(venues, rates);
    if (bars.empty()) return "none";
    const CombinedBar& b = bars.front();
    return fmt::format("{} {} {} {}, {}", b.open.to_string(), b.high.to_string(), b.low.to_string(),
                       b.close.to_string(), b.owners);
}

TEST(Combine, TakesTheMiddleOfThree) {
    EXPECT_EQ(shown({venue("a", {candle(100, 103, 99, 101)}), venue("b", {candle(101, 102, 98, 100)}),
                     venue("c", {candle(102, 104, 97, 102)})}),
              "101 103 98 101, 3");
}

TEST(Combine, OfTwoTakesWhatBothHaveReached) {
    EXPECT_EQ(shown({venue("a", {candle(100, 130, 60, 101)}), venue("b", {candle(101, 102, 98, 100)})}),
              "100.5 102 98 100.5, 2");
}

TEST(Combine, HasNoBarWhereTwoDisagree) {
    EXPECT_EQ(shown({venue("a", {candle(100, 100, 100, 100)}), venue("b", {candle(103, 103, 103, 103)})}),
              "none");
    EXPECT_EQ(shown({venue("a", {candle(10, 10, 10, 10)}), venue("b", {candle(20, 20, 20, 20)}),
                     venue("c", {candle(30, 30, 30, 30)})}),
              "none")
        << "nobody agrees with anybody";
}

TEST(Combine, LeavesOutOneOfMany) {
    EXPECT_EQ(shown({venue("a", {candle(100, 101, 99, 100)}), venue("b", {candle(100, 102, 98, 100)}),
                     venue("c", {candle(4000, 4000, 4000, 4000)})}),
              "100 101 99 100, 2")
        << "another coin by the same letters";
}

TEST(Combine, SaysThatABarRestsOnOneOwner) {
    EXPECT_EQ(shown({venue("a", {candle(100, 130, 60, 101)})}), "100 130 60 101, 1");
    VenueCandles ours = venue("binance", {candle(100, 103, 99, 101)}),
                 theirs = venue("binance_us", {candle(100, 150, 99, 101)}, 1);
    theirs.owner = ours.owner = "binance";
    EXPECT_EQ(shown({ours, theirs}), "100 103 99 101, 1");
    EXPECT_EQ(shown({ours, theirs, venue("kraken", {candle(100, 102, 98, 101)})}), "100 102 99 101, 2");
}

TEST(Combine, LeavesOutTheIntervalThatIsNotOver) {
    feed::Candle open = candle(1, 1, 1, 1);
    open.is_closed = false;
    EXPECT_EQ(shown({venue("a", {open})}), "none");
}

TEST(Combine, AnOpenWithoutAgreementIsTheOneNearestToTheClose) {
    EXPECT_EQ(shown({venue("a", {candle(150, 150, 99, 100)}), venue("b", {candle(99, 100, 98, 100)})}),
              "99 100 99 100, 2");
}

TEST(Combine, SumsTheVolumesOfThoseThatAgree) {
    auto a = candle(100, 100, 100, 100), b = a, c = candle(900, 900, 900, 900);
    a.volume = n(1.5);
    b.volume = n(2);
    c.volume = n(1000);
    auto d = a;
    d.volume = Decimal::from_int(2'000'000'000'000'000);
    const std::vector venues{venue("a", {a}), venue("b", {b}), venue("c", {c}), venue("d", {d})};
    const auto bars = combine(venues, {});
    ASSERT_EQ(bars.size(), 1U);
    EXPECT_EQ(bars[0].volume, n(3.5)) << "without what cannot be a volume";
    EXPECT_EQ(bars[0].sources, 0b1011U);
    EXPECT_EQ(bar_of("BTC", bars[0]).volume, n(3.5));
    EXPECT_TRUE(bar_of("BTC", bars[0]).is_history);
}

// Stablecoins

CombinedBar rate(double open, double close, Timestamp start = noon, int owners = 2) {
    return {.start = start,
            .open = n(open),
            .high = n(open),
            .low = n(close),
            .close = n(close),
            .owners = owners};
}

TEST(Combine, CountsStablecoinsByTheirRateOfThatMinute) {
    PastRates rates;
    rates.set("USDT", 1min, {rate(0.9994, 0.9996), rate(0.95, 0.95, noon + 1min)});
    const auto bars =
        combine(std::vector{venue("okx", {candle(100, 102, 98, 100), candle(100, 102, 98, 100, noon + 1min)},
                                  4, "USDT")},
                rates);
    ASSERT_EQ(bars.size(), 2U);
    EXPECT_EQ(bars[0].high, n(101.949));
    EXPECT_EQ(bars[1].high, n(96.9));
}

TEST(Combine, DoesNotCountACoinWhoseRateIsUnknown) {
    const std::vector venues{venue("okx", {candle(100, 102, 98, 100)}, 4, "USDT")};
    EXPECT_EQ(shown(venues), "none");
    PastRates rates;
    rates.set("USDT", 1min, {rate(1, 1, noon - 61min), rate(1, 1, noon + 61min)});
    EXPECT_EQ(shown(venues, rates), "none") << "too long ago";
    rates.set("USDT", 1min, {rate(1, 1, noon - 60min)});
    EXPECT_EQ(shown(venues, rates), "100 102 98 100, 1") << "a quiet coin's last rate holds for an hour";
    rates.set("USDT", 1min, {rate(0.9, 0.9, noon, 1)});
    EXPECT_EQ(shown(venues, rates), "none") << "one venue does not say that it has left its peg";
    rates.set_unknowable("USDT");
    EXPECT_EQ(shown(venues, rates), "100 102 98 100, 1") << "as live, where no venue trades it for dollars";
    EXPECT_EQ(shown({venue("x", {candle(1, 1, 1, 1)}, 4, "EUR")}, rates), "none");
}

TEST(Combine, DollarVenuesLeadWhereACoinsVenuesAreApart) {
    PastRates rates;
    rates.set_unknowable("USDT");
    std::vector<VenueCandles> venues;
    for (const char* name : {"a", "b", "c", "d"})
        venues.push_back(venue(name, {candle(101, 102, 100, 101)}, 4, "USDT"));
    venues.push_back(venue("kraken", {candle(100, 100, 100, 100)}));
    EXPECT_EQ(shown(venues, rates), "101 102 100 101, 5") << "one alone does not lead";
    venues.push_back(venue("coinbase", {candle(100, 100, 100, 100)}));
    EXPECT_EQ(shown(venues, rates), "100 100 100 100, 2");
}

// Properties

std::vector<VenueCandles> any_venues() {
    std::vector<VenueCandles> venues;
    const int count = *rc::gen::inRange(1, 9);
    for (int i = 0; i < count; ++i) {
        VenueCandles v{.source = SourceName(fmt::format("v{}", i)), .weight = *rc::gen::element(1, 2, 4)};
        if (*rc::gen::inRange(0, 4) == 0) v.owner = "group";
        for (int minute = 0; minute < 5; ++minute) {
            if (*rc::gen::inRange(0, 4) == 0) continue;
            const auto near = [] { return 100 + *rc::gen::inRange(-300, 300) / 100.0; };
            const double open = near(), close = near(), a = near(), b = near();
            v.candles.push_back(candle(open, std::max({open, close, a, b}), std::min({open, close, a, b}),
                                       close, noon + minute * 1min));
        }
        venues.push_back(std::move(v));
    }
    return venues;
}

std::set<SourceName> names(const std::vector<VenueCandles>& venues, std::uint32_t bits) {
    std::set<SourceName> out;
    for (std::size_t i = 0; i < venues.size(); ++i) {
        if (bits >> i & 1) out.insert(venues[i].source);
    }
    return out;
}

TEST(CombineProperty, TheOrderOfVenuesDecidesNothing) {
    rc::check([] {
        auto venues = any_venues();
        const auto before = combine(venues, {});
        auto other = venues;
        std::shuffle(other.begin(), other.end(),
                     std::mt19937(static_cast<unsigned>(*rc::gen::inRange(0, 1000))));
        auto after = combine(other, {});
        RC_ASSERT(before.size() == after.size());
        for (std::size_t i = 0; i < before.size(); ++i) {
            RC_ASSERT(names(venues, before[i].sources) == names(other, after[i].sources));
            after[i].sources = before[i].sources;
            RC_ASSERT(before[i] == after[i]);
        }
    });
}

TEST(CombineProperty, HighAndLowHoldTheBarAndTwoOwnersHaveReachedThem) {
    rc::check([] {
        const auto venues = any_venues();
        for (const CombinedBar& bar : combine(venues, {})) {
            RC_ASSERT(bar.low <= std::min(bar.open, bar.close));
            RC_ASSERT(bar.high >= std::max(bar.open, bar.close));
            RC_ASSERT(bar.low.is_positive());
            std::set<SourceName> reached_high, reached_low, all;
            for (std::size_t i = 0; i < venues.size(); ++i) {
                if (!(bar.sources >> i & 1)) continue;
                const SourceName owner = venues[i].owner.empty() ? venues[i].source : venues[i].owner;
                const auto c = std::ranges::find(venues[i].candles, bar.start, &feed::Candle::start);
                all.insert(owner);
                if (c->high >= bar.high) reached_high.insert(owner);
                if (c->low <= bar.low) reached_low.insert(owner);
            }
            RC_ASSERT(static_cast<int>(all.size()) == bar.owners);
            const std::size_t two = std::min<std::size_t>(2, all.size());
            RC_ASSERT(reached_high.size() >= two || bar.high == std::max(bar.open, bar.close));
            RC_ASSERT(reached_low.size() >= two || bar.low == std::min(bar.open, bar.close));
        }
    });
}

TEST(CombineProperty, OneOwnersWickNeverMovesThePriceBeyondWhatTheOthersReached) {
    rc::check([] {
        std::vector<VenueCandles> venues;
        const int count = *rc::gen::inRange(2, 9);
        Decimal highest, lowest = n(1e9);
        const auto at = [] { return 100 + *rc::gen::inRange(-50, 50) / 100.0; };
        for (int i = 0; i < count; ++i) {
            const double open = at(), close = at(), a = at(), b = at();
            venues.push_back(
                venue(SourceName(fmt::format("v{}", i)),
                      {candle(open, std::max({open, close, a, b}), std::min({open, close, a, b}), close)},
                      *rc::gen::element(1, 2, 4)));
            if (i == 0) continue;
            highest = std::max(highest, venues.back().candles[0].high);
            lowest = std::min(lowest, venues.back().candles[0].low);
        }
        feed::Candle& wick = venues[0].candles[0];
        wick.high = wick.high.scaled(*rc::gen::inRange(101, 1000), 100);
        wick.low = wick.low.scaled(*rc::gen::inRange(1, 99), 100);
        const auto bars = combine(venues, {});
        RC_ASSERT(bars.size() == 1U);
        RC_ASSERT(bars[0].high <= std::max({highest, bars[0].open, bars[0].close}));
        RC_ASSERT(bars[0].low >= std::min({lowest, bars[0].open, bars[0].close}));
    });
}

// A month of real minutes as venues with noise, wicks and gaps would tell it: combined, it is the month again.
TEST(CombineRealMinutes, OfNoisyVenuesWithWicksAndGapsAreTheTape) {
    for (const char* ticker : {"BTC", "DOGE"}) {
        const auto tape = support::recorded_minutes(ticker);
        if (tape.empty()) GTEST_SKIP() << support::why_no_recordings;
        constexpr double noise = 0.0005, usdt = 0.9994;
        std::mt19937_64 random(15);
        std::uniform_real_distribution<double> off(-noise, noise), chance(0, 1);
        std::vector<VenueCandles> venues;
        for (const auto& [name, weight, currency] : {std::tuple("coinbase", 4, "USD"),
                                                     {"kraken", 4, "USD"},
                                                     {"binance", 4, "USDT"},
                                                     {"okx", 4, "USDT"},
                                                     {"bybit", 4, "USDT"},
                                                     {"bitstamp", 2, "USD"},
                                                     {"mexc", 1, "USDT"}})
            venues.push_back(venue(name, {}, weight, currency));
        std::vector<CombinedBar> usdt_bars;
        std::vector<const support::MinuteBar*> told;
        std::vector<int> tellers;
        for (const auto& bar : tape) {
            usdt_bars.push_back(rate(usdt, usdt, bar.start));
            const auto wick = random() % (20 * venues.size());  // by one venue in one minute of twenty
            int count = 0;
            for (std::size_t i = 0; i < venues.size(); ++i) {
                if (chance(random) < 0.1) continue;
                const double factor = (1 + off(random)) / (venues[i].currency == Currency("USDT") ? usdt : 1);
                feed::Candle c =
                    candle(bar.open.to_double() * factor, bar.high.to_double() * factor,
                           bar.low.to_double() * factor, bar.close.to_double() * factor, bar.start);
                if (wick == i) c.high = c.high.scaled(13, 10);
                if (wick == i + venues.size()) c.low = c.low.scaled(1, 2);
                venues[i].candles.push_back(c);
                ++count;
            }
            if (count > 0) told.push_back(&bar);
            if (count > 0) tellers.push_back(count);
        }
        PastRates rates;
        rates.set("USDT", 1min, std::move(usdt_bars));
        const auto bars = combine(venues, rates);
        ASSERT_EQ(bars.size(), told.size());
        for (std::size_t i = 0; i < bars.size(); ++i) {
            ASSERT_EQ(bars[i].start, told[i]->start);
            ASSERT_EQ(bars[i].owners, tellers[i]);
            if (tellers[i] < 2) continue;
            const auto near = [&](Decimal made, Decimal real) {
                return std::abs(made.to_double() / real.to_double() - 1) <= noise + 2e-5;
            };
            ASSERT_TRUE(near(bars[i].open, told[i]->open) && near(bars[i].high, told[i]->high) &&
                        near(bars[i].low, told[i]->low) && near(bars[i].close, told[i]->close))
                << ticker << " " << format_rfc3339(bars[i].start);
        }
    }
}

}  // namespace
}  // namespace pricewire::past
