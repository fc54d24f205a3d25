#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

#include "base/clock.hpp"

namespace pricewire::cluster {

// Whether a thread goes on, as another one sees it that asks it for signs of life: by how many it has given. Pure.
class Pulse {
public:
    // With the lease, which ends by itself, `longest_silence` is how long a share may stand still before others take it over.
    explicit Pulse(Duration longest_silence = std::chrono::milliseconds{1500})
        : longest_silence_(longest_silence) {}

    // False once there has been no new sign for that long, until there is one.
    bool beats(std::uint64_t signs, MonoTime now) {
        if (signs_ != signs) {
            signs_ = signs;
            since_ = now;
        }
        return now - since_ < longest_silence_;
    }

private:
    Duration longest_silence_;
    std::optional<std::uint64_t> signs_;
    MonoTime since_{};
};

}  // namespace pricewire::cluster
