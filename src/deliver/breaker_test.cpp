#include "deliver/breaker.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace pricewire::deliver {
namespace {

using net::HttpError;
using std::chrono::milliseconds;
using std::chrono::seconds;

TEST(BreakerSign, FollowsFromTheEndOfAnAttempt) {
    const auto of_status = [](int status) { return sign_of({.status = status}); };
    const auto of_error = [](HttpError error) { return sign_of({.error = error}); };
    for (const int alive : {200, 204, 302, 400, 404, 410})
        EXPECT_EQ(of_status(alive), Sign::success) << alive;
    for (const int failing : {500, 502, 504, 599}) EXPECT_EQ(of_status(failing), Sign::failing) << failing;
    EXPECT_EQ(of_status(429), Sign::throttled);
    EXPECT_EQ(of_status(503), Sign::unavailable);
    for (const auto error :
         {HttpError::resolve, HttpError::connect, HttpError::tls, HttpError::timeout, HttpError::protocol}) {
        EXPECT_EQ(of_error(error), Sign::silent) << net::to_string(error);
    }
    for (const auto error : {HttpError::bad_url, HttpError::refused_address, HttpError::cancelled}) {
        EXPECT_EQ(of_error(error), Sign::none) << net::to_string(error);
    }
}

class BreakerTest : public testing::Test {
protected:
    Moment now() const { return clock_.moment(); }
    bool end(Sign sign, bool probe = false) { return breaker_.end(sign, probe, "why", policy_, now(), rng_); }
    std::string state() const {
        const Breaker b = breaker_.view("https://example.com:443", now());
        return fmt::format("{} {}{}", to_string(b.state), b.failures,
                           breaker_.allows(clock_.mono()) ? "" : " blocks");
    }
    double pause() const {
        return static_cast<double>((breaker_.retry_at() - clock_.mono()) / milliseconds{1}) / 1000;
    }
    // Waits for the end of the pause and starts the probe.
    void probe() {
        clock_.advance(std::chrono::ceil<Duration>(breaker_.retry_at() - clock_.mono()));
        ASSERT_TRUE(breaker_.allows(clock_.mono()));
        ASSERT_TRUE(breaker_.start(now()));
    }
    void open() {
        while (breaker_.state() == BreakerState::closed) end(Sign::silent);
    }

