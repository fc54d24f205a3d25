#pragma once

#include <cstddef>
#include <expected>
#include <functional>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "base/crypto.hpp"
#include "base/uuid.hpp"
#include "domain/alert.hpp"
#include "domain/delivery.hpp"
#include "domain/market.hpp"
#include "domain/user.hpp"

namespace pricewire::storage {

// Thrown by every method where the database is gone, full, locked past its deadline or broken; nothing of the
// call was committed. Callers at a worker's edge log it once and try again, or answer 503.
class StorageError : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

enum class CreateUserError { email_taken };
// endpoint_disabled: the URL answered 410 to this user's webhooks.
enum class CreateAlertError { duplicate, limit_reached, endpoint_disabled };
// under_way: an attempt is being made, so it cannot be asked for again.
enum class RetryError { not_found, under_way };
// final: it has ended already.
enum class CancelError { not_found, final };

struct AlertFilter {
    std::optional<bool> is_active;
    std::optional<Ticker> ticker;
    std::size_t limit = 100;     // 1 to 1000
    std::optional<Uuid> before;  // cursor: only alerts that stand after this one (id) in the listing
};

struct DeliveryFilter {
    std::optional<DeliveryState> state;
    std::optional<Uuid> alert_id;
    std::optional<Timestamp> since;  // created at or after
    std::optional<Timestamp> until;  // created before
    std::size_t limit = 100;         // 1 to 1000
    std::optional<Uuid> before;      // cursor: only deliveries that stand after this one (id) in the listing
};

// A user's sealed secrets, for sealing them anew.
struct StoredSecrets {
    Uuid user_id;
    WebhookSecrets secrets;
};

// Who claims deliveries and until when. A claim whose lease has ended counts as not claimed.
struct Claim {
    std::string owner;  // stable over restarts of one sender, 1 to 100 characters
    Timestamp lease_until;
};

// What waits to be delivered. The two counts stop at the most that was asked for.
struct DeliveryBacklog {
    std::size_t due = 0;                  // could be claimed now
    std::size_t unfinished = 0;           // due, waiting for their time, or under way
    std::optional<Timestamp> oldest_due;  // since when the first of those due waits
};

// What storage tells the rest of the process, called after the commit, in commit order, on a thread of the
// storage's own. Must return quickly and must not call back into the storage.
struct StorageEvents {
    std::function<void(const AlertChange&)> alert_changed;
    // A user was disabled, or (nullopt) some user may have changed outside this process.
    std::function<void(std::optional<Uuid> user_id)> user_changed;
    // Changes of alerts are not heard of any more, until alerts_missed().
    std::function<void()> alerts_unheard;
    // Changes of alerts may have been missed: whoever follows them loads the active alerts anew. Called when
    // the database is listened to again after it was not; never by a storage that cannot miss any.
    std::function<void()> alerts_missed;
};

// The truth: users, alerts, deliveries, attempts, bars. Every method is thread-safe, blocking, and one
// transaction; what it returned from is durable (survives kill -9 and, unless the comment says otherwise,
// loss of power). All methods throw StorageError.
class Storage {
public:
    virtual ~Storage() = default;

    // Asks the database something trivial.
    virtual void ping() = 0;

    // Users. E-mail is compared without regard to case.
    virtual std::expected<void, CreateUserError> create_user(const NewUser& user) = 0;
    virtual std::optional<User> user_by_key_hash(const Sha256& api_key_hash) = 0;
    virtual std::optional<User> user_by_email(std::string_view email) = 0;
    // Everybody, oldest first; for the operator's command line.
    virtual std::vector<User> users() = 0;
    // False where there is no such user. Raises user_changed.
    virtual bool set_user_active(const Uuid& user_id, bool active) = 0;
    // The old key is nobody's from now on. False where there is no such user. Raises user_changed.
    virtual bool replace_api_key(const Uuid& user_id, const Sha256& api_key_hash) = 0;
    // The user's key and e-mail are nobody's from now on, alerts are deleted, deliveries that have not ended
    // are cancelled, secrets are gone; prune() removes the rest in small steps. False where there is no such
    // user. Raises user_changed, and alert_changed(deleted) for every active alert.
    virtual bool delete_user(const Uuid& user_id, Timestamp now) = 0;

