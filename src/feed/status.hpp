#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.hpp"
#include "domain/market.hpp"
#include "feed/venue.hpp"

namespace pricewire::feed {

// How a source's prices come at the moment, if they do.
enum class SourceState : std::uint8_t {
    disabled,          // switched off, stopped, or without a ticker that it could be asked for
    connecting,        // nothing has come yet, or not since the connection was lost a moment ago
    streaming,         // by its stream, every trade
    polling_fallback,  // by REST, because its stream is away, refused or silent
    polling,           // by REST, its only way
    refused,           // it refuses us; see refused_until
    silent,            // no price for the silence limit, though it was asked
};
std::string_view to_string(SourceState state);

// One source as an operator sees it.
struct SourceStatus {
    SourceName name;
    SourceState state = SourceState::disabled;
    std::string detail;                      // one plain sentence; may be empty
    Timestamp since;                         // when `state` began
    std::optional<Timestamp> last_quote_at;  // our clock
    std::optional<Timestamp> refused_until;  // where refused: when it is asked next
    // Frames, answers and figures that gave no quote, since the start, by ParseError::Kind.
    std::array<std::uint64_t, parse_error_kinds> left_out{};
};

}  // namespace pricewire::feed
