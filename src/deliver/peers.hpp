#pragma once

#include <algorithm>
#include <cstddef>
#include <string>

#include "base/clock.hpp"
#include "storage/outbox.hpp"

namespace pricewire::deliver {

// One of several senders on a database: reports that it is alive, and gives back the claims of dead ones. One
// thread.
class Peers {
public:
    // Each report is valid for `alive_for`; zero if the sender is alone, which then is always alive.
    Peers(const std::string& owner, Duration alive_for, storage::Outbox& storage, const Clock& clock);

    bool alone() const { return alive_for_ == Duration::zero(); }
    // Whether the others consider it alive.
    bool alive() const { return alone() || clock_.mono() < alive_until_; }
    // Until when, if it does not report again.
    MonoTime alive_until() const { return alone() ? MonoTime::max() : alive_until_; }
    // How often it was dead, and then reported again.
    int revivals() const { return revivals_; }
    bool due() const { return clock_.mono() >= next_step(); }
    MonoTime next_step() const { return alone() ? MonoTime::max() : std::min(report_at_, check_at_); }
    // Reports and checks what is due. A sender that has been dead first gives back what it held, as others
    // would. True if deliveries were given back and are due. Throws what the storage throws.
    bool step();

private:
    bool report();
    bool check();

    const std::string owner_;
    const Duration alive_for_;
    storage::Outbox& storage_;
    const Clock& clock_;
    MonoTime report_at_ = MonoTime::min();
    MonoTime check_at_ = MonoTime::min();
    MonoTime alive_until_ = MonoTime::min();
    int revivals_ = 0;
};

}  // namespace pricewire::deliver
