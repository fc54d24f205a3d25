#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <deque>
#include <map>
#include <set>
#include <sstream>

#include "feed/session_toy.hpp"

// Instruments that are added and removed while the session runs.
namespace pricewire::feed {
namespace {

using namespace std::chrono_literals;

Play two_streamed(const VenueType& type = toy, std::string rest_url = {}) {
    Play p(std::make_unique<Toy>(type, std::move(rest_url), std::vector<std::string>{"BTC", "ETH"}));
    p.start();
    p.opened(1);
    for (const char* frame : {"ack BTC", "ack ETH", "price BTC 1"}) p.text(1, frame);
    p.wait(1s);
    p.done();
    return p;
}

TEST(SessionInstruments, OneThatComesIsSubscribedAloneAndOneThatGoesIsUnsubscribedAlone) {
    Play p = two_streamed();
    p.watch("SOL");
    p.text(1, "ack SOL");
    p.text(1, "price SOL 7");
    p.wait(1s);
    p.unwatch("SOL");
    p.text(1, "price SOL 8");
    p.text(1, "price BTC 2");
    p.wait(10s);
    p.text(1, "price SOL 9");
    p.text(1, "price BTC 3");
    EXPECT_EQ(p.done(), R"(1.0 send 1 subscribe SOL
1.0 quote SOL 7
2.0 quote BTC 2
7.0 send 1 unsubscribe SOL
9.5 ping 1
12.0 quote BTC 3
)") << "its trades are dropped in silence";
    EXPECT_EQ(p.status().left_out[2], 0u);
}

TEST(SessionInstruments, OneThatComesBackBeforeItWasUnsubscribedCostsNoMessage) {
    Play p = two_streamed();
    p.unwatch("ETH");
    p.wait(3s);
    p.watch("ETH");
    p.text(1, "price ETH 7");
    p.wait(6s);
    p.text(1, "price ETH 8");
    EXPECT_EQ(p.done(), R"(4.0 quote ETH 7
10.0 quote ETH 8
)");
}

TEST(SessionInstruments, OneThatComesBackAfterwardsIsSubscribedAgain) {
    Play p = two_streamed();
    p.unwatch("ETH");
    p.wait(6s);
    p.done();
    p.watch("ETH");
    p.text(1, "price ETH 7");
    EXPECT_EQ(p.done(), R"(7.0 send 1 subscribe ETH
7.0 quote ETH 7
)");
}

// A message that asks for it may be on its way: what the venue answers could be taken for the answer to another one.
TEST(SessionInstruments, OneThatGoesIsUnsubscribedOnlyAfterTheVenueHasAnswered) {
    Play p = two_streamed();
    p.watch("SOL");
    p.unwatch("SOL");
    p.wait(7s);
    EXPECT_EQ(p.count("unsubscribe"), 0);
    p.text(1, "ack SOL");
    EXPECT_EQ(p.count("8.0 send 1 unsubscribe SOL"), 1);
    p.watch("SOL");
    p.unwatch("SOL");
    p.text(1, "refuse SOL");
    p.wait(20s);
    EXPECT_EQ(p.count("unsubscribe"), 1);
    EXPECT_EQ(p.count("refuses"), 0) << "nobody waits for it any more";
}

TEST(SessionInstruments, OneThatWasNotAskedForYetIsForgotten) {
    Play p(std::make_unique<Toy>(toy));
    p.start();
    p.watch("XRP");
    p.unwatch("ETH");
    p.unwatch("SOL");
    p.opened(1);
    p.wait(10s);
    EXPECT_EQ(p.count("send"), 1);
    EXPECT_EQ(p.count("send 1 subscribe XRP BTC"), 1)
        << "what came later is waited for: it is asked for first";
}

TEST(SessionInstruments, OneThatComesGoesBeforeAllThatAreStillToBeSubscribed) {
    std::vector<std::string> tickers;
    for (char c = 'A'; c <= 'J'; ++c) tickers.emplace_back(1, c);
    Play p(std::make_unique<Toy>(toy, "", tickers));
    p.start();
    p.opened(1);
    p.watch("NEW");
    p.wait(1s);
    EXPECT_EQ(p.count("0.0 send 1 subscribe A B\n0.1 send 1 subscribe NEW C\n0.2 send 1 subscribe D E\n"), 1)
        << p.done();
}

TEST(SessionInstruments, UnsubscribesInBatchesAndAfterAllThatIsToBeSubscribed) {
    std::vector<std::string> tickers{"BTC", "A", "B", "C"};
    Play p(std::make_unique<Toy>(toy, "", tickers));
    p.start();
    p.opened(1);
    p.wait(1s);
    for (const std::string& t : tickers) p.text(1, "ack " + t);
    p.done();
    for (const char* t : {"A", "B", "C"}) p.unwatch(t);
    p.wait(4950ms);
    p.watch("D");
    p.wait(1s);
    EXPECT_EQ(p.done(), R"(5.9 send 1 subscribe D
6.0 send 1 unsubscribe A B
6.1 send 1 unsubscribe C
)");
}

TEST(SessionInstruments, ThePlaceOfOneThatHasGoneIsGivenToAnotherOnlyAfterAWhile) {
    Play p = two_streamed();
    p.unwatch("ETH");
    p.watch("SOL");
    p.wait(1s);
    p.text(1, "price ETH 5");
    p.text(1, "price SOL 6");
    EXPECT_EQ(p.count("quote"), 1);
    EXPECT_EQ(p.count("quote SOL 6"), 1);
    p.text(1, "ack SOL");
    for (int i = 0; i < 25; ++i) {
        p.wait(1s);
        p.text(1, "price BTC 5");
    }
    p.done();
    p.watch("XRP");
    p.text(1, "price XRP 1");
    p.text(1, "price SOL 7");
    EXPECT_EQ(p.count("quote XRP 1"), 1);
    EXPECT_EQ(p.count("quote SOL 7"), 1);
}

TEST(SessionInstruments, WhatHasGoneIsNotSubscribedOnANewConnection) {
    Play p = two_streamed();
    p.watch("SOL");
    p.unwatch("BTC");
    p.closed(1, "gone");
    p.wait(3s);
    p.done();
    p.opened(2);
    EXPECT_EQ(p.count("send 2 subscribe ETH SOL"), 1) << p.done();
    p.wait(1s);
    EXPECT_EQ(p.count("BTC"), 0);
}

TEST(SessionInstruments, BothConnectionsFollowWhileOneIsRenewed) {
    VenueType renewed = toy;
    renewed.stream.renew_from = renewed.stream.renew_to = 1h;
    renewed.stream.silence_limit = renewed.stream.deaf_limit = 24h;
    Play p = two_streamed(renewed);
    p.wait(1h);
    p.opened(2);
    p.done();
    p.watch("SOL");
    p.unwatch("BTC");
    p.text(2, "ack ETH");
    p.wait(1s);
    p.text(2, "ack SOL");
    p.text(1, "ack SOL");
    EXPECT_EQ(p.count("send 1 subscribe SOL"), 1);
    EXPECT_EQ(p.count("send 2 subscribe SOL"), 1);
    EXPECT_EQ(p.count("close 1"), 0) << "it is not known yet what the venue says of BTC";
    p.text(2, "ack BTC");
    EXPECT_EQ(p.count("close 1"), 1) << p.done();
    p.wait(10s);
    EXPECT_EQ(p.count("send 2 unsubscribe BTC"), 1) << p.done();
    p.text(2, "price SOL 5");
    EXPECT_EQ(p.count("quote SOL 5"), 1);
}

TEST(SessionInstruments, WhereTheUrlNamesTheSymbolsASuccessorTakesOverAtOnce) {
    VenueType by_url = toy;
    by_url.stream = {};
    by_url.stream.silence_limit = by_url.stream.deaf_limit = 24h;
    Play p(std::make_unique<UrlToy>(by_url, "", std::vector<std::string>{"BTC", "ETH"}));
    p.start();
    p.opened(1);
    p.text(1, "price BTC 1");
    p.wait(1s);
    p.done();
    p.watch("SOL");
    p.watch("XRP");
    EXPECT_EQ(p.done(), "1.0 open 2 wss://toy/BTCETHSOL\n");
    p.text(1, "price BTC 2");
    p.opened(2);
    p.text(2, "price SOL 3");
    EXPECT_EQ(p.done(), R"(1.0 quote BTC 2
1.0 close 1
1.0 quote SOL 3
)");
    p.wait(3s);
    EXPECT_EQ(p.done(), "4.0 open 3 wss://toy/BTCETHSOLXRP\n")
        << "which came while the second was being opened";
    p.opened(3);
    p.done();
    p.unwatch("ETH");
    p.text(3, "price ETH 5");
    p.text(3, "price BTC 5");
    EXPECT_EQ(p.done(), R"(4.0 quote BTC 5
)");
    p.wait(9min);
    p.watch("ETH");
    EXPECT_EQ(p.done(), "") << "it is still there";
    p.text(3, "price ETH 6");
    p.unwatch("SOL");
    p.wait(10min);
    EXPECT_EQ(p.count("open 4 wss://toy/BTCETH"), 1) << p.done();
}

TEST(SessionInstruments, WhereNoMessageUnsubscribesTheConnectionIsRenewedInTheEnd) {
    VenueType quiet = toy;
    quiet.stream.silence_limit = quiet.stream.deaf_limit = 24h;
    auto venue = std::make_unique<Toy>(quiet, "", std::vector<std::string>{"BTC", "ETH"});
    venue->can_unsubscribe = false;
    Play p(std::move(venue));
    p.start();
    p.opened(1);
    for (const char* frame : {"ack BTC", "ack ETH", "price BTC 1"}) p.text(1, frame);
    p.done();
    p.unwatch("ETH");
    p.wait(9min);
    p.text(1, "price ETH 5");
    EXPECT_EQ(p.done(), "");
    p.wait(2min);
    EXPECT_EQ(p.done(), "605.0 open 2 wss://toy/ws\n");
    p.opened(2);
    EXPECT_EQ(p.done(), "660.0 send 2 subscribe BTC\n");
}

TEST(SessionInstruments, AnHourOfAConnectionHasItsMessagesAndThoseThatComeGetTheMost) {
    VenueType limited = toy;
    limited.stream.messages_per_hour = 12;
    limited.stream.silence_limit = limited.stream.deaf_limit = 24h;
    Play p = two_streamed(limited);
    for (int i = 0; i < 9; ++i) {
        const std::string ticker = "T" + std::to_string(i);
        p.watch(ticker);
        p.text(1, "ack " + ticker);
        p.wait(1s);
        p.unwatch(ticker);
        p.wait(10s);
    }
    EXPECT_EQ(p.count(" subscribe T"), 9);
    EXPECT_EQ(p.count("unsubscribe"), 2);
    p.watch("LATE");
    p.wait(50min);
    EXPECT_EQ(p.count("subscribe LATE"), 0);
    p.wait(10min);
    EXPECT_EQ(p.count("subscribe LATE"), 1);
}

TEST(SessionInstruments, RestIsAskedForOneThatComesUnlessItTradesAndNotForOneThatHasGone) {
    Play p = two_streamed(toy, "https://toy");
    p.wait(2s);
    p.answer(200, "");
    p.text(1, "price BTC 2");
    p.watch("SOL");
    p.wait(5s);
    EXPECT_EQ(p.count("GET /SOL"), 1) << p.done();
    p.unwatch("SOL");
    p.answer(200, "");
    EXPECT_EQ(p.count("quote SOL"), 0) << "the toy answers for its last instrument";
    EXPECT_EQ(p.count("has no price of SOL"), 0);
    p.done();
    p.wait(10s);
    EXPECT_EQ(p.count("SOL"), p.count("unsubscribe SOL"));
}

TEST(SessionInstruments, RoomCountsWhatTheVenueStillSends) {
    VenueType small = toy;
    small.stream.max_instruments = 3;
    Play p = two_streamed(small);
    EXPECT_TRUE(p.session().has_room());
    p.watch("SOL");
    EXPECT_FALSE(p.session().has_room());
    p.text(1, "ack SOL");
    p.unwatch("SOL");
    EXPECT_FALSE(p.session().has_room());
    for (int i = 0; i < 5; ++i) {
        p.wait(5s);
        p.text(1, "price BTC 1");
    }
    EXPECT_TRUE(p.session().has_room());
    EXPECT_EQ(p.session().watched(), 2u);
}

// Plays a venue that keeps to its own limits, while instruments come and go at random.
class Exchange {
public:
    explicit Exchange(const StreamType& stream) : type_(toy) {
        type_.stream = stream;
        type_.stream.url = "wss://toy";
        type_.stream.renew_from = type_.stream.renew_to = Duration{};
        type_.stream.silence_limit = type_.stream.deaf_limit = 24h;
        type_.stream.keep_alive = {.text = "ping", .every = 24h};
        play_.emplace(std::make_unique<Toy>(type_, "", std::vector<std::string>{"BTC"}));
        play_->start();
        play_->opened(1);
        if (stream.greets) play_->text(1, "hello");
        if (stream.names_in_url) asked_["BTC"] = subscribed.insert("BTC").second;
        listen();
    }

