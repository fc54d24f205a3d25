#include "recover/judged.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "base/text.hpp"

namespace pricewire::recover {
namespace {

using namespace std::chrono_literals;

constexpr Timestamp began{std::chrono::seconds{1'700'000'000}};

std::string at(Timestamp t) {
    return fmt::format("{}", (t - began) / 1s);
}

// Feeds are a and b, tickers named as they are; times in seconds since then. "BTC" was not heard since the feed's start,
// "BTC@5" since 5.
class JudgedTest : public ::testing::Test {
protected:
    void resume(std::optional<int> until, std::vector<BlindSpan> open = {}) {
        std::optional<Timestamp> then;
        if (until) then = began + *until * 1s;
        judged_.emplace(15s, then, std::move(open));
    }
    void heard(const char* feed, int from, int to, std::string_view unheard = "") {
        for (int i = from; i <= to; ++i) heard(feed, i, unheard);
    }
    void heard(const char* feed, int second, std::string_view unheard = "") {
        Heard sign{began + second * 1s, {}};
        for (const std::string_view item : split_list(unheard)) {
            std::string_view rest = item;
            Unheard one{Ticker(take_part(rest, '@')), {}};
            if (const auto since = parse_number<int>(rest)) one.since = began + *since * 1s;
            sign.unheard.push_back(one);
        }
        judged_->on_heard(feed, sign);
    }
    // "all 5-40 but BTC; BTC 3-; ETH 5-30"
    std::string changes() {
        std::string out;
        const Judged::Changes changes = judged_->take_changes();
        for (const Judged::Gap& gap : changes.gaps) {
            out += fmt::format("{}all {}-{}", out.empty() ? "" : "; ", at(gap.from), at(gap.to));
            for (const Ticker ticker : gap.except) out += fmt::format(" but {}", ticker.view());
        }
        for (const BlindSpan& span : changes.spans) {
            out += fmt::format("{}{} {}-{}", out.empty() ? "" : "; ", span.ticker.view(), at(span.from),
                               span.to ? at(*span.to) : "");
            EXPECT_EQ(span.state, span.to ? BlindState::waiting : BlindState::open);
        }
        return out;
    }

    std::optional<Judged> judged_{std::in_place, 15s, std::nullopt, std::vector<BlindSpan>{}};
};

TEST_F(JudgedTest, SignsOfLifeThatFollowEachOtherLeaveNoGap) {
    EXPECT_EQ(judged_->until(), std::nullopt);
    heard("a", 0, 20);
    heard("a", 35);
    EXPECT_EQ(changes(), "") << "as long as the limit is no blindness";
    EXPECT_EQ(judged_->until(), began + 35s);
}

TEST_F(JudgedTest, NothingBeforeTheFirstSignOfAllIsMissed) {
    heard("a", 100, 120, "BTC");
    EXPECT_EQ(changes(), "BTC 100-");
    heard("a", 130);
    EXPECT_EQ(changes(), "BTC 100-130");
}

TEST_F(JudgedTest, AProcessThatWasDownWasBlindToAll) {
    resume(5);
    heard("a", 65);
    EXPECT_EQ(changes(), "all 5-65");
    EXPECT_EQ(judged_->until(), began + 65s);
}

TEST_F(JudgedTest, ATickerStaysBlindUntilItIsHeardAfterAStart) {
    resume(5);
    heard("a", 65, 70, "BTC, ETH");
    EXPECT_EQ(changes(), "all 5-65 but BTC but ETH; BTC 5-; ETH 5-");
    heard("a", 71, "ETH");
    EXPECT_EQ(changes(), "BTC 5-71");
    heard("a", 72);
    EXPECT_EQ(changes(), "ETH 5-72");
    EXPECT_EQ(judged_->blind(), 0U);
}

TEST_F(JudgedTest, WhatAFeedTakesUpSoonAfterAGapWasMissedUntilItIsHeard) {
    resume(5);
    heard("a", 65, "BTC");
    heard("a", 66, "BTC,WIF");
    heard("a", 67, "BTC,WIF");
    EXPECT_EQ(changes(), "all 5-65 but BTC; BTC 5-; WIF 65-") << "others are in the gap until 65";
    heard("a", 70);
    EXPECT_EQ(changes(), "BTC 5-70; WIF 65-70");
    heard("a", 71, 90);
    heard("a", 91, 95, "PEPE@91");
    heard("a", 96);
    EXPECT_EQ(changes(), "") << "one that is new";
}

TEST_F(JudgedTest, WhatAFeedTakesUpSoonAfterAQuickRestartWasUnheardSinceTheLastJudgement) {
    resume(0);
    heard("a", 10, "BTC");
    heard("a", 11, 19, "BTC,WIF");
    EXPECT_EQ(changes(), "BTC 0-; WIF 0-");
    heard("a", 20);
    EXPECT_EQ(changes(), "BTC 0-20; WIF 0-20");
}

TEST_F(JudgedTest, AQuickRestartIsNoBlindness) {
    resume(5);
    heard("a", 10, 12, "BTC");
    heard("a", 13);
    EXPECT_EQ(changes(), "");
}

TEST_F(JudgedTest, ASpanThatWasOpenGoesOnAfterAStart) {
    resume(100, {{.ticker = "BTC", .from = began + 20s, .to = {}, .reason = "x", .told_until = {}}});
    heard("a", 103, "BTC");
    EXPECT_EQ(changes(), "") << "it is stored already";
    heard("a", 104);
    EXPECT_EQ(changes(), "BTC 20-104");
}

TEST_F(JudgedTest, ATickerThatNoExchangeSendsIsBlindSinceItWasHeard) {
    heard("a", 0, 50);
    heard("a", 51, 60, "BTC@30");
    EXPECT_EQ(changes(), "BTC 30-") << "its connection was found to be dead later than it was";
    heard("a", 61, 90, "BTC@30");
    EXPECT_EQ(changes(), "");
    heard("a", 91);
    EXPECT_EQ(changes(), "BTC 30-91");
}

TEST_F(JudgedTest, AShortSilenceOfATickerIsNone) {
    heard("a", 0, 10);
    heard("a", 11, 20, "BTC@10");
    heard("a", 21, 30);
    EXPECT_EQ(changes(), "");
}

TEST_F(JudgedTest, WhatOneOfTwoFeedsHearsIsHeard) {
    heard("a", 0);
    heard("b", 0);
    for (int i = 1; i <= 40; ++i) {
        heard("a", i, "BTC@0");
        heard("b", i, "ETH@0");
    }
    EXPECT_EQ(changes(), "");
    for (int i = 41; i <= 60; ++i) {
        heard("a", i, "BTC@0");
        heard("b", i, "BTC@40");
    }
    EXPECT_EQ(changes(), "BTC 40-");
    heard("a", 61, "");
    EXPECT_EQ(changes(), "BTC 40-61");
}

TEST_F(JudgedTest, AFeedThatIsGoneTakesWhatItAloneHeardWithIt) {
    for (int i = 0; i <= 20; ++i) {
        heard("a", i);
        heard("b", i, "BTC");
    }
    heard("b", 21, 36, "BTC");
    EXPECT_EQ(changes(), "BTC 20-") << "b has never heard it, a until 20";
    heard("b", 37);
    EXPECT_EQ(changes(), "BTC 20-37");
}

TEST_F(JudgedTest, AllFeedsGoneAreAGapThatEndsWithTheNextSign) {
    heard("a", 0, 10);
    heard("b", 40);
    EXPECT_EQ(judged_->take_changes().gaps.at(0).reason, "no feed was running");
    heard("b", 100);
    const Judged::Changes slept = judged_->take_changes();
    ASSERT_EQ(slept.gaps.size(), 1U);
    EXPECT_EQ(slept.gaps[0].from, began + 40s);
    EXPECT_EQ(slept.gaps[0].reason, "the computer slept, the process was stopped, or prices did not arrive");
}

TEST_F(JudgedTest, AConnectionLostBeforeASleepIsBlindSinceTheLastJudgement) {
    heard("a", 0, 10);
    heard("a", 10'000, "BTC@12");
    heard("a", 10'001);
    EXPECT_EQ(changes(), "all 10-10000 but BTC; BTC 10-; BTC 10-10001");
}

TEST_F(JudgedTest, WhatTheStreamHandsOutAgainChangesNothing) {
    resume(1000);
    heard("a", 900, 984, "BTC");
    EXPECT_EQ(changes(), "");
    heard("a", 985, 1001);
    EXPECT_EQ(changes(), "");
    EXPECT_EQ(judged_->until(), began + 1001s);
}

// Of feeds that divide tickers, those that do not watch one say that they do not hear it.
TEST_F(JudgedTest, ATickerIsBlindWhenTheFeedThatWatchesItDoesNotHearIt) {
    for (int i = 0; i <= 30; ++i) {
        heard("a", i);
        heard("b", i, "BTC");
    }
    EXPECT_EQ(changes(), "");
    for (int i = 31; i <= 50; ++i) {
        heard("a", i, "BTC@30");
        heard("b", i, "BTC");
    }
    EXPECT_EQ(changes(), "BTC 30-");
    // Another one watches it from now on.
    heard("b", 51);
    EXPECT_EQ(changes(), "BTC 30-51");
}

TEST_F(JudgedTest, ATickerWhoseFeedHasDiedIsBlindUnlessAnotherWatchesItSoon) {
    for (int i = 0; i <= 10; ++i) {
        heard("a", i);
        heard("b", i, "BTC,ETH");
    }
    heard("b", 11, 14, "BTC,ETH");
    heard("b", 15, 40, "BTC");
    EXPECT_EQ(changes(), "BTC 10-");
    heard("b", 41);
    EXPECT_EQ(changes(), "BTC 10-41");
}

TEST_F(JudgedTest, AClockThatIsSetBackGoesOnFromThere) {
    heard("a", 10'000, 10'010);
    heard("a", 10, 12);
    EXPECT_EQ(changes(), "");
    EXPECT_EQ(judged_->until(), began + 12s);
    heard("a", 60);
    EXPECT_EQ(changes(), "all 12-60");
}

}  // namespace
}  // namespace pricewire::recover
