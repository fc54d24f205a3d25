#include "storage/postgres/replica.hpp"

#include <algorithm>

#include "storage/postgres/pool.hpp"

namespace pricewire::storage::postgres {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t most_marks = 1000;

// A replica that hangs must not hold up who could ask the primary.
PostgresOptions replica_options(PostgresOptions options) {
    options.url = std::move(options.replica_url);
    options.replica_url.clear();
    options.connect_timeout = 2s;
    options.statement_timeout = std::min<Duration>(options.statement_timeout, 2s);
    options.pool_wait = 100ms;
    return options;
}

std::string address_of(const PostgresOptions& options) {
    return postgres_address(options.replica_url).value_or("?");
}

}  // namespace

Replica::Replica(const PostgresOptions& options, Pool& primary)
    : lag_(options.replica_lag),
      primary_(primary),
      pool_(std::make_unique<Pool>(replica_options(options))),
      outage_("the replica " + address_of(options), "what it could be asked is read from the primary",
              "it is read from again") {
    thread_ = std::thread([this] { run(); });
}

Replica::~Replica() {
    stop_.set();
    thread_.join();
}

Pool* Replica::pool() {
    const MonoTime now = system_clock().mono();
    MutexLock lock(mutex_);
    return has_all_of_ && now - *has_all_of_ <= lag_ ? pool_.get() : nullptr;
}

void Replica::failed() {
    MutexLock lock(mutex_);
    has_all_of_.reset();
}

void Replica::run() {
    // So that a mark and the look that finds it replayed fit into the lag several times.
    const Duration every = std::clamp<Duration>(lag_ / 8, 10ms, 1s);
    for (; !stop_.is_set(); stop_.wait_for(every)) look();
}

void Replica::look() {
    std::optional<MonoTime> seen;
    try {
        const MonoTime at = system_clock().mono();
        const auto position = primary_.read([](Connection& db) {
            return db.first([](const Row& row) { return row.number(0); }, "wal_written");
        });
        if (position) marks_.push_back({at, *position});
        if (marks_.size() > most_marks) marks_.pop_front();
    } catch (const StorageError&) {
        // Without marks the replica is soon too old to be read; that the primary is gone, others say.
        return;
    }
    try {
        const auto reached = replayed();
        if (!reached) throw StorageError("it is not in recovery, so it is no replica of the primary");
        for (; !marks_.empty() && marks_.front().position <= *reached; marks_.pop_front())
            seen = marks_.front().at;
        outage_.end();
    } catch (const StorageError& e) {
        outage_.begin(e.what());
        failed();
        return;
    }
    if (!seen) return;
    MutexLock lock(mutex_);
    has_all_of_ = seen;
}

std::optional<std::int64_t> Replica::replayed() {
    return pool_->read([](Connection& db) {
        return db.first([](const Row& row) { return row.number(0); }, "wal_replayed");
    });
}

}  // namespace pricewire::storage::postgres
