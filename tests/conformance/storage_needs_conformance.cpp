// The contract of every Storage: which tickers are needed, and which of them cannot be watched.
#include "storage_fixture.hpp"

namespace pricewire::conformance {
namespace {

class StorageNeedsConformance : public StorageConformance {
protected:
    Alert add(const Uuid& user, Ticker ticker, const std::string& target = "100") {
        Alert alert = new_alert(target);
        alert.user_id = user;
        alert.ticker = ticker;
        EXPECT_TRUE(storage_->create_alert(alert, 1'000'000));
        return alert;
    }
    // "ADA:alert PEPE".
    std::string needed(Timestamp now) {
        std::string out;
        for (const NeededTicker& n : storage_->needed_tickers(now))
            out += fmt::format("{}{}{}", out.empty() ? "" : " ", n.ticker.view(), n.by_alert ? ":alert" : "");
        return out;
    }
    void need(std::vector<Ticker> tickers, Duration within) {
        storage_->need_tickers(tickers, now_, now_ + within);
    }
};

TEST_P(StorageNeedsConformance, ATickerIsNeededWhileAnAlertIsActive) {
    EXPECT_EQ(needed(now_), "");
    const Uuid ben = add_user("ben@example.com");
    const Alert first = add(user_, "PEPE");
    add(ben, "ADA");
    const Alert second = add(ben, "PEPE");
    add(ben, "ADA", "101");
    EXPECT_EQ(needed(now_), "ADA:alert PEPE:alert");
    ASSERT_TRUE(storage_->delete_alert(user_, first.id));
    EXPECT_EQ(needed(now_), "ADA:alert PEPE:alert");
    fire({second.id});
    EXPECT_EQ(needed(now_), "ADA:alert");
    ASSERT_TRUE(storage_->delete_user(ben, now_));
    EXPECT_EQ(needed(now_), "");
}

TEST_P(StorageNeedsConformance, ATickerIsNeededUntilTheLatestTimeThatWasGiven) {
    need({"PEPE", "ADA", "PEPE"}, 60s);
    need({"ADA"}, 30s);
    need({}, 30s);
    EXPECT_EQ(needed(now_ + 59s), "ADA PEPE");
    EXPECT_EQ(needed(now_ + 60s), "");
    need({"PEPE"}, 90s);
    EXPECT_EQ(needed(now_ + 89s), "PEPE");
    // An alert counts for more than somebody who looks.
    add(user_, "PEPE");
    EXPECT_EQ(needed(now_), "ADA PEPE:alert");
}

TEST_P(StorageNeedsConformance, AClockThatWasFarAheadLeavesNothingThatIsNeededForLong) {
    storage_->need_tickers(std::vector<Ticker>{"ADA", "PEPE"}, now_ + 9000h, now_ + 9000h + 60s);
    need({"PEPE"}, 60s);
    EXPECT_EQ(needed(now_), "PEPE");
    EXPECT_EQ(needed(now_ + 60s), "");
}

TEST_P(StorageNeedsConformance, ATickerNotNeededForADayIsForgotten) {
    need({"PEPE"}, 60s);
    storage_->need_tickers(std::vector<Ticker>{"ADA"}, now_ + 25h, now_ + 26h);
    EXPECT_EQ(needed(now_), "ADA");
}

TEST_P(StorageNeedsConformance, AUsersTickersAreThoseOfActiveAlerts) {
    const Uuid ben = add_user("ben@example.com");
    const Alert gone = add(user_, "DOT");
    add(user_, "PEPE");
    add(user_, "PEPE", "101");
    add(user_, "ADA");
    add(ben, "SHIB");
    fire({gone.id});
    EXPECT_EQ(storage_->alert_tickers(user_), (std::vector<Ticker>{"ADA", "PEPE"}));
    EXPECT_EQ(storage_->alert_tickers(make_uuid(now_)), std::vector<Ticker>{});
}

TEST_P(StorageNeedsConformance, ActiveAlertsAreCountedByTicker) {
    const Uuid ben = add_user("ben@example.com");
    const Alert gone = add(user_, "DOT");
    add(user_, "PEPE");
    add(user_, "PEPE", "101");
    add(user_, "ADA");
    add(ben, "PEPE");
    fire({gone.id});
    EXPECT_EQ(storage_->alert_counts(user_),
              (std::vector{storage::TickerAlerts{"ADA", 1}, storage::TickerAlerts{"PEPE", 2}}));
    EXPECT_EQ(storage_->alert_counts(make_uuid(now_)), std::vector<storage::TickerAlerts>{});
    EXPECT_EQ(storage_->count_alerts(std::vector<Ticker>{"PEPE", "DOT", "BTC"}), 3U);
    EXPECT_EQ(storage_->count_alerts(std::vector<Ticker>{"ADA", "PEPE", "ADA"}), 4U);
    EXPECT_EQ(storage_->count_alerts({}), 0U);

    Alert both = new_alert();
    both.ticker = "ADA";
    both.terms = std::make_shared<const Terms>(
        Terms{.joined = Joined::all,
              .rules = {{.ticker = "ADA", .level = {.number = Decimal::from_int(1)}},
                        {.ticker = "SHIB", .level = {.number = Decimal::from_int(1)}}}});
    EXPECT_TRUE(storage_->create_alert(both, 100));
    EXPECT_EQ(storage_->alert_counts(user_),
              (std::vector{storage::TickerAlerts{"ADA", 2}, storage::TickerAlerts{"PEPE", 2},
                           storage::TickerAlerts{"SHIB", 1}}));
    EXPECT_EQ(storage_->count_alerts(std::vector<Ticker>{"SHIB"}), 1U);
}

TEST_P(StorageNeedsConformance, AStateKeepsItsTimeWhileItStaysTheSame) {
    const WatchState delisted{"LUNA", Unwatchable::delisted, "Kraken has delisted it.", now_};
    const WatchState full{"PEPE", Unwatchable::no_room, "1000 tickers are watched.", now_};
    storage_->set_watch_states(std::vector{full, delisted}, {});
    EXPECT_EQ(storage_->watch_states(), (std::vector{delisted, full}));

    WatchState again = delisted;
    again.reason = "Kraken and OKX have delisted it.";
    again.since += 5s;
    WatchState other = full;
    other.why = Unwatchable::halted;
    other.since += 5s;
    storage_->set_watch_states(std::vector{again, other}, {});
    again.since = now_;
    EXPECT_EQ(storage_->watch_states(), (std::vector{again, other}));

    storage_->set_watch_states({}, std::vector<Ticker>{"LUNA", "BTC"});
    EXPECT_EQ(storage_->watch_states(), std::vector{other});
}

INSTANTIATE_TEST_SUITE_P(Storages, StorageNeedsConformance, storages(),
                         [](const auto& test) { return test.param.name; });

}  // namespace
}  // namespace pricewire::conformance
