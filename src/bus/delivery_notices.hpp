#pragma once

#include <functional>
#include <span>

#include "base/clock.hpp"
#include "domain/delivery.hpp"

namespace pricewire::bus {

// What a subscriber is told, on a thread of the notices' (in process: the publisher's). Functions return
// quickly.
struct NoticeSubscriber {
    std::function<void(std::span<const DeliveryNotice>)> notices;
    // Notices from this moment on may have been lost: ask the database.
    std::function<void(Timestamp since)> missed;
};

// Says that deliveries were written or have changed, from whoever changed them to the API processes that show
// them. A hint, given after the commit: it may be lost, and come twice or late. Thread-safe.
class DeliveryNotices {
public:
    virtual ~DeliveryNotices() = default;
    // Never waits for a network.
    virtual void publish(std::span<const DeliveryNotice> notices) = 0;
    // One subscriber; what its functions use lives until unsubscribe().
    virtual void subscribe(NoticeSubscriber subscriber) = 0;
    // Nobody is told anything once this returns.
    virtual void unsubscribe() = 0;
};

}  // namespace pricewire::bus
