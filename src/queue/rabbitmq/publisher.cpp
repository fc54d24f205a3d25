#include "queue/rabbitmq/publisher.hpp"

#include <algorithm>
#include <map>
#include <stdexcept>
#include <utility>
#include <vector>

#include "base/log.hpp"
#include "base/unusable.hpp"
#include "domain/user_slot.hpp"
#include "queue/rabbitmq/task_text.hpp"

namespace pricewire::queue {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// Tasks sent before checking whether the broker blocks publishing.
constexpr std::size_t send_batch = 100;
static_assert(send_batch <= max_tasks_in_message);
constexpr Duration longest_wait = milliseconds{500};
constexpr Duration stop_margin = milliseconds{300};

MonoTime mono() {
    return std::chrono::steady_clock::now();
}

}  // namespace

Publisher::Publisher(const BrokerUrl& url, const RabbitmqOptions& options, BrokerOutage& outage)
    : url_(url), options_(options), outage_(outage) {
    thread_ = std::thread([this] { run(); });
}

Publisher::~Publisher() {
    {
        MutexLock lock(mutex_);
        stop_by_ = mono() + options_.stop_deadline;
        stop_.set();
        wake_.wake();
        if (!changed_.wait_until(lock, stop_by_ + stop_margin, [&]() REQUIRES(mutex_) { return ended_; }))
            cut_.cut();
    }
    thread_.join();
    outage_.forget(BrokerOutage::Side::publishing);
    if (const std::size_t left = kept_.size() + tasks_in_flight(); left > 0) {
        log::info("tasks were not published before the stop; senders find their deliveries in the database",
                  {{"tasks", std::to_string(left)}});
    }
}

void Publisher::publish(std::span<const DeliveryTask> tasks) {
    const MonoTime now = mono();
    std::vector<Kept> kept;
    kept.reserve(tasks.size());
    for (const DeliveryTask& task : tasks) {
        const auto slot = task.user_id.is_nil() ? std::nullopt : std::optional(user_slot(task.user_id));
        kept.push_back({.task = task, .slot = slot, .since = now});
    }
    keep(kept);
}

void Publisher::hand_on(std::span<const QueuedTask> tasks) {
    const MonoTime now = mono();
    std::vector<Kept> kept;
    kept.reserve(tasks.size());
    for (const QueuedTask& task : tasks)
        kept.push_back({.task = task.task, .slot = task.slot, .since = now, .is_handed_on = true});
    keep(kept);
}

void Publisher::keep(std::span<const Kept> tasks) {
    bool overflows = false;
    {
        MutexLock lock(mutex_);
        const std::size_t held = std::min(options_.max_unpublished, kept_.size() + in_flight_);
        const std::size_t taken = std::min(options_.max_unpublished - held, tasks.size());
        kept_.insert(kept_.end(), tasks.begin(), tasks.begin() + static_cast<std::ptrdiff_t>(taken));
        overflows = taken < tasks.size() && !std::exchange(overflow_told_, true);
    }
    wake_.wake();
    if (overflows) {
        log::warn(
            "more deliveries are due than the message broker accepts; senders will find the rest in the "
            "database, a little later",
            {{"kept", std::to_string(options_.max_unpublished)}});
    }
}

void Publisher::ping() {
    MutexLock lock(mutex_);
    const std::uint64_t ticket = ++pings_asked_;
    wake_.wake();
    const auto decided = [&]() REQUIRES(mutex_) { return pings_answered_ >= ticket || trouble_.has_value(); };
    const bool in_time = changed_.wait_for(lock, options_.ping_deadline, decided);
    if (pings_answered_ >= ticket) return;
    const BrokerError why =
        in_time ? *trouble_ : BrokerError(BrokerError::Kind::away, "no answer within the deadline");
    throw Unusable("the message broker at " + url_.address() + " cannot be used: " + why.what(),
                   brief(why.kind));
}

void Publisher::run() {
    Backoff backoff(reconnect_policy, steady_after);
    MonoTime began{};
    repeat_until<BrokerError>(
        stop_,
        [&] {
            began = mono();
            Connection connection(url_, options_, cut_);
            connection.ask_for_confirms();
            look_for_earlier_queue(connection);
            if (connection.writes_first()) tell_of_type();
            connected();
            serve(connection);
            connection.close();
            return Duration::zero();
        },
        [&](const BrokerError& e) {
            failed(e);
            return backoff.next(mono() - began);
        });
    MutexLock lock(mutex_);
    ended_ = true;
    changed_.notify_all();
}