    void watch(const std::string& ticker) {
        if (!play_->session().has_room() && !wanted.contains(ticker)) return;
        wanted.insert(ticker);
        play_->watch(ticker);
        listen();
    }
    void unwatch(const std::string& ticker) {
        wanted.erase(ticker);
        play_->unwatch(ticker);
        listen();
    }
    // The venue acts on one message, if there is any: what it does not know it refuses.
    bool answer() {
        if (pending_.empty()) return false;
        const std::string message = pending_.front();
        pending_.pop_front();
        std::istringstream words(message);
        std::string word;
        words >> word;
        const bool is_subscription = word == "subscribe";
        while (words >> word) {
            if (is_subscription && word == "BAD") {
                play_->text(1, "refuse BAD");
            } else if (is_subscription) {
                subscribed.insert(word);
                if (type_.stream.ack_within > Duration{}) play_->text(1, "ack " + word);
            } else {
                subscribed.erase(word);
            }
            listen();
        }
        return true;
    }
    // What it has subscribed is traded, each at a price of its own.
    void trade() {
        for (const std::string& symbol : subscribed)
            play_->text(1, "price " + symbol + " " + std::to_string(symbol[0]));
        listen();
    }
    void wait(Duration d) {
        for (Duration passed{}; passed < d; passed += step) {
            play_->wait(step);
            listen();
        }
    }
    void settle() {
        for (int i = 0; i < 40; ++i) {
            while (answer()) {
            }
            wait(10s);
        }
    }

