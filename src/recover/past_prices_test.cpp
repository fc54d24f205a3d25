#include "recover/past_prices.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <random>

#include "recover/recovery.hpp"

namespace pricewire::recover {
namespace {

using namespace std::chrono_literals;

constexpr Timestamp tape_begin{std::chrono::minutes{28'333'333}};

Decimal price_of(double value) {
    return *Decimal::parse(fmt::format("{:.4f}", value));
}

past::PlaceTrades trades(SourceName source, std::vector<std::pair<Duration, double>> list) {
    past::PlaceTrades out{.place = {source, "BTCUSD"}, .trades = std::vector<feed::PastTrade>{}};
    std::uint64_t id = 0;
    for (const auto& [at, price] : list) out.trades->push_back({tape_begin + at, price_of(price), ++id});
    return out;
}

// "0:100 5:101 20:-" by second.
std::string shown(const std::vector<PastPrice>& prices) {
    std::string out;
    for (const PastPrice& price : prices) {
        if (!out.empty()) out += ' ';
        out += fmt::format("{}:{}", (price.time - tape_begin) / 1s,
                           price.value ? price.value->to_string() : "-");
    }
    return out;
}

TEST(PastPrices, AreThoseThatTheTradesWouldHaveMadeLive) {
    const std::vector places{trades("kraken", {{0s, 100}, {10s, 101}}),
                             trades("okx", {{1s, 100}, {11s, 101}}),
                             trades("bybit", {{2s, 100}, {3s, 180}, {12s, 101}})};
    EXPECT_EQ(shown(past_prices("BTC", {}, places)), "0:100 1:100 10:100.5 11:101")
        << "one that has not traded for two seconds has a part of its weight, the wick none";
}

TEST(PastPrices, TellWhenASecondOwnerAgrees) {
    const auto prices =
        past_prices("BTC", {}, std::vector{trades("kraken", {{0s, 100}}), trades("okx", {{5s, 100}})});
    ASSERT_EQ(shown(prices), "0:100 5:100");
    EXPECT_EQ(prices[0].owners, 1);
    EXPECT_EQ(prices[1].owners, 2);
}

TEST(PastPrices, EndWhenNobodyHasTradedForLong) {
    const std::vector places{trades("kraken", {{0s, 100}, {40s, 101}}),
                             trades("okx", {{0s, 100}, {40s, 101}})};
    const std::string all = shown(past_prices("BTC", {}, places));
    EXPECT_EQ(all.substr(0, 6), "0:100 ") << all;
    EXPECT_NE(all.find(":- "), std::string::npos) << all;
    EXPECT_TRUE(all.ends_with(":101")) << all;
}

TEST(PastPrices, NameTheVenuesThatCounted) {
    const std::vector places{trades("kraken", {{0s, 100}}), trades("okx", {{1s, 100.1}}),
                             trades("bybit", {})};
    const auto prices = past_prices("BTC", {}, places);
    ASSERT_FALSE(prices.empty());
    EXPECT_EQ(prices.back().sources, 0b11U);
    EXPECT_EQ(prices.back().owners, 2);
}

TEST(ReachedTogether, TakesTradesOfOneMomentForThatWhateverTheirClocks) {
    const std::vector places{trades("kraken", {{0s, 100}, {10s, 115}, {10s, 100}}),
                             trades("okx", {{0s, 100}, {11s, 115}, {11s, 100}}),
                             trades("coinbase", {{0s, 100}, {12s, 115}, {12s, 100}})};
    for (const PastPrice& price : past_prices("BTC", {}, places)) EXPECT_NE(price.value, price_of(115));
    EXPECT_EQ(reached_together({}, places, tape_begin, tape_begin + 1min),
              (PriceBand{price_of(100), price_of(115)}));
}

TEST(ReachedTogether, LeavesOutWhatOneVenueReachedAlone) {
    const std::vector places{trades("kraken", {{0s, 100}, {10s, 115}, {11s, 100}}),
                             trades("okx", {{0s, 100}, {30s, 114}, {31s, 100}}),
                             trades("coinbase", {{0s, 100}, {10s, 101}, {50s, 112}})};
    const auto reached = reached_together({}, places, tape_begin, tape_begin + 1min);
    ASSERT_TRUE(reached);
    EXPECT_EQ(reached->low, price_of(100));
    EXPECT_LT(reached->high, price_of(112));
    EXPECT_EQ(reached_together({}, places, tape_begin + 2min, tape_begin + 3min), std::nullopt)
        << "nobody traded for long";
}

// A tape of five venues that follow one market, one of them with wicks of its own. What recovery finds minute by minute,
// by bars and then by trades, is what one look at every price of the tape finds.
TEST(PastPrices, ARecoveryByTradesAgreesWithBruteForceOverTheTape) {
    const std::vector<SourceName> names{"binance", "bybit", "coinbase", "kraken", "okx"};
    int fired_in_all = 0;
    for (std::uint64_t seed = 1; seed <= 25; ++seed) {
        std::mt19937_64 rng(seed);
        const auto uniform = [&](double from, double to) {
            return std::uniform_real_distribution<double>(from, to)(rng);
        };
        constexpr int minutes = 12;
        std::vector<std::vector<std::pair<Duration, double>>> lists(names.size());
        double market = 100;
        for (int second = -60; second < minutes * 60; ++second) {
            market *= uniform(0.9985, 1.0015);
            for (std::size_t i = 0; i < names.size(); ++i) {
                if (rng() % 3 == 0) continue;
                const bool is_wick = i == 1 && rng() % 200 == 0;
                lists[i].emplace_back(second * 1s + (rng() % 1'000'000) * 1us,
                                      market * uniform(0.9998, 1.0002) * (is_wick ? 1.5 : 1));
            }
        }
        std::vector<past::PlaceTrades> tape;
        std::vector<past::VenueCandles> candles;
        for (std::size_t i = 0; i < names.size(); ++i) {
            tape.push_back(trades(names[i], lists[i]));
            past::VenueCandles& venue = candles.emplace_back();
            venue.source = names[i];
            for (const auto& [at, value] : lists[i]) {
                const Timestamp start = std::chrono::floor<std::chrono::minutes>(tape_begin + at);
                if (venue.candles.empty() || venue.candles.back().start != start)
                    venue.candles.push_back({start,
                                             price_of(value),
                                             price_of(value),
                                             price_of(value),
                                             price_of(value),
                                             {},
                                             true});
                feed::Candle& candle = venue.candles.back();
                candle.high = std::max(candle.high, price_of(value));
                candle.low = std::min(candle.low, price_of(value));
                candle.close = price_of(value);
            }
        }
        const Timestamp from = tape_begin + 20s, to = tape_begin + (minutes - 1) * 1min + 40s;
        std::vector<RecoverableAlert> alerts;
        for (int i = 0; i < 30; ++i) {
            const Duration created{std::uniform_int_distribution<std::int64_t>(-300, minutes * 60)(rng) *
                                   1'000'000};
            alerts.push_back({make_uuid(tape_begin), i % 2 == 0 ? Condition::gt : Condition::lt,
                              price_of(100 * uniform(0.97, 1.03)), tape_begin + created});
        }
        const std::vector<PastPrice> truth = past_prices("BTC", {}, tape);
        const auto beyond = [](const RecoverableAlert& a, const PastPrice& p) {
            return p.value && holds(a.condition, *p.value, a.target);
        };
        // One that was beyond its level when the blind time began would have fired before.
        std::erase_if(alerts, [&](const RecoverableAlert& a) {
            return a.created_at < from && std::ranges::any_of(
                                              truth,
                                              [&](const PastPrice& p) {
                                                  return p.time < from && p.time >= tape_begin - 1min &&
                                                         beyond(a, p);
                                              });
        });
        std::map<Uuid, Timestamp> expected;
        for (const RecoverableAlert& a : alerts) {
            const Timestamp since = std::max(from, a.created_at);
            const PastPrice* before = nullptr;
            for (const PastPrice& p : truth) {
                if (p.time >= to || a.created_at >= to) break;
                if (p.time < since) {
                    before = &p;
                    continue;
                }
                if (a.created_at > from && before != nullptr && beyond(a, *before)) {
                    expected[a.id] = since;
                    break;
                }
                before = nullptr;
                if (!beyond(a, p)) continue;
                expected[a.id] = p.time;
                break;
            }
        }
        ToldMinutes told{past::combine(candles, {}), names, names.size(), true};
        Recovery recovery(from, to, std::move(told), alerts);
        for (auto wanted = recovery.wanted(); !wanted.empty(); wanted = recovery.wanted()) {
            std::vector<past::PlaceTrades> some = tape;
            for (past::PlaceTrades& place : some) {
                std::erase_if(*place.trades, [&](const feed::PastTrade& trade) {
                    return trade.time < wanted.front() - 30s || trade.time >= wanted.front() + 1min;
                });
            }
            recovery.take(wanted.front(), ToldTrades{past_prices("BTC", {}, some), names, true, {}});
        }
        std::map<Uuid, Timestamp> fired;
        for (const LateFirings& firings : recovery.firings()) {
            EXPECT_TRUE(firings.late.is_exact());
            for (const Uuid& id : firings.alerts) fired[id] = firings.late.from;
        }
        // What was before the half minute that is asked with a minute decides little more than a moment.
        ASSERT_EQ(fired.size(), expected.size()) << "seed " << seed;
        for (const auto& [id, time] : expected) {
            ASSERT_TRUE(fired.contains(id)) << "seed " << seed;
            EXPECT_LE(std::chrono::abs(fired.at(id) - time), 2s) << "seed " << seed;
        }
        fired_in_all += static_cast<int>(fired.size());
    }
    EXPECT_GT(fired_in_all, 100);
}

}  // namespace
}  // namespace pricewire::recover
