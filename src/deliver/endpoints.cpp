#include "deliver/endpoints.hpp"

#include <algorithm>
#include <chrono>

namespace pricewire::deliver {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::size_t first_window = 2;
// The most that may wait at an endpoint that makes progress, at one that does not answer, and at others.
constexpr std::size_t most_waiting = 1024;
constexpr std::size_t suspect_waiting = 4;
constexpr std::size_t stuck_waiting = 16;
// Deliveries that are fetched from a lane at once.
constexpr std::size_t most_woken = 512;
// An endpoint at its limit where no attempt has ended for this long is stuck.
constexpr Duration stuck_after = milliseconds{250};
constexpr Duration scan_interval = milliseconds{50};
// Woken deliveries that have not arrived by then were claimed by another sender.
constexpr Duration woken_come_within = seconds{2};
// After this long without attempts a window says nothing about its endpoint.
constexpr Duration window_lasts = std::chrono::minutes{1};
constexpr Duration remembered = std::chrono::hours{1};
// Deliveries that another process has deferred come back by themselves within this time.
constexpr Duration inherited_for = std::chrono::minutes{11};
// Deliveries that may wait at endpoints that make progress, beyond two for each.
constexpr std::size_t refill_mark = 128;

}  // namespace

struct Endpoints::Endpoint {
    struct Waiting {
        Uuid id;
        MonoTime since;
    };

    std::string name;
    CircuitBreaker breaker;
    std::optional<Uuid> probe;  // the attempt that is the breaker's probe
    Trust trust = Trust::fresh;
    std::size_t window = first_window;
    std::size_t used_fully = 0;  // attempts still under way since the window was last full
    std::size_t in_flight = 0;
    std::deque<Waiting> waiting;
    MonoTime moved_at;  // when an attempt last ended, or the first one started
    bool stuck = false;
    bool listed = false;  // in ready_

    bool lane = false;         // deliveries may be deferred
    bool lane_listed = false;  // in lanes_
    std::size_t woken = 0;     // and not offered yet
    MonoTime woken_at;
    std::optional<MonoTime> timer;

    std::optional<std::list<Endpoint*>::iterator> resting;
    MonoTime resting_since;
};

Endpoints::Endpoints(const EndpointPolicy& policy, std::uint64_t seed)
    : policy_([&] {
          EndpointPolicy p = policy;
          p.concurrency = std::max<std::size_t>(p.concurrency, 1);
          p.per_endpoint =
              std::clamp<std::size_t>(p.per_endpoint, 1, std::max<std::size_t>(p.concurrency / 4, 1));
          return p;
      }()),
      rng_(seed) {}

Endpoints::~Endpoints() = default;

const std::string& Endpoints::name(const Endpoint& e) {
    return e.name;
}

Endpoints::Endpoint& Endpoints::at(const std::string& name, const Moment& now) {
    std::unique_ptr<Endpoint>& e = all_[name];
    if (!e) {
        e = std::make_unique<Endpoint>();
        e->name = name;
        e->moved_at = now.mono;
        e->lane = now.mono < inherited_until_;
        update_rest(*e, now.mono);
    }
    return *e;
}

std::size_t Endpoints::limit(const Endpoint& e) const {
    const std::size_t share = policy_.concurrency * 3 / 4 / std::max<std::size_t>(working_, 1);
    return std::min({policy_.per_endpoint, e.window, std::max<std::size_t>(share, 1)});
}

bool Endpoints::has_room(Trust trust) const {
    if (in_flight_ >= policy_.concurrency) return false;
    const std::size_t suspects = trust_in_flight_[static_cast<std::size_t>(Trust::suspect)];
    const std::size_t unproven = suspects + trust_in_flight_[static_cast<std::size_t>(Trust::fresh)];
    const std::size_t c = policy_.concurrency;
    if (trust == Trust::suspect && suspects >= std::max<std::size_t>(c / 4, 1)) return false;
    return trust == Trust::trusted || unproven < std::max<std::size_t>(c * 3 / 4, 1);
}

// Waiting.

std::size_t Endpoints::waiting_limit(const Endpoint& e, MonoTime now) const {
    if (e.breaker.state() != BreakerState::closed) return e.breaker.allows(now) ? 1 : 0;
    if (e.trust == Trust::suspect) return suspect_waiting;
    // Above three quarters of all, only endpoints that make progress may have many waiting.
    const bool scarce = waiting_ >= policy_.max_waiting / 4 * 3;
    if (e.stuck || (scarce && e.trust == Trust::fresh)) {
        return scarce ? suspect_waiting : std::max(stuck_waiting, 2 * e.window);
    }
    return most_waiting;
}

