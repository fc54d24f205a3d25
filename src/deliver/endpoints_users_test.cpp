// What the users of one sender share.
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <map>
#include <string>
#include <vector>

#include "deliver/endpoints.hpp"

namespace pricewire::deliver {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

TEST(SharedRoom, OneAloneHasThreeQuartersAndWhoComesLateFindsAPlace) {
    SharedRoom room(100);
    std::vector<std::size_t> mine(5);
    for (std::size_t who = 0; who < mine.size(); ++who) {
        EXPECT_TRUE(room.has(0)) << who;
        while (room.has(mine[who])) {
            room.take();
            ++mine[who];
        }
    }
    EXPECT_EQ(mine, (std::vector<std::size_t>{75, 19, 3, 1, 1}));
    EXPECT_LE(room.taken(), 100U);
    SharedRoom smallest(0);
    EXPECT_TRUE(smallest.has(0));
    smallest.take();
    EXPECT_FALSE(smallest.has(0));
}

class UsersOfEndpoints : public testing::Test {
protected:
    explicit UsersOfEndpoints(const EndpointPolicy& policy = {}) : endpoints_(policy, 7) {}

    static Uuid user(int n) {
        Uuid id;
        id.bytes[0] = static_cast<std::uint8_t>(n);
        return id;
    }
    Moment now() const { return clock_.moment(); }
    Endpoints::Endpoint& at(int n, const std::string& name) { return endpoints_.at(user(n), name, now()); }
    int offer(int n, const std::string& name, int count = 1) {
        int taken = 0;
        for (int i = 0; i < count; ++i)
            taken += endpoints_.offer(at(n, name), {.id = make_uuid(clock_.now())}, clock_.mono()) ? 1 : 0;
        return taken;
    }
    // Starts all that may start; returns the users in the order of their turns.
    std::vector<int> start() {
        std::vector<int> order;
        while (const auto turn = endpoints_.next(now())) {
            order.push_back(Endpoints::user(*turn->endpoint).bytes[0]);
            under_way_[order.back()].push_back(*turn);
        }
        return order;
    }
    void end(int n, Sign sign = Sign::success) {
        const Endpoints::Turn turn = under_way_[n].front();
        under_way_[n].erase(under_way_[n].begin());
        endpoints_.ended(*turn.endpoint, turn.id, sign, "why", now());
    }
    // One whose window is as large as it gets, with that many attempts under way.
    void fill(int n, const std::string& name) {
        offer(n, name, 1000);
        start();
        for (int i = 0; i < 500; ++i) {
            end(n);
            start();
        }
    }

