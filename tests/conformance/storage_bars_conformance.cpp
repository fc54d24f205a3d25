// The contract of every Storage: bars, and how far the past has been filled.
#include <algorithm>
#include <random>

#include "domain/bars.hpp"
#include "storage_fixture.hpp"

namespace pricewire::conformance {
namespace {

class StorageBarsConformance : public StorageConformance {
protected:
    std::vector<Bar> bars(Duration interval, std::size_t limit = 100) {
        return storage_->bars("BTC", interval, Timestamp::min(), Timestamp::max(), limit);
    }
    const Timestamp day_ = std::chrono::floor<std::chrono::days>(now_);
};

Bar bar(Ticker ticker, Timestamp start, const char* open, const char* high, const char* low,
        const char* close) {
    const auto n = [](const char* text) { return Decimal::parse(text).value(); };
    return {ticker, start, n(open), n(high), n(low), n(close)};
}

TEST_P(StorageBarsConformance, MergesBarsOfOneMinute) {
    const Timestamp start = std::chrono::floor<std::chrono::minutes>(now_);
    storage_->upsert_bars(std::vector{bar("BTC", start, "10", "12", "9", "11")});
    storage_->upsert_bars(std::vector{bar("BTC", start, "11", "11.5", "8.000000000000000001", "8.5"),
                                      bar("BTC", start, "8.5", "100", "8.5", "20")});
    storage_->upsert_bars({});
    EXPECT_EQ(storage_->bars("BTC", 1min, start, start + 1min, 10),
              std::vector{bar("BTC", start, "10", "100", "8.000000000000000001", "20")});
}

TEST_P(StorageBarsConformance, ReturnsBarsOfAPeriodOldestFirst) {
    const Timestamp start = std::chrono::floor<std::chrono::minutes>(now_);
    std::vector<Bar> all;
    for (const int i : {3, 0, 2, 1}) all.push_back(bar("BTC", start + i * 1min, "1", "2", "1", "2"));
    all.push_back(bar("ETH", start, "5", "5", "5", "5"));
    storage_->upsert_bars(all);
    const auto starts = [&](Timestamp from, Timestamp to, std::size_t limit) {
        std::vector<std::int64_t> out;
        for (const Bar& b : storage_->bars("BTC", 1min, from, to, limit))
            out.push_back(std::chrono::duration_cast<std::chrono::minutes>(b.start - start).count());
        return out;
    };
    EXPECT_EQ(starts(start, start + 1h, 100), (std::vector<std::int64_t>{0, 1, 2, 3}));
    EXPECT_EQ(starts(start + 1min, start + 3min, 100), (std::vector<std::int64_t>{1, 2}));
    EXPECT_EQ(starts(start, start + 1h, 2), (std::vector<std::int64_t>{2, 3})) << "the newest";
    EXPECT_EQ(starts(Timestamp::min(), Timestamp::max(), 100), (std::vector<std::int64_t>{0, 1, 2, 3}));
    EXPECT_TRUE(storage_->bars("DOGE", 1min, start, start + 1h, 100).empty());
}

TEST_P(StorageBarsConformance, ReturnsBarsOfSeveralTickersAtOnce) {
    std::vector<Bar> all;
    for (const Ticker& ticker : {Ticker("BTC"), Ticker("ETH"), Ticker("DOGE")}) {
        for (const int i : {2, 61, 0, 1}) all.push_back(bar(ticker, day_ + i * 1min, "1", "2", "1", "2"));
    }
    storage_->upsert_bars(all);
    const auto of = [&](std::vector<Ticker> tickers, Duration interval, Timestamp to, std::size_t limit) {
        std::vector<std::pair<std::string, int>> out;
        for (const Bar& b : storage_->bars_of(tickers, interval, day_, to, limit))
            out.emplace_back(b.ticker.view(), static_cast<int>((b.start - day_) / 1min));
        return out;
    };
    using Bars = std::vector<std::pair<std::string, int>>;
    EXPECT_EQ(of({"ETH", "XYZ", "BTC"}, 1min, day_ + 2min, 10),
              (Bars{{"ETH", 0}, {"ETH", 1}, {"BTC", 0}, {"BTC", 1}}));
    EXPECT_EQ(of({"BTC", "ETH"}, 1min, day_ + 1h, 1), (Bars{{"BTC", 2}, {"ETH", 2}})) << "the newest of each";
    EXPECT_EQ(of({"DOGE", "BTC"}, 1h, day_ + 24h, 10),
              (Bars{{"DOGE", 0}, {"DOGE", 60}, {"BTC", 0}, {"BTC", 60}}));
    EXPECT_EQ(of({}, 1min, day_ + 1h, 10), Bars{});
    EXPECT_EQ(storage_->bars_of(std::vector<Ticker>{"BTC"}, 1h, day_, day_ + 1h, 10),
              storage_->bars("BTC", 1h, day_, day_ + 1h, 10));
}

TEST_P(StorageBarsConformance, AggregatesMinutesIntoLongerBars) {
    // As strings, 9 is more than 10; as numbers it is less.
    storage_->upsert_bars(std::vector{
        bar("BTC", day_ - 1min, "1", "2", "1", "2"),
        bar("BTC", day_, "9", "10", "8.5", "9.5"),
        bar("BTC", day_ + 2min, "9.5", "9.75", "8", "9"),
        bar("BTC", day_ + 4min, "9", "9.000000000000000001", "8.25", "8.75"),
        bar("BTC", day_ + 11min, "7", "7", "7", "7"),
        bar("BTC", day_ + 61min, "6", "100", "6", "20"),
        bar("ETH", day_ + 1min, "500", "500", "0.1", "500"),
    });
    const auto bars = [&](Duration interval, Timestamp from = Timestamp::min(),
                          Timestamp to = Timestamp::max(), std::size_t limit = 100) {
        return storage_->bars("BTC", interval, from, to, limit);
    };
    const Bar before = bar("BTC", day_ - 5min, "1", "2", "1", "2");
    const Bar first = bar("BTC", day_, "9", "10", "8", "8.75");
    const Bar third = bar("BTC", day_ + 10min, "7", "7", "7", "7");
    const Bar last = bar("BTC", day_ + 60min, "6", "100", "6", "20");
    EXPECT_EQ(bars(5min), (std::vector{before, first, third, last}));
    EXPECT_EQ(bars(5min, day_, day_ + 10min), std::vector{first});
    EXPECT_EQ(bars(5min, day_ - 4min, day_ + 9min), std::vector{first})
        << "selected by its start, then whole";
    EXPECT_EQ(bars(5min, day_ - 5min, day_ + 1us), (std::vector{before, first}));
    EXPECT_EQ(bars(5min, Timestamp::min(), Timestamp::max(), 2), (std::vector{third, last}));
    EXPECT_EQ(bars(5min, Timestamp::min(), day_ + 10min, 1), std::vector{first});
    EXPECT_EQ(bars(1h), (std::vector{bar("BTC", day_ - 1h, "1", "2", "1", "2"),
                                     bar("BTC", day_, "9", "10", "7", "7"), last}));
    EXPECT_EQ(bars(24h), (std::vector{bar("BTC", day_ - 24h, "1", "2", "1", "2"),
                                      bar("BTC", day_, "9", "100", "6", "20")}));
    EXPECT_TRUE(bars(1h, day_ + 2h, day_ + 3h).empty());
    EXPECT_TRUE(bars(1h, day_ + 1us, day_ + 1min).empty());
}

TEST_P(StorageBarsConformance, LongerBarsAreExactForAnyOrderOfMinutes) {
    const auto hours = [&] { return storage_->bars("BTC", 1h, day_, day_ + 24h, 10); };
    storage_->upsert_bars(std::vector{bar("BTC", day_ + 30min, "30", "31", "29", "30.5")});
    EXPECT_EQ(hours(), std::vector{bar("BTC", day_, "30", "31", "29", "30.5")});
    storage_->upsert_bars(std::vector{bar("BTC", day_ + 40min, "40", "41", "39", "40.5"),
                                      bar("BTC", day_ + 10min, "10", "11", "9", "10.5")});
    EXPECT_EQ(hours(), std::vector{bar("BTC", day_, "10", "41", "9", "40.5")});
    storage_->upsert_bars(std::vector{bar("BTC", day_ + 30min, "1", "50", "8", "2")});
    EXPECT_EQ(hours(), std::vector{bar("BTC", day_, "10", "50", "8", "40.5")}) << "in between";
    storage_->upsert_bars(std::vector{bar("BTC", day_ + 40min, "3", "40", "30", "35"),
                                      bar("BTC", day_ + 10min, "3", "10", "9", "3")});
    EXPECT_EQ(hours(), std::vector{bar("BTC", day_, "10", "50", "8", "35")}) << "the last minute continues";
    EXPECT_EQ(storage_->bars("BTC", 5min, day_, day_ + 24h, 10).size(), 3U);
}

TEST_P(StorageBarsConformance, RemovesLongerBarsOnceTheyAreEntirelyOld) {
    for (int i = 0; i < 3; ++i)
        storage_->upsert_bars(std::vector{bar("BTC", day_ + i * 1h + 30min, "1", "2", "1", "2")});
    EXPECT_EQ(storage_->prune_bars(day_ + 2h, day_ + 2h, 10), 2U);
    EXPECT_EQ(storage_->prune_bars(day_ + 2h, day_ + 2h, 10), 0U);
    for (const Duration interval : {Duration{1min}, Duration{5min}, Duration{1h}}) {
        const auto left = storage_->bars("BTC", interval, day_, day_ + 24h, 10);
        ASSERT_EQ(left.size(), 1U);
        EXPECT_GE(left.front().start, day_ + 2h);
    }
}

TEST_P(StorageBarsConformance, RemovesOldBarsInSmallBatches) {
    const Timestamp start = std::chrono::floor<std::chrono::minutes>(now_);
    std::vector<Bar> all;
    for (int i = 0; i < 10; ++i) {
        all.push_back(bar("BTC", start + i * 1min, "1", "1", "1", "1"));
        all.push_back(bar("ETH", start + i * 1min, "1", "1", "1", "1"));
    }
    storage_->upsert_bars(all);
    EXPECT_EQ(storage_->prune_bars(start + 5min, start - 1h, 7), 7U);
    EXPECT_EQ(storage_->prune_bars(start + 5min, start - 1h, 7), 3U);
    EXPECT_EQ(storage_->prune_bars(start + 5min, start - 1h, 7), 0U);
    EXPECT_EQ(storage_->bars("BTC", 1min, start, start + 1h, 100).size(), 5U);
    EXPECT_EQ(storage_->bars("ETH", 1min, start, start + 1h, 100).front().start, start + 5min);
}

// History

Bar past(Bar bar, const char* volume = nullptr) {
    bar.is_history = true;
    if (volume != nullptr) bar.volume = Decimal::parse(volume).value();
    return bar;
}

TEST_P(StorageBarsConformance, HistoryFillsMinutesThatAreMissing) {
    const Bar live = bar("BTC", day_ + 1min, "5", "6", "5", "5.5");
    storage_->upsert_bars(
        std::vector{live, bar("BTC", day_, "5", "5", "5", "5"), bar("BTC", day_ + 2min, "5", "5", "5", "5")});
    const Bar filled = past(bar("BTC", day_ + 3min, "7", "8", "6", "7"), "0.5");
    storage_->add_history("BTC", 1min,
                          std::vector{past(bar("BTC", day_ + 1min, "1", "99", "1", "1"), "2.25"), filled});
    storage_->add_history("BTC", 1min, {});
    const auto minutes = bars(1min);
    ASSERT_EQ(minutes.size(), 4U);
    Bar expected = live;
    expected.volume = Decimal::parse("2.25").value();
    EXPECT_EQ(minutes[1], expected) << "live prices stay, and get a volume";
    EXPECT_EQ(minutes[3], filled);
    EXPECT_EQ(bars(1h), std::vector{past(bar("BTC", day_, "5", "8", "5", "7"), "2.75")});
    EXPECT_EQ(bars(24h), std::vector{past(bar("BTC", day_, "5", "8", "5", "7"), "2.75")});
    // Live prices of the same minute that come later.
    storage_->upsert_bars(std::vector{bar("BTC", day_ + 3min, "7", "9", "7", "7.5")});
    EXPECT_EQ(bars(1min).back(), past(bar("BTC", day_ + 3min, "7", "9", "6", "7.5"), "0.5"));
    EXPECT_EQ(bars(1h), std::vector{past(bar("BTC", day_, "5", "9", "5", "7.5"), "2.75")});
}

TEST_P(StorageBarsConformance, TheFirstMinuteOfAnHourMayComeLast) {
    storage_->upsert_bars(std::vector{bar("BTC", day_ + 30min, "5", "6", "5", "5.5")});
    storage_->add_history("BTC", 1min,
                          std::vector{past(bar("BTC", day_ + 10min, "1", "2", "1", "2")),
                                      past(bar("BTC", day_ + 30min, "3", "7", "3", "4"))});
    EXPECT_EQ(bars(1min).back(), bar("BTC", day_ + 30min, "3", "7", "3", "4"))
        << "an edge of what was watched";
    EXPECT_EQ(bars(1h), std::vector{past(bar("BTC", day_, "1", "7", "1", "4"))});
}

// The hour that was watched in part is the same whether its candle or its minutes came first.
TEST_P(StorageBarsConformance, AnHourIsTheSameInWhateverOrderItsPartsCome) {
    std::vector<std::function<void()>> parts;
    const Bar candle = past(bar("BTC", day_, "5", "9", "4", "6"), "100");
    parts.emplace_back([&] { storage_->add_history("BTC", 1h, std::vector{candle}); });
    for (const int minute : {0, 20, 59})
        parts.emplace_back([this, minute] {
            storage_->upsert_bars(std::vector{bar("BTC", day_ + minute * 1min, "7", "11", "3", "8")});
        });
    parts.emplace_back([&] {
        storage_->add_history("BTC", 1min,
                              std::vector{past(bar("BTC", day_ + 40min, "2", "2", "2", "2"), "1")});
    });
    std::mt19937 rng(15);
    for (int i = 0; i < 20; ++i) {
        std::shuffle(parts.begin(), parts.end(), rng);
        for (const auto& part : parts) part();
        EXPECT_EQ(bars(1h), std::vector{past(bar("BTC", day_, "5", "11", "2", "6"), "100")}) << i;
        storage_->prune_bars(Timestamp::max(), Timestamp::max(), 100);
        ASSERT_TRUE(bars(1h).empty());
    }
}

TEST_P(StorageBarsConformance, DaysAreCandlesUntilHoursAreKnown) {
    storage_->add_history("BTC", 24h,
                          std::vector{past(bar("BTC", day_ - 48h, "1", "2", "1", "2"), "10"),
                                      past(bar("BTC", day_ - 24h, "2", "5", "2", "4"), "20")});
    storage_->add_history("BTC", 1h,
                          std::vector{past(bar("BTC", day_ - 23h, "3", "6", "3", "3"), "7"),
                                      past(bar("BTC", day_, "4", "4", "3", "3"), "8")});
    storage_->upsert_bars(std::vector{bar("BTC", day_ + 1h, "3", "7", "3", "5")});
    const std::vector days{past(bar("BTC", day_ - 48h, "1", "2", "1", "2"), "10"),
                           past(bar("BTC", day_ - 24h, "2", "6", "2", "4"), "20"),
                           past(bar("BTC", day_, "4", "7", "3", "5"), "8")};
    EXPECT_EQ(bars(24h), days);
    EXPECT_EQ(bars(24h, 2), std::vector(days.begin() + 1, days.end())) << "the newest";
    EXPECT_EQ(bars(1h).size(), 3U);
    EXPECT_TRUE(storage_->bars("ETH", 24h, {}, Timestamp::max(), 9).empty());
}

TEST_P(StorageBarsConformance, WeeksBeginOnMonday) {
    const Timestamp monday = interval_start(now_, 7 * 24h);
    for (int i = -8; i < 2; ++i) {
        const std::string n = std::to_string(20 + i);
        storage_->add_history(
            "BTC", 24h,
            std::vector{past(bar("BTC", monday + i * 24h, n.c_str(), n.c_str(), n.c_str(), n.c_str()))});
    }
    EXPECT_EQ(bars(7 * 24h), (std::vector{past(bar("BTC", monday - 14 * 24h, "12", "12", "12", "12")),
                                          past(bar("BTC", monday - 7 * 24h, "13", "19", "13", "19")),
                                          past(bar("BTC", monday, "20", "21", "20", "21"))}));
    EXPECT_EQ(bars(7 * 24h, 1).front().start, monday);
    EXPECT_EQ(storage_->bars("BTC", 7 * 24h, monday - 7 * 24h, monday, 9).size(), 1U);
}

TEST_P(StorageBarsConformance, HoursAndDaysAreKeptForLonger) {
    const Bar day = past(bar("BTC", day_ - 48h, "1", "1", "1", "1"));
    storage_->add_history("BTC", 24h, std::vector{day});
    storage_->upsert_bars(std::vector{bar("BTC", day_, "1", "1", "1", "1")});
    EXPECT_EQ(storage_->prune_bars(day_ + 1h, day_ - 24h - 1us, 10), 1U);
    EXPECT_TRUE(bars(1min).empty());
    EXPECT_EQ(bars(24h).size(), 2U);
    EXPECT_EQ(storage_->prune_bars(day_ + 1h, day_ - 24h, 10), 1U);
    EXPECT_EQ(bars(24h).size(), 1U);
}

// Who fills the past

TEST_P(StorageBarsConformance, OneOwnerFillsATickerUntilItsLeaseEnds) {
    EXPECT_FALSE(storage_->filled("BTC"));
    const auto claimed = storage_->claim_fill("BTC", "a", now_, now_ + 10s);
    ASSERT_TRUE(claimed);
    EXPECT_FALSE(claimed->until);
    EXPECT_FALSE(storage_->claim_fill("BTC", "b", now_ + 10s, now_ + 20s));
    EXPECT_TRUE(storage_->claim_fill("BTC", "a", now_ + 5s, now_ + 15s)) << "its owner may prolong it";
    EXPECT_TRUE(storage_->claim_fill("ETH", "b", now_, now_ + 20s));
    EXPECT_TRUE(storage_->claim_fill("BTC", "b", now_ + 15s + 1us, now_ + 30s));
    storage_->finish_fill("BTC", "a", {now_, now_ + 1h});
    EXPECT_FALSE(storage_->filled("BTC")->until) << "it has lost its claim";
    storage_->finish_fill("BTC", "b", {now_, now_ + 1h});
    EXPECT_EQ(storage_->filled("BTC")->until, now_);
    EXPECT_EQ(storage_->filled("BTC")->next_at, now_ + 1h);
}

TEST_P(StorageBarsConformance, ATickerIsNotFilledAgainBeforeItsTime) {
    ASSERT_TRUE(storage_->claim_fill("BTC", "a", now_, now_ + 10s));
    storage_->finish_fill("BTC", "a", {now_, now_ + 1h});
    EXPECT_FALSE(storage_->claim_fill("BTC", "a", now_ + 1h - 1us, now_ + 2h));
    EXPECT_FALSE(storage_->claim_fill("BTC", "a", now_ + 30min, now_ + 2h, now_)) << "not behind";
    EXPECT_TRUE(storage_->claim_fill("BTC", "a", now_ + 30min, now_ + 2h, now_ + 1us));
    EXPECT_FALSE(storage_->claim_fill("BTC", "b", now_ + 31min, now_ + 2h, now_ + 1us)) << "claimed";
    const auto claimed = storage_->claim_fill("BTC", "a", now_ + 1h, now_ + 2h);
    ASSERT_TRUE(claimed);
    EXPECT_EQ(claimed->until, now_);
    storage_->finish_fill("BTC", "a", {std::nullopt, now_ + 3h});
    EXPECT_EQ(storage_->filled("BTC")->until, now_) << "a failure leaves it";
    EXPECT_EQ(storage_->filled("BTC")->next_at, now_ + 3h);
}

INSTANTIATE_TEST_SUITE_P(Storages, StorageBarsConformance, storages(),
                         [](const auto& test) { return test.param.name; });

}  // namespace
}  // namespace pricewire::conformance
