#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "base/backoff.hpp"
#include "base/mutex.hpp"
#include "queue/rabbitmq/connection.hpp"

namespace pricewire::queue {

// For both connections to the broker. One that has worked for `steady_after` starts the back-off again.
inline constexpr BackoffPolicy reconnect_policy{std::chrono::milliseconds{100}, std::chrono::seconds{3}};
inline constexpr Duration steady_after = std::chrono::seconds{5};

// Logs an outage of the broker: one line when the first of the two connections is lost, another when the reason
// becomes one of another kind, one when both work again. Thread-safe.
class BrokerOutage {
public:
    enum class Side : std::uint8_t { publishing, consuming };

    BrokerOutage(std::string broker, std::string queue)
        : broker_(std::move(broker)), queue_(std::move(queue)) {}

    void lost(Side side, const BrokerError& e);
    void over(Side side);
    // The connection is closed on purpose: neither lost nor working.
    void forget(Side side);
    // Tasks that were left to the database: logged at the end of the outage, or once without an outage.
    void left_to_database(std::size_t tasks);

private:
    void say(const BrokerError& e) const;

    const std::string broker_;
    const std::string queue_;
    Mutex mutex_;
    std::array<bool, 2> lost_ GUARDED_BY(mutex_){};
    std::optional<BrokerError::Kind> said_ GUARDED_BY(mutex_);
    bool was_busy_ GUARDED_BY(mutex_) = false;
    std::size_t left_ GUARDED_BY(mutex_) = 0;
    bool left_said_ GUARDED_BY(mutex_) = false;
};

}  // namespace pricewire::queue
