#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "deliver/breaker.hpp"
#include "deliver/retry.hpp"
#include "domain/delivery.hpp"
#include "net/http_client.hpp"
#include "net/webhook_url.hpp"
#include "queue/delivery_queue.hpp"
#include "secrets/secret_box.hpp"
#include "storage/outbox.hpp"

namespace pricewire::deliver {

struct SenderOptions {
    // Whose claims these are: the same after a restart, so that what a crash left claimed is taken up at
    // once; different for two senders on one database.
    std::string owner = "sender";
    // For senders that share a database: one that cannot say for so long that it lives is dead to the others,
    // which take over what it holds. Their clocks must agree within a part of it. Zero: it is alone.
    Duration alive_for{};
    RetryPolicy retry;
    Duration timeout = std::chrono::seconds{5};  // of one attempt, in all
    bool verify_tls = true;
    net::UrlPolicy urls;
    std::size_t concurrency = 4096;  // attempts under way, in all
    std::size_t per_endpoint = 64;   // see EndpointPolicy
    BreakerPolicy breaker;
    std::size_t max_hints = std::size_t{1} << 18;  // tasks kept in memory; beyond, the database is asked
    std::string user_agent = "Pricewire/" PRICEWIRE_VERSION;
    // Told of deliveries that the database says are claimed or have come to something, on the sender's
    // thread; must not wait. May be empty.
    std::function<void(std::span<const DeliveryNotice>)> changed;
    // Told of everything that comes of a claim, on the sender's thread; `error` is that of its attempt, where
    // one was made. Must not throw; may be empty.
    std::function<void(const ClaimedDelivery&, const DeliveryOutcome&, net::HttpError error)> settled;
};

struct SenderStats {
    std::uint64_t attempts = 0;   // ended, whatever their outcome
    std::uint64_t delivered = 0;  // deliveries that came to this end
    std::uint64_t failed = 0;
    std::uint64_t expired = 0;
    std::uint64_t deferred = 0;     // claims given back since their endpoint had no room
    std::uint64_t woken = 0;        // deliveries asked for again
    std::size_t in_flight = 0;      // attempts under way
    std::size_t waiting = 0;        // claimed, waiting for room
    std::size_t unrecorded = 0;     // attempts ended and not yet written
    std::size_t open_breakers = 0;  // endpoints whose breaker is not closed
    std::size_t half_open_breakers = 0;
    std::size_t endpoints_known = 0;
};

// The end of one attempt, on its way back to the thread that owns the dispatcher.
struct CompletedAttempt {
    Uuid delivery_id;
    AttemptResult result;
};

// What requests under way need, even when the dispatcher is gone: the address guard, and where results go.
struct DispatcherWires {
    net::UrlPolicy urls;
    std::function<void(CompletedAttempt)> completed;  // called on the HTTP client's thread
};

// The sender's mind: which deliveries to claim, when to attempt them, what to write. Has no thread and never
// waits: one thread calls it and moves its time, so that tests can walk through it step by step.
//
// A delivery is claimed under a lease, attempted, and its outcome written; until that is written the database
// says "delivering", and a crash leaves it to release_claims() at the next start, or to the lease's end in
// another process: the attempt is then made again, with its number. Errors of the storage are logged once;
// outcomes are kept and written when it is back, and nothing is claimed before that.
//
// Senders that share a database say that they live (SenderOptions::alive_for) and give back what those hold
// that do not any more. One that could not say it in time claims nothing until it has: others may have what
// it held. Its attempts under way end, and their outcomes are written, or ignored where another was first.
//
// Whose turn it is, Endpoints decides. What has no room at its endpoint is deferred in the database until its
// endpoint has, and at the latest for about ten minutes beyond the breaker's pause: these limits are spread,
// so that a crowd before a dead endpoint comes back at about 100 a second. A delivery whose secret cannot
// be opened is put off without an attempt.
class Dispatcher {
public:
    virtual ~Dispatcher() = default;

    // Tasks heard of from the queue. `complete` is false where some were dropped before they came here: the
    // database is asked for them.
    virtual void on_tasks(std::span<const queue::QueuedTask> tasks, bool complete) = 0;
    // What the queue is to be told with done(), since the last call. A task that the database could not be
    // asked for is kept, and so is its receipt.
    virtual std::vector<std::uint64_t> take_done() = 0;
    virtual void on_completed(CompletedAttempt completed) = 0;
    // Does what is due: writes outcomes, claims, starts requests. Returns when to call again at the latest
    // (Clock::mono()); call at once after on_tasks() and on_completed().
    virtual MonoTime step() = 0;

    // From now on nothing is claimed or started; call step() until idle() or until patience ends.
    virtual void begin_stop() = 0;
    // Nothing is under way and nothing unwritten.
    virtual bool idle() const = 0;
    // Writes what is left and gives back every claim, those under way included.
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
