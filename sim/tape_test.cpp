#include "sim/tape.hpp"

#include <gtest/gtest.h>
#include <zlib.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <set>

namespace pricewire::sim {
namespace {

class TapeTest : public ::testing::Test {
protected:
    std::filesystem::path dir_ = std::filesystem::path(::testing::TempDir()) / "pricewire_tape_test";
    void SetUp() override { std::filesystem::create_directories(dir_); }
    void TearDown() override { std::filesystem::remove_all(dir_); }

    std::string gzipped(const std::string& name, const std::string& text) {
        const std::string path = (dir_ / name).string();
        gzFile file = gzopen(path.c_str(), "wb");
        gzwrite(file, text.data(), static_cast<unsigned>(text.size()));
        gzclose(file);
        return path;
    }
};

std::string trade_line(std::int64_t ns, const std::string& symbol, const std::string& stream,
                       const std::string& price) {
    return std::to_string(ns) + R"( {"stream":")" + stream + R"(","data":{"e":"trade","s":")" + symbol +
           R"(","p":")" + price + "\"}}\n";
}

std::string print(Tape& tape) {
    std::string out;
    while (auto trade = tape.next()) {
        out +=
            std::to_string(trade->at.count()) + " " + trade->symbol + " " + trade->price.to_string() + "\n";
    }
    return out;
}

TEST_F(TapeTest, FramesOfSeveralFilesAreMergedByTimeFromZero) {
    const auto a = gzipped("btcusdt.jsonl.gz",
                           trade_line(5'000'000, "BTCUSDT", "btcusdt@trade", "61837.63000000") +
                               "5500000 {\"stream\":\"btcusdt@bookTicker\",\"data\":{\"s\":\"BTCUSDT\"}}\n" +
                               trade_line(9'000'000, "BTCUSDT", "btcusdt@trade", "61838"));
    const auto b = gzipped("ethusdt.jsonl.gz", trade_line(7'000'000, "ETHUSDT", "ethusdt@trade", "2683.8"));
    auto tape = open_market(a + "," + b);
    ASSERT_TRUE(tape) << tape.error().message;
    EXPECT_EQ(print(**tape), "0 BTCUSDT 61837.63\n2000 ETHUSDT 2683.8\n4000 BTCUSDT 61838\n");
}

TEST_F(TapeTest, RecordedFramesAreKeptUnchanged) {
    const std::string line = trade_line(1'000, "BTCUSDT", "btcusdt@trade", "1.50000000");
    auto tape = open_market(gzipped("x.jsonl.gz", line));
    ASSERT_TRUE(tape);
    EXPECT_EQ((*tape)->next()->frame, line.substr(5, line.size() - 6));
}

TEST_F(TapeTest, ABarBecomesAWalkThroughItsFourPrices) {
    std::ofstream(dir_ / "DOGEUSDT-x.csv") << "timestamp,open,high,low,close,volume\n"
                                           << "2025-05-30 16:42:00+00:00,10,12,9,11,1\n"
                                           << "2025-05-30 16:43:00+00:00,11,11.5,8,9,1\n";
    auto tape = open_bars(dir_ / "DOGEUSDT-x.csv", "DOGEUSDT", 1);
    EXPECT_EQ(print(*tape),
              "0 DOGEUSDT 10\n15000000 DOGEUSDT 9\n30000000 DOGEUSDT 12\n45000000 DOGEUSDT 11\n"
              "60000000 DOGEUSDT 11\n75000000 DOGEUSDT 11.5\n90000000 DOGEUSDT 8\n105000000 DOGEUSDT 9\n");
}

TEST_F(TapeTest, AGeneratedMarketIsTheSameForTheSameSeedAndMovesAboutAPercentAMinute) {
    GeneratedMarket market;
    market.length = std::chrono::minutes{10};
    auto once = generate_market(market);
    auto again = generate_market(market);
    market.seed = 2;
    auto other = generate_market(market);
    EXPECT_EQ(print(*once), print(*again));
    EXPECT_NE(print(*generate_market(market)), print(*again));

    std::set<std::string> symbols;
    Decimal low = Decimal::from_int(1'000'000);
    Decimal high;
    Duration last{};
    while (auto trade = other->next()) {
        symbols.insert(trade->symbol);
        EXPECT_GE(trade->at, last);
        last = trade->at;
        if (trade->symbol != "BTCUSDT") continue;
        low = std::min(low, trade->price);
        high = std::max(high, trade->price);
    }
    EXPECT_EQ(symbols.size(), 5U);
    EXPECT_GT(high.to_double() / low.to_double(), 1.005);
    EXPECT_LT(high.to_double() / low.to_double(), 1.5);
}

TEST_F(TapeTest, ARampHoldsEveryPrice) {
    auto tape = open_market("ramp:BTCUSDT:100:0.5:3:2ms");
    ASSERT_TRUE(tape) << tape.error().message;
    EXPECT_EQ(print(**tape), "0 BTCUSDT 100\n2000 BTCUSDT 100.5\n4000 BTCUSDT 101\n");
}

TEST_F(TapeTest, TradesAreEachVenuesOwn) {
    const std::string file = (dir_ / "day.trades").string();
    std::ofstream(file) << "at_ms,venue,symbol,price,age_ms,again\n5,kraken,BTCUSDT,65000.5,60000,0\n"
                        << "7,okx,BTCUSDT,8200,0,1\n9,okx,BTCUSDT,8200\n";
    auto tape = open_market(file);
    ASSERT_TRUE(tape) << tape.error().message;
    const auto first = (*tape)->next();
    EXPECT_EQ(first->venue, "kraken");
    EXPECT_EQ(first->price.to_string(), "65000.5");
    EXPECT_EQ(first->age, std::chrono::minutes{1});
    EXPECT_FALSE(first->again);
    EXPECT_THROW((*tape)->next(), std::runtime_error) << "a merge reads one ahead";
}

TEST_F(TapeTest, AnInvalidMarketIsRefusedWithAReason) {
    for (const char* text :
         {"nothing", "ramp:BTCUSDT:1", "ramp:B:x:1:1", "generated:x", "/no/such/file.jsonl.gz"}) {
        const auto tape = open_market(text);
        ASSERT_FALSE(tape) << text;
        EXPECT_FALSE(tape.error().message.empty());
    }
}

TEST_F(TapeTest, ADamagedRecordingEndsWithAnError) {
    auto tape =
        open_market(gzipped("x.jsonl.gz", trade_line(1'000, "BTCUSDT", "btcusdt@trade", "1") +
                                              trade_line(2'000, "BTCUSDT", "btcusdt@trade", "not a price")));
    ASSERT_TRUE(tape);
    EXPECT_THROW((*tape)->next(), std::runtime_error);
}

}  // namespace
}  // namespace pricewire::sim
