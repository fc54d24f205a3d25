#include "storage/postgres/rows.hpp"

#include "base/text.hpp"

#include "storage/error.hpp"
#include "storage/postgres/values.hpp"

namespace pricewire::storage::postgres {

std::int64_t Row::number(int column) const {
    const auto value = parse_number<std::int64_t>(text(column));
    if (!value) throw StorageError("database: a number is not valid");
    return *value;
}

Uuid Row::id(int column) const {
    const auto id = Uuid::parse(text(column));
    if (!id) throw StorageError("database: an id is not a UUID");
    return *id;
}

Timestamp Row::time(int column) const {
    const auto time = parse_timestamp(text(column));
    if (!time) throw StorageError("database: a time is out of range");
    return *time;
}

Decimal Row::decimal(int column) const {
    const auto number = Decimal::parse(text(column));
    if (!number) throw StorageError("database: a price is not a decimal number");
    return *number;
}

std::string Row::bytes(int column) const {
    auto bytes = parse_bytea(text(column));
    if (!bytes) throw StorageError("database: bytes are not in hexadecimal");
    return std::move(*bytes);
}

}  // namespace pricewire::storage::postgres
