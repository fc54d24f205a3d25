#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "base/backoff.hpp"
#include "base/clock.hpp"
#include "domain/alert.hpp"
#include "queue/delivery_queue.hpp"
#include "storage/outbox.hpp"

namespace pricewire::outbox {

struct OutboxOptions {
    // Groups are combined up to this many firings per transaction; a larger group is written alone.
    std::size_t max_firings_per_commit = 100'000;
    // A group of many more alerts in the plain form is written in parts, the first of this size and each of four times the
    // one before, up to `most_of_many`: senders begin with them while the others are written.
    std::size_t first_of_many = 500;
    std::size_t most_of_many = 32'000;
    // Groups that may wait; beyond this push() blocks, which slows the checker instead of losing a firing.
    std::size_t max_groups = std::size_t{1} << 20;
    // Between retries while the database is unreachable.
    BackoffPolicy backoff{std::chrono::milliseconds{100}, std::chrono::seconds{5}};
    // The sender of this process, if it has one: the claim under which deliveries may be written now (nullopt: they go to
    // the queue), and who gets what was claimed, after the commit. Called on the outbox's thread; must not block. Both
    // or neither.
    std::function<std::optional<storage::Claim>()> claim{};
    std::function<void(std::vector<ClaimedDelivery>, Timestamp lease_until)> claimed{};
    // Whoever gets it may be told before the commit, on any thread, and is told if there is none. May be empty.
    std::function<void(std::vector<ClaimedDelivery>, Timestamp lease_until)> coming{};
    std::function<void()> not_coming{};
    // Called after every commit on the outbox's thread, with the groups and the deliveries written for them;
    // must not block. Of a commit whose answer was lost, what it had claimed is reported. May be empty.
    std::function<void(std::span<const FiringGroup>, std::span<const DeliveryTask>)> written{};
};

// Makes firings durable: a thread that writes each firing and its delivery in one transaction, and only then
// publishes the tasks. Firings that arrive during a commit form the next batch, so batches grow with the load
// and a single firing is not delayed. An unreachable database is retried until stop(); no firing is dropped.
class Outbox {
public:
    // As stop() with a deadline of zero, if it was not called.
    virtual ~Outbox() = default;

    // Any thread. Blocks while max_groups are unwritten. False after stop(): the group was not accepted.
    virtual bool push(FiringGroup group) = 0;
    // Accepts no more, writes the rest and ends the thread; a failing database is retried until `deadline`
    // has passed. Returns how many firings could not be written: their alerts are still active in the
    // database and fire again after the next start if their condition holds then.
    virtual std::size_t stop(Duration deadline) = 0;

    // Any thread. Firings, and what else alerts with terms do, accepted so far, and those of them that are finished, in
    // the order they were accepted.
    virtual std::uint64_t taken() const = 0;
    virtual std::uint64_t settled() const = 0;
    // Firings accepted and not yet committed.
    std::size_t pending() const {
        const std::uint64_t done = settled();  // first, since taken() only grows
        return static_cast<std::size_t>(taken() - done);
    }
    // Deliveries written so far; fewer than the firings if an alert was deleted or had already fired.
    virtual std::uint64_t written() const = 0;
    // Transactions committed so far.
    virtual std::uint64_t commits() const = 0;
};

// `storage` and `queue` outlive the outbox.
std::unique_ptr<Outbox> start_outbox(storage::Outbox& storage, queue::DeliveryQueue& queue,
                                     const OutboxOptions& options = {});

}  // namespace pricewire::outbox
