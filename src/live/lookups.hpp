#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <thread>
#include <unordered_set>
#include <utility>
#include <variant>
#include <vector>

#include "base/clock.hpp"
#include "base/crypto.hpp"
#include "base/mailbox.hpp"
#include "domain/alert.hpp"
#include "domain/delivery.hpp"
#include "live/live.hpp"
#include "storage/storage.hpp"

namespace pricewire::live {

// A question about a user: these deliveries and alerts and, if `since` is set, everything that may have changed since
// then.
struct Lookup {
    Uuid user_id;
    std::vector<std::pair<Uuid, bool>> ids;  // and whether each is new: see DeliveryNotice
    std::optional<Timestamp> since;
    bool more = false;  // there were more than these
};

struct Found {
    Lookup asked;
    bool failed = false;                   // the database did not answer
    bool too_many = false;                 // more has changed than is reported one by one
    std::vector<DeliveryView> deliveries;  // oldest first
    std::unordered_set<Uuid> new_firings;  // those of them whose alerts have just fired
    std::vector<Alert> fired;              // these alerts, where they are not deleted
    std::vector<Alert> created;            // these alerts, where they are not deleted
    std::vector<Alert> changed;            // others that were changed, or whose life has ended
    std::vector<Uuid> deleted;             // alerts
    std::vector<CaughtEvent> caught;       // oldest first
};

// Whether a client's key still works.
struct KeyCheck {
    std::uint64_t client = 0;
    Sha256 key_hash{};
    bool failed = false;  // the database did not answer
    bool valid = false;
};

// The tickers of a user's active alerts.
struct AlertTickers {
    Uuid user_id;
    bool failed = false;  // the database did not answer
    std::vector<Ticker> tickers = {};
};

// How many active alerts of a user wait for each ticker.
struct AlertCounts {
    Uuid user_id;
    bool failed = false;  // the database did not answer
    std::vector<storage::TickerAlerts> counts = {};
};

// Queries the database on a thread of its own, so that prices are still sent while it is slow or unavailable.
class Lookups {
public:
    // `storage`, `clock` and what the functions use outlive it. The functions are called on its thread; `caught` and
    // `explain` are as in LiveJson.
    Lookups(storage::Storage& storage, const Clock& clock,
            std::function<std::vector<CaughtEvent>(const Uuid&)> caught,
            std::function<void(std::span<DeliveryView>)> explain, std::function<void(Found)> found,
            std::function<void(KeyCheck)> checked, std::function<void(AlertTickers)> alert_tickers,
            std::function<void(AlertCounts)> alert_counts);
    ~Lookups();
    Lookups(const Lookups&) = delete;
    Lookups& operator=(const Lookups&) = delete;

    // False if too many are waiting.
    bool ask(Lookup lookup) { return mailbox_.try_push(std::move(lookup)); }
    bool ask(KeyCheck check) { return mailbox_.try_push(std::move(check)); }
    bool ask(AlertTickers of) { return mailbox_.try_push(std::move(of)); }
    bool ask(AlertCounts of) { return mailbox_.try_push(std::move(of)); }

private:
    void run();
    void answer(Lookup& lookup);
    void answer(KeyCheck& check);
    void answer(AlertTickers& of);
    void answer(AlertCounts& of);
    // False if the database did not answer; what changes is logged.
    bool query(const std::function<void()>& call);

    storage::Storage& storage_;
    const Clock& clock_;
    const std::function<std::vector<CaughtEvent>(const Uuid&)> caught_;
    const std::function<void(std::span<DeliveryView>)> explain_;
    const std::function<void(Found)> found_;
    const std::function<void(KeyCheck)> checked_;
    const std::function<void(AlertTickers)> alert_tickers_;
    const std::function<void(AlertCounts)> alert_counts_;
    Mailbox<std::variant<Lookup, KeyCheck, AlertTickers, AlertCounts>> mailbox_{20'000};
    bool failing_ = false;
    bool unknown_logged_ = false;
    std::thread thread_;
};

}  // namespace pricewire::live
