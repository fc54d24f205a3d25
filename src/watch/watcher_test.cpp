#include "watch/watcher.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <set>

#include "base/crypto.hpp"
#include "base/mutex.hpp"
#include "base/uuid.hpp"
#include "fakes/log_capture.hpp"
#include "fakes/test_storage.hpp"
#include "support/eventually.hpp"

namespace pricewire::watch {
namespace {

using namespace std::chrono_literals;
using test::eventually;

class WatcherTest : public ::testing::Test {
protected:
    WatcherTest() {
        list("PEPE");
        NewUser user{{user_, "ann@example.com", true, system_clock().now()}, sha256("key"), "secret"};
        EXPECT_TRUE(storage_.create_user(user));
    }
    void list(Ticker ticker) {
        MutexLock lock(mutex_);
        places_[ticker] = {{{"kraken", std::string(ticker.view()) + "/USD"}}, {}, {}};
        ++listings_;
    }
    void delist(Ticker ticker) {
        MutexLock lock(mutex_);
        places_[ticker] = {{}, Unwatchable::delisted, "Kraken lists it no more."};
        ++listings_;
    }
    Uuid add_alert(Ticker ticker) {
        Alert alert;
        alert.id = make_uuid(system_clock().now());
        alert.user_id = user_;
        alert.ticker = ticker;
        alert.target = Decimal::from_int(1);
        alert.webhook_url = "https://example.com";
        alert.created_at = system_clock().now();
        EXPECT_TRUE(storage_.create_alert(alert, 100));
        return alert.id;
    }
    // Every look follows the one before at once.
    std::unique_ptr<Watcher> start(WatchLimits limits = {}, Duration every = 1ms) {
        return start_with(uses_of(), limits, every);
    }
    std::unique_ptr<Watcher> start_with(WatcherUses uses, WatchLimits limits = {}, Duration every = 1ms) {
        return start_watcher({.pinned = {"BTC"}, .limits = limits, .every = every}, std::move(uses), storage_,
                             system_clock());
    }
    WatcherUses uses_of() {
        return {.listings =
                    [this] {
                        MutexLock lock(mutex_);
                        return listings_;
                    },
                .find = [this](const Ticker& ticker) -> std::optional<Places> {
                    if (ticker == Ticker("BTC")) return std::nullopt;
                    MutexLock lock(mutex_);
                    return places_[ticker];
                },
                .watch = [this](const auto& watch) { add(fmt::format("+{}", watch.ticker.view())); },
                .unwatch = [this](const Ticker& ticker) { add(fmt::format("-{}", ticker.view())); }};
    }
    void add(std::string word) {
        MutexLock lock(mutex_);
        done_ += (done_.empty() ? "" : " ") + std::move(word);
    }
    std::string done() const {
        MutexLock lock(mutex_);
        return done_;
    }
    bool wait_for_done(const std::string& wanted) {
        return storage_.wait_until([&] { return done() == wanted; });
    }
    // "PEPE delisted".
    std::string states() {
        std::string out;
        for (const WatchState& s : storage_.watch_states())
            out += fmt::format("{}{} {}", out.empty() ? "" : ", ", s.ticker.view(), to_string(s.why));
        return out;
    }
    bool wait_for_states(const std::string& wanted) {
        return storage_.wait_until([&] { return storage_.calls("needed_tickers") > 0; }) &&
               eventually([&] { return states() == wanted; });
    }

