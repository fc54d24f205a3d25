#include "deliver/endpoints.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <string>
#include <vector>

namespace pricewire::deliver {
namespace {

// A user for each name, unless a test says otherwise.
Uuid user_of(std::string_view name) {
    Uuid id;
    std::copy_n(name.begin(), std::min(name.size(), id.bytes.size()), id.bytes.begin());
    return id;
}

Uuid make_user(int n) {
    return user_of("user " + std::to_string(n));
}

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

class EndpointsTest : public testing::Test {
protected:
    explicit EndpointsTest(const EndpointPolicy& policy = {}) : endpoints_(policy, 7) {}

    Moment now() const { return clock_.moment(); }
    Endpoints::Endpoint& endpoint(const std::string& name) {
        return endpoints_.at(user_of(name), name, now());
    }
    // Offers `count` deliveries; returns how many were taken.
    int offer(const std::string& name, int count = 1) {
        int taken = 0;
        for (int i = 0; i < count; ++i) {
            taken += endpoints_.offer(endpoint(name), {.id = make_uuid(clock_.now())}, clock_.mono()) ? 1 : 0;
        }
        return taken;
    }
    // Starts everything that may start; returns the number.
    int start() {
        int n = 0;
        while (const auto turn = endpoints_.next(now())) {
            under_way_[Endpoints::name(*turn->endpoint)].push_back(turn->id);
            order_.push_back(Endpoints::name(*turn->endpoint));
            ++n;
        }
        return n;
    }
    Endpoints::Ended end(const std::string& name, Sign sign = Sign::success) {
        const Uuid id = under_way_[name].front();
        under_way_[name].erase(under_way_[name].begin());
        return endpoints_.ended(endpoint(name), id, sign, "why", now());
    }
    std::size_t at(const std::string& name) { return under_way_[name].size(); }
    // One attempt, started and ended.
    void teach(const std::string& name, Sign sign) {
        ASSERT_EQ(offer(name), 1);
        ASSERT_EQ(start(), 1);
        end(name, sign);
    }

