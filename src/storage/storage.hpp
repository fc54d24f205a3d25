#pragma once

#include <functional>
#include <optional>
#include <string_view>

#include "storage/alerts.hpp"
#include "storage/bars.hpp"
#include "storage/blind.hpp"
#include "storage/deliveries.hpp"
#include "storage/listings.hpp"
#include "storage/members.hpp"
#include "storage/needs.hpp"
#include "storage/outbox.hpp"
#include "storage/pushes.hpp"
#include "storage/users.hpp"

namespace pricewire::storage {

// What storage reports to the rest of the process, after the commit, in commit order, on one thread at a time.
// Must return quickly and must not call the storage.
struct StorageEvents {
    std::function<void(const AlertChange&)> alert_changed;
    // A user was disabled, or (nullopt) some user may have changed outside this process.
    std::function<void(std::optional<Uuid> user_id)> user_changed;
    // Changes of alerts are not received until alerts_missed().
    std::function<void()> alerts_unheard;
    // Changes of alerts may have been missed: subscribers must reload the active alerts. Called when the
    // database is listened to again after a break; never by a storage that cannot miss any.
    std::function<void()> alerts_missed;

    // A call of this process has made an alert expire, and has committed that. On the caller's thread.
    std::function<void(const Uuid& user_id, const Uuid& alert_id)> alert_expired;

    // Called for every call of a method, on the caller's thread: runs `call`, once. For timing, and for
    // faults in tests. If it throws, the method throws.
    std::function<void(std::string_view method, const std::function<void()>& call)> around;
    // A row that this version does not understand was skipped in a call of the method; see UnknownValue.
    std::function<void(std::string_view method)> row_skipped;
};

// The source of truth. Callers take the part they use. Every method is thread-safe, blocks, and is one
// transaction; once it has returned, its effect survives kill -9 and, unless its comment says otherwise, loss
// of power. All methods throw StorageError.
//
// A row with a kind, state, format or rule that this version does not know: methods that read one row throw
// UnknownValue, as does delete_user() if an active alert is such a row. Those that read many
// (load_active_alerts, claims, listings, breakers) skip it: it is neither fired nor sent nor shown by this
// version, and does not stop the others. A skipped claim stays claimed until its lease expires, so that a
// newer version can have it then. Which deliveries are due, and which have ended, depends on their times
// alone, not on their state: a newer version must not set due_at on one that this version may not claim.
class Storage : public Users,
                public Alerts,
                public Outbox,
                public Deliveries,
                public Pushes,
                public Bars,
                public Listings,
                public BlindSpans,
                public Needs,
                public Members {
public:
    // A round trip; throws StorageError if the database does not answer.
    virtual void ping() = 0;
};

}  // namespace pricewire::storage
