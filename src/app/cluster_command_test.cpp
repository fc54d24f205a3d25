#include "app/cluster_command.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace pricewire::app {
namespace {

using namespace std::chrono_literals;

Member member(MemberRole role, const std::string& id, Duration left, std::int64_t holds = 0) {
    Member out;
    out.report = {.role = role, .id = id, .name = "host/1", .version = "1.2", .holds = holds};
    out.since = Timestamp{1'700'000'000s};
    out.left = left;
    return out;
}

TEST(ClusterCommandTest, MembersAreATable) {
    EXPECT_EQ(members_table({}), "no process has joined\n");
    const std::vector<Member> members{member(MemberRole::checker, "checker-1", 2500ms, 12),
                                      member(MemberRole::feed, "feed-1", -90s, 3),
                                      member(MemberRole::sender, "sender-1", 3s)};
    EXPECT_EQ(members_table(members),
              "ROLE     NAME    ID         SINCE                 LEASE             LIFE  VERSION  HOLDS\n"
              "checker  host/1  checker-1  2023-11-14T22:13:20Z  2.5 s             1     1.2      12 alerts\n"
              "feed     host/1  feed-1     2023-11-14T22:13:20Z  ended 90.0 s ago  1     1.2      3 tickers\n"
              "sender   host/1  sender-1   2023-11-14T22:13:20Z  3.0 s             1     1.2\n");
}

TEST(ClusterCommandTest, ASenderThatDividesUsersSaysItsShare) {
    Member sender = member(MemberRole::sender, "sender-1", 3s, 128);
    sender.report.settled = "-";
    EXPECT_NE(members_table(std::vector{sender}).find("128 of 256 slots of users"), std::string::npos);
}

TEST(ClusterCommandTest, ThoseWhoHoldATickerAreNamed) {
    std::vector<Member> members;
    for (const char* id : {"checker-1", "checker-2", "checker-3"})
        members.push_back(member(MemberRole::checker, id, 1s));
    members.push_back(member(MemberRole::checker, "checker-4", 0s));
    const std::string text = holders_text(members, "BTC", 2);
    int named = 0;
    for (const char* id : {"checker-1", "checker-2", "checker-3"}) named += text.find(id) != text.npos;
    EXPECT_EQ(named, 2);
    EXPECT_EQ(text.find("checker-4"), text.npos) << "it is dead";
    EXPECT_NE(text.find("still hold"), text.npos) << "nobody has said that it is settled";
    EXPECT_NE(text.find("feeds of BTC: none"), text.npos);
}

}  // namespace
}  // namespace pricewire::app
