#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/clock.hpp"
#include "base/uuid.hpp"
#include "live/message.hpp"

namespace pricewire::live {

// Identifies an event: when it was added, by which run of which process, and its number there. Written
// "<µs>.<run>.<number>"; opaque to clients.
struct EventId {
    Timestamp time;
    std::uint32_t run = 0;
    std::uint64_t number = 0;
    std::string to_string() const;
    static std::optional<EventId> parse(std::string_view text);
};

// A member of an event, beside its type and id.
struct EventPart {
    std::string_view name;
    std::string json;
};

// The latest events of one user, for clients that fall behind or come back. Only the newest event of each
// alert or delivery is kept, and of all the last `capacity`, or fewer if they exceed `bytes`. One thread.
class UserLog {
public:
    UserLog(std::uint32_t run, std::size_t capacity, std::size_t bytes = 1024 * 1024)
        : run_(run), capacity_(capacity), most_bytes_(bytes) {}

    // Adds an event about `subject`; false if its parts are the same as in the last such event. Its JSON is
    // {"type":<type>,"id":<its id>,<parts>}.
    bool add(std::string_view type, const Uuid& subject, std::span<const EventPart> parts, Timestamp now);
    // Whether such an event is still kept.
    bool has(std::string_view type, const Uuid& subject) const;

    // The number of the next event; they start at 1.
    std::uint64_t next() const { return next_; }
    // Whether nothing from that number on was dropped. Replaced events do not count: their subject has a
    // newer one.
    bool complete_from(std::uint64_t number) const { return number > dropped_; }
    struct Entry {
        std::uint64_t number;
        const Message& message;
    };
    // The first event at or after that number; nullopt if there is none.
    std::optional<Entry> at_or_after(std::uint64_t number) const;
    // The id of the last event, or of the position before the first.
    EventId last_id(Timestamp now) const { return {now, run_, next_ - 1}; }

private:
    struct Stored {
        std::string key;
        std::size_t body;  // its hash
        Message message;
    };

    void erase(std::map<std::uint64_t, Stored>::iterator event);

    const std::uint32_t run_;
    const std::size_t capacity_;
    const std::size_t most_bytes_;
    std::size_t bytes_ = 0;
    std::map<std::uint64_t, Stored> events_;
    std::unordered_map<std::string, std::uint64_t> newest_;  // event of each type and subject
    std::uint64_t next_ = 1;
    std::uint64_t dropped_ = 0;  // the last number that was dropped because the log was full
};

}  // namespace pricewire::live
