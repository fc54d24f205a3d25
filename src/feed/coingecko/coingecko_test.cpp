#include "feed/coingecko/coingecko.hpp"

#include <gtest/gtest.h>

#include "feed/show.hpp"

namespace pricewire::feed::coingecko_tests {
namespace {

const Timestamp now{std::chrono::seconds{1'575'040'800}};

std::unique_ptr<Venue> coingecko() {
    return coingecko_type.create({{"BTC", "bitcoin"}, {"ETH", "ethereum"}, {"PEG", "pegnet"}},
                                 {"", "https://api.coingecko.com/api/v3"});
}

// Quotes' times in seconds since 1970.
std::string answer(std::string_view body) {
    const auto venue = coingecko();
    std::vector<Quote> quotes;
    const ParseResult result = venue->parse_answer(body, now, quotes);
    std::string out;
    for (const Quote& q : quotes) {
        out += std::string(q.ticker.view()) + "=" + q.price.to_string() + "@" +
               std::to_string(to_micros(q.time) / 1'000'000) + " ";
    }
    out += show(result, {});
    while (out.ends_with(' ')) out.pop_back();
    return out;
}

TEST(CoinGecko, Addresses) {
    const auto venue = coingecko();
    EXPECT_EQ(venue->stream_url(), "");
    EXPECT_EQ(venue->rest_url(std::vector<std::size_t>{0, 1}),
              "https://api.coingecko.com/api/v3/simple/price?ids=bitcoin%2Cethereum&vs_currencies=usd"
              "&include_last_updated_at=true&precision=full");
    EXPECT_EQ(coingecko_type.symbol_of("BTC"), "bitcoin");
    EXPECT_EQ(coingecko_type.symbol_of("ETH"), "ethereum");
    EXPECT_EQ(coingecko_type.symbol_of("DOGE"), "dogecoin");
    EXPECT_EQ(coingecko_type.symbol_of("SOL"), "solana");
    EXPECT_EQ(coingecko_type.symbol_of("BNB"), "binancecoin");
    EXPECT_EQ(coingecko_type.symbol_of("NOSUCH"), std::nullopt);
    EXPECT_TRUE(coingecko_type.is_symbol("avalanche-2"));
    for (const char* bad : {"", "a b", "a,b", "a&b", "a%2Cb", "a/b"})
        EXPECT_FALSE(coingecko_type.is_symbol(bad)) << bad;
}

TEST(CoinGecko, AKeyGoesIntoTheHeaderThatItsHostWants) {
    const auto header = coingecko_type.rest.key_header;
    EXPECT_EQ(header("https://api.coingecko.com/api/v3"), "x-cg-demo-api-key");
    EXPECT_EQ(header("https://pro-api.coingecko.com/api/v3"), "x-cg-pro-api-key");
    EXPECT_EQ(header("http://127.0.0.1:9000/api/v3"), "x-cg-demo-api-key");
}

TEST(CoinGecko, PricesHaveTheirTime) {
    EXPECT_EQ(
        answer(
            R"({"bitcoin":{"usd":83749,"last_updated_at":1575040666},"ethereum":{"last_updated_at":1575040671,"usd":156.08}})"),
        "BTC=83749@1575040666 ETH=156.08@1575040671");
    EXPECT_EQ(answer(R"({"bitcoin":{"usd":6.5e4,"last_updated_at":1575040666}})"), "BTC=65000@1575040666");
    EXPECT_EQ(answer(R"({"bitcoin":{"usd":4.154594e-05,"last_updated_at":1575040666}})"),
              "BTC=0.00004154594@1575040666");
    EXPECT_EQ(answer(R"({"bitcoin":{"usd":0.12345678901234567890123,"last_updated_at":1575040666}})"),
              "BTC=0.123456789012345678@1575040666");
    std::vector<Quote> quotes;
    ASSERT_TRUE(
        coingecko()->parse_answer(R"({"bitcoin":{"usd":1,"last_updated_at":1575040666}})", now, quotes));
    EXPECT_EQ(quotes.at(0).kind, SourceKind::aggregator);
    EXPECT_EQ(quotes.at(0).source, SourceName("coingecko"));
    EXPECT_EQ(quotes.at(0).received_at, now);
    EXPECT_EQ(answer("{}"), "") << "an unknown coin is left out by CoinGecko";
}

TEST(CoinGecko, AnInvalidPriceIsLeftOut) {
    for (const char* bad : {"0", "-1", "null", "true", "\"83749\"", "NaN", "1e400", "1e30", "01", "1.2.3",
                            "[1]", "{}", "-0.0", "1e-30"}) {
        const std::string result =
            answer(R"({"bitcoin":{"usd":)" + std::string(bad) +
                   R"(,"last_updated_at":1575040666},"ethereum":{"usd":2,"last_updated_at":1575040666}})");
        EXPECT_EQ(result.find("BTC="), std::string::npos) << bad << " gave " << result;
        EXPECT_NE(result.find(": "), std::string::npos) << bad;
    }
    EXPECT_EQ(
        answer(
            R"({"bitcoin":{"usd":null,"last_updated_at":1575040666},"ethereum":{"usd":2,"last_updated_at":1575040666}})"),
        "ETH=2@1575040666 1 refused: 'null' as the price of 'bitcoin'");
    EXPECT_EQ(answer(R"({"bitcoin":{"usd":1}})"), "1 refused: a price of 'bitcoin' without a valid time");
    for (const char* bad :
         {"null", "0", "-1", "1575040666000", "99999999999999999999", "\"1575040666\"", "1.5"}) {
        EXPECT_EQ(answer(R"({"bitcoin":{"usd":1,"last_updated_at":)" + std::string(bad) + "}}"),
                  "1 refused: a price of 'bitcoin' without a valid time")
            << bad;
    }
    EXPECT_EQ(answer(R"({"bitcoin":{"usd":1,"usd":2,"last_updated_at":1575040666}})"),
              "1 refused: two prices of 'bitcoin'");
    EXPECT_EQ(
        answer(
            R"({"bitcoin":{"usd":1,"last_updated_at":1575040666},"bitcoin":{"usd":2,"last_updated_at":1575040666}})"),
        "1 refused: two prices of 'bitcoin'");
    EXPECT_EQ(answer(R"({"tether":{"usd":1,"last_updated_at":1575040666}})"),
              "1 refused: a price of 'tether', which was not requested");
    EXPECT_EQ(answer(R"({"bitcoin":7})"), "1 refused: no prices for 'bitcoin'");
}

TEST(CoinGecko, ItsErrors) {
    EXPECT_EQ(answer(R"({"status":{"error_code":429,"error_message":"You've exceeded the Rate Limit."}})"),
              "rate_limited: CoinGecko's error 429: You've exceeded the Rate Limit.");
    EXPECT_EQ(answer(R"({"status":{"error_code":10005,"error_message":"Pro only"}})"),
              "venue_error: CoinGecko's error 10005: Pro only");
    EXPECT_TRUE(answer(R"({"error":"coin not found"})").starts_with("venue_error: "));
    for (const char* bad : {"", " ", "<html>", "error code: 1015", "{", "nonsense"})
        EXPECT_TRUE(answer(bad).starts_with("not_json: ")) << bad;
    for (const char* bad : {"[]", "[1,2]", R"([{"unexpected":{"price":[]}}])", R"({"surprise":7})"}) {
        EXPECT_TRUE(answer(bad).starts_with("wrong_shape: ")) << bad << " gave " << answer(bad);
    }
}

TEST(CoinGecko, ATruncatedAnswerIsNoQuote) {
    const std::string whole =
        R"({"bitcoin":{"usd":83749,"last_updated_at":1575040666},"ethereum":{"usd":156.08,"last_updated_at":1575040671}})";
    EXPECT_TRUE(refuses_every_part_of_answer(*coingecko(), whole, now));
    EXPECT_TRUE(answer(whole + "x").starts_with("not_json: ")) << "trailing bytes";
}

TEST(CoinGecko, RecordedAnswers) {
    const auto path = recordings();
    if (!path) GTEST_SKIP() << "no recordings: set PRICEWIRE_RECORDINGS";
    const auto recorded = [&](const char* name) { return answer(file_text(*path / "rest" / name)); };
    EXPECT_EQ(recorded("coingecko_simple_price_2026-10-07.json"), "BTC=83749@1791367550");
    EXPECT_EQ(recorded("coingecko_simple_price_2026-08-15_krw.json"),
              "1 refused: '' as the price of 'bitcoin'");
    // Five hours old by its own time, which the consolidator checks.
    EXPECT_EQ(recorded("coingecko_simple_price_2019-11-29_14coins.json"),
              "BTC=7734.54@1575040666 ETH=156.08@1575040671 PEG=0.0044042@1575022668 "
              "11 refused: a price of 'monero', which was not requested");
    EXPECT_TRUE(recorded("coingecko_429_body_also_seen_with_http_200.json")
                    .starts_with("rate_limited: CoinGecko's error 429: You've exceeded"));
    EXPECT_EQ(recorded("cloudflare_1015_body.txt"), "not_json: an answer that is not JSON: error code: 1015");
    EXPECT_EQ(recorded("binance_451.json").substr(0, 13), "wrong_shape: ");
}

}  // namespace
}  // namespace pricewire::feed::coingecko_tests
