#include "storage/postgres/values.hpp"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include "storage/postgres/changes.hpp"
#include "storage/postgres/watchdog.hpp"

namespace pricewire::storage::postgres {
namespace {

using namespace std::chrono_literals;

TEST(PostgresValuesTest, FormatsAndParsesTimes) {
    const Timestamp time{std::chrono::seconds{1'700'000'000} + 250ms};
    EXPECT_EQ(param(time), "2023-11-14T22:13:20.250000Z");
    EXPECT_EQ(parse_timestamp("2023-11-14 22:13:20.25+00"), time);
    EXPECT_EQ(parse_timestamp("2023-11-14 22:13:20+00"), time - 250ms);
    EXPECT_EQ(parse_timestamp("2023-11-14 22:13:20.000001+00"), time - 250ms + 1us);
    EXPECT_EQ(parse_timestamp("1969-12-31 23:59:59.999999+00"), Timestamp{} - 1us);
    EXPECT_EQ(param(Timestamp::max()), "infinity");
    EXPECT_EQ(param(Timestamp::min()), "-infinity");
    EXPECT_EQ(parse_timestamp("infinity"), Timestamp::max());
    for (const char* other :
         {"", "2023-11-14", "2023-11-14 22:13:20", "2023-11-14 22:13:20+02", "2023-13-14 22:13:20+00",
          "2023-11-14 22:13:20.1234567+00", "0044-03-15 12:00:00+00 BC"})
        EXPECT_FALSE(parse_timestamp(other)) << other;
}

TEST(PostgresValuesTest, QuotesArrayElements) {
    EXPECT_EQ(param(Array()), "{}");
    EXPECT_EQ(param(Array().add("a\"b").add("c\\,}").add(std::optional<int>{}).add("NULL").add("")),
              R"({"a\"b","c\\,}",NULL,"NULL",""})");
    EXPECT_EQ(param(Array().add(Bytes{std::string_view("\0\xff", 2)})), R"({"\\x00ff"})");
    EXPECT_EQ(parse_bytea("\\x00ff"), std::string("\0\xff", 2));
    EXPECT_FALSE(parse_bytea("00ff"));
    EXPECT_FALSE(parse_bytea("\\x0g"));
}

TEST(PostgresValuesTest, ReplacesTextThatPostgresRejects) {
    EXPECT_EQ(param(std::string_view("a\0b", 3)),
              "a\xef\xbf\xbd"
              "b");
    EXPECT_EQ(param("a\xc3"), "a\xef\xbf\xbd");
    EXPECT_EQ(param("\xc3\xa4"), "\xc3\xa4");
}

TEST(PostgresChangesTest, SplitsChangesIntoPayloadsThatPostgresAccepts) {
    std::vector<Change> changes;
    for (int i = 1; i <= 500; ++i) {
        const ActiveAlert alert{make_uuid(Timestamp{}), "BTC", i % 2 ? Condition::gt : Condition::lt,
                                Decimal::parse("170000000000000000000.000000000000000001").value()};
        changes.push_back(
            AlertChange{i % 3 ? AlertChange::Kind::created : AlertChange::Kind::deleted, alert});
    }
    changes.push_back(UserChange{make_uuid(Timestamp{})});
    // These elements contain nothing that is escaped.
    std::string text = to_payloads(changes).text();
    std::vector<Change> read;
    std::size_t payloads = 0;
    for (std::size_t at = text.find('"'); at != std::string::npos; at = text.find('"', at)) {
        const std::size_t end = text.find('"', at + 1);
        const std::string payload = text.substr(at + 1, end - at - 1);
        EXPECT_LT(payload.size(), 8000U);
        const auto parsed = parse_payload(payload);
        ASSERT_TRUE(parsed);
        EXPECT_TRUE(parsed->unknown_alerts.empty());
        read.insert(read.end(), parsed->changes.begin(), parsed->changes.end());
        ++payloads;
        at = end + 1;
    }
    EXPECT_GT(payloads, 1U);
    ASSERT_EQ(read.size(), changes.size());
    for (std::size_t i = 0; i < 500; ++i) {
        EXPECT_EQ(std::get<AlertChange>(read[i]).kind, std::get<AlertChange>(changes[i]).kind);
        EXPECT_EQ(std::get<AlertChange>(read[i]).alert, std::get<AlertChange>(changes[i]).alert);
    }
    EXPECT_EQ(std::get<UserChange>(read.back()).user_id, std::get<UserChange>(changes.back()).user_id);
    for (const char* other : {"x", "+ x", "u", "+ 018f3f6e-7c1a-7a3b-8f00-0123456789ab BTC gt",
                              "* 018f3f6e-7c1a-7a3b-8f00-0123456789ab BTC gt 1"})
        EXPECT_FALSE(parse_payload(other)) << other;
}

TEST(PostgresChangesTest, AnAlertOfAnUnknownKindIsNamedAndTheOthersAreRead) {
    const auto parsed = parse_payload(
        "+ 018f3f6e-7c1a-7a3b-8f00-0123456789ab BTC gt 1\n"
        "+ 018f3f6e-7c1a-7a3b-8f00-0123456789ac BTC rises_by 5%\n"
        "- 018f3f6e-7c1a-7a3b-8f00-0123456789ad BTC rises_by\n"
        "u 018f3f6e-7c1a-7a3b-8f00-0123456789ae");
    ASSERT_TRUE(parsed);
    EXPECT_EQ(parsed->changes.size(), 2U);
    ASSERT_EQ(parsed->unknown_alerts.size(), 2U);
    EXPECT_EQ(parsed->unknown_alerts[0].to_string(), "018f3f6e-7c1a-7a3b-8f00-0123456789ac");
    EXPECT_EQ(parsed->unknown_alerts[1].to_string(), "018f3f6e-7c1a-7a3b-8f00-0123456789ad");
}

TEST(PostgresChangesTest, AlertsWithTermsAreNamedAndTheirRowsAreToBeRead) {
    const Uuid id = Uuid::parse("018f3f6e-7c1a-7a3b-8f00-0123456789ab").value();
    using Kind = AlertChange::Kind;
    const ActiveAlert gone{id, "BTC", Condition::lt, Decimal{}};
    ActiveAlert alert = gone;
    alert.ruled = std::make_shared<const RuledAlert>();
    const std::string text =
        to_payloads({AlertChange{Kind::created, alert}, AlertChange{Kind::changed, alert},
                     AlertChange{Kind::deleted, gone}})
            .text();
    const std::string line = id.to_string() + " BTC ";
    // The version before skips what has an unknown word in the place of the condition, and reads the rest.
    EXPECT_EQ(text, "{\"+ " + line + "rule\n+ " + line + "changed\n- " + line + "lt 0\"}");
    const auto parsed = parse_payload(text.substr(2, text.size() - 4));
    ASSERT_TRUE(parsed);
    EXPECT_TRUE(parsed->unknown_alerts.empty());
    EXPECT_EQ(parsed->rows, std::set{id});
    ASSERT_EQ(parsed->changes.size(), 3U);
    for (const auto& [i, kind] : {std::pair(0U, Kind::created), {1U, Kind::changed}, {2U, Kind::deleted}}) {
        EXPECT_EQ(std::get<AlertChange>(parsed->changes[i]).kind, kind);
        EXPECT_EQ(std::get<AlertChange>(parsed->changes[i]).alert, gone);
    }
}

TEST(PostgresWatchdogTest, EndsOnlyAWaitPastItsDeadline) {
    int late[2];
    int early[2];
    ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, late), 0);
    ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, early), 0);
    Watchdog watchdog;
    {
        const Watchdog::Watch patient(watchdog, early[0], 10min);
        const Watchdog::Watch watch(watchdog, late[0], 10ms);
        char byte = 0;
        EXPECT_EQ(recv(late[0], &byte, 1, 0), 0);  // would wait for ever
        EXPECT_EQ(send(early[1], "x", 1, 0), 1);
        EXPECT_EQ(recv(early[0], &byte, 1, 0), 1);
    }
    for (const int fd : {late[0], late[1], early[0], early[1]}) close(fd);
}

}  // namespace
}  // namespace pricewire::storage::postgres
