#include "deliver/sender.hpp"

#include <algorithm>
#include <atomic>
#include <exception>
#include <optional>
#include <random>
#include <span>
#include <thread>
#include <utility>
#include <variant>
#include <vector>

#include "base/log.hpp"
#include "base/mailbox.hpp"
#include "base/mutex.hpp"

namespace pricewire::deliver {
namespace {

struct StopBy {
    MonoTime at;
};
struct Claimed {
    std::vector<ClaimedDelivery> deliveries;
    Timestamp lease_until;
};
struct Coming {
    std::vector<ClaimedDelivery> deliveries;
    Timestamp lease_until;
    std::shared_ptr<Launch> launch;
};
struct NotComing {
    std::shared_ptr<Launch> launch;
};
using Event =
    std::variant<std::vector<queue::QueuedTask>, Claimed, Coming, NotComing, CompletedAttempt, StopBy>;

// Shared with requests under way and with the queue, which may call after the sender is gone.
struct Inbox : DispatcherWires {
    Mailbox<Event> mailbox;
    std::atomic<std::size_t> unread_tasks = 0;  // and claimed deliveries
    std::atomic<bool> tasks_dropped = false;
};

class ThreadedSender : public Sender {
public:
    ThreadedSender(const SenderOptions& options, storage::Outbox& storage, queue::DeliveryQueue& queue,
                   net::HttpClient& client, const secrets::SecretBox& secrets, const Clock& clock)
        : queue_(queue), clock_(clock), inbox_(std::make_shared<Inbox>()) {
        inbox_->urls = options.urls;
        inbox_->completed = [inbox = inbox_.get()](CompletedAttempt completed) {
            inbox->mailbox.push(std::move(completed));
        };
        const std::uint64_t seed = (std::uint64_t{std::random_device{}()} << 32) | std::random_device{}();
        dispatcher_ = create_dispatcher(options, inbox_, storage, client, secrets, clock, seed);
        queue_.consume(
            [inbox = inbox_, &queue, most = options.max_hints](std::span<const queue::QueuedTask> tasks) {
                if (inbox->unread_tasks.fetch_add(tasks.size()) + tasks.size() > most ||
                    !inbox->mailbox.try_push(std::vector(tasks.begin(), tasks.end()))) {
                    inbox->unread_tasks.fetch_sub(tasks.size());
                    inbox->tasks_dropped.store(true);
                    // The database has them.
                    std::vector<std::uint64_t> receipts;
                    for (const queue::QueuedTask& t : tasks) receipts.push_back(t.receipt);
                    queue.done(receipts);
                }
            });
        thread_ = std::thread([this] { run(); });
    }

    ~ThreadedSender() override { stop(Duration::zero()); }

    void stop(Duration deadline) override {
        MutexLock lock(stop_mutex_);
        if (!thread_.joinable()) return;
        queue_.consume({});
        inbox_->mailbox.push(StopBy{clock_.mono() + deadline});
        thread_.join();
        inbox_->mailbox.close();
    }

    std::optional<storage::Claim> claim() override {
        MutexLock lock(stats_mutex_);
        if (!offer_ || inbox_->unread_tasks.load() > 0 || clock_.mono() >= offer_->until) return std::nullopt;
        return offer_->claim;
    }

    void prepare(std::vector<ClaimedDelivery> coming, Timestamp lease_until) override {
        drop();
        const auto launch = std::make_shared<Launch>(clock_.mono());
        {
            MutexLock lock(launch_mutex_);
            launch_ = launch;
        }
        inbox_->mailbox.push(Coming{std::move(coming), lease_until, launch});
    }

    void drop() override {
        const auto launch = take_launch();
        if (!launch) return;
        launch->cancel();
        inbox_->mailbox.push(NotComing{launch});
    }

    void take(std::vector<ClaimedDelivery> claimed, Timestamp lease_until) override {
        if (const auto launch = take_launch(); launch && !launch->go(clock_.mono()))
            inbox_->mailbox.push(NotComing{launch});
        inbox_->unread_tasks.fetch_add(claimed.size());
        inbox_->mailbox.push(Claimed{std::move(claimed), lease_until});
    }

