#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "domain/alert.hpp"
#include "domain/delivery.hpp"
#include "domain/user_slot.hpp"
#include "storage/error.hpp"

namespace pricewire::storage {

// Who claims deliveries, and until when. A claim whose lease has expired counts as not claimed.
struct Claim {
    std::string owner;  // stable across restarts of one sender, 1 to 100 characters
    Timestamp lease_until;
    std::vector<Uuid> except{};  // users whose deliveries are passed over; not for claim_lane()
    // Only deliveries of users in these slots; nullopt: all. Not for claim_lane() and fire().
    std::optional<UserSlots> slots = std::nullopt;
    bool is_of_slots(const Uuid& user) const { return !slots || slots->test(user_slot(user)); }
};

// Lets fire() claim deliveries as it writes them, for the sender of this process, which then need not ask for them.
struct ClaimOnFiring {
    Claim claim;
    // Set by fire():
    std::vector<ClaimedDelivery> claimed{};
    // How often it has tried to write something claimed. If it throws after that, or has tried more than once, deliveries
    // may be claimed that it does not return: see release_claim().
    int tries = 0;
    // Called with `claimed` before the commit, which may still fail; perhaps on another thread. Must not block or throw;
    // may be empty.
    std::function<void(const std::vector<ClaimedDelivery>&)> before_commit{};
};

// What waits to be delivered. The two counts stop at the maximum that was asked for.
struct DeliveryBacklog {
    std::size_t due = 0;                  // can be claimed now
    std::size_t unfinished = 0;           // due, waiting for their time, or being attempted
    std::optional<Timestamp> oldest_due;  // since when the oldest due delivery has been due
};

// A URL that is not called any more for this user.
struct DisabledEndpoint {
    Uuid user_id;
    std::string webhook_url;
    Timestamp disabled_at;
    std::string reason;
};

// Deliveries from the firing that writes them to the sender that finishes them. Part of Storage: see there
// for threads. Apart from fire(), a call survives kill -9 but may be lost with a loss of power: at worst an
// attempt is then repeated under the same id and number.
class Outbox {
public:
    virtual ~Outbox() = default;

    // Marks those of the alerts that are still active as fired and writes one pending delivery each, due at
    // once, in one set-based transaction, durably. Thousands may take two transactions: if this throws, some
    // may have been written, and all must be retried. Returns the tasks of the deliveries written, with their
    // users. Alerts already fired or deleted are skipped: this is what makes an alert fire exactly once
    // however many processes try.
    //
    // What alerts with terms do is written after that, in the order of the groups, in one transaction:
    // - the k-th firing, if the alert is active, has that revision and k - 1 firings, and is neither muted, snoozed,
    //   expired nor yet to begin at its time. The row decides whether it is the last one.
    // - a note, if the alert is active and has that revision and that many firings. What was armed stays armed.
    // - an expiry, if the alert is active, has that revision, and its life ends by then. The row decides whether it has
    //   a delivery, which is given an id if the expiry has none.
    // Anything else is skipped. Raises, once for each of these alerts that has fired, was armed again or has
    // expired, alert_changed(changed) with its row, or alert_changed(deleted) if it is not active any more.
    //
    // Beside each delivery that it writes, it writes one for each of its user's devices; the tasks of these come last.
    //
    // With `on_firing`, deliveries may be claimed in the same transaction, as if by claim(): in an embedded database
    // those of few firings; on PostgreSQL that of a single one, if the owner counts as alive: see keep_alive().
    virtual std::vector<DeliveryTask> fire(std::span<const FiringGroup> groups,
                                           ClaimOnFiring* on_firing = nullptr) = 0;

