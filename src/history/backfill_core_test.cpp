#include "history/backfill_core.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <map>

#include "domain/bars.hpp"

namespace pricewire::history {
namespace {

using namespace std::chrono_literals;

const Timestamp now = *parse_rfc3339("2026-11-29T10:20:30Z");

std::string shown(const std::vector<Step>& steps) {
    std::string out;
    for (const Step& s : steps)
        out += fmt::format("{} {} {} {}\n", format_duration(s.interval), format_rfc3339(s.from),
                           format_rfc3339(s.to), s.urgency == past::Urgency::chart ? "chart" : "backfill");
    return out;
}

TEST(MissingHistory, OfATickerThatIsNewIsAYearWithTheNewestMinutesFirst) {
    EXPECT_EQ(shown(missing(std::nullopt, now)),
              "1m 2026-11-29T05:20:00Z 2026-11-29T10:20:00Z chart\n"
              "1h 2026-10-30T00:00:00Z 2026-11-28T10:00:00Z backfill\n"
              "24h 2025-11-29T00:00:00Z 2026-10-30T00:00:00Z backfill\n"
              "1m 2026-11-28T10:00:00Z 2026-11-29T05:20:00Z backfill\n");
}

TEST(MissingHistory, OfAGapIsAskedAsFinelyAsThereIs) {
    EXPECT_EQ(shown(missing(now - 1h, now)), "1m 2026-11-29T09:18:00Z 2026-11-29T10:18:00Z backfill\n");
    EXPECT_EQ(shown(missing(now - 3 * 24h, now)),
              "1m 2026-11-28T10:00:00Z 2026-11-29T10:18:00Z backfill\n"
              "1h 2026-11-26T10:00:00Z 2026-11-28T10:00:00Z backfill\n");
    EXPECT_EQ(shown(missing(now - 40 * 24h, now)),
              "1m 2026-11-28T10:00:00Z 2026-11-29T10:18:00Z backfill\n"
              "1h 2026-10-30T00:00:00Z 2026-11-28T10:00:00Z backfill\n"
              "24h 2026-10-20T00:00:00Z 2026-10-30T00:00:00Z backfill\n");
    EXPECT_EQ(shown(missing(now, now)), "");
    EXPECT_EQ(shown(missing(now + 1h, now)), "");
}

// Whatever is missing, each moment of it is asked at one resolution, but for the interval that holds its beginning.
TEST(MissingHistory, CoversTheTimeOnce) {
    rc::check([] {
        const Timestamp at = now + *rc::gen::inRange<std::int64_t>(0, 366 * 86'400) * 1s;
        const bool is_new = *rc::gen::arbitrary<bool>();
        const Timestamp since =
            at - (is_new ? 365 * 86'400 : *rc::gen::inRange<std::int64_t>(300, 365 * 86'400)) * 1s;
        auto steps = missing(is_new ? std::nullopt : std::optional(since), at);
        std::ranges::sort(steps, {}, &Step::from);
        RC_ASSERT(!steps.empty());
        RC_ASSERT(steps.front().from <= since);
        RC_ASSERT(steps.back().to >= at - 3min - 1s);
        for (std::size_t i = 0; i < steps.size(); ++i) {
            RC_ASSERT(steps[i].from < steps[i].to);
            RC_ASSERT(steps[i].from == interval_start(steps[i].from, steps[i].interval));
            RC_ASSERT(steps[i].to == interval_start(steps[i].to, steps[i].interval));
            if (i > 0) RC_ASSERT(steps[i].from == steps[i - 1].to);
            if (i > 0) RC_ASSERT(steps[i].from == interval_start(steps[i].from, steps[i - 1].interval));
        }
    });
}

past::PastBars told(int bars, std::optional<past::Failure::Kind> failure = std::nullopt) {
    past::PastBars out;
    out.bars.resize(static_cast<std::size_t>(bars));
    out.venues.push_back({{"kraken", "X"}, std::nullopt});
    if (failure) out.venues.back().failure = past::Failure{*failure, "it is away"};
    return out;
}

class BackfillCoreTest : public ::testing::Test {
protected:
    void watch(const Ticker& ticker, BackfillCore::Reason reason = BackfillCore::Reason::pinned) {
        core_.watch(ticker, {{"kraken", "X"}}, reason, now_);
    }
    std::string next() {
        const auto claim = core_.next(now_);
        return claim ? std::string(claim->ticker.view()) : "none";
    }
    // Answers each step, until the end; how many there were.
    int run(const Ticker& ticker, std::optional<past::Failure::Kind> failure = std::nullopt) {
        int steps = 0;
        while (core_.asking(ticker)) {
            ++steps;
            if (core_.answered(ticker, told(10, failure)) != BackfillCore::Next::ask) break;
        }
        return steps;
    }