bool Endpoints::offer(Endpoint& e, const Uuid& id, MonoTime now) {
    if (e.woken > 0) --e.woken;
    set_stuck(e, e.stuck || is_stuck(e, now));
    if (waiting_ >= policy_.max_waiting || e.waiting.size() >= waiting_limit(e, now)) return false;
    if (e.resting && now - e.resting_since > window_lasts) e.window = std::min(e.window, first_window);
    if (e.in_flight == 0 && e.waiting.empty()) e.moved_at = now;
    e.waiting.push_back({id, now});
    ++waiting_;
    if (!e.stuck) ++moving_waiting_;
    update_rest(e, now);
    list_if_ready(e, now);
    return true;
}

void Endpoints::pop_waiting(Endpoint& e) {
    e.waiting.pop_front();
    --waiting_;
    if (!e.stuck) --moving_waiting_;
}

// From the end of the list: those that have waited longest keep their place.
void Endpoints::shrink_waiting(Endpoint& e, std::size_t size, std::vector<Uuid>& out) {
    while (e.waiting.size() > size) {
        out.push_back(e.waiting.back().id);
        e.waiting.pop_back();
        --waiting_;
        if (!e.stuck) --moving_waiting_;
    }
}

std::vector<Uuid> Endpoints::remove_waiting(Endpoint& e, const Keep& keep) {
    std::vector<Uuid> removed;
    std::erase_if(e.waiting, [&](const Endpoint::Waiting& w) {
        if (keep(w.id)) return false;
        removed.push_back(w.id);
        return true;
    });
    waiting_ -= removed.size();
    if (!e.stuck) moving_waiting_ -= removed.size();
    update_rest(e, e.moved_at);
    return removed;
}

std::vector<Uuid> Endpoints::remove_all_waiting() {
    std::vector<Uuid> removed;
    for (const auto& [name, e] : all_) {
        shrink_waiting(*e, 0, removed);
        update_rest(*e, e->moved_at);
    }
    return removed;
}

bool Endpoints::is_stuck(const Endpoint& e, MonoTime now) const {
    if (e.waiting.empty()) return false;
    if (e.trust == Trust::suspect || now - e.waiting.front().since > seconds{1}) return true;
    return now - e.moved_at > stuck_after && e.in_flight >= limit(e);
}

void Endpoints::set_stuck(Endpoint& e, bool stuck) {
    if (e.stuck == stuck) return;
    e.stuck = stuck;
    if (stuck) {
        moving_waiting_ -= e.waiting.size();
    } else {
        moving_waiting_ += e.waiting.size();
    }
}

bool Endpoints::wants_more(MonoTime now) {
    if (in_flight_ >= policy_.concurrency || waiting_ >= policy_.max_waiting) return false;
    const std::size_t mark = refill_mark + 2 * working_;
    if (moving_waiting_ < mark) return true;
    if (now - scanned_at_ < scan_interval) return false;
    scanned_at_ = now;
    for (const auto& [name, e] : all_) {
        if (is_stuck(*e, now)) set_stuck(*e, true);
    }
    return moving_waiting_ < mark;
}

// Turns.

void Endpoints::list_if_ready(Endpoint& e, MonoTime now) {
    if (e.listed || e.waiting.empty() || e.in_flight >= limit(e) || !e.breaker.allows(now)) return;
    e.listed = true;
    ready_[static_cast<std::size_t>(e.trust)].push_back(&e);
}

std::optional<Endpoints::Turn> Endpoints::next(const Moment& now) {
    for (std::size_t passed = 0; passed < trusts;) {
        const std::size_t at = turn_;
        turn_ = (turn_ + 1) % trusts;
        if (ready_[at].empty() || !has_room(static_cast<Trust>(at))) {
            ++passed;
            continue;
        }
        passed = 0;
        Endpoint& e = *ready_[at].front();
        ready_[at].pop_front();
        e.listed = false;
        if (static_cast<std::size_t>(e.trust) != at) {
            list_if_ready(e, now.mono);
            continue;
        }
        // If it has no room, the end of one of its attempts lists it again.
        if (e.waiting.empty() || e.in_flight >= limit(e) || !e.breaker.allows(now.mono)) continue;
        const Turn turn{&e, e.waiting.front().id};
        pop_waiting(e);
        if (e.in_flight == 0) e.moved_at = now.mono;
        if (++e.in_flight >= e.window) e.used_fully = e.window;
        ++in_flight_;
        ++trust_in_flight_[at];
        const BreakerState before = e.breaker.state();
        if (e.breaker.start(now)) {
            e.probe = turn.id;
            breaker_moved(e, before, now);
        }
        list_if_ready(e, now.mono);
        list_lane_if_room(e, now.mono);
        return turn;
    }
    return std::nullopt;
}

