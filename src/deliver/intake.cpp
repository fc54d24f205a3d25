#include "deliver/intake.hpp"

#include <algorithm>
#include <chrono>
#include <iterator>
#include <optional>
#include <utility>

namespace pricewire::deliver {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// A claim keeps the sender from hearing of answers: no longer than what is under way takes.
constexpr std::size_t claim_batch = 200;
constexpr std::size_t largest_batch = 2000;
// The longest and the shortest time between two questions to a database that had nothing due.
constexpr Duration poll_interval = seconds{1};
constexpr Duration poll_floor = milliseconds{20};
// Between its turns while tasks wait and it has more than a batch: most of what is due is what they are for.
constexpr Duration between_turns = milliseconds{200};

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
    for (const queue::QueuedTask& task : tasks) {
        if (is_foreign(task)) {
            // One that was meant for this sender is not sent around: by its own view another is in charge.
            if (!task.directed) foreign_.push_back(task);
            done_with(task);
        } else if (hinted() < max_hints_) {
            hints_.push_back(task);
        } else {
            done_with(task);
            complete = false;
        }
    }
    if (!complete) hints_missing_ = true;
}

void Intake::set_slots(std::optional<UserSlots> slots) {
    slots_ = std::move(slots);
    std::vector<queue::QueuedTask> known;
    for (const auto& [slot, tasks] : std::exchange(kept_, {}))
        known.insert(known.end(), tasks.begin(), tasks.end());
    known.insert(known.end(), hints_.begin(), hints_.end());
    hints_.clear();
    on_tasks(known, true);
    due_at(clock_.mono());
}

void Intake::done_with(const queue::QueuedTask& task) {
    if (task.receipt != 0) done_.push_back(task.receipt);
}

bool Intake::claim(Batch& batch, const std::vector<Uuid>& enough) {
    batch.claimed.clear();
    last_without_crowd_ = false;
    if (slots_ && slots_->none()) {
        leave_all_to_others();
        return false;
    }
    // Whose deliveries were passed over and who has no longer enough?
    if (!std::includes(enough.begin(), enough.end(), passed_over_.begin(), passed_over_.end())) {
        passed_over_.clear();
        next_poll_ = clock_.mono();
    }
    const bool hints_first = std::exchange(hints_next_, false) && hinted() > 0;
    const bool claimed = (hints_first && claim_hinted(batch, enough)) || claim_due(batch, enough) ||
                         (!hints_first && claim_hinted(batch, enough));
    last_claimed_ = batch.claimed.size();
    return claimed;
}

// Only tasks of users who are not known have come here; whoever is in charge of them finds them in the database.
void Intake::leave_all_to_others() {
    for (const queue::QueuedTask& task : std::exchange(hints_, {})) done_with(task);
    for (const auto& [slot, tasks] : std::exchange(kept_, {})) {
        for (const queue::QueuedTask& task : tasks) done_with(task);
    }
    hints_missing_ = false;
    next_poll_ = clock_.mono() + poll_interval;
}

void Intake::claim_lane(Batch& batch, std::string_view lane, std::size_t count) {
    const storage::Claim claim = new_claim(clock_.now(), {});
    batch.claimed = storage_.claim_lane(lane, count, claim);
    batch.lease_until = claim.lease_until;
}

void Intake::give_back_doubtful() {
    if (doubtful_.empty()) return;
    for (; !doubtful_.empty(); doubtful_.pop_back()) {
        const auto& [alert, lease_until] = doubtful_.back();
        storage_.release_claim({&alert, 1}, {owner_, lease_until});
    }
    due_at(clock_.mono());
}

void Intake::no_room_for(std::vector<Uuid> users) {
    crowded_ = last_claimed_ > 0 && users.size() * 2 > last_claimed_;
    batch_size_ = crowded_ ? std::min(batch_size_ * 2, largest_batch) : claim_batch;
    if (last_without_crowd_) return;
    crowd_.clear();
    std::sort(users.begin(), users.end());
    for (auto at = users.begin(); at != users.end();) {
        const auto end = std::upper_bound(at, users.end(), *at);
        if (static_cast<std::size_t>(end - at) * 4 > last_claimed_) crowd_.push_back(*at);
        at = end;
    }
}

void Intake::claim_due_but(Batch& batch, std::vector<Uuid> except, Timestamp now) {
    const storage::Claim claim = new_claim(now, std::move(except));
    batch.claimed = storage_.claim_due(now, batch_size_, claim);
    batch.lease_until = claim.lease_until;
}

