#pragma once

#include <algorithm>
#include <concepts>
#include <vector>

#include "domain/alert.hpp"
#include "domain/user.hpp"
#include "storage/postgres/connection.hpp"

namespace pricewire::storage::postgres {

using Row = pqxx::row;

inline std::string_view text_at(const Row& row, int column) {
    const auto field = row[column];
    return {field.c_str(), field.size()};
}
inline bool null_at(const Row& row, int column) {
    return row[column].is_null();
}
inline bool bool_at(const Row& row, int column) {
    return text_at(row, column) == "t";
}
// Throw StorageError where the column holds something else.
std::int64_t number_at(const Row& row, int column);
Uuid uuid_at(const Row& row, int column);
Timestamp time_at(const Row& row, int column);
Decimal decimal_at(const Row& row, int column);
std::string bytes_at(const Row& row, int column);

inline std::optional<Timestamp> maybe_time_at(const Row& row, int column) {
    if (null_at(row, column)) return std::nullopt;
    return time_at(row, column);
}
inline std::optional<Duration> maybe_duration_at(const Row& row, int column) {
    if (null_at(row, column)) return std::nullopt;
    return Duration{number_at(row, column)};
}

template <typename Read>
auto first_row(const pqxx::result& rows, Read&& read) -> std::optional<decltype(read(rows[0]))> {
    if (rows.empty()) return std::nullopt;
    return read(rows[0]);
}
template <typename Read>
auto all_rows(const pqxx::result& rows, Read&& read) {
    std::vector<decltype(read(rows[0]))> out;
    out.reserve(rows.size());
    for (const Row& row : rows) out.push_back(read(row));
    return out;
}
inline std::size_t changed(const pqxx::result& rows) {
    return rows.affected_rows();
}

// The id behind all others.
inline Uuid last_uuid() {
    Uuid last;
    last.bytes.fill(0xff);
    return last;
}

// The 17 columns of an alert, from `column` on: id, user_id, ticker, condition, target, webhook_url,
// is_active, created_at, triggered_at, triggered_price, format, template_body, template_type, note,
// deliver_within, disabled_at, trace.
Alert read_alert(const Row& row, int column);
// id, ticker, condition, target.
ActiveAlert read_active_alert(const Row& row);
inline ActiveAlert active_part(const Alert& alert) {
    return {alert.id, alert.ticker, alert.condition, alert.target};
}
// current, previous, previous_until, from `column` on.
WebhookSecrets read_secrets(const Row& row, int column);

}  // namespace pricewire::storage::postgres
