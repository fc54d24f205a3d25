#pragma once

#include <functional>
#include <thread>

#include "base/clock.hpp"
#include "base/mailbox.hpp"
#include "domain/alert.hpp"
#include "storage/storage.hpp"

namespace pricewire::app {

// Adds to expiries how close the alert came, from stored bars, on a thread of its own: it queries the database for each
// of them, and firings must not wait for that. If the process is killed meanwhile, the alert expires again after a
// start.
class Expiries {
public:
    // `done` is called on its thread with each group, in order. `storage`, `clock` and what `done` uses outlive it.
    Expiries(storage::Storage& storage, const Clock& clock, std::function<void(FiringGroup)> done);
    // Those that wait are passed on as they are.
    ~Expiries();
    Expiries(const Expiries&) = delete;
    Expiries& operator=(const Expiries&) = delete;

    void take(FiringGroup group) { groups_.push(std::move(group)); }

private:
    void run();
    void complete(Expiry& expiry, MonoTime until);

    storage::Storage& storage_;
    const Clock& clock_;
    const std::function<void(FiringGroup)> done_;
    Mailbox<FiringGroup> groups_;
    std::thread thread_;
};

}  // namespace pricewire::app
