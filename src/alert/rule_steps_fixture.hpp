#pragma once

#include <fmt/format.h>

#include <chrono>
#include <optional>
#include <string>

#include "alert/rule_engine.hpp"
#include "rule/canonical.hpp"

namespace pricewire::alert {

// Where the prices of the engine's tests begin; their times are shown as seconds since.
inline constexpr Timestamp beginning{std::chrono::seconds{1'700'000'000}};

inline std::string text(Timestamp t) {
    return fmt::format("{:.6f}", static_cast<double>((t - beginning).count()) / 1e6);
}
inline std::string text(const std::optional<Timestamp>& t) {
    return t ? text(*t) : "-";
}
inline std::string text(const AlertState& state) {
    return fmt::format("{} r{} muted {} {}", state.firings, state.revision, text(state.muted_until),
                       to_text(state.rules));
}

// What is compared of a step: all of it.
inline std::string text(const RuleStep& step) {
    const std::string by = fmt::format("{}@{} ", step.price.value.to_string(), text(step.price.time));
    if (const auto* f = std::get_if<RuledFiring>(&step.what)) {
        return fmt::format("{} fires {} at {}: {} {} {} {} by {}\n  {}\n  after {}", f->alert_id.to_string(),
                           f->number, text(f->time), f->value.to_string(), to_string(f->condition),
                           f->level.to_string(), f->is_last, by, f->evidence, text(f->after));
    }
    if (const auto* n = std::get_if<StateNote>(&step.what)) {
        return fmt::format("{} notes {} {} by {}\n  {}", n->alert_id.to_string(), n->firings, n->rearmed, by,
                           to_text(n->rules));
    }
    const auto& e = std::get<Expiry>(step.what);
    return fmt::format("{} expires at {} {}\n  {}", e.alert_id.to_string(), text(e.at),
                       e.delivery_id.has_value(), e.evidence);
}

}  // namespace pricewire::alert
