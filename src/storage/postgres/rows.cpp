#include "storage/postgres/rows.hpp"

#include "base/text.hpp"

namespace pricewire::storage::postgres {

std::int64_t number_at(const Row& row, int column) {
    const auto value = parse_number<std::int64_t>(text_at(row, column));
    if (!value) throw StorageError("database: a number is none");
    return *value;
}

Uuid uuid_at(const Row& row, int column) {
    const auto id = Uuid::parse(text_at(row, column));
    if (!id) throw StorageError("database: an id is none");
    return *id;
}

Timestamp time_at(const Row& row, int column) {
    const auto time = parse_timestamp(text_at(row, column));
    if (!time) throw StorageError("database: a time is none that this program can hold");
    return *time;
}

Decimal decimal_at(const Row& row, int column) {
    const auto number = Decimal::parse(text_at(row, column));
    if (!number) throw StorageError("database: a price is not a decimal number");
    return *number;
}

std::string bytes_at(const Row& row, int column) {
    auto bytes = parse_bytea(text_at(row, column));
    if (!bytes) throw StorageError("database: bytes are not written in hexadecimal");
    return std::move(*bytes);
}

Alert read_alert(const Row& row, int column) {
    Alert alert;
    alert.id = uuid_at(row, column);
    alert.user_id = uuid_at(row, column + 1);
    alert.ticker = Ticker(text_at(row, column + 2));
    alert.condition = parse_condition(text_at(row, column + 3)).value_or(Condition::gt);
    alert.target = decimal_at(row, column + 4);
    alert.webhook_url = text_at(row, column + 5);
    alert.is_active = bool_at(row, column + 6);
    alert.created_at = time_at(row, column + 7);
    alert.triggered_at = maybe_time_at(row, column + 8);
    if (!null_at(row, column + 9)) alert.triggered_price = decimal_at(row, column + 9);
    alert.format = parse_payload_format(text_at(row, column + 10)).value_or(PayloadFormat::json);
    if (!null_at(row, column + 11)) {
        alert.custom =
            WebhookTemplate{std::string(text_at(row, column + 11)), std::string(text_at(row, column + 12))};
    }
    alert.note = text_at(row, column + 13);
    alert.deliver_within = Duration{number_at(row, column + 14)};
    alert.endpoint_disabled_at = maybe_time_at(row, column + 15);
    if (!null_at(row, column + 16)) alert.trace = parse_trace_text(text_at(row, column + 16));
    return alert;
}

ActiveAlert read_active_alert(const Row& row) {
    return {uuid_at(row, 0), Ticker(text_at(row, 1)),
            parse_condition(text_at(row, 2)).value_or(Condition::gt), decimal_at(row, 3)};
}

WebhookSecrets read_secrets(const Row& row, int column) {
    return {std::string(text_at(row, column)), std::string(text_at(row, column + 1)),
            maybe_time_at(row, column + 2)};
}

}  // namespace pricewire::storage::postgres
