#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>

#include "base/backoff.hpp"
#include "base/clock.hpp"
#include "domain/alert.hpp"
#include "queue/delivery_queue.hpp"
#include "storage/outbox.hpp"

namespace pricewire::outbox {

struct OutboxOptions {
    // Groups are put together up to this many firings a transaction; a larger group goes alone and whole.
    std::size_t max_firings_per_commit = 100'000;
    // Groups that may wait; beyond, push() waits, which slows the checker instead of losing a firing.
    std::size_t max_groups = std::size_t{1} << 20;
    // Between tries while the database is gone.
    BackoffPolicy backoff{std::chrono::milliseconds{100}, std::chrono::seconds{5}};
    // Told of every commit, on the outbox's thread: the groups, and the deliveries written for them; must not
    // wait. A commit whose answer was lost is not told. May be empty.
    std::function<void(std::span<const FiringGroup>, std::span<const DeliveryTask>)> written;
};

// Makes firings durable: a thread that writes each firing and its delivery in one transaction, and only then
// tells the queue. While a commit is under way the next firings gather, so batches grow with the load and a
// lone firing waits for nothing. A database that is gone is retried until stop(); no firing is dropped.
class Outbox {
public:
    // Stops with a deadline of zero, if stop() was not called.
    virtual ~Outbox() = default;

    // Any thread. Waits while max_groups are unwritten. False after stop(): the group was not taken.
    virtual bool push(FiringGroup group) = 0;
    // Takes no more, writes what is there and ends the thread; a database that fails is retried until
    // `deadline` has passed. Returns how many firings could not be written: their alerts are still active in
    // the database and fire again after the next start, if their condition holds then.
    virtual std::size_t stop(Duration deadline) = 0;

    // Any thread. Firings taken so far, and those of them that need nothing more, in the order they were
    // taken.
    virtual std::uint64_t taken() const = 0;
    virtual std::uint64_t settled() const = 0;
    // Firings taken and not yet committed.
    std::size_t pending() const {
        const std::uint64_t done = settled();  // first, since taken() only grows
        return static_cast<std::size_t>(taken() - done);
    }
    // Deliveries written so far; less than the firings taken where an alert was gone or had fired already.
    virtual std::uint64_t written() const = 0;
    // Transactions committed so far.
    virtual std::uint64_t commits() const = 0;
};

// `storage` and `queue` outlive the outbox.
std::unique_ptr<Outbox> start_outbox(storage::Outbox& storage, queue::DeliveryQueue& queue,
                                     const OutboxOptions& options = {});

}  // namespace pricewire::outbox
