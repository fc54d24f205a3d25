#include "net/detail/crowd.hpp"

#include <gtest/gtest.h>

#include <string>

#include "fakes/log_capture.hpp"

namespace pricewire::net::detail {
namespace {

using Guest = std::unique_ptr<Crowd::Guest>;

class CrowdTest : public ::testing::Test {
protected:
    Crowd& crowd(CrowdLimits limits) {
        crowd_ = std::make_unique<Crowd>(
            std::move(limits), [this](std::string_view why) { reports_ += std::string(why) + ";"; });
        return *crowd_;
    }
    // A connection that waits for its client; its name is noted when it is asked to go.
    Guest enter(const std::string& peer, const std::string& name) {
        auto entered = crowd_->enter(*IpAddress::parse(peer));
        EXPECT_TRUE(entered) << "has to ask again";
        if (!entered || !*entered) return nullptr;
        Guest guest = std::move(*entered);
        guest->when_asked_to_go([this, name] { gone_ += name; });
        guest->waits();
        return guest;
    }
    std::string take_gone() { return std::exchange(gone_, {}); }
    std::string take_reports() { return std::exchange(reports_, {}); }

    std::string gone_, reports_;
    std::unique_ptr<Crowd> crowd_;
};

TEST_F(CrowdTest, WithoutRoomTheOneThatHasWaitedLongestGoes) {
    crowd({.connections = 3, .reserve = 2});
    Guest a = enter("192.0.2.1", "a"), b = enter("192.0.2.2", "b"), c = enter("192.0.2.3", "c");
    a->is_served();
    b->waits();  // has sent a part of its request
    const Guest d = enter("192.0.2.4", "d");
    EXPECT_EQ(take_gone(), "c");
    EXPECT_FALSE(d->health_only());
    const Guest e = enter("192.0.2.5", "e");
    EXPECT_EQ(take_gone(), "b");
    EXPECT_EQ(take_reports(), "full;full;");
    EXPECT_EQ(crowd_->size(), 5U);
    EXPECT_EQ(crowd_->enter(*IpAddress::parse("192.0.2.6")), std::nullopt) << "until b or c has gone";
    b.reset();
    c.reset();
    const Guest g = enter("192.0.2.7", "g");
    EXPECT_EQ(take_gone(), "d");
    EXPECT_EQ(crowd_->size(), 4U);
}

TEST_F(CrowdTest, OneWhoseRequestHasComeMeanwhileStays) {
    crowd({.connections = 1, .reserve = 1});
    const Guest a = enter("192.0.2.1", "a");
    const Guest b = enter("192.0.2.2", "b");
    EXPECT_EQ(take_gone(), "a");
    a->is_served();
    b->is_served();
    EXPECT_TRUE(enter("192.0.2.3", "x")->health_only()) << "nobody is on the way out";
    a->waits();
    EXPECT_EQ(crowd_->enter(*IpAddress::parse("192.0.2.3")), std::nullopt);
    EXPECT_EQ(take_gone(), "a");
}

TEST_F(CrowdTest, NobodyIsTurnedAwayWhileOthersAreStillArriving) {
    crowd({.connections = 1, .reserve = 4});
    auto arriving = crowd_->enter(*IpAddress::parse("192.0.2.1"));
    ASSERT_TRUE(arriving && *arriving);
    EXPECT_EQ(crowd_->enter(*IpAddress::parse("192.0.2.2")), std::nullopt);
    (*arriving)->when_asked_to_go([this] { gone_ += "a"; });
    (*arriving)->waits();
    const Guest b = enter("192.0.2.2", "b");
    EXPECT_FALSE(b->health_only());
    EXPECT_EQ(take_gone(), "a");
}

TEST_F(CrowdTest, WhoeverIsBeingServedStaysAndTheReserveAnswersForHealth) {
    crowd({.connections = 2, .reserve = 1});
    const Guest a = enter("192.0.2.1", "a"), b = enter("192.0.2.2", "b");
    a->is_served();
    EXPECT_TRUE(b->becomes_stream());
    const Guest health = enter("192.0.2.3", "h");
    ASSERT_NE(health, nullptr);
    EXPECT_TRUE(health->health_only());
    EXPECT_EQ(enter("192.0.2.4", "x"), nullptr);
    const Guest local = enter("127.0.0.1", "l");
    ASSERT_NE(local, nullptr) << "loopback has a reserve of its own";
    EXPECT_TRUE(local->health_only());
    EXPECT_EQ(enter("127.0.0.1", "x"), nullptr);
    a->waits();
    EXPECT_FALSE(enter("192.0.2.5", "x")->health_only());
    EXPECT_EQ(take_gone(), "a");
}

TEST_F(CrowdTest, OneAddressHasItsShareAndMakesOnlyItsOwnGo) {
    crowd({.connections = 100, .reserve = 10, .per_address = 2});
    const Guest other = enter("192.0.2.9", "o"), a = enter("192.0.2.1", "a");
    const Guest b = enter("192.0.2.1", "b"), c = enter("192.0.2.1", "c");
    EXPECT_EQ(take_gone(), "a");
    EXPECT_FALSE(c->health_only());
    b->is_served();
    c->is_served();
    EXPECT_EQ(enter("192.0.2.1", "x"), nullptr);
    EXPECT_NE(enter("192.0.2.2", "y"), nullptr);
    EXPECT_EQ(take_gone(), "");
    EXPECT_EQ(take_reports(), "address;address;");
}

TEST_F(CrowdTest, AnAddressIsAnIpv6NetworkAndProxiesStandForMany) {
    crowd({.connections = 100, .per_address = 1, .exempt = {*Network::parse("10.0.0.0/8")}});
    std::vector<Guest> in;
    for (const char* peer : {"10.1.1.1", "10.1.1.1", "127.0.0.1", "127.0.0.1", "::1", "::1", "2001:db8::1"})
        in.push_back(enter(peer, peer));
    EXPECT_EQ(take_gone(), "");
    in.push_back(enter("2001:db8:0:1::1", "x"));
    EXPECT_EQ(take_gone(), "");
    in.push_back(enter("2001:db8::ffff:2", "x"));
    EXPECT_EQ(take_gone(), "2001:db8::1");
}

TEST_F(CrowdTest, StreamsHaveHalfOfEverything) {
    crowd({.connections = 8, .per_address = 4});
    std::vector<Guest> in;
    for (int i = 0; i < 3; ++i) in.push_back(enter("192.0.2.1", "s"));
    EXPECT_TRUE(in[0]->becomes_stream());
    EXPECT_TRUE(in[1]->becomes_stream());
    EXPECT_FALSE(in[2]->becomes_stream()) << "the address has two";
    for (int i = 0; i < 3; ++i) in.push_back(enter("127.0.0.1", "s"));
    EXPECT_TRUE(in[3]->becomes_stream());
    EXPECT_TRUE(in[4]->becomes_stream());
    EXPECT_FALSE(in[5]->becomes_stream()) << "the server has four";
    in.erase(in.begin());
    EXPECT_TRUE(in.back()->becomes_stream());
    in.front()->waits();
    in.push_back(enter("127.0.0.1", "s"));
    EXPECT_TRUE(in.back()->becomes_stream()) << "one that closes or has not said whose it is does not count";
    EXPECT_TRUE(in.back()->becomes_stream());
    EXPECT_EQ(take_reports(), "streams;streams;");
}

TEST_F(CrowdTest, SaysOnceThatItIsFullAndOnceThatItIsNot) {
    const fakes::LogCapture log;
    std::vector<std::string> lines{
        "warn all connections are in use; the longest idle are closed connections=4"};
    crowd({.connections = 4, .reserve = 4});
    std::vector<Guest> in;
    for (int i = 0; i < 7; ++i) in.push_back(enter("192.0.2." + std::to_string(i), ""));
    EXPECT_EQ(log.lines(), lines);
    in.erase(in.begin(), in.begin() + 4);
    for (int i = 0; i < 4; ++i) in.push_back(enter("192.0.2." + std::to_string(i), ""));
    in.clear();
    lines.emplace_back("info connections are free again");
    EXPECT_EQ(log.lines(), lines);
    EXPECT_EQ(crowd_->size(), 0U);
}

}  // namespace
}  // namespace pricewire::net::detail