    // Secrets are opaque here: text that somebody else has sealed.
    virtual std::optional<WebhookSecrets> webhook_secrets(const Uuid& user_id) = 0;
    // Makes the current secret the previous one, valid until then, and `sealed` the current one. False where
    // there is no such user.
    virtual bool rotate_webhook_secret(const Uuid& user_id, std::string_view sealed,
                                       Timestamp previous_until) = 0;
    // Everybody's, by id, after the given one; at most `limit`.
    virtual std::vector<StoredSecrets> secrets_after(std::optional<Uuid> user_id, std::size_t limit) = 0;
    // Puts `fresh` in the place of `old`; false where they are not `old` any more. What stood there is
    // overwritten, not only forgotten.
    virtual bool replace_secrets(const Uuid& user_id, const WebhookSecrets& old,
                                 const WebhookSecrets& fresh) = 0;

    // Alerts. An identical active alert is one with the same user, ticker, target, condition and URL; the
    // database refuses a second one by a unique partial index. `limit` counts the user's active alerts.
    // Raises alert_changed(created).
    virtual std::expected<void, CreateAlertError> create_alert(const Alert& alert, std::size_t limit) = 0;
    virtual std::optional<Alert> alert(const Uuid& user_id, const Uuid& alert_id) = 0;
    // Newest first (by id: ids are version 7).
    virtual std::vector<Alert> alerts(const Uuid& user_id, const AlertFilter& filter) = 0;
    // Hides the alert from its user; a delivery already written for it still goes out. False where there is
    // no such alert of that user. Raises alert_changed(deleted) where it was active.
    virtual bool delete_alert(const Uuid& user_id, const Uuid& alert_id) = 0;
    // One consistent snapshot of all active alerts, handed over in pieces, in any order, on the calling
    // thread.
    virtual void load_active_alerts(const std::function<void(std::span<const ActiveAlert>)>& piece) = 0;

    // The outbox. Marks fired those of the alerts that are still active and writes one pending delivery each,
    // due at once, in one set-based transaction (thousands may be in two: where that throws, some may have
    // been written, and all are to be tried again); returns the tasks of those it wrote, with their users. An
    // alert that was already fired or deleted is passed over: that is what makes a firing happen once,
    // however many try.
    virtual std::vector<DeliveryTask> fire(std::span<const FiringGroup> groups) = 0;

    // Claims those of the named deliveries that are due (pending with next_attempt_at <= now, or their lease
    // has ended) and whose next attempt has the task's number. May be lost with the power, not with the
    // process.
    virtual std::vector<ClaimedDelivery> claim(std::span<const DeliveryTask> tasks, Timestamp now,
                                               const Claim& claim) = 0;
    // Claims up to `limit` due deliveries, the longest due first. Durability as claim().
    virtual std::vector<ClaimedDelivery> claim_due(Timestamp now, std::size_t limit, const Claim& claim) = 0;
    // The earliest moment at which claim_due() would find something; nullopt where nothing waits.
    virtual std::optional<Timestamp> next_due() = 0;
    // For an operator's eyes; cheap, however many there are.
    virtual DeliveryBacklog backlog(Timestamp now, std::size_t most) = 0;
    // Gives back everything `owner` has claimed: pending, due at once; forgets that it lived. For a sender's
    // start and end.
    virtual std::size_t release_claims(std::string_view owner) = 0;
    // Says that `owner` lives, until then. For senders that share a database; called again well before.
    // Durability as claim().
    virtual void keep_alive(std::string_view owner, Timestamp until) = 0;
    // Gives back, pending and due at once, what is claimed by owners whose time is over, and forgets them;
    // returns how many deliveries. An owner that never called keep_alive() is left to the leases of its
    // claims. Durability as claim().
    virtual std::size_t release_dead(Timestamp now) = 0;
    // Gives claims back without an attempt. One whose attempt number is not the one its delivery is at is
    // ignored. Durability as claim().
    virtual void defer(std::span<const Deferral> deferrals) = 0;
    // Makes up to `limit` deliveries that were deferred for `lane` due at once, the longest deferred first;
    // returns how many. Durability as claim().
    virtual std::size_t wake(std::string_view lane, Timestamp now, std::size_t limit) = 0;
    // Writes attempts and what comes of their deliveries. An outcome whose attempt number is not the one its
    // delivery is at is ignored (fencing). A delivery that was cancelled while it was attempted stays
    // cancelled, unless it arrived. Durability as claim(): losing it repeats an attempt, same id.
    virtual void record(std::span<const DeliveryOutcome> outcomes) = 0;

