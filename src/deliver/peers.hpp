#pragma once

#include <algorithm>
#include <string>

#include "base/clock.hpp"
#include "storage/outbox.hpp"

namespace pricewire::deliver {

// A sender among others on one database: says that it lives, and gives back what dead ones hold. One thread.
class Peers {
public:
    // A life is told for `alive_for`; zero where the sender is alone, which then lives for ever.
    Peers(const std::string& owner, Duration alive_for, storage::Outbox& storage, const Clock& clock);

    bool alone() const { return alive_for_ == Duration::zero(); }
    // Whether the others hold it for alive.
    bool alive() const { return alone() || clock_.mono() < alive_until_; }
    bool due() const { return clock_.mono() >= next_step(); }
    MonoTime next_step() const { return alone() ? MonoTime::max() : std::min(tell_at_, look_at_); }
    // Says and asks what is due. One that was dead meanwhile first gives back what it held, as others would.
    // True where something was given back and is due. Throws what the storage throws.
    bool step();

private:
    bool tell();
    bool look();

    const std::string owner_;
    const Duration alive_for_;
    storage::Outbox& storage_;
    const Clock& clock_;
    MonoTime tell_at_ = MonoTime::min();
    MonoTime look_at_ = MonoTime::min();
    MonoTime alive_until_ = MonoTime::min();
};

}  // namespace pricewire::deliver
