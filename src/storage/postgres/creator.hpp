#pragma once

#include <cstdint>
#include <exception>
#include <span>
#include <vector>

#include "base/mutex.hpp"
#include "storage/alerts.hpp"
#include "storage/postgres/pool.hpp"

namespace pricewire::storage::postgres {

// Creates alerts. Commits that notify are serialized, flush included (PostgreSQL takes one lock for them), so
// alerts created one by one would be limited by the disk however many callers there are: requests that arrive
// during a commit share the next one. Thread-safe.
class Creator {
public:
    explicit Creator(Pool& pool) : pool_(pool) {}

    // As Alerts::create_alerts().
    std::vector<CreateAlertResult> create(std::span<const Alert> alerts, std::size_t limit,
                                          const IdempotentRequest* request, const Alerts::AnswerOf& answer);
    // As Alerts::create_each(), but never throws.
    void create_each(std::span<AlertCreation> creations);

private:
    struct Job {
        std::vector<Alert> alerts;
        std::size_t limit;
        const IdempotentRequest* request;  // may be null
        const Alerts::AnswerOf& answer;
        std::vector<CreateAlertResult> results = {};
        std::exception_ptr error = nullptr;
        bool done = false;
    };
    // Of a user's, before the group.
    struct Room {
        std::int64_t active = 0;
        bool deleted = false;
    };
    // One alert of a job.
    struct Place {
        Job* job;
        std::size_t at;
        Room room = {};  // once it is inserted
        const Alert& alert() const { return job->alerts[at]; }
        CreateAlertResult& result() const { return job->results[at]; }
    };

    void finish(std::span<Job> jobs);
    std::vector<Job*> take_group() REQUIRES(mutex_);
    void create_all(const std::vector<Job*>& jobs);
    static void create_in(Connection& db, const std::vector<Job*>& jobs);
    static std::vector<Place> with_keys(Connection& db, const std::vector<Job*>& jobs);
    static std::vector<Place> insert(Connection& db, const std::vector<Place>& places);
    static void admit(Connection& db, const std::vector<Place>& inserted);
    static void answer(Connection& db, const std::vector<Job*>& jobs);

    Pool& pool_;
    Mutex mutex_;
    CondVar changed_;
    std::vector<Job*> waiting_ GUARDED_BY(mutex_);
    bool busy_ GUARDED_BY(mutex_) = false;
};

}  // namespace pricewire::storage::postgres
