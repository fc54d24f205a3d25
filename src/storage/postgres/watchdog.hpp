#pragma once

#include <list>
#include <thread>

#include "base/clock.hpp"
#include "base/mutex.hpp"

namespace pricewire::storage::postgres {

// Ends waits that libpq would never end: the connection to a stopped server, or through a network that drops
// everything, stays open, and neither the server's nor the kernel's timeouts apply. The socket of a call past
// its deadline is shut down, so that libpq finds the connection broken. Thread-safe.
class Watchdog {
public:
    Watchdog();
    ~Watchdog();
    Watchdog(const Watchdog&) = delete;
    Watchdog& operator=(const Watchdog&) = delete;

    // Watches one call on a socket, which must stay open while this lives.
    class Watch {
    public:
        Watch(Watchdog& watchdog, int socket, Duration patience);
        ~Watch();
        Watch(const Watch&) = delete;
        Watch& operator=(const Watch&) = delete;

    private:
        struct Entry {
            int socket;
            MonoTime deadline;
        };
        friend class Watchdog;
        Watchdog& watchdog_;
        std::list<Entry>::iterator entry_;
    };

private:
    void run();

    Mutex mutex_;
    CondVar stop_;
    bool stopping_ GUARDED_BY(mutex_) = false;
    std::list<Watch::Entry> watched_ GUARDED_BY(mutex_);
    std::thread thread_;
};

}  // namespace pricewire::storage::postgres
