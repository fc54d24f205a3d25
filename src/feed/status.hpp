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

// How a source's prices arrive at the moment, if they do.
enum class SourceState : std::uint8_t {
    disabled,          // by the configuration, and for no other reason
    idle,              // nothing is asked: no symbol for any ticker, no address, or stopped
    starting,          // not asked yet
    connecting,        // no price yet, or none since the connection was lost a moment ago
    streaming,         // by its stream, every trade
    polling_fallback,  // by REST, because its stream is down, refused or silent
    polling,           // by REST, because it has no stream
    refused,           // it refuses requests; see refused_until
    unavailable_here,  // likewise, because of where this server is
    maintenance,       // it is closed for maintenance; likewise
    silent,            // no price for the silence limit
};
std::string_view to_string(SourceState state);

// The status of one source, for operators.
struct SourceStatus {
    SourceName name;
    SourceState state = SourceState::starting;
    std::string detail;                      // one plain sentence; may be empty
    Timestamp since;                         // when `state` began
    std::optional<Timestamp> last_quote_at;  // our clock
    std::optional<Timestamp> refused_until;  // if refused: when the next attempt is made
    std::uint64_t lost_trades = 0;  // that the venue's numbering shows to be missing, since the start
    std::uint64_t lost_frames = 0;  // likewise, where it numbers frames
    std::uint64_t connections = 0;  // of its stream, opened since the start
    // Frames, answers and prices that gave no quote, since the start, by ParseError::Kind.
    std::array<std::uint64_t, parse_error_kinds> left_out{};
};

}  // namespace pricewire::feed
