#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "access/rate_limits.hpp"
#include "base/clock.hpp"
#include "base/p256.hpp"
#include "base/result.hpp"
#include "deliver/breaker.hpp"
#include "deliver/launch.hpp"
#include "deliver/retry.hpp"
#include "deliver/slots.hpp"
#include "domain/delivery.hpp"
#include "net/http_client.hpp"
#include "net/webhook_url.hpp"
#include "queue/delivery_queue.hpp"
#include "secrets/secret_box.hpp"
#include "storage/outbox.hpp"

namespace pricewire::deliver {

struct SenderOptions {
    // The owner of the claims: the same after a restart, so that claims left by a crash are taken over at
    // once; different for each sender on one database.
    std::string owner = "sender";
    // For senders that share a database: one that has not reported to be alive for this long is dead, and the
    // others take over its claims. Their clocks must agree within a fraction of it. Zero: the sender is
    // alone.
    Duration alive_for{};
    // Of which users this sender is in charge, for senders that share a database; asked for before each start of an attempt,
    // so it must be quick. Empty, as for one that is alone: of all. Any thread.
    std::function<std::shared_ptr<const Charge>()> charge;
    // Called on the sender's thread when nothing is under way any more that is not its own by the view of a charge; must not
    // wait. May be empty.
    std::function<void(const std::string& view)> settled_by;
    RetryPolicy retry;
    // Attempts that each user may cause, see AttemptBudget; nullopt: any number.
    std::optional<access::RateLimit> attempts_by_user;
    Duration timeout = std::chrono::seconds{5};  // of one attempt, in all
    bool verify_tls = true;
    net::UrlPolicy urls;
    std::size_t concurrency = 4096;  // attempts under way, in all
    std::size_t per_endpoint = 64;   // see EndpointPolicy
    // Attempts that are answered and not recorded, or about to be answered: what a kill may repeat, see Exposure.
    std::size_t exposed = 64;
    BreakerPolicy breaker;
    std::size_t max_hints = std::size_t{1} << 18;  // tasks kept in memory; for more the database is asked
    std::string user_agent = "Pricewire/" PRICEWIRE_VERSION;
    // The server's key for pushes; called on the sender's thread when the first push is due, until it returns one. Throws
    // what the storage throws. May be empty: then pushes wait.
    std::function<Result<P256KeyPair>()> push_key;
    std::string push_contact;  // as for push::Vapid
    // Of how many percent of alerts attempts are recorded as spans; traceparent says so.
    int traced_percent = 0;
    // Called with deliveries whose claim or outcome has been written, on the sender's thread; must not wait.
    // May be empty.
    std::function<void(std::span<const DeliveryNotice>)> changed;
    // Called with the outcome of every claim, on the sender's thread; `error` is that of the attempt, if one
    // was made. Must not throw; may be empty.
    std::function<void(const ClaimedDelivery&, const DeliveryOutcome&, net::HttpError error)> settled;
};

struct SenderStats {
    std::uint64_t steps = 0;      // signs of life
    std::uint64_t attempts = 0;   // ended, with any outcome
    std::uint64_t delivered = 0;  // deliveries that ended so
    std::uint64_t failed = 0;
    std::uint64_t expired = 0;
    std::uint64_t deferred = 0;     // claims given back because their endpoint had no room
    std::uint64_t woken = 0;        // deliveries fetched again
    std::size_t in_flight = 0;      // attempts under way
    std::size_t waiting = 0;        // claimed, waiting for room
    std::size_t unrecorded = 0;     // attempts ended but not yet written
    std::size_t exposed = 0;        // of the two before, those that a kill is likely to repeat, see Exposure
    std::size_t ended_early = 0;    // attempts ended before it was known that their deliveries are committed
    std::size_t open_breakers = 0;  // endpoints whose breaker is not closed
    std::size_t half_open_breakers = 0;
    std::size_t endpoints_known = 0;
};

// The end of one attempt, on its way back to the thread that owns the dispatcher.
struct CompletedAttempt {
    Uuid delivery_id;
    AttemptResult result;
};

// What requests under way need even after the dispatcher is gone: the address guard, and where results go.
struct DispatcherWires {
    net::UrlPolicy urls;
    std::function<void(CompletedAttempt)> completed;  // called on the HTTP client's thread
};

// The sender's decisions: which deliveries to claim, when to attempt them, what to write. It has no thread
// and never waits: one thread calls it and passes the time, so that tests can go through it step by step.
//
// A delivery is claimed under a lease and attempted, and its outcome is written. Until then the database says
// "delivering". After a crash, release_claims() at the next start or the end of the lease frees it, and the
// attempt is repeated under its number. Errors of the storage are logged once; outcomes are kept and written
// when it is back, and nothing is claimed before that.
//
// Senders that share a database report that they are alive (SenderOptions::alive_for) and give back the
// claims of those that no longer do. A sender that did not report in time claims nothing until it has, since
// others may have its claims. Its attempts under way end, and their outcomes are written, or ignored if
// another sender was first.
//
// Senders divide users (see Slots). Deliveries of users of whom another sender is in charge are not claimed; those that wait
// when that changes are given back, and are due.
//
// Endpoints decides which delivery is next. A delivery whose endpoint has no room is deferred in the database
// until there is room, at most for about ten minutes beyond the breaker's pause. These times are spread, so
// that a crowd at a dead endpoint comes back at about 100 a second. A delivery whose secret cannot be opened
// is put off without an attempt, and so is one whose user has used up the attempts for now.
class Dispatcher {
public:
    virtual ~Dispatcher() = default;

