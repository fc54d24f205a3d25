// Lanes, breakers and what is remembered of endpoints.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <utility>
#include <vector>

#include "base/text.hpp"
#include "deliver/endpoint_state.hpp"
#include "deliver/endpoints.hpp"

namespace pricewire::deliver {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// Deliveries that are fetched from a lane at once.
constexpr std::size_t most_fetched = 512;
// When a lane is fetched from again if the database was away.
constexpr Duration fetch_again = seconds{2};
constexpr Duration remembered = std::chrono::hours{1};
// A deferred delivery comes back by itself after at least the first and at most the last of these, each of a
// user this much after the one before it.
constexpr Duration defer_least = seconds{30};
constexpr Duration defer_apart = milliseconds{10};
constexpr Duration defer_most = std::chrono::minutes{10};

}  // namespace

// FNV-1a: rows in the database depend on it.
unsigned Endpoints::lane_of(std::string_view url) {
    std::uint32_t hash = 2'166'136'261U;
    for (const char c : url) hash = (hash ^ static_cast<unsigned char>(c)) * 16'777'619U;
    return (hash ^ (hash >> 16U)) % lanes_each;
}

std::string Endpoints::lane_name(const Endpoint& e, unsigned lane) {
    return fmt::format("{} {} {}", e.user->id.to_string(), e.name, lane);
}

std::optional<Uuid> Endpoints::user_of_lane(std::string_view name) {
    return Uuid::parse(name.substr(0, name.find(' ')));
}

// How much of a lane an endpoint may fetch; it does so when half of that is used up. Never more than has
// room, or it would be deferred and fetched again without end.
std::size_t Endpoints::wanted(const Endpoint& e, MonoTime now) const {
    if (!waiting_.has(e.user->waiting)) return 0;
    return std::min(
        std::clamp<std::size_t>(std::max(4 * e.window, pace(e, now)), stuck_waiting, most_fetched),
        waiting_limit(e, now));
}

void Endpoints::list_lane_if_room(Endpoint& e, MonoTime now) {
    if (e.lanes == 0 || e.lane_listed) return;
    if (!e.breaker.allows(now)) {
        // While half open, the end of the probe takes care of it.
        if (e.breaker.state() == BreakerState::open) set_timer(e, e.breaker.retry_at());
        return;
    }
    const std::size_t wants = wanted(e, now);
    if (wants == 0) set_timer(e, now + stuck_after);
    if (wants == 0 || e.waiting.size() > wants / 2) return;
    set_timer(e, std::nullopt);
    e.lane_listed = true;
    e.user->lanes.push_back(&e);
    if (!std::exchange(e.user->lanes_listed, true)) lanes_.push_back(e.user);
}

void Endpoints::deferred(Endpoint& e, unsigned lane, MonoTime now) {
    e.lanes = static_cast<std::uint16_t>(e.lanes | 1U << lane);
    list_lane_if_room(e, now);
}

Timestamp Endpoints::comes_back(Endpoint& e, Timestamp now) {
    Timestamp& slot = e.user->defer_slot;
    slot = std::clamp<Timestamp>(slot + defer_apart, now + defer_least, now + defer_most);
    return slot;
}

Duration Endpoints::pause_left(const Endpoint& e, MonoTime now) const {
    if (e.breaker.state() != BreakerState::open) return Duration::zero();
    return std::max(Duration::zero(), std::chrono::duration_cast<Duration>(e.breaker.retry_at() - now));
}

