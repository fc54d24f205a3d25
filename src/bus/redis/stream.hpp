#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "bus/price_bus.hpp"
#include "domain/market.hpp"

// The format of the stream's entries: one field with one value, since each further field costs the server as
// much as the price itself. Pure.
//   p  "<number> <ticker> <value> <time, µs> <sequence> <feed>"
//   g  "<number> <ticker> <time, µs> <feed>", the feed has no price of the ticker any more
//   h  "<number> <time, µs> <feed> <ticker>:<since, µs>,<ticker>…", the feed's sign of life (Heard); without the last
//      part if it hears all
// Versions that do not know a field skip its entry.
// `number` counts a feed's entries from 1, so that duplicates are recognized.
namespace pricewire::bus {

inline constexpr std::string_view price_field = "p";
inline constexpr std::string_view gone_field = "g";
inline constexpr std::string_view heard_field = "h";

struct StreamEntry {
    std::uint64_t number = 0;
    bool gone = false;
    Price price;                                   // if gone, only ticker and time are set
    std::string_view feed;                         // points into the parsed text
    std::shared_ptr<const Heard> heard = nullptr;  // of a sign of life, which is neither a price nor gone
};

// Appends the value of an entry.
void append_value(std::string& out, const StreamEntry& entry);
// nullopt if it is not a valid entry.
std::optional<StreamEntry> parse_entry(std::string_view field, std::string_view value);

// Ids of stream entries, "<ms>-<sequence>" (redis.io/docs/data-types/streams).
std::string to_text(BusPosition position);
std::optional<BusPosition> parse_position(std::string_view text);

// The position `ms` milliseconds earlier.
inline BusPosition earlier(BusPosition position, std::uint64_t ms) {
    return {position.ms > ms ? position.ms - ms : 0, 0};
}

}  // namespace pricewire::bus
