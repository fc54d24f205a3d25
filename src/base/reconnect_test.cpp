#include "base/reconnect.hpp"

#include <gtest/gtest.h>

#include <initializer_list>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "base/log.hpp"

namespace pricewire::inline base {
namespace {

using namespace std::chrono_literals;

// The log's lines while it lives.
class Lines {
public:
    Lines() {
        log::set_sink(
            [this](log::Level, std::string_view message, std::initializer_list<log::Field> fields) {
                lines_.emplace_back(message);
                for (const log::Field& f : fields) lines_.back() += ' ' + std::string(f.name) + '=' + f.value;
            },
            log::Level::info);
    }
    ~Lines() { log::set_sink({}, log::Level::warn); }
    const std::vector<std::string>& get() const { return lines_; }

private:
    std::vector<std::string> lines_;
};

TEST(Backoff, PausesGrowUntilSomethingHasWorkedForLong) {
    Backoff backoff({1s, 100s}, 5s);
    EXPECT_LE(backoff.next(), 1s);
    EXPECT_GE(backoff.next(5s), 1s) << "5 s are not long";
    EXPECT_GE(backoff.next(), 2s);
    EXPECT_LE(backoff.next(6s), 1s);
    EXPECT_GE(backoff.next(), 1s);
    backoff.reset();
    EXPECT_LE(backoff.next(), 1s);
}

TEST(StopSignal, StaysSetAndEndsAWait) {
    StopSignal stop;
    EXPECT_FALSE(stop.is_set());
    EXPECT_FALSE(stop.wait_for(1us));
    std::thread setter([&] { stop.set(); });
    EXPECT_TRUE(stop.wait_for(24h * 365));
    setter.join();
    EXPECT_TRUE(stop.is_set());
    EXPECT_TRUE(stop.wait_for(0s));
}

TEST(Outage, IsLoggedOnceEachWay) {
    const Lines lines;
    Outage outage("Redis at 127.0.0.1:6379", "prices wait", "prices flow");
    outage.end();
    for (int i = 0; i < 3; ++i) outage.begin("refused");
    for (int i = 0; i < 3; ++i) outage.end();
    EXPECT_EQ(lines.get(),
              (std::vector<std::string>{"waiting for Redis at 127.0.0.1:6379: prices wait reason=refused",
                                        "Redis at 127.0.0.1:6379 answers again: prices flow"}));
}

TEST(Reconnect, WhatHasWorkedIsReopenedAtOnceAndSilently) {
    const Lines lines;
    Outage outage("it", "all waits", "all flows");
    Reconnect reconnect({1s, 8s}, outage);
    reconnect.worked();
    EXPECT_EQ(reconnect.failed("reset"), 0s);
    EXPECT_TRUE(lines.get().empty());
    EXPECT_GE(reconnect.failed("refused"), 500ms);
    EXPECT_GE(reconnect.failed("refused"), 1s);
    EXPECT_EQ(lines.get().size(), 1u);
    reconnect.worked();
    EXPECT_EQ(lines.get().size(), 2u);
    EXPECT_EQ(reconnect.failed("reset"), 0s);
    EXPECT_LE(reconnect.failed("refused"), 1s) << "the count began again";
}

TEST(Reconnect, RunsUntilStopped) {
    const Lines lines;
    Outage outage("it", "all waits", "all flows");
    Reconnect reconnect({1us, 1us}, outage);
    StopSignal stop;
    int calls = 0;
    int drops = 0;
    reconnect.run<std::runtime_error>(
        stop,
        [&] {
            ++calls;
            if (calls <= 3) throw std::runtime_error("refused");
            if (calls == 5) stop.set();
            return Duration::zero();
        },
        [&] { ++drops; });
    EXPECT_EQ(calls, 5);
    EXPECT_EQ(drops, 3);
    EXPECT_EQ(lines.get(), (std::vector<std::string>{"waiting for it: all waits reason=refused",
                                                     "it answers again: all flows"}));
}

}  // namespace
}  // namespace pricewire::inline base