void Endpoints::set_trust(Endpoint& e, Trust trust) {
    trust_in_flight_[static_cast<std::size_t>(e.trust)] -= e.in_flight;
    trust_in_flight_[static_cast<std::size_t>(trust)] += e.in_flight;
    e.trust = trust;
}

Endpoints::Ended Endpoints::ended(Endpoint& e, const Uuid& id, Sign sign, std::string_view reason,
                                  const Moment& now) {
    const bool probe = e.probe == id;
    if (probe) e.probe.reset();
    --e.in_flight;
    --in_flight_;
    --trust_in_flight_[static_cast<std::size_t>(e.trust)];
    e.moved_at = now.mono;

    Ended out;
    const BreakerState before = e.breaker.state();
    if (e.breaker.end(sign, probe, reason, policy_.breaker, now, rng_)) {
        breaker_moved(e, before, now);
        out.opened = before == BreakerState::closed && e.breaker.state() == BreakerState::open;
        out.closed = e.breaker.state() == BreakerState::closed;
    }
    switch (sign) {
        case Sign::success:
            set_trust(e, Trust::trusted);
            if (e.used_fully > 0) e.window = std::min(e.window + 1, policy_.per_endpoint);
            break;
        case Sign::throttled:
        case Sign::unavailable:
            set_trust(e, Trust::trusted);
            e.window = std::max<std::size_t>(e.window / 2, 1);
            break;
        case Sign::failing:
            set_trust(e, Trust::trusted);
            break;
        case Sign::silent:
            set_trust(e, Trust::suspect);
            e.window = 1;
            break;
        case Sign::none:
            break;
    }
    if (e.used_fully > 0) --e.used_fully;
    if (e.trust == Trust::suspect) shrink_waiting(e, suspect_waiting, out.put_out);
    if (e.breaker.state() != BreakerState::closed) shrink_waiting(e, 0, out.put_out);
    set_stuck(e, is_stuck(e, now.mono));
    update_rest(e, now.mono);
    list_if_ready(e, now.mono);
    list_lane_if_room(e, now.mono);
    return out;
}

// Lanes.

// How much of a lane an endpoint may fetch; it does so when half of that is used up. Never more than has
// room, or it would be deferred and fetched again without end.
std::size_t Endpoints::wanted(const Endpoint& e, MonoTime now) const {
    if (waiting_ >= policy_.max_waiting) return 0;
    return std::min(std::clamp<std::size_t>(4 * e.window, stuck_waiting, most_woken), waiting_limit(e, now));
}

void Endpoints::list_lane_if_room(Endpoint& e, MonoTime now) {
    if (!e.lane || e.lane_listed) return;
    if (e.woken > 0 && now - e.woken_at >= woken_come_within) e.woken = 0;
    if (!e.breaker.allows(now)) {
        // While half open, the end of the probe takes care of it.
        if (e.breaker.state() == BreakerState::open) set_timer(e, e.breaker.retry_at());
        return;
    }
    const std::size_t wants = wanted(e, now);
    if (wants == 0 || e.waiting.size() + e.woken > wants / 2) {
        if (wants == 0) set_timer(e, now + stuck_after);
        if (e.woken > 0) set_timer(e, e.woken_at + woken_come_within);
        return;
    }
    set_timer(e, std::nullopt);
    e.lane_listed = true;
    lanes_.push_back(&e);
}

void Endpoints::deferred(Endpoint& e, MonoTime now) {
    e.lane = true;
    list_lane_if_room(e, now);
}

Duration Endpoints::pause_left(const Endpoint& e, MonoTime now) const {
    if (e.breaker.state() != BreakerState::open) return Duration::zero();
    return std::max(Duration::zero(), std::chrono::duration_cast<Duration>(e.breaker.retry_at() - now));
}

