#pragma once

#include <absl/container/btree_map.h>
#include <absl/container/btree_set.h>

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "alert/lines/close_line.hpp"
#include "alert/lines/shared_line.hpp"
#include "alert/lines/timers.hpp"
#include "alert/recent_prices.hpp"
#include "alert/rule_engine.hpp"
#include "alert/ticker_map.hpp"
#include "rule/levels.hpp"

namespace pricewire::alert {

struct RatioLine {
    Ticker ticker, other;
    SharedLine line = {};
    std::optional<Decimal> price = {}, other_price = {};
    rule::RatioTo to_other = {};        // to that price
    Timestamp last = Timestamp::min();  // of both
    // What their lines know of before is no part of it.
    Timestamp from = Timestamp::max(), other_from = Timestamp::max();
    std::size_t users = 0;  // how many rules of alerts that are put aside watch it
};

// What alerts that are put aside watch of a ticker.
struct Market {
    explicit Market(Ticker ticker_) : ticker(ticker_) {}

    Ticker ticker;
    SharedLine line = {};
    // The newest price, and what was in effect until it came; nullopt: none, or not known.
    std::optional<Price> newest = {}, before = {};
    OrderedSlots<Side::above> ages = {};
    Timers waits = {};  // when time decides: see due_of()
    std::vector<std::unique_ptr<CloseLine>> closes = {};
    struct InRatio {
        RatioLine* ratio;
        bool is_other;  // the one that prices are divided by
    };
    std::vector<InRatio> ratios = {};

    // When an age is reached, a bar or a wait ends, if no price comes before.
    std::optional<Timestamp> next_due() const;
    std::optional<Timestamp> due = {};  // that, or earlier; see Markets
};

// Those whom something may wake, and as of before when they are to be judged again.
using Woken = std::vector<std::pair<Slot, Timestamp>>;

// The lines of all tickers that are watched by alerts that may be put aside. Pure; owned by one thread.
class Markets {
public:
    explicit Markets(const RecentPrices& recent) : recent_(recent) {}

    // Null if it is not watched.
    Market* find(const Ticker& ticker);
    // Makes what is not there, with what is recent.
    Market& market(Ticker ticker);
    SharedLine& line(const Rule& rule);  // of a price, a ratio or an age
    CloseLine& close(const Rule& rule, std::span<const std::shared_ptr<const LinePast>> pasts = {});
    RatioLine& ratio(const Rule& rule);

    // Counts the ratios that an alert watches while it is put aside.
    void use_ratios(const Terms& terms);
    void release_ratios(const Terms& terms);
    // Drops those that no alert that is put aside watches, unless `is_watched` by others. Not from within a call of this.
    void drop_ratios(const std::function<bool(const RatioLine&)>& is_watched);

    // When the last price of any of its tickers came, or its end.
    Timestamp last_of(const Terms& terms);

    // As RecentPrices says since then: those that know nothing had no value.
    void begin_blind();
    // What was before what the ticker's line knows.
    void take_past(const LinePast& past);

    // What time decides of the ticker until then. Comes before set(), while its lines still know all that counts then.
    void end_due(Market& market, Timestamp until, Woken& woken);
    // The newest price of a ticker, or its end (null), which RecentPrices has.
    void set(Market& market, Timestamp time, const Price* price, Woken& woken);
    // One that is older.
    void set_late(Market& market, Timestamp time, Woken& woken);
    // Nothing came until `until`.
    void pass(Timestamp until, Woken& woken);
    // When pass() is to be called, at the latest.
    std::optional<Timestamp> next_time() const;
    // After an alert waits for a time.
    void schedule(Market& market);

    // As of before everything of `time`.
    rule::Line line_as_of(const Rule& rule, Timestamp time);

private:
    using Seen = std::function<void(Timestamp)>;
    void begin_blind(SharedLine& line, const Ticker& ticker) const;

    void redo(Market& market, Timestamp time, const Seen& seen);
    void redo(RatioLine& ratio, Timestamp time, const Seen& seen);
    void redo_touched(RatioLine& ratio, Timestamp time, std::vector<Slot>& out);
    void redo(const Market& market, CloseLine& close, Timestamp time, std::vector<Slot>& out);
    std::optional<Decimal> ratio_price(const RatioLine& ratio, bool of_other, Timestamp time);
    static std::optional<Decimal> ratio_at(RatioLine& ratio, bool is_other, Timestamp time,
                                           const Decimal* price);
    static void set_ratio(RatioLine& ratio, bool is_other, Timestamp time, const Decimal* price);
    void end_waits(Market& market, Timestamp until, Woken& woken);
    template <typename Redo>
    static void take_touched(SharedLine& line, Timestamp time, std::vector<Slot>& out, Redo redo);
    void take_slots(Timestamp time, Woken& woken);

    const RecentPrices& recent_;
    TickerMap<std::unique_ptr<Market>> markets_;
    absl::btree_map<std::pair<Ticker, Ticker>, std::unique_ptr<RatioLine>> ratios_;  // by ticker, other
    // Ages are not moved at each price: then it is too early, and looked at again.
    absl::btree_set<std::pair<Timestamp, Market*>> due_;
    Timestamp until_ = Timestamp::min();  // of pass()
    std::vector<Slot> slots_;             // of the call at hand
};

}  // namespace pricewire::alert
