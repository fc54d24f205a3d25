#pragma once

#include <filesystem>
#include <memory>

#include "storage/storage.hpp"

namespace pricewire::storage {

struct SqliteOptions {
    std::filesystem::path file;
    Duration busy_timeout = std::chrono::seconds{5};  // how long another process may hold the write lock
    int readers = 4;                                  // connections for reading, opened as needed
};

// Storage in one SQLite file (WAL). Creates it, private to its owner, and its schema where they are missing.
// Events are raised on the writer's thread, before the call that caused them returns. A change of users made
// by another process is noticed within a fraction of a second. Throws StorageError where the file cannot be
// used, and says why.
std::unique_ptr<Storage> create_sqlite_storage(const SqliteOptions& options, StorageEvents events);

}  // namespace pricewire::storage
