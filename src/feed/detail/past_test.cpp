#include "feed/detail/past.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "feed/show_past.hpp"

// What holds at every venue, and what its table does not say.
namespace pricewire::feed {
namespace {

using namespace std::chrono_literals;

TEST(VenuesPast, DeclareWhatTheyCanBeAskedFor) {
    for (const VenueType* type : venue_types()) {
        const PastType& past = type->past;
        SCOPED_TRACE(type->title);
        EXPECT_TRUE(type->listings.path.starts_with('/') && type->listings.parse != nullptr);
        EXPECT_EQ(type->kind == SourceKind::exchange, past.candles_per_request > 0);
        if (past.candles_per_request == 0) continue;
        EXPECT_TRUE(past.candles_url != nullptr && past.parse_candles != nullptr);
        EXPECT_EQ(past.trades_url == nullptr, past.parse_trades == nullptr);
        EXPECT_GT(past.least_gap, 0s);
        EXPECT_TRUE(past.has(1min) && past.has(1h)) << "what charts and recovery need";
        EXPECT_FALSE(past.has(5min));
    }
}

TEST(VenuesPast, AnswersThatAreNotTheirsAreErrors) {
    for (const char* body : {"",
                             " ",
                             "null",
                             "7",
                             "\"x\"",
                             "[",
                             "{",
                             "[[",
                             "[[]",
                             "{\"code\":",
                             "<html>blocked</html>",
                             "error code: 1015",
                             "[] []",
                             "{} {}",
                             "[1e999]",
                             "{}",
                             "[{}]",
                             "[[]]",
                             "[null]",
                             "[[null,null,null,null,null,null]]",
                             R"({"data":7})",
                             R"({"result":{"data":{}}})",
                             R"({"code":[],"msg":{}})",
                             R"([["error"]])",
                             R"({"data":[{"data":[]}],"code":"0"})"}) {
        for (const VenueType* type : venue_types()) {
            SCOPED_TRACE(fmt::format("{}: {}", type->title, body));
            EXPECT_FALSE(type->listings.parse(body));
            if (type->past.candles_per_request == 0) continue;
            const PastRequest request{
                .symbol = *type->symbol_of("BTC"), .from = past_now - 1h, .to = past_now};
            EXPECT_FALSE(type->past.parse_candles(body, request));
            if (type->past.parse_trades != nullptr) EXPECT_FALSE(type->past.parse_trades(body, request));
        }
    }
}

TEST(VenuesPast, SymbolsMayBeginWithADigit) {
    for (const VenueType* type : venue_types()) {
        if (type->kind != SourceKind::exchange) continue;
        for (const char* ticker : {"1INCH", "1000SATS", "ABCDEFGHIJKLMNO"}) {
            const auto symbol = type->symbol_of(ticker);
            EXPECT_TRUE(symbol && type->is_symbol(*symbol)) << type->title << ": " << symbol.value_or(ticker);
        }
    }
}

TEST(PastTimes, InEveryUnit) {
    using enum detail::TimeUnit;
    const Timestamp t = past_now + 1500ms;
    EXPECT_EQ(detail::time_of("1793527291.5", seconds), t);
    EXPECT_EQ(detail::time_of("1793527291500", milliseconds), t);
    EXPECT_EQ(detail::time_of("1793527291500.25", milliseconds), t + 250us);
    EXPECT_EQ(detail::time_of("1793527291500000", microseconds), t);
    EXPECT_EQ(detail::time_of("1793527291500000999", nanoseconds), t);
    EXPECT_EQ(detail::time_of("2026-11-01T10:01:31.500Z", rfc3339), t);
    for (const char* bad : {"", "-1", "0", "1793527291", "99999999999999", "1e400", "x", "1793527291500x"})
        EXPECT_EQ(detail::time_of(bad, milliseconds), std::nullopt) << bad;
    EXPECT_EQ(detail::time_of("1970-01-01T00:00:00Z", rfc3339), std::nullopt);
}

constexpr detail::CandleShape plain{
    .answer = {.title = "It"}, .unit = detail::TimeUnit::seconds, .columns = {0, 1, 2, 3, 4, 5}};

// Of the hour from 10:00.
std::string candles_of(std::string_view body) {
    static VenueType type;
    type.past.parse_candles = [](std::string_view b, const PastRequest& r) {
        return detail::read_candles(b, plain, r);
    };
    const Timestamp begin{1'793'527'200s};
    return show_candles(type, body, {.symbol = "X", .from = begin, .to = begin + 1h, .now = begin + 1h});
}

TEST(PastCandles, ABrokenRowLeavesOutOnlyItself) {
    const std::string good = "[1793527260,2,4,1,3,5]";
    for (const char* bad : {"null", "7", "\"x\"", "{}", "[]", "[[]]", "[1793527200]",
                            "[1793527200,2,4,1,null,5]", "[1793527200,2,4,1,0,5]", "[1793527200,-2,4,1,3,5]",
                            "[1793527200,2,2.9,1,3,5]", "[1793527200,2,4,2.5,3,5]", "[1793527200,2,1,4,3,5]",
                            "[0,2,4,1,3,5]", "[1793527200000,2,4,1,3,5]"}) {
        EXPECT_EQ(candles_of(fmt::format("[{},{}]", good, bad)), "10:01:00 2 4 1 3 v5") << bad;
        EXPECT_EQ(candles_of(fmt::format("[{}]", bad)),
                  "wrong_shape: an answer with 1 rows, none of which is a valid candle")
            << bad;
    }
}

TEST(PastCandles, OnePerStartOldestFirstWithinTheRange) {
    EXPECT_EQ(candles_of("[[1793530800,2,4,1,3,5],[1793527320,2,4,1,3,5],[1793527200,2,4,1,3,5],"
                         "[1793527320,9,9,9,9,9],[1793527140,2,4,1,3,5]]"),
              "10:00:00 2 4 1 3 v5; 10:02:00 2 4 1 3 v5");
    EXPECT_EQ(candles_of("[[1793527230,2,4,1,3,5]]"), "") << "no minute begins there";
    EXPECT_EQ(candles_of("[[1793527200,2,2,2,2,0],[1793527260,2,2,2,2,0.0]]"), "") << "nothing was traded";
}

TEST(PastCandles, EveryDigitCounts) {
    EXPECT_EQ(
        candles_of(R"([["1793527200","0.000000000000000002","12345678901234567890.5","1e-18","2E-18","7"]])"),
        "10:00:00 0.000000000000000002 12345678901234567890.5 0.000000000000000001 0.000000000000000002 v7");
}

}  // namespace
}  // namespace pricewire::feed
