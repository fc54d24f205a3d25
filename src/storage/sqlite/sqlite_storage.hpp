#pragma once

#include <filesystem>
#include <memory>

#include "storage/storage.hpp"

namespace pricewire::storage {

struct SqliteOptions {
    std::filesystem::path file;
    Duration busy_timeout = std::chrono::seconds{5};  // how long to wait for another process's write lock
    int readers = 4;                                  // connections for reading, opened as needed
    // Writes zeros into the log as far as it grows between checkpoints (16 MB), once nobody else writes and where the disk
    // has room: a flush takes about half as long where the file does not grow.
    bool prepare_log = false;
};

// Storage in one SQLite file (WAL). Creates the file, private to its owner, and brings its schema up to date.
// Events are raised on a thread that writes, before the call that caused them returns. A change of users made
// by another process is noticed within a fraction of a second. Throws StorageError if the file cannot be
// used, with the reason.
std::unique_ptr<Storage> create_sqlite_storage(const SqliteOptions& options, StorageEvents events);

}  // namespace pricewire::storage
