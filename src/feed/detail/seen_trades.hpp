#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

namespace pricewire::feed::detail {

// The latest trades of one connection, so that one which comes again (in a snapshot and as an update, say) is
// recognised. Of each instrument it remembers the last 512 ids or more (64 or more where there are many
// instruments: half a megabyte at most in all), in two generations: when the younger is full, the elder is
// forgotten. One thread.
class SeenTrades {
public:
    explicit SeenTrades(std::size_t instruments)
        : generation_(std::bit_floor(
              std::clamp<std::size_t>(16384 / std::max<std::size_t>(instruments, 1), 64, 512))),
          memories_(instruments) {}

    // False: the trade has been seen. `id` is the venue's number, or a hash of its text.
    bool is_new(std::size_t instrument, std::uint64_t id) {
        if (id == 0) return true;  // marks a free slot; no venue counts from it
        auto& memory = memories_[instrument];
        if (!memory) memory = std::make_unique<Memory>(generation_);
        if (memory->elder.has(id) || memory->younger.has(id)) return false;
        if (memory->younger.size == generation_) {
            std::swap(memory->elder, memory->younger);
            memory->younger.clear();
        }
        memory->younger.add(id);
        return true;
    }

    void forget(std::size_t instrument) {
        if (memories_.size() <= instrument) memories_.resize(instrument + 1);
        memories_[instrument].reset();
    }

private:
    // Open addressing; half of the slots stay free.
    struct Ids {
        explicit Ids(std::size_t most) : slots(2 * most) {}

        std::vector<std::uint64_t> slots;  // a power of two of them; 0: free
        std::size_t size = 0;

        std::size_t place_of(std::uint64_t id) const {
            const std::size_t mask = slots.size() - 1;
            std::size_t at = (id * 0x9e37'79b9'7f4a'7c15) >> 32 & mask;
            while (slots[at] != 0 && slots[at] != id) at = (at + 1) & mask;
            return at;
        }
        bool has(std::uint64_t id) const { return slots[place_of(id)] == id; }
        void add(std::uint64_t id) {
            slots[place_of(id)] = id;
            ++size;
        }
        void clear() {
            std::ranges::fill(slots, 0);
            size = 0;
        }
    };
    struct Memory {
        explicit Memory(std::size_t generation) : younger(generation), elder(generation) {}
        Ids younger, elder;
    };

    const std::size_t generation_;
    std::vector<std::unique_ptr<Memory>> memories_;  // as Venue::instruments(); null: no trade yet
};

}  // namespace pricewire::feed::detail