    std::set<std::string> wanted{"BTC"};
    std::set<std::string> subscribed;
    std::vector<std::string> wrong;  // what must not happen

private:
    void listen() {
        std::istringstream lines(play_->done());
        for (std::string line; std::getline(lines, line);) {
            std::istringstream words(line);
            std::string at, what, stream, kind;
            words >> at >> what;
            if (what == "quote") {
                std::string ticker, price;
                words >> ticker >> price;
                if (!wanted.contains(ticker) || price != std::to_string(ticker[0])) wrong.push_back(line);
            }
            if (what != "send") continue;
            words >> stream >> kind;
            check(line, kind, words);
        }
    }
    void check(const std::string& line, const std::string& kind, std::istringstream& words) {
        if (kind == "ping") return;
        std::size_t count = 0;
        for (std::string symbol; words >> symbol; ++count) {
            const bool is_asked = std::exchange(asked_[symbol], kind == "subscribe");
            if (is_asked == (kind == "subscribe") && symbol != "BAD") wrong.push_back("again: " + line);
            if (wanted.contains(symbol) != (kind == "subscribe")) wrong.push_back("against: " + line);
        }
        if (count > type_.stream.symbols_per_message) wrong.push_back("too long: " + line);
        const MonoTime now = play_->now().mono;
        if (last_message_ && now + step < *last_message_ + type_.stream.message_gap)
            wrong.push_back("too soon: " + line);
        last_message_ = now;
        pending_.push_back(line.substr(line.find(kind)));
    }

