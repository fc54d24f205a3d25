#include "rule/firing.hpp"

#include "rule/evidence.hpp"
#include "rule/seen.hpp"

namespace pricewire::rule {

RuledFiring firing_of(const ActiveAlert& alert, const Step& step,
                      const std::optional<Timestamp>& muted_until) {
    const Fired& fired = *step.fired;
    Evidence evidence{.rules = seen(*alert.ruled->terms, fired.rules),
                      .shown = fired.rule,
                      .held_since = fired.held_since,
                      .left_out = fired.left_out,
                      .last_price = fired.last_price};
    if (muted_until && *muted_until == fired.time) evidence.muted_until = muted_until;
    for (const auto& [from, to] : fired.blind)
        evidence.blind.push_back({.from = from, .to = to, .reason = {}});
    return {.alert_id = alert.id,
            .delivery_id = {},
            .revision = step.after.revision,
            .number = fired.number,
            .time = fired.time,
            .value = fired.value,
            .level = fired.level,
            .condition = fired.condition,
            .is_last = fired.is_last,
            .evidence = to_json(evidence),
            .after = step.after};
}

}  // namespace pricewire::rule
