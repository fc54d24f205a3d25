#include "deliver/endpoints.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

#include "deliver/endpoint_state.hpp"

namespace pricewire::deliver {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr Duration scan_interval = milliseconds{50};
// After this long without attempts a window says nothing about its endpoint.
constexpr Duration window_lasts = std::chrono::minutes{1};
// Deliveries of a user that may wait at endpoints that make progress, beyond two for each.
constexpr std::size_t refill_mark = 128;
// Users without room who are asked again at each turn.
constexpr std::size_t asked_again = 4;

}  // namespace

Endpoints::Endpoints(const EndpointPolicy& policy, std::uint64_t seed)
    : policy_([&] {
          EndpointPolicy p = policy;
          p.concurrency = std::max<std::size_t>(p.concurrency, 1);
          p.per_endpoint =
              std::clamp<std::size_t>(p.per_endpoint, 1, std::max<std::size_t>(p.concurrency / 4, 1));
          return p;
      }()),
      rng_(seed),
      total_(policy_.concurrency),
      unproven_(policy_.concurrency * 3 / 4),
      suspects_(policy_.concurrency / 4),
      exposure_(policy_.exposed),
      waiting_(policy_.max_waiting) {}

Endpoints::~Endpoints() = default;

const std::string& Endpoints::name(const Endpoint& e) {
    return e.name;
}

const Uuid& Endpoints::user(const Endpoint& e) {
    return e.user->id;
}

Endpoints::Endpoint& Endpoints::at(const Uuid& id, const std::string& name, const Moment& now) {
    std::unique_ptr<User>& user = users_[id];
    if (!user) {
        user = std::make_unique<User>();
        user->id = id;
    }
    std::unique_ptr<Endpoint>& e = user->endpoints[name];
    if (!e) {
        std::unique_ptr<Host>& host = hosts_[name];
        if (!host) host = std::make_unique<Host>(attempts_per_host(policy_.per_endpoint));
        ++host->endpoints;
        ++known_;
        e = std::make_unique<Endpoint>();
        e->name = name;
        e->user = user.get();
        e->host = host.get();
        e->moved_at = now.mono;
        e->resting_since = now.mono;
        e->resting = user->resting.insert(user->resting.end(), e.get());
    }
    return *e;
}

std::size_t Endpoints::limit(const Endpoint& e) const {
    const std::size_t of_user = policy_.concurrency * 3 / 4 / std::max<std::size_t>(working_users_, 1);
    const std::size_t share = of_user / std::max<std::size_t>(e.user->working(), 1);
    return std::min(usable_window(e), std::max<std::size_t>(share, 1));
}

std::size_t Endpoints::usable_window(const Endpoint& e) const {
    if (one_each_.test(user_slot(e.user->id))) return 1;
    return std::max<std::size_t>(std::min(policy_.per_endpoint, e.window), 1);
}

// Without a user: whether anybody could have room.
bool Endpoints::has_room(Trust trust, const User* user) const {
    if (!total_.has(user ? user->all_in_flight() : 0)) return false;
    if (!exposure_.has(user ? user->exposed : 0)) return false;
    if (trust != Trust::trusted && !unproven_.has(user ? user->unproven() : 0)) return false;
    return trust != Trust::suspect || suspects_.has(user ? user->in_flight[2] : 0);
}

void Endpoints::count_in_flight(Endpoint& e, bool more) {
    const auto count = [&](SharedRoom& room) { more ? room.take() : room.give_back(); };
    std::size_t& mine = e.user->in_flight[static_cast<std::size_t>(e.trust)];
    mine = more ? mine + 1 : mine - 1;
    e.in_flight = more ? e.in_flight + 1 : e.in_flight - 1;
    count(total_);
    count(e.host->room);
    if (e.trust != Trust::trusted) count(unproven_);
    if (e.trust == Trust::suspect) count(suspects_);
}

