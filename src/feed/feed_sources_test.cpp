#include <gtest/gtest.h>

#include <array>

#include "feed/feed_fixture.hpp"
#include "feed/session_toy.hpp"

// What a feed's sources have to do with each other, and what a source asks for before it connects.
namespace pricewire::feed {
namespace {

using namespace std::chrono_literals;

template <const VenueType& type>
std::unique_ptr<Venue> create_toy(std::vector<Instrument> instruments, Endpoints) {
    std::vector<std::string> tickers;
    for (const Instrument& i : instruments) tickers.emplace_back(i.ticker.view());
    return std::make_unique<Toy>(type, "", std::move(tickers));
}

constexpr VenueType toy_type(SourceName name, decltype(VenueType::create) create) {
    return {.name = name,
            .title = "Toy",
            .stream = {.symbols_per_message = 10, .ack_within = 10s},
            .symbol_of = [](Ticker t) { return std::optional(std::string(t.view())); },
            .is_symbol = [](std::string_view) { return true; },
            .create = create};
}

template <char letter>
struct ToyType {
    static constexpr char name[] = {letter, 0};
    static const VenueType value;
};
template <char letter>
const VenueType ToyType<letter>::value = toy_type(name, create_toy<ToyType<letter>::value>);

class FeedSourcesTest : public FeedTest {
protected:
    void create_toys() {
        static const std::array<const VenueType*, 6> types{&ToyType<'a'>::value, &ToyType<'b'>::value,
                                                           &ToyType<'c'>::value, &ToyType<'d'>::value,
                                                           &ToyType<'e'>::value, &ToyType<'f'>::value};
        FeedOptions o = options({"BTC", "ETH"});
        o.venues = types;
        o.sources.clear();
        for (const VenueType* type : types)
            o.sources.push_back({.name = std::string(type->name.view()),
                                 .ws_url = "wss://toy",
                                 .rest_url = {},
                                 .poll_interval = 5s});
        create(std::move(o));
        feed->start();
        for (auto& socket : sockets.all) socket.handler.on_open();
    }
    void text(std::size_t socket, std::string_view frame) { sockets.all.at(socket).handler.on_text(frame); }
};

TEST_F(FeedSourcesTest, AStreamThatIsDeafToATickerOfTheOthersIsRenewed) {
    create_toys();
    ASSERT_EQ(sockets.all.size(), 6u);
    for (int second = 0; second < 300 && sockets.all.size() == 6; ++second) {
        for (std::size_t i = 0; i < 6; ++i) {
            text(i, "price BTC 1");
            if (i > 0) text(i, "price ETH 1");
        }
        loop.wait(1s);
    }
    EXPECT_EQ(sockets.all[0].sent, (std::vector<std::string>{"subscribe BTC ETH", "subscribe ETH"}));
    for (std::size_t i = 1; i < 6; ++i) EXPECT_EQ(sockets.all[i].sent.size(), 1u);
    EXPECT_EQ(sockets.all.size(), 7u) << "the connection of the first is renewed";
    EXPECT_EQ(feed->statuses()[0].detail.find("ETH: no trade for "), 0u) << feed->statuses()[0].detail;
    EXPECT_EQ(log.count("brings no trades of ETH"), 2u);
}

TEST_F(FeedSourcesTest, LostTradesAndFramesAreInTheStatus) {
    create_toys();
    text(0, "lost BTC");
    text(0, "lost frames");
    EXPECT_EQ(feed->statuses()[0].lost_trades, 3u);
    EXPECT_EQ(feed->statuses()[0].lost_frames, 1u);
    EXPECT_EQ(feed->statuses()[1].lost_trades, 0u);
}

TEST_F(FeedSourcesTest, TheAddressOfEachConnectionOfKucoinIsAskedFor) {
    FeedOptions o = options({"BTC"});
    o.sources = {{.name = "kucoin",
                  .ws_url = "wss://ws-api-spot.kucoin.com",
                  .rest_url = "https://kucoin",
                  .poll_interval = 5s}};
    create(std::move(o));
    feed->start();
    ASSERT_EQ(http.open(), 1u);
    EXPECT_EQ(http.open_request(0).method, "POST");
    EXPECT_EQ(http.open_request(0).url, "https://kucoin/api/v1/bullet-public");
    EXPECT_TRUE(sockets.all.empty());
    http.answer(0, body(R"({"code":"200000","data":{"token":"s3cret-s3cret","instanceServers":[)"
                        R"({"endpoint":"wss://push.kucoin/","protocol":"websocket"}]}})"));
    loop.turn();
    ASSERT_EQ(sockets.all.size(), 1u);
    EXPECT_NE(sockets.all[0].url.find("token=s3cret-s3cret"), std::string::npos);
    sockets.close(0, {.http_status = 401, .body = "bad token s3cret-s3cret", .reason = "refused"});
    EXPECT_EQ(log.count("s3cret"), 0u);
    EXPECT_EQ(feed->statuses()[0].detail.find("s3cret"), std::string::npos);
}

}  // namespace
}  // namespace pricewire::feed
