#include "directory/discovery.hpp"

#include <gtest/gtest.h>

#include "base/text.hpp"
#include "directory/directory_fixture.hpp"
#include "fakes/fake_http_client.hpp"
#include "fakes/log_capture.hpp"
#include "fakes/test_storage.hpp"

namespace pricewire::directory {
namespace {

using namespace std::chrono_literals;

// Lists are written "SOL/USDT,ADA/USDT!".
Result<std::vector<ListedPair>> parse(std::string_view body) {
    if (body.starts_with('<')) return fail("not JSON: '<html>'");
    std::vector<ListedPair> pairs;
    for (const std::string_view pair : split_list(body)) pairs.push_back(listed(pair));
    return pairs;
}

net::HttpResult answer(std::string body) {
    net::HttpResult result = fakes::http_status(200);
    result.body = std::move(body);
    return result;
}

std::string many(int pairs) {
    std::string out;
    for (int i = 0; i < pairs; ++i) out += fmt::format("C{}/USDT,", i);
    return out;
}

class DiscoveryTest : public ::testing::Test {
protected:
    void start(const std::vector<std::string>& names) {
        std::vector<ListSource> sources;
        for (const std::string& name : names) {
            ListSource& source = sources.emplace_back();
            source.source = SourceName(name);
            source.kind = name == "coingecko" ? SourceKind::aggregator : SourceKind::exchange;
            source.url = "http://" + name + "/list";
            source.max_answer = 1000;
            source.parse = parse;
        }
        DiscoveryOptions options;
        options.schedule.retry = {1ms, 2ms};
        options.schedule.least = options.schedule.doubts_every = 0s;
        discovery_ = start_discovery(std::move(sources), client_, storage_, *book_, system_clock(), options);
    }
    // Answers each request for a list of that source, the next one first, the last one again and again.
    void lists(const std::string& name, std::vector<net::HttpResult> results) {
        MutexLock lock(mutex_);
        results_[name] = std::move(results);
    }
    std::optional<net::HttpResult> next(const net::HttpRequest& request) {
        MutexLock lock(mutex_);
        EXPECT_EQ(request.max_response_bytes, 1000U);
        const std::string name = request.url.substr(7, request.url.find('/', 7) - 7);
        auto& results = results_[name];
        if (results.empty()) return std::nullopt;
        net::HttpResult result = results.front();
        if (results.size() > 1) results.erase(results.begin());
        return result;
    }
    std::string stored(SourceName source) {
        std::string out;
        for (const ListedPair& pair : storage_.listings(source))
            out += fmt::format("{}{} ", pair.symbol, pair.gone_at ? "-" : "");
        return out;
    }
    bool reads(SourceName source, const std::string& expected) {
        return storage_.wait_until([&] { return stored(source) == expected; });
    }

    Mutex mutex_;
    std::map<std::string, std::vector<net::HttpResult>> results_ GUARDED_BY(mutex_);
    fakes::LogCapture log_;
    fakes::TestStorage storage_;
    std::unique_ptr<Book> book_ = create_book(storage_, system_clock(), {.fresh_for = 0s});
    fakes::FakeHttpClient client_;
    std::unique_ptr<Discovery> discovery_;

