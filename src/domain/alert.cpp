#include "domain/alert.hpp"

#include <fmt/format.h>

#include "base/text.hpp"

namespace pricewire::inline domain {

std::string source_names(const LateFiring& late) {
    std::string out;
    for (const SourceName source : late.sources) out.append(out.empty() ? "" : ",").append(source.view());
    return out;
}

std::string to_text(const LateFiring& late) {
    return fmt::format("{} {} {}", to_micros(late.from), to_micros(late.to), source_names(late));
}

AlertStatus status_of(const Alert& alert, Timestamp now) {
    if (!alert.is_active) {
        switch (alert.ended.value_or(AlertEnd::fired)) {
            case AlertEnd::fired:
                return AlertStatus::fired;
            case AlertEnd::paused:
                return AlertStatus::paused;
            case AlertEnd::expired:
                return AlertStatus::expired;
        }
    }
    if (alert.state.starts_at && now < *alert.state.starts_at) return AlertStatus::scheduled;
    if (alert.state.snoozed_until && now < *alert.state.snoozed_until) return AlertStatus::snoozed;
    return AlertStatus::active;
}

std::optional<LateFiring> parse_late_firing(std::string_view text) {
    const auto from = parse_number<std::int64_t>(take_part(text, ' '));
    const auto to = parse_number<std::int64_t>(take_part(text, ' '));
    if (!from || !to || *from > *to) return std::nullopt;
    LateFiring out{from_micros(*from), from_micros(*to), {}};
    for (const std::string_view name : split_list(text)) {
        if (name.size() > SourceName::max_size) return std::nullopt;
        out.sources.emplace_back(name);
    }
    if (out.sources.empty()) return std::nullopt;
    return out;
}

}  // namespace pricewire::inline domain
