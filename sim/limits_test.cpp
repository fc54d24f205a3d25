#include "sim/limits.hpp"

#include <gtest/gtest.h>

namespace pricewire::sim {
namespace {

using namespace std::chrono_literals;

constexpr SimVenue okx{.name = "okx", .error_body = "too many"};
constexpr SimVenue bitfinex{.name = "bitfinex"};
constexpr SimVenue binance{.name = "binance"};

class LimitsTest : public ::testing::Test {
protected:
    // The status of the refusal; 0 for none.
    int ask(const SimVenue& venue, std::string_view path) {
        const auto refused = limits_.on_request(venue, path, now_);
        return refused ? refused->status : 0;
    }
    std::string written() const {
        JsonWriter w;
        w.begin_object();
        limits_.write(w);
        w.end_object();
        return std::move(w).str();
    }

    Limits limits_{true};
    Limits::Time now_{1h};
};

TEST_F(LimitsTest, ARequestTooManyIsRefusedUntilThereIsRoom) {
    for (int i = 0; i < 20; ++i) EXPECT_EQ(ask(okx, "/market/candles"), 0);
    EXPECT_EQ(ask(okx, "/market/candles"), 429);
    EXPECT_EQ(ask(okx, "/market/history-trades"), 0) << "another endpoint";
    now_ += 2s;
    EXPECT_EQ(ask(okx, "/market/candles"), 0);
    EXPECT_NE(written().find(R"("okx":{"requests":23,"violations":1,)"), std::string::npos) << written();
}

TEST_F(LimitsTest, SomeRequestsCostMoreAndABanLasts) {
    for (int i = 0; i < 30; ++i) EXPECT_EQ(ask(bitfinex, "/candles/trade:1m:tBTCUSD/hist"), 0);
    EXPECT_EQ(ask(bitfinex, "/tickers"), 429);
    now_ += 59s;
    EXPECT_EQ(ask(bitfinex, "/tickers"), 418);
    now_ += 2s;
    EXPECT_EQ(ask(bitfinex, "/tickers"), 0);
}

TEST_F(LimitsTest, MessagesAreCountedForEachConnection) {
    for (int i = 0; i < 5; ++i) limits_.on_message(binance, 1, "{}", now_);
    limits_.on_message(binance, 2, "{}", now_);
    EXPECT_NE(written().find(R"("violations":0)"), std::string::npos) << written();
    limits_.on_message(binance, 1, "{}", now_);
    EXPECT_NE(written().find(R"("violations":1)"), std::string::npos) << written();
}

TEST_F(LimitsTest, EveryVenueHasSome) {
    for (const SimVenue* venue : sim_venues()) {
        if (venue->is_aggregator) continue;
        int asked = 0;
        while (ask(*venue, "/") == 0 && asked < 100'000) ++asked;
        EXPECT_LT(asked, 100'000) << venue->name << ": sim/limits.cpp";
    }
}

}  // namespace
}  // namespace pricewire::sim
