#pragma once

#include <list>
#include <thread>

#include "base/clock.hpp"
#include "base/mutex.hpp"

namespace pricewire::storage::postgres {

// Ends waits that libpq would wait for ever: a server that is stopped, or behind a gate that swallows all,
// still has an open connection, and neither its own time-outs nor the kernel's are of any help. The socket of
// a call that is past its deadline is shut down, whereupon libpq finds the connection broken. Thread-safe.
class Watchdog {
public:
    Watchdog();
    ~Watchdog();
    Watchdog(const Watchdog&) = delete;
    Watchdog& operator=(const Watchdog&) = delete;

    // Watches over one call on a socket, which stays open for as long as this lives.
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