std::optional<Endpoints::Lane> Endpoints::next_lane(MonoTime now) {
    run_timers(now);
    while (!lanes_.empty()) {
        User& user = *lanes_.front();
        lanes_.pop_front();
        Endpoint& e = *user.lanes.front();
        user.lanes.pop_front();
        e.lane_listed = false;
        user.lanes_listed = !user.lanes.empty();
        if (user.lanes_listed) lanes_.push_back(&user);
        const std::size_t wants = wanted(e, now);
        if (e.lanes == 0 || e.waiting.size() >= wants) {
            list_lane_if_room(e, now);
            continue;
        }
        while ((e.lanes >> e.lane_turn & 1U) == 0) e.lane_turn = (e.lane_turn + 1) % lanes_each;
        const Lane lane{&e, e.lane_turn, wants - e.waiting.size()};
        e.lane_turn = (e.lane_turn + 1) % lanes_each;
        // If fetched() is not called because the database is away, this lists it again.
        set_timer(e, now + fetch_again);
        return lane;
    }
    return std::nullopt;
}

void Endpoints::fetched(const Lane& lane, std::size_t count, MonoTime now) {
    Endpoint& e = *lane.endpoint;
    set_timer(e, std::nullopt);
    if (count < lane.count) e.lanes = static_cast<std::uint16_t>(e.lanes & ~(1U << lane.number));
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

// Breakers.

void Endpoints::breaker_moved(Endpoint& e, BreakerState before, const Moment& now) {
    const BreakerState after = e.breaker.state();
    if (before == BreakerState::closed && after != BreakerState::closed) ++open_breakers_;
    if (before != BreakerState::closed && after == BreakerState::closed) --open_breakers_;
    if (before == BreakerState::half_open) --half_open_breakers_;
    if (after == BreakerState::half_open) ++half_open_breakers_;
    note_changed(e, e.breaker.view(e.name, now));
}

void Endpoints::note_changed(const Endpoint& e, Breaker breaker) {
    breaker.user_id = e.user->id;
    changed_[{e.user->id, e.name}] = std::move(breaker);
}

std::vector<Breaker> Endpoints::take_changed_breakers() {
    std::vector<Breaker> out;
    out.reserve(changed_.size());
    for (auto& [key, breaker] : changed_) out.push_back(std::move(breaker));
    changed_.clear();
    return out;
}

void Endpoints::restore(std::span<const Breaker> breakers, std::span<const std::string> lanes,
                        const Moment& now) {
    for (const Breaker& stored : breakers) {
        if (known_ >= policy_.max_known) break;
        Endpoint& e = at(stored.user_id, stored.endpoint, now);
        // What was learnt here is newer.
        if (e.breaker.state() != BreakerState::closed) continue;
        e.breaker.restore(stored, policy_.breaker, now);
        if (e.breaker.state() == BreakerState::closed) {
            // The configuration no longer has breakers: remove the stored ones.
            note_changed(e, e.breaker.view(e.name, now));
            continue;
        }
        ++open_breakers_;
        set_trust(e, Trust::suspect);
        e.window = 1;
    }
    for (const std::string& lane : lanes) {
        if (known_ < policy_.max_known) restore_lane(lane, now);
    }
}

// Names of other versions are skipped: what is deferred there comes back by itself.
void Endpoints::restore_lane(const std::string& lane, const Moment& now) {
    const std::size_t first = lane.find(' ');
    const std::size_t last = lane.rfind(' ');
    if (first == std::string::npos || first == last) return;
    const auto user = user_of_lane(lane);
    const auto number = parse_number<unsigned>(std::string_view(lane).substr(last + 1));
    if (!user || !number || *number >= lanes_each) return;
    deferred(at(*user, lane.substr(first + 1, last - first - 1), now), *number, now.mono);
}

// Memory.

void Endpoints::update_rest(Endpoint& e, MonoTime now) {
    User& user = *e.user;
    if (user.waiting > 0) {
        waiting_users_.emplace(user.id, &user);
    } else {
        waiting_users_.erase(user.id);
    }
    const bool rests = e.in_flight == 0 && e.waiting.empty();
    if (rests == e.resting.has_value()) return;
    const bool worked = user.working() > 0;
    if (rests) {
        e.resting_since = now;
        e.resting = user.resting.insert(user.resting.end(), &e);
    } else {
        user.resting.erase(*e.resting);
        e.resting.reset();
    }
    const bool works = user.working() > 0;
    if (works && !worked) ++working_users_;
    if (worked && !works) --working_users_;
}

void Endpoints::set_one_each(const UserSlots& slots, MonoTime now) {
    const UserSlots freed = std::exchange(one_each_, slots) & ~slots;
    if (freed.none()) return;
    // What waits there was not listed beside the attempt that is under way, whose end may be far.
    for (const auto& [id, user] : waiting_users_) {
        if (!freed.test(user_slot(id))) continue;
        for (const auto& [name, e] : user->endpoints) list_if_ready(*e, now);
    }
}

Endpoints::LetGo Endpoints::let_go(const UserSlots& slots, MonoTime now) {
    LetGo out;
    for (const auto& [id, user] : users_) {
        if (!slots.test(user_slot(id))) continue;
        user->defer_slot = {};
        for (const auto& [name, e] : user->endpoints) {
            shrink_waiting(*e, 0, out.waited);
            forget_state(*e);
            set_stuck(*e, false);
            update_rest(*e, now);
        }
    }
    std::erase_if(changed_, [&](auto& entry) {
        if (!slots.test(user_slot(entry.first.first))) return false;
        out.breakers.push_back(std::move(entry.second));
        return true;
    });
    return out;
}

void Endpoints::forget_state(Endpoint& e) {
    if (e.breaker.state() != BreakerState::closed) --open_breakers_;
    if (e.breaker.state() == BreakerState::half_open) --half_open_breakers_;
    e.breaker = {};
    e.probe.reset();
    set_trust(e, Trust::fresh);
    e.window = first_window;
    e.used_fully = 0;
    e.lanes = 0;
    set_timer(e, std::nullopt);
}

// What is still in a list is left until a pass over that list has removed it.
bool Endpoints::may_forget(const Endpoint& e) const {
    return !e.listed && !e.at_host && !e.lane_listed;
}

void Endpoints::tidy(const Moment& now) {
    std::size_t idle = 0, users = 0;
    for (const auto& [id, user] : users_) {
        idle += user->resting.size();
        users += user->resting.empty() ? 0 : 1;
    }
    std::size_t most = policy_.max_known_of_user;
    if (idle > policy_.max_known) most = std::min(most, std::max<std::size_t>(policy_.max_known / users, 1));
    std::vector<Endpoint*> last;
    for (const auto& [id, user] : users_) {
        for (auto it = user->resting.begin(); it != user->resting.end();) {
            Endpoint& e = **it++;
            if (user->resting.size() <= most && now.mono - e.resting_since < remembered) break;
            if (may_forget(e)) forget(e, now);
        }
        if (users > policy_.max_known && !user->resting.empty()) last.push_back(user->resting.front());
    }
    // One each is too many.
    std::sort(last.begin(), last.end(),
              [](const Endpoint* a, const Endpoint* b) { return a->resting_since > b->resting_since; });
    for (std::size_t i = policy_.max_known; i < last.size(); ++i) {
        if (may_forget(*last[i])) forget(*last[i], now);
    }
    std::erase_if(users_, [](const auto& entry) {
        const User& user = *entry.second;
        const bool listed = std::find(user.listed.begin(), user.listed.end(), true) != user.listed.end();
        return user.endpoints.empty() && !listed && !user.lanes_listed;
    });
}

void Endpoints::forget(Endpoint& e, const Moment& now) {
    set_timer(e, std::nullopt);
    if (e.breaker.state() != BreakerState::closed) {
        Breaker gone = e.breaker.view(e.name, now);
        gone.state = BreakerState::closed;
        gone.retry_at.reset();
        note_changed(e, std::move(gone));
        --open_breakers_;
    }
    User& user = *e.user;
    user.resting.erase(*e.resting);
    const std::string name = e.name;
    if (--e.host->endpoints == 0) hosts_.erase(name);
    user.endpoints.erase(name);
    --known_;
}

}  // namespace pricewire::deliver
