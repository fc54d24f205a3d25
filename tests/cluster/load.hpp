#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "base/clock.hpp"
#include "base/decimal.hpp"
#include "base/mutex.hpp"
#include "sim/receiver.hpp"
#include "support/blocking_http.hpp"
#include "support/deployment.hpp"
#include "support/tcp_gate.hpp"

namespace pricewire::test {

// An alert whose creation was requested. Its number is the last part of its webhook's path.
struct LoadedAlert {
    int round = 0;
    bool is_gt = true;
    enum class Fate {
        delivered,
        refused,
        never_fires
    } fate = Fate::delivered;  // refused: its receiver always fails
    std::string id;            // empty if there was no answer: it may or may not exist
};

// An alert that fires again and again, made before the first round.
// repeating  above a level: at rises
// holding    the same for a second: at rises that last
// trailing   below the high since its last firing: at falls
struct StandingAlert {
    enum class Kind { repeating, holding, trailing } kind = Kind::repeating;
    std::size_t account = 0;  // whose it is
    std::string id;
    // By edits that were answered.
    int edits = 0;
    std::string note;
};

// What the receivers got for one alert.
struct Receipts {
    std::set<std::string> webhook_ids;
    int accepted = 0;
    int bad_signatures = 0;
    std::optional<MonoTime> first_accepted;
};

// Creates alerts and moves the price, round after round, on its own thread. A round's targets lie between the
// resting price and the round's two extremes, which are unique to it, and the price stays at each level until
// an API shows it. Each round's crossings are therefore published after its alerts were created, and a
// firing's price identifies its round. Now and then a standing alert is edited while its price is at an extreme, so
// that its firings stay what they are. Thread-safe.
class Load {
public:
    // Alerts are made for each account in turn, and on each ticker, whose prices move alike; standing ones on the first. Some
    // have rules, which a version from before there were any refuses.
    Load(const std::string& sim_url, std::vector<Account> accounts,
         std::vector<std::string> tickers = {"BTC"}, bool has_rules = true);
    ~Load();
    Load(const Load&) = delete;
    Load& operator=(const Load&) = delete;

    void set_apis(std::vector<std::string> addresses);
    void start();
    void stop();       // after the current round
    void run_round();  // only while stopped

    // Makes two standing alerts of each kind; before start(), with the price at rest.
    void stand();
    // A round in which the price stays at each extreme until `seen` says so of it, then until the last edit is answered;
    // only while stopped.
    void run_last_round(const std::function<bool(Decimal)>& seen);
    const std::vector<StandingAlert>& standing() const { return standing_; }  // only while stopped
    const std::vector<Account>& accounts() const { return accounts_; }
    static constexpr Duration cooldown = std::chrono::seconds{10};  // of those
    // When the price at the end of each round's rise was shown.
    std::map<int, Timestamp> risen() const;

    // The price at the end of a round's rise or fall.
    static Decimal extreme(int round, bool is_gt);

    TcpGate& receiver_gate() { return *gate_; }
    int rounds() const;
    std::map<int, LoadedAlert> alerts() const;         // by number
    std::map<std::string, Receipts> receipts() const;  // by alert
    std::vector<std::string> complaints() const;       // failures

    // Alerts whose price was shown in this interval and whose webhook has not arrived, without refused ones.
    std::set<std::string> outstanding(MonoTime from, MonoTime to) const;
    // The slowest of those that have arrived, measured from the trade or from `origin`, whichever is later.
    // Never negative.
    Duration slowest(MonoTime from, MonoTime to, MonoTime origin) const;

private:
    void run();
    void run_round(const std::function<bool(Decimal)>& seen);
    void set_alert(LoadedAlert alert);
    void hold(Decimal price);
    bool shows(const std::string& api, const std::string& ticker, Decimal price);
    void mark_crossed(int round, bool is_gt, MonoTime traded);
    void on_delivery(const sim::ReceivedDelivery& delivery);
    void edit_now_and_then();
    void send_edit();
    void complain(std::string what);
    std::string some_api();

    const std::string sim_url_;
    const std::vector<Account> accounts_;
    const std::vector<std::string> tickers_;
    const bool has_rules_;
    BlockingHttp http_;  // used by the load thread only
    std::unique_ptr<sim::Receiver> willing_;
    std::unique_ptr<sim::Receiver> refusing_;
    std::unique_ptr<TcpGate> gate_;  // in front of willing_
    std::atomic<bool> stopping_{false};
    std::thread thread_;
    std::vector<StandingAlert> standing_;  // by the load thread only, while it runs
    // That of a standing alert, which is sent at each extreme until it is answered. By the load thread only.
    struct Edit {
        std::size_t of = 0;
        std::string note;
        std::string snoozed_until;
    };
    std::optional<Edit> edit_;
    int extremes_ = 0;

    mutable Mutex mutex_;
    std::vector<std::string> apis_ GUARDED_BY(mutex_);
    std::size_t next_api_ GUARDED_BY(mutex_) = 0;
    int round_ GUARDED_BY(mutex_) = 0;
    std::map<int, LoadedAlert> alerts_ GUARDED_BY(mutex_);
    std::map<int, Timestamp> risen_ GUARDED_BY(mutex_);
    std::map<std::string, Receipts> receipts_ GUARDED_BY(mutex_);
    struct Crossing {
        std::string alert;
        MonoTime traded;  // first
        MonoTime shown;
    };
    // Of alerts to be delivered, in the order in which their prices were shown.
    std::vector<Crossing> crossings_ GUARDED_BY(mutex_);
    std::vector<std::string> complaints_ GUARDED_BY(mutex_);
};

}  // namespace pricewire::test
