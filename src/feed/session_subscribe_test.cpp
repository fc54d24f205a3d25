#include <fmt/format.h>
#include <gtest/gtest.h>

#include "feed/session_toy.hpp"

namespace pricewire::feed {
namespace {

using namespace std::chrono_literals;

const VenueType toy_by_the_clock{
    .name = "toy",
    .title = "Toy",
    .stream = {.symbols_per_message = 3, .keep_alive = {.text = "ping", .every = 4s}}};

Play subscribed() {
    Play p(std::make_unique<Toy>(toy));
    p.start();
    p.opened(1);
    p.wait(100ms);
    for (const char* frame : {"ack BTC", "ack ETH", "ack SOL", "price BTC 1"}) p.text(1, frame);
    return p;
}

TEST(SessionSubscribe, SubscribesByPacedMessagesAndWorksWithoutRest) {
    Play p = subscribed();
    p.wait(16s);
    p.opened(2);
    EXPECT_EQ(p.done(), R"(0.0 open 1 wss://toy/ws
0.0 connecting
0.0 send 1 subscribe BTC ETH
0.1 send 1 subscribe SOL
0.1 quote BTC 1
0.1 streaming
0.1 info: toy streams trades of BTC, ETH, SOL
7.6 ping 1
15.1 close 1
15.1 warn: toy's stream is down; there are no prices until it is back | no data for 15s
15.1 silent (no data for 15s)
15.8 open 2 wss://toy/ws
16.1 send 2 subscribe BTC ETH
)");
}

TEST(SessionSubscribe, ARefusedSymbolLeavesTheOthersAndIsRequestedByRest) {
    Play p(std::make_unique<Toy>(toy, "https://toy"));
    p.start();
    p.opened(1);
    p.wait(100ms);
    p.text(1, "refuse SOL");
    p.text(1, "refuse SOL");
    p.text(1, "price BTC 1");
    p.text(1, "ack ETH");
    p.answer(200, "");
    p.wait(11s);
    EXPECT_EQ(p.count("refuses to stream"), 1);
    EXPECT_EQ(
        p.count("0.1 warn: toy refuses to stream SOL (SOL), so REST is polled for it; if it has another "
                "name there, "
                "set it in market.symbols | no such market"),
        1);
    EXPECT_EQ(p.count("0.1 GET /SOL"), 1);
    EXPECT_EQ(p.count("quote SOL 7"), 1);
    EXPECT_EQ(p.count("subscribe SOL"), 1) << "not sent again on this connection";
    EXPECT_EQ(p.status().state, SourceState::streaming);
    EXPECT_EQ(p.session().left_out(ParseError::Kind::unknown_symbol), 2u);
}

TEST(SessionSubscribe, AnUnacknowledgedSymbolIsReportedOnceAndSubscribedAgainLater) {
    Play p(std::make_unique<Toy>(toy));
    p.start();
    p.opened(1);
    p.text(1, "ack BTC");
    for (int i = 0; i < 302 * 2; ++i) {
        p.wait(500ms);
        p.text(1, "price ETH 1");  // trades acknowledge as well
    }
    EXPECT_EQ(p.count("has not acknowledged the subscription of SOL; it is sent again every 5m"), 1);
    EXPECT_EQ(p.count("10.1 warn: toy has not acknowledged"), 1);
    EXPECT_EQ(p.count("310.1 send 1 subscribe SOL"), 0);
    p.wait(8500ms);
    EXPECT_EQ(p.count("310.1 send 1 subscribe SOL\n"), 1);
    EXPECT_EQ(p.count("subscribe BTC"), 1);
}

TEST(SessionSubscribe, AnEventIsActedOn) {
    Play p = subscribed();
    p.done();
    p.text(1, "ask");
    p.text(1, "lost ETH");
    p.text(1, "lost ETH");
    p.text(1, "old BTC 9");
    EXPECT_EQ(p.done(), R"(0.1 send 1 answer
0.1 info: 3 trades of ETH were lost on the way from toy
0.1 old quote BTC 9
)");
    EXPECT_EQ(p.session().lost_trades(), 6u);
    EXPECT_EQ(p.status().last_quote_at, p.now().wall);
    p.wait(5s);
    p.text(1, "old BTC 9");
    EXPECT_EQ(p.status().last_quote_at, p.now().wall - 5s)
        << "a trade from before is not a sign of the present";
    p.wait(14s);
    p.text(1, "heartbeat");
    EXPECT_EQ(p.status().state, SourceState::silent) << "heartbeats are no prices";
    EXPECT_EQ(p.count("close 1"), 0);
}

TEST(SessionSubscribe, ARateLimitPausesSubscribing) {
    Play p(std::make_unique<Toy>(toy));
    p.start();
    p.opened(1);
    p.text(1, "slow down");
    p.text(1, "price BTC 1");
    for (int i = 0; i < 60; ++i) {
        p.wait(5s);
        p.text(1, "price BTC 1");
    }
    EXPECT_EQ(
        p.count("0.0 warn: toy limits the rate of messages; subscribing continues in 5m | too many messages"),
        1);
    EXPECT_EQ(p.count("300.0 send 1 subscribe ETH SOL"), 1);
    EXPECT_EQ(p.count("send"), 2);
}

TEST(SessionSubscribe, ASuccessorTakesOverWhenItIsSubscribed) {
    Play p = subscribed();
    p.text(1, "leave");
    p.opened(2);
    p.done();
    p.text(2, "ack BTC");
    p.text(2, "price ETH 2");
    p.text(1, "price ETH 2");
    EXPECT_EQ(p.done(), "0.1 quote ETH 2\n") << "from the one that is still in charge";
    p.wait(100ms);
    p.text(2, "refuse SOL");
    p.text(2, "price BTC 3");
    p.text(1, "price BTC 3");
    EXPECT_EQ(p.count("0.2 close 1"), 1);
    EXPECT_EQ(p.count("0.2 quote BTC 3"), 1);
    EXPECT_EQ(p.status().state, SourceState::streaming);
}

TEST(SessionSubscribe, ASuccessorThatIsNeverAcknowledgedTakesOverInTheEnd) {
    Play p = subscribed();
    p.text(1, "leave");
    p.opened(2);
    for (int i = 0; i < 11; ++i) {
        p.wait(1s);
        p.text(1, "heartbeat");
    }
    EXPECT_EQ(p.count("10.2 close 1"), 1);
}

TEST(SessionSubscribe, TextKeepsAConnectionAlive) {
    Play p(std::make_unique<Toy>(toy_by_the_clock));
    p.start();
    p.opened(1);
    p.text(1, "price BTC 1");
    p.done();
    p.wait(3s);
    p.text(1, "price BTC 1");
    p.wait(4s);
    p.text(1, "heartbeat");
    p.wait(4s);
    EXPECT_EQ(p.done(), "3.0 quote BTC 1\n7.0 send 1 ping\n11.0 send 1 ping\n");
}

TEST(SessionSubscribe, SomeVenuesWantTextByTheClockWhateverComes) {
    VenueType type = toy_by_the_clock;
    type.stream.keep_alive.always = true;
    Play p(std::make_unique<Toy>(type));
    p.start();
    p.opened(1);
    for (int i = 0; i < 9; ++i) {
        p.wait(1s);
        p.text(1, "price BTC 1");
    }
    EXPECT_EQ(p.count("4.0 send 1 ping\n"), 1);
    EXPECT_EQ(p.count("8.0 send 1 ping\n"), 1);
    EXPECT_EQ(p.count("ping"), 2);
}

TEST(SessionSubscribe, ABinaryMessageFromATextVenueIsInvalid) {
    Play p = subscribed();
    p.binary(1, "price BTC 1");
    EXPECT_EQ(p.count("toy sent a message without a usable price | a binary message"), 1);
}

// It answers messages as a whole.
VenueType by_message(std::size_t symbols = 4) {
    VenueType type = toy;
    type.stream.symbols_per_message = symbols;
    return type;
}

TEST(SessionSubscribe, AMessageThatIsRefusedWholeIsSentAgainByHalves) {
    const VenueType type = by_message();
    Play p(std::make_unique<Toy>(type, "https://toy", std::vector<std::string>{"BTC", "ETH", "SOL", "XYZ"}));
    p.start();
    p.opened(1);
    p.text(1, "refused 1");
    p.wait(100ms);
    p.text(1, "acked 2");
    p.wait(100ms);
    p.text(1, "refused 3");
    p.wait(100ms);
    p.text(1, "acked");
    p.wait(100ms);
    p.text(1, "refused");
    EXPECT_EQ(p.done(), R"(0.0 open 1 wss://toy/ws
0.0 connecting
0.0 send 1 subscribe BTC ETH SOL XYZ
0.1 send 1 subscribe BTC ETH
0.2 send 1 subscribe SOL XYZ
0.3 send 1 subscribe SOL
0.4 send 1 subscribe XYZ
0.4 warn: toy refuses to stream XYZ (XYZ), so REST is polled for it; if it has another name there, set it in market.symbols | bad request
0.4 GET /XYZ
0.4 connecting (its stream refuses XYZ (XYZ))
)");
    p.answer(200, "");
    for (int i = 0; i < 301; ++i) {
        p.wait(1s);
        p.text(1, "price BTC 1");
    }
    EXPECT_EQ(p.count("300.4 send 1 subscribe XYZ\n"), 1) << "it may have been listed";
    EXPECT_EQ(p.status().detail, "its stream refuses XYZ (XYZ)");
    p.text(1, "price XYZ 1");
    EXPECT_EQ(p.status().detail, "");
    EXPECT_EQ(p.warned("refuses to stream"), 1);
}

TEST(SessionSubscribe, ANewConnectionAsksForARefusedSymbolAlone) {
    const VenueType type = by_message();
    Play p(std::make_unique<Toy>(type, "", std::vector<std::string>{"BTC", "XYZ", "SOL"}));
    p.start();
    p.opened(1);
    p.text(1, "refused 1 XYZ");
    p.wait(100ms);
    p.text(1, "acked 2");
    p.text(1, "leave");
    p.opened(2);
    p.wait(100ms);
    p.text(2, "acked 1");
    p.text(2, "refused 2");
    EXPECT_EQ(p.done(), R"(0.0 open 1 wss://toy/ws
0.0 connecting
0.0 send 1 subscribe BTC XYZ SOL
0.0 warn: toy refuses to stream XYZ (XYZ); if it has another name there, set it in market.symbols | bad request
0.0 connecting (it does not know XYZ (XYZ))
0.1 send 1 subscribe BTC SOL
0.1 debug: toy's stream is renewed before the venue ends it
0.1 open 2 wss://toy/ws
0.1 send 2 subscribe BTC SOL
0.2 send 2 subscribe XYZ
0.2 close 1
)");
}

TEST(SessionSubscribe, IfEverySymbolIsRefusedTheSymbolsAreNotTheCause) {
    const VenueType type = by_message();
    Play p(std::make_unique<Toy>(type, "", std::vector<std::string>{"BTC", "ETH"}));
    p.start();
    p.opened(1);
    for (int i = 0; i < 3; ++i) {
        p.text(1, "refused");
        p.wait(100ms);
    }
    EXPECT_EQ(p.done(), R"(0.0 open 1 wss://toy/ws
0.0 connecting
0.0 send 1 subscribe BTC ETH
0.1 send 1 subscribe BTC
0.2 send 1 subscribe ETH
0.2 close 1
0.2 warn: toy's stream is down; there are no prices until it is back | it refuses every subscription: bad request
0.2 connecting (it refuses every subscription: bad request)
)");
}

TEST(SessionSubscribe, MessagesWaitForTheGreetingAndForTheirTime) {
    VenueType type = by_message();
    type.stream.greets = true;
    type.stream.subscribe_after = 1s;
    auto venue = std::make_unique<Toy>(type);
    const Toy& asked = *venue;
    Play p(std::move(venue));
    p.start();
    p.opened(1);
    p.wait(3s);
    EXPECT_EQ(p.count("send"), 0);
    p.text(1, "hello");
    p.wait(1s);
    p.text(1, "hello");
    EXPECT_EQ(p.count("4.0 send 1 subscribe BTC ETH SOL\n"), 1);
    EXPECT_EQ(p.count("send"), 1);
    EXPECT_EQ(asked.last_message.number, 1u);
    EXPECT_EQ(asked.last_message.now, p.now().wall);
}

TEST(SessionSubscribe, AVenueThatNeverGreetsIsLeft) {
    VenueType type = by_message();
    type.stream.greets = true;
    Play p(std::make_unique<Toy>(type));
    p.start();
    p.opened(1);
    p.wait(16s);
    EXPECT_EQ(p.count("15.0 close 1"), 1);
}

class Opening final : public Toy {
public:
    using Toy::Toy;
    std::string opening_message() const override { return "conf"; }
    std::string keep_alive_text(Timestamp now) const override {
        return fmt::format("ping {}", to_micros(now) / 1'000'000 - 1'700'000'000);
    }
};

TEST(SessionSubscribe, AVenueMayWantAMessageBeforeTheSubscriptions) {
    VenueType type = by_message(2);
    type.stream.message_gap = {};
    Play p(std::make_unique<Opening>(type));
    p.start();
    p.opened(1);
    p.wait(8s);
    EXPECT_EQ(p.done(), R"(0.0 open 1 wss://toy/ws
0.0 connecting
0.0 send 1 conf
0.0 send 1 subscribe BTC ETH
0.0 send 1 subscribe SOL
7.5 send 1 ping 7
)");
}

TEST(SessionSubscribe, AfterMaintenanceOnAConnectionAllIsSubscribedAgain) {
    Play p = subscribed();
    p.done();
    p.text(1, "resubscribe");
    p.wait(200ms);
    EXPECT_EQ(p.done(), "0.2 send 1 subscribe BTC ETH\n0.3 send 1 subscribe SOL\n");
}

TEST(SessionSubscribe, ARefusalOfAnotherMessageIsLogged) {
    Play p = subscribed();
    p.done();
    p.text(1, "refused 9");
    EXPECT_EQ(p.done(), "0.1 warn: toy refused a message | bad request\n");
    EXPECT_EQ(p.session().left_out(ParseError::Kind::venue_error), 1u);
}

TEST(SessionSubscribe, LostFramesAreCountedAndLoggedOnce) {
    Play p = subscribed();
    p.done();
    p.text(1, "lost frames");
    p.text(1, "lost frames");
    EXPECT_EQ(p.session().lost_frames(), 2u);
    EXPECT_EQ(p.done(), "0.1 info: frames were lost on the way from toy\n");
}

}  // namespace
}  // namespace pricewire::feed
