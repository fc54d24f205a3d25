#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "alert/judged_before.hpp"
#include "alert/passed_over.hpp"
#include "alert/price_clock.hpp"
#include "alert/rule_engine.hpp"

namespace pricewire::alert {

// The alerts with terms of a checker: which state of an alert counts, the past that they wait for, and what time
// decides. RuleEngine judges them. Pure; one thread. See CheckerCore for the events.
class RuledAlerts {
public:
    struct Uses {
        std::function<void(FiringGroup)> fire;
        // Asks for a ticker's past, for on_past(); one at a time for each ticker.
        std::function<void(const PastNeed&)> read_past;
    };
    using MakeEngine = std::function<std::unique_ptr<RuleEngine>(const RecentPrices&, RuleEngine::Take)>;

    RuledAlerts(RecentPrices& recent, Uses uses, const MakeEngine& make_engine);

    std::size_t size() const { return engine_->size() + waiting_.size(); }
    // Some alert is not judged yet, since it waits for its past.
    bool any_waits() const { return !waiting_.empty(); }

    // Comes before the first snapshot.
    void begin(JudgedBefore before) { before_ = std::move(before); }
    // All that there are.
    void on_snapshot(const std::vector<ActiveAlert>& rows, Timestamp now);
    // The row of an alert that was made or has changed.
    void on_row(const ActiveAlert& row, Timestamp now);
    // The row of an alert that has passed over a firing; unset: it is not active.
    void on_passed_over(const PassedOver& firing, const std::optional<ActiveAlert>& row, Timestamp now);
    void remove(const Uuid& id);
    void on_past(const std::shared_ptr<const LinePast>& past, Timestamp now);

    // RecentPrices knows them already.
    void on_price(Price price, Timestamp now);
    void on_gone(const PriceGone& gone, Timestamp now);
    void on_late(Ticker ticker, Timestamp time, Timestamp now);
    void on_heard(std::string_view feed, Timestamp heard, Timestamp now);
    void replay() { clock_.replay(); }
    void follow(Timestamp now) { clock_.follow(now); }
    void on_time(Timestamp now);
    const PriceClock& clock() const { return clock_; }
    // When to call on_time() at the latest.
    std::optional<Timestamp> next_time(Timestamp now) const;

private:
    struct Waiting {
        ActiveAlert alert;
        std::vector<PastNeed> needs;
        std::vector<std::shared_ptr<const LinePast>> pasts;
    };
    struct Asked {
        Timestamp from;
        std::vector<Uuid> by;
    };

    void take_before(const std::vector<ActiveAlert>& rows);
    void begin_blind(Timestamp since);
    void admit(const ActiveAlert& row, Timestamp now);
    void ask(const PastNeed& need, const Uuid& id);
    void hand_over(Timestamp now);

    RecentPrices& recent_;
    const Uses uses_;
    std::vector<RuleStep> steps_;  // of the event at hand
    const std::unique_ptr<RuleEngine> engine_;
    PriceClock clock_;
    std::unordered_map<Uuid, Waiting> waiting_;
    std::map<Ticker, Asked> asked_;
    std::optional<JudgedBefore> before_;  // until the first snapshot
    std::set<Ticker> first_tickers_;      // of that, until a time is blind
};

}  // namespace pricewire::alert