void Publisher::look_for_earlier_queue(Connection& connection) {
    // A broker that refuses the request closes the connection, so the next connection does not repeat it.
    if (options_.earlier_queue.empty() || std::exchange(looked_for_earlier_, true)) return;
    const auto messages = connection.messages_in(options_.earlier_queue);
    if (!messages) return;
    log::warn(
        "the broker has a queue of an earlier version or of the predecessor, which is not used any more; "
        "delete it once none of their processes runs (no delivery is lost: the database has them)",
        {{"queue", options_.earlier_queue},
         {"messages", std::to_string(*messages)},
         {"used", options_.queue}});
}

void Publisher::tell_of_type() {
    if (std::exchange(type_told_, true)) return;
    log::warn(
        "the broker's queue is a quorum queue, as earlier versions declared it: each webhook waits until the "
        "broker has written its task to disk; delete the queue once none of their processes runs, and it is "
        "declared again (no delivery is lost: the database has them)",
        {{"queue", options_.queue}});
}

void Publisher::connected() {
    first_tag_ = 1;
    renew_.reset();
    {
        // Declaring the queue counts as an answer.
        MutexLock lock(mutex_);
        trouble_.reset();
        pings_answered_ = pings_sent_ = pings_asked_;
    }
    changed_.notify_all();
    outage_.over(BrokerOutage::Side::publishing);
}

void Publisher::failed(const BrokerError& e) {
    outage_.lost(BrokerOutage::Side::publishing, e);
    blocked_ = false;
    std::vector<Kept> again;
    for (Sent& sent : sent_) {
        if (!sent.settled) again.insert(again.end(), sent.tasks.begin(), sent.tasks.end());
    }
    sent_.clear();
    keep_again(again);
    drop_old();
    MutexLock lock(mutex_);
    trouble_ = e;
    changed_.notify_all();
}

void Publisher::serve(Connection& connection) {
    while (true) {
        take_in(connection);
        if (renew_ && sent_.empty()) throw BrokerError(*renew_);
        const MonoTime late = mono() - options_.confirm_deadline;
        if (!blocked_ && !sent_.empty() && sent_.front().at < late) {
            throw BrokerError(BrokerError::Kind::away, "publishing: no confirm in time");
        }
        drop_old();
        if (finished()) return;
        send_pings(connection);
        if (send_some(connection)) continue;
        connection.wait(wake_, wake_at());
    }
}

void Publisher::take_in(Connection& connection) {
    using Kind = Connection::Event::Kind;
    std::vector<Kept> again;
    while (auto event = connection.next()) {
        if (event->kind == Kind::acked || event->kind == Kind::nacked) {
            confirmed(event->tag, event->multiple, event->kind == Kind::acked, again);
        } else if (event->kind == Kind::returned) {
            mark_returned(event->message);
        } else if (event->kind == Kind::blocked) {
            set_blocked(event->reason);
        } else if (event->kind == Kind::unblocked) {
            set_unblocked();
        } else if (event->kind == Kind::pong) {
            MutexLock lock(mutex_);
            pings_answered_ = pings_sent_;
            changed_.notify_all();
        }
    }
    keep_again(again);
}

void Publisher::confirmed(std::uint64_t tag, bool multiple, bool published, std::vector<Kept>& again) {
    if (tag < first_tag_ || tag >= first_tag_ + sent_.size()) return;
    const std::size_t last = tag - first_tag_;
    for (std::size_t i = multiple ? 0 : last; i <= last; ++i) {
        Sent& sent = sent_[i];
        if (std::exchange(sent.settled, true)) continue;
        if (published && !sent.returned) continue;
        // Sent to the queue of all, one that was handed on would come back to whoever hands it on.
        for (const Kept& kept : sent.tasks) {
            if (!sent.returned || !kept.is_handed_on) again.push_back(kept);
        }
    }
    // A queue without a leader rejects everything; reopening the connection gives it time.
    if (!published && !renew_)
        renew_.emplace(BrokerError::Kind::busy, "publishing: the broker refused messages");
    while (!sent_.empty() && sent_.front().settled) {
        sent_.pop_front();
        ++first_tag_;
    }
}

// Only the body identifies a returned message, by its first task. It is confirmed afterwards, as if it had been queued.
void Publisher::mark_returned(const Message& message) {
    if (!message.own) renew_.emplace(BrokerError::Kind::away, "publishing: the queue was deleted");
    const auto tasks = parse_tasks_text(message.body);
    for (Sent& sent : sent_) {
        if (tasks.empty() || sent.settled || sent.returned) continue;
        const DeliveryTask& first = sent.tasks.front().task;
        if (first.delivery_id != tasks[0].task.delivery_id || first.attempt != tasks[0].task.attempt)
            continue;
        sent.returned = true;
        for (Kept& kept : sent.tasks) kept.is_for_all = message.own;
        return;
    }
}

