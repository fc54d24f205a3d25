#include "base/trace_context.hpp"

#include <gtest/gtest.h>

namespace pricewire::inline base {
namespace {

const std::string id = "4bf92f3577b34da6a3ce929d0e0e4736";
const std::string parent = "00f067aa0ba902b7";

TEST(TraceContext, IsReadFromItsHeaders) {
    const auto trace = parse_trace_context("00-" + id + "-" + parent + "-01", "congo=t61rcWkgMzE,rojo=00f0");
    ASSERT_TRUE(trace);
    EXPECT_EQ(*trace, (TraceContext{id, true, "congo=t61rcWkgMzE,rojo=00f0"}));
    EXPECT_FALSE(parse_trace_context("00-" + id + "-" + parent + "-00", "")->sampled);
    EXPECT_EQ(parse_trace_context(" 00-" + id + "-" + parent + "-00\t", " a=1 , ,b@c=2 3 ")->state,
              "a=1,b@c=2 3");
    EXPECT_TRUE(parse_trace_context("00-" + id + "-" + parent + "-ff", "")->sampled);
    EXPECT_FALSE(parse_trace_context("00-" + id + "-" + parent + "-fe", "")->sampled);
}

TEST(TraceContext, ReadsTheKnownPartOfLaterVersions) {
    EXPECT_TRUE(parse_trace_context("01-" + id + "-" + parent + "-01", ""));
    EXPECT_TRUE(parse_trace_context("cc-" + id + "-" + parent + "-01-what-else", ""));
    EXPECT_FALSE(parse_trace_context("cc-" + id + "-" + parent + "-01.what-else", ""));
    EXPECT_FALSE(parse_trace_context("00-" + id + "-" + parent + "-01-what-else", ""));
    EXPECT_FALSE(parse_trace_context("ff-" + id + "-" + parent + "-01", ""));
}

TEST(TraceContext, RefusesInvalidHeaders) {
    const std::string zeros(32, '0');
    for (const std::string& bad : {
             std::string(),
             std::string("00"),
             "00-" + zeros + "-" + parent + "-01",
             "00-" + id + "-0000000000000000-01",
             "00-4BF92F3577B34DA6A3CE929D0E0E4736-" + parent + "-01",
             "00-" + id + "-" + parent + "-1",
             "00-" + id + "-" + parent + "-0g",
             "0-" + id + "-" + parent + "-01",
             "0x-" + id + "-" + parent + "-01",
             "00_" + id + "-" + parent + "-01",
             "00-" + id + "_" + parent + "-01",
             "00-" + id + "-" + parent + "_01",
             "00-" + id.substr(1) + "g-" + parent + "-01",
             "00-" + id + "-" + parent.substr(1) + "\n-01",
         })
        EXPECT_FALSE(parse_trace_context(bad, "a=1")) << bad;
}

TEST(TraceContext, LeavesOutAnInvalidStateAndCutsALongOneAtAMember) {
    const std::string good = "00-" + id + "-" + parent + "-01";
    for (const char* bad : {"a", "=1", "a=", "a=1,b", "a=\x01", "a=\x80", "a=1\r\nX-Evil: 1"})
        EXPECT_EQ(parse_trace_context(good, bad).value().state, "") << bad;
    std::string many = "a0=1";
    for (int i = 1; i < 33; ++i) many += ",a" + std::to_string(i) + "=1";
    EXPECT_EQ(parse_trace_context(good, many).value().state, "");
    const std::string first = "a=" + std::string(200, 'x');
    const std::string second = "b=" + std::string(307, 'x');
    EXPECT_EQ(parse_trace_context(good, first + "," + second).value().state, first + "," + second);
    EXPECT_EQ(parse_trace_context(good, first + "," + second + "x,c=1").value().state, first);
}

TEST(TraceContext, IsPassedOnWithTheParentsId) {
    const TraceContext made = make_trace();
    EXPECT_NE(made.id, make_trace().id);
    EXPECT_FALSE(made.sampled);
    const TraceContext given{id, true, "a=1"};
    const std::string one = make_traceparent(given, "00f067aa0ba902b7");
    EXPECT_EQ(one, "00-" + id + "-00f067aa0ba902b7-01");
    EXPECT_EQ(parse_trace_context(one, "a=1"), given);
    EXPECT_EQ(parse_trace_context(make_traceparent(made, "00f067aa0ba902b7"), ""), made);
    const Uuid uuid = Uuid::parse("018f3f6e-7c1a-7a3b-8f00-0123456789ab").value();
    EXPECT_EQ(trace_named(uuid).id, "018f3f6e7c1a7a3b8f000123456789ab");
}

TEST(TraceContext, IsStoredAsOneText) {
    for (const TraceContext& trace : {TraceContext{id, true, "a=1,b=2 3"}, TraceContext{id, false, ""}})
        EXPECT_EQ(parse_trace_text(to_text(trace)), trace);
    EXPECT_EQ(to_text({id, true, "a=1"}), id + "-01 a=1");
    for (const std::string& bad :
         {std::string(), id, id + "-0", id + "_01", id + "-01a=1", std::string(32, '0') + "-01"})
        EXPECT_FALSE(parse_trace_text(bad)) << bad;
}

}  // namespace
}  // namespace pricewire::inline base
