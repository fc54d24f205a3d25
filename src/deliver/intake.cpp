#include "deliver/intake.hpp"

#include <algorithm>
#include <chrono>
#include <iterator>
#include <optional>
#include <utility>

#include "base/log.hpp"

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
// Between its turns while tasks wait: most of what is due is what they are for.
constexpr Duration between_turns = milliseconds{200};
// A look through all that is due of users who have enough takes at most this share of the time.
constexpr int look_share = 100;
// Of one user; the database has the others.
constexpr std::size_t most_kept = 5000;
// A claim whose answer was lost may still be waiting for a lock: what it has taken is looked for until its lease ends.
constexpr Duration look_for_lost_every = seconds{1};
// If the last lease ends later by more, the clock was set back, and leases end earlier than those before.
constexpr Duration clock_wavers = seconds{1};

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
    on_tasks(take_all_hints(), true);
    ask_now();
}

std::vector<queue::QueuedTask> Intake::take_all_hints() {
    std::vector<queue::QueuedTask> out;
    out.reserve(hinted());
    for (const auto& [user, tasks] : std::exchange(kept_, {}))
        out.insert(out.end(), tasks.begin(), tasks.end());
    out.insert(out.end(), hints_.begin(), hints_.end());
    hints_.clear();
    kept_count_ = 0;
    return out;
}

storage::Claim Intake::new_claim(Timestamp now, std::vector<Uuid> except) {
    const Timestamp until = now + lease_;
    const bool may_be_taken = until <= last_lease_ && last_lease_ - until < clock_wavers;
    last_lease_ = may_be_taken ? last_lease_ + Duration{1} : until;
    return {owner_, last_lease_, std::move(except), slots_};
}

void Intake::done_with(const queue::QueuedTask& task) {
    if (task.receipt != 0) done_.push_back(task.receipt);
}

// What was claimed and does not come back from here is given back.
template <typename Claiming>
bool Intake::or_lost(Batch& batch, Claiming claiming) {
    batch = {};
    try {
        return claiming();
    } catch (...) {
        if (batch.lease_until != Timestamp{}) lost_.push_back(batch.lease_until);
        look_for_lost_at_ = MonoTime::min();
        throw;
    }
}

bool Intake::claim(Batch& batch, const std::vector<Uuid>& enough) {
    return or_lost(batch, [&] { return claim_next(batch, enough); });
}

bool Intake::claim_next(Batch& batch, const std::vector<Uuid>& enough) {
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
    for (const queue::QueuedTask& task : take_all_hints()) done_with(task);
    hints_missing_ = false;
    next_poll_ = clock_.mono() + poll_interval;
}

void Intake::claim_lane(Batch& batch, std::string_view lane, std::size_t count) {
    or_lost(batch, [&] {
        const storage::Claim claim = new_claim(clock_.now(), {});
        batch.lease_until = claim.lease_until;
        batch.claimed = storage_.claim_lane(lane, count, claim);
        return true;
    });
}

void Intake::give_back_lost() {
    std::erase_if(lost_, [now = clock_.now()](Timestamp lease_until) { return lease_until <= now; });
    if (lost_.empty() || clock_.mono() < look_for_lost_at_) return;
    const std::size_t found = storage_.release_leases(owner_, lost_);
    look_for_lost_at_ = clock_.mono() + look_for_lost_every;
    if (found == 0) return;
    log::info("deliveries whose claims were not answered are claimed again",
              {{"deliveries", std::to_string(found)}});
    ask_now();
}