void Publisher::set_blocked(const std::string& reason) {
    blocked_ = true;
    outage_.lost(BrokerOutage::Side::publishing, BrokerError(BrokerError::Kind::blocked, reason));
    MutexLock lock(mutex_);
    trouble_.emplace(BrokerError::Kind::blocked, "it has blocked publishing: " + reason);
    changed_.notify_all();
}

void Publisher::set_unblocked() {
    blocked_ = false;
    for (Sent& sent : sent_) sent.at = mono();
    outage_.over(BrokerOutage::Side::publishing);
    MutexLock lock(mutex_);
    trouble_.reset();
}

void Publisher::keep_again(std::span<Kept> again) {
    std::size_t left = 0;
    {
        MutexLock lock(mutex_);
        in_flight_ = tasks_in_flight();
        for (auto it = again.rbegin(); it != again.rend(); ++it) {
            if (++it->tries < options_.tries) {
                kept_.push_front(*it);
            } else {
                ++left;
            }
        }
    }
    outage_.left_to_database(left);
}

void Publisher::drop_old() {
    const MonoTime oldest = mono() - options_.keep_unpublished;
    std::size_t left = 0;
    {
        MutexLock lock(mutex_);
        while (!kept_.empty() && kept_.front().since < oldest) {
            kept_.pop_front();
            ++left;
        }
    }
    outage_.left_to_database(left);
}

void Publisher::send_pings(Connection& connection) {
    {
        MutexLock lock(mutex_);
        // One at a time, so that an answer covers all pings before it.
        if (blocked_ || pings_asked_ == pings_sent_ || pings_answered_ != pings_sent_) return;
        pings_sent_ = pings_asked_;
    }
    connection.send_ping();
}

bool Publisher::send_some(Connection& connection) {
    if (blocked_ || renew_ || sent_.size() >= options_.unconfirmed) return false;
    std::vector<Kept> some;
    {
        MutexLock lock(mutex_);
        const auto n = static_cast<std::ptrdiff_t>(
            std::min({options_.unconfirmed - sent_.size(), send_batch, kept_.size()}));
        some.assign(kept_.begin(), kept_.begin() + n);
        kept_.erase(kept_.begin(), kept_.begin() + n);
        in_flight_ = tasks_in_flight() + some.size();
        if (kept_.size() + in_flight_ < options_.max_unpublished / 2) overflow_told_ = false;
    }
    const std::size_t before = sent_.size();
    auto [queues, messages] = messages_of(some);
    // All of them first: if the connection breaks, they are sent again.
    for (std::vector<Kept>& tasks : messages) sent_.push_back({std::move(tasks), mono()});
    for (std::size_t i = 0; i < queues.size(); ++i) send(connection, queues[i], sent_[before + i].tasks);
    return !some.empty();
}

Publisher::Messages Publisher::messages_of(std::span<const Kept> tasks) const {
    Messages out;
    std::map<std::string, std::size_t> shared;  // places of messages
    for (const Kept& kept : tasks) {
        const std::string queue = own_queue_for(kept);
        if (!queue.empty() && !kept.task.user_id.is_nil()) {
            const auto [place, is_new] = shared.try_emplace(queue, out.tasks.size());
            if (!is_new) {
                out.tasks[place->second].push_back(kept);
                continue;
            }
        }
        out.queues.push_back(queue);
        out.tasks.push_back({kept});
    }
    return out;
}

std::string Publisher::own_queue_for(const Kept& kept) const {
    return kept.slot && !kept.is_for_all && options_.queue_of ? options_.queue_of(*kept.slot) : std::string();
}

void Publisher::send(Connection& connection, const std::string& own_queue,
                     std::span<const Kept> tasks) const {
    const Kept& first = tasks.front();
    if (own_queue.empty() || first.task.user_id.is_nil()) {
        const std::string& queue = own_queue.empty() ? options_.queue : own_queue;
        return connection.publish(queue, task_text(first.task), first.slot);
    }
    std::vector<DeliveryTask> all;
    all.reserve(tasks.size());
    for (const Kept& kept : tasks) all.push_back(kept.task);
    connection.publish(own_queue, tasks_text(all), std::nullopt);
}

std::size_t Publisher::tasks_in_flight() const {
    std::size_t n = 0;
    for (const Sent& sent : sent_) n += sent.tasks.size();
    return n;
}

bool Publisher::finished() {
    MutexLock lock(mutex_);
    return stop_.is_set() && ((kept_.empty() && sent_.empty()) || blocked_ || mono() >= stop_by_);
}

MonoTime Publisher::wake_at() {
    MonoTime at = mono() + longest_wait;
    if (!blocked_ && !sent_.empty())
        at = std::min<MonoTime>(at, sent_.front().at + options_.confirm_deadline);
    MutexLock lock(mutex_);
    return stop_.is_set() ? std::min(at, stop_by_) : at;
}

}  // namespace pricewire::queue
