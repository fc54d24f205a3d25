#pragma once

#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "base/stop_signal.hpp"
#include "storage/postgres/changes.hpp"
#include "storage/postgres/connection.hpp"

namespace pricewire::storage::postgres {

// The thread and the connection that receive the changes made by all processes. Listens once the constructor
// returns; throws StorageError if it cannot. A lost connection is reopened with back-off, and then reported
// as possibly missed changes.
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
    void report_received();
    void report(const std::string& payload);
    // Completes the changes of alerts with terms from their rows; one that is not active any more counts as deleted.
    void read_rows(ReceivedChanges& received);
    void skip(const std::vector<Uuid>& unknown);
    void report_possible_misses();
    // Waits until the connection is readable. False if it is time to stop.
    bool wait(Duration patience);

    const ConnectionOptions options_;
    const StorageEvents events_;
    Watchdog& watchdog_;
    std::unique_ptr<Connection> connection_;
    std::unique_ptr<Receiver> receiver_;
    std::vector<std::string> payloads_;  // received, not yet reported: that may need a query
    StopSignal stop_;
    std::thread thread_;
};

}  // namespace pricewire::storage::postgres
