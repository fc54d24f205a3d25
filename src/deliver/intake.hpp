#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.hpp"
#include "domain/delivery.hpp"
#include "queue/delivery_queue.hpp"
#include "storage/outbox.hpp"

namespace pricewire::deliver {

// The source of a dispatcher's deliveries: tasks from the queue, and the database, which is asked when
// something is due and at least once a second. Claims in batches, from both in turn; while tasks wait, from the database at
// most five times a second, unless they are a crowd's. One thread.
//
// However many deliveries of one user are due, they do not stand in front of another's. Those of users who
// have enough claimed are passed over until they have not. A user who crowds, that is, fills batches with
// deliveries for which there is no room, is passed over every other time. Tasks of users who have enough are kept.
class Intake {
public:
    // Claims are valid for `lease`. If other processes fire (`hints_may_be_early`), their clock may be ahead
    // of ours and a task may become due only in a moment: the database is then asked again soon.
    Intake(const std::string& owner, Duration lease, std::size_t max_hints, bool hints_may_be_early,
           storage::Outbox& storage, const Clock& clock);

    // `complete` is false if tasks were dropped before: the database is asked for them.
    void on_tasks(std::span<const queue::QueuedTask> tasks, bool complete);
    // Something in the database is due at that time.
    void due_at(MonoTime at) { next_poll_ = std::min(next_poll_, at); }
    // Something is due for which there may be no task: the database has every other turn until it has nothing.
    void ask_now() {
        due_at(clock_.mono());
        catching_up_ = true;
    }
    void clear() { take_all_hints(); }
    // Of which users this sender is in charge; nullopt: of all. What has become due of them is asked for, and tasks of others
    // are handed on.
    void set_slots(std::optional<UserSlots> slots);
    // Tasks, since the last call, of users of whom others are in charge.
    std::vector<queue::QueuedTask> take_foreign() { return std::exchange(foreign_, {}); }

    struct Batch {
        std::vector<ClaimedDelivery> claimed;
        Timestamp lease_until;
    };
    // Claims the next batch, but for `enough`, users in order. False if there is nothing to claim at present.
    // Throws what the storage throws.
    bool claim(Batch& batch, const std::vector<Uuid>& enough);
    // Claims from a lane. Throws what the storage throws.
    void claim_lane(Batch& batch, std::string_view lane, std::size_t count);
    // Whose deliveries in the last batch had no room, each. If most had none, the next batches are larger and
    // hints are taken from both ends in turn, so that a crowd at one endpoint does not keep the others waiting.
    void no_room_for(std::vector<Uuid> users);

    // Receipts, since the last call, of tasks that the queue may drop: the database has answered for them, or
    // they had no room here and it is asked for them anyway.
    std::vector<std::uint64_t> take_done() { return std::exchange(done_, {}); }

    // No delivery that the queue has told of, or has dropped, waits to be claimed, or to be claimed anew.
    bool idle() const {
        return hints_.empty() && kept_.empty() && !hints_missing_ && passed_over_.empty() &&
               doubtful_.empty();
    }
    // No other claim of this sender ends at the same moment.
    storage::Claim new_claim(Timestamp now, std::vector<Uuid> except);

    // Others had taken this sender's claims over until now.
    void revived() { offered_before_ = std::max(clock_.now() + lease_, last_lease_); }
    // Whether a lease with that end was offered before.
    bool is_from_earlier_life(Timestamp lease_until) const { return lease_until <= offered_before_; }
    // Claimed by their firings, and perhaps taken over by others since.
    void doubt(std::span<const ClaimedDelivery> claimed, Timestamp lease_until) {
        for (const ClaimedDelivery& one : claimed) doubtful_.emplace_back(one.alert.id, lease_until);
    }
    // Gives back those that nobody has taken over, and what claims have taken whose answers were lost; they are due then.
    // Throws what the storage throws.
    void give_back_doubtful();

    // Deliveries of users who had enough may be due.
    bool passed_over() const { return !passed_over_.empty() || !kept_.empty(); }
    MonoTime next_poll() const { return hints_missing_ && hints_.empty() ? MonoTime::min() : next_poll_; }

private:
    template <typename Claiming>
    bool or_lost(Batch& batch, Claiming claiming);
    void give_back_lost();
    bool claim_next(Batch& batch, const std::vector<Uuid>& enough);
    // `enough`: users in order.
    std::optional<UserSlots> open_slots(const std::vector<Uuid>& enough) const;
    bool claim_due(Batch& batch, const std::vector<Uuid>& enough);
    bool ask(Batch& batch, const std::vector<Uuid>& enough, const std::optional<UserSlots>& open,
             const std::optional<UserSlots>& slots);
    void claim_due_but(Batch& batch, std::vector<Uuid> except, const std::optional<UserSlots>& slots,
                       Timestamp now);
    bool claim_hinted(Batch& batch, const std::vector<Uuid>& enough);
    void keep(const queue::QueuedTask& task, const std::vector<Uuid>& enough);
    void take_new(std::vector<queue::QueuedTask>& out, std::size_t until, bool newest,
                  const std::vector<Uuid>& enough);
    void take_kept(std::vector<queue::QueuedTask>& out, const std::vector<Uuid>& enough);
    std::vector<queue::QueuedTask> take_hinted(const std::vector<Uuid>& enough);
    std::vector<queue::QueuedTask> take_all_hints();
    std::size_t hinted() const { return hints_.size() + kept_count_; }
    bool is_foreign(const queue::QueuedTask& task) const {
        return slots_ && task.slot && !slots_->test(*task.slot);
    }
    void done_with(const queue::QueuedTask& task);
    void leave_all_to_others();

    const std::string owner_;
    const Duration lease_;
    const std::size_t max_hints_;
    const bool hints_may_be_early_;
    storage::Outbox& storage_;
    const Clock& clock_;
    std::optional<UserSlots> slots_;
    std::deque<queue::QueuedTask> hints_;
    std::map<Uuid, std::deque<queue::QueuedTask>> kept_;  // of users who had enough
    std::size_t kept_count_ = 0;
    Uuid last_kept_{};  // whose were taken last
    std::vector<queue::QueuedTask> foreign_;
    std::vector<std::uint64_t> done_;
    bool hints_missing_ = false;
    MonoTime next_poll_;
    MonoTime next_turn_ = MonoTime::min();  // of the database, while tasks wait
    MonoTime next_look_ = MonoTime::min();  // in the slots of users who have enough, too
    bool catching_up_ = false;
    std::size_t batch_size_;
    std::size_t last_claimed_ = 0;
    bool crowded_ = false;     // most of the last batch had no room
    bool hints_next_ = false;  // the database had the last turn
    bool newest_next_ = false;
    std::vector<Uuid> passed_over_;                     // users, in order
    std::vector<Uuid> crowd_;                           // users who crowd, in order
    bool crowd_waits_ = false;                          // they were passed over in the database's last turn
    bool last_without_crowd_ = false;                   // the last batch
    std::vector<std::pair<Uuid, Timestamp>> doubtful_;  // alerts, and the ends of the leases
    Timestamp offered_before_ = Timestamp::min();       // leases that end by then are from an earlier life
    Timestamp last_lease_ = Timestamp::min();           // the end of that of the last claim
    std::vector<Timestamp> lost_;                       // ends of leases of claims whose answers were lost
    MonoTime look_for_lost_at_ = MonoTime::min();
};

}  // namespace pricewire::deliver
