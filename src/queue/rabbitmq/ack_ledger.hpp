#pragma once

#include <cstdint>
#include <set>
#include <span>
#include <vector>

namespace pricewire::queue {

// What is to be acknowledged on one channel, in as few frames as can be. Tags count from 1, in the order of
// arrival. AMQP closes a channel on which a tag is acknowledged twice, or one that never came: such tags are
// passed over.
class AckLedger {
public:
    struct Ack {
        std::uint64_t tag = 0;
        bool multiple = false;  // and all before it
        friend bool operator==(const Ack&, const Ack&) = default;
    };

    void arrived(std::uint64_t tag) { last_arrived_ = tag; }
    // Settled in another way: a message that was rejected.
    void settled(std::uint64_t tag) { settle(tag); }
    // These are done with: what to send for them, in order.
    std::vector<Ack> done(std::span<const std::uint64_t> tags);

private:
    bool open(std::uint64_t tag) const {
        return tag >= first_open_ && tag <= last_arrived_ && !settled_.contains(tag);
    }
    void settle(std::uint64_t tag);

    std::uint64_t first_open_ = 1;  // all before it are settled
    std::uint64_t last_arrived_ = 0;
    std::set<std::uint64_t> settled_;  // beyond first_open_
};

}  // namespace pricewire::queue
