#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
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
#include "deliver/exposure.hpp"
#include "deliver/shared_room.hpp"
#include "domain/delivery.hpp"
#include "domain/user_slot.hpp"

namespace pricewire::deliver {

struct EndpointPolicy {
    std::size_t concurrency = 4096;  // attempts under way, in all; at least 1
    // To one endpoint; at most a quarter of `concurrency`, so that one that hangs leaves room for others.
    std::size_t per_endpoint = 64;
    std::size_t exposed = 4096;            // see Exposure; of these
    std::size_t max_waiting = 32'768;      // deliveries that wait for their turn, in all
    std::size_t max_known = 16'384;        // idle endpoints that are remembered
    std::size_t max_known_of_user = 1024;  // of these, of one user
    BreakerPolicy breaker;
};

// Attempts that may be under way to one host (scheme, host and port) for all users together. A user alone
// there can use per_endpoint of them, which leaves a quarter to the others.
constexpr std::size_t attempts_per_host(std::size_t per_endpoint) {
    return per_endpoint + std::max<std::size_t>(per_endpoint / 3, 1);
}

// What a delivery is to its endpoint, beside its id.
struct Waiter {
    Uuid id;
    bool from_lane = false;  // it was fetched from there
    // It has had no attempt, and its deadline is near: it need not wait for the breaker.
    bool last_chance = false;
};

// Decides which delivery is attempted next. An endpoint is one user's scheme, host and port: what a user's
// receivers do, and how much he sends, decides over no other user's deliveries. Pure: deliveries are ids, time
// is a parameter, nothing is sent. One thread.
//
// No endpoint may slow another, although it is not known beforehand which one will hang:
// - Each endpoint has a window, the number of attempts that it may have under way: 2 at first; one more with
//   each success while the window is full, up to per_endpoint; half after 429 and 503; 1 after no answer.
//   Source: RFC 5681 (slow start), RFC 7661 (no growth while the window is not used).
// - Of users whom another sender may still have attempts for, each endpoint has one attempt at a time (see Slots).
// - The window is limited to a fair share: three quarters of `concurrency`, split over the users with work,
//   and a user's part over his endpoints with work.
// - Endpoints are trusted (the last attempt was answered), fresh (no attempt has ended) or suspect (the last
//   attempt was not answered). Suspects together have at most a quarter of `concurrency` under way, suspects
//   and fresh ones at most three quarters.
// - The three classes take turns, within a class the users, and a user's endpoints, one delivery each. Of
//   `concurrency`, of each class's part, of a host's connections and of the waiting places no user can take
//   all (SharedRoom). At a host without room, endpoints are served in the order in which they came.
// - Waiting deliveries are limited per endpoint and in all. A delivery without room is refused, and the
//   waiting list of an endpoint that stops answering shrinks. The caller defers those in the database, in one
//   of the endpoint's lanes, and fetches them again when next_lane() says that there is room.
// - Lanes take turns as well, and a URL is always in the same one. While the breaker is not closed, only what
//   comes from a lane is the probe (if anything is there): neither a URL that always fails nor new deliveries
//   keep those that wait from it.
class Endpoints {
public:
    struct Endpoint;
    using Keep = std::function<bool(const Uuid&)>;
    static constexpr unsigned lanes_each = 16;

    Endpoints(const EndpointPolicy& policy, std::uint64_t seed);
    ~Endpoints();
    Endpoints(const Endpoints&) = delete;
    Endpoints& operator=(const Endpoints&) = delete;

    // The user's endpoint of that name, "https://example.com:443". The reference is valid until tidy(), and
    // beyond it while a delivery waits or is under way there.
    Endpoint& at(const Uuid& user, const std::string& name, const Moment& now);
    static const std::string& name(const Endpoint& endpoint);
    static const Uuid& user(const Endpoint& endpoint);
    // The lane of a URL at its endpoint, below lanes_each; the same in every process and version.
    static unsigned lane_of(std::string_view url);
    static std::optional<Uuid> user_of_lane(std::string_view name);
    static std::string lane_name(const Endpoint& endpoint, unsigned lane);

    // Adds a delivery to the endpoint's waiting list. False: there is no room, or its breaker is open.
    bool offer(Endpoint& endpoint, const Waiter& waiter, MonoTime now);
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
    // An attempt was answered after this time.
    static void answered(Endpoint& endpoint, Duration took, MonoTime now);
    // Endpoints of users in these slots have one attempt at a time.
    void set_one_each(const UserSlots& slots, MonoTime now);
    struct LetGo {
        std::vector<Uuid> waited;  // deliveries
        // That have changed, as take_changed_breakers() would have returned them.
        std::vector<Breaker> breakers;
    };
    // Another sender is in charge of users in these slots. Forgets what was known about their endpoints; attempts under way
    // go on.
    LetGo let_go(const UserSlots& slots, MonoTime now);
    // Bounds what next() lets start, beside the rest.
    Exposure& exposure() { return exposure_; }
    const Exposure& exposure() const { return exposure_; }

    // Whether there is room for more deliveries: for a batch, as what finds none is written back at once.
    bool wants_more() const { return total_.free() > 0 && waiting_.free() > policy_.max_waiting / 16; }
    // The users who have enough claimed, in order: many deliveries wait at endpoints that make progress (those
    // that wait at stuck ones do not count, as others must not wait for them), or as many as may wait.
    std::vector<Uuid> users_with_enough(MonoTime now);

