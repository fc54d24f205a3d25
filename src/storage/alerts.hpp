#pragma once

#include <cstddef>
#include <exception>
#include <expected>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/crypto.hpp"
#include "base/uuid.hpp"
#include "domain/alert.hpp"
#include "domain/delivery.hpp"
#include "domain/market.hpp"
#include "domain/user.hpp"
#include "storage/error.hpp"

namespace pricewire::storage {

// endpoint_disabled: the URL answered 410 to this user's webhooks.
// key_used: a request with the same key has created something in the meantime; see stored_answer().
// ratios_full: its user's active alerts would compare a ticker with more than max_ratios others.
enum class CreateAlertError { duplicate, limit_reached, endpoint_disabled, key_used, ratios_full };
using CreateAlertResult = std::expected<void, CreateAlertError>;

// stale: the alert does not have the revision that was asked for.
// refused: the edit returned false.
// duplicate: it would be identical to another active alert.
// limit_reached: only if it is switched on.
// endpoint_disabled: only if it is switched on, or its URL changes.
// ratios_full: as in CreateAlertError; only if it is switched on, or its rule changes.
enum class ChangeAlertError {
    not_found,
    stale,
    refused,
    duplicate,
    limit_reached,
    endpoint_disabled,
    ratios_full
};

// One alert of create_each(), and what became of it.
struct AlertCreation {
    Alert alert;
    std::size_t limit = 0;  // of its user's active alerts
    CreateAlertResult result = {};
    std::exception_ptr error =
        nullptr;  // a StorageError; then nothing was created, and `result` means nothing
};

// Makes an alert what its user wants it to be; false leaves it unchanged. It may set webhook_url, format, custom, note,
// message, deliver_within, recover, notify_on_expiry, is_active, starts_at, expires_at, snoozed_until, and terms, which may
// be set to those of an alert in the plain form. The other members follow from these; what it sets there is ignored. It is
// called with the stored alert while its row is locked, so it must be pure and quick, and may be called again with a later
// version of the alert.
using AlertEdit = std::function<bool(Alert& alert)>;

struct EditOptions {
    Timestamp now;
    std::size_t limit = 0;                         // of the user's active alerts
    std::optional<std::int64_t> if_revision = {};  // an alert with another one is stale
};

// A request that may be repeated without creating anything again: its answer is stored in the transaction that creates
// something. A request that creates nothing stores nothing.
struct IdempotentRequest {
    std::string key;  // the user's own, at most 255 bytes
    Sha256 request;   // identifies the method, the path and the body
    Timestamp at;
    int status = 201;  // the answer
    std::string answer;
};
struct StoredAnswer {
    Sha256 request;
    int status = 201;
    std::optional<std::string> answer;  // unset: it was too large to be kept beside newer ones
};
// How long keys are known, how many of one user, and how many bytes of their answers are kept: the newest.
constexpr Duration keep_answers = std::chrono::hours{24};
constexpr std::size_t max_kept_keys = 10'000;
constexpr std::size_t max_kept_answer_bytes = std::size_t{8} << 20;

// How long a deleted alert is known as such.
constexpr Duration keep_deleted_alerts = std::chrono::hours{24};

struct AlertFilter {
    std::optional<bool> is_active;
    std::optional<Ticker> ticker;
    std::optional<AlertStatus> status = {};  // as of `now`
    Timestamp now = {};
    std::size_t limit = 100;     // 1 to 1000
    std::optional<Uuid> before;  // cursor: only alerts after this id in the listing
};

// Alerts and the endpoints they name. Part of Storage: see there for threads and durability.
class Alerts {
public:
    virtual ~Alerts() = default;

    // The state of an alert with terms is stored without firings and rules: it begins at starts_at, or when it was
    // created. An identical active alert is one with the same user, rule, `for`, `repeat` and URL, however it was written;
    // a unique partial index rejects a second one. `limit` bounds the user's active alerts. Raises alert_changed(created).
    virtual CreateAlertResult create_alert(const Alert& alert, std::size_t limit,
                                           const IdempotentRequest* request = nullptr) = 0;
    // The same for several alerts of one user, in order, in one transaction: those that are refused do not affect the
    // others. The answer that is kept is what `answer`, if it is set, makes of the results: pure and quick, it may be
    // called again. If the key is used, none is created.
    using AnswerOf = std::function<std::string(std::span<const CreateAlertResult>)>;
    virtual std::vector<CreateAlertResult> create_alerts(std::span<const Alert> alerts, std::size_t limit,
                                                         const IdempotentRequest* request = nullptr,
                                                         const AnswerOf& answer = {}) = 0;
    // As create_alert() for each, in order, whoever their users are, in as few commits as possible: one that is refused or
    // fails does not affect the others. If all fail, the first one's error is thrown.
    virtual void create_each(std::span<AlertCreation> creations) = 0;
    // The answer to the request with that key, if it is still kept.
    virtual std::optional<StoredAnswer> stored_answer(const Uuid& user_id, std::string_view key,
                                                      Timestamp now) = 0;

