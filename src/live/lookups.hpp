#pragma once

#include <cstdint>
#include <exception>
#include <functional>
#include <optional>
#include <thread>
#include <utility>
#include <variant>
#include <vector>

#include "base/clock.hpp"
#include "base/crypto.hpp"
#include "base/mailbox.hpp"
#include "domain/alert.hpp"
#include "domain/delivery.hpp"
#include "storage/storage.hpp"

namespace pricewire::live {

// A question about a user: these deliveries and, if `since` is set, everything that may have changed since
// then.
struct Lookup {
    Uuid user_id;
    std::vector<std::pair<Uuid, bool>> deliveries;  // and whether its alert has just fired
    std::optional<Timestamp> since;
    bool more = false;  // there were more than these
};

struct Found {
    Lookup asked;
    bool failed = false;                   // the database did not answer
    bool too_many = false;                 // more has changed than is reported one by one
    std::vector<DeliveryView> deliveries;  // oldest first
    std::vector<Alert> fired;              // alerts that have just fired and are not deleted
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

// Queries the database on a thread of its own, so that prices are still sent while it is slow or unavailable.
class Lookups {
public:
    // `storage` and what the functions use outlive it. The functions are called on its thread.
    Lookups(storage::Storage& storage, std::function<void(Found)> found,
            std::function<void(KeyCheck)> checked, std::function<void(AlertTickers)> alert_tickers);
    ~Lookups();
    Lookups(const Lookups&) = delete;
    Lookups& operator=(const Lookups&) = delete;

    // False if too many are waiting.
    bool ask(Lookup lookup) { return mailbox_.try_push(std::move(lookup)); }
    bool ask(KeyCheck check) { return mailbox_.try_push(std::move(check)); }
    bool ask(AlertTickers of) { return mailbox_.try_push(std::move(of)); }

private:
    void run();
    void answer(Lookup& lookup);
    void answer(KeyCheck& check);
    void answer(AlertTickers& of);
    void answered();
    void failed(const std::exception& e);

    storage::Storage& storage_;
    const std::function<void(Found)> found_;
    const std::function<void(KeyCheck)> checked_;
    const std::function<void(AlertTickers)> alert_tickers_;
    Mailbox<std::variant<Lookup, KeyCheck, AlertTickers>> mailbox_{20'000};
    bool failing_ = false;
    bool unknown_logged_ = false;
    std::thread thread_;
};

}  // namespace pricewire::live
