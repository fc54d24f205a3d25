#include "api/api_fixture.hpp"

namespace pricewire::api {
namespace {

class HistoryTest : public ApiTest {
protected:
    Answer history(const std::string& query, const std::string& ticker = "BTC") {
        return call_as(ann_, "GET", "/api/v1/rates/" + ticker + "/history" + query);
    }
    void add(Timestamp start, const char* open, const char* high, const char* low, const char* close) {
        const auto n = [](const char* text) { return Decimal::parse(text).value(); };
        storage_.upsert_bars(std::vector<Bar>{{"BTC", start, n(open), n(high), n(low), n(close)}});
    }

    Account ann_ = register_user("ann@example.com");
    Timestamp ten_ = *parse_rfc3339("2023-11-14T10:00:00Z");
};

TEST_F(HistoryTest, ShowsBarsOldestFirstWithTheirDigits) {
    add(ten_ + 1min, "65420.150000000000000001", "65430", "65400.5", "65401");
    add(ten_, "65410", "65421", "65409", "65420");
    const std::string wanted =
        R"({"ticker":"BTC","interval":"1m","bars":[)"
        R"({"time":"2023-11-14T10:00:00Z","open":65410,"high":65421,"low":65409,"close":65420},)"
        R"({"time":"2023-11-14T10:01:00Z","open":65420.150000000000000001,"high":65430,"low":65400.5,"close":65401}]})";
    for (const char* query : {"", "/", "?interval=1m", "?limit=2", "?from=2023-11-14T10:00:00Z"}) {
        const Answer answer = history(query);
        EXPECT_EQ(answer.status, 200) << query;
        EXPECT_EQ(answer.body, wanted) << query;
    }
    EXPECT_EQ(history("", "btc").body, wanted) << "tickers are case-insensitive";
    EXPECT_EQ(history("", "ETH").body, R"({"ticker":"ETH","interval":"1m","bars":[],"loading":true})")
        << "no feed has asked for its past yet";
}

TEST_F(HistoryTest, SaysWhichBarsComeFromVenuesCandlesAndTheirVolume) {
    const auto n = [](int value) { return Decimal::from_int(value); };
    const Bar past{"BTC", ten_, n(2), n(4), n(1), n(3), Decimal::parse("12.5").value(), true};
    storage_.add_history("BTC", 1min, std::vector{past});
    add(ten_ + 1min, "3", "3", "3", "3");
    EXPECT_EQ(
        history("").body,
        R"({"ticker":"BTC","interval":"1m","bars":[)"
        R"({"time":"2023-11-14T10:00:00Z","open":2,"high":4,"low":1,"close":3,"volume":12.5,"history":true},)"
        R"({"time":"2023-11-14T10:01:00Z","open":3,"high":3,"low":3,"close":3}]})");
    EXPECT_EQ(
        history("?interval=1w").body,
        R"({"ticker":"BTC","interval":"1w","bars":[)"
        R"({"time":"2023-11-13T00:00:00Z","open":2,"high":4,"low":1,"close":3,"volume":12.5,"history":true}]})");
}

TEST_F(HistoryTest, SaysWhenNothingWasJudged) {
    add(ten_, "2", "4", "1", "3");
    const BlindSpan over{.ticker = "BTC",
                         .from = ten_ + 1min,
                         .to = ten_ + 3min,
                         .reason = "Pricewire was not running",
                         .state = BlindState::lost,
                         .told_until = {},
                         .unknown = 2min};
    const BlindSpan open{
        .ticker = "BTC", .from = ten_ + 5min, .to = {}, .reason = "no exchange was heard", .told_until = {}};
    BlindSpan earlier = over;
    earlier.from = ten_ - 5min;
    earlier.to = ten_ - 1min;
    storage_.save_blind(std::vector{open, over, earlier});
    const std::string first = R"({"from":"2023-11-14T10:01:00Z","to":"2023-11-14T10:03:00Z","state":"lost",)"
                              R"("reason":"Pricewire was not running","fired_late":0,"unknown_seconds":120})";
    const std::string second =
        R"({"from":"2023-11-14T10:05:00Z","to":null,"state":"open","reason":"no exchange was heard",)"
        R"("fired_late":0,"unknown_seconds":0})";
    EXPECT_TRUE(history("").has("\"blind\":[" + first + "," + second + "]")) << history("").body;
    EXPECT_TRUE(history("?to=2023-11-14T10:04:00Z").has("\"blind\":[" + first + "]"));
    EXPECT_FALSE(history("?to=2023-11-14T10:01:00Z").has("blind"));
}

TEST_F(HistoryTest, SaysThatMoreIsAboutToCome) {
    const auto is_loading = [&] { return history("", "ETH").body.find("loading") != std::string::npos; };
    const Timestamp now = clock_.now();
    EXPECT_TRUE(is_loading());
    ASSERT_TRUE(storage_.claim_fill("ETH", "feed", now, now + 1min));
    EXPECT_TRUE(is_loading());
    storage_.finish_fill("ETH", "feed", {std::nullopt, now + 1min});
    EXPECT_FALSE(is_loading()) << "no venue answered; it is tried again in a minute";
    ASSERT_TRUE(storage_.claim_fill("ETH", "feed", now + 1min, now + 2min));
    storage_.finish_fill("ETH", "feed", {now, now});
    EXPECT_FALSE(is_loading()) << "only what an hour brings is missing";
    storage_.claim_fill("ETH", "feed", now, now + 1min);
    storage_.finish_fill("ETH", "feed", {now - 3h, now});
    EXPECT_TRUE(is_loading()) << "hours in which nobody watched it";
}

TEST_F(HistoryTest, AggregatesLongerBarsAndReturnsTheNewest) {
    for (int i = 0; i < 120; ++i) add(ten_ + i * 1min, "10", "20", i == 70 ? "1" : "5", "15");
    EXPECT_EQ(history("?interval=1h").body,
              R"({"ticker":"BTC","interval":"1h","bars":[)"
              R"({"time":"2023-11-14T10:00:00Z","open":10,"high":20,"low":5,"close":15},)"
              R"({"time":"2023-11-14T11:00:00Z","open":10,"high":20,"low":1,"close":15}]})");
    EXPECT_EQ(history("?interval=1d").body,
              R"({"ticker":"BTC","interval":"1d","bars":[)"
              R"({"time":"2023-11-14T00:00:00Z","open":10,"high":20,"low":1,"close":15}]})");
    EXPECT_EQ(history("?interval=5m&limit=1").body,
              R"({"ticker":"BTC","interval":"5m","bars":[)"
              R"({"time":"2023-11-14T11:55:00Z","open":10,"high":20,"low":5,"close":15}]})");
    // An unescaped plus of an offset arrives as a space.
    EXPECT_EQ(history("?interval=5m&from=2023-11-14T11:10:00+00:00&to=2023-11-14T11:15:00Z").body,
              R"({"ticker":"BTC","interval":"5m","bars":[)"
              R"({"time":"2023-11-14T11:10:00Z","open":10,"high":20,"low":1,"close":15}]})");
}

TEST_F(HistoryTest, ReturnsFiveHundredBarsByDefault) {
    std::vector<Bar> bars;
    const Decimal one = Decimal::from_int(1);
    for (int i = 0; i < 1600; ++i) bars.push_back({"BTC", ten_ + i * 1min, one, one, one, one});
    storage_.upsert_bars(bars);
    const auto count = [](const Answer& answer) {
        std::size_t n = 0;
        for (std::size_t at = 0; (at = answer.body.find("\"time\"", at)) != std::string::npos; ++at) ++n;
        return n;
    };
    EXPECT_EQ(count(history("")), 500u);
    EXPECT_EQ(count(history("?limit=1500")), 1500u);
}

TEST_F(HistoryTest, ReportsErrors) {
    expect_error(history("", "XYZ"), 404, "There is no such ticker here");
    expect_error(history("", "%00"), 404, "There is no such ticker here");
    expect_invalid(history("?interval=2m"), R"("query","interval")", "enum");
    expect_invalid(history("?interval="), R"("query","interval")", "enum");
    expect_invalid(history("?from=yesterday"), R"("query","from")", "datetime_parsing");
    expect_invalid(history("?to=1700000000"), R"("query","to")", "datetime_parsing");
    expect_invalid(history("?limit=0"), R"("query","limit")", "out_of_range");
    expect_invalid(history("?limit=1501"), R"("query","limit")", "out_of_range");
    expect_invalid(history("?limit=many"), R"("query","limit")", "int_parsing");
    expect_invalid(history("?from=2023-11-14T10:00:00Z&to=2023-11-14T10:00:00Z"), R"("query","from")",
                   "value_error");
    expect_error(call("GET", "/api/v1/rates/BTC/history"), 401, "Missing API Key in headers");
    expect_error(call_as(ann_, "POST", "/api/v1/rates/BTC/history"), 405, "Method Not Allowed");
    storage_.fail();
    EXPECT_EQ(history("").status, 503);
}

}  // namespace
}  // namespace pricewire::api
