#include "app/known_past.hpp"

#include <gtest/gtest.h>

#include "fakes/test_storage.hpp"

namespace pricewire::app {
namespace {

using namespace std::chrono_literals;

constexpr Timestamp noon{std::chrono::seconds{1'700'049'600}};

class KnownPastTest : public testing::Test {
protected:
    static Bar bar(Timestamp start, int low, int high, int close) {
        return {"BTC",
                start,
                Decimal::from_int(low),
                Decimal::from_int(high),
                Decimal::from_int(low),
                Decimal::from_int(close)};
    }
    // "0-60:99-101:101", from noon on; "~" before what goes on after a gap.
    std::vector<std::string> known(Timestamp from, Timestamp now, const std::optional<Pause>& pause = {}) {
        std::vector<std::string> out;
        for (const Stretch& s : known_past(storage_, storage_, "BTC", from, now, pause)) {
            const auto second = [](Timestamp t) { return std::to_string((t - noon) / 1s); };
            out.push_back((s.goes_on ? "~" : "") + second(s.from) + "-" + second(s.to) + ":" +
                          s.low.to_string() + "-" + s.high.to_string() + ":" + s.last.to_string());
        }
        return out;
    }
    using Texts = std::vector<std::string>;
    fakes::TestStorage storage_;
};

TEST_F(KnownPastTest, APriceThatWasInEffectAtAMinutesBeginningCountsToIt) {
    storage_.upsert_bars(std::vector{bar(noon, 100, 104, 101), bar(noon + 1min, 102, 103, 103),
                                     bar(noon + 3min, 105, 106, 106)});
    EXPECT_EQ(known(noon + 10s, noon + 5min),
              (Texts{"0-60:100-104:101", "60-120:101-103:103", "180-240:105-106:106"}))
        << "nothing is known of the minute without a bar";
}

TEST_F(KnownPastTest, TheLastMinuteBeforeIsKnownHoweverOldItIs) {
    storage_.upsert_bars(std::vector{bar(noon - 26h, 90, 91, 91), bar(noon - 25h, 95, 96, 96)});
    EXPECT_EQ(known(noon, noon + 20s), Texts{"-90000--89940:95-96:96"});
    storage_.save_blind(std::vector<BlindSpan>{{.ticker = "BTC",
                                                .from = noon - 25h + 40s,
                                                .to = noon - 24h,
                                                .reason = "no feed was running",
                                                .state = BlindState::waiting,
                                                .told_until = {},
                                                .unknown = 40s}});
    EXPECT_EQ(known(noon, noon + 20s), Texts{"-90000--89960:95-96:96"}) << "until nobody watched any more";
    EXPECT_EQ(known(noon, noon + 2400h), Texts{}) << "minutes are not kept for so long";
}

TEST_F(KnownPastTest, TheMinuteAtHandEndsNow) {
    storage_.upsert_bars(std::vector{bar(noon, 100, 104, 101)});
    EXPECT_EQ(known(noon, noon + 20s), Texts{"0-20:100-104:101"});
}

TEST_F(KnownPastTest, WhatWasNotJudgedIsAGap) {
    storage_.upsert_bars(std::vector{bar(noon, 100, 104, 101), bar(noon + 1min, 101, 103, 103),
                                     bar(noon + 2min, 103, 103, 103)});
    storage_.save_blind(std::vector<BlindSpan>{{.ticker = "BTC",
                                                .from = noon + 30s,
                                                .to = noon + 70s,
                                                .reason = "no feed was running",
                                                .state = BlindState::waiting,
                                                .told_until = {},
                                                .unknown = 40s}});
    EXPECT_EQ(
        known(noon, noon + 5min, Pause{noon + 150s, noon + 170s}),
        (Texts{"0-30:100-104:101", "~70-120:101-103:103", "120-150:103-103:103", "~170-180:103-103:103"}));
}

TEST_F(KnownPastTest, WhatIsOlderThanTheLongestWindowComesFromHours) {
    const Timestamp old = noon - 240h;
    storage_.upsert_bars(std::vector{bar(old - 1min, 90, 91, 91), bar(old, 100, 104, 101),
                                     bar(old + 30min, 99, 103, 103), bar(noon, 105, 106, 106)});
    EXPECT_EQ(known(old - 30min, noon + 1min),
              (Texts{"-864060--864000:90-91:91", "-864000--860400:91-104:103", "0-60:105-106:106"}));
}

}  // namespace
}  // namespace pricewire::app
