#pragma once

#include <cstdint>
#include <expected>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "domain/market.hpp"
#include "feed/venue.hpp"
#include "net/http_client.hpp"

namespace pricewire::past {

// The order in which requests wait for their turn at a venue, the most urgent first.
enum class Urgency : std::uint8_t { recovery, chart, backfill };
constexpr std::size_t urgencies = 3;

// Why a venue gave nothing.
struct Failure {
    enum class Kind : std::uint8_t {
        not_offered,  // it has no such candles or trades, or too many, or none from so long ago: for good
        refused,      // it does not know the symbol, or refuses this request: for good
        unavailable,  // it does not answer, answers nonsense or wants fewer requests: it is left out for a while
        late,         // it was not its turn, or it did not answer, within the time allowed
        busy,         // too many wait for this venue already
        stopped,      // the process is stopping
    };
    Kind kind = Kind::unavailable;
    std::string text;  // one plain sentence, for the log

    // Asking again later may give something.
    bool is_temporary() const { return kind != Kind::not_offered && kind != Kind::refused; }
};

// All that one venue knows of [from, to), from < to; requested page by page. Of candles the beginning
// may be missing where they do not reach back so far (candles_reach), which is no failure; of trades it is one.
struct Ask {
    SourceName source;
    std::string symbol;
    Timestamp from, to;
    Duration interval = std::chrono::minutes{1};  // of candles: 1 min, 1 h or 1 day
    Urgency urgency = Urgency::backfill;
    Duration within = std::chrono::minutes{1};  // from the call to the answer
};

using Candles = std::expected<std::vector<feed::Candle>, Failure>;    // oldest first, each start once
using Trades = std::expected<std::vector<feed::PastTrade>, Failure>;  // oldest first
using CandlesDone = std::move_only_function<void(Candles)>;
using TradesDone = std::move_only_function<void(Trades)>;

// A venue to be asked.
struct AskedVenue {
    const feed::VenueType* type = nullptr;  // outlives the asker
    std::string rest_url;  // as configured, without a slash at its end; empty: it is not asked
    int weight = 1;        // sources.<name>.weight
};

// How far back a venue's candles of an interval go; 0: all of history.
Duration candles_reach(const feed::PastType& past, Duration interval);

// Requests candles and trades of the past from venues, on its own thread. Each venue has its own pace
// (PastType::least_gap), one request at a time and a bounded queue; one that fails is asked again later and later,
// one that wants fewer requests after the time that it names. What waits for a venue that is left out fails at once.
class Asker {
public:
    // Those still open end as `stopped`.
    virtual ~Asker() = default;

    // Any thread. `done` runs exactly once, on the asker's thread, and must return quickly.
    virtual void candles(Ask ask, CandlesDone done) = 0;
    virtual void trades(Ask ask, TradesDone done) = 0;
    // Any thread; runs `task` on the asker's.
    virtual void post(std::move_only_function<void()> task) = 0;
    // The asker's thread: whether the venue is left out for now; else how long a new request would wait for its turn,
    // at least.
    virtual bool is_left_out(SourceName source) const = 0;
    virtual Duration wait(SourceName source) const = 0;
    virtual std::span<const AskedVenue> venues() const = 0;
};

// `clock` outlives it.
std::unique_ptr<Asker> start_asker(std::vector<AskedVenue> venues, std::unique_ptr<net::HttpClient> http,
                                   const Clock& clock);

}  // namespace pricewire::past
