#pragma once

#include <optional>
#include <vector>

#include "domain/alert.hpp"
#include "storage/sqlite/connection.hpp"

namespace pricewire::storage::sqlite {

// Every query ends: a statement left in mid-result would hold its snapshot, and the log could not be
// checkpointed.
struct Finish {
    explicit Finish(SQLite::Statement& s) : statement(s) {}
    ~Finish() { statement.tryReset(); }
    Finish(const Finish&) = delete;
    Finish& operator=(const Finish&) = delete;
    SQLite::Statement& statement;
};

template <typename Read>
auto first_row(SQLite::Statement& s, Read&& read) -> std::optional<decltype(read(s))> {
    const Finish finish(s);
    if (!s.executeStep()) return std::nullopt;
    return read(s);
}

template <typename Read>
auto all_rows(SQLite::Statement& s, Read&& read) {
    const Finish finish(s);
    std::vector<decltype(read(s))> out;
    while (s.executeStep()) out.push_back(read(s));
    return out;
}

// SQLite counts rows in signed 64 bits.
inline std::int64_t row_count(std::size_t limit) {
    return static_cast<std::int64_t>(limit);
}

// The 17 columns of an alert, from `column` on: id, user_id, ticker, condition, target, webhook_url,
// is_active, created_at, triggered_at, triggered_price, format, template_body, template_type, note,
// deliver_within, disabled_at, trace.
Alert read_alert(SQLite::Statement& s, int column);

// id, ticker, condition, target.
inline ActiveAlert read_active_alert(SQLite::Statement& s) {
    return {uuid_at(s, 0), Ticker(text_at(s, 1)), parse_condition(text_at(s, 2)).value_or(Condition::gt),
            decimal_at(s, 3)};
}

inline ActiveAlert active_part(const Alert& alert) {
    return {alert.id, alert.ticker, alert.condition, alert.target};
}

// current, previous, previous_until, from `column` on.
WebhookSecrets read_secrets(SQLite::Statement& s, int column);

}  // namespace pricewire::storage::sqlite
