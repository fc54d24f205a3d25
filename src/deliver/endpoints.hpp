#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/backoff.hpp"
#include "base/clock.hpp"
#include "base/uuid.hpp"
#include "deliver/breaker.hpp"
#include "domain/delivery.hpp"

namespace pricewire::deliver {

struct EndpointPolicy {
    std::size_t concurrency = 4096;  // attempts under way, in all; at least 1
    // To one endpoint; at most a quarter of `concurrency`, so that one that hangs leaves room for others.
    std::size_t per_endpoint = 64;
    std::size_t max_waiting = 32'768;  // deliveries that wait for their turn, in all
    std::size_t max_known = 16'384;    // idle endpoints that are remembered
    BreakerPolicy breaker;
};

// Decides which delivery is attempted next. An endpoint is one scheme, host and port. Pure: deliveries are
// ids, time is a parameter, nothing is sent. One thread.
//
// No endpoint may slow another, although it is not known beforehand which one will hang:
// - Each endpoint has a window, the number of attempts that it may have under way: 2 at first; one more with
//   each success while the window is full, up to per_endpoint; half after 429 and 503; 1 after no answer.
//   Source: RFC 5681 (slow start), RFC 7661 (no growth while the window is not used).
// - The window is limited to a fair share: three quarters of `concurrency`, split over the endpoints with
//   work.
// - Endpoints are trusted (the last attempt was answered), fresh (no attempt has ended) or suspect (the last
//   attempt was not answered). Suspects together have at most a quarter of `concurrency` under way, suspects
//   and fresh ones at most three quarters; all are served in turn, one delivery each.
// - Waiting deliveries are limited per endpoint and in all. A delivery without room is refused, and the
//   waiting list of an endpoint that stops answering shrinks. The caller defers those in the database, with
//   the endpoint's name as their lane, and fetches them again when next_lane() says that there is room.
class Endpoints {
public:
    struct Endpoint;
    using Keep = std::function<bool(const Uuid&)>;

    Endpoints(const EndpointPolicy& policy, std::uint64_t seed);
    ~Endpoints();
    Endpoints(const Endpoints&) = delete;
    Endpoints& operator=(const Endpoints&) = delete;

    // The endpoint of that name, "https://example.com:443". The reference is valid until tidy(), and
    // beyond it while a delivery waits or is under way there.
    Endpoint& at(const std::string& name, const Moment& now);
    static const std::string& name(const Endpoint& endpoint);

    // Adds a delivery to the endpoint's waiting list. False: there is no room, or its breaker is open.
    bool offer(Endpoint& endpoint, const Uuid& id, MonoTime now);
    // Removes those for which `keep` is false from the waiting list and returns them.
    std::vector<Uuid> remove_waiting(Endpoint& endpoint, const Keep& keep);
    // Removes all waiting deliveries and returns them.
    std::vector<Uuid> remove_all_waiting();

    struct Turn {
        Endpoint* endpoint = nullptr;
        Uuid id;
    };
    // The next delivery to attempt; it counts as under way until ended() is called for it.
    std::optional<Turn> next(const Moment& now);

    struct Ended {
        bool opened = false;  // the breaker, from closed
        bool closed = false;  // the breaker
        // No longer waiting, for lack of room.
        std::vector<Uuid> put_out;
    };
    // `reason` is why the attempt failed.
    Ended ended(Endpoint& endpoint, const Uuid& id, Sign sign, std::string_view reason, const Moment& now);

    // Whether more deliveries are useful: there is room to attempt them, and not many wait at endpoints that
    // make progress. Those that wait at stuck endpoints do not count, as others must not wait for them.
    bool wants_more(MonoTime now);

    // Deliveries of this endpoint were deferred.
    void deferred(Endpoint& endpoint, MonoTime now);
    // How long its breaker still blocks it; zero if it does not.
    Duration pause_left(const Endpoint& endpoint, MonoTime now) const;
    struct Lane {
        std::string name;
        std::size_t count = 0;
    };
    // An endpoint that has room again for deferred deliveries, and for how many; report with woken() how many
    // there were. nullopt if there is none at present.
    std::optional<Lane> next_lane(MonoTime now);
    void woken(const Lane& lane, std::size_t count, MonoTime now);
    // When to call next_lane() at the latest; nullopt if no endpoint has deferred deliveries.
    std::optional<MonoTime> next_lane_at() const;

    // Breakers that have changed since the last call, in their current state.
    std::vector<Breaker> take_changed_breakers();
    bool breakers_changed() const { return !changed_.empty(); }
    // Takes over the breakers of another process, or of this one before its restart. That process may also
    // have deferred deliveries of endpoints whose breaker is closed: until these have come back by
    // themselves, next_lane() returns every endpoint once when it is first used.
    void restore(std::span<const Breaker> breakers, const Moment& now);

    // Forgets endpoints that were idle for an hour and, beyond max_known, those idle longest; their breakers
    // then count as closed.
    void tidy(const Moment& now);

    std::size_t in_flight() const { return in_flight_; }
    std::size_t waiting() const { return waiting_; }
    std::size_t known() const { return all_.size(); }
    // Breakers that are not closed, and how many of them are half open.
    std::size_t open_breakers() const { return open_breakers_; }
    std::size_t half_open_breakers() const { return half_open_breakers_; }

private:
    enum class Trust : std::uint8_t { trusted, fresh, suspect };
    static constexpr std::size_t trusts = 3;
    using Timer = std::pair<MonoTime, Endpoint*>;

    std::size_t limit(const Endpoint& e) const;
    std::size_t waiting_limit(const Endpoint& e, MonoTime now) const;
    std::size_t wanted(const Endpoint& e, MonoTime now) const;
    bool has_room(Trust trust) const;
    void pop_waiting(Endpoint& e);
    void shrink_waiting(Endpoint& e, std::size_t size, std::vector<Uuid>& out);
    void set_trust(Endpoint& e, Trust trust);
    void set_stuck(Endpoint& e, bool stuck);
    bool is_stuck(const Endpoint& e, MonoTime now) const;
    void list_if_ready(Endpoint& e, MonoTime now);
    void list_lane_if_room(Endpoint& e, MonoTime now);
    void set_timer(Endpoint& e, std::optional<MonoTime> at);
    void run_timers(MonoTime now);
    void update_rest(Endpoint& e, MonoTime now);
    void breaker_moved(Endpoint& e, BreakerState before, const Moment& now);
    void forget(Endpoint& e, const Moment& now);

    const EndpointPolicy policy_;
    Rng rng_;
    std::unordered_map<std::string, std::unique_ptr<Endpoint>> all_;
    // By trust: endpoints with waiting deliveries and room in their window.
    std::array<std::deque<Endpoint*>, trusts> ready_;
    std::array<std::size_t, trusts> trust_in_flight_{};
    std::size_t turn_ = 0;  // the trust that is served next
    std::size_t in_flight_ = 0;
    std::size_t waiting_ = 0;
    std::size_t moving_waiting_ = 0;  // of those, at endpoints that are not stuck
    std::size_t working_ = 0;         // endpoints with deliveries waiting or under way
    std::list<Endpoint*> resting_;    // all others, idle longest first
    MonoTime scanned_at_;
    MonoTime inherited_until_;

    std::deque<Endpoint*> lanes_;  // endpoints with deferred deliveries and room
    std::set<Timer> timers_;       // when to check for room again
    std::unordered_map<std::string, Breaker> changed_;
    std::size_t open_breakers_ = 0;
    std::size_t half_open_breakers_ = 0;
};

}  // namespace pricewire::deliver
