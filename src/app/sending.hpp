#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "app/charging.hpp"
#include "app/sharding.hpp"
#include "base/clock.hpp"
#include "base/mutex.hpp"
#include "cluster/pulse.hpp"
#include "deliver/sender.hpp"
#include "deliver/slots.hpp"
#include "storage/members.hpp"

namespace pricewire::app {

// What a sender that shares its database learns of the others, and reports to them. Thread-safe.
class Sending {
public:
    // Fills in the options of its sender, which it outlives; `sharding` and `clock` outlive it. Reads `members` now.
    Sending(Sharding& sharding, storage::Members& members, const Clock& clock,
            deliver::SenderOptions& options);
    ~Sending() { end(); }
    Sending(const Sending&) = delete;
    Sending& operator=(const Sending&) = delete;

    // The sender has begun: others leave it its share. end() comes before its end.
    void begun(const deliver::Sender& sender);
    // It is in charge of nothing from now on.
    void resign();
    void end();

private:
    std::shared_ptr<const deliver::Charge> charge() const;
    void settled_by(const std::string& view);
    void renewed(const cluster::Group& senders);
    cluster::Work report(const deliver::Sender& sender, MemberReport& report);

    Sharding& sharding_;
    const Clock& clock_;
    const std::string id_;
    mutable Mutex mutex_;
    bool resigned_ GUARDED_BY(mutex_) = false;
    std::shared_ptr<const deliver::Charge> charge_ GUARDED_BY(mutex_);
    std::string settled_view_ GUARDED_BY(mutex_);

    // Used by the membership's thread only, after begun().
    Charging charging_;
    // Shorter than others, since a sender's own steps may be 0.25 s apart when it takes over.
    cluster::Pulse pulse_{std::chrono::seconds{1}};
};

// The name of a sender's own queue.
std::string queue_of_sender(const std::string& queue_of_all, const std::string& id);
// For RabbitmqOptions::queue_of. The Sharding outlives it.
std::function<std::string(std::uint8_t)> queues_of_senders(const Sharding& sharding,
                                                           std::string queue_of_all);

}  // namespace pricewire::app