std::optional<Endpoints::Lane> Endpoints::next_lane(MonoTime now) {
    run_timers(now);
    while (!lanes_.empty()) {
        Endpoint& e = *lanes_.front();
        lanes_.pop_front();
        e.lane_listed = false;
        const std::size_t there = e.waiting.size() + e.woken;
        const std::size_t wants = wanted(e, now);
        if (!e.lane || there >= wants) {
            list_lane_if_room(e, now);
            continue;
        }
        // If woken() is not called because the database is away, this lists it again.
        set_timer(e, now + woken_come_within);
        return Lane{e.name, wants - there};
    }
    return std::nullopt;
}

void Endpoints::woken(const Lane& lane, std::size_t count, MonoTime now) {
    const auto it = all_.find(lane.name);
    if (it == all_.end()) return;
    Endpoint& e = *it->second;
    set_timer(e, std::nullopt);
    e.woken += count;
    e.woken_at = now;
    if (count < lane.count) e.lane = false;
    update_rest(e, now);
    list_lane_if_room(e, now);
}

std::optional<MonoTime> Endpoints::next_lane_at() const {
    if (!lanes_.empty()) return MonoTime::min();
    if (timers_.empty()) return std::nullopt;
    return timers_.begin()->first;
}

void Endpoints::set_timer(Endpoint& e, std::optional<MonoTime> at) {
    if (e.timer == at) return;
    if (e.timer) timers_.erase({*e.timer, &e});
    e.timer = at;
    if (at) timers_.emplace(*at, &e);
}

void Endpoints::run_timers(MonoTime now) {
    while (!timers_.empty() && timers_.begin()->first <= now) {
        Endpoint& e = *timers_.begin()->second;
        set_timer(e, std::nullopt);
        list_lane_if_room(e, now);
    }
}

// Breakers and memory.

void Endpoints::breaker_moved(Endpoint& e, BreakerState before, const Moment& now) {
    const BreakerState after = e.breaker.state();
    if (before == BreakerState::closed && after != BreakerState::closed) ++open_breakers_;
    if (before != BreakerState::closed && after == BreakerState::closed) --open_breakers_;
    if (before == BreakerState::half_open) --half_open_breakers_;
    if (after == BreakerState::half_open) ++half_open_breakers_;
    changed_[e.name] = e.breaker.view(e.name, now);
}

std::vector<Breaker> Endpoints::take_changed_breakers() {
    std::vector<Breaker> out;
    out.reserve(changed_.size());
    for (auto& [name, breaker] : changed_) out.push_back(std::move(breaker));
    changed_.clear();
    return out;
}

void Endpoints::restore(std::span<const Breaker> breakers, const Moment& now) {
    inherited_until_ = now.mono + inherited_for;
    for (const Breaker& stored : breakers) {
        if (all_.size() >= policy_.max_known) return;
        Endpoint& e = at(stored.endpoint, now);
        const BreakerState before = e.breaker.state();
        e.breaker.restore(stored, policy_.breaker, now);
        if (e.breaker.state() == BreakerState::closed) {
            // The configuration no longer has breakers: remove the stored ones.
            changed_[e.name] = e.breaker.view(e.name, now);
            continue;
        }
        if (before == BreakerState::closed) ++open_breakers_;
        set_trust(e, Trust::suspect);
        e.window = 1;
        deferred(e, now.mono);
    }
}

void Endpoints::update_rest(Endpoint& e, MonoTime now) {
    const bool rests = e.in_flight == 0 && e.waiting.empty();
    if (rests && !e.resting) {
        e.resting_since = now;
        e.resting = resting_.insert(resting_.end(), &e);
    } else if (!rests && e.resting) {
        resting_.erase(*e.resting);
        e.resting.reset();
    }
    working_ = all_.size() - resting_.size();
}

void Endpoints::tidy(const Moment& now) {
    // Those still in a list are skipped; the next pass over that list removes them.
    for (auto it = resting_.begin(); it != resting_.end();) {
        Endpoint& e = **it++;
        if (resting_.size() <= policy_.max_known && now.mono - e.resting_since < remembered) return;
        if (!e.listed && !e.lane_listed) forget(e, now);
    }
}

void Endpoints::forget(Endpoint& e, const Moment& now) {
    set_timer(e, std::nullopt);
    if (e.breaker.state() != BreakerState::closed) {
        Breaker gone = e.breaker.view(e.name, now);
        gone.state = BreakerState::closed;
        gone.retry_at.reset();
        changed_[e.name] = std::move(gone);
        --open_breakers_;
    }
    resting_.erase(*e.resting);
    const std::string name = e.name;
    all_.erase(name);
    working_ = all_.size() - resting_.size();
}

}  // namespace pricewire::deliver
