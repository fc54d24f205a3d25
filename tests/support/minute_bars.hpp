#pragma once

#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/decimal.hpp"

namespace pricewire::support {

struct MinuteBar {
    Timestamp start;
    Decimal open, high, low, close, volume;
};

// A month of a ticker's minutes from ../shared/recordings, or from PRICEWIRE_RECORDINGS; empty where there are none:
// then tests skip, and say why_no_recordings.
std::vector<MinuteBar> recorded_minutes(std::string_view ticker);
inline constexpr const char* why_no_recordings = "no recordings: set PRICEWIRE_RECORDINGS";

}  // namespace pricewire::support
