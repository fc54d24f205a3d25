#pragma once

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "alert/judged.hpp"
#include "alert/rule_engine.hpp"

namespace pricewire::alert {

// Alerts that are given every price of their tickers. Pure; owned by one thread.
class LiveAlerts final : public RuleEngine {
public:
    LiveAlerts(const RecentPrices& recent, Take take) : recent_(recent), take_(std::move(take)) {}
    LiveAlerts(const LiveAlerts&) = delete;
    LiveAlerts& operator=(const LiveAlerts&) = delete;

    std::vector<PastNeed> needs(const ActiveAlert& alert, Timestamp now) const override;
    void add(const ActiveAlert& alert, std::span<const std::shared_ptr<const LinePast>> pasts) override;
    void update(const ActiveAlert& alert) override;
    bool remove(const Uuid& id) override;
    const AlertState* state(const Uuid& id) const override;
    std::size_t size() const override { return alerts_.size(); }
    std::vector<Uuid> ids() const override;
    void on_blind() override;
    void on_price(const Price& price) override;
    void on_gone(const PriceGone& gone) override;
    void on_late(Ticker ticker, Timestamp time) override;
    void on_time(Timestamp until) override;
    std::optional<Timestamp> next_time() const override;
    void expire(Timestamp until) override;
    std::optional<Timestamp> next_expiry() const override;

    // Adds one that was put aside, as of `time`, and judges what is recent since.
    void wake(Judged judged, Timestamp time);
    // Whether a rule of any watches that ratio.
    bool watch_ratio(const Ticker& ticker, const Ticker& other) const;
    // Null if it is not known. Valid until the next call.
    const Judged* find(const Uuid& id) const;
    // Removes it; it is known.
    Judged take(const Uuid& id);

private:
    // An alert, and the times by which it is found.
    struct Kept {
        explicit Kept(Judged judged_) : judged(std::move(judged_)) {}
        Judged judged;
        std::optional<Timestamp> wait = {}, expiry = {};
    };
    template <typename Key>
    using Index = std::map<std::pair<Key, Uuid>, Kept*>;
    using Times = Index<Timestamp>;

    Kept& keep(Judged judged);
    void forget(const Uuid& id, Kept& kept);
    std::vector<Kept*> watching(const Ticker& ticker) const;
    static std::vector<Kept*> due(const Times& times, Timestamp until);
    void each(const std::vector<Kept*>& some, const std::function<std::vector<RuleStep>(Judged&)>& steps_of);
    void settle(Kept& kept);
    static void place(Kept& kept, std::optional<Timestamp>& at, std::optional<Timestamp> now, Times& times);
    void hand_over(std::vector<RuleStep> steps);

    const RecentPrices& recent_;
    const Take take_;
    std::map<Uuid, Kept> alerts_;
    Index<Ticker> by_ticker_;
    Times by_wait_, by_expiry_;
    std::optional<Timestamp> until_;
};

}  // namespace pricewire::alert
