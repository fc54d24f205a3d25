#include "storage/postgres/changes.hpp"

#include <fmt/format.h>

namespace pricewire::storage::postgres {
namespace {

constexpr std::size_t max_payload = 7999;

std::string line(const Change& change) {
    if (const auto* user = std::get_if<UserChange>(&change)) return to_payload(*user);
    const auto& alert = std::get<AlertChange>(change);
    return fmt::format("{} {} {} {} {}", alert.kind == AlertChange::Kind::created ? '+' : '-',
                       alert.alert.id.to_string(), alert.alert.ticker.view(),
                       to_string(alert.alert.condition), alert.alert.target.to_string());
}

// The text before the next `end`, which is taken off `text`.
std::string_view next(std::string_view& text, char end) {
    const std::size_t at = text.find(end);
    const std::string_view out = text.substr(0, at);
    text.remove_prefix(at == std::string_view::npos ? text.size() : at + 1);
    return out;
}

std::optional<Change> parse_line(std::string_view text) {
    const std::string_view kind = next(text, ' ');
    const auto id = Uuid::parse(next(text, ' '));
    if (!id) return std::nullopt;
    if (kind == "u") return UserChange{*id};
    if (kind != "+" && kind != "-") return std::nullopt;
    const std::string_view ticker = next(text, ' ');
    const auto condition = parse_condition(next(text, ' '));
    const auto target = Decimal::parse(text);
    if (!is_ticker(ticker) || !condition || !target) return std::nullopt;
    return AlertChange{kind == "+" ? AlertChange::Kind::created : AlertChange::Kind::deleted,
                       {*id, Ticker(ticker), *condition, *target}};
}

}  // namespace

std::string to_payload(const UserChange& change) {
    return "u " + change.user_id.to_string();
}

Array to_payloads(const std::vector<Change>& changes) {
    Array out;
    std::string payload;
    for (const Change& change : changes) {
        const std::string text = line(change);
        if (!payload.empty() && payload.size() + 1 + text.size() > max_payload) {
            out.add(payload);
            payload.clear();
        }
        if (!payload.empty()) payload += '\n';
        payload += text;
    }
    if (!payload.empty()) out.add(payload);
    return out;
}

std::optional<std::vector<Change>> parse_payload(std::string_view payload) {
    std::vector<Change> out;
    while (!payload.empty()) {
        const auto change = parse_line(next(payload, '\n'));
        if (!change) return std::nullopt;
        out.push_back(*change);
    }
    return out;
}

}  // namespace pricewire::storage::postgres
