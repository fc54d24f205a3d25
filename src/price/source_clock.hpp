#pragma once

#include <algorithm>
#include <optional>

#include "base/clock.hpp"
#include "domain/market.hpp"

namespace pricewire::price {

// When an exchange's trades were made, by our clock: by the exchange's own time, corrected by how far its clock
// is from ours. So a trade that waited in a socket, while we had no CPU, say, has the time at which it was made
// and not that at which it was read. The distance is the least that a trade has taken to arrive within the last
// minutes; before it has been observed for a while the exchange's clock is taken to be right, since the first
// trades of a feed that starts may all be late. Pure; one thread.
class SourceClock {
public:
    // How much longer the quote that made_at() took last was on its way than its exchange's are. A clock that is
    // behind by up to ten seconds is taken to be wrong; beyond that it is the exchange that delivers the past, as far
    // as it can be compared with others. Not negative.
    Duration lag_of(const Quote& quote) const {
        if (quote.kind == SourceKind::aggregator || !quote.is_timed || !since_) return {};
        const Duration usual = quote.received_at - *since_ >= known_after ? least() : Duration{};
        const bool is_clock = usual > Duration{} && usual <= wrong_by;
        return std::max(quote.received_at - quote.time - (is_clock ? usual : Duration{}), Duration{});
    }

    // Never later than received_at, and not more than a minute before it. A clock that has not been observed for
    // a while and is further off is no clock: received_at.
    Timestamp made_at(const Quote& quote) {
        if (quote.kind == SourceKind::aggregator) return quote.received_at;
        if (!quote.is_timed) return std::min(quote.time, quote.received_at);
        observe(quote);
        const bool is_known = quote.received_at - *since_ >= known_after;
        const Timestamp made = quote.time + (is_known ? least() : std::min(least(), Duration{}));
        const Timestamp earliest = quote.received_at - latest;
        if (!is_known && made < earliest) return quote.received_at;
        return std::clamp(made, earliest, quote.received_at);
    }

private:
    static constexpr Duration latest = std::chrono::minutes{1};
    static constexpr Duration wrong_by = std::chrono::seconds{10};
    static constexpr Duration known_after = std::chrono::seconds{10};
    static constexpr Duration window = std::chrono::minutes{1};

    Duration least() const { return std::min(window_least_, last_least_.value_or(window_least_)); }
    void observe(const Quote& quote) {
        const Duration took = quote.received_at - quote.time;
        if (!since_ || quote.received_at < window_began_) {  // or our clock was set back
            since_ = window_began_ = quote.received_at;
            window_least_ = took;
            last_least_.reset();
        } else if (quote.received_at - window_began_ >= window) {
            last_least_ = window_least_;
            window_began_ = quote.received_at;
            window_least_ = took;
        } else {
            window_least_ = std::min(window_least_, took);
        }
    }

    std::optional<Timestamp> since_;
    Timestamp window_began_{};
    Duration window_least_{};
    std::optional<Duration> last_least_;
};

}  // namespace pricewire::price
