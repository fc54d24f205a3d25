#pragma once

#include <memory>
#include <thread>

#include "base/stop_signal.hpp"
#include "storage/postgres/connection.hpp"

namespace pricewire::storage::postgres {

// The thread and the connection that hear of every process' changes. Listens when the constructor returns;
// throws StorageError where it cannot. A connection that is lost is opened again, with growing pauses, and
// what may have been missed meanwhile is told.
class Listener {
public:
    Listener(const ConnectionOptions& options, StorageEvents events, Watchdog& watchdog);
    ~Listener();
    Listener(const Listener&) = delete;
    Listener& operator=(const Listener&) = delete;

private:
    class Receiver;

    void listen();
    void hang_up();
    void run();
    void follow();
    bool reconnect();
    void hear(const std::string& payload);
    void tell_what_may_be_missed();
    // Waits for the connection to say something. False where it is time to stop.
    bool wait(Duration patience);

    const ConnectionOptions options_;
    const StorageEvents events_;
    Watchdog& watchdog_;
    std::unique_ptr<Connection> connection_;
    std::unique_ptr<Receiver> receiver_;
    StopSignal stop_;
    std::thread thread_;
};

}  // namespace pricewire::storage::postgres
