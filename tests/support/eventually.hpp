#pragma once

#include <chrono>
#include <functional>
#include <thread>

namespace pricewire::test {

// Waits for something that happens within moments; the deadline is for what never happens.
inline bool eventually(const std::function<bool()>& holds) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds{30};
    while (!holds()) {
        if (std::chrono::steady_clock::now() > deadline) return false;
        std::this_thread::sleep_for(std::chrono::milliseconds{2});
    }
    return true;
}

}  // namespace pricewire::test
