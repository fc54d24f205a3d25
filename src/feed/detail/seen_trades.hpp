#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

namespace pricewire::feed::detail {

// The latest trades of one connection, so that one which comes again (in a snapshot and as an update, say) is
// recognised. Of each instrument it remembers the last 512 ids or more, in two generations: when the younger is
// full, the elder is forgotten. One thread.
class SeenTrades {
public:
    explicit SeenTrades(std::size_t instruments) : memories_(instruments) {}

    // False: the trade has been seen. `id` is the venue's number, or a hash of its text.
    bool is_new(std::size_t instrument, std::uint64_t id) {
        if (id == 0) return true;  // marks a free slot; no venue counts from it
        auto& memory = memories_[instrument];
        if (!memory) memory = std::make_unique<Memory>();
        if (memory->elder.has(id) || memory->younger.has(id)) return false;
        if (memory->younger.size == generation) {
            std::swap(memory->elder, memory->younger);
            memory->younger = {};
        }
        memory->younger.add(id);
        return true;
    }

private:
    static constexpr std::size_t generation = 512;

    // Open addressing; half of the slots stay free.
    struct Ids {
        std::array<std::uint64_t, 2 * generation> slots{};  // 0: free
        std::size_t size = 0;

        std::size_t place_of(std::uint64_t id) const {
            std::size_t at = (id * 0x9e37'79b9'7f4a'7c15) >> 54;
            while (slots[at] != 0 && slots[at] != id) at = (at + 1) % slots.size();
            return at;
        }
        bool has(std::uint64_t id) const { return slots[place_of(id)] == id; }
        void add(std::uint64_t id) {
            slots[place_of(id)] = id;
            ++size;
        }
    };
    static_assert(2 * generation == std::size_t{1} << (64 - 54));
    struct Memory {
        Ids younger, elder;
    };

    std::vector<std::unique_ptr<Memory>> memories_;  // as Venue::instruments(); null: no trade yet
};

}  // namespace pricewire::feed::detail
