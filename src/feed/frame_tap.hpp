#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/clock.hpp"
#include "domain/market.hpp"

namespace pricewire::feed {

// A message of a venue's stream, or of the requests to a venue that has none.
struct TappedFrame {
    SourceName venue;
    std::uint64_t connection = 1;  // of this venue, counted from 1
    bool is_out = false;           // we sent it
    bool is_binary = false;
    std::string_view bytes;
    Timestamp at;  // our clock
};

// Sees every message as it passes. All calls on the loop's thread; none of them may block or throw.
class FrameTap {
public:
    virtual ~FrameTap() = default;
    // The number of a new connection.
    virtual std::uint64_t connected(SourceName venue) = 0;
    // A key or token that must not be kept, wherever it appears.
    virtual void hide(std::string secret) = 0;
    virtual void pass(const TappedFrame& frame) = 0;
};

}  // namespace pricewire::feed