    fakes::LogCapture log_;
    fakes::TestStorage storage_;
    const Uuid user_ = make_uuid(system_clock().now());
    mutable Mutex mutex_;
    std::map<Ticker, Places> places_ GUARDED_BY(mutex_);
    std::uint64_t listings_ GUARDED_BY(mutex_) = 0;
    std::string done_ GUARDED_BY(mutex_);
};

TEST_F(WatcherTest, WatchesWhatAnAlertNeeds) {
    add_alert("PEPE");
    const auto watcher = start();
    EXPECT_TRUE(wait_for_done("+PEPE"));
    EXPECT_TRUE(eventually([&] { return watcher->counts().watched == 2; }));
}

TEST_F(WatcherTest, APokeIsHeededBeforeTheNextLook) {
    const auto watcher = start({}, 1h);
    ASSERT_TRUE(storage_.wait_until([&] { return storage_.calls("watch_states") > 0; }));
    add_alert("PEPE");
    watcher->poke();
    EXPECT_TRUE(wait_for_done("+PEPE"));
}

TEST_F(WatcherTest, StoresWhatCannotBeWatchedUntilItCan) {
    add_alert("PEPE");
    const auto watcher = start();
    ASSERT_TRUE(wait_for_done("+PEPE"));
    delist("PEPE");
    EXPECT_TRUE(wait_for_states("PEPE delisted"));
    EXPECT_EQ(done(), "+PEPE -PEPE");
    EXPECT_TRUE(eventually(
        [&] { return watcher->counts().unwatched[static_cast<std::size_t>(Unwatchable::delisted)] == 1; }));
    EXPECT_TRUE(eventually([&] { return log_.count("active alerts of a ticker cannot fire") == 1; }));
    list("PEPE");
    EXPECT_TRUE(wait_for_states(""));
    EXPECT_TRUE(wait_for_done("+PEPE -PEPE +PEPE"));
    EXPECT_TRUE(eventually([&] { return log_.count("a ticker is watched again") == 1; }));
}

TEST_F(WatcherTest, RemovesTheRowsThatAnEarlierProcessLeft) {
    storage_.set_watch_states(
        std::vector{WatchState{"PEPE", Unwatchable::delisted, "Gone.", system_clock().now()}}, {});
    const auto watcher = start();
    EXPECT_TRUE(wait_for_states(""));
}

TEST_F(WatcherTest, WhatIsWatchedStaysSoWhileTheDatabaseIsAway) {
    const Uuid alert = add_alert("PEPE");
    const auto watcher = start();
    ASSERT_TRUE(wait_for_done("+PEPE"));
    storage_.fail();
    const int calls = storage_.calls("needed_tickers");
    ASSERT_TRUE(storage_.wait_until([&] { return storage_.calls("needed_tickers") > calls + 2; }));
    EXPECT_EQ(done(), "+PEPE");
    storage_.heal();
    list("ADA");
    add_alert("ADA");
    EXPECT_TRUE(wait_for_done("+PEPE +ADA"));
    EXPECT_EQ(log_.count("which tickers are needed cannot be read"), 1U);
    EXPECT_TRUE(storage_.delete_alert(user_, alert));
}

// Of feeds that divide tickers.
class WatcherShareTest : public WatcherTest {
protected:
    WatcherUses uses() {
        WatcherUses uses = uses_of();
        uses.share = [this] {
            MutexLock lock(mutex_);
            return FeedShare{[held = held_](const Ticker& ticker) { return held.contains(ticker); }, view_};
        };
        uses.elsewhere = [this](const std::vector<Ticker>& tickers) {
            MutexLock lock(mutex_);
            elsewhere_ = tickers;
        };
        uses.heard = [this] {
            MutexLock lock(mutex_);
            ++round_.number;
            return round_;
        };
        return uses;
    }
    void hold(std::set<Ticker> tickers, std::string view) {
        MutexLock lock(mutex_);
        held_ = std::move(tickers);
        view_ = std::move(view);
    }
    void hear_all_but(std::vector<Ticker> tickers) {
        MutexLock lock(mutex_);
        round_.unheard = std::move(tickers);
    }
    std::vector<Ticker> elsewhere() {
        MutexLock lock(mutex_);
        return elsewhere_;
    }

    std::set<Ticker> held_ GUARDED_BY(mutex_);
    std::string view_ GUARDED_BY(mutex_);
    std::vector<Ticker> elsewhere_ GUARDED_BY(mutex_);
    HeardRound round_ GUARDED_BY(mutex_);
};

TEST_F(WatcherShareTest, WatchesItsShareAndSaysWhatOthersWatch) {
    list("ADA");
    add_alert("ADA");
    add_alert("PEPE");
    hold({"PEPE"}, "1");
    const auto watcher = start_with(uses());
    EXPECT_TRUE(wait_for_done("+PEPE"));
    EXPECT_TRUE(eventually([&] { return elsewhere() == std::vector<Ticker>{"ADA"}; }));
    EXPECT_TRUE(eventually([&] { return watcher->settled() == "1"; }));
    // At once, not after the grace of those that nobody needs any more.
    hold({"ADA"}, "2");
    EXPECT_TRUE(wait_for_done("+PEPE -PEPE +ADA"));
    EXPECT_TRUE(eventually([&] { return elsewhere() == std::vector<Ticker>{"PEPE"}; }));
    EXPECT_TRUE(eventually([&] { return watcher->settled() == "2"; }));
}

TEST_F(WatcherShareTest, AShareIsSettledOnceItsTickersAreHeard) {
    add_alert("PEPE");
    hear_all_but({"PEPE"});
    hold({"PEPE"}, "1");
    const auto watcher = start_with(uses());
    EXPECT_TRUE(wait_for_done("+PEPE"));
    const int calls = storage_.calls("needed_tickers");
    ASSERT_TRUE(storage_.wait_until([&] { return storage_.calls("needed_tickers") > calls + 5; }));
    EXPECT_EQ(watcher->settled(), "");
    hear_all_but({});
    EXPECT_TRUE(eventually([&] { return watcher->settled() == "1"; }));
}

TEST_F(WatcherShareTest, RowsOfTickersThatOthersWatchAreLeftAlone) {
    delist("ADA");
    delist("PEPE");
    add_alert("ADA");
    add_alert("PEPE");
    storage_.set_watch_states(
        std::vector{WatchState{"ADA", Unwatchable::delisted, "Gone.", system_clock().now()},
                    WatchState{"WIF", Unwatchable::delisted, "Gone.", system_clock().now()}},
        {});
    hold({"PEPE", "WIF"}, "1");
    const auto watcher = start_with(uses());
    EXPECT_TRUE(wait_for_states("ADA delisted, PEPE delisted"));
    hold({}, "2");
    EXPECT_TRUE(eventually([&] { return elsewhere() == std::vector<Ticker>({"ADA", "PEPE"}); }));
    const int calls = storage_.calls("needed_tickers");
    ASSERT_TRUE(storage_.wait_until([&] { return storage_.calls("needed_tickers") > calls + 5; }));
    EXPECT_EQ(states(), "ADA delisted, PEPE delisted");
}

}  // namespace
}  // namespace pricewire::watch
