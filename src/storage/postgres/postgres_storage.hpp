#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include "base/result.hpp"
#include "storage/storage.hpp"

namespace pricewire::storage {

struct PostgresOptions {
    // "postgresql://user:password@host:port/database?sslmode=verify-full&sslrootcert=…": libpq's connection
    // URI (PostgreSQL 15 manual, 34.1.1.2) with all its options; several hosts are tried in turn.
    std::string url;
    std::size_t pool = 8;  // connections at most, beside the one that listens; opened as needed
    Duration connect_timeout = std::chrono::seconds{3};    // to each host; whole seconds, at least 2
    Duration statement_timeout = std::chrono::seconds{5};  // of each statement but the snapshot's
    Duration pool_wait = std::chrono::seconds{5};          // for a free connection; beyond: StorageError
};

// Storage in a PostgreSQL database (15 or newer, encoding UTF8) that any number of processes share. The
// schema is made by postgres_migrate(). Throws StorageError where the database cannot be reached or has not
// the schema of this program (says which).
//
// A connection that is lost is replaced by the next call; the call that lost it throws, and where it was lost
// during the commit that call may have been committed all the same. Calls that lose against another process
// (serialization, deadlock) are tried again a few times.
//
// Events, where any is wanted, tell of all processes' changes, in commit order, on the listening thread: soon
// after the call that caused them, not before it returns. After the listening connection was lost,
// alerts_missed() and user_changed(nullopt) are called once it is there again.
//
// What replace_secrets() or delete_user() overwrites stays in PostgreSQL's files as dead rows and as
// write-ahead log until vacuum and log rotation have passed over it.
std::unique_ptr<Storage> create_postgres_storage(const PostgresOptions& options, StorageEvents events);

// "host:port/database" of a URL, for a log; or that it is none. Never holds user or password.
Result<std::string> postgres_address(const std::string& url);

}  // namespace pricewire::storage
