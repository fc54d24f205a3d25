#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
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

// An alert that was asked for. Its number is the end of its webhook's path.
struct LoadedAlert {
    int round = 0;
    bool is_gt = true;
    enum class Fate {
        delivered,
        refused,
        never_fires
    } fate = Fate::delivered;  // refused: by its receiver, always
    std::string id;            // empty where no answer came: then it may or may not exist
};

// What a receiver saw of one alert.
struct Receipts {
    std::set<std::string> webhook_ids;
    int accepted = 0;
    int bad_signatures = 0;
    std::optional<MonoTime> first_accepted;
};

// Sets alerts and moves the price, round after round, on a thread of its own. A round's alerts lie between
// the price at rest and its two extremes, which no other round has; the price stays at each place until an
// API shows it. So each round's crossings are certain to have been published after its alerts were set, and a
// firing's price tells which round it belongs to. Methods are for any thread.
class Load {
public:
    Load(const std::string& sim_url, Account account);
    ~Load();
    Load(const Load&) = delete;
    Load& operator=(const Load&) = delete;

    void set_apis(std::vector<std::string> addresses);
    void start();
    void stop();       // after the round under way
    void run_round();  // while stopped

    // Where the price is at the end of a round's rise or fall, and where it rests.
    static Decimal extreme(int round, bool is_gt);

    TcpGate& receiver_gate() { return *gate_; }
    int rounds() const;
    std::map<int, LoadedAlert> alerts() const;         // by number
    std::map<std::string, Receipts> receipts() const;  // by alert
    std::vector<std::string> complaints() const;       // what must not happen and did

    // Of alerts whose price was shown between these moments, those whose webhook has not arrived; refused
    // ones left out.
    std::set<std::string> outstanding(MonoTime from, MonoTime to) const;
    // How long the slowest of those that have arrived took, since its price was first traded or since
    // `origin`, if that was later. At least nothing.
    Duration slowest(MonoTime from, MonoTime to, MonoTime origin) const;

private:
    void run();
    void set_alert(LoadedAlert alert);
    void hold(Decimal price);
    bool shows(const std::string& api, Decimal price);
    void mark_crossed(int round, bool is_gt, MonoTime traded);
    void on_delivery(const sim::ReceivedDelivery& delivery);
    void complain(std::string what);
    std::string some_api();

    const std::string sim_url_;
    const Account account_;
    BlockingHttp http_;  // the loading thread's
    std::unique_ptr<sim::Receiver> willing_;
    std::unique_ptr<sim::Receiver> refusing_;
    std::unique_ptr<TcpGate> gate_;  // in front of the willing one
    std::atomic<bool> stopping_{false};
    std::thread thread_;

    mutable Mutex mutex_;
    std::vector<std::string> apis_ GUARDED_BY(mutex_);
    std::size_t next_api_ GUARDED_BY(mutex_) = 0;
    int round_ GUARDED_BY(mutex_) = 0;
    std::map<int, LoadedAlert> alerts_ GUARDED_BY(mutex_);
    std::map<std::string, Receipts> receipts_ GUARDED_BY(mutex_);
    struct Crossing {
        std::string alert;
        MonoTime traded;  // first
        MonoTime shown;
    };
    std::vector<Crossing> crossings_
        GUARDED_BY(mutex_);  // by the time they were shown; of alerts to be delivered
    std::vector<std::string> complaints_ GUARDED_BY(mutex_);
};

}  // namespace pricewire::test