    // When the user may use another key, where `most` are kept; nullopt: now.
    virtual std::optional<Timestamp> key_room_at(const Uuid& user_id, Timestamp now, std::size_t most) = 0;

    // Edits an alert and returns the result. Another rule, `for` or starts_at is a new start with the next revision;
    // switching it on again is a new start with the same one. Any other edit keeps its state. An alert that the plain form
    // cannot express any more has terms from then on. One that has fired as often as it may ends at once.
    //
    // Raises, if it was active in the plain form and now has terms or is paused, alert_changed(deleted) with its condition
    // and target; then, if it is active, alert_changed(created) or (changed), else, if it was, alert_changed(deleted).
    virtual std::expected<Alert, ChangeAlertError> change_alert(const Uuid& user_id, const Uuid& alert_id,
                                                                const AlertEdit& edit,
                                                                const EditOptions& options) = 0;
    virtual std::optional<Alert> alert(const Uuid& user_id, const Uuid& alert_id) = 0;
    // Newest first (by id: ids are version 7).
    virtual std::vector<Alert> alerts(const Uuid& user_id, const AlertFilter& filter) = 0;
    // Those that their user has changed, or that have expired, since then: the last ones first, at most `limit`.
    virtual std::vector<Alert> changed_alerts(const Uuid& user_id, Timestamp since, std::size_t limit) = 0;
    // Those that were deleted since then, within keep_deleted_alerts: the last ones first, at most `limit`.
    virtual std::vector<Uuid> deleted_alerts(const Uuid& user_id, Timestamp since, std::size_t limit) = 0;
    // Hides the alert from its user; a delivery already written for it is still sent. False if the user has
    // no such alert. Raises alert_changed(deleted) if it was active.
    virtual bool delete_alert(const Uuid& user_id, const Uuid& alert_id,
                              Timestamp now = system_clock().now()) = 0;
    // The same for all of a user's alerts of a ticker, active or not, in transactions of some thousands; if it throws,
    // some may be deleted. Returns how many; with `dry_run` only that.
    virtual std::size_t delete_alerts_of(const Uuid& user_id, Ticker ticker, bool dry_run,
                                         Timestamp now = system_clock().now()) = 0;
    // Newest first: those with a number below `before`, at most `limit`. Firings whose deliveries were pruned are not
    // among them.
    virtual std::vector<FiringView> firings(const Uuid& user_id, const Uuid& alert_id, std::size_t limit,
                                            std::optional<std::int64_t> before = {}) = 0;

    // As it is stored now; nullopt if it is not active.
    virtual std::optional<ActiveAlert> active_alert(const Uuid& alert_id) = 0;
    // One consistent snapshot of all active alerts, passed on in pieces, in any order, on the calling thread.
    virtual void load_active_alerts(const std::function<void(std::span<const ActiveAlert>)>& piece) = 0;
    // The same of those whose own ticker is among these.
    virtual void load_alerts_of(std::span<const Ticker> tickers,
                                const std::function<void(std::span<const ActiveAlert>)>& piece) = 0;

    // The URLs of a user's alerts, at most `limit`, disabled ones first, each part by URL; only those that follow
    // `after`, if it is given.
    virtual std::vector<UserEndpoint> endpoints(const Uuid& user_id, std::size_t limit,
                                                const std::optional<UserEndpoint>& after = {}) = 0;
    // The one with that URL; nullopt: it is not among those of endpoints().
    virtual std::optional<UserEndpoint> endpoint(const Uuid& user_id, std::string_view webhook_url) = 0;
    // Lets webhooks to the URL be sent again. False if it was not disabled.
    virtual bool enable_endpoint(const Uuid& user_id, std::string_view webhook_url) = 0;
};

}  // namespace pricewire::storage