    // Tasks from the queue. `complete` is false if some were dropped before: the database is asked for them.
    virtual void on_tasks(std::span<const queue::QueuedTask> tasks, bool complete) = 0;
    // The claim under which deliveries of new firings may be written, to be passed to on_claimed(), and the moment from
    // which this must not begin; nullopt if they have to wait for their turn.
    struct Offer {
        storage::Claim claim;
        MonoTime until;
    };
    virtual std::optional<Offer> offer() = 0;
    // Deliveries that were written under an offer. If others may have taken them over since, they are claimed anew.
    virtual void on_claimed(std::vector<ClaimedDelivery> claimed, Timestamp lease_until) = 0;
    // Deliveries that are being written under an offer: the requests of those that may start now are made ready, and start
    // with the launch. on_claimed() follows if it has gone, and on_not_coming() if it was cancelled.
    virtual void on_coming(std::vector<ClaimedDelivery> coming, Timestamp lease_until,
                           std::shared_ptr<Launch> launch) = 0;
    virtual void on_not_coming(const std::shared_ptr<Launch>& launch) = 0;
    // Receipts to pass to the queue's done(), since the last call. A task that the database could not be
    // asked for is kept, and so is its receipt.
    virtual std::vector<std::uint64_t> take_done() = 0;
    // Tasks, since the last call, of users of whom others are in charge: for the queue's hand_on().
    virtual std::vector<queue::QueuedTask> take_foreign() = 0;
    virtual void on_completed(CompletedAttempt completed) = 0;
    // Does what is due: writes outcomes, claims, starts requests. Returns when to call again at the latest,
    // by Clock::mono(); call it at once after on_tasks() and on_completed().
    virtual MonoTime step() = 0;

    // Nothing is claimed or started any more; call step() until idle() or for as long as the stop may take.
    virtual void begin_stop() = 0;
    // Nothing is under way or unwritten.
    virtual bool idle() const = 0;
    // Writes what is left and gives back all claims, including those of attempts under way.
    virtual void finish() = 0;

    virtual SenderStats stats() const = 0;
};

// `storage`, `client`, `secrets` and `clock` outlive the dispatcher.
std::unique_ptr<Dispatcher> create_dispatcher(const SenderOptions& options,
                                              std::shared_ptr<const DispatcherWires> wires,
                                              storage::Outbox& storage, net::HttpClient& client,
                                              const secrets::SecretBox& secrets, const Clock& clock,
                                              std::uint64_t seed);

}  // namespace pricewire::deliver