bool Intake::claim_due(Batch& batch, const std::vector<Uuid>& enough) {
    if (hints_missing_ && hints_.empty()) {
        hints_missing_ = false;
        next_poll_ = clock_.mono();
    }
    const bool waits_for_turn = hinted() > 0 && !crowded_ && clock_.mono() < next_turn_;
    if (waits_for_turn || clock_.mono() < next_poll_) return false;
    const Timestamp now = clock_.now();
    std::optional<Timestamp> due = storage_.next_due(slots_);
    if (due && *due <= now) {
        hints_next_ = true;
        crowd_waits_ = !crowd_waits_ && !crowd_.empty();
        if (crowd_waits_) {
            std::vector<Uuid> except;
            std::set_union(enough.begin(), enough.end(), crowd_.begin(), crowd_.end(),
                           std::back_inserter(except));
            claim_due_but(batch, std::move(except), now);
            last_without_crowd_ = !batch.claimed.empty();
            if (last_without_crowd_) return true;
        }
        claim_due_but(batch, enough, now);
        next_turn_ = clock_.mono() + between_turns;
        if (batch.claimed.size() == batch_size_) return true;
        passed_over_ = enough;
        // Of slots this may not have been all. Otherwise what is due may be theirs, who are told of when they have room.
        const bool may_be_more = enough.empty() || (slots_ && !batch.claimed.empty());
        due = may_be_more ? storage_.next_due(slots_) : std::nullopt;
    }
    const Duration wait = due ? std::clamp<Duration>(*due - now, poll_floor, poll_interval) : poll_interval;
    next_poll_ = clock_.mono() + wait;
    return !batch.claimed.empty();
}

std::size_t Intake::hinted() const {
    std::size_t n = hints_.size();
    for (const auto& [slot, tasks] : kept_) n += tasks.size();
    return n;
}

// A task says its user's slot, not the user: those in a slot of somebody who has enough are kept until nobody there has.
std::vector<queue::QueuedTask> Intake::take_hinted(const std::vector<Uuid>& enough) {
    UserSlots full;
    for (const Uuid& user : enough) full.set(user_slot(user));
    std::vector<queue::QueuedTask> out;
    for (auto it = kept_.begin(); it != kept_.end() && out.size() < batch_size_;) {
        auto& [slot, tasks] = *it;
        for (; !full.test(slot) && !tasks.empty() && out.size() < batch_size_; tasks.pop_front())
            out.push_back(tasks.front());
        it = tasks.empty() ? kept_.erase(it) : std::next(it);
    }
    const bool newest = crowded_ && !hints_.empty() && std::exchange(newest_next_, !newest_next_);
    const auto begun = static_cast<std::ptrdiff_t>(out.size());
    while (!hints_.empty() && out.size() < batch_size_) {
        const queue::QueuedTask& next = newest ? hints_.back() : hints_.front();
        if (next.slot && full.test(*next.slot)) {
            // The queue has more for others behind them; the database has these, should this process end.
            done_with(next);
            kept_[*next.slot].push_back({.task = next.task, .slot = next.slot, .directed = next.directed});
        } else {
            out.push_back(next);
        }
        newest ? hints_.pop_back() : hints_.pop_front();
    }
    if (newest) std::reverse(out.begin() + begun, out.end());
    return out;
}

bool Intake::claim_hinted(Batch& batch, const std::vector<Uuid>& enough) {
    const std::vector<queue::QueuedTask> hints = take_hinted(enough);
    if (hints.empty()) return false;
    std::vector<DeliveryTask> tasks;
    tasks.reserve(hints.size());
    for (const queue::QueuedTask& hint : hints) tasks.push_back(hint.task);
    const Timestamp now = clock_.now();
    const storage::Claim claim = new_claim(now, enough);
    try {
        batch.claimed = storage_.claim(tasks, now, claim);
    } catch (...) {
        hints_.insert(hints_.begin(), hints.begin(), hints.end());
        throw;
    }
    if (batch.claimed.size() < tasks.size()) {
        if (!enough.empty()) passed_over_ = enough;
        if (hints_may_be_early_) due_at(clock_.mono() + poll_floor);
    }
    batch.lease_until = claim.lease_until;
    for (const queue::QueuedTask& hint : hints) done_with(hint);
    return true;
}

}  // namespace pricewire::deliver
