#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <thread>
#include <vector>

#include "base/clock.hpp"
#include "base/mailbox.hpp"
#include "domain/alert.hpp"
#include "storage/storage.hpp"

namespace pricewire::app {

// The last way of an expiry, on a thread of its own, since it queries the database and firings must not wait for that. It
// waits until every price of before the end is judged: also those that a checker has missed, and that are being asked back
// from venues, for an hour at most. Then, if its user is told, it is added how close the alert came, from stored bars, and when it was blind.
// An alert whose expiry has not been passed on is still active, so that it can fire late, and expires again after a start.
class Expiries {
public:
    struct Uses {
        storage::Storage& storage;
        const Clock& clock;
        // Until when all prices were judged, or are stored as blind times; nullopt: not known yet. On its thread.
        std::function<std::optional<Timestamp>()> judged;
        // On its thread; those of one price in one group.
        std::function<void(FiringGroup)> done;
    };
    // How often those that wait are looked at.
    static constexpr Duration look_every = std::chrono::seconds{1};
    static constexpr Duration wait_at_most = std::chrono::hours{1};

    // What `uses` names outlives it.
    explicit Expiries(Uses uses);
    // Those that wait are dropped.
    ~Expiries();
    Expiries(const Expiries&) = delete;
    Expiries& operator=(const Expiries&) = delete;

    // Any thread; never blocks.
    void take(FiringGroup group) { groups_.push(std::move(group)); }

private:
    struct Waiting {
        Expiry expiry;
        std::shared_ptr<const FiringGroup> group;  // what it came with, without expiries
        MonoTime until;
        std::vector<Ticker> tickers;  // of its rules, once they are asked for
        bool is_judged = false;
    };

    void run();
    void look();
    bool is_judged(Waiting& waiting);
    void complete(Expiry& expiry, MonoTime until);

    const Uses uses_;
    Mailbox<FiringGroup> groups_;

    // Used by the thread only.
    std::deque<Waiting> waiting_;
    std::optional<Timestamp> judged_;
    std::map<Ticker, Timestamp> unresolved_;
    std::thread thread_;
};

}  // namespace pricewire::app
