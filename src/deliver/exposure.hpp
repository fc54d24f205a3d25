#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <optional>
#include <set>
#include <unordered_map>
#include <utility>

#include "base/clock.hpp"
#include "base/uuid.hpp"
#include "deliver/shared_room.hpp"

namespace pricewire::deliver {

// How soon an endpoint answers. Pure.
class AnswerTimes {
public:
    void add(Duration took, MonoTime now) {
        if (!known_ || now - period_began_ > period) {
            quickest_before_ = known_ && now - period_began_ < 2 * period ? quickest_ : far;
            quickest_ = far;
            period_began_ = now;
        }
        quickest_ = std::min(quickest_, took);
        usual_ = std::max(took, usual_ - usual_ / 8);
        known_ = true;
    }
    // How long it is likely that an attempt that begins now is answered within the next moment; zero for an endpoint that
    // is too far away for that. By its quickest answer of late: the others may have waited for each other.
    Duration expected() const {
        if (!known_) return unknown;
        if (std::min(quickest_, quickest_before_) >= far) return Duration::zero();
        return std::min(far + 2 * usual_, longest);
    }

private:
    static constexpr Duration period = std::chrono::seconds{30};
    static constexpr Duration far = std::chrono::milliseconds{5};
    static constexpr Duration unknown = std::chrono::milliseconds{10};
    static constexpr Duration longest = std::chrono::milliseconds{250};

    bool known_ = false;
    MonoTime period_began_;
    Duration quickest_ = far, quickest_before_ = far;  // far or more: there was none
    Duration usual_{};                                 // its longest of late
};

// Bounds what a kill of this process makes another one repeat: attempts that have been answered and are not recorded yet,
// and those that are about to be answered. What goes to an endpoint far away does not count: there, as many are under
// way as its distance demands; nor does what is not answered as soon as usual. No user can fill it alone. Pure. One
// thread.
class Exposure {
public:
    explicit Exposure(std::size_t most) : room_(most) {}

    // Whether one more may start for a user who has `mine`.
    bool has(std::size_t mine) const { return room_.has(mine); }
    // Counts in `mine`, which stays where it is, until ended(), or age() finds it old.
    void began(const Uuid& id, std::size_t& mine, const AnswerTimes& times, MonoTime now);
    void ended(const Uuid& id);
    // Called when every answer that had come by `now` has been told by ended().
    void age(MonoTime now);
    // When age() finds the next one.
    std::optional<MonoTime> next_age() const;
    void set_unrecorded(std::size_t count);
    // With those that are not recorded.
    std::size_t size() const { return room_.taken(); }

private:
    struct Attempt {
        std::size_t* mine;
        MonoTime until;
    };
    std::unordered_map<Uuid, Attempt> attempts_;
    std::set<std::pair<MonoTime, Uuid>> by_age_;
    std::size_t unrecorded_ = 0;
    SharedRoom room_;
};

}  // namespace pricewire::deliver
