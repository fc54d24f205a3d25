#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "base/mutex.hpp"
#include "queue/rabbitmq/connection.hpp"

namespace pricewire::queue {

// What operators hear of a broker that is away: one line when the first of its two connections is lost,
// another where the reason becomes one of another kind, one when both are there again. Thread-safe.
class Outage {
public:
    enum class Side : std::uint8_t { publishing, consuming };

    Outage(std::string broker, std::string queue) : broker_(std::move(broker)), queue_(std::move(queue)) {}

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
