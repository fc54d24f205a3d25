#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/clock.hpp"
#include "base/uuid.hpp"
#include "live/message.hpp"

namespace pricewire::live {

// Where an event stands: when it was told, by which run of which process, and its number there. Written
// "<µs>.<run>.<number>"; to clients it is opaque.
struct EventId {
    Timestamp time;
    std::uint32_t run = 0;
    std::uint64_t number = 0;
    std::string to_string() const;
    static std::optional<EventId> parse(std::string_view text);
};

// The latest events of one user, for clients that fall behind or come back. Of one alert or delivery only the
// newest is kept, and of all the last `capacity`, or fewer where they are larger than `bytes`. One thread.
class UserLog {
public:
    UserLog(std::uint32_t run, std::size_t capacity, std::size_t bytes = 1024 * 1024)
        : run_(run), capacity_(capacity), most_bytes_(bytes) {}

    // Adds what is new of `subject`: nothing where `body` is what was told of it last. The event's JSON is
    // {"type":<type>,"id":<its id>,"<member>":<body>}.
    bool add(std::string_view type, std::string_view member, const Uuid& subject, const std::string& body,
             Timestamp now);

    // The number that the next event will have; they begin at 1.
    std::uint64_t next() const { return next_; }
    // Whether everything from that number on is there, in its newest state.
    bool complete_from(std::uint64_t number) const { return number > dropped_; }
    struct Entry {
        std::uint64_t number;
        const Message& message;
    };
    // The first at or after that number; nullopt where there is none.
    std::optional<Entry> at_or_after(std::uint64_t number) const;
    // Of the last event, or of the place before the first.
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
    std::unordered_map<std::string, std::uint64_t> newest_;  // of a type and subject
    std::uint64_t next_ = 1;
    std::uint64_t dropped_ = 0;  // the last number that was dropped for want of room
};

}  // namespace pricewire::live
