#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "domain/heard.hpp"
#include "storage/storage.hpp"

namespace pricewire::recover {

struct RecorderOptions {
    Duration limit = std::chrono::seconds{15};  // a time that is not longer is not blind
    std::vector<Ticker> always;                 // tickers that are watched whether somebody needs them or not
    bool is_asked_back = true;                  // false: what is missed stays unknown
    Duration kept = std::chrono::hours{24 * 90};
    Duration write_every = std::chrono::seconds{1};
    // Stores the bars of all prices that have been judged; false if it cannot now. What is noted as judged counts as known
    // after a kill, so that this comes first. May be empty.
    std::function<bool()> store_bars = {};
    // Where checkers divide alerts: how far it may be noted that prices were judged, of what this one has judged; unset: not
    // now. May be empty.
    std::function<std::optional<Timestamp>(Timestamp judged)> at_most = {};
};

// Stores until when all prices were judged, and when they were not (Judged). On its own thread, in a checker's
// process: the feeds' signs of life wait while the database is away.
class Recorder {
public:
    virtual ~Recorder() = default;  // as stop()
    // Any thread; never blocks. All prices before it were judged, and their firings are durable.
    virtual void heard(std::string feed, Heard heard) = 0;
    // Any thread; never blocks. In that time prices of the ticker may not have been judged, though others were.
    virtual void missed(Ticker ticker, Timestamp from, Timestamp to) = 0;
    // Writes what is known, once, and ends the thread.
    virtual void stop() = 0;

    // Any thread.
    virtual std::optional<Timestamp> judged() const = 0;  // until when this checker has judged all prices
    virtual std::size_t blind_tickers() const = 0;        // right now
    virtual std::uint64_t blind_seconds() const = 0;      // over all tickers, of spans that are over
};

// `storage` and `clock` outlive it.
std::unique_ptr<Recorder> start_recorder(storage::Storage& storage, const Clock& clock,
                                         RecorderOptions options);

}  // namespace pricewire::recover
