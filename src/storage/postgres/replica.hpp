#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <thread>

#include "base/clock.hpp"
#include "base/mutex.hpp"
#include "base/outage.hpp"
#include "base/stop_signal.hpp"
#include "storage/postgres/postgres_storage.hpp"

namespace pricewire::storage::postgres {

class Pool;

// A streaming replica that takes reads for as long as it is known to have all that was committed up to a moment ago, at most
// PostgresOptions::replica_lag. How far it is behind is measured in the write-ahead log, by a thread: it has replayed what the
// primary had written at some moment. So no clock has to be right, and a replica that has lost its primary, or was promoted,
// is found out. Thread-safe.
class Replica {
public:
    // Of `primary`, which outlives it.
    Replica(const PostgresOptions& options, Pool& primary);
    ~Replica();
    Replica(const Replica&) = delete;
    Replica& operator=(const Replica&) = delete;

    // Null while it is down, or too far behind.
    Pool* pool();
    // A read from it has failed: nothing is read from it until it has been seen again.
    void failed();

private:
    // The primary's position, read after `at`.
    struct Mark {
        MonoTime at;
        std::int64_t position = 0;
    };

    void run();
    void look();
    // nullopt: it is no replica any more.
    std::optional<std::int64_t> replayed();

    const Duration lag_;
    Pool& primary_;
    const std::unique_ptr<Pool> pool_;
    Outage outage_;
    std::deque<Mark> marks_;  // the thread's; by age
    Mutex mutex_;
    std::optional<MonoTime> has_all_of_ GUARDED_BY(mutex_);
    StopSignal stop_;
    std::thread thread_;
};

}  // namespace pricewire::storage::postgres