void Intake::give_back_doubtful() {
    give_back_lost();
    if (doubtful_.empty()) return;
    for (; !doubtful_.empty(); doubtful_.pop_back()) {
        const auto& [alert, lease_until] = doubtful_.back();
        storage_.release_claim({&alert, 1}, {owner_, lease_until});
    }
    ask_now();
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

void Intake::claim_due_but(Batch& batch, std::vector<Uuid> except, const std::optional<UserSlots>& slots,
                           Timestamp now) {
    storage::Claim claim = new_claim(now, std::move(except));
    claim.slots = slots;
    batch.lease_until = claim.lease_until;
    batch.claimed = storage_.claim_due(now, batch_size_, claim);
}

// Without those of users who have enough, however much of theirs is due.
std::optional<UserSlots> Intake::open_slots(const std::vector<Uuid>& enough) const {
    std::optional<UserSlots> out = slots_;
    for (const Uuid& user : enough) {
        if (out) out->reset(user_slot(user));
    }
    return out;
}

bool Intake::claim_due(Batch& batch, const std::vector<Uuid>& enough) {
    if (hints_missing_ && hints_.empty()) {
        hints_missing_ = false;
        ask_now();
    }
    const MonoTime mono = clock_.mono();
    const bool waits_for_turn = hinted() > 0 && !crowded_ && !catching_up_ && mono < next_turn_;
    if (waits_for_turn || mono < next_poll_) return false;
    // Who shares a slot with a user who has enough, and is not known by a task, is looked for once a second, since all that
    // is due of that user is read then; less often where that takes long.
    const std::optional<UserSlots> open = open_slots(enough);
    const bool in_all = mono >= next_look_;
    if (in_all) next_look_ = mono + poll_interval;
    const bool claimed = ask(batch, enough, open, in_all ? slots_ : open);
    if (in_all) next_look_ = std::max(next_look_, mono + look_share * (clock_.mono() - mono));
    return claimed;
}

bool Intake::ask(Batch& batch, const std::vector<Uuid>& enough, const std::optional<UserSlots>& open,
                 const std::optional<UserSlots>& slots) {
    const Timestamp now = clock_.now();
    std::optional<Timestamp> due = storage_.next_due(slots);
    const bool is_due = due && *due <= now;
    if (is_due) {
        hints_next_ = true;
        crowd_waits_ = !crowd_waits_ && !crowd_.empty();
        if (crowd_waits_) {
            std::vector<Uuid> except;
            std::set_union(enough.begin(), enough.end(), crowd_.begin(), crowd_.end(),
                           std::back_inserter(except));
            claim_due_but(batch, std::move(except), slots, now);
            last_without_crowd_ = !batch.claimed.empty();
            if (last_without_crowd_) return true;
        }
        claim_due_but(batch, enough, slots, now);
        next_turn_ = clock_.mono() + between_turns;
        if (batch.claimed.size() == batch_size_) return true;
        // What is due may be theirs, who are told of when they have room.
        due = enough.empty() || slots_ ? storage_.next_due(open) : std::nullopt;
    }
    if (is_due || slots_) passed_over_ = enough;
    // Of users who have enough, more may be due.
    if (enough.empty() && batch.claimed.empty()) catching_up_ = false;
    const Duration wait = due ? std::clamp<Duration>(*due - now, poll_floor, poll_interval) : poll_interval;
    next_poll_ = clock_.mono() + wait;
    return !batch.claimed.empty();
}

void Intake::keep(const queue::QueuedTask& task, const std::vector<Uuid>& enough) {
    // The queue has more for others behind them; the database has these, should this process end.
    done_with(task);
    auto& kept = kept_[task.task.user_id];
    if (kept.size() < most_kept) {
        kept.push_back({.task = task.task, .slot = task.slot, .directed = task.directed});
        ++kept_count_;
    } else {
        passed_over_ = enough;
    }
}

void Intake::take_new(std::vector<queue::QueuedTask>& out, std::size_t until, bool newest,
                      const std::vector<Uuid>& enough) {
    const auto begun = static_cast<std::ptrdiff_t>(out.size());
    while (!hints_.empty() && out.size() < until) {
        const queue::QueuedTask next = newest ? hints_.back() : hints_.front();
        newest ? hints_.pop_back() : hints_.pop_front();
        if (std::ranges::binary_search(enough, next.task.user_id)) {
            keep(next, enough);
        } else {
            out.push_back(next);
        }
    }
    if (newest) std::reverse(out.begin() + begun, out.end());
}

// Users take turns.
void Intake::take_kept(std::vector<queue::QueuedTask>& out, const std::vector<Uuid>& enough) {
    auto it = kept_.upper_bound(last_kept_);
    for (std::size_t users = kept_.size(); users > 0 && out.size() < batch_size_; --users) {
        if (it == kept_.end()) it = kept_.begin();
        auto& [user, tasks] = *it;
        if (!std::ranges::binary_search(enough, user)) {
            last_kept_ = user;
            for (; !tasks.empty() && out.size() < batch_size_; tasks.pop_front()) {
                out.push_back(tasks.front());
                --kept_count_;
            }
        }
        it = tasks.empty() ? kept_.erase(it) : std::next(it);
    }
}

// Tasks of users who have enough are kept until they have room. While others wait, those are at most half of a batch.
std::vector<queue::QueuedTask> Intake::take_hinted(const std::vector<Uuid>& enough) {
    const bool newest = crowded_ && !hints_.empty() && std::exchange(newest_next_, !newest_next_);
    std::vector<queue::QueuedTask> out;
    take_new(out, kept_count_ > 0 ? batch_size_ / 2 : batch_size_, newest, enough);
    take_kept(out, enough);
    take_new(out, batch_size_, newest, enough);
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
    batch.lease_until = claim.lease_until;
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
    for (const queue::QueuedTask& hint : hints) done_with(hint);
    return true;
}

}  // namespace pricewire::deliver
