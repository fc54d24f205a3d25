#pragma once

#include <optional>
#include <vector>

#include "base/clock.hpp"
#include "domain/stretch.hpp"
#include "storage/bars.hpp"
#include "storage/blind.hpp"

namespace pricewire::app {

// A time in which nothing ran, as far as this process knows: it may not be stored yet.
struct Pause {
    Timestamp from, to;
};

// What is known of a ticker's price from about `from` on: minutes and, of what is older than a week, hours; and the last
// minute before, however old it is, up to as long as minutes are kept. What was in effect at the beginning of a minute counts
// to it. Gaps: no bar is known, or no price was judged. Throws StorageError.
std::vector<Stretch> known_past(storage::Bars& bars, storage::BlindSpans& blind, Ticker ticker,
                                Timestamp from, Timestamp now, const std::optional<Pause>& pause);

}  // namespace pricewire::app
