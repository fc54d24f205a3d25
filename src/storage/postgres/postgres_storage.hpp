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
    std::size_t pool = 8;  // maximum number, besides the listening one; opened as needed
    Duration connect_timeout = std::chrono::seconds{3};    // to each host; whole seconds, at least 2
    Duration statement_timeout = std::chrono::seconds{5};  // for each statement except the snapshot's
    Duration pool_wait = std::chrono::seconds{5};          // for a free connection; beyond: StorageError
    // A streaming replica for reads that say that they may be behind, while it is no more than that behind. Empty: none.
    std::string replica_url = {};
    Duration replica_lag = std::chrono::seconds{5};
};

// Storage in a PostgreSQL database (15 or newer, encoding UTF8) that any number of processes share.
// postgres_migrate() creates the schema. Throws StorageError if the database is unreachable or does not have
// this program's schema.
//
// A lost connection is replaced by the next call; the call that lost it throws, and may have been committed
// if it was lost during the commit. Calls aborted by the server (serialization failure, deadlock) are retried
// a few times.
//
// Events, if any is set, report the changes of all processes, in commit order, on the listening thread, soon
// after the call that caused them has returned. After the listening connection was lost, alerts_missed() and
// user_changed(nullopt) are called once it is back.
//
// What replace_secrets() or delete_user() overwrites remains in PostgreSQL's files as dead rows and in the
// write-ahead log until vacuum and log recycling.
std::unique_ptr<Storage> create_postgres_storage(const PostgresOptions& options, StorageEvents events);

// "host:port/database" of a URL, for messages; never user or password. Error: the URL is invalid.
Result<std::string> postgres_address(const std::string& url);

}  // namespace pricewire::storage