    // What users see and do. Deliveries are listed newest first (by id); those of deleted alerts are there
    // still.
    virtual std::vector<DeliveryView> deliveries(const Uuid& user_id, const DeliveryFilter& filter) = 0;
    virtual std::optional<DeliveryView> delivery(const Uuid& user_id, const Uuid& delivery_id) = 0;
    // In order; the answers of attempts are among them.
    virtual std::vector<Attempt> attempts_of(const Uuid& delivery_id) = 0;
    // Makes a delivery due at once, with all its attempts and its time before it again; one that has ended
    // begins anew, whatever its end was.
    virtual std::expected<DeliveryTask, RetryError> retry_delivery(const Uuid& user_id,
                                                                   const Uuid& delivery_id,
                                                                   Timestamp now) = 0;
    virtual std::expected<void, CancelError> cancel_delivery(const Uuid& user_id, const Uuid& delivery_id,
                                                             Timestamp now) = 0;
    // retry_delivery() for up to `limit` failed ones that were created at or after `since`, oldest first.
    virtual std::vector<DeliveryTask> recover_deliveries(const Uuid& user_id, Timestamp since, Timestamp now,
                                                         std::size_t limit) = 0;
    // Writes a delivery of kind test for the alert, fired or not, due at once, that tells of `price`. False
    // where there is no such alert of that user.
    virtual bool add_test_delivery(const Uuid& user_id, const Uuid& alert_id, const Uuid& delivery_id,
                                   Decimal price, Timestamp now) = 0;

    // Endpoints. The URLs of a user's alerts, at most `limit` of them, disabled ones first.
    virtual std::vector<UserEndpoint> endpoints(const Uuid& user_id, std::size_t limit) = 0;
    // Calls the URL again. False where it was not disabled.
    virtual bool enable_endpoint(const Uuid& user_id, std::string_view webhook_url) = 0;
    // Senders keep the breakers that are not closed here, for everybody to see and for their own next start.
    // One that is closed is removed. Durability as claim().
    virtual void save_breakers(std::span<const Breaker> breakers) = 0;
    virtual std::vector<Breaker> breakers() = 0;

    // Removes at most `limit` rows: deliveries that ended and were created before the moment, with their
    // attempts; deleted alerts and users of which nothing is left. Returns how many it removed: fewer than
    // `limit` means that nothing is left to remove.
    virtual std::size_t prune(Timestamp before, std::size_t limit) = 0;

    // Minute bars. upsert merges with a bar already there: its open stays, high and low widen, close is
    // replaced.
    virtual void upsert_bars(std::span<const Bar> bars) = 0;
    // The newest `limit` bars of an interval (minutes that are part of a day, see domain/bars.hpp) that start
    // within [from, to), oldest first. An interval without a minute has no bar.
    virtual std::vector<Bar> bars(Ticker ticker, Duration interval, Timestamp from, Timestamp to,
                                  std::size_t limit) = 0;
    // Removes at most `limit` bars that start before the moment, and longer ones that end before it; returns
    // how many: fewer than `limit` means that nothing is left to remove.
    virtual std::size_t prune_bars(Timestamp before, std::size_t limit) = 0;
};

}  // namespace pricewire::storage