    Timestamp now_ = now;
    BackfillCore core_;
};

TEST_F(BackfillCoreTest, FillsATickerStepByStepAndThenOnceAnHour) {
    watch("BTC");
    EXPECT_EQ(next(), "BTC");
    EXPECT_EQ(next(), "none") << "under way";
    core_.claimed("BTC", std::nullopt, now_);
    EXPECT_EQ(core_.asking("BTC")->interval, 1min);
    EXPECT_EQ(run("BTC"), 4);
    const auto first = core_.ended("BTC", now_);
    EXPECT_EQ(first.until, interval_start(now_, 1min));
    EXPECT_EQ(first.bars, 40U);
    EXPECT_TRUE(first.is_first);
    EXPECT_EQ(first.next_at, now_ + 3min) << "the minute in which it came to be watched";
    EXPECT_EQ(next(), "none");
    now_ += 3min;
    EXPECT_EQ(next(), "BTC");
    core_.claimed("BTC", first.until, now_);
    EXPECT_EQ(run("BTC"), 1);
    const auto second = core_.ended("BTC", now_);
    EXPECT_FALSE(second.is_first);
    EXPECT_GE(second.next_at, now_ + 1h);
    EXPECT_LE(second.next_at, now_ + 70min);
    now_ = second.next_at - 1us;
    EXPECT_EQ(next(), "none");
    now_ += 1us;
    EXPECT_EQ(next(), "BTC");
}

TEST_F(BackfillCoreTest, WhatSomebodyNeedsIsNotHeldUpByWhatIsPinned) {
    for (int i = 0; i < 20; ++i) watch(Ticker(fmt::format("P{}", i)));
    for (int i = 0; i < 4; ++i) EXPECT_EQ(next(), fmt::format("P{}", i));
    EXPECT_EQ(next(), "none");
    watch("PEPE", BackfillCore::Reason::needed);
    EXPECT_EQ(next(), "PEPE");
    EXPECT_EQ(core_.waiting(now_), 16U);
    EXPECT_EQ(core_.under_way(), 5U);
}

TEST_F(BackfillCoreTest, OfWhatIsNeededTheNewestIsFirst) {
    for (int i = 0; i < 20; ++i) watch(Ticker(fmt::format("N{}", i)), BackfillCore::Reason::needed);
    for (int i = 19; i > 11; --i) EXPECT_EQ(next(), fmt::format("N{}", i));
    EXPECT_EQ(next(), "none");
    watch("PEPE", BackfillCore::Reason::needed);
    core_.not_before("N19", now_ + 1h);
    EXPECT_EQ(next(), "PEPE");
}

TEST_F(BackfillCoreTest, TriesAgainLaterAndLaterWhileVenuesAreAway) {
    watch("BTC");
    for (const Duration wait : {1min, 2min, 4min}) {
        EXPECT_EQ(next(), "BTC");
        core_.claimed("BTC", now_ - 2h, now_);
        EXPECT_EQ(run("BTC", past::Failure::Kind::unavailable), 1);
        const auto outcome = core_.ended("BTC", now_);
        EXPECT_FALSE(outcome.until);
        EXPECT_EQ(outcome.why, "kraken: it is away");
        EXPECT_EQ(outcome.next_at, now_ + wait);
        now_ += wait;
    }
}

TEST_F(BackfillCoreTest, AFirstFillingGoesOnWithoutTheNewestMinutes) {
    watch("BTC");
    next();
    core_.claimed("BTC", std::nullopt, now_);
    EXPECT_EQ(core_.answered("BTC", told(0, past::Failure::Kind::late)), BackfillCore::Next::ask);
    EXPECT_EQ(run("BTC"), 3);
    EXPECT_FALSE(core_.ended("BTC", now_).until) << "but all of it is asked again";
}

TEST_F(BackfillCoreTest, WhatNoVenueOffersIsNotMissed) {
    watch("BTC");
    next();
    core_.claimed("BTC", std::nullopt, now_);
    EXPECT_EQ(core_.answered("BTC", told(5)), BackfillCore::Next::ask);
    EXPECT_EQ(core_.answered("BTC", told(0, past::Failure::Kind::not_offered)), BackfillCore::Next::ask);
    EXPECT_EQ(core_.answered("BTC", past::PastBars{}), BackfillCore::Next::ask);
    EXPECT_EQ(core_.answered("BTC", told(5)), BackfillCore::Next::finished);
    EXPECT_TRUE(core_.ended("BTC", now_).until);
}

TEST_F(BackfillCoreTest, WhereNoVenueHasCandlesItSaysSo) {
    watch("BTC");
    next();
    core_.claimed("BTC", std::nullopt, now_);
    run("BTC", past::Failure::Kind::not_offered);
    EXPECT_EQ(core_.ended("BTC", now_).why, "no venue has candles of it");
}

TEST_F(BackfillCoreTest, LeavesATickerThatIsNoLongerWatched) {
    watch("BTC");
    next();
    core_.claimed("BTC", std::nullopt, now_);
    core_.unwatch("BTC");
    EXPECT_FALSE(core_.asking("BTC"));
    const auto outcome = core_.ended("BTC", now_);
    EXPECT_FALSE(outcome.until);
    EXPECT_EQ(outcome.next_at, now_) << "whoever watches it next begins at once";
    EXPECT_EQ(next(), "none");
    EXPECT_EQ(core_.waiting(now_), 0U);
}

TEST_F(BackfillCoreTest, ATickerThatComesToBeWatchedIsClaimedIfItIsBehind) {
    watch("BTC");
    EXPECT_EQ(core_.next(now_)->behind, now_ - 5min);
    core_.claimed("BTC", now_ - 1h, now_);
    run("BTC");
    EXPECT_EQ(core_.ended("BTC", now_).next_at, now_ + 3min) << "for the minutes at the end of the gap";
    now_ += 3min;
    EXPECT_EQ(core_.next(now_)->behind, Timestamp{});
}

TEST_F(BackfillCoreTest, IsNotAskedWithoutPlaces) {
    core_.watch("BTC", {}, BackfillCore::Reason::pinned, now_);
    EXPECT_EQ(next(), "none");
    EXPECT_EQ(core_.waiting(now_), 0U);
    watch("BTC");
    EXPECT_EQ(next(), "BTC");
}

}  // namespace
}  // namespace pricewire::history