void Endpoints::set_trust(Endpoint& e, Trust trust) {
    const auto move = [&](Trust to, bool in) {
        std::size_t& mine = e.user->in_flight[static_cast<std::size_t>(to)];
        mine = in ? mine + e.in_flight : mine - e.in_flight;
        const auto count = [&](SharedRoom& room) {
            in ? room.take(e.in_flight) : room.give_back(e.in_flight);
        };
        if (to != Trust::trusted) count(unproven_);
        if (to == Trust::suspect) count(suspects_);
    };
    move(e.trust, false);
    move(trust, true);
    e.trust = trust;
}

// Waiting.

std::size_t Endpoints::waiting_limit(const Endpoint& e, MonoTime now) const {
    if (e.breaker.state() != BreakerState::closed) return e.breaker.allows(now) ? 1 : 0;
    if (e.trust == Trust::suspect) return suspect_waiting;
    return e.stuck ? std::max({stuck_waiting, 2 * e.window, pace(e, now)}) : most_waiting;
}

std::size_t Endpoints::pace(const Endpoint& e, MonoTime now) {
    return now - e.moved_at > stuck_after ? 0 : std::max(e.ended_now, e.ended_before);
}

bool Endpoints::offer(Endpoint& e, const Waiter& waiter, MonoTime now) {
    set_stuck(e, e.stuck || is_stuck(e, now));
    if (!waiting_.has(e.user->waiting)) return false;
    if (e.breaker.state() == BreakerState::closed) {
        if (e.waiting.size() >= waiting_limit(e, now)) return false;
    } else if (waiter.last_chance) {
        if (e.waiting.size() >= stuck_waiting) return false;
    } else {
        const bool probe_waits = std::any_of(e.waiting.begin(), e.waiting.end(),
                                             [](const Endpoint::Waiting& w) { return !w.last_chance; });
        const bool its_turn = waiter.from_lane || e.lanes == 0;
        if (!e.breaker.allows(now) || probe_waits || !its_turn) return false;
    }
    add_waiting(e, waiter, now);
    return true;
}

void Endpoints::add_waiting(Endpoint& e, const Waiter& waiter, MonoTime now) {
    if (e.resting && now - e.resting_since > window_lasts) e.window = std::min(e.window, first_window);
    if (e.in_flight == 0 && e.waiting.empty()) e.moved_at = now;
    e.waiting.push_back({waiter.id, now, waiter.last_chance});
    waiting_.take();
    ++e.user->waiting;
    if (!e.stuck) count_moving(*e.user, 1, true);
    if (e.trust == Trust::suspect) set_stuck(e, true);
    update_rest(e, now);
    list_if_ready(e, now);
}

void Endpoints::removed_waiting(Endpoint& e, std::size_t count) {
    waiting_.give_back(count);
    e.user->waiting -= count;
    if (!e.stuck) count_moving(*e.user, count, false);
}

// From the end of the list: those that have waited longest keep their place.
void Endpoints::shrink_waiting(Endpoint& e, std::size_t size, std::vector<Uuid>& out) {
    std::size_t count = 0;
    for (; e.waiting.size() > size; ++count) {
        out.push_back(e.waiting.back().id);
        e.waiting.pop_back();
    }
    removed_waiting(e, count);
}

std::vector<Uuid> Endpoints::remove_waiting(Endpoint& e, const Keep& keep) {
    std::vector<Uuid> removed;
    std::erase_if(e.waiting, [&](const Endpoint::Waiting& w) {
        if (keep(w.id)) return false;
        removed.push_back(w.id);
        return true;
    });
    removed_waiting(e, removed.size());
    update_rest(e, e.moved_at);
    list_lane_if_room(e, e.moved_at);
    return removed;
}

std::vector<Uuid> Endpoints::remove_all_waiting() {
    std::vector<Uuid> removed;
    for (const auto& [id, user] : users_) {
        for (const auto& [name, e] : user->endpoints) {
            shrink_waiting(*e, 0, removed);
            update_rest(*e, e->moved_at);
        }
    }
    return removed;
}

bool Endpoints::is_stuck(const Endpoint& e, MonoTime now) const {
    if (e.waiting.empty()) return false;
    if (e.trust == Trust::suspect) return true;
    const Duration longest = e.used_fully > 0 ? longest_wait : longest_wait_for_others;
    if (now - e.waiting.front().since > longest) return true;
    return now - e.moved_at > stuck_after && e.in_flight >= limit(e);
}