    ManualClock clock_;
    Rng rng_{1};
    BreakerPolicy policy_{.failures = 3, .pause_min = seconds{5}, .pause_max = seconds{60}};
    CircuitBreaker breaker_;
};

TEST_F(BreakerTest, OpensAfterFailuresInARow) {
    EXPECT_FALSE(end(Sign::silent));
    EXPECT_FALSE(end(Sign::failing));
    EXPECT_EQ(state(), "closed 2");
    EXPECT_FALSE(end(Sign::success)) << "any answer starts the count again";
    EXPECT_FALSE(end(Sign::unavailable));
    EXPECT_FALSE(end(Sign::silent));
    EXPECT_FALSE(end(Sign::none)) << "what tells nothing counts for nothing";
    EXPECT_EQ(state(), "closed 2");
    EXPECT_TRUE(end(Sign::failing));
    EXPECT_EQ(state(), "open 3 blocks");
}

TEST_F(BreakerTest, A429IsNoFailure) {
    for (int i = 0; i < 100; ++i) EXPECT_FALSE(end(Sign::throttled));
    EXPECT_EQ(state(), "closed 0");
}

TEST_F(BreakerTest, AfterThePauseOneProbeDecides) {
    open();
    probe();
    EXPECT_EQ(state(), "half_open 3 blocks") << "exactly one";
    EXPECT_TRUE(end(Sign::failing, true));
    EXPECT_EQ(state(), "open 4 blocks");
    probe();
    EXPECT_TRUE(end(Sign::success, true));
    EXPECT_EQ(state(), "closed 0");
    EXPECT_FALSE(breaker_.start(now())) << "no probe any more";
}

TEST_F(BreakerTest, ThePauseDoublesVariesAndStartsOverAfterASuccess) {
    open();
    for (const double wanted : {5., 10., 20., 40., 60., 60.}) {
        EXPECT_GE(pause(), wanted * 0.9);
        EXPECT_LE(pause(), wanted * 1.1);
        probe();
        end(Sign::silent, true);
    }
    probe();
    end(Sign::success, true);
    open();
    EXPECT_LE(pause(), 5.5);

    double least = 100, most = 0;
    for (int i = 0; i < 500; ++i) {
        breaker_ = CircuitBreaker();
        open();
        least = std::min(least, pause());
        most = std::max(most, pause());
    }
    EXPECT_LT(least, 4.6);
    EXPECT_GT(most, 5.4);
}

TEST_F(BreakerTest, AProbeThatSaysNothingIsRepeated) {
    open();
    probe();
    EXPECT_TRUE(end(Sign::none, true));
    EXPECT_EQ(state(), "open 3 blocks");
    EXPECT_LE(pause(), 5.5);
    probe();
    end(Sign::success, true);
    EXPECT_EQ(state(), "closed 0");
}

TEST_F(BreakerTest, OfAttemptsBegunBeforeItOpenedOnlyASuccessCounts) {
    open();
    EXPECT_FALSE(end(Sign::silent));
    EXPECT_EQ(state(), "open 3 blocks") << "a late failure does not count";
    probe();
    EXPECT_FALSE(end(Sign::silent));
    EXPECT_EQ(state(), "half_open 3 blocks");
    EXPECT_TRUE(end(Sign::success)) << "a late success is a sign of life";
    EXPECT_EQ(state(), "closed 0");
    EXPECT_FALSE(end(Sign::silent, true)) << "and the probe then one attempt of many";
    EXPECT_EQ(state(), "closed 1");
}

TEST_F(BreakerTest, ZeroFailuresNeverOpen) {
    policy_.failures = 0;
    for (int i = 0; i < 1000; ++i) EXPECT_FALSE(end(Sign::silent));
    EXPECT_TRUE(breaker_.allows(clock_.mono()));
}

TEST_F(BreakerTest, OutlivesARestart) {
    open();
    probe();
    end(Sign::silent, true);
    const Breaker stored = breaker_.view("https://example.com:443", now());
    EXPECT_EQ(stored.endpoint, "https://example.com:443");
    EXPECT_EQ(stored.reason, "why");
    EXPECT_EQ(stored.changed_at, clock_.now());
    ASSERT_TRUE(stored.retry_at);

    CircuitBreaker next;
    clock_.advance(seconds{1});
    next.restore(stored, policy_, now());
    EXPECT_EQ(next.view("https://example.com:443", now()).retry_at, stored.retry_at);
    EXPECT_FALSE(next.allows(clock_.mono()));
    EXPECT_EQ(next.failures(), 4);
    breaker_ = next;
    probe();
    end(Sign::silent, true);
    EXPECT_GE(pause(), 18) << "the pause goes on doubling";

    Breaker half = stored;
    half.state = BreakerState::half_open;
    half.retry_at.reset();
    next = CircuitBreaker();
    next.restore(half, policy_, now());
    EXPECT_TRUE(next.allows(clock_.mono())) << "its probe was lost with the process";
    EXPECT_TRUE(next.start(now()));

    Breaker far = stored;
    far.retry_at = clock_.now() + std::chrono::hours{24 * 365};
    next = CircuitBreaker();
    next.restore(far, policy_, now());
    clock_.advance(seconds{61});
    EXPECT_TRUE(next.allows(clock_.mono())) << "a clock that was set must not close it off for a year";

    policy_.failures = 0;
    next = CircuitBreaker();
    next.restore(stored, policy_, now());
    EXPECT_EQ(next.state(), BreakerState::closed) << "switched off meanwhile";
}

TEST_F(BreakerTest, TheReasonIsCut) {
    breaker_.end(Sign::silent, false, std::string(100'000, 'x'), policy_, now(), rng_);
    EXPECT_EQ(breaker_.view("e", now()).reason.size(), 200U);
}

}  // namespace
}  // namespace pricewire::deliver
