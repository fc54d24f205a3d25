#pragma once

#include <stdexcept>
#include <string>
#include <string_view>

namespace pricewire::storage {

// Thrown by every method when the database is unreachable, full, locked past its deadline or broken. Nothing
// of the call was committed. Callers log it once at a worker's edge and retry, or answer 503.
class StorageError : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

// A row holds a kind, state or format that this version does not know: a newer version wrote it. It is never
// taken for one that this version knows.
class UnknownValue : public StorageError {
public:
    // `column` as "alerts.condition"; `row` is the row's id.
    UnknownValue(std::string_view column, std::string_view value, const std::string& row)
        : StorageError("database: " + std::string(column) + " is '" + std::string(value) + "' in row " + row +
                       ", which this version does not know") {}
};

}  // namespace pricewire::storage