void Endpoints::set_stuck(Endpoint& e, bool stuck) {
    if (e.stuck == stuck) return;
    e.stuck = stuck;
    count_moving(*e.user, e.waiting.size(), !stuck);
}

void Endpoints::count_moving(User& user, std::size_t count, bool more) {
    user.moving = more ? user.moving + count : user.moving - count;
    moving_ = more ? moving_ + count : moving_ - count;
}

std::vector<Uuid> Endpoints::users_with_enough(MonoTime now) {
    const bool scan = now - scanned_at_ >= scan_interval;
    if (scan) scanned_at_ = now;
    std::vector<Uuid> out;
    for (const auto& [id, user] : waiting_users_) {
        const std::size_t mark = refill_mark + 2 * user->working();
        if (scan && user->moving > 0) {
            for (const auto& [name, e] : user->endpoints) {
                if (is_stuck(*e, now)) set_stuck(*e, true);
            }
        }
        if (user->moving >= mark || !waiting_.has(user->waiting)) out.push_back(id);
    }
    return out;
}

// Turns.

bool Endpoints::may_start(const Endpoint& e, MonoTime now) const {
    return !e.waiting.empty() && e.in_flight < limit(e) &&
           (e.breaker.allows(now) || e.waiting.front().last_chance);
}

void Endpoints::list_if_ready(Endpoint& e, MonoTime now) {
    if (e.listed || e.at_host || !may_start(e, now)) return;
    const auto trust = static_cast<std::size_t>(e.trust);
    e.listed = true;
    User& user = *e.user;
    user.ready[trust].push_back(&e);
    if (std::exchange(user.listed[trust], true)) return;
    turns_[trust].ready.push_back(&user);
}

// The user whose turn it is in the class; no longer listed. Null: none has room.
Endpoints::User* Endpoints::next_user(std::size_t trust) {
    Turns& turns = turns_[trust];
    const auto as_trust = static_cast<Trust>(trust);
    if (!has_room(as_trust, nullptr)) return nullptr;
    const auto pop = [](std::deque<User*>& list) {
        User* user = list.front();
        list.pop_front();
        return user;
    };
    for (std::size_t left = std::min(asked_again, turns.without_room.size()); left > 0; --left) {
        User* user = pop(turns.without_room);
        (has_room(as_trust, user) ? turns.ready : turns.without_room).push_back(user);
    }
    while (!turns.ready.empty()) {
        User* user = pop(turns.ready);
        if (has_room(as_trust, user)) return user;
        turns.without_room.push_back(user);
    }
    return nullptr;
}

// The user's next endpoint of the class that may start an attempt. The user is listed again if more follow.
Endpoints::Endpoint* Endpoints::take_ready(User& user, std::size_t trust, MonoTime now) {
    Endpoint* found = nullptr;
    std::deque<Endpoint*>& ready = user.ready[trust];
    while (!found && !ready.empty()) {
        Endpoint& e = *ready.front();
        ready.pop_front();
        e.listed = false;
        if (static_cast<std::size_t>(e.trust) != trust) list_if_ready(e, now);
        if (e.listed) continue;
        if (may_start(e, now)) {
            if (enter_host(e)) found = &e;
        } else if (std::exchange(e.called, false)) {
            // The end of one of its attempts lists it again.
            e.host->room.give_back();
            call_waiting(*e.host, now);
        }
    }
    user.listed[trust] = !ready.empty();
    if (!ready.empty()) turns_[trust].ready.push_back(&user);
    return found;
}

// False: it waits at its host. Those that wait there have no room at present: whenever places become free,
// call_waiting() keeps them for those that have.
bool Endpoints::enter_host(Endpoint& e) {
    if (e.called) {
        e.called = false;
        e.host->room.give_back();
        return true;
    }
    if (e.host->room.has(e.in_flight)) return true;
    e.at_host = true;
    e.host->waiting.push_back(&e);
    return false;
}

