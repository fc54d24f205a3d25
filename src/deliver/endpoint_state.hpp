#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>

#include "deliver/endpoints.hpp"

namespace pricewire::deliver {

inline constexpr std::size_t first_window = 2;
// The most that may wait at an endpoint that makes progress, at one that does not answer, and at others.
inline constexpr std::size_t most_waiting = 1024;
inline constexpr std::size_t suspect_waiting = 4;
inline constexpr std::size_t stuck_waiting = 16;
// An endpoint at its limit where no attempt has ended for this long is stuck.
inline constexpr Duration stuck_after = std::chrono::milliseconds{250};
// So is one where a delivery has waited for this long while its whole window was used, or for the longer time while
// it was not: it then waits for others, whatever its receiver does.
inline constexpr Duration longest_wait = std::chrono::seconds{1};
inline constexpr Duration longest_wait_for_others = std::chrono::seconds{5};

struct Endpoints::Endpoint {
    struct Waiting {
        Uuid id;
        MonoTime since;
        bool last_chance;
    };

    std::string name;
    User* user = nullptr;
    Host* host = nullptr;
    CircuitBreaker breaker;
    std::optional<Uuid> probe;  // the attempt that is the breaker's probe
    Trust trust = Trust::fresh;
    std::size_t window = first_window;
    std::size_t used_fully = 0;  // attempts still under way since the window was last full
    std::size_t in_flight = 0;
    std::deque<Waiting> waiting;
    MonoTime moved_at;  // when an attempt last ended, or the first one started
    // Attempts that ended since second_began, less than a second ago, and in the second before.
    std::size_t ended_now = 0;
    std::size_t ended_before = 0;
    MonoTime second_began;
    AnswerTimes times;
    bool stuck = false;
    bool listed = false;   // in its user's `ready`
    bool at_host = false;  // in its host's `waiting`
    bool called = false;   // a place at its host is kept for it

    std::uint16_t lanes = 0;  // bit n: deliveries may be deferred in lane n
    unsigned lane_turn = 0;   // the lane that is fetched from next
    bool lane_listed = false;
    std::optional<MonoTime> timer;

    std::optional<std::list<Endpoint*>::iterator> resting;
    MonoTime resting_since;
};

struct Endpoints::User {
    Uuid id;
    std::unordered_map<std::string, std::unique_ptr<Endpoint>> endpoints;
    std::array<std::size_t, trusts> in_flight{};
    std::size_t exposed = 0;  // see Exposure
    std::size_t waiting = 0;
    std::size_t moving = 0;        // of those, at endpoints that are not stuck
    std::list<Endpoint*> resting;  // without deliveries waiting or under way, idle longest first
    // By trust: endpoints with waiting deliveries and room in their window.
    std::array<std::deque<Endpoint*>, trusts> ready;
    std::array<bool, trusts> listed{};  // in turns_
    std::deque<Endpoint*> lanes;        // endpoints with deferred deliveries and room
    bool lanes_listed = false;
    Timestamp defer_slot;  // when the last deferred delivery comes back

    std::size_t working() const { return endpoints.size() - resting.size(); }
    std::size_t unproven() const { return in_flight[1] + in_flight[2]; }
    std::size_t all_in_flight() const { return in_flight[0] + unproven(); }
};

struct Endpoints::Host {
    explicit Host(std::size_t size) : room(size) {}

    SharedRoom room;  // attempts under way, and places kept for endpoints that were called
    std::size_t endpoints = 0;
    std::deque<Endpoint*> waiting;  // endpoints that found no room
};

}  // namespace pricewire::deliver
