#pragma once

#include <map>
#include <optional>
#include <set>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/clock.hpp"
#include "base/uuid.hpp"
#include "domain/alert.hpp"

namespace pricewire::alert {

// Alerts that were made after the last sign of life of a feed, and that the newest price fires if it was in effect then. Each
// waits for the sign that tells (PriceClock::sign_for). Pure; owned by one thread.
class EarlyAlerts {
public:
    bool empty() const { return by_sign_.empty(); }
    bool contains(const Uuid& id) const { return signs_.contains(id); }
    // The last sign that one of them waits for.
    std::optional<Timestamp> last_sign() const {
        return empty() ? std::nullopt : std::optional(by_sign_.rbegin()->first.first);
    }
    // Whether one of them waits for this sign, or an earlier one.
    bool any_until(Timestamp sign) const { return !empty() && by_sign_.begin()->first.first <= sign; }

    // Not one that is here.
    void add(Timestamp sign, const ActiveAlert& alert) {
        by_sign_.emplace(std::pair(sign, alert.id), alert);
        by_ticker_.emplace(alert.ticker, alert.id);
        signs_.emplace(alert.id, sign);
    }
    void remove(const Uuid& id) {
        if (contains(id)) take(id);
    }
    std::vector<ActiveAlert> take(const Ticker& ticker) {
        std::vector<ActiveAlert> out;
        while (true) {
            const auto next = by_ticker_.lower_bound({ticker, Uuid{}});
            if (next == by_ticker_.end() || next->first != ticker) return out;
            out.push_back(take(next->second));
        }
    }
    // `is_given` is true of a sign if it is of a later one.
    template <typename F>
    std::vector<ActiveAlert> take_told(F&& is_given) {
        std::vector<ActiveAlert> out;
        while (!empty() && is_given(by_sign_.begin()->first.first))
            out.push_back(take(by_sign_.begin()->first.second));
        return out;
    }
    std::vector<ActiveAlert> take_all() {
        return take_told([](Timestamp) { return true; });
    }

private:
    ActiveAlert take(const Uuid& id) {
        const auto sign = signs_.extract(id);
        ActiveAlert alert = std::move(by_sign_.extract({sign.mapped(), id}).mapped());
        by_ticker_.erase({alert.ticker, alert.id});
        return alert;
    }

    std::map<std::pair<Timestamp, Uuid>, ActiveAlert> by_sign_;
    std::set<std::pair<Ticker, Uuid>> by_ticker_;
    std::unordered_map<Uuid, Timestamp> signs_;
};

}  // namespace pricewire::alert
