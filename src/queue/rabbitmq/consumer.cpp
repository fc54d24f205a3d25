#include "queue/rabbitmq/consumer.hpp"

#include <utility>

#include "base/log.hpp"
#include "queue/rabbitmq/task_text.hpp"

namespace pricewire::queue {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::size_t largest_batch = 500;
constexpr Duration longest_sleep = milliseconds{500};
constexpr Duration cut_after = seconds{1};

}  // namespace

void Receipts::push(std::span<const std::uint64_t> receipts) {
    if (receipts.empty()) return;
    {
        MutexLock lock(mutex_);
        receipts_.insert(receipts_.end(), receipts.begin(), receipts.end());
    }
    wake_.wake();
}

std::vector<std::uint64_t> Receipts::take() {
    MutexLock lock(mutex_);
    return std::exchange(receipts_, {});
}

Consumer::Consumer(const BrokerUrl& url, const RabbitmqOptions& options, BrokerOutage& outage,
                   Receipts& receipts, OnTasks on_tasks)
    : url_(url), options_(options), outage_(outage), receipts_(receipts), on_tasks_(std::move(on_tasks)) {
    thread_ = std::thread([this] { run(); });
}

Consumer::~Consumer() {
    {
        MutexLock lock(mutex_);
        stop_.set();
        receipts_.wake().wake();
        if (!changed_.wait_for(lock, cut_after, [&]() REQUIRES(mutex_) { return ended_; })) cut_.cut();
    }
    thread_.join();
    outage_.forget(BrokerOutage::Side::consuming);
}

void Consumer::run() {
    Backoff backoff(reconnect_policy, steady_after);
    MonoTime began{};
    repeat_until<BrokerError>(
        stop_,
        [&] {
            began = std::chrono::steady_clock::now();
            Connection connection(url_, options_, cut_);
            if (const auto refused = connection.begin_to_consume()) tell_of_refusal(*refused);
            outage_.over(BrokerOutage::Side::consuming);
            epoch_ = receipts_.next_epoch();
            ledger_ = {};
            serve(connection);
            connection.close();
            return Duration::zero();
        },
        [&](const BrokerError& e) {
            if (!stop_.is_set()) outage_.lost(BrokerOutage::Side::consuming, e);
            return backoff.next(std::chrono::steady_clock::now() - began);
        });
    MutexLock lock(mutex_);
    ended_ = true;
    changed_.notify_all();
}

void Consumer::tell_of_refusal(const std::string& reason) {
    if (std::exchange(refusal_told_, true)) return;
    log::warn(
        "the broker refuses this process a queue of its own, so that its tasks are found in the database, up "
        "to a second later; the broker's user needs the permissions configure, write and read for it",
        {{"queue", options_.own}, {"reason", reason}});
}

void Consumer::serve(Connection& connection) {
    std::vector<QueuedTask> batch;
    while (true) {
        // Tasks finished before the stop are still acknowledged.
        const bool last = stop_.is_set();
        acknowledge(connection);
        if (last) return;
        batch.clear();
        take_in(connection, batch);
        if (!batch.empty() && !stop_.is_set()) on_tasks_(batch);
        if (batch.size() < largest_batch) {
            connection.wait(receipts_.wake(), std::chrono::steady_clock::now() + longest_sleep);
        }
    }
}

void Consumer::take_in(Connection& connection, std::vector<QueuedTask>& batch) {
    while (batch.size() < largest_batch) {
        const auto event = connection.next();
        if (!event) return;
        if (event->kind == Connection::Event::Kind::delivered) on_message(connection, event->message, batch);
    }
}

void Consumer::on_message(Connection& connection, const Message& message, std::vector<QueuedTask>& batch) {
    ledger_.arrived(message.tag);
    auto tasks = parse_tasks_text(message.body);
    if (!tasks.empty()) {
        // The last one's receipt is that of the message: what is dropped early is found in the database.
        tasks.back().receipt = Receipts::receipt(epoch_, message.tag);
        for (QueuedTask& one : tasks) {
            if (!one.slot) one.slot = message.slot;
            one.directed = message.own;
            batch.push_back(one);
        }
        return;
    }
    ledger_.settled(message.tag);
    connection.reject(message.tag);
    if (!std::exchange(malformed_told_, true)) {
        log::warn(
            "discarded a message in the queue that is not a task; others will be discarded silently; does "
            "another program publish to this queue?",
            {{"queue", options_.queue}, {"bytes", std::to_string(message.body.size())}});
    }
}

void Consumer::acknowledge(Connection& connection) {
    std::vector<std::uint64_t> tags;
    for (const std::uint64_t receipt : receipts_.take()) {
        if (Receipts::epoch_of(receipt) == epoch_) tags.push_back(Receipts::tag_of(receipt));
    }
    for (const AckLedger::Ack& ack : ledger_.done(tags)) connection.ack(ack.tag, ack.multiple);
}

}  // namespace pricewire::queue