// Keeps a place for each endpoint that waits at the host and now has room.
void Endpoints::call_waiting(Host& host, MonoTime now) {
    for (std::size_t i = 0; i < host.waiting.size() && host.room.free() > 0;) {
        Endpoint& e = *host.waiting[i];
        if (!host.room.has(e.in_flight)) {
            ++i;
            continue;
        }
        host.waiting.erase(host.waiting.begin() + static_cast<std::ptrdiff_t>(i));
        e.at_host = false;
        list_if_ready(e, now);
        if (!e.listed) continue;
        e.called = true;
        host.room.take();
    }
}

std::optional<Endpoints::Turn> Endpoints::next(const Moment& now) {
    for (std::size_t passed = 0; passed < trusts;) {
        const std::size_t trust = turn_;
        turn_ = (turn_ + 1) % trusts;
        User* user = next_user(trust);
        if (!user) {
            ++passed;
            continue;
        }
        passed = 0;
        if (Endpoint* e = take_ready(*user, trust, now.mono)) return start(*e, now);
    }
    return std::nullopt;
}

Endpoints::Turn Endpoints::start(Endpoint& e, const Moment& now) {
    const Turn turn{&e, e.waiting.front().id};
    e.waiting.pop_front();
    removed_waiting(e, 1);
    if (e.in_flight == 0) e.moved_at = now.mono;
    count_in_flight(e, true);
    exposure_.began(turn.id, e.user->exposed, e.times, now.mono);
    if (e.in_flight >= usable_window(e)) e.used_fully = usable_window(e);
    const BreakerState before = e.breaker.state();
    if (e.breaker.allows(now.mono) && e.breaker.start(now)) {
        e.probe = turn.id;
        breaker_moved(e, before, now);
    }
    update_rest(e, now.mono);
    list_if_ready(e, now.mono);
    list_lane_if_room(e, now.mono);
    return turn;
}

void Endpoints::learn(Endpoint& e, Sign sign) {
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
}

Endpoints::Ended Endpoints::ended(Endpoint& e, const Uuid& id, Sign sign, std::string_view reason,
                                  const Moment& now) {
    const bool probe = e.probe == id;
    if (probe) e.probe.reset();
    count_in_flight(e, false);
    exposure_.ended(id);
    e.moved_at = now.mono;
    if (const auto since = now.mono - e.second_began; since >= seconds{1}) {
        e.ended_before = since < seconds{2} ? e.ended_now : 0;
        e.ended_now = 0;
        e.second_began = now.mono;
    }
    ++e.ended_now;

    Ended out;
    const BreakerState before = e.breaker.state();
    if (e.breaker.end(sign, probe, reason, policy_.breaker, now, rng_)) {
        breaker_moved(e, before, now);
        out.opened = before == BreakerState::closed && e.breaker.state() == BreakerState::open;
        out.closed = e.breaker.state() == BreakerState::closed;
    }
    learn(e, sign);
    if (e.breaker.allows(now.mono)) {
        if (e.trust == Trust::suspect) shrink_waiting(e, suspect_waiting, out.put_out);
    } else {
        std::vector<Uuid> blocked = take_blocked(e);
        out.put_out.insert(out.put_out.end(), blocked.begin(), blocked.end());
    }
    set_stuck(e, is_stuck(e, now.mono));
    update_rest(e, now.mono);
    call_waiting(*e.host, now.mono);
    list_if_ready(e, now.mono);
    list_lane_if_room(e, now.mono);
    return out;
}

void Endpoints::answered(Endpoint& e, Duration took, MonoTime now) {
    e.times.add(took, now);
}

// What must wait for the breaker.
std::vector<Uuid> Endpoints::take_blocked(Endpoint& e) {
    std::vector<Uuid> out;
    std::erase_if(e.waiting, [&](const Endpoint::Waiting& w) {
        if (!w.last_chance) out.push_back(w.id);
        return !w.last_chance;
    });
    removed_waiting(e, out.size());
    shrink_waiting(e, stuck_waiting, out);
    return out;
}

}  // namespace pricewire::deliver
