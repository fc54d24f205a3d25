#pragma once

#include <libpq-fe.h>

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
    // Of libpq's result, which outlives it.
    Row(const PGresult* result, int number) : result_(result), number_(number) {}
    bool null(int column) const {
        return result_ == nullptr ? row_[column].is_null() : PQgetisnull(result_, number_, column) == 1;
    }
    // Valid while the result lives.
    std::string_view text(int column) const {
        if (result_ != nullptr) {
            return {PQgetvalue(result_, number_, column),
                    static_cast<std::size_t>(PQgetlength(result_, number_, column))};
        }
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
    pqxx::row row_;  // unless there is a result
    const PGresult* result_ = nullptr;
    int number_ = 0;
};

}  // namespace pricewire::storage::postgres
