#include "feed/mexc/mexc.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "feed/detail/protobuf.hpp"
#include "feed/session_play.hpp"
#include "feed/show.hpp"

namespace pricewire::feed::mexc_tests {
namespace {

using namespace std::chrono_literals;

const Timestamp now{1'793'900'001s};
constexpr std::int64_t ms = 1'793'900'000'123;

std::unique_ptr<Venue> mexc() {
    return mexc_type.create({{"BTC", "BTCUSDT"}, {"ETH", "ETHUSDT"}}, {"wss://mexc/ws", "https://mexc"});
}

std::string varint(std::uint64_t value) {
    std::string out;
    for (; value >= 0x80; value >>= 7) out += static_cast<char>(value | 0x80);
    return out + static_cast<char>(value);
}
std::string field(std::uint64_t number, std::string_view bytes) {
    return varint(number << 3 | 2) + varint(bytes.size()) + std::string(bytes);
}
std::string field(std::uint64_t number, std::int64_t value) {
    return varint(number << 3) + varint(static_cast<std::uint64_t>(value));
}
std::string deal(std::string_view price, std::int64_t at = ms, std::string_view id = "") {
    return field(1, field(1, price) + field(2, "0.0001") + field(3, std::int64_t{2}) + field(4, at) +
                        (id.empty() ? "" : field(5, id)));
}
std::string channel(std::string_view symbol, std::string_view interval = "100ms") {
    return fmt::format("spot@public.aggre.deals.v3.api.pb@{}@{}", interval, symbol);
}
std::string push(std::string_view deals, std::string_view symbol = "BTCUSDT") {
    return field(1, channel(symbol)) + field(3, symbol) + field(6, ms) + field(314, deals);
}

// By a connection of its own.
std::string shown(std::string_view frame, Timestamp at = now) {
    const auto venue = mexc();
    ShownStream stream(*venue, at);
    return stream(frame);
}

TEST(Mexc, AddressesAndMessages) {
    const auto venue = mexc();
    EXPECT_EQ(venue->stream_url(), "wss://mexc/ws");
    EXPECT_EQ(venue->subscribe_message(std::vector<std::size_t>{0, 1}, {}),
              R"({"method":"SUBSCRIPTION","params":["spot@public.aggre.deals.v3.api.pb@100ms@BTCUSDT",)"
              R"("spot@public.aggre.deals.v3.api.pb@100ms@ETHUSDT"]})");
    EXPECT_EQ(venue->unsubscribe_message(std::vector<std::size_t>{1}, {}),
              R"({"method":"UNSUBSCRIPTION","params":["spot@public.aggre.deals.v3.api.pb@100ms@ETHUSDT"]})");
    EXPECT_EQ(venue->rest_url(std::vector<std::size_t>{1}), "https://mexc/api/v3/ticker/24hr?symbol=ETHUSDT");
    EXPECT_EQ(venue->rest_url(std::vector<std::size_t>{0, 1}), "https://mexc/api/v3/ticker/24hr");
    EXPECT_EQ(mexc_type.symbol_of("DOGE"), "DOGEUSDT");
    EXPECT_EQ(mexc_type.symbol_of("USDT"), std::nullopt) << "it has no dollar market";
    for (const char* bad : {"", "btcusdt", "BTC_USDT", "A\"B", "A@B"})
        EXPECT_FALSE(mexc_type.is_symbol(bad)) << bad;
}

TEST(Mexc, Trades) {
    EXPECT_EQ(shown(push(deal("65000.10"))), "BTC=65000.1USDT@2026-11-05T17:33:20.123Z");
    EXPECT_EQ(shown(push(deal("9.2E-7", ms, "17"))), "BTC=0.00000092USDT#17@2026-11-05T17:33:20.123Z");
    EXPECT_EQ(shown(push(deal("1"), "ETHUSDT")), "ETH=1USDT@2026-11-05T17:33:20.123Z");
    EXPECT_EQ(shown(push(deal("65000.10")), now + 6min).substr(0, 7), "old BTC");
    EXPECT_EQ(shown(push(deal("3", ms + 2, "13") + deal("2", ms + 1, "12") + deal("1", ms, "11"))),
              "BTC=1USDT#11@2026-11-05T17:33:20.123Z BTC=2USDT#12@2026-11-05T17:33:20.124Z "
              "BTC=3USDT#13@2026-11-05T17:33:20.125Z");
    EXPECT_EQ(shown(push(deal("1") + deal("2", ms + 2) + deal("3", ms + 2) + deal("4", ms + 1))),
              "BTC=1USDT@2026-11-05T17:33:20.123Z BTC=4USDT@2026-11-05T17:33:20.124Z "
              "BTC=2USDT@2026-11-05T17:33:20.125Z BTC=3USDT@2026-11-05T17:33:20.125Z")
        << "of the same millisecond the last is the latest";
    const auto venue = mexc();
    ShownStream stream(*venue, now);
    EXPECT_EQ(stream(push(deal("1", ms, "11X"))), "BTC=1USDT@2026-11-05T17:33:20.123Z");
    EXPECT_EQ(stream(push(deal("1", ms, "11X") + deal("2", ms, "12X"))), "BTC=2USDT@2026-11-05T17:33:20.123Z")
        << "each trade once";
    EXPECT_EQ(stream(push(deal("3")) + field(4, "id") + varint(900 << 3 | 5) + "1234" + varint(901 << 3 | 1) +
                     "12345678"),
              "BTC=3USDT@2026-11-05T17:33:20.123Z")
        << "unknown fields are passed over";
}

TEST(Mexc, MessagesThatAreNotValid) {
    for (const char* bad : {"0", "-1", "", "x", "1e400"})
        EXPECT_EQ(shown(push(deal(bad))).substr(0, 12), "1 refused: '") << bad;
    for (const std::int64_t bad : {std::int64_t{0}, std::int64_t{-1}, ms / 1000, ms * 1000})
        EXPECT_EQ(shown(push(deal("1", bad))).substr(0, 12), "1 refused: '") << bad;
    EXPECT_EQ(shown(push(field(1, field(4, ms)))), "1 refused: '' at '' is not a valid price of BTCUSDT");
    EXPECT_EQ(
        shown(push(deal("1"), "FOOUSDT")),
        "bad_quote: trades of 'spot@public.aggre.deals.v3.api.pb@100ms@FOOUSDT', which were not requested");
    EXPECT_EQ(shown(field(1, channel("BTCUSDT")) + field(3, "ETHUSDT") + field(314, deal("1"))).substr(0, 10),
              "bad_quote:");
    EXPECT_EQ(shown(field(1, "spot@public.aggre.bookTicker.v3.api.pb@100ms@BTCUSDT") + field(315, "x")), "");
    constexpr const char* unknown = "wrong_shape: a frame of an unknown shape";
    EXPECT_EQ(shown(field(1, channel("BTCUSDT")) + field(315, deal("1"))), unknown)
        << "a body of another number";
    EXPECT_EQ(shown(field(3, "BTCUSDT") + field(314, deal("1"))), unknown) << "no channel";
    EXPECT_EQ(shown(push(deal("1")) + field(314, deal("2"))), unknown) << "two bodies";
    EXPECT_EQ(shown(push(deal("1")) + field(3, "BTCUSDT")), unknown);
    EXPECT_EQ(shown(push(field(1, field(1, "1") + field(1, "2") + field(4, ms)))), unknown) << "two prices";
    EXPECT_EQ(shown(push(field(1, field(1, "1") + field(4, ms) + field(4, ms)))), unknown) << "two times";
    EXPECT_EQ(shown(push(field(1, std::int64_t{7}))), unknown) << "a number instead of a deal";
    EXPECT_EQ(shown(push(field(1, field(1, "1") + field(4, "x")))), unknown);
    constexpr const char* invalid = "not_json: a message that is not valid protobuf";
    EXPECT_EQ(shown("pong"), invalid);
    EXPECT_EQ(shown("<html>"), invalid);
    EXPECT_EQ(shown(""), unknown);
    EXPECT_EQ(shown(push(field(1, "\x0a\x7f"))), invalid) << "a length past the end of its deal";
}

TEST(Mexc, ATruncatedMessageGivesNoQuote) {
    const std::string whole = push(deal("65000.10", ms, "17"));
    const auto venue = mexc();
    ShownStream stream(*venue, now);
    EXPECT_TRUE(stream.refuses_every_part_of(whole));
    // Any byte may be any other: whatever comes of it, nothing is read beyond the message.
    for (std::size_t i = 0; i < whole.size(); ++i) {
        for (int value = 0; value < 256; ++value) {
            std::string other = whole;
            other[i] = static_cast<char>(value);
            const std::vector<char> exact(other.begin(), other.end());
            EXPECT_EQ(stream({exact.data(), exact.size()}).find("ETH="), std::string::npos);
        }
    }
}

TEST(Mexc, Answers) {
    const auto answer = [](std::string_view words) {
        return shown(fmt::format(R"({{"id":0,"code":0,"msg":"{}"}})", words));
    };
    EXPECT_EQ(answer(channel("BTCUSDT")), "acknowledged BTCUSDT");
    EXPECT_EQ(answer(channel("ETHUSDT") + "," + channel("BTCUSDT")),
              "acknowledged ETHUSDT; acknowledged BTCUSDT");
    EXPECT_EQ(answer(channel("FOOUSDT")), "") << "not what was asked";
    EXPECT_EQ(answer(channel("BTCUSDTX")), "");
    EXPECT_EQ(answer("spot@public.deals.v3.api.pb@BTCUSDT"), "") << "another channel";
    const std::string refused =
        "Not Subscribed successfully! [" + channel("ETHUSDT") + "].  Reason： Blocked! ";
    EXPECT_EQ(
        answer("Not Subscribed successfully! [" + channel("ETHUSDT") + "]. Reason: Blocked!").substr(0, 70),
        "refused ETHUSDT: MEXC's answer 0: Not Subscribed successfully! [spot@p");
    EXPECT_EQ(answer(channel("BTCUSDT") + "," + refused).substr(0, 38),
              "acknowledged BTCUSDT; refused ETHUSDT:");
    EXPECT_EQ(answer("msg format invalid"),
              "refused the oldest message: MEXC's answer 0: msg format invalid");
    EXPECT_EQ(answer("PONG"), "alive");
    EXPECT_EQ(shown(R"({"id":0,"code":1,"msg":"internal error"})"),
              "refused the oldest message: MEXC's answer 1: internal error");
    EXPECT_EQ(shown(R"({"id":0,"code":429,"msg":"Too many requests"})"),
              "rate limited: MEXC's answer 429: Too many requests");
    EXPECT_EQ(shown("{"), "not_json: a frame that is not JSON");
}

TEST(Mexc, TheStreamOfJsonThatEndedIsRefusedOnce) {
    const auto venue = mexc();
    ShownStream stream(*venue, now);
    const std::string dead =
        R"({"c":"spot@public.deals.v3.api@BTCUSDT","d":{"deals":[{"S":2,"p":"20233.84","t":1661927587825,"v":"0.001028"}],)"
        R"("e":"spot@public.deals.v3.api"},"s":"BTCUSDT","t":1661927587836})";
    EXPECT_EQ(stream(dead),
              "wrong_shape: JSON instead of protobuf, as of the stream that MEXC gave up in 2025");
    EXPECT_EQ(stream(dead), "");
}

TEST(Mexc, RestAnswers) {
    const auto venue = mexc();
    const auto answer = [&](std::string_view body) { return show_answer(*venue, body, now); };
    const std::string good =
        R"([{"symbol":"FOOUSDT","lastPrice":"1"},{"symbol":"BTCUSDT","priceChange":"184.34","lastPrice":"46263.71",)"
        R"("bidPrice":"46260.38","bidQty":"","askPrice":"46260.41","askQty":"","closeTime":1641349582808,"count":null}])";
    EXPECT_EQ(answer(good), "BTC=46263.71USDT@2026-11-05T17:33:21Z");
    EXPECT_EQ(answer(good), "old BTC=46263.71USDT@2026-11-05T17:33:21Z")
        << "neither price nor book has moved";
    EXPECT_EQ(answer(replaced(good, "46260.41", "46260.42")), "BTC=46263.71USDT@2026-11-05T17:33:21Z");
    EXPECT_TRUE(refuses_every_part_of_answer(*venue, good, now));
    EXPECT_EQ(answer(R"({"symbol":"ETHUSDT","lastPrice":"3"})"), "ETH=3USDT@2026-11-05T17:33:21Z");
    EXPECT_EQ(answer(R"([{"symbol":"BTCUSDT","lastPrice":null}])"),
              "1 refused: 'null' as the price of 'BTCUSDT'");
    EXPECT_EQ(answer(R"({"code":-1121,"msg":"Invalid symbol."})"),
              "unknown_symbol: MEXC's error -1121: Invalid symbol.");
    EXPECT_EQ(answer(R"({"code":429,"msg":"Too many requests"})"),
              "rate_limited: MEXC's error 429: Too many requests");
    EXPECT_EQ(answer(R"({"code":500,"msg":"x"})"), "venue_error: MEXC's error 500: x");
    EXPECT_EQ(answer(R"([{"unexpected":1}])").substr(0, 13), "wrong_shape: ");
}

TEST(Mexc, Samples) {
    const auto path = recordings();
    if (!path) GTEST_SKIP() << "no recordings: set PRICEWIRE_RECORDINGS";
    for (const char* file : {"GetTicker.txt", "GetTickers.txt"}) {
        const auto sample = *path / "venues/samples/rest/Mexc/SpotApi_ExchangeData_";
        EXPECT_EQ(show_answer(*mexc(), sample_answer(sample.string() + file), now).substr(0, 16),
                  "BTC=46263.71USDT");
    }
}

TEST(Mexc, ThroughASession) {
    Play p(mexc());
    const auto answer = [&](int stream, const std::string& words) {
        p.text(stream, R"({"id":0,"code":0,"msg":")" + words + R"("})");
    };
    p.start();
    p.opened(1);
    answer(1, channel("BTCUSDT"));
    answer(1, "Not Subscribed successfully! [" + channel("ETHUSDT") + "]. Reason: Blocked!");
    p.binary(1, push(deal("65000.10", 1'700'000'000'123)));
    p.answer(400, R"({"code":-1121,"msg":"Invalid symbol."})");
    p.wait(10s);
    answer(1, "PONG");
    p.binary(1, "no protobuf");
    EXPECT_EQ(p.done(), R"(0.0 open 1 wss://mexc/ws
0.0 connecting
0.0 send 1 {"method":"SUBSCRIPTION","params":["spot@public.aggre.deals.v3.api.pb@100ms@BTCUSDT","spot@public.aggre.deals.v3.api.pb@100ms@ETHUSDT"]}
0.0 warn: mexc refuses to stream ETH (ETHUSDT), so REST is polled for it; if it has another name there, set it in market.symbols | MEXC's answer 0: Not Subscribed successfully! [spot@public.aggre.deals.v3.api.pb@100ms@ETHUSDT]. Reason: Blocked!
0.0 GET /api/v3/ticker/24hr?symbol=ETHUSDT
0.0 connecting (its stream refuses ETH (ETHUSDT))
0.0 quote BTC 65000.1
0.0 streaming (its stream refuses ETH (ETHUSDT))
0.0 info: mexc streams trades of BTC
0.0 warn: mexc does not know 'ETHUSDT', so it has no price of ETH; if it has another name there, set it in market.symbols | MEXC's error -1121: Invalid symbol.
0.0 streaming (it does not know ETH (ETHUSDT))
10.0 send 1 {"method":"PING"}
10.0 GET /api/v3/ticker/24hr?symbol=BTCUSDT
10.0 warn: mexc sent a message without a usable price | a message that is not valid protobuf
)");
    EXPECT_LT(mexc_type.stream.renew_to, 24h) << "its connections end after a day";
}

TEST(ProtobufReader, RefusesWhatIsNotOfTheFormat) {
    const auto fields = [](std::string_view bytes) {
        detail::ProtobufReader reader(bytes);
        std::string out;
        while (reader.next()) out += fmt::format("{}={}{} ", reader.field(), reader.number(), reader.bytes());
        return out + (reader.failed() ? "failed" : "");
    };
    EXPECT_EQ(fields(""), "");
    EXPECT_EQ(fields(field(1, "abc") + field(2, std::int64_t{300})), "1=0abc 2=300 ");
    EXPECT_EQ(fields("\x08" + std::string(9, '\xff') + "\x01"), "1=18446744073709551615 ");
    EXPECT_EQ(fields("\x08" + std::string(9, '\xff') + "\x02"), "failed") << "more than 64 bits";
    EXPECT_EQ(fields("\x08" + std::string(10, '\x80') + "\x01"), "failed") << "more than 10 bytes";
    EXPECT_EQ(fields("\x0a" + varint(std::numeric_limits<std::uint64_t>::max()) + "abc"), "failed");
    EXPECT_EQ(fields("\x0b\x0c"), "failed") << "a group";
    EXPECT_EQ(fields(std::string("\x00\x01", 2)), "failed") << "field 0";
    EXPECT_EQ(fields(varint(std::uint64_t{1} << 33) + "\x01"), "failed") << "no such field";
    EXPECT_EQ(fields("\x0f"
                     "12345678"),
              "failed")
        << "no such wire type";
}

}  // namespace
}  // namespace pricewire::feed::mexc_tests
