#include <fmt/format.h>
#include <gtest/gtest.h>

#include "feed/binance/binance.hpp"
#include "feed/session_toy.hpp"

// Sources that are closed, not available, deaf, renewed, or that hand out the address of each connection.
namespace pricewire::feed {
namespace {

using namespace std::chrono_literals;

Play started(const VenueType& type, std::string rest_url = {}, Neighbours* neighbours = nullptr) {
    Play p(std::make_unique<Toy>(type, std::move(rest_url)), {}, neighbours);
    p.start();
    p.opened(1);
    p.wait(100ms);
    for (const char* frame : {"ack BTC", "ack ETH", "ack SOL", "price BTC 1", "price ETH 1", "price SOL 1"})
        p.text(1, frame);
    p.done();
    return p;
}

constexpr const char* from_the_us =
    "The Amazon CloudFront distribution is configured to block access from your country.";

TEST(SessionAway, AStreamThatIsNotAvailableFromHereRestsForAnHourWhileRestWorks) {
    Play p(std::make_unique<Toy>(toy, "https://toy"));
    p.start();
    p.refused(1, 403, "", from_the_us);
    EXPECT_EQ(p.status().state, SourceState::unavailable_here);
    p.wait(2s);
    p.answer(200, "");
    EXPECT_EQ(p.status().state, SourceState::polling_fallback);
    EXPECT_EQ(p.status().detail, "its stream: not available from here (status 403)");
    for (int i = 0; i < 3 * 720; ++i) {
        p.wait(5s);
        p.answer(200, "");
        if (p.count("open") > 1) p.refused(p.count("open"), 403, "", from_the_us);
    }
    EXPECT_LE(p.count("open"), 4) << "once an hour";
    EXPECT_EQ(p.warned("refuses its stream"), 1) << "it is no news within a day";
}

TEST(SessionAway, RestThatIsNotAvailableFromHereIsSaidWhileTheStreamWorks) {
    Play p = started(toy, "https://toy");
    p.wait(11s);
    p.answer(451, "");
    p.text(1, "price BTC 2");
    EXPECT_EQ(p.status().state, SourceState::streaming);
    EXPECT_EQ(p.status().detail, "REST: not available from here (status 451)");
}

TEST(SessionAway, MaintenanceIsWaitedOutForMinutes) {
    Play p = started(toy, "https://toy");
    p.text(1, "maintenance");
    EXPECT_EQ(p.status().state, SourceState::maintenance);
    EXPECT_EQ(p.status().detail, "in maintenance: until 10:00");
    const Duration wait = *p.status().refused_until - p.now().wall;
    EXPECT_GE(wait, 2min);
    EXPECT_LE(wait, 5min);
    EXPECT_EQ(p.count("0.1 close 1"), 1);
    EXPECT_EQ(p.warned("toy is closed for maintenance; it is looked at again in"), 1);
    p.wait(2s);
    p.answer(200, "");
    EXPECT_EQ(p.status().state, SourceState::polling_fallback) << "if REST has prices";
    p.wait(wait - 3s);
    EXPECT_EQ(p.count("open"), 0);
    p.wait(1s);
    EXPECT_EQ(p.count("open 2"), 1);
    p.opened(2);
    p.text(2, "maintenance");
    EXPECT_EQ(p.warned("maintenance"), 1);
    p.wait(119s);
    EXPECT_EQ(p.count("open 3"), 0);
}

TEST(SessionAway, NoReconnectStormAfterMaintenance) {
    Play p = started(toy);
    p.text(1, "maintenance");
    p.wait(5min);
    for (int stream = 2; stream < 10; ++stream) {
        const int opened = p.count("open");
        p.closed(stream, "reset");
        p.wait(4900ms);
        EXPECT_EQ(p.count("open"), opened) << stream;
        p.wait(56s);
        EXPECT_EQ(p.count("open"), opened + 1) << stream;
    }
}

TEST(SessionAway, FailuresInARowHaveALongerLeastWait) {
    Play p(std::make_unique<Toy>(toy));
    p.start();
    for (int stream = 1; stream < 30; ++stream) {
        const int opened = p.count("open");
        p.closed(stream, "could not connect: refused");
        p.wait(4900ms);
        if (stream > 4) EXPECT_EQ(p.count("open"), opened) << stream;
        p.wait(56s);
        EXPECT_EQ(p.count("open"), opened + 1) << stream;
    }
}

TEST(SessionAway, AVenueThatAlwaysSaysThatItLeavesIsFollowedInSteps) {
    Play p = started(toy);
    int stream = 1;
    for (int i = 0; i < 60; ++i) {
        p.text(stream, "leave");
        p.text(stream, "price BTC 1");
        if (p.count(fmt::format("open {} ", stream + 1)) == 1) {
            ++stream;
            p.opened(stream);
            for (const char* frame : {"ack BTC", "ack ETH", "ack SOL"}) p.text(stream, frame);
        }
        p.wait(1s);
    }
    EXPECT_GE(stream, 6);
    EXPECT_LE(stream, 8);
}

TEST(SessionAway, ARefusalOfTheOldStreamLeavesItsSuccessor) {
    Play p = started(toy);
    p.text(1, "leave");
    p.refused(1, 429, "60");
    p.text(1, "price BTC 1");
    p.opened(2);
    p.text(2, "price BTC 2");
    EXPECT_EQ(p.count("quote BTC 2"), 1);
    EXPECT_EQ(p.status().state, SourceState::streaming);
}

// Other sources trade all tickers whenever time passes.
class DeafTest : public ::testing::Test {
protected:
    void others_trade(int sources, std::initializer_list<const char*> tickers) {
        for (const char* ticker : tickers) {
            for (int i = 0; i < sources; ++i)
                neighbours_.traded.traded(
                    neighbours_.traded.seat(ticker, SourceName(fmt::format("other{}", i))),
                    play_->now().mono);
        }
    }
    void start(const VenueType& type) {
        play_.emplace(started(type, "", &neighbours_));
        for (int i = 0; i < 30; ++i) second({"BTC", "ETH", "SOL"});
        play_->done();
    }
    void second(std::initializer_list<const char*> heard) {
        for (const char* ticker : heard) play_->text(stream_, fmt::format("price {} 1", ticker));
        others_trade(6, {"BTC", "ETH", "SOL"});
        play_->wait(1s);
    }
    std::string without_quotes() {
        std::string out;
        const std::string all = play_->done();
        for (std::size_t at = 0; at < all.size(); at = all.find('\n', at) + 1) {
            const std::string line = all.substr(at, all.find('\n', at) - at);
            if (line.find("quote") == std::string::npos) out += line + "\n";
        }
        return out;
    }

