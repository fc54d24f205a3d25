#pragma once

#include <stdexcept>

namespace pricewire::storage {

// Thrown by every method when the database is unreachable, full, locked past its deadline or broken. Nothing
// of the call was committed. Callers log it once at a worker's edge and retry, or answer 503.
class StorageError : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

}  // namespace pricewire::storage