    DiscoveryTest() {
        client_.script = [this](const net::HttpRequest& request) { return next(request); };
    }
};

TEST_F(DiscoveryTest, StoresEachSourcesList) {
    lists("binance", {answer("SOL/USDT,ADA/USDT,SOL/USDT")});
    lists("kraken", {answer("SOL/USD")});
    start({"binance", "kraken"});
    EXPECT_TRUE(reads("binance", "ADA/USDT SOL/USDT ")) << "each symbol once";
    EXPECT_TRUE(reads("kraken", "SOL/USD "));
    discovery_->stop();
    EXPECT_EQ(log_.count("info a source's symbol list was read source=binance pairs=2 changes=all added"),
              1U);
    const auto reports = discovery_->reports();
    ASSERT_EQ(reports.size(), 2U);
    EXPECT_EQ(reports[0].source, "binance");
    EXPECT_EQ(reports[0].pairs, 2U);
    EXPECT_TRUE(reports[0].read_at);
}

TEST_F(DiscoveryTest, WhatIsNoListLeavesTheStoredOne) {
    storage_.replace_listings("binance", SourceKind::exchange, parse("SOL/USDT").value(), list_time);
    net::HttpResult long_answer = answer("ADA/USDT");
    long_answer.truncated = true;
    net::HttpResult banned = answer("ADA/USDT");
    banned.status = 418;
    lists("binance", {answer("<html>"), fakes::http_failure(net::HttpError::timeout, "no answer in time"),
                      long_answer, banned, answer(""), answer("SOL/USDT,ADA/USDT")});
    start({"binance"});
    EXPECT_TRUE(reads("binance", "ADA/USDT SOL/USDT "));
    discovery_->stop();
    EXPECT_EQ(client_.seen().size(), 6U);
    EXPECT_EQ(log_.count("cannot be read; the last one stays in use source=binance reason=not JSON"), 1U);
    EXPECT_EQ(log_.count("cannot be read"), 1U) << "one line an outage";
    EXPECT_EQ(log_.count("can be read again source=binance"), 1U);
    EXPECT_EQ(log_.count("pairs=2 changes=1 added: ADA/USDT"), 1U);
}

TEST_F(DiscoveryTest, AListThatHasLostMostOfItsPairsIsBelievedAfterAWhile) {
    storage_.replace_listings("binance", SourceKind::exchange, parse(many(30)).value(), list_time);
    lists("binance", {answer(many(14)), answer(many(14)), answer(many(30))});
    start({"binance"});
    EXPECT_TRUE(storage_.wait_until([&] { return storage_.calls("replace_listings") == 2; }));
    discovery_->stop();
    EXPECT_EQ(log_.count("reason=its list has 14 pairs, and had 30"), 1U);
    EXPECT_EQ(stored("binance").find('-'), std::string::npos);

    lists("binance", {answer(many(14))});
    start({"binance"});
    EXPECT_TRUE(storage_.wait_until([&] { return storage_.calls("replace_listings") == 3; }));
    discovery_->stop();
    EXPECT_EQ(client_.seen().size(), 3U + 5U);
    EXPECT_EQ(log_.count("changes=16 delisted: C14/USDT, C15/USDT"), 1U);
}

TEST_F(DiscoveryTest, ASourceThatHangsHoldsUpNoOther) {
    lists("binance", {});
    lists("kraken", {answer("SOL/USD")});
    lists("okx", {answer("SOL/USDT")});
    start({"binance", "kraken", "okx"});
    EXPECT_TRUE(reads("kraken", "SOL/USD "));
    EXPECT_TRUE(reads("okx", "SOL/USDT "));
    discovery_->stop();
    EXPECT_EQ(client_.open(), 1U) << "abandoned";
}

TEST_F(DiscoveryTest, WhatTheDatabaseDidNotTakeIsReadAgain) {
    storage_.fail();
    lists("kraken", {answer("SOL/USD")});
    start({"kraken"});
    while (log_.count("cannot be read") == 0) std::this_thread::yield();
    storage_.heal();
    EXPECT_TRUE(reads("kraken", "SOL/USD "));
    discovery_->stop();
}

TEST_F(DiscoveryTest, NotesWhoMeansAnotherCoin) {
    lists("kraken", {answer("MIR/USD")});
    lists("okx", {answer("MIR/USDT")});
    start({"kraken", "okx"});
    EXPECT_TRUE(reads("kraken", "MIR/USD "));
    EXPECT_TRUE(reads("okx", "MIR/USDT "));
    const auto disagrees = [&](SourceName source) {
        return storage_.listings(source).at(0).disagrees_since.has_value();
    };
    discovery_->compared(
        {{"kraken", "MIR", true}, {"okx", "MIR", false}, {"mexc", "MIR", true}, {"okx", "NO", true}});
    EXPECT_TRUE(storage_.wait_until([&] { return disagrees("kraken"); }));
    discovery_->compared({{"okx", "MIR", true}, {"kraken", "MIR", false}});
    EXPECT_TRUE(storage_.wait_until([&] { return !disagrees("kraken") && disagrees("okx"); }));
    discovery_->stop();
    EXPECT_EQ(log_.count("warn a source's price is far from the others': another coin of the same letters? "
                         "ticker=MIR source=kraken symbol=MIR/USD"),
              1U);
    EXPECT_EQ(log_.count("info a source's price agrees with the others' again ticker=MIR source=kraken"), 1U);
}

TEST_F(DiscoveryTest, AnAggregatorIsTriedAgainWithItsNextList) {
    storage_.replace_listings("coingecko", SourceKind::aggregator, parse("SOL/USD,ADA/USD").value(),
                              list_time);
    storage_.note_disagreement("coingecko", "SOL/USD", list_time);
    storage_.replace_listings("kraken", SourceKind::exchange, parse("SOL/USD").value(), list_time);
    storage_.note_disagreement("kraken", "SOL/USD", list_time);
    lists("coingecko", {answer("SOL/USD,ADA/USD")});
    lists("kraken", {answer("SOL/USD")});
    start({"kraken", "coingecko"});
    EXPECT_TRUE(storage_.wait_until([&] { return !storage_.listings("coingecko").at(1).disagrees_since; }));
    discovery_->stop();
    EXPECT_TRUE(storage_.listings("kraken").at(0).disagrees_since);
}

TEST_F(DiscoveryTest, ADoubtedListIsReadAgain) {
    lists("kraken", {answer("SOL/USD,ADA/USD"), answer("ADA/USD")});
    start({"kraken"});
    EXPECT_TRUE(reads("kraken", "ADA/USD SOL/USD "));
    discovery_->doubt("binance");
    discovery_->doubt("kraken");
    EXPECT_TRUE(reads("kraken", "ADA/USD SOL/USD- "));
    discovery_->stop();
}

}  // namespace
}  // namespace pricewire::directory
