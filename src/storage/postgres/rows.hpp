#pragma once

#include <pqxx/pqxx>
#include <string>
#include <string_view>

#include "base/clock.hpp"
#include "base/decimal.hpp"
#include "base/uuid.hpp"

namespace pricewire::storage::postgres {

// A row of a result.
class Row {
public:
    Row(pqxx::row row) : row_(std::move(row)) {}
    bool null(int column) const { return row_[column].is_null(); }
    // Valid while the result lives.
    std::string_view text(int column) const {
        const auto field = row_[column];
        return {field.c_str(), field.size()};
    }
    bool flag(int column) const { return text(column) == "t"; }
    // Throw StorageError if the column holds something else.
    std::int64_t number(int column) const;
    Uuid id(int column) const;
    Timestamp time(int column) const;
    Decimal decimal(int column) const;
    std::string bytes(int column) const;

private:
    pqxx::row row_;
};

}  // namespace pricewire::storage::postgres
