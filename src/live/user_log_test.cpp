#include "live/user_log.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace pricewire::live {
namespace {

using namespace std::chrono_literals;

const Timestamp now{1'700'000'000s};

Uuid id(std::uint8_t n) {
    Uuid out;
    out.bytes[15] = n;
    return out;
}

bool add(UserLog& log, std::string_view type, const Uuid& subject, std::string body, Timestamp at = now) {
    const EventPart part{type == "delivery" ? "delivery" : "alert", std::move(body)};
    return log.add(type, subject, {&part, 1}, at);
}

// The numbers of the events from `from` on.
std::vector<std::uint64_t> numbers(const UserLog& log, std::uint64_t from = 1) {
    std::vector<std::uint64_t> out;
    while (const auto entry = log.at_or_after(from)) {
        out.push_back(entry->number);
        from = entry->number + 1;
    }
    return out;
}

TEST(EventId, IsParsedAsWritten) {
    const EventId written{now, 0xabcdef01, 42};
    EXPECT_EQ(written.to_string(), "1700000000000000.abcdef01.42");
    const auto read = EventId::parse(written.to_string());
    ASSERT_TRUE(read);
    EXPECT_EQ(read->time, now);
    EXPECT_EQ(read->run, 0xabcdef01U);
    EXPECT_EQ(read->number, 42U);
    for (const char* wrong : {"", "1", "1.2", "1.2.", ".2.3", "1..3", "1.2.3.4", "-1.2.3", "1.2.x",
                              "1.fffffffff.3", "99999999999999999999.1.1", "1.2.3 "}) {
        EXPECT_FALSE(EventId::parse(wrong)) << wrong;
    }
    EXPECT_FALSE(EventId::parse(std::string(100, '1')));
}

TEST(UserLog, KeepsTheNewestEventOfEachSubject) {
    UserLog log(1, 10);
    EXPECT_EQ(log.next(), 1U);
    EXPECT_TRUE(add(log, "delivery", id(1), R"({"state":"pending"})", now));
    EXPECT_TRUE(add(log, "delivery", id(2), R"({"state":"pending"})", now));
    EXPECT_TRUE(add(log, "delivery", id(1), R"({"state":"delivered"})", now));
    EXPECT_EQ(numbers(log), (std::vector<std::uint64_t>{2, 3}));
    EXPECT_EQ(log.at_or_after(3)->message.json(),
              R"({"type":"delivery","id":"1700000000000000.00000001.3","delivery":{"state":"delivered"}})");
    EXPECT_TRUE(log.complete_from(1)) << "replaced events do not count";
    EXPECT_EQ(log.last_id(now).number, 3U);
}

TEST(UserLog, AnEventMayHaveSeveralParts) {
    UserLog log(1, 10);
    EXPECT_FALSE(log.has("alert_fired", id(1)));
    const EventPart parts[] = {{"alert", "{}"}, {"firing", R"({"number":2})"}};
    EXPECT_TRUE(log.add("alert_fired", id(1), parts, now));
    EXPECT_FALSE(log.add("alert_fired", id(1), parts, now));
    EXPECT_TRUE(log.has("alert_fired", id(1)));
    EXPECT_FALSE(log.has("alert_fired", id(2)));
    EXPECT_EQ(
        log.at_or_after(1)->message.json(),
        R"({"type":"alert_fired","id":"1700000000000000.00000001.1","alert":{},"firing":{"number":2}})");
}

TEST(UserLog, IgnoresAnEventWithTheSameBody) {
    UserLog log(1, 10);
    EXPECT_TRUE(add(log, "delivery", id(1), "{}", now));
    EXPECT_FALSE(add(log, "delivery", id(1), "{}", now + 1s));
    EXPECT_TRUE(add(log, "alert_fired", id(1), "{}", now)) << "another kind of event";
    EXPECT_EQ(log.next(), 3U);
}

TEST(UserLog, DropsTheOldestAndKnowsSinceWhenItIsComplete) {
    UserLog log(1, 3);
    for (std::uint8_t i = 1; i <= 5; ++i) add(log, "delivery", id(i), "{}", now);
    EXPECT_EQ(numbers(log), (std::vector<std::uint64_t>{3, 4, 5}));
    EXPECT_FALSE(log.complete_from(1));
    EXPECT_FALSE(log.complete_from(2));
    EXPECT_TRUE(log.complete_from(3));
    EXPECT_TRUE(log.complete_from(6)) << "nothing has come since";
    EXPECT_TRUE(add(log, "delivery", id(1), "{}", now)) << "a dropped event can be added again";
}

TEST(UserLog, IsBoundedByBytesToo) {
    UserLog log(1, 100, 1000);
    for (std::uint8_t i = 1; i <= 10; ++i) {
        add(log, "delivery", id(i), "\"" + std::string(300, 'x') + "\"", now);
    }
    EXPECT_EQ(numbers(log), (std::vector<std::uint64_t>{9, 10}));
    EXPECT_FALSE(log.complete_from(8));
    EXPECT_TRUE(add(log, "delivery", id(20), "\"" + std::string(5000, 'x') + "\"", now));
    EXPECT_EQ(numbers(log), (std::vector<std::uint64_t>{11})) << "the newest stays, however large";
}

TEST(Message, IsWrittenForBothKindsOfClients) {
    const Message event("delivery", R"({"a":1})", "7");
    EXPECT_EQ(*event.in(Format::websocket), R"({"a":1})");
    EXPECT_EQ(*event.in(Format::server_sent_events), "event: delivery\nid: 7\ndata: {\"a\":1}\n\n");
    EXPECT_EQ(event.in(Format::server_sent_events).get(), event.in(Format::server_sent_events).get())
        << "one text for all clients";
    EXPECT_EQ(*Message("prices", "{}").in(Format::server_sent_events), "event: prices\ndata: {}\n\n");
    EXPECT_EQ(error_message(401, "no").json(),
              R"({"type":"error","error":"HTTPException","detail":"no","code":401})");
}

}  // namespace
}  // namespace pricewire::live
