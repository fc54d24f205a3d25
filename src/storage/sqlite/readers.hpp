#pragma once

#include <memory>
#include <vector>

#include "base/mutex.hpp"
#include "storage/sqlite/connection.hpp"
#include "storage/sqlite/sqlite_storage.hpp"

namespace pricewire::storage::sqlite {

// Read connections, opened as needed, each used by one thread at a time. Thread-safe.
class Readers {
public:
    explicit Readers(const SqliteOptions& options) : options_(options) {}

    // Waits if all are in use. Throws StorageError.
    template <typename F>
    auto run(F&& f) {
        const Lease lease(*this);
        return translate([&] { return f(*lease.connection); });
    }

private:
    struct Lease {
        explicit Lease(Readers& readers) : pool(readers), connection(readers.take()) {}
        ~Lease() { pool.give(std::move(connection)); }
        Lease(const Lease&) = delete;
        Lease& operator=(const Lease&) = delete;
        Readers& pool;
        std::unique_ptr<Connection> connection;
    };

    std::unique_ptr<Connection> take();
    void give(std::unique_ptr<Connection> connection);

    const SqliteOptions options_;
    Mutex mutex_;
    CondVar freed_;
    std::vector<std::unique_ptr<Connection>> idle_ GUARDED_BY(mutex_);
    int open_ GUARDED_BY(mutex_) = 0;
};

}  // namespace pricewire::storage::sqlite
