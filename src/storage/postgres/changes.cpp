#include "storage/postgres/changes.hpp"

#include <fmt/format.h>

namespace pricewire::storage::postgres {
namespace {

constexpr std::size_t max_payload = 7999;

// In the place of a condition: the alert has terms, and the rest is read from its row. Versions that know no terms skip
// such a change as one of an unknown kind, since they know the "+" before it.
constexpr std::string_view created_word = "rule";
constexpr std::string_view changed_word = "changed";

std::string line(const Change& change) {
    if (const auto* user = std::get_if<UserChange>(&change)) return "u " + user->user_id.to_string();
    const auto& [kind, alert] = std::get<AlertChange>(change);
    const std::string id = alert.id.to_string();
    if (kind == AlertChange::Kind::changed)
        return fmt::format("+ {} {} {}", id, alert.ticker.view(), changed_word);
    if (kind == AlertChange::Kind::created && alert.ruled != nullptr)
        return fmt::format("+ {} {} {}", id, alert.ticker.view(), created_word);
    return fmt::format("{} {} {} {} {}", kind == AlertChange::Kind::created ? '+' : '-', id,
                       alert.ticker.view(), to_string(alert.condition), alert.target.to_string());
}

// Removes the text up to the next `end` from `text` and returns it.
std::string_view next(std::string_view& text, char end) {
    const std::size_t at = text.find(end);
    const std::string_view out = text.substr(0, at);
    text.remove_prefix(at == std::string_view::npos ? text.size() : at + 1);
    return out;
}

// False if it cannot be understood.
bool add_line(std::string_view text, ReceivedChanges& out) {
    const std::string_view kind = next(text, ' ');
    const auto id = Uuid::parse(next(text, ' '));
    if (!id) return false;
    if (kind == "u") {
        out.changes.push_back(UserChange{*id});
        return true;
    }
    if (kind != "+" && kind != "-") return false;
    const std::string_view ticker = next(text, ' ');
    const std::string_view word = next(text, ' ');
    if (kind == "+" && is_ticker(ticker) && (word == created_word || word == changed_word)) {
        const auto what = word == created_word ? AlertChange::Kind::created : AlertChange::Kind::changed;
        out.changes.push_back(AlertChange{what, {*id, Ticker(ticker), Condition::lt, Decimal{}}});
        out.rows.insert(*id);
        return true;
    }
    const auto condition = parse_condition(word);
    if (!condition) {
        out.unknown_alerts.push_back(*id);
        return true;
    }
    const auto target = Decimal::parse(text);
    if (!is_ticker(ticker) || !target) return false;
    out.changes.push_back(AlertChange{kind == "+" ? AlertChange::Kind::created : AlertChange::Kind::deleted,
                                      {*id, Ticker(ticker), *condition, *target}});
    return true;
}

}  // namespace

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

std::optional<ReceivedChanges> parse_payload(std::string_view payload) {
    ReceivedChanges out;
    while (!payload.empty()) {
        if (!add_line(next(payload, '\n'), out)) return std::nullopt;
    }
    return out;
}

}  // namespace pricewire::storage::postgres