    SenderStats stats() const override {
        MutexLock lock(stats_mutex_);
        return stats_;
    }

private:
    void run() {
        std::vector<Event> events;
        std::optional<MonoTime> stop_by;
        MonoTime wake = clock_.mono();
        while (!stop_by || (!dispatcher_->idle() && clock_.mono() < *stop_by)) {
            if (inbox_->mailbox.drain(events, wake)) {
                for (Event& event : events) take(event, stop_by);
            }
            if (inbox_->tasks_dropped.exchange(false)) dispatcher_->on_tasks({}, false);
            wake = step();
            if (const auto foreign = dispatcher_->take_foreign(); !foreign.empty()) queue_.hand_on(foreign);
            if (const auto done = dispatcher_->take_done(); !done.empty()) queue_.done(done);
            if (stop_by) wake = std::min(wake, *stop_by);
        }
        if (const std::size_t open = dispatcher_->stats().in_flight; open > 0) {
            log::info("webhook attempts did not end before the stop; they are repeated after the next start",
                      {{"attempts", std::to_string(open)}});
        }
        dispatcher_->finish();
        publish_stats();
    }

    // A delivery that an error makes the sender forget is claimed again when its lease ends.
    void take(Event& event, std::optional<MonoTime>& stop_by) {
        try {
            if (auto* tasks = std::get_if<std::vector<queue::QueuedTask>>(&event)) {
                // Until they have been claimed, nothing that fires later may go before them.
                withdraw_offer();
                inbox_->unread_tasks.fetch_sub(tasks->size());
                dispatcher_->on_tasks(*tasks, true);
            } else if (auto* claimed = std::get_if<Claimed>(&event)) {
                inbox_->unread_tasks.fetch_sub(claimed->deliveries.size());
                dispatcher_->on_claimed(std::move(claimed->deliveries), claimed->lease_until);
            } else if (auto* coming = std::get_if<Coming>(&event)) {
                dispatcher_->on_coming(std::move(coming->deliveries), coming->lease_until,
                                       std::move(coming->launch));
            } else if (auto* not_coming = std::get_if<NotComing>(&event)) {
                dispatcher_->on_not_coming(not_coming->launch);
            } else if (auto* completed = std::get_if<CompletedAttempt>(&event)) {
                dispatcher_->on_completed(std::move(*completed));
            } else {
                stop_by = std::get<StopBy>(event).at;
                dispatcher_->begin_stop();
            }
        } catch (const std::exception& e) {
            failed(e);
        }
    }

    // Any other error ends here, and the next step tries again.
    MonoTime step() {
        MonoTime wake;
        try {
            wake = dispatcher_->step();
            failing_ = false;
        } catch (const std::exception& e) {
            failed(e);
            wake = clock_.mono() + std::chrono::seconds{1};
        }
        publish_stats();
        return wake;
    }

    void failed(const std::exception& e) {
        if (std::exchange(failing_, true)) return;
        log::error("the sender met an unexpected error; it continues in a second", {{"reason", e.what()}});
    }

    void publish_stats() {
        auto offer = dispatcher_->offer();
        MutexLock lock(stats_mutex_);
        stats_ = dispatcher_->stats();
        offer_ = std::move(offer);
    }

    std::shared_ptr<Launch> take_launch() {
        MutexLock lock(launch_mutex_);
        return std::exchange(launch_, nullptr);
    }

    void withdraw_offer() {
        MutexLock lock(stats_mutex_);
        offer_.reset();
    }

    queue::DeliveryQueue& queue_;
    const Clock& clock_;
    const std::shared_ptr<Inbox> inbox_;
    std::unique_ptr<Dispatcher> dispatcher_;
    bool failing_ = false;

    mutable Mutex stats_mutex_;
    SenderStats stats_ GUARDED_BY(stats_mutex_);
    std::optional<Dispatcher::Offer> offer_ GUARDED_BY(stats_mutex_);
    Mutex launch_mutex_;
    std::shared_ptr<Launch> launch_ GUARDED_BY(launch_mutex_);  // of what was prepared last
    Mutex stop_mutex_;
    std::thread thread_ GUARDED_BY(stop_mutex_);
};

}  // namespace

std::unique_ptr<Sender> start_sender(const SenderOptions& options, storage::Outbox& storage,
                                     queue::DeliveryQueue& queue, net::HttpClient& client,
                                     const secrets::SecretBox& secrets, const Clock& clock) {
    return std::make_unique<ThreadedSender>(options, storage, queue, client, secrets, clock);
}

}  // namespace pricewire::deliver
