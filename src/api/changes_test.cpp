#include "api/api_fixture.hpp"
#include "api/last_days.hpp"

namespace pricewire::api {
namespace {

class ChangesTest : public ApiTest {
protected:
    // The fixture's clock is at 2023-11-14T22:13:20Z.
    void add(Ticker ticker, std::string_view start, const char* open, const char* close) {
        const Decimal o = Decimal::parse(open).value();
        const Decimal c = Decimal::parse(close).value();
        storage_.upsert_bars(
            std::vector<Bar>{{ticker, *parse_rfc3339(start), o, std::max(o, c), std::min(o, c), c}});
    }
    Answer changes(const std::string& query = "") {
        return call_as(ann_, "GET", "/api/v1/rates/changes" + query);
    }
    // What is said of the first ticker, without its sparkline.
    std::string first() {
        const std::string body = changes().body;
        const auto at = body.find("[{") + 2;
        return body.substr(at, body.find('}') - at);
    }

    Account ann_ = register_user("ann@example.com");
};

TEST_F(ChangesTest, AreNoneWhereThereAreNoPrices) {
    EXPECT_EQ(changes().body, R"({"time":"2023-11-14T22:13:20Z","changes":[]})");
}

TEST_F(ChangesTest, AreThoseOfThePresentPriceSinceTheLastMinuteADayAgo) {
    publish("ETH", "3100");
    publish("BTC", "65420.15");
    add("BTC", "2023-11-13T22:11:00Z", "60000", "61000");
    add("BTC", "2023-11-13T22:12:00Z", "61000", "64000.5");
    add("BTC", "2023-11-13T22:13:00Z", "64001", "64002");
    EXPECT_EQ(
        changes().body,
        R"({"time":"2023-11-14T22:13:20Z","changes":[)"
        R"({"ticker":"BTC","price":65420.15,"open_24h":64000.5,"since":"2023-11-13T22:13:00Z","change_24h":2.2182},)"
        R"({"ticker":"ETH","price":3100,"open_24h":null,"since":null,"change_24h":null}]})");
    publish("BTC", "64000.5");
    EXPECT_TRUE(first().ends_with("\"change_24h\":0")) << "of the present price";
}

TEST_F(ChangesTest, AreReadAtMostOnceAMinute) {
    publish("BTC", "200");
    add("BTC", "2023-11-13T22:12:00Z", "1", "100");
    EXPECT_TRUE(first().ends_with("\"open_24h\":100,\"since\":\"2023-11-13T22:13:00Z\",\"change_24h\":100"));
    add("BTC", "2023-11-13T22:13:00Z", "400", "400");
    clock_.advance(59s);
    EXPECT_TRUE(first().ends_with("\"change_24h\":100"));
    clock_.advance(1s);
    EXPECT_TRUE(first().ends_with("\"open_24h\":400,\"since\":\"2023-11-13T22:14:00Z\",\"change_24h\":-50"));
}

TEST_F(ChangesTest, WhatIsBeingFilledIsReadSoonerAndANewTickerAtOnce) {
    publish("BTC", "200");
    EXPECT_TRUE(first().ends_with("\"open_24h\":null,\"since\":null,\"change_24h\":null"));
    add("BTC", "2023-11-14T20:30:00Z", "100", "110");
    EXPECT_TRUE(first().ends_with("\"change_24h\":null"));
    clock_.advance(5s);
    EXPECT_TRUE(first().ends_with("\"open_24h\":100,\"since\":\"2023-11-14T20:00:00Z\",\"change_24h\":100"))
        << "since the first that is known";
    add("ETH", "2023-11-13T22:12:00Z", "1", "10");
    publish("ETH", "20");
    EXPECT_TRUE(changes().has("\"open_24h\":10,"));
}

TEST_F(ChangesTest, ASparklineHasThePriceAtTheEndOfEachHour) {
    publish("BTC", "9");
    add("BTC", "2023-11-13T22:12:00Z", "1", "2");
    add("BTC", "2023-11-13T22:59:00Z", "3", "3");
    add("BTC", "2023-11-14T01:05:00Z", "4", "5");
    add("BTC", "2023-11-14T21:59:00Z", "6", "7");
    add("BTC", "2023-11-14T22:10:00Z", "8", "8");
    std::string line = "3,null,null,5";
    for (int i = 0; i < 19; ++i) line += ",null";
    EXPECT_TRUE(changes("?sparkline=true").has("\"sparkline\":[" + line + ",7]}"))
        << changes("?sparkline=true").body;
    EXPECT_FALSE(changes("?sparkline=false").has("sparkline"));
    const Answer answer = changes("?sparkline=maybe");
    EXPECT_EQ(answer.status, 422);
    EXPECT_TRUE(answer.has("Input should be true or false"));
}

TEST_F(ChangesTest, NeedAKey) {
    expect_error(call("GET", "/api/v1/rates/changes"), 401, "Missing API Key in headers");
}

// Hours of which only that before `begin` is missing, or nothing is.
TEST(LastDay, BeginsAtTheEdgeOfAnHourWhereMinutesAreUnknown) {
    const Timestamp midnight = *parse_rfc3339("2023-11-14T00:00:00Z");
    const auto n = [](int value) { return Decimal::from_int(value); };
    std::vector<Bar> hours;
    for (int i = 0; i < 25; ++i)
        hours.push_back({"BTC", midnight + i * 1h, n(10 + i), n(99), n(1), n(11 + i)});
    const LastDay at_start = last_day(hours, nullptr, midnight + 24h + 30min);
    EXPECT_EQ(at_start.open, n(10));
    EXPECT_EQ(at_start.since, midnight);
    ASSERT_EQ(at_start.ends.size(), 24U);
    EXPECT_EQ(at_start.ends.front(), std::pair(midnight + 1h, n(11)));
    const LastDay at_end = last_day(hours, nullptr, midnight + 24h + 31min);
    EXPECT_EQ(at_end.open, n(11));
    EXPECT_EQ(at_end.since, midnight + 1h);
    EXPECT_EQ(at_end.ends.size(), 23U);
    EXPECT_EQ(last_day({}, nullptr, midnight).open, std::nullopt);
    const LastDay begun = last_day(std::span(hours).last(1), nullptr, midnight + 24h + 40min);
    EXPECT_EQ(begun.open, n(34));
    EXPECT_TRUE(begun.ends.empty()) << "the hour has not ended";
}

}  // namespace
}  // namespace pricewire::api