    // Deliveries of this lane were deferred.
    void deferred(Endpoint& endpoint, unsigned lane, MonoTime now);
    // When a delivery deferred now should come back by itself, breakers aside. Those of a user come back one
    // by one.
    static Timestamp comes_back(Endpoint& endpoint, Timestamp now);
    // How long its breaker still blocks it; zero if it does not.
    Duration pause_left(const Endpoint& endpoint, MonoTime now) const;
    struct Lane {
        Endpoint* endpoint = nullptr;  // valid until tidy()
        unsigned number = 0;
        std::size_t count = 0;
    };
    // A lane for which there is room again, and for how many; report with fetched() how many there were.
    // nullopt if there is none at present.
    std::optional<Lane> next_lane(MonoTime now);
    void fetched(const Lane& lane, std::size_t count, MonoTime now);
    // When to call next_lane() at the latest; nullopt if no endpoint has deferred deliveries.
    std::optional<MonoTime> next_lane_at() const;

    // Breakers that have changed since the last call, in their current state.
    std::vector<Breaker> take_changed_breakers();
    bool breakers_changed() const { return !changed_.empty(); }
    // Takes over the breakers and the lanes of another process, or of this one before its restart.
    void restore(std::span<const Breaker> breakers, std::span<const std::string> lanes, const Moment& now);

    // Forgets endpoints that were idle for an hour and, where there are too many, those idle longest of the
    // users who have most; their breakers then count as closed.
    void tidy(const Moment& now);

    // Whether restore() may add endpoints.
    bool knows_more() const { return known_ < policy_.max_known; }
    std::size_t in_flight() const { return total_.taken(); }
    std::size_t waiting() const { return waiting_.taken(); }
    // Of those, the ones that wait for endpoints that make progress; as of the last users_with_enough().
    std::size_t moving() const { return moving_; }
    std::size_t known() const { return known_; }
    // Breakers that are not closed, and how many of them are half open.
    std::size_t open_breakers() const { return open_breakers_; }
    std::size_t half_open_breakers() const { return half_open_breakers_; }

private:
    struct User;
    struct Host;
    enum class Trust : std::uint8_t { trusted, fresh, suspect };
    static constexpr std::size_t trusts = 3;
    using Timer = std::pair<MonoTime, Endpoint*>;
    // Users with an endpoint of one class that is ready. Those without room wait behind the others.
    struct Turns {
        std::deque<User*> ready;
        std::deque<User*> without_room;
    };

    std::size_t limit(const Endpoint& e) const;
    std::size_t usable_window(const Endpoint& e) const;
    // How many attempts it ends in a second; 0 while it ends none.
    static std::size_t pace(const Endpoint& e, MonoTime now);
    std::size_t waiting_limit(const Endpoint& e, MonoTime now) const;
    std::size_t wanted(const Endpoint& e, MonoTime now) const;
    bool has_room(Trust trust, const User* user) const;
    void count_in_flight(Endpoint& e, bool more);
    bool may_start(const Endpoint& e, MonoTime now) const;
    void add_waiting(Endpoint& e, const Waiter& waiter, MonoTime now);
    void removed_waiting(Endpoint& e, std::size_t count);
    void shrink_waiting(Endpoint& e, std::size_t size, std::vector<Uuid>& out);
    void set_trust(Endpoint& e, Trust trust);
    void learn(Endpoint& e, Sign sign);
    void set_stuck(Endpoint& e, bool stuck);
    void count_moving(User& user, std::size_t count, bool more);
    bool is_stuck(const Endpoint& e, MonoTime now) const;
    void list_if_ready(Endpoint& e, MonoTime now);
    User* next_user(std::size_t trust);
    Endpoint* take_ready(User& user, std::size_t trust, MonoTime now);
    bool enter_host(Endpoint& e);
    void call_waiting(Host& host, MonoTime now);
    std::vector<Uuid> take_blocked(Endpoint& e);
    Turn start(Endpoint& e, const Moment& now);
    void list_lane_if_room(Endpoint& e, MonoTime now);
    void set_timer(Endpoint& e, std::optional<MonoTime> at);
    void run_timers(MonoTime now);
    void update_rest(Endpoint& e, MonoTime now);
    void breaker_moved(Endpoint& e, BreakerState before, const Moment& now);
    void note_changed(const Endpoint& e, Breaker breaker);
    void restore_lane(const std::string& lane, const Moment& now);
    void forget_state(Endpoint& e);
    bool may_forget(const Endpoint& e) const;
    void forget(Endpoint& e, const Moment& now);

    const EndpointPolicy policy_;
    Rng rng_;
    std::unordered_map<Uuid, std::unique_ptr<User>> users_;
    std::unordered_map<std::string, std::unique_ptr<Host>> hosts_;
    std::array<Turns, trusts> turns_;
    std::size_t turn_ = 0;                    // the class that is served next
    SharedRoom total_, unproven_, suspects_;  // attempts under way
    Exposure exposure_;
    SharedRoom waiting_;
    std::size_t moving_ = 0;
    UserSlots one_each_;
    std::size_t known_ = 0;
    std::size_t working_users_ = 0;  // with deliveries waiting or under way
    MonoTime scanned_at_;

    std::map<Uuid, User*> waiting_users_;  // with waiting deliveries
    std::deque<User*> lanes_;              // users with endpoints that have deferred deliveries and room
    std::set<Timer> timers_;               // when to check for room again
    std::map<std::pair<Uuid, std::string>, Breaker> changed_;
    std::size_t open_breakers_ = 0;
    std::size_t half_open_breakers_ = 0;
};

}  // namespace pricewire::deliver
