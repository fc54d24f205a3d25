#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <random>

#include "recover/ruled_alerts_fixture.hpp"
#include "recover/ruled_recovery.hpp"
#include "rule/brute_force_fixture.hpp"

namespace pricewire::recover {
namespace {

using namespace std::chrono_literals;

// Prices every few seconds; what they make of alerts by the brute force is compared with what is recovered of a part.
class RandomGaps : public ::testing::Test {
protected:
#ifdef NDEBUG
    static constexpr int plays = 40;
#else
    static constexpr int plays = 15;  // without optimization a play takes ten times as long
#endif

    struct Play {
        Timestamp from;
        std::vector<rule::brute_force::Event> events;
        std::map<Ticker, ToldMinutes> bars;
        std::map<Ticker, std::vector<PastPrice>> prices;
    };
    // The outage begins with a minute, or within one.
    Play play(Duration from) {
        Play out{gap_begin + from, {}, {}, {}};
        std::map<Ticker, double> price{{"BTC", 99}, {"ETH", 49.5}};
        for (Duration at = -1min; at < 10min; at += std::chrono::seconds{1 + random_() % 5}) {
            const Ticker ticker(random_() % 3 == 0 ? "ETH" : "BTC");
            const double middle = ticker == Ticker("ETH") ? 50 : 100;
            double& last = price[ticker];
            last += (static_cast<double>(random_() % 101) - 50) / 5000 * middle;
            last = std::clamp(std::round(last * 100) / 100, middle * 0.94, middle * 1.06);
            out.events.push_back({gap_begin + at, ticker, decimal(last)});
            out.prices[ticker].push_back({gap_begin + at, decimal(last), 0b11, 2});
            const int minute = static_cast<int>(std::chrono::floor<std::chrono::minutes>(at) / 1min);
            if (minute < 0) continue;
            auto& bars = out.bars.try_emplace(ticker, told({})).first->second.bars;
            if (bars.empty() || bars.back().start < gap_begin + minute * 1min)
                bars.push_back(bar(minute, last, last, last, last));
            past::CombinedBar& b = bars.back();
            b.low = std::min(b.low, decimal(last));
            b.high = std::max(b.high, decimal(last));
            b.close = decimal(last);
        }
        return out;
    }
    static std::vector<Stretch> before(const Play& play, Ticker ticker) {
        std::vector<Stretch> out;
        for (const PastPrice& price : play.prices.at(ticker)) {
            if (price.time >= play.from) break;
            if (!out.empty()) out.back().to = price.time;
            out.push_back({price.time, play.from, *price.value, *price.value, *price.value});
        }
        return out;
    }
    static std::vector<rule::brute_force::Firing> expected(const ActiveAlert& one, const Play& play) {
        rule::brute_force::Alert all(*one.ruled->terms, {.begins = one.ruled->begun_at}, play.events);
        return all.run(gap_begin + 10min);
    }
    // As a checker has left it.
    static ActiveAlert stored(const ActiveAlert& made, const Play& play) {
        rule::Run run(*made.ruled);
        rule::Steps steps;
        for (const auto& event : play.events) {
            if (event.time < play.from) run.value(event.ticker, event.time, event.price, steps);
        }
        return with(made, run.state());
    }
    static RuledRecovery recovery(const ActiveAlert& one, const Play& play) {
        return {play.from, gap_begin + 10min, play.bars, {one}, [&](Ticker ticker, Timestamp) {
                    return before(play, ticker);
                }};
    }
    std::mt19937 random_{7};
};

const char* const kinds[] = {
    R"({"is":"above","level":100})",
    R"({"is":"below","level":98})",
    R"({"is":"crosses_up","level":100})",
    R"({"is":"crosses","level":100})",
    R"({"is":"outside","level":[97,101]})",
    R"({"is":"enters","level":[100,101]})",
    R"({"any":[{"is":"above","level":101},{"is":"below","level":97}]})",
    R"({"any":[{"is":"above","level":101},{"ticker":"ETH","is":"below","level":49}]})",
    R"({"all":[{"is":"above","level":100},{"ticker":"ETH","is":"below","level":50}]})",
    R"({"watch":{"close":"1m"},"is":"above","level":100})",
    R"({"watch":{"ratio_to":"ETH"},"is":"above","level":2.02})",
    R"({"watch":{"ratio_to":"ETH"},"is":"crosses","level":2})",
    R"({"is":"above","level":{"from":"start","by":"2%"}})",
    R"({"is":"below","level":{"from":"high","by":"-2%"}})",
    R"({"is":"above","level":{"from":"low","by":"2%"}})",
    R"({"is":"above","level":{"from":"low","over":"1m","by":"1.5%"}})"};
bool has_fixed_level(const char* kind) {
    return std::string_view(kind).find("from") == std::string_view::npos;
}
// Which trades are asked for depends on what bars show: of a ratio or a window they do not show all.
bool is_all_shown_by_bars(const char* kind) {
    const std::string_view text(kind);
    return text.find("ratio") == text.npos && text.find("over") == text.npos;
}
const char* const again = R"({"cooldown":"30s","rearm":"0.5%"})";

TEST_F(RandomGaps, WhatIsRecoveredOfAnAlertThatFiresOnceHasHappenedByThen) {
    int found = 0;
    for (int i = 0; i < 40; ++i) {
        const Play one = play(i % 3 * 20s);
        for (const char* kind : kinds) {
            const ActiveAlert made = alert(kind, "null", "null", -30s);
            const auto live = expected(made, one);
            if (!live.empty() && live[0].time < one.from) continue;
            for (const RuledOutcome& outcome : recovery(stored(made, one), one).outcomes()) {
                for (const auto& [late, firing] : outcome.firings) {
                    ++found;
                    ASSERT_FALSE(live.empty()) << kind << i;
                    EXPECT_LT(live[0].time, late.to + 1us) << kind << i;
                }
            }
        }
    }
    EXPECT_GT(found, 200);
}

TEST_F(RandomGaps, NoneFiresMoreOftenByBarsThanItWouldHave) {
    std::size_t found = 0, happened = 0;
    for (int i = 0; i < plays; ++i) {
        const Play one = play(i % 3 * 20s);
        for (const char* kind : kinds) {
            if (!has_fixed_level(kind)) continue;
            const ActiveAlert made = alert(kind, again, "null", -30s);
            const auto live = expected(made, one);
            std::size_t before = 0;
            for (const auto& firing : live) before += firing.time < one.from ? 1 : 0;
            std::size_t count = before;
            for (const RuledOutcome& outcome : recovery(stored(made, one), one).outcomes()) {
                for (const auto& [late, firing] : outcome.firings) {
                    ASSERT_EQ(firing.number, static_cast<std::int64_t>(++count)) << kind << i;
                    ASSERT_LE(count, live.size()) << kind << i;
                    EXPECT_LT(live[count - 1].time, late.to + 1us) << kind << i << ": not before it happened";
                }
            }
            found += count - before;
            happened += live.size() - before;
        }
    }
    EXPECT_GT(found, happened / 4) << found << " of " << happened;
}

TEST_F(RandomGaps, ByTradesItIsWhatWouldHaveHappenedLive) {
    int found = 0;
    for (int i = 0; i < plays; ++i) {
        const Play one = play(i % 3 * 20s);
        for (const char* kind : kinds) {
            if (!is_all_shown_by_bars(kind)) continue;
            const ActiveAlert made = alert(kind, i % 2 == 0 ? "null" : again, "null", -30s);
            const auto live = expected(made, one);
            if (i % 2 == 0 && !live.empty() && live[0].time < one.from) continue;
            // The end of a mute at the very beginning needs the price of before.
            if (std::ranges::any_of(live, [&](const auto& firing) { return firing.time == one.from; }))
                continue;
            RuledRecovery recovery = RandomGaps::recovery(stored(made, one), one);
            for (auto wanted = recovery.wanted(); !wanted.empty(); wanted = recovery.wanted()) {
                for (const auto& minute : wanted)
                    recovery.take(minute,
                                  ToldTrades{one.prices.at(minute.first), {"okx", "kraken"}, true, {}});
            }
            std::string recovered, happened;
            for (const RuledOutcome& outcome : recovery.outcomes()) {
                for (const auto& [late, firing] : outcome.firings)
                    recovered += fmt::format("{} {} {}\n", firing.number, firing.value.to_string(),
                                             (firing.time - gap_begin) / 1us);
            }
            for (const auto& firing : live) {
                if (firing.time < one.from) continue;
                happened += fmt::format("{} {} {}\n", firing.number, firing.value.to_string(),
                                        (firing.time - gap_begin) / 1us);
                ++found;
            }
            EXPECT_EQ(recovered, happened) << kind << i;
        }
    }
    EXPECT_GT(found, 200);
}

}  // namespace
}  // namespace pricewire::recover