    Neighbours neighbours_;
    std::optional<Play> play_;
    int stream_ = 1;
};

TEST_F(DeafTest, ATickerThatOthersTradeIsSubscribedAgainThenTheConnectionIsRenewed) {
    start(toy);
    for (int i = 0; i < 220; ++i) {
        second({"BTC", "SOL"});
        if (play_->count("send 1 subscribe ETH") == 1) play_->text(1, "ack ETH");
    }
    EXPECT_EQ(
        without_quotes(),
        R"(100.0 warn: toy's stream brings no trades of ETH, which is subscribed again | no trade for 71 s while 6 others traded it
100.0 send 1 subscribe ETH
100.0 streaming (ETH: no trade for 1 min while 6 others traded)
149.1 streaming (ETH: no trade for 2 min while 6 others traded)
209.1 streaming (ETH: no trade for 3 min while 6 others traded)
220.0 warn: toy's stream brings no trades of ETH; its connection is renewed | no trade for 4 min while 6 others traded it
220.0 open 2 wss://toy/ws
)");
    play_->opened(2);
    play_->wait(100ms);
    for (const char* frame : {"ack BTC", "ack ETH", "ack SOL"}) play_->text(2, frame);
    stream_ = 2;
    second({"BTC", "ETH", "SOL"});
    EXPECT_EQ(play_->status().detail, "");
}

TEST_F(DeafTest, OneThatIsSubscribedAlreadyIsNotRefused) {
    for (const char* answer : {"refuse ETH", "refused 3"}) {
        start(toy);
        bool is_answered = false;
        for (int i = 0; i < 220; ++i) {
            second({"BTC", "SOL"});
            if (is_answered || play_->count("send 1 subscribe ETH") == 0) continue;
            play_->text(1, answer);
            is_answered = true;
        }
        EXPECT_TRUE(is_answered);
        EXPECT_EQ(play_->count("refuses"), 0) << answer;
        EXPECT_EQ(play_->count("its connection is renewed"), 1) << answer;
        EXPECT_EQ(play_->count("open 2"), 1) << answer;
    }
}

TEST_F(DeafTest, RenewalsForADeafTickerAreBounded) {
    start(toy);
    int opened = 0;
    for (int i = 0; i < 4 * 3600; ++i) {
        second({"BTC", "SOL"});
        if (play_->count(fmt::format("open {} ", stream_ + 1)) == 1) {
            ++stream_;
            ++opened;
            play_->opened(stream_);
            play_->wait(100ms);
            for (const char* frame : {"ack BTC", "ack ETH", "ack SOL"}) play_->text(stream_, frame);
        }
    }
    EXPECT_GE(opened, 3);
    EXPECT_LE(opened, 9);
    EXPECT_LE(play_->warned("ETH"), 8) << "each of two at most once an hour";
}

TEST_F(DeafTest, WhereTheUrlNamesTheSymbolsTheConnectionIsRenewedAtOnce) {
    play_.emplace(std::make_unique<Toy>(toy), SessionOptions{}, &neighbours_);
    VenueType type = toy;
    type.stream.symbols_per_message = 0;
    start(type);
    for (int i = 0; i < 80; ++i) second({"BTC", "SOL"});
    EXPECT_EQ(play_->count("subscribe"), 0);
    EXPECT_EQ(play_->count("its connection is renewed"), 1);
    EXPECT_EQ(play_->count("open 2"), 1);
}

TEST_F(DeafTest, AQuietMarketIsNotDeafness) {
    start(toy);
    for (int i = 0; i < 600; ++i) {
        play_->text(1, "price BTC 1");
        others_trade(6, {"BTC"});
        play_->wait(1s);
    }
    EXPECT_EQ(without_quotes(), "");
}

TEST(SessionAway, PlannedRenewalsOfSourcesTakeTurns) {
    VenueType type = toy;
    type.stream.renew_from = type.stream.renew_to = 1h;
    Neighbours neighbours;
    Play first = started(type, "", &neighbours);
    Play second = started(type, "", &neighbours);
    for (int i = 0; i < 3720; ++i) {
        for (Play* p : {&first, &second}) {
            for (const char* frame : {"price BTC 1", "price ETH 1", "price SOL 1"}) p->text(1, frame);
            p->wait(1s);
        }
        if (i == 3610) EXPECT_EQ(first.count("open 2") + second.count("open 2"), 1);
    }
    EXPECT_EQ(first.count("open 2") + second.count("open 2"), 2);
}

TEST(SessionAway, AClockThatIsWrongIsNamedAndLoggedOnceForAllSources) {
    Neighbours neighbours;
    Play first = started(toy, "", &neighbours);
    Play second = started(toy, "https://toy", &neighbours);
    for (int i = 0; i < 100; ++i) {
        for (Play* p : {&first, &second}) {
            p->text(1, "past BTC 1");
            p->wait(1s);
            if (p->count("GET") > 0) p->answer(200, "");
        }
    }
    EXPECT_EQ(first.warned("old by this host's clock") + second.warned("old by this host's clock"), 1);
    EXPECT_EQ(first.status().state, SourceState::silent);
    EXPECT_EQ(second.status().state, SourceState::polling_fallback);
    EXPECT_EQ(first.status().detail, "its trades are 12 min old by this host's clock");
    EXPECT_EQ(second.status().detail, "its stream: its trades are 12 min old by this host's clock");
    EXPECT_EQ(first.count("open 2"), 1);
    first.opened(2);
    first.text(2, "price BTC 1");
    EXPECT_EQ(first.status().state, SourceState::streaming);
    EXPECT_EQ(first.status().detail, "");
}

TEST(SessionAway, ALastTradeOfLongAgoIsNoWrongClock) {
    Play p = started(toy);
    for (const char* frame : {"past BTC 1", "past ETH 1", "price SOL 1"}) p.text(1, frame);
    p.wait(40s);
    p.text(1, "past BTC 1");
    EXPECT_EQ(p.warned("clock"), 0);
}

// It hands out the address of each connection.
class Addressed final : public Toy {
public:
    using Toy::Toy;
    std::optional<AddressRequest> address_request() const override {
        return AddressRequest{"https://toy/token", true};
    }
    std::expected<std::string, ParseError> parse_address(std::string_view body) const override {
        if (body.starts_with("ws")) return std::string(body);
        if (body == "slow")
            return std::unexpected(ParseError{ParseError::Kind::rate_limited, "Toy's error 7"});
        return std::unexpected(ParseError{ParseError::Kind::wrong_shape, "an answer: " + std::string(body)});
    }
};

constexpr const char* secret = "wss://toy/ws?token=0123456789abcdef&id=1";

TEST(SessionAddress, EachConnectionHasItsOwn) {
    Play p(std::make_unique<Addressed>(toy));
    p.start();
    p.address(1, 200, secret);
    p.opened(1);
    p.closed(1, "the connection ended: reset");
    p.wait(1s);
    p.address(2, 200, "wss://toy/ws?token=second");
    p.opened(2);
    EXPECT_EQ(p.done(), R"(0.0 POST for 1: https://toy/token
0.0 connecting
0.0 open 1 wss://toy/ws?token=0123456789abcdef&id=1
0.0 send 1 subscribe BTC ETH
0.0 warn: toy's stream is down; there are no prices until it is back | the connection ended: reset
0.0 connecting (the connection ended: reset)
0.7 POST for 2: https://toy/token
1.0 open 2 wss://toy/ws?token=second
1.0 send 2 subscribe BTC ETH
)");
}

TEST(SessionAddress, WithoutOneTheConnectionHasFailed) {
    struct Case {
        int status;
        const char* body;
        SourceState after;
        const char* why;
    };
    for (const Case& c :
         {Case{500, "token=0123456789abcdef", SourceState::connecting,
               "no address for its stream: status 500"},
          Case{200, "token=0123456789abcdef", SourceState::connecting,
               "no address for its stream: an answer without one"},
          Case{200, "wss://toy/ws\n?token=0123456789abcdef", SourceState::connecting,
               "no address for its stream: an answer without one"},
          Case{200, "<html>", SourceState::refused, "an HTML page instead of JSON"},
          Case{200, "slow", SourceState::refused, "429 Too Many Requests"},
          Case{429, "", SourceState::refused, "429 Too Many Requests"},
          Case{451, "", SourceState::unavailable_here, "not available from here (status 451)"}}) {
        Play p(std::make_unique<Addressed>(toy));
        p.start();
        p.address(1, c.status, c.body);
        EXPECT_EQ(p.status().state, c.after) << c.body;
        EXPECT_EQ(p.status().detail, c.why);
        p.address(1, 200, secret);
        EXPECT_EQ(p.count("open"), 0) << "too late";
        p.wait(2h);
        EXPECT_EQ(p.count("POST for 2"), 1);
        EXPECT_EQ(p.count("abcdef"), 0);
    }
}

TEST(SessionAddress, NeitherTheLogNorTheStatusShowsTheToken) {
    Play p(std::make_unique<Addressed>(toy));
    p.start();
    p.address(1, 200, secret);
    p.done();
    p.refused(1, 401, "", fmt::format("cannot GET {} (token 0123456789abcdef)", secret));
    EXPECT_EQ(p.count("0123456789abcdef"), 0) << p.done();
    EXPECT_EQ(p.count("(hidden)"), 4) << "in the log and in the status";
}

TEST(SessionAddress, ASuccessorAsksForItsOwn) {
    Play p(std::make_unique<Addressed>(toy));
    p.start();
    p.address(1, 200, secret);
    p.opened(1);
    p.text(1, "price BTC 1");
    p.text(1, "leave");
    EXPECT_EQ(p.count("POST for 2"), 1);
    p.address(2, 503, "");
    EXPECT_EQ(p.count("close"), 0) << "the present stream continues";
    EXPECT_EQ(p.status().state, SourceState::streaming);
    for (int i = 0; i < 14; ++i) {
        p.wait(5s);
        p.text(1, "price BTC 1");
    }
    EXPECT_EQ(p.count("POST for 3"), 1);
}

}  // namespace
}  // namespace pricewire::feed
