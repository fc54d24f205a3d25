#include "past/asker_core.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <map>

#include "fakes/fake_http_client.hpp"
#include "past/toy_venues.hpp"

namespace pricewire::past {
namespace {

using namespace std::chrono_literals;

class AskerCoreTest : public ::testing::Test {
protected:
    // What becomes of it is added to `log_`: "name: 3 candles", "name: refused (why)".
    void ask(std::string name, Ask ask) {
        core_.candles(
            std::move(ask), [this, name](Candles candles) { note(name, "candles", candles); },
            clock_.moment());
    }
    void ask_trades(std::string name, Ask ask) {
        core_.trades(
            std::move(ask), [this, name](Trades trades) { note(name, "trades", trades); }, clock_.moment());
    }
    template <typename Result>
    void note(const std::string& name, const char* what, const Result& result) {
        static constexpr const char* kinds[] = {"not_offered", "refused", "unavailable",
                                                "late",        "busy",    "stopped"};
        log_ += result ? fmt::format("{}: {} {}\n", name, result->size(), what)
                       : fmt::format("{}: {} ({})\n", name, kinds[static_cast<int>(result.error().kind)],
                                     result.error().text);
    }
    std::string log() { return std::exchange(log_, ""); }
    // The URLs that are due now; they stay under way.
    std::string due() {
        std::string urls;
        for (const auto& request : core_.due(clock_.moment())) {
            open_[request.url] = request;
            urls += request.url + "\n";
        }
        return urls;
    }
    void answer(const std::string& url, int status, std::string body) {
        net::HttpResult result;
        result.status = status;
        result.body = std::move(body);
        answer(url, result);
    }
    void answer(const std::string& url, const net::HttpResult& result) {
        ASSERT_TRUE(open_.contains(url)) << url;
        core_.answered(open_.at(url).id, result, clock_.moment());
        open_.erase(url);
    }
    Ask minutes(int from, int to, Urgency urgency = Urgency::backfill, SourceName source = "alpha") {
        return {source, "BTC", toy_noon + from * 1min, toy_noon + to * 1min, 1min, urgency, 1min};
    }

