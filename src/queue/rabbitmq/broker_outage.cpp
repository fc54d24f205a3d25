#include "queue/rabbitmq/broker_outage.hpp"

#include <utility>

#include "base/log.hpp"

namespace pricewire::queue {

void BrokerOutage::lost(Side side, const BrokerError& e) {
    MutexLock lock(mutex_);
    lost_[static_cast<std::size_t>(side)] = true;
    // A first "busy" usually resolves itself within a moment.
    const bool first_busy = e.kind == BrokerError::Kind::busy && !std::exchange(was_busy_, true);
    if (said_ == e.kind || first_busy) return;
    said_ = e.kind;
    say(e);
}

void BrokerOutage::over(Side side) {
    MutexLock lock(mutex_);
    lost_[static_cast<std::size_t>(side)] = false;
    was_busy_ = false;
    if (lost_[0] || lost_[1] || !said_) return;
    said_.reset();
    log::info("the message broker is usable again",
              {{"broker", broker_}, {"left_to_the_database", std::to_string(std::exchange(left_, 0))}});
}

void BrokerOutage::forget(Side side) {
    MutexLock lock(mutex_);
    lost_[static_cast<std::size_t>(side)] = false;
    if (!lost_[0] && !lost_[1]) said_.reset();
}

void BrokerOutage::left_to_database(std::size_t tasks) {
    MutexLock lock(mutex_);
    if (tasks == 0) return;
    left_ += tasks;
    if (said_ || std::exchange(left_said_, true)) return;
    log::warn(
        "the message broker does not accept all tasks in time; senders find the rest in the database, later",
        {{"broker", broker_}});
}

void BrokerOutage::say(const BrokerError& e) const {
    switch (e.kind) {
        case BrokerError::Kind::away:
        case BrokerError::Kind::busy:
            log::warn(
                "the message broker cannot be used; until a retry succeeds senders find deliveries in the "
                "database, up to a second later",
                {{"broker", broker_}, {"reason", e.what()}});
            return;
        case BrokerError::Kind::refused:
            log::error(
                "the message broker refuses this program; correct storage.rabbitmq_url or the user's "
                "permissions (until then senders find deliveries in the database, up to a second later)",
                {{"broker", broker_}, {"reason", e.what()}});
            return;
        case BrokerError::Kind::queue_differs:
            log::error(
                "the broker's queue was declared with other arguments than those of a durable classic queue, "
                "perhaps by another program; set storage.rabbitmq_queue to another name, or delete the "
                "queue, and it is declared again (until then senders find deliveries in the database, up "
                "to a second later)",
                {{"broker", broker_}, {"queue", queue_}, {"reason", e.what()}});
            return;
        case BrokerError::Kind::blocked:
            log::warn(
                "the message broker is short of memory or disk and accepts nothing; until it does, senders "
                "find deliveries in the database, up to a second later",
                {{"broker", broker_}, {"reason", e.what()}});
            return;
    }
}

}  // namespace pricewire::queue
