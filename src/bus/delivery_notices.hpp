#pragma once

#include <functional>
#include <span>

#include "base/clock.hpp"
#include "domain/delivery.hpp"

namespace pricewire::bus {

// Callbacks of a subscriber, called on a thread of the implementation (in process: the publisher's). They
// must return quickly.
struct NoticeSubscriber {
    std::function<void(std::span<const DeliveryNotice>)> notices;
    // Notices since this time may have been lost: ask the database.
    std::function<void(Timestamp since)> missed;
};

// Announces that deliveries were written, and that they or alerts have changed, to the API processes that show them.
// Notices are hints, sent after the commit: they may be lost, duplicated or late. Thread-safe.
class DeliveryNotices {
public:
    virtual ~DeliveryNotices() = default;
    // Never waits for the network.
    virtual void publish(std::span<const DeliveryNotice> notices) = 0;
    // Replaces the subscriber, if there is one. What its callbacks use must outlive unsubscribe().
    virtual void subscribe(NoticeSubscriber subscriber) = 0;
    // No callback runs once this returns.
    virtual void unsubscribe() = 0;
};

}  // namespace pricewire::bus
