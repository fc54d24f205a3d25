#include "deliver/peers.hpp"

#include <chrono>

#include "base/log.hpp"

namespace pricewire::deliver {
namespace {

constexpr Duration look_every = std::chrono::milliseconds{500};
// Two reports in a row may be late.
constexpr int tells_a_life = 3;

}  // namespace

Peers::Peers(const std::string& owner, Duration alive_for, storage::Outbox& storage, const Clock& clock)
    : owner_(owner), alive_for_(alive_for), storage_(storage), clock_(clock) {}

bool Peers::step() {
    bool given_back = false;
    if (clock_.mono() >= report_at_) given_back = report();
    if (clock_.mono() >= check_at_) given_back = check() || given_back;
    return given_back;
}

bool Peers::report() {
    const bool was_dead = alive_until_ != MonoTime::min() && !alive();
    std::size_t given_back = 0;
    if (was_dead) given_back = storage_.release_claims(owner_);
    // Taken before the call, which may take long.
    const MonoTime told_at = clock_.mono();
    storage_.keep_alive(owner_, clock_.now(), alive_for_);
    alive_until_ = told_at + alive_for_;
    report_at_ = told_at + alive_for_ / tells_a_life;
    if (was_dead) {
        ++revivals_;
        check_at_ = MonoTime::min();
        log::warn(
            "this sender did not report in time that it is alive; others have taken over its deliveries and "
            "may repeat the attempts that were under way",
            {{"given_back", std::to_string(given_back)}});
    }
    return given_back > 0;
}

bool Peers::check() {
    check_at_ = clock_.mono() + look_every;
    const std::size_t given_back = storage_.release_dead(clock_.now());
    if (given_back == 0) return false;
    log::warn("a sender has died; the others attempt its deliveries",
              {{"deliveries", std::to_string(given_back)}});
    return true;
}

}  // namespace pricewire::deliver
