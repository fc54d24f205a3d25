#include "storage/postgres/watchdog.hpp"

#include <sys/socket.h>

namespace pricewire::storage::postgres {
namespace {

// How late a deadline may be noticed. Polling costs nothing; waking up for each call would.
constexpr auto look_every = std::chrono::milliseconds{250};

}  // namespace

Watchdog::Watchdog() : thread_([this] { run(); }) {}

Watchdog::~Watchdog() {
    {
        MutexLock lock(mutex_);
        stopping_ = true;
    }
    stop_.notify_all();
    thread_.join();
}

void Watchdog::run() {
    MutexLock lock(mutex_);
    while (!stop_.wait_for(lock, look_every, [&]() REQUIRES(mutex_) { return stopping_; })) {
        const MonoTime now = system_clock().mono();
        for (const Watch::Entry& entry : watched_) {
            if (entry.deadline <= now) shutdown(entry.socket, SHUT_RDWR);
        }
    }
}

Watchdog::Watch::Watch(Watchdog& watchdog, int socket, Duration patience) : watchdog_(watchdog) {
    MutexLock lock(watchdog_.mutex_);
    entry_ = watchdog_.watched_.insert(watchdog_.watched_.end(), {socket, system_clock().mono() + patience});
}

Watchdog::Watch::~Watch() {
    MutexLock lock(watchdog_.mutex_);
    watchdog_.watched_.erase(entry_);
}

}  // namespace pricewire::storage::postgres
