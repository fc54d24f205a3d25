#include "outbox/outbox.hpp"

#include <algorithm>
#include <atomic>
#include <exception>
#include <optional>
#include <random>
#include <span>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/log.hpp"
#include "base/mailbox.hpp"
#include "base/mutex.hpp"
#include "outbox/firing_log.hpp"
#include "outbox/written.hpp"

namespace pricewire::outbox {
namespace {

constexpr std::size_t growth = 4;  // of the parts of a group
// Of a claim whose answer was lost, one after the other; what has fired meanwhile waits behind.
constexpr int most_releases = 5;

class ThreadedOutbox : public Outbox {
public:
    ThreadedOutbox(storage::Outbox& storage, queue::DeliveryQueue& queue, const OutboxOptions& options)
        : storage_(storage), queue_(queue), options_(options), mailbox_(options.max_groups) {
        thread_ = std::thread([this] { run(); });
    }
    ~ThreadedOutbox() override { stop(Duration::zero()); }

    bool push(FiringGroup group) override {
        const std::size_t count = steps_in(group);
        if (count == 0) return true;
        taken_.fetch_add(count);
        if (mailbox_.push(std::move(group))) return true;
        taken_.fetch_sub(count);
        return false;
    }

    std::size_t stop(Duration deadline) override {
        {
            MutexLock lock(stop_mutex_);
            if (!stop_by_) stop_by_ = std::chrono::steady_clock::now() + deadline;
        }
        stopping_.notify_all();
        mailbox_.close();
        if (thread_.joinable()) thread_.join();
        return pending();
    }

    std::uint64_t taken() const override { return taken_.load(); }
    std::uint64_t settled() const override { return settled_.load(); }
    std::uint64_t written() const override { return written_.load(); }
    std::uint64_t commits() const override { return commits_.load(); }

private:
    void run() {
        std::vector<FiringGroup> groups;
        while (mailbox_.drain(groups)) {
            std::span<FiringGroup> rest(groups);
            std::size_t part = options_.first_of_many;
            while (!rest.empty()) {
                std::optional<FiringGroup> begun = take_part(rest.front(), part);
                part = begun ? std::min(part * growth, options_.most_of_many) : options_.first_of_many;
                const auto batch = begun ? std::span(&*begun, 1) : rest.first(batch_size(rest));
                if (!write(batch)) {
                    log::error(
                        "firings could not be written before the stop; their alerts stay active and fire "
                        "again after the next start if their condition holds then",
                        {{"firings", std::to_string(pending())}});
                    return;
                }
                if (!begun) rest = rest.subspan(batch.size());
            }
        }
    }

    // Takes so many firings out of a group, unless those that are left would be few.
    std::optional<FiringGroup> take_part(FiringGroup& group, std::size_t count) const {
        const std::size_t few = count < options_.most_of_many ? growth * count : count;
        if (group.firings.size() <= few) return std::nullopt;
        const auto end = group.firings.begin() + static_cast<std::ptrdiff_t>(count);
        FiringGroup part{.price = group.price,
                         .fired_at = group.fired_at,
                         .firings = {group.firings.begin(), end},
                         .late = group.late,
                         .board = group.board,
                         .board_at = group.board_at};
        group.firings.erase(group.firings.begin(), end);
        return part;
    }

    std::size_t batch_size(std::span<const FiringGroup> groups) const {
        std::size_t firings = steps_in(groups[0]);
        std::size_t n = 1;
        while (n < groups.size() && firings + steps_in(groups[n]) <= options_.max_firings_per_commit &&
               groups[n].firings.size() <= growth * options_.first_of_many) {
            firings += steps_in(groups[n++]);
        }
        return n;
    }

    // False if it gave up because of the stop.
    bool write(std::span<const FiringGroup> batch) {
        std::size_t firings = 0;
        for (const FiringGroup& g : batch) firings += steps_in(g);

        std::vector<DeliveryTask> tasks;
        std::optional<storage::ClaimOnFiring> on_firing = claim();
        std::optional<storage::Claim> lost;
        for (int failures = 0;;) {
            try {
                tasks = storage_.fire(batch, on_firing ? &*on_firing : nullptr);
                if (on_firing && on_firing->tries > 1) lost = on_firing->claim;
                if (failures > 0) log::info("firings are written again");
                break;
            } catch (const std::exception& e) {
                // An attempt whose answer was lost may have been committed. Firing again is harmless, as an
                // alert fires only while it is active, and the k-th time once; the sender finds the tasks of the
                // lost attempt in the database.
                if (on_firing && on_firing->tries > 0) {
                    lost = on_firing->claim;
                    if (options_.not_coming) options_.not_coming();
                }
                on_firing.reset();
                if (++failures == 1) {
                    log::error(
                        "firings cannot be written; they are kept, and written and delivered when the "
                        "database is back",
                        {{"reason", e.what()}, {"firings", std::to_string(pending())}});
                }
            }
            if (!wait(options_.backoff.equal_jitter(failures, rng_))) return false;
        }
        if (lost) release(batch, *lost, tasks);
        written_.fetch_add(webhooks_of(tasks).size());
        commits_.fetch_add(1);
        if (on_firing && !on_firing->claimed.empty()) {
            hand_over(tasks, std::move(*on_firing));
        } else {
            publish(tasks);
        }
        if (options_.written) options_.written(batch, tasks);
        firing_log_.written(batch, tasks);
        settled_.fetch_add(firings);
        return true;
    }

