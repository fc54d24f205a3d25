#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>

#include "alert/checker.hpp"
#include "app/expiries.hpp"
#include "app/known_past.hpp"
#include "app/listeners.hpp"
#include "app/progress.hpp"
#include "app/sharding.hpp"
#include "base/mutex.hpp"
#include "bus/price_bus.hpp"
#include "cluster/holding.hpp"
#include "cluster/lag.hpp"
#include "cluster/pulse.hpp"
#include "deliver/sender.hpp"
#include "history/bar_writer.hpp"
#include "metrics/instruments.hpp"
#include "ops/config.hpp"
#include "outbox/outbox.hpp"
#include "queue/delivery_queue.hpp"
#include "recover/recorder.hpp"
#include "storage/storage.hpp"

namespace pricewire::app {

// A checker, and what it is connected to: prices and changes of alerts come in, firings go to the outbox, and how far
// prices were judged, with their firings durable, is reported to the bus and to the recorder of blind time.
class Checking {
public:
    struct Uses {
        const ops::Config& config;
        storage::Storage& storage;
        queue::DeliveryQueue& queue;
        bus::PriceBus& bus;
        Listeners& listeners;
        metrics::Instruments& instruments;
        const Clock& clock;
        deliver::Sender* sender = nullptr;   // of this process, if it has one
        history::BarWriter* bars = nullptr;  // of this process, if it has one
        Sharding* sharding = nullptr;        // if there may be other checkers
        // After each commit of the outbox, on its thread.
        std::function<void(std::span<const FiringGroup>, std::span<const DeliveryTask>)> written;
    };
    // All of `uses` outlive it.
    explicit Checking(Uses uses);
    ~Checking();
    Checking(const Checking&) = delete;
    Checking& operator=(const Checking&) = delete;

    bool ready() const { return checker_->ready(); }
    // A checker without a snapshot reads nothing from its mailbox, and a caller that waits for room there would block a
    // stop. The next start reads the messages again.
    void stop_if_not_ready() {
        if (!ready()) checker_->stop();
    }
    // Nothing may come from the bus any more.
    void stop();

private:
    void fire(FiringGroup group);
    void on_written(std::span<const FiringGroup> groups, std::span<const DeliveryTask> tasks);
    void mark(Mark mark);
    void reached(bus::BusPosition position);
    bool divides() const { return uses_.sharding != nullptr && uses_.sharding->divides(MemberRole::checker); }
    alert::Share share() const;
    cluster::Work report(MemberReport& report);
    void on_group(const std::shared_ptr<const cluster::Group>& group);
    void attach();

    const Uses uses_;
    const std::optional<Pause> pause_;
    std::unique_ptr<outbox::Outbox> outbox_;
    std::unique_ptr<Expiries> expiries_;
    mutable Mutex mutex_;
    OthersProgress others_ GUARDED_BY(mutex_);  // asked by the recorder's thread, too
    std::string position_ GUARDED_BY(mutex_);
    std::unique_ptr<recover::Recorder> recorder_;
    Marks marks_;
    Progress progress_;  // used by the checker's thread
    // Used by the membership's thread, once it is attached.
    std::optional<cluster::Holding> holding_;
    cluster::Pulse pulse_;
    cluster::Lag lag_;
    std::unique_ptr<alert::Checker> checker_;
};

}  // namespace pricewire::app