    // Claims those of the named deliveries that are due (pending with next_attempt_at <= now, or with an
    // expired lease) and whose next attempt has the task's number.
    virtual std::vector<ClaimedDelivery> claim(std::span<const DeliveryTask> tasks, Timestamp now,
                                               const Claim& claim) = 0;
    // Claims up to `limit` due deliveries, the longest due first; of some slots perhaps fewer, so that each has its part.
    virtual std::vector<ClaimedDelivery> claim_due(Timestamp now, std::size_t limit, const Claim& claim) = 0;
    // Claims up to `limit` deliveries that were deferred for `lane`, due or not, the longest deferred first.
    virtual std::vector<ClaimedDelivery> claim_lane(std::string_view lane, std::size_t limit,
                                                    const Claim& claim) = 0;
    // Up to `limit` lanes for which deliveries are deferred, in order; only those after this one.
    virtual std::vector<std::string> lanes(std::size_t limit, std::string_view after = {}) = 0;
    // The earliest moment at which claim_due() would find something of users in these slots; nullopt if nothing waits.
    virtual std::optional<Timestamp> next_due(const std::optional<UserSlots>& slots = std::nullopt) = 0;
    // For monitoring; cheap however many there are.
    virtual DeliveryBacklog backlog(Timestamp now, std::size_t most) = 0;
    // Releases everything `owner` has claimed (pending, due at once) and forgets its keep_alive(). For a
    // sender's start and stop.
    virtual std::size_t release_claims(std::string_view owner) = 0;
    // Releases what is still under this very claim of the alerts' deliveries, pending and due at once, and returns its
    // tasks, with their users: for a call of fire() whose answer was lost.
    virtual std::vector<DeliveryTask> release_claim(std::span<const Uuid> alerts, const Claim& claim) = 0;
    // Releases whatever `owner` still has under claims that last until exactly these moments, pending and due at once; returns
    // the number of deliveries. For claims whose answers were lost: one that is still to be committed is not found yet.
    virtual std::size_t release_leases(std::string_view owner, std::span<const Timestamp> leases) = 0;
    // Declares `owner` alive for that long. For senders that share a database, whose clock counts; an embedded one has
    // none, and goes by `now`. Must be renewed well before.
    virtual void keep_alive(std::string_view owner, Timestamp now, Duration alive_for) = 0;
    // Releases the claims of owners whose keep_alive() has expired, by the same clock, pending and due at once, and forgets
    // these owners; returns the number of deliveries. An owner that never called keep_alive() is left to the
    // leases of its claims.
    virtual std::size_t release_dead(Timestamp now) = 0;
    // Gives claims back without an attempt. A deferral whose attempt number is not the delivery's current one
    // is ignored; one without a lane is only due at its time.
    virtual void defer(std::span<const Deferral> deferrals) = 0;
    // Writes attempts and the resulting state of their deliveries. An outcome whose attempt number is not the
    // delivery's current one is ignored (fencing). A delivery that was cancelled during its attempt stays
    // cancelled, unless it arrived. Of each delivery's attempts the last max_kept_attempts are kept.
    // Counts how often in a row a user's URL has refused webhooks (is_refusal()), and disables it at
    // max_refusals; any other answer starts the count again. Returns the URLs that this call has disabled so. Of pushes it
    // notes the devices' last attempts, and removes devices that are gone.
    // What is counted by endpoint (Deliveries::endpoint_records()) may be kept in memory until count_calls(); only this is
    // lost if the process is killed before, if the answer of a record() is lost, or if too much waits.
    virtual std::vector<DisabledEndpoint> record(std::span<const DeliveryOutcome> outcomes) = 0;
    // How many endpoints have attempts that are recorded and not counted.
    virtual std::size_t uncounted() { return 0; }
    // Counts those of some of them. After an error they are counted again, perhaps twice if the answer was lost.
    virtual void count_calls() {}

    // Senders store the breakers that are not closed, for users to see and for their own next start. A closed
    // one is removed; those of deleted users are not stored.
    virtual void save_breakers(std::span<const Breaker> breakers) = 0;
    virtual std::vector<Breaker> breakers() = 0;
    virtual std::vector<Breaker> breakers_of(const Uuid& user_id) = 0;
};

}  // namespace pricewire::storage
