#pragma once

#include <atomic>
#include <cstdint>

namespace pricewire::inline base {

// A count that one thread writes and any thread reads. Adding is a load and a store, without a lock or a
// locked instruction, and so cheap enough for the path of every price.
class Tally {
public:
    void add(std::uint64_t n = 1) {
        value_.store(value_.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
    }
    std::uint64_t value() const { return value_.load(std::memory_order_relaxed); }

private:
    std::atomic<std::uint64_t> value_ = 0;
};

}  // namespace pricewire::inline base
