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

// What is to be asked about a user: these deliveries, and where `since` is set everything that may have
// changed from then on.
struct Lookup {
    Uuid user_id;
    std::vector<std::pair<Uuid, bool>> deliveries;  // and whether each has just been fired
    std::optional<Timestamp> since;
    bool more = false;  // there were more than these
};

struct Found {
    Lookup asked;
    bool failed = false;                   // the database could not be asked
    bool too_many = false;                 // there is more since then than is told one by one
    std::vector<DeliveryView> deliveries;  // oldest first
    std::vector<Alert> fired;              // those of them that their users still see
};

// Whether a client's key is still somebody's.
struct KeyCheck {
    std::uint64_t client = 0;
    Sha256 key_hash{};
    bool failed = false;  // the database could not be asked
    bool valid = false;
};

// Asks the database on a thread of its own, so that prices go on while it is slow or away.
class Lookups {
public:
    // `storage` and what the functions use outlive it; they are called on its thread.
    Lookups(storage::Storage& storage, std::function<void(Found)> found,
            std::function<void(KeyCheck)> checked);
    ~Lookups();
    Lookups(const Lookups&) = delete;
    Lookups& operator=(const Lookups&) = delete;

    // False where too many wait.
    bool ask(Lookup lookup) { return mailbox_.try_push(std::move(lookup)); }
    bool ask(KeyCheck check) { return mailbox_.try_push(std::move(check)); }

private:
    void run();
    void answer(Lookup& lookup);
    void answer(KeyCheck& check);
    void answered();
    void failed(const std::exception& e);

    storage::Storage& storage_;
    const std::function<void(Found)> found_;
    const std::function<void(KeyCheck)> checked_;
    Mailbox<std::variant<Lookup, KeyCheck>> mailbox_{20'000};
    bool failing_ = false;
    std::thread thread_;
};

}  // namespace pricewire::live