    ManualClock clock_{toy_noon + 24h};
    AskerCore core_{toy_asked({&toy_alpha, &toy_beta, &toy_latest})};
    std::map<std::string, AskerCore::Request> open_;
    std::string log_;
};

TEST_F(AskerCoreTest, RequestsPageByPageInItsPace) {
    ask("a", minutes(0, 5));
    EXPECT_EQ(due(), "http://alpha/BTC/60/0-3\n");
    EXPECT_EQ(due(), "") << "one at a time";
    answer("http://alpha/BTC/60/0-3", 200, "2 0");
    EXPECT_EQ(due(), "") << "a second between two";
    EXPECT_EQ(*core_.wake(), clock_.mono() + 1s);
    clock_.advance(1s);
    EXPECT_EQ(due(), "http://alpha/BTC/60/3-5\n");
    answer("http://alpha/BTC/60/3-5", 200, "3 2 9");
    EXPECT_EQ(log(), "a: 3 candles\n") << "without what is repeated or beyond";
    EXPECT_FALSE(core_.wake());
}

TEST_F(AskerCoreTest, ServesWhatIsUrgentFirstAndEachVenueByItself) {
    ask("backfill", minutes(0, 1));
    ask("chart", minutes(1, 2, Urgency::chart));
    ask("recovery", minutes(2, 3, Urgency::recovery));
    ask("other", minutes(0, 1, Urgency::backfill, "beta"));
    EXPECT_EQ(due(), "http://alpha/BTC/60/2-3\nhttp://beta/BTC/60/0-1\n");
    answer("http://alpha/BTC/60/2-3", 200, "2");
    clock_.advance(1s);
    EXPECT_EQ(due(), "http://alpha/BTC/60/1-2\n");
    answer("http://alpha/BTC/60/1-2", 200, "1");
    answer("http://beta/BTC/60/0-1", 200, "0");
    EXPECT_EQ(log(), "recovery: 1 candles\nchart: 1 candles\nother: 1 candles\n");
}

TEST_F(AskerCoreTest, DoesNotAskForWhatAVenueDoesNotHave) {
    Ask days = minutes(0, 1);
    days.interval = 24h;
    ask("days", days);
    ask("unknown", minutes(0, 1, Urgency::chart, "gamma"));
    ask_trades("trades", minutes(0, 1, Urgency::chart, "beta"));
    ask("old", minutes(0, 1, Urgency::chart, "latest"));
    ask_trades("half", minutes(23 * 60 - 1, 23 * 60 + 1, Urgency::chart, "latest"));
    EXPECT_EQ(due(), "");
    EXPECT_EQ(
        log(),
        "days: not_offered (it does not offer this)\nunknown: not_offered (this venue is not asked)\n"
        "trades: not_offered (it does not offer this)\nold: not_offered (it does not reach back so far)\n"
        "half: not_offered (it does not reach back so far)\n");
}

TEST_F(AskerCoreTest, AVenueThatHasOnlyTheLatestIsAskedOnce) {
    ask("latest", minutes(24 * 60 - 100, 24 * 60, Urgency::chart, "latest"));
    EXPECT_EQ(due(), "http://latest/BTC/60/1437-1440\n");
    answer("http://latest/BTC/60/1437-1440", 200, "1436 1437 1439");
    EXPECT_EQ(log(), "latest: 2 candles\n");
}

TEST_F(AskerCoreTest, FollowsCursorsThroughWindowsOfTrades) {
    ask_trades("t", minutes(0, 7));
    EXPECT_EQ(due(), "http://alpha/trades/BTC/0-5/\n");
    answer("http://alpha/trades/BTC/0-5/", 200, "4 2 next:x");
    clock_.advance(1s);
    EXPECT_EQ(due(), "http://alpha/trades/BTC/0-5/x\n");
    answer("http://alpha/trades/BTC/0-5/x", 200, "1 2 next:x");
    clock_.advance(1s);
    EXPECT_EQ(due(), "http://alpha/trades/BTC/5-7/\n") << "it repeats itself";
    answer("http://alpha/trades/BTC/5-7/", 200, "");
    EXPECT_EQ(log(), "t: 3 trades\n");
}

TEST_F(AskerCoreTest, APartOfAnAnswerWithTooManyPagesIsNone) {
    Ask patient = minutes(0, 1);
    patient.within = 1h;
    ask_trades("t", patient);
    for (int page = 0; log_.empty(); ++page) {
        ASSERT_LT(page, 200);
        std::string url = due();
        url.pop_back();
        answer(url, 200, fmt::format("0 next:{}", page));
        clock_.advance(1s);
    }
    EXPECT_EQ(log(), "t: not_offered (it gives too few at a time)\n");
}

TEST_F(AskerCoreTest, AsksAgainLaterAfterAFailure) {
    ask("a", minutes(0, 1));
    due();
    answer("http://alpha/BTC/60/0-1", 500, "oops");
    EXPECT_EQ(log(), "");
    clock_.advance(1s);
    EXPECT_EQ(due(), "http://alpha/BTC/60/0-1\n");
    answer("http://alpha/BTC/60/0-1", 200, "0");
    EXPECT_EQ(log(), "a: 1 candles\n");
}

TEST_F(AskerCoreTest, LeavesOutAVenueThatFailsAndFailsWhatWaitsForIt) {
    ask("a", minutes(0, 1));
    ask("b", minutes(1, 2));
    for (int i = 0; i < 3; ++i) {
        ASSERT_EQ(due(), "http://alpha/BTC/60/0-1\n");
        EXPECT_EQ(log(), "");
        answer("http://alpha/BTC/60/0-1", fakes::http_failure(net::HttpError::timeout, "no answer in time"));
        clock_.advance(4s);
    }
    EXPECT_EQ(log(), "b: unavailable (no answer in time)\na: unavailable (no answer in time)\n");
    EXPECT_TRUE(core_.is_left_out("alpha", clock_.mono()));
    ask("c", minutes(0, 1));
    EXPECT_EQ(log(), "c: unavailable (no answer in time)\n");
    clock_.advance(30s);
    EXPECT_FALSE(core_.is_left_out("alpha", clock_.mono()));
    ask("d", minutes(0, 1));
    EXPECT_EQ(due(), "http://alpha/BTC/60/0-1\n");
    answer("http://alpha/BTC/60/0-1", fakes::http_failure(net::HttpError::timeout, "no answer in time"));
    clock_.advance(59s);
    EXPECT_TRUE(core_.is_left_out("alpha", clock_.mono())) << "for longer than before";
}

TEST_F(AskerCoreTest, HonoursTheTimeThatAVenueWants) {
    ask("a", minutes(0, 1));
    due();
    net::HttpResult banned;
    banned.status = 418;
    banned.headers = {{"retry-after", "600"}};
    answer("http://alpha/BTC/60/0-1", banned);
    EXPECT_TRUE(log().starts_with("a: unavailable (418"));
    clock_.advance(600s - 1ms);
    EXPECT_TRUE(core_.is_left_out("alpha", clock_.mono()));
    clock_.advance(1ms);
    EXPECT_FALSE(core_.is_left_out("alpha", clock_.mono()));
    ask("b", minutes(0, 1));
    due();
    answer("http://alpha/BTC/60/0-1", 200, "slow down");
    EXPECT_TRUE(core_.is_left_out("alpha", clock_.mono() + 59s)) << "it says so under any status";
}

TEST_F(AskerCoreTest, AnUnknownSymbolIsNotTheVenuesFailure) {
    for (int i = 0; i < 5; ++i) {
        ask("a", minutes(0, 1));
        due();
        answer("http://alpha/BTC/60/0-1", 400, "unknown");
        EXPECT_EQ(log(), "a: refused (no such symbol)\n");
        ask("b", minutes(1, 2));
        clock_.advance(1s);
        due();
        answer("http://alpha/BTC/60/1-2", 404, "");
        EXPECT_EQ(log(), "b: refused (it answered with HTTP status 404)\n");
        clock_.advance(1s);
    }
}

TEST_F(AskerCoreTest, WhatWaitsForTooLongIsLate) {
    ask("a", minutes(0, 1));
    Ask soon = minutes(1, 2);
    soon.within = 5s;
    ask("b", soon);
    due();
    EXPECT_EQ(*core_.wake(), clock_.mono() + 5s);
    clock_.advance(5s);
    due();
    EXPECT_EQ(log(), "b: late (it was not this request's turn in time)\n");
}

TEST_F(AskerCoreTest, ItsQueueIsBounded) {
    for (int i = 0; i < 5000; ++i) ask("a", minutes(i, i + 1));
    const std::string refused = log();
    EXPECT_EQ(std::ranges::count(refused, '\n'), 5000 - 4096);
    EXPECT_TRUE(refused.starts_with("a: busy"));
}

TEST_F(AskerCoreTest, EndsEverythingWhenItIsStopped) {
    ask("a", minutes(0, 1));
    ask("b", minutes(0, 1));
    due();
    core_.stop();
    ask("c", minutes(0, 1));
    EXPECT_EQ(log(),
              "a: stopped (the process is stopping)\nb: stopped (the process is stopping)\n"
              "c: stopped (the process is stopping)\n");
}

}  // namespace
}  // namespace pricewire::past
