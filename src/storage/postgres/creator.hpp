#pragma once

#include <expected>
#include <vector>

#include "base/mutex.hpp"
#include "storage/postgres/pool.hpp"

namespace pricewire::storage::postgres {

// Creates alerts. Commits that notify are serialized, flush included (PostgreSQL takes one lock for them), so
// alerts created one by one would be limited by the disk however many callers there are: requests that arrive
// during a commit share the next one. Thread-safe.
class Creator {
public:
    explicit Creator(Pool& pool) : pool_(pool) {}

    std::expected<void, CreateAlertError> create(const Alert& alert, std::size_t limit);

private:
    struct Job {
        const Alert* alert;
        std::size_t limit;
        std::expected<void, CreateAlertError> result;
        std::exception_ptr error;
        bool done = false;
    };

    void create_all(const std::vector<Job*>& jobs);
    void create_in(Connection& db, std::vector<Job*> jobs);

    Pool& pool_;
    Mutex mutex_;
    CondVar changed_;
    std::vector<Job*> waiting_ GUARDED_BY(mutex_);
    bool busy_ GUARDED_BY(mutex_) = false;
};

}  // namespace pricewire::storage::postgres