    static constexpr Duration step = 10ms;

    VenueType type_;
    std::optional<Play> play_;
    std::deque<std::string> pending_;
    std::map<std::string, bool> asked_;
    std::optional<MonoTime> last_message_;
};

RC_GTEST_PROP(SessionInstruments, WhatIsSubscribedInTheEndIsWhatIsWatchedAndNothingElseIsTouched, ()) {
    std::vector<const VenueType*> types;
    for (const VenueType* type : venue_types()) {
        if (type->stream.symbols_per_message > 0) types.push_back(type);
    }
    const VenueType& type = *types[*rc::gen::inRange<std::size_t>(0, types.size())];
    Exchange exchange(type.stream);
    const std::vector<std::string> others{"A", "B", "C", "D", "E", "F", "G", "H", "BAD"};
    const int steps = *rc::gen::inRange(1, 60);
    for (int i = 0; i < steps; ++i) {
        const std::string& ticker = others[*rc::gen::inRange<std::size_t>(0, others.size())];
        switch (*rc::gen::inRange(0, 6)) {
            case 0:
            case 1:
                exchange.watch(ticker);
                break;
            case 2:
                exchange.unwatch(ticker);
                break;
            case 3:
                exchange.answer();
                break;
            case 4:
                exchange.trade();
                break;
            default:
                exchange.wait(std::chrono::milliseconds{*rc::gen::inRange(0, 7000)});
        }
    }
    exchange.settle();
    exchange.trade();
    RC_ASSERT(exchange.wrong == std::vector<std::string>{});
    exchange.wanted.erase("BAD");
    RC_ASSERT(exchange.subscribed == exchange.wanted);
}

}  // namespace
}  // namespace pricewire::feed
