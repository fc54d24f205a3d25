#include "app/sharding.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace pricewire::app {
namespace {

using namespace std::chrono_literals;

constexpr Timestamp judged_at_first{1'700'000'000s};
constexpr MonoTime at_first{1h};

Member checker(const std::string& id, std::optional<Timestamp> judged, const std::string& position) {
    Member out;
    out.report.id = id;
    out.report.judged = judged;
    out.report.position = position;
    return out;
}

class OthersProgressTest : public ::testing::Test {
protected:
    void see(std::vector<Member> members, bool is_settled, MonoTime at = at_first) {
        const std::string view = cluster::Group(members, 2).view();
        for (Member& member : members) member.report.settled = is_settled ? view : "before";
        others_.update(cluster::Group(members, 2), "own", at);
    }

    OthersProgress others_;
};

TEST_F(OthersProgressTest, OneAloneNotesWhatItHasDone) {
    EXPECT_EQ(others_.at_most(judged_at_first), std::nullopt) << "who else there is, is not known yet";
    see({checker("own", judged_at_first, "5-0")}, true);
    EXPECT_EQ(others_.at_most(judged_at_first + 1s), judged_at_first + 1s);
    EXPECT_EQ(others_.at_most(bus::BusPosition{7, 1}), (bus::BusPosition{7, 1}));
}

TEST_F(OthersProgressTest, NoneNotesMoreThanTheSlowestHasDone) {
    see({checker("a", judged_at_first + 5s, "9-0"), checker("b", judged_at_first + 2s, "6-2"),
         checker("own", judged_at_first, "1-0")},
        true);
    EXPECT_EQ(others_.at_most(judged_at_first + 7s), judged_at_first + 2s);
    EXPECT_EQ(others_.at_most(judged_at_first + 1s), judged_at_first + 1s);
    EXPECT_EQ(others_.at_most(bus::BusPosition{8, 0}), (bus::BusPosition{6, 2}));
    see({checker("a", judged_at_first + 5s, "9-0"), checker("c", judged_at_first + 4s, "10-0"),
         checker("own", judged_at_first, "1-0")},
        true);
    EXPECT_EQ(others_.at_most(judged_at_first + 7s), judged_at_first + 4s) << "others hold what b held";
    EXPECT_EQ(others_.at_most(bus::BusPosition{10, 0}), (bus::BusPosition{9, 0}));
}

// It has been cut off from the bus since it started, for one.
TEST_F(OthersProgressTest, NothingIsNotedWhileOneDoesNotSayHowFarItIsButForAMinuteAtMost) {
    const std::vector<Member> members{checker("a", judged_at_first + 5s, "9-0"),
                                      checker("b", judged_at_first + 5s, ""),
                                      checker("own", judged_at_first + 5s, "8-0")};
    see(members, true);
    EXPECT_EQ(others_.at_most(judged_at_first + 5s), std::nullopt);
    EXPECT_EQ(others_.at_most(bus::BusPosition{9, 0}), std::nullopt);
    see(members, true, at_first + 60s);
    EXPECT_EQ(others_.at_most(bus::BusPosition{10, 0}), (bus::BusPosition{9, 0}));
}

TEST_F(OthersProgressTest, WhereEachHoldsEverythingTheFastestCounts) {
    see({checker("a", judged_at_first, "1-0"), checker("own", judged_at_first, "1-0")}, true);
    EXPECT_EQ(others_.at_most(judged_at_first + 7s), judged_at_first + 7s);
}

TEST_F(OthersProgressTest, NothingIsNotedWhileSharesMoveButForAMinuteAtMost) {
    const std::vector<Member> members{checker("a", judged_at_first, "1-0"),
                                      checker("b", judged_at_first, "1-0"),
                                      checker("own", judged_at_first, "1-0")};
    see(members, true);
    see(members, false);
    EXPECT_EQ(others_.at_most(judged_at_first), std::nullopt);
    see(members, false, at_first + 59s);
    EXPECT_EQ(others_.at_most(bus::BusPosition{1, 0}), std::nullopt);
    see(members, false, at_first + 60s);
    EXPECT_EQ(others_.at_most(judged_at_first + 1s), judged_at_first);
    see(members, true, at_first + 61s);
    see(members, false, at_first + 62s);
    EXPECT_EQ(others_.at_most(judged_at_first), std::nullopt) << "another minute";
}

}  // namespace
}  // namespace pricewire::app
