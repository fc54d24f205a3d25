#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "bus/price_bus.hpp"
#include "domain/market.hpp"

// What the stream's entries hold: one field and one value, since every further one costs the server as much
// as the price itself. Pure.
//   p  "<number> <ticker> <value> <time, µs> <sequence> <feed>"
//   g  "<number> <ticker> <time, µs> <feed>", the feed's price of the ticker is gone
// `number` counts a feed's entries from 1, so that what is sent twice is known.
namespace pricewire::bus {

inline constexpr std::string_view price_field = "p";
inline constexpr std::string_view gone_field = "g";

struct StreamEntry {
    std::uint64_t number = 0;
    bool gone = false;
    Price price;            // of a gone one the ticker and the time alone
    std::string_view feed;  // a part of the text
};

// Appends the value of an entry.
void append_value(std::string& out, const StreamEntry& entry);
// nullopt where it is none.
std::optional<StreamEntry> parse_entry(std::string_view field, std::string_view value);

// A stream's ids, "<ms>-<sequence>" (redis.io/docs/data-types/streams).
std::string to_text(BusPosition position);
std::optional<BusPosition> parse_position(std::string_view text);

// The place that many milliseconds before.
inline BusPosition earlier(BusPosition position, std::uint64_t ms) {
    return {position.ms > ms ? position.ms - ms : 0, 0};
}

}  // namespace pricewire::bus
