#include "alert/firing_of.hpp"

#include <utility>

#include "rule/evidence.hpp"
#include "rule/seen.hpp"

namespace pricewire::alert {

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
        // Where the first one is an end, the price that ended is known no more.
        if (entries.empty() || entries.front().time > from || entries.front().is_gone)
            out.push_back({ticker, from});
    }
    return out;
}

}  // namespace pricewire::alert