    ManualClock clock_;
    Endpoints endpoints_;
    std::map<int, std::vector<Endpoints::Turn>> under_way_;
};

TEST_F(UsersOfEndpoints, OneUserAtAHostLeavesRoomForOthers) {
    fill(1, "shared");
    EXPECT_EQ(under_way_[1].size(), 64U);
    for (int n = 2; n < 20; ++n) {
        offer(n, "shared");
        EXPECT_EQ(start(), std::vector{n}) << "at once";
    }
    EXPECT_EQ(attempts_per_host(64), 85U);
}

TEST_F(UsersOfEndpoints, AtAFullHostWhoHasLeastIsNextAndNotWhoJustEnded) {
    fill(1, "shared");
    for (int n = 2; n <= 22; ++n) {
        offer(n, "shared");
        start();
    }
    ASSERT_EQ(endpoints_.in_flight(), 85U) << "full";
    offer(23, "shared");
    offer(24, "shared", 2);
    EXPECT_TRUE(start().empty());
    ASSERT_GT(endpoints_.waiting(), 100U) << "of the first one";
    end(1);
    EXPECT_EQ(start(), std::vector{23});
    end(1);
    EXPECT_EQ(start(), std::vector{24});
    offer(1, "another host");
    EXPECT_EQ(start(), std::vector{1}) << "only that host is full";
}

TEST_F(UsersOfEndpoints, WhatWaitsForOtherUsersIsNotStuckAndKeepsItsPlaces) {
    for (int n = 1; n <= 100; ++n) offer(n, "shared", 100);
    start();
    ASSERT_EQ(endpoints_.in_flight(), 85U) << "full";
    for (int round = 0; round < 3; ++round) {
        clock_.advance(seconds{1});
        for (int n = 1; n <= 100; ++n) {
            if (!under_way_[n].empty()) end(n);
        }
        start();
    }
    EXPECT_EQ(offer(50, "shared", 100), 100);
}

TEST_F(UsersOfEndpoints, ASlowEndpointHasRoomForWhatItEndsInASecond) {
    fill(1, "slow");
    offer(1, "slow", 1000);
    for (int tenth = 0; tenth < 25; ++tenth) {
        clock_.advance(milliseconds{100});
        for (int i = 0; i < 20; ++i) end(1);
        start();
        offer(1, "slow", 20);
    }
    const std::size_t waiting = endpoints_.waiting();
    EXPECT_EQ(offer(1, "slow"), 0) << "those in front have waited for more than a second";
    for (std::size_t i = waiting; i > 190; --i) end(1), start();
    EXPECT_GT(offer(1, "slow", 20), 0);
    clock_.advance(milliseconds{300});
    EXPECT_EQ(offer(1, "slow", 200), 0) << "it has stopped";
}

TEST_F(UsersOfEndpoints, UsersTakeTurnsHoweverManyEndpointsTheyHave) {
    for (int i = 0; i < 100; ++i) offer(1, "host" + std::to_string(i));
    offer(2, "a", 2);
    const std::vector<int> order = start();
    ASSERT_GE(order.size(), 4U);
    EXPECT_EQ(std::vector(order.begin(), order.begin() + 4), (std::vector{1, 2, 1, 2}));
}

struct SmallMemory : UsersOfEndpoints {
    SmallMemory()
        : UsersOfEndpoints(
              {.max_waiting = 400, .max_known = 20, .max_known_of_user = 15, .breaker = {.failures = 1}}) {}
};

TEST_F(SmallMemory, OneUsersEndpointsDoNotMakeAnothersForgotten) {
    const auto fails_at = [&](int n, const std::string& name) {
        ASSERT_EQ(offer(n, name), 1);
        start();
        end(n, Sign::failing);
    };
    fails_at(1, "a");
    for (int i = 0; i < 100; ++i) fails_at(2, "host" + std::to_string(i));
    endpoints_.tidy(now());
    EXPECT_EQ(endpoints_.known(), 11U) << "half for each of the two";
    EXPECT_EQ(offer(1, "a"), 0) << "its breaker is still open";
    // Alone, a user has no more than his part.
    clock_.advance(std::chrono::hours{2});
    endpoints_.tidy(now());
    for (int i = 0; i < 20; ++i) fails_at(2, "host" + std::to_string(i));
    endpoints_.tidy(now());
    EXPECT_EQ(endpoints_.known(), 15U);
}

TEST_F(SmallMemory, OneUserDoesNotFillThePlacesToWait) {
    int taken = 0;
    for (int i = 0; i < 100; ++i) taken += offer(1, "host" + std::to_string(i), 100);
    EXPECT_EQ(taken, 300);
    EXPECT_EQ(endpoints_.users_with_enough(clock_.mono()), std::vector{user(1)});
    EXPECT_EQ(offer(2, "a", 10), 10);
}

TEST_F(SmallMemory, LanesAreFetchedFromByTurnsOfUsers) {
    for (int i = 0; i < 10; ++i) endpoints_.deferred(at(1, "host" + std::to_string(i)), 0, clock_.mono());
    endpoints_.deferred(at(2, "a"), 0, clock_.mono());
    std::vector<int> order;
    for (int i = 0; i < 4; ++i) {
        const auto lane = endpoints_.next_lane(clock_.mono());
        ASSERT_TRUE(lane);
        endpoints_.fetched(*lane, 0, clock_.mono());
        order.push_back(Endpoints::user(*lane->endpoint).bytes[0]);
    }
    EXPECT_EQ(order, (std::vector{1, 2, 1, 1}));
}

TEST_F(UsersOfEndpoints, DeferredDeliveriesOfAUserComeBackOneByOneAndNotBehindAnothers) {
    const Timestamp start = clock_.now();
    Timestamp last{};
    for (int i = 0; i < 1000; ++i) last = Endpoints::comes_back(at(1, "a"), start);
    EXPECT_GE(last - start, seconds{39});
    EXPECT_LE(Endpoints::comes_back(at(2, "a"), start) - start, seconds{31});
}

// Whatever happens, the counts hold and what is started was offered, once.
TEST(EndpointsProperty, NothingIsLostOrStartedTwice) {
    rc::check("the counts hold", [] {
        ManualClock clock;
        const auto now = [&] { return clock.moment(); };
        const std::size_t concurrency = *rc::gen::inRange<std::size_t>(1, 40);
        Endpoints endpoints({.concurrency = concurrency,
                             .per_endpoint = 8,
                             .max_waiting = 60,
                             .max_known = 3,
                             .breaker = {.failures = 3}},
                            *rc::gen::arbitrary<std::uint64_t>());
        std::map<Uuid, Endpoints::Endpoint*> waiting, under_way;
        const auto steps = *rc::gen::container<std::vector<int>>(400, rc::gen::inRange(0, 1000));
        for (const int step : steps) {
            if (step < 450) {
                const Uuid id = make_uuid(clock.now());
                // Two names, three users.
                Uuid user;
                user.bytes[0] = static_cast<std::uint8_t>(step % 3);
                const auto lane = static_cast<unsigned>(step % 3);
                Endpoints::Endpoint& e = endpoints.at(user, "e" + std::to_string(step % 2), now());
                const Waiter waiter{.id = id, .from_lane = step % 5 == 0, .last_chance = step % 7 == 0};
                if (endpoints.offer(e, waiter, clock.mono())) {
                    waiting[id] = &e;
                } else {
                    endpoints.deferred(e, lane, clock.mono());
                }
            } else if (step < 600) {
                if (const auto turn = endpoints.next(now())) {
                    const auto it = waiting.find(turn->id);
                    RC_ASSERT(it != waiting.end());
                    RC_ASSERT((turn->endpoint == it->second));
                    under_way[turn->id] = turn->endpoint;
                    waiting.erase(it);
                }
            } else if (step < 850) {
                if (under_way.empty()) continue;
                auto it = under_way.begin();
                std::advance(it, step % static_cast<int>(under_way.size()));
                const auto sign = static_cast<Sign>(step % 6);
                const auto ended = endpoints.ended(*it->second, it->first, sign, "why", now());
                for (const Uuid& id : ended.put_out) RC_ASSERT(waiting.erase(id) == 1U);
                under_way.erase(it);
            } else if (step < 900) {
                if (const auto lane = endpoints.next_lane(clock.mono())) {
                    RC_ASSERT(lane->count > 0U);
                    endpoints.fetched(*lane, static_cast<std::size_t>(step % 3), clock.mono());
                }
            } else if (step < 950) {
                clock.advance(milliseconds{step * 7});
                endpoints.users_with_enough(clock.mono());
            } else {
                endpoints.tidy(now());
            }
            RC_ASSERT(endpoints.waiting() == waiting.size());
            RC_ASSERT(endpoints.in_flight() == under_way.size());
            RC_ASSERT(under_way.size() <= concurrency);
        }
    });
}

}  // namespace
}  // namespace pricewire::deliver