    ManualClock clock_;
    Endpoints endpoints_;
    std::map<std::string, std::vector<Uuid>> under_way_;
    std::vector<std::string> order_;
};

struct SmallSender : EndpointsTest {
    SmallSender() : EndpointsTest(EndpointPolicy{.concurrency = 16, .per_endpoint = 64}) {}
};

TEST_F(EndpointsTest, AWindowStartsAtTwoAndDoublesEachRoundUpToTheLimit) {
    ASSERT_EQ(offer("a", 1000), 1000);
    std::vector<std::size_t> rounds;
    for (int round = 0; round < 7; ++round) {
        start();
        rounds.push_back(at("a"));
        for (std::size_t i = rounds.back(); i > 0; --i) end("a");
    }
    EXPECT_EQ(rounds, (std::vector<std::size_t>{2, 4, 8, 16, 32, 64, 64}));
}

TEST_F(EndpointsTest, AWindowThatIsNotUsedDoesNotGrow) {
    for (int i = 0; i < 100; ++i) teach("a", Sign::success);
    offer("a", 100);
    start();
    EXPECT_EQ(at("a"), 2U);
}

TEST_F(EndpointsTest, NoAnswerSetsTheWindowToOneAnd429HalvesIt) {
    const auto end_all = [&](Sign sign) {
        std::size_t put_out = 0;
        while (at("a") > 0) put_out += end("a", sign).put_out.size();
        start();
        return put_out;
    };
    offer("a", 500);
    start();
    for (int i = 0; i < 3; ++i) end_all(Sign::success);
    ASSERT_EQ(at("a"), 16U);
    end("a", Sign::throttled);
    end_all(Sign::none);
    EXPECT_EQ(at("a"), 8U);
    end("a", Sign::unavailable);
    end_all(Sign::none);
    EXPECT_EQ(at("a"), 4U);
    const std::size_t waited = endpoints_.waiting();
    EXPECT_EQ(end_all(Sign::silent), waited - 4) << "all but a few of those that wait leave";
    EXPECT_EQ(at("a"), 1U);
    EXPECT_EQ(endpoints_.waiting(), 3U);
    end_all(Sign::success);
    EXPECT_EQ(at("a"), 2U) << "and it starts again";
}

TEST_F(EndpointsTest, AfterIdleTimeTheWindowIsSmallAgain) {
    offer("a", 30);
    start();
    while (at("a") > 0) {
        end("a");
        start();
    }
    offer("a", 50);
    start();
    EXPECT_GT(at("a"), 2U);
    while (at("a") > 0) {
        end("a");
        start();
    }
    clock_.advance(minutes{2});
    offer("a", 50);
    start();
    EXPECT_EQ(at("a"), 2U);
}

TEST_F(SmallSender, OneEndpointHasAtMostAQuarterAndServesInOrder) {
    offer("a", 200);
    for (int i = 0; i < 20; ++i) {
        start();
        while (at("a") > 0) end("a");
    }
    start();
    EXPECT_EQ(at("a"), 4U);
}

TEST_F(SmallSender, RoomIsSharedAndServedInTurn) {
    for (const std::string name : {"a", "b", "c", "d"}) teach(name, Sign::success);
    order_.clear();
    offer("a", 50);
    offer("b", 50);
    offer("c", 50);
    start();
    EXPECT_EQ(order_, (std::vector<std::string>{"a", "b", "c", "a", "b", "c"}));
    for (int i = 0; i < 30; ++i) {
        for (const std::string name : {"a", "b", "c"}) end(name);
        start();
    }
    EXPECT_EQ(at("a") + at("b") + at("c"), 12U) << "three quarters, by thirds";
    EXPECT_EQ(at("a"), 4U);
    offer("d", 50);
    start();
    EXPECT_GE(at("d"), 1U) << "who comes late finds room";
}

TEST_F(SmallSender, FreshEndpointsLeaveAQuarterAndHangingOnesThreeQuarters) {
    teach("good", Sign::success);
    for (int i = 0; i < 100; ++i) offer("new" + std::to_string(i), 2);
    start();
    EXPECT_EQ(endpoints_.in_flight(), 12U) << "before anything is known of them";
    EXPECT_EQ(offer("good", 2), 2);
    start();
    EXPECT_EQ(at("good"), 1U) << "its fair share among a hundred";

    // All of them hang.
    while (at("good") > 0) end("good");
    for (int round = 0; round < 20; ++round) {
        std::vector<std::string> hang;
        for (const auto& [name, ids] : under_way_) {
            if (name != "good" && !ids.empty()) hang.push_back(name);
        }
        for (const std::string& name : hang) end(name, Sign::silent);
        start();
        while (at("good") > 0) end("good");
    }
    EXPECT_EQ(endpoints_.in_flight(), 4U) << "those known to hang";
    for (int i = 0; i < 8; ++i) {
        offer("newer" + std::to_string(i));
        EXPECT_EQ(start(), 1) << "do not stand in the way of what is not known";
    }
    EXPECT_EQ(offer("good"), 1);
    EXPECT_EQ(start(), 1);
}

TEST_F(EndpointsTest, TheWaitingLimitDependsOnTheTrust) {
    EXPECT_EQ(offer("a", 5000), 1024) << "one that may be fast";
    start();
    clock_.advance(milliseconds{300});
    EXPECT_EQ(offer("b", 3), 3);
    end("a", Sign::silent);
    EXPECT_EQ(endpoints_.waiting(), 4U + 3U);
    EXPECT_EQ(offer("a", 10), 0) << "a suspect's few places are taken";
    EXPECT_EQ(offer("c", 100), 100);
    start();
    clock_.advance(milliseconds{300});
    EXPECT_EQ(offer("c", 10), 0) << "nothing moved there for a while";
}

TEST(EndpointsBounds, LimitsAllWaitingDeliveries) {
    ManualClock clock;
    Endpoints endpoints({.concurrency = 100, .per_endpoint = 64, .max_waiting = 1000}, 1);
    const Moment now = clock.moment();
    std::size_t taken = 0;
    for (int i = 0; i < 100; ++i) {
        for (int k = 0; k < 1000; ++k) {
            taken +=
                endpoints.offer(endpoints.at(make_user(i), "e", now), {.id = make_uuid(now.wall)}, now.mono)
                    ? 1
                    : 0;
        }
    }
    EXPECT_EQ(endpoints.waiting(), taken);
    EXPECT_LE(taken, 1000U);
    EXPECT_GE(taken, 750U);
}

TEST_F(EndpointsTest, AUserHasEnoughWhileManyWaitAtHisMovingEndpoints) {
    const auto enough = [&] { return endpoints_.users_with_enough(clock_.mono()); };
    EXPECT_TRUE(endpoints_.wants_more());
    offer("hangs", 500);
    start();
    EXPECT_EQ(enough(), std::vector{user_of("hangs")}) << "it may be fast";
    clock_.advance(milliseconds{300});
    EXPECT_TRUE(enough().empty()) << "it is not";
    offer("fast", 500);
    offer("other", 5);
    start();
    EXPECT_EQ(enough(), std::vector{user_of("fast")});
    EXPECT_TRUE(endpoints_.wants_more()) << "of the others";
    for (int i = 0; i < 400; ++i) {
        end("fast");
        start();
    }
    EXPECT_TRUE(enough().empty()) << "when most of it is done";
}

TEST(EndpointsBreaker, OpensPutsOutWaitingDeliveriesAndProbesOnce) {
    ManualClock clock;
    const auto now = [&] { return clock.moment(); };
    Endpoints endpoints({.breaker = {.failures = 3}}, 1);
    const auto a = [&]() -> Endpoints::Endpoint& { return endpoints.at(user_of("a"), "a", now()); };
    const auto offer = [&](bool from_lane = false) {
        return endpoints.offer(a(), {.id = make_uuid(clock.now()), .from_lane = from_lane}, clock.mono());
    };
    Endpoints::Ended ended;
    for (int i = 0; i < 8; ++i) ASSERT_TRUE(offer());
    std::vector<Endpoints::Turn> turns;
    const auto start = [&] {
        std::size_t n = 0;
        for (auto turn = endpoints.next(now()); turn; turn = endpoints.next(now()), ++n)
            turns.push_back(*turn);
        return n;
    };
    const auto end = [&](Sign sign) {
        const auto turn = turns.front();
        turns.erase(turns.begin());
        ended = endpoints.ended(*turn.endpoint, turn.id, sign, "why", now());
    };
    std::size_t out = 0;
    for (int i = 0; i < 3; ++i) {
        start();
        EXPECT_FALSE(ended.opened);
        end(Sign::silent);
        out += ended.put_out.size();
    }
    EXPECT_TRUE(ended.opened);
    EXPECT_EQ(out + turns.size(), 5U) << "none waits any more";
    while (!turns.empty()) end(Sign::silent);
    EXPECT_EQ(endpoints.waiting(), 0U);
    EXPECT_EQ(endpoints.open_breakers(), 1U);
    auto changed = endpoints.take_changed_breakers();
    ASSERT_EQ(changed.size(), 1U);
    EXPECT_EQ(changed[0].endpoint, "a");
    EXPECT_EQ(changed[0].state, BreakerState::open);
    EXPECT_EQ(changed[0].failures, 3);
    EXPECT_EQ(changed[0].reason, "why");
    EXPECT_EQ(changed[0].user_id, user_of("a"));
    EXPECT_FALSE(offer());
    EXPECT_GT(endpoints.pause_left(a(), clock.mono()), seconds{4});

    endpoints.deferred(a(), 3, clock.mono());
    EXPECT_FALSE(endpoints.next_lane(clock.mono()));
    ASSERT_TRUE(endpoints.next_lane_at());
    EXPECT_GT(*endpoints.next_lane_at(), clock.mono() + seconds{4});
    clock.advance(seconds{6});
    auto lane = endpoints.next_lane(clock.mono());
    ASSERT_TRUE(lane) << "one is asked for when the pause is over";
    EXPECT_EQ(lane->endpoint, &a());
    EXPECT_EQ(lane->number, 3U);
    EXPECT_EQ(lane->count, 1U);
    endpoints.fetched(*lane, 1, clock.mono());
    EXPECT_FALSE(offer()) << "what is new goes behind those that wait";
    EXPECT_TRUE(offer(true));
    EXPECT_FALSE(endpoints.next_lane(clock.mono()));
    EXPECT_FALSE(offer(true)) << "one is enough";
    EXPECT_EQ(start(), 1U);
    EXPECT_FALSE(offer(true));
    EXPECT_EQ(endpoints.take_changed_breakers().at(0).state, BreakerState::half_open);
    EXPECT_EQ(endpoints.open_breakers(), 1U);
    EXPECT_EQ(endpoints.half_open_breakers(), 1U);

    end(Sign::success);
    EXPECT_TRUE(ended.closed);
    EXPECT_EQ(endpoints.open_breakers(), 0U);
    EXPECT_EQ(endpoints.half_open_breakers(), 0U);
    changed = endpoints.take_changed_breakers();
    EXPECT_EQ(changed.at(0).state, BreakerState::closed);
    EXPECT_FALSE(endpoints.breakers_changed());
    lane = endpoints.next_lane(clock.mono());
    ASSERT_TRUE(lane) << "and then more";
    EXPECT_GT(lane->count, 1U);
}

TEST(EndpointsBreaker, IsTakenOverFromAnotherProcess) {
    ManualClock clock;
    const Moment now = clock.moment();
    Endpoints endpoints({}, 1);
    const Uuid user = user_of("a");
    const auto a = [&](Endpoints& in) -> Endpoints::Endpoint& { return in.at(user, "https://a:443", now); };
    const std::vector<Breaker> stored{{.user_id = user,
                                       .endpoint = "https://a:443",
                                       .state = BreakerState::open,
                                       .failures = 12,
                                       .retry_at = clock.now() + seconds{20},
                                       .reason = "why",
                                       .changed_at = clock.now()}};
    Endpoints other({}, 1);
    const std::vector<std::string> lanes{"https://a:443", "x y 1", Endpoints::lane_name(a(other), 5),
                                         user.to_string() + " https://a:443 16"};
    endpoints.restore(stored, lanes, now);
    EXPECT_EQ(endpoints.known(), 1U) << "lanes of other versions are skipped";
    EXPECT_EQ(endpoints.open_breakers(), 1U);
    EXPECT_FALSE(endpoints.offer(a(endpoints), {.id = make_uuid(now.wall), .from_lane = true}, now.mono));
    EXPECT_FALSE(endpoints.breakers_changed());
    clock.advance(seconds{20});
    const auto lane = endpoints.next_lane(clock.mono());
    ASSERT_TRUE(lane);
    EXPECT_EQ(lane->number, 5U);
    EXPECT_TRUE(endpoints.offer(a(endpoints), {.id = make_uuid(now.wall), .from_lane = true}, clock.mono()));

    Endpoints without({.breaker = {.failures = 0}}, 1);
    without.restore(stored, {}, now);
    EXPECT_EQ(without.open_breakers(), 0U);
    EXPECT_EQ(without.take_changed_breakers().at(0).state, BreakerState::closed) << "to be removed";
}

// Opens a breaker at the first failure, and has deliveries of two URLs deferred.
class ProbesTest : public EndpointsTest {
protected:
    ProbesTest() : EndpointsTest({.breaker = {.failures = 1}}) {
        teach("a", Sign::failing);
        for (const unsigned lane : {2U, 9U}) endpoints_.deferred(endpoint("a"), lane, clock_.mono());
    }
    // The lane that the probe is fetched from after the pause; the probe fails.
    unsigned probe() {
        clock_.advance(minutes{2});
        const auto lane = endpoints_.next_lane(clock_.mono());
        if (!lane) return 99;
        endpoints_.fetched(*lane, 1, clock_.mono());
        EXPECT_TRUE(endpoints_.offer(*lane->endpoint, {.id = make_uuid(clock_.now()), .from_lane = true},
                                     clock_.mono()));
        EXPECT_EQ(start(), 1);
        end("a", Sign::failing);
        return lane->number;
    }
};

TEST_F(ProbesTest, TakeTurnsOverTheLanes) {
    std::vector<unsigned> lanes;
    for (int i = 0; i < 4; ++i) lanes.push_back(probe());
    EXPECT_EQ(lanes, (std::vector{2U, 9U, 2U, 9U}));
}

TEST_F(ProbesTest, AreOfWhatIsNewOnceTheLanesAreEmpty) {
    clock_.advance(minutes{2});
    EXPECT_EQ(offer("a"), 0);
    for (int i = 0; i < 2; ++i) {
        const auto lane = endpoints_.next_lane(clock_.mono());
        ASSERT_TRUE(lane);
        endpoints_.fetched(*lane, 0, clock_.mono());
    }
    EXPECT_FALSE(endpoints_.next_lane(clock_.mono()));
    EXPECT_EQ(offer("a"), 1);
}

TEST_F(ProbesTest, ALastChanceDoesNotWaitForTheBreaker) {
    const auto last_chance = [&] {
        return endpoints_.offer(endpoint("a"), {.id = make_uuid(clock_.now()), .last_chance = true},
                                clock_.mono());
    };
    ASSERT_TRUE(last_chance());
    ASSERT_EQ(start(), 1);
    end("a", Sign::failing);
    EXPECT_EQ(offer("a"), 0) << "the breaker is still open";
    ASSERT_TRUE(last_chance());
    ASSERT_EQ(start(), 1);
    EXPECT_TRUE(end("a", Sign::success).closed);
    EXPECT_EQ(offer("a"), 1);
}

TEST_F(ProbesTest, ACrowdsLastChancesAreFew) {
    int taken = 0;
    for (int i = 0; i < 100; ++i) {
        taken += endpoints_.offer(endpoint("a"), {.id = make_uuid(clock_.now()), .last_chance = true},
                                  clock_.mono())
                     ? 1
                     : 0;
    }
    EXPECT_EQ(taken, 16);
    EXPECT_LE(start(), 2);
}

TEST_F(EndpointsTest, AUrlsLaneIsTheSameInEveryProcess) {
    EXPECT_EQ(Endpoints::lane_of("https://example.com/hook"), 1U);
    EXPECT_EQ(Endpoints::lane_name(endpoint("a"), 3), user_of("a").to_string() + " a 3");
}

TEST_F(EndpointsTest, ALaneIsFetchedAsRoomBecomesFree) {
    offer("a", 20);
    start();
    endpoints_.deferred(endpoint("a"), 0, clock_.mono());
    EXPECT_FALSE(endpoints_.next_lane(clock_.mono())) << "enough waits";
    while (at("a") > 0) {
        end("a");
        start();
    }
    auto lane = endpoints_.next_lane(clock_.mono());
    ASSERT_TRUE(lane);
    EXPECT_GE(lane->count, 16U);
    endpoints_.fetched(*lane, lane->count, clock_.mono());
    offer("a", static_cast<int>(lane->count));
    EXPECT_FALSE(endpoints_.next_lane(clock_.mono())) << "these are enough";
    start();
    while (at("a") > 0) {
        end("a");
        start();
    }
    lane = endpoints_.next_lane(clock_.mono());
    ASSERT_TRUE(lane);
    endpoints_.fetched(*lane, lane->count - 1, clock_.mono());
    clock_.advance(seconds{3});
    EXPECT_FALSE(endpoints_.next_lane(clock_.mono())) << "there were no more";
    EXPECT_FALSE(endpoints_.next_lane_at());
}

TEST_F(EndpointsTest, ALaneThatCouldNotBeFetchedFromIsRetried) {
    offer("a");
    start();
    endpoints_.deferred(endpoint("a"), 0, clock_.mono());
    ASSERT_TRUE(endpoints_.next_lane(clock_.mono()));
    EXPECT_FALSE(endpoints_.next_lane(clock_.mono()));
    clock_.advance(seconds{3});
    EXPECT_TRUE(endpoints_.next_lane(clock_.mono())) << "the database was away";
}

TEST(EndpointsMemory, ForgetsIdleEndpointsAndReportsTheirBreakers) {
    ManualClock clock;
    const auto now = [&] { return clock.moment(); };
    Endpoints endpoints({.max_known = 10, .breaker = {.failures = 1}}, 1);
    const auto attempt = [&](const std::string& name, Sign sign) {
        ASSERT_TRUE(endpoints.offer(endpoints.at(user_of(name), name, now()), {.id = make_uuid(clock.now())},
                                    clock.mono()));
        const auto turn = endpoints.next(now());
        ASSERT_TRUE(turn);
        endpoints.ended(*turn->endpoint, turn->id, sign, "why", now());
    };
    attempt("broken", Sign::silent);
    for (int i = 0; i < 30; ++i) attempt("e" + std::to_string(i), Sign::success);
    endpoints.take_changed_breakers();
    endpoints.tidy(now());
    EXPECT_EQ(endpoints.known(), 10U);
    EXPECT_EQ(endpoints.open_breakers(), 0U);
    EXPECT_EQ(endpoints.take_changed_breakers().at(0).state, BreakerState::closed);
    attempt("e29", Sign::success);
    clock.advance(std::chrono::hours{2});
    EXPECT_TRUE(endpoints.offer(endpoints.at(user_of("busy"), "busy", now()), {.id = make_uuid(clock.now())},
                                clock.mono()));
    endpoints.tidy(now());
    EXPECT_EQ(endpoints.known(), 1U) << "what has something to do stays";
}

}  // namespace
}  // namespace pricewire::deliver
