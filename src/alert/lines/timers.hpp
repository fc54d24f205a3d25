#pragma once

#include <absl/container/btree_set.h>

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "base/clock.hpp"

namespace pricewire::alert {

using Slot = std::uint32_t;  // of an alert

// When alerts are to be looked at, in order of time. Pure; owned by one thread.
class Timers {
public:
    void insert(Timestamp at, Slot slot) { entries_.insert(entry_of(at, slot)); }
    void erase(Timestamp at, Slot slot) { entries_.erase(entry_of(at, slot)); }
    // Timestamp::max() if there is none.
    Timestamp next() const { return entries_.empty() ? Timestamp::max() : time_of(*entries_.begin()); }
    // Removes the first; there is one.
    Slot take() {
        const Slot slot = entries_.begin()->slot;
        entries_.erase(entries_.begin());
        return slot;
    }
    std::size_t size() const { return entries_.size(); }
    // The last one's time; there is one.
    Timestamp last() const { return time_of(*entries_.rbegin()); }
    std::vector<Slot> after(Timestamp time) const {
        std::vector<Slot> slots;
        for (auto entry = entries_.lower_bound(entry_of(time + Duration{1}, 0)); entry != entries_.end();
             ++entry)
            slots.push_back(entry->slot);
        return slots;
    }

private:
    // 12 bytes: the time, offset so that it compares unsigned, in two parts, then the slot.
    struct Entry {
        std::array<std::uint32_t, 2> time;
        Slot slot;
        friend auto operator<=>(const Entry&, const Entry&) = default;
    };
    static Entry entry_of(Timestamp at, Slot slot) {
        const auto bits = static_cast<std::uint64_t>(to_micros(at)) ^ (std::uint64_t{1} << 63);
        return {{static_cast<std::uint32_t>(bits >> 32), static_cast<std::uint32_t>(bits)}, slot};
    }
    static Timestamp time_of(const Entry& entry) {
        const std::uint64_t bits = std::uint64_t{entry.time[0]} << 32 | entry.time[1];
        return from_micros(static_cast<std::int64_t>(bits ^ (std::uint64_t{1} << 63)));
    }
    absl::btree_set<Entry> entries_;
};

}  // namespace pricewire::alert
