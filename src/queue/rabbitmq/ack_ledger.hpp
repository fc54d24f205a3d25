#pragma once

#include <cstdint>
#include <set>
#include <span>
#include <vector>

namespace pricewire::queue {

// Computes the acknowledgements to send on one channel, in as few frames as possible. Tags count from 1 in
// order of arrival. AMQP closes a channel on which an unknown tag is acknowledged, or one tag twice; such
// tags are ignored.
class AckLedger {
public:
    struct Ack {
        std::uint64_t tag = 0;
        bool multiple = false;  // and all tags before it
        friend bool operator==(const Ack&, const Ack&) = default;
    };

    void arrived(std::uint64_t tag) { last_arrived_ = tag; }
    // Settled in another way: the message was rejected.
    void settled(std::uint64_t tag) { settle(tag); }
    // Marks tags as done; returns the frames to send for them, in order.
    std::vector<Ack> done(std::span<const std::uint64_t> tags);

private:
    bool open(std::uint64_t tag) const {
        return tag >= first_open_ && tag <= last_arrived_ && !settled_.contains(tag);
    }
    void settle(std::uint64_t tag);

    std::uint64_t first_open_ = 1;  // all tags before it are settled
    std::uint64_t last_arrived_ = 0;
    std::set<std::uint64_t> settled_;  // beyond first_open_
};

}  // namespace pricewire::queue
