#include "storage/postgres/pool.hpp"

#include <random>
#include <thread>

#include "base/backoff.hpp"

namespace pricewire::storage::postgres {

Pool::Pool(const PostgresOptions& options) : options_(options) {
    if (!options.replica_url.empty()) replica_ = std::make_unique<Replica>(options, *this);
}

bool Pool::should_retry(const pqxx::sql_error& error) {
    // 23505: another transaction has inserted a unique key after this one had looked for it.
    return error.sqlstate() == "40001" || error.sqlstate() == "40P01" || error.sqlstate() == "23505";
}

void Pool::pause(int tries) {
    static thread_local Rng rng{std::random_device{}()};
    constexpr BackoffPolicy policy{std::chrono::milliseconds{5}, std::chrono::milliseconds{100}};
    std::this_thread::sleep_for(policy.full_jitter(tries, rng));
}

bool Pool::undo(Connection& connection) {
    try {
        if (connection.in_transaction()) connection.rollback();
        return true;
    } catch (const pqxx::failure&) {
        return false;
    }
}

sql::Connections<Connection>::Lease Pool::take(std::optional<Durability> durability) {
    return connections_.take(
        system_clock().mono() + options_.pool_wait, [](Connection& idle) { return idle.seems_alive(); },
        [&] {
            return std::make_unique<Connection>(
                ConnectionOptions{options_.url, options_.connect_timeout, options_.statement_timeout},
                watchdog_);
        },
        [&](const Connection& idle) { return !durability || idle.durability() == durability; });
}

}  // namespace pricewire::storage::postgres
