#include "app/progress.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace pricewire::app {
namespace {

constexpr Timestamp t0{std::chrono::seconds{1'700'000'000}};

Mark position(std::uint64_t ms) {
    return {.position = bus::BusPosition{ms, 0}};
}
Mark heard(int second) {
    return {.heard = std::pair(std::string("feed"), Heard{t0 + std::chrono::seconds{second}, {}})};
}
// "p1 h7": positions by their time, signs of life by their second.
std::string names(const std::vector<Mark>& marks) {
    std::string out;
    for (const Mark& mark : marks) {
        if (!out.empty()) out += ' ';
        out += mark.position ? fmt::format("p{}", mark.position->ms)
                             : fmt::format("h{}", (mark.heard->second.time - t0) / std::chrono::seconds{1});
    }
    return out;
}

TEST(Progress, AMarkIsDoneOnceItsFiringsAreSettled) {
    Progress progress;
    EXPECT_EQ(names(progress.done(0)), "");
    progress.note(position(1), 0);
    EXPECT_EQ(names(progress.done(0)), "p1");
    EXPECT_EQ(names(progress.done(0)), "");
    progress.note(position(2), 3);
    progress.note(position(3), 3);  // fired nothing more
    progress.note(heard(7), 3);
    progress.note(position(4), 5);
    EXPECT_EQ(names(progress.done(2)), "");
    EXPECT_EQ(names(progress.done(4)), "p3 h7");
    EXPECT_EQ(names(progress.done(5)), "p4");
}

TEST(Progress, WhatIsNeverSettledDoesNotGrow) {
    Progress progress;
    for (int i = 1; i <= 10'002; ++i) progress.note(heard(i), 1);
    const auto done = progress.done(1);
    ASSERT_EQ(done.size(), 10'000U);
    EXPECT_EQ(names({done.front()}), "h3");
}

TEST(Marks, AreTakenUpToANumberWhicheverOfThemComesToTheChecker) {
    Marks marks;
    marks.push(heard(1));
    marks.push(position(1));
    const std::uint64_t second = marks.push(position(2));  // the first position says no more than this one
    const std::uint64_t third = marks.push(heard(2));
    marks.push(heard(3));
    EXPECT_EQ(names(marks.take_until(second)), "h1 p2");
    EXPECT_EQ(names(marks.take_until(second)), "");
    EXPECT_EQ(names(marks.take_until(third)), "h2");
    EXPECT_EQ(names(marks.take_until(marks.push(heard(4)))), "h3 h4");
}

TEST(Marks, BeyondTheirNumberTheOldestAreDropped) {
    Marks marks;
    std::uint64_t last = 0;
    for (int i = 1; i <= 10'002; ++i) last = marks.push(heard(i));
    const auto taken = marks.take_until(last);
    ASSERT_EQ(taken.size(), 10'000U);
    EXPECT_EQ(names({taken.front()}), "h3");
}

}  // namespace
}  // namespace pricewire::app
