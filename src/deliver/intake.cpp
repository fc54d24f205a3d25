#include "deliver/intake.hpp"

#include <algorithm>
#include <chrono>
#include <optional>
#include <utility>

namespace pricewire::deliver {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::size_t claim_batch = 500;
constexpr std::size_t largest_batch = 2000;
// The longest and the shortest time between two questions to a database that had nothing due.
constexpr Duration poll_interval = seconds{1};
constexpr Duration poll_floor = milliseconds{20};

}  // namespace

Intake::Intake(const std::string& owner, Duration lease, std::size_t max_hints, bool hints_may_be_early,
               storage::Outbox& storage, const Clock& clock)
    : owner_(owner),
      lease_(lease),
      max_hints_(max_hints),
      hints_may_be_early_(hints_may_be_early),
      storage_(storage),
      clock_(clock),
      next_poll_(clock.mono()),
      batch_size_(claim_batch) {}

void Intake::on_tasks(std::span<const queue::QueuedTask> tasks, bool complete) {
    const std::size_t room = max_hints_ - std::min(max_hints_, hints_.size());
    const std::size_t taken = std::min(room, tasks.size());
    hints_.insert(hints_.end(), tasks.begin(), tasks.begin() + static_cast<std::ptrdiff_t>(taken));
    for (const queue::QueuedTask& dropped : tasks.subspan(taken)) done_with(dropped);
    if (taken < tasks.size() || !complete) hints_missing_ = true;
}

void Intake::done_with(const queue::QueuedTask& task) {
    if (task.receipt != 0) done_.push_back(task.receipt);
}

bool Intake::claim(Batch& batch) {
    batch.claimed.clear();
    last_claimed_ = 0;
    const bool hints_first = std::exchange(hints_next_, false) && !hints_.empty();
    const bool claimed = hints_first ? claim_hinted(batch) : claim_due(batch) || claim_hinted(batch);
    last_claimed_ = batch.claimed.size();
    return claimed;
}

void Intake::no_room_for(std::size_t count) {
    crowded_ = last_claimed_ > 0 && count * 2 > last_claimed_;
    batch_size_ = crowded_ ? std::min(batch_size_ * 2, largest_batch) : claim_batch;
}

bool Intake::claim_due(Batch& batch) {
    if (hints_missing_ && hints_.empty()) {
        hints_missing_ = false;
        next_poll_ = clock_.mono();
    }
    if (clock_.mono() < next_poll_) return false;
    const Timestamp now = clock_.now();
    std::optional<Timestamp> due = storage_.next_due();
    if (due && *due <= now) {
        const storage::Claim claim = new_claim(now);
        batch.claimed = storage_.claim_due(now, batch_size_, claim);
        batch.lease_until = claim.lease_until;
        hints_next_ = true;
        if (batch.claimed.size() == batch_size_) return true;
        due = storage_.next_due();
    }
    const Duration wait = due ? std::clamp<Duration>(*due - now, poll_floor, poll_interval) : poll_interval;
    next_poll_ = clock_.mono() + wait;
    return !batch.claimed.empty();
}

bool Intake::claim_hinted(Batch& batch) {
    if (hints_.empty()) return false;
    const auto n = static_cast<std::ptrdiff_t>(std::min(hints_.size(), batch_size_));
    const bool newest = crowded_ && std::exchange(newest_next_, !newest_next_);
    const auto first = newest ? hints_.end() - n : hints_.begin();
    std::vector<DeliveryTask> tasks;
    tasks.reserve(static_cast<std::size_t>(n));
    for (auto it = first; it != first + n; ++it) tasks.push_back(it->task);
    const Timestamp now = clock_.now();
    const storage::Claim claim = new_claim(now);
    batch.claimed = storage_.claim(tasks, now, claim);
    if (hints_may_be_early_ && batch.claimed.size() < tasks.size()) due_at(clock_.mono() + poll_floor);
    batch.lease_until = claim.lease_until;
    for (auto it = first; it != first + n; ++it) done_with(*it);
    hints_.erase(first, first + n);
    return true;
}

}  // namespace pricewire::deliver
