#include "alert/firing_of.hpp"

#include <utility>

#include "rule/evidence.hpp"
#include "rule/seen.hpp"

namespace pricewire::alert {

RuledFiring firing_of(const ActiveAlert& alert, const rule::Step& step,
                      const std::optional<Timestamp>& muted_until) {
    const rule::Fired& fired = *step.fired;
    rule::Evidence evidence{.rules = rule::seen(*alert.ruled->terms, fired.rules),
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
            .evidence = rule::to_json(evidence),
            .after = step.after};
}

StateNote note_of(const ActiveAlert& alert, const rule::Step& step) {
    return {alert.id, step.after.revision, step.after.firings, step.rearmed, step.after.rules};
}

Expiry expiry_of(const ActiveAlert& alert, const rule::Run& run) {
    const rule::Evidence evidence{.rules = rule::seen(*alert.ruled->terms, run.rules()),
                                  .left_out = run.left_out()};
    Expiry out{.alert_id = alert.id,
               .revision = run.state().revision,
               .expires_at = *run.state().expires_at,
               .at = *run.state().expires_at,
               .evidence = rule::to_json(evidence)};
    if (run.alert().notify_on_expiry) out.delivery_id = Uuid{};
    return out;
}

std::vector<PastNeed> past_needs(const ActiveAlert& alert, const RecentPrices& recent, Timestamp now) {
    std::vector<PastNeed> out;
    for (const auto& [ticker, from] : rule::past_needed(*alert.ruled, now)) {
        const auto& entries = recent.of(ticker);
        if (entries.empty() || entries.front().time > from) out.push_back({ticker, from});
    }
    return out;
}

}  // namespace pricewire::alert
