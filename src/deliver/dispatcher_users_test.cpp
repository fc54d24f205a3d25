// What one user's receivers do, and how much the user sends, holds up no other user's deliveries.
#include <rapidcheck.h>

#include <algorithm>
#include <deque>
#include <set>
#include <string>
#include <vector>

#include "deliver/dispatcher_fixture.hpp"

namespace pricewire::deliver {
namespace {

using std::chrono::minutes;

// Two users: the fixture's, who does harm, and Bob. What a URL answers is in its last part: a status, or
// "hangs"; Alice can also change her mind.
class TwoUsers : public DispatcherTest {
public:
    TwoUsers() {
        NewUser bob{
            {bob_, "bob@example.com", true, clock_.now()}, {}, secrets_.seal(secret, bob_.to_string())};
        bob.api_key_hash.fill(1);
        EXPECT_TRUE(storage_.create_user(bob));
        client_->script = [this](const net::HttpRequest& r) -> std::optional<net::HttpResult> {
            std::string last = r.url.substr(r.url.rfind('/') + 1);
            if (last == "changes") last = mood_;
            if (r.url.find("/bob/") != std::string::npos) {
                claims_ = storage_.calls("claim_due");
                for (const auto& [name, value] : r.headers) {
                    if (name == "webhook-id") bobs_.insert(value);
                }
            }
            if (last == "gone") return fakes::http_failure(HttpError::connect, "connection refused");
            if (last != "hangs") return fakes::http_status(std::stoi(last));
            began_.push_back(clock_.mono());
            return std::nullopt;
        };
    }

    // One that Bob's alert fires now, at a path that works.
    Uuid bob_fires(const std::string& url = "https://shared.example.com/bob/200") {
        const auto tasks = fire_as(bob_, 1, url);
        hint(tasks);
        return tasks[0].delivery_id;
    }
    // A call of POST /alerts/{id}/test.
    Uuid alice_tests(const std::string& url) {
        const FiringGroup g =
            storage_.add_alerts(1, {.user_id = user_, .webhook_url = url, .created_at = clock_.now()});
        const Uuid id = make_uuid(clock_.now());
        EXPECT_TRUE(
            storage_.add_test_delivery(user_, g.firings[0].alert_id, id, Decimal::from_int(1), clock_.now()));
        hint({{id, 1}});
        return id;
    }
    void run(Duration d, Duration step = milliseconds{50}) {
        for (Duration gone{}; gone < d; gone += step) {
            clock_.advance(step);
            while (!began_.empty() && clock_.mono() - began_.front() >= seconds{5}) {
                began_.pop_front();
                client_->answer(0, fakes::http_failure(HttpError::timeout, "no answer within 5s"));
            }
            settle();
        }
    }
    bool sent(const Uuid& id) const { return bobs_.contains(id.to_string()); }
    void TestBody() override {}