    std::optional<storage::ClaimOnFiring> claim() const {
        auto claim = options_.claim ? options_.claim() : std::nullopt;
        if (!claim) return std::nullopt;
        storage::ClaimOnFiring on_firing{std::move(*claim)};
        if (options_.coming) {
            on_firing.before_commit = [this, until = on_firing.claim.lease_until](const auto& claimed) {
                options_.coming(claimed, until);
            };
        }
        return on_firing;
    }

    // What an attempt whose answer was lost has claimed would wait for the end of its lease. That attempt has ended: what
    // came after it had to wait for its locks. Adds the tasks of what was released.
    void release(std::span<const FiringGroup> batch, const storage::Claim& claim,
                 std::vector<DeliveryTask>& tasks) {
        const Written written(batch, tasks);
        std::vector<Uuid> missing;
        for (const FiringGroup& group : batch) {
            for (const Firing& firing : group.firings) {
                if (!written.has(firing.delivery_id)) missing.push_back(firing.alert_id);
            }
            for (const RuledFiring& firing : group.ruled) {
                if (!written.has(firing.delivery_id)) missing.push_back(firing.alert_id);
            }
            for (const Expiry& expiry : group.expiries) missing.push_back(expiry.alert_id);
        }
        for (int failures = 0;;) {
            try {
                for (const DeliveryTask& task : storage_.release_claim(missing, claim))
                    tasks.insert(task.push ? tasks.end() : tasks.begin(), task);
                return;
            } catch (const std::exception& e) {
                if (++failures < most_releases && wait(options_.backoff.equal_jitter(failures, rng_)))
                    continue;
                log::warn("deliveries may wait for half a minute, until a claim on them ends",
                          {{"reason", e.what()}, {"alerts", std::to_string(missing.size())}});
                return;
            }
        }
    }

    void hand_over(std::vector<DeliveryTask>& tasks, storage::ClaimOnFiring&& on_firing) {
        if (on_firing.claimed.size() < tasks.size()) {
            std::vector<DeliveryTask> others = tasks;
            std::erase_if(others, [&](const DeliveryTask& task) {
                return std::ranges::any_of(
                    on_firing.claimed, [&](const auto& claimed) { return claimed.id == task.delivery_id; });
            });
            publish(others);
        }
        options_.claimed(std::move(on_firing.claimed), on_firing.claim.lease_until);
    }

    void publish(std::span<const DeliveryTask> tasks) {
        try {
            queue_.publish(tasks);
            queue_failing_ = false;
        } catch (const std::exception& e) {
            if (!std::exchange(queue_failing_, true)) {
                log::warn(
                    "the delivery queue does not accept tasks; senders will find the deliveries in the "
                    "database, a little later",
                    {{"reason", e.what()}});
            }
        }
    }

    // Waits before the next retry; false if the stop's deadline has passed.
    bool wait(Duration pause) {
        using std::chrono::steady_clock;
        MutexLock lock(stop_mutex_);
        const auto until = steady_clock::now() + pause;
        stopping_.wait_until(lock, until, [&]() REQUIRES(stop_mutex_) { return stop_by_.has_value(); });
        if (!stop_by_) return true;
        // Once stopping, retries are frequent, so that the remaining time is not spent waiting.
        const auto soon = steady_clock::now() + std::chrono::milliseconds{50};
        stopping_.wait_until(lock, std::min({until, soon, *stop_by_}), [] { return false; });
        return steady_clock::now() < *stop_by_;
    }

    storage::Outbox& storage_;
    queue::DeliveryQueue& queue_;
    const OutboxOptions options_;
    FiringLog firing_log_;
    Mailbox<FiringGroup> mailbox_;
    std::atomic<std::uint64_t> taken_ = 0;
    std::atomic<std::uint64_t> settled_ = 0;
    std::atomic<std::uint64_t> written_ = 0;
    std::atomic<std::uint64_t> commits_ = 0;

    Mutex stop_mutex_;
    CondVar stopping_;
    std::optional<MonoTime> stop_by_ GUARDED_BY(stop_mutex_);

    Rng rng_{std::random_device{}()};
    bool queue_failing_ = false;
    std::thread thread_;
};

}  // namespace

std::unique_ptr<Outbox> start_outbox(storage::Outbox& storage, queue::DeliveryQueue& queue,
                                     const OutboxOptions& options) {
    return std::make_unique<ThreadedOutbox>(storage, queue, options);
}

}  // namespace pricewire::outbox
