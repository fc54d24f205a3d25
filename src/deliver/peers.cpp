#include "deliver/peers.hpp"

#include <chrono>

#include "base/log.hpp"

namespace pricewire::deliver {
namespace {

constexpr Duration look_every = std::chrono::seconds{1};
// Two in a row may be late.
constexpr int tells_a_life = 3;

}  // namespace

Peers::Peers(const std::string& owner, Duration alive_for, storage::Outbox& storage, const Clock& clock)
    : owner_(owner), alive_for_(alive_for), storage_(storage), clock_(clock) {}

bool Peers::step() {
    bool given_back = false;
    if (clock_.mono() >= tell_at_) given_back = tell();
    if (clock_.mono() >= look_at_) given_back = look() || given_back;
    return given_back;
}

bool Peers::tell() {
    const bool was_dead = alive_until_ != MonoTime::min() && !alive();
    std::size_t given_back = 0;
    if (was_dead) given_back = storage_.release_claims(owner_);
    // Before the call: it may take its time.
    const MonoTime told_at = clock_.mono();
    storage_.keep_alive(owner_, clock_.now() + alive_for_);
    alive_until_ = told_at + alive_for_;
    tell_at_ = told_at + alive_for_ / tells_a_life;
    if (was_dead) {
        log::warn(
            "this sender could not say in time that it lives; others have taken over what it held, and may "
            "attempt again what was under way",
            {{"given_back", std::to_string(given_back)}});
    }
    return given_back > 0;
}

bool Peers::look() {
    look_at_ = clock_.mono() + look_every;
    const std::size_t given_back = storage_.release_dead(clock_.now());
    if (given_back == 0) return false;
    log::warn("a sender is gone without having said so; what it held is attempted by the others",
              {{"deliveries", std::to_string(given_back)}});
    return true;
}

}  // namespace pricewire::deliver