    // Plays random steps; each chooses what happens, and where.
    void play(const SenderOptions& options, const std::vector<int>& steps) {
        static constexpr const char* ends[] = {"200", "500", "503", "429", "404", "410", "hangs", "gone"};
        start(options);
        settle();
        for (const int step : steps) {
            const int pick = step / 10;
            const std::string host = pick % 3 == 0 ? "shared" : "host" + std::to_string(pick % 40);
            const std::string url = "https://" + host + ".example.com/" +
                                    (pick % 2 == 0 ? "changes" : ends[static_cast<std::size_t>(pick) % 8]);
            if (const auto gone = storage_.endpoints(user_, 100);
                std::any_of(gone.begin(), gone.end(),
                            [&](const auto& e) { return e.disabled_at && e.webhook_url == url; }))
                storage_.enable_endpoint(user_, url);
            switch (step % 10) {
                case 0:
                    hint(fire_as(user_, 1 + pick % 30, url, minutes{1 + pick % 60}));
                    break;
                case 1:
                    fire_as(user_, 1 + pick % 30, url);  // the tasks are lost
                    break;
                case 2:
                    alice_tests(url);
                    break;
                case 3:
                    mood_ = ends[static_cast<std::size_t>(pick) % 8];
                    break;
                case 4:
                    hint(storage_.recover_deliveries(user_, {}, clock_.now(), 100, {}).tasks);
                    break;
                case 5:
                    retry_one(static_cast<std::size_t>(pick));
                    break;
                case 6:
                    run(milliseconds{pick * 20}, milliseconds{500});
                    break;
                case 7: {
                    const auto lost = fire_as(bob_, 1, "https://shared.example.com/bob/200");
                    run(milliseconds{1'100});
                    expect_sent(lost[0].delivery_id);
                    break;
                }
                default:
                    expect_sent(bob_fires(pick % 5 == 0 ? "https://other.example.com/bob/200"
                                                        : "https://shared.example.com/bob/200"));
            }
        }
        expect_nothing_shown();
    }
    void retry_one(std::size_t pick) {
        const auto all = storage_.deliveries(user_, {.limit = 100});
        if (all.empty()) return;
        const auto task = storage_.retry_delivery(user_, all[pick % all.size()].id, clock_.now());
        if (task) hint({*task});
    }
    void expect_sent(const Uuid& id) { RC_ASSERT(sent(id)); }
    void expect_nothing_shown() {
        RC_ASSERT(storage_.breakers_of(bob_).empty());
        for (const UserEndpoint& endpoint : storage_.endpoints(bob_, 100)) RC_ASSERT(endpoint.reason.empty());
        for (const DeliveryView& d : storage_.deliveries(bob_, {.limit = 1000})) RC_ASSERT(d.reason.empty());
        // Each of Alice's has ended, is under way, waits here, or is due at some time.
        for (const DeliveryView& d : storage_.deliveries(user_, {.limit = 1000}))
            RC_ASSERT(is_final(d.state) || d.next_attempt_at || d.state == DeliveryState::delivering);
    }

    const Uuid bob_ = make_uuid(clock_.now());
    std::string mood_ = "200";
    std::set<std::string> bobs_;  // his deliveries that were attempted
    int claims_ = 0;              // that had been made by then
    std::deque<MonoTime> began_;
};

using UsersTest = TwoUsers;

TEST_F(UsersTest, AFailingPathWithTestsDoesNotTouchAnotherUsersPathAtTheSameHost) {
    fakes::LogCapture log;
    start();
    settle();
    for (int i = 0; i < 200; ++i) {
        alice_tests("https://shared.example.com/alice/500");
        if (i % 10 == 0) EXPECT_TRUE(sent(bob_fires())) << "at the moment it is fired";
        run(milliseconds{500}, milliseconds{250});
    }
    EXPECT_EQ(storage_.count(DeliveryState::delivered), 20U);
    ASSERT_EQ(storage_.breakers_of(user_).size(), 1U);
    EXPECT_EQ(storage_.breakers_of(user_)[0].endpoint, "https://shared.example.com:443");
    EXPECT_TRUE(storage_.breakers_of(bob_).empty());
    EXPECT_EQ(dispatcher_->stats().open_breakers, 1U);
}

TEST_F(UsersTest, APathThatHangsWithAllItMayUseLeavesRoomAtItsHost) {
    start();
    settle();
    // A window as large as it gets, before it hangs.
    for (int i = 0; i < 8; ++i) hint(fire_as(user_, 500, "https://shared.example.com/changes"));
    mood_ = "hangs";
    hint(fire_as(user_, 500, "https://shared.example.com/changes"));
    run(milliseconds{50}, milliseconds{5});
    EXPECT_EQ(client_->open(), 64U);
    for (int i = 0; i < 40; ++i) {
        EXPECT_TRUE(sent(bob_fires()));
        run(milliseconds{250});
    }
    EXPECT_TRUE(storage_.breakers_of(bob_).empty());
}

TEST_F(UsersTest, AThousandHangingEndpointsOfAUserLeaveRoomForAnothersOfEachKind) {
    SenderOptions options;
    options.concurrency = 64;
    start(options);
    settle();
    // Bob has a suspect endpoint too.
    hint(fire_as(bob_, 1, "https://slow.example.com/hangs"));
    run(seconds{6});
    ASSERT_EQ(client_->seen().size(), 1U);
    for (int i = 0; i < 1000; ++i) {
        hint(fire_as(user_, 3, "https://host" + std::to_string(i) + ".example.com/hangs"));
        if (i % 50 == 0) run(milliseconds{300});
    }
    EXPECT_TRUE(sent(bob_fires("https://slow.example.com/bob/200"))) << "a suspect";
    EXPECT_TRUE(sent(bob_fires("https://new.example.com/bob/200"))) << "a fresh one";
    EXPECT_TRUE(sent(bob_fires("https://new.example.com/bob/200"))) << "a trusted one";
    run(minutes{1});
    EXPECT_TRUE(sent(bob_fires("https://new.example.com/bob/200")));
}

TEST_F(UsersTest, WhileTheClientIsBehindItIsStillOpenWhoseTurnIsNext) {
    client_->behind = [](std::size_t open) { return open; };
    start();
    hint(fire_as(user_, 200, "https://a{}.example.com/hangs"));
    EXPECT_EQ(client_->open(), 32U);
    const Uuid bobs = bob_fires();
    EXPECT_FALSE(sent(bobs));
    for (int i = 0; i < 2; ++i) client_->answer(0, fakes::http_status(200));
    run(milliseconds{5}, milliseconds{1});
    EXPECT_TRUE(sent(bobs));
    EXPECT_EQ(client_->open(), 32U);
}

TEST_F(UsersTest, ManyDueDeliveriesOfAUserDoNotStandInFrontOfAnothers) {
    start();
    settle();
    // Without tasks: the database hands out those that are due longest first.
    fire_as(user_, 10'000, "https://dead.example.com/gone");
    clock_.advance(milliseconds{1});
    const auto task = fire_as(bob_, 1, "https://works.example.com/bob/200");
    const int before = storage_.calls("claim_due");
    run(seconds{2});
    EXPECT_TRUE(sent(task[0].delivery_id));
    EXPECT_EQ(claims_ - before, 3) << "what was due longest came first";
}

TEST_F(UsersTest, WhoHasEnoughClaimedWaitsInTheDatabaseAndOthersDoNot) {
    start();
    settle();
    // Each answer takes a moment, so that many wait.
    mood_ = "hangs";
    hint(fire_as(user_, 5'000, "https://moves.example.com/changes"));
    const std::size_t waiting = dispatcher_->stats().waiting;
    EXPECT_LE(waiting, 1'024U);
    EXPECT_TRUE(sent(bob_fires()));
    mood_ = "200";
    while (client_->open() > 0) client_->answer(0, fakes::http_status(200));
    began_.clear();
    run(seconds{5});
    EXPECT_EQ(storage_.count(DeliveryState::delivered), 5'001U) << "and comes at once when there is room";
}

TEST_F(UsersTest, AUsersPathThatWorksIsProbedBesideManyThatFail) {
    fakes::LogCapture log;
    start();
    settle();
    hint(fire_as(user_, 300, "https://own.example.com/500"));
    run(seconds{1});
    ASSERT_EQ(dispatcher_->stats().open_breakers, 1U);
    const auto works = fire_as(user_, 3, "https://own.example.com/200");
    hint(works);
    run(minutes{2});
    for (const DeliveryTask& task : works) EXPECT_EQ(state(task.delivery_id), "delivered 1:200");
}

TEST_F(UsersTest, ADeliveryThatWaitsForABreakerHasAnAttemptBeforeItsDeadline) {
    fakes::LogCapture log;
    SenderOptions options;
    options.breaker = {.failures = 3, .pause_min = minutes{10}, .pause_max = minutes{10}};
    start(options);
    settle();
    hint(fire_as(user_, 50, "https://own.example.com/500"));
    run(seconds{1});
    ASSERT_EQ(dispatcher_->stats().open_breakers, 1U);
    const auto works = fire_as(user_, 20, "https://own.example.com/200", minutes{2});
    hint(works);
    run(minutes{1});
    EXPECT_EQ(storage_.count(DeliveryState::delivered), 0U);
    run(minutes{1});
    EXPECT_EQ(storage_.count(DeliveryState::delivered), 20U);
    EXPECT_EQ(storage_.count(DeliveryState::expired), 0U);
}

TEST_F(UsersTest, AManualRetryThatWaitsForABreakerHasItsAttemptBeforeItsDeadline) {
    fakes::LogCapture log;
    SenderOptions options;
    options.retry.attempts = 1;
    options.breaker = {.failures = 3, .pause_min = minutes{10}, .pause_max = minutes{10}};
    start(options);
    settle();
    const auto tasks = fire_as(user_, 4, "https://own.example.com/changes", minutes{2});
    mood_ = "500";
    hint(tasks);
    ASSERT_EQ(state(tasks[0].delivery_id), "failed 1:500");
    ASSERT_EQ(dispatcher_->stats().open_breakers, 1U);
    mood_ = "200";
    hint({storage_.retry_delivery(user_, tasks[0].delivery_id, clock_.now()).value()});
    run(minutes{2});
    EXPECT_EQ(state(tasks[0].delivery_id), "delivered 1:500 2:200");
}

// Whatever Alice does within her rights, each of Bob's deliveries to a path that works is made at the moment
// it is fired, or when the database is next asked; nothing of hers is in what he is shown; and each of hers is
// still there.
void play_two_users() {
    fakes::LogCapture log;
    TwoUsers world;
    SenderOptions options;
    options.concurrency = *rc::gen::inRange<std::size_t>(8, 64);
    options.per_endpoint = *rc::gen::inRange<std::size_t>(1, 16);
    options.breaker.failures = *rc::gen::inRange(0, 5);
    options.retry.attempts = *rc::gen::inRange(1, 5);
    world.play(options, *rc::gen::container<std::vector<int>>(80, rc::gen::inRange(0, 10'000)));
}

TEST(UsersProperty, NothingThatOneUserDoesHoldsUpAnother) {
    rc::check("Bob is served at once", [] { play_two_users(); });
}

}  // namespace
}  // namespace pricewire::deliver
