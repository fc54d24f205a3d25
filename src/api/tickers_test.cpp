#include "api/api_fixture.hpp"

namespace pricewire::api {
namespace {

class TickersTest : public ApiTest {
protected:
    TickersTest() {
        directory_ = directory::create_book(storage_, clock_, {.choices = {.pinned = options_.tickers}});
    }
    static ListedPair pair(std::string symbol, std::string_view ticker, std::string_view currency,
                           ListingStatus status = ListingStatus::trading) {
        return {.symbol = std::move(symbol), .ticker = ticker, .currency = currency, .status = status};
    }
    void read_lists() {
        const std::vector<ListedPair> binance{
            pair("BTCUSDT", "BTC", "USDT"), pair("PEPEUSDT", "PEPE", "USDT"),
            pair("PEOPLEUSDT", "PEOPLE", "USDT"), pair("LUNAUSDT", "LUNA", "USDT")};
        const std::vector<ListedPair> kraken{pair("BTC/USD", "BTC", "USD"),
                                             pair("PEPE/USD", "PEPE", "USD", ListingStatus::halted)};
        ListedPair named = pair("pepe", "PEPE", "USD");
        named.name = "Pepe";
        storage_.replace_listings("binance", SourceKind::exchange, binance, clock_.now());
        storage_.replace_listings("kraken", SourceKind::exchange, kraken, clock_.now());
        storage_.replace_listings("coingecko", SourceKind::aggregator, {&named, 1}, clock_.now());
    }
    Answer create(const std::string& ticker) {
        return call_as(ann_, "POST", "/api/v1/alerts", alert_body("1", ticker));
    }
    static std::string tickers(const Answer& answer) {
        std::string out;
        constexpr std::string_view name = "{\"ticker\":\"";
        for (std::size_t at = 0; (at = answer.body.find(name, at)) != std::string::npos; ++at) {
            const std::size_t begin = at + name.size();
            out += answer.body.substr(begin, answer.body.find('"', begin) - begin) + " ";
        }
        return out;
    }

    void SetUp() override { ann_ = register_user("ann@example.com"); }

    Account ann_;
};

class PinnedTickersTest : public TickersTest {
protected:
    PinnedTickersTest() {
        options_.on_demand = false;
        directory_ = directory::create_book(storage_, clock_,
                                            {.choices = {.pinned = options_.tickers, .only_pinned = true}});
    }
};

TEST_F(TickersTest, ShowWhereATickerIsListed) {
    read_lists();
    storage_.note_disagreement("binance", "PEPEUSDT", clock_.now());
    const Answer answer = call_as(ann_, "GET", "/api/v1/tickers?query=pepe");
    EXPECT_EQ(answer.status, 200);
    EXPECT_EQ(
        answer.body,
        R"([{"ticker":"PEPE","name":"Pepe","watched":false,"price":null,"venues":[)"
        R"({"name":"binance","symbol":"PEPEUSDT","currency":"USDT","status":"trading","disagrees":true},)"
        R"({"name":"kraken","symbol":"PEPE/USD","currency":"USD","status":"halted","disagrees":false}],)"
        R"("ids":{"coingecko":"pepe"}}])");
    EXPECT_EQ(answer.header("Link"), "");
}

TEST_F(TickersTest, HavePricesWhileTheyAreWatched) {
    read_lists();
    publish("PEPE", "0.0000101");
    EXPECT_TRUE(
        call_as(ann_, "GET", "/api/v1/tickers?query=PEPE").has(R"("watched":true,"price":0.0000101)"));
    EXPECT_TRUE(call_as(ann_, "GET", "/api/v1/tickers?query=doge")
                    .has(R"("ticker":"DOGE","name":null,"watched":true,"price":null,"venues":[],"ids":{})"));
}

TEST_F(TickersTest, ArePagedByTheirRank) {
    read_lists();
    std::string target = "/api/v1/tickers?query=&limit=2";
    std::string seen;
    int pages = 0;
    for (; !target.empty(); ++pages) {
        const Answer page = call_as(ann_, "GET", target);
        EXPECT_EQ(page.status, 200) << page.body;
        seen += tickers(page);
        target = next_page(page);
    }
    EXPECT_EQ(seen, "BTC DOGE ETH PEPE LUNA PEOPLE ");
    EXPECT_EQ(pages, 3);
}

TEST_F(TickersTest, RefuseWhatIsNoQuery) {
    expect_invalid(call_as(ann_, "GET", "/api/v1/tickers?cursor=nonsense"), R"("query","cursor")",
                   "value_error");
    expect_invalid(call_as(ann_, "GET", "/api/v1/tickers?limit=1001"), R"("query","limit")", "out_of_range");
    expect_invalid(call_as(ann_, "GET", "/api/v1/tickers?query=" + std::string(101, 'a')),
                   R"("query","query")", "string_too_long");
    EXPECT_EQ(call("GET", "/api/v1/tickers").status, 401);
}

TEST_F(TickersTest, AnAlertMayNameWhateverAVenueLists) {
    read_lists();
    EXPECT_EQ(create("pepe").status, 201);
    EXPECT_EQ(create("DOGE").status, 201) << "configured, though nobody lists it";
    const Answer misspelled = create("PEPPE");
    expect_invalid(misspelled, R"("body","ticker")", "enum");
    EXPECT_TRUE(misspelled.has("No venue lists PEPPE; did you mean PEPE, PEOPLE?")) << misspelled.body;
    EXPECT_TRUE(create("BTC/USDT").has("Input should be a ticker that a venue lists; did you mean BTC?"));
    EXPECT_TRUE(create("QQQQQQQQQQ").has("No venue lists QQQQQQQQQQ\""));
}

TEST_F(TickersTest, ADelistedTickerIsRefusedWithWhoHadIt) {
    read_lists();
    storage_.replace_listings("binance", SourceKind::exchange, {}, clock_.now() + 1s);
    EXPECT_TRUE(create("LUNA").has("No venue lists LUNA any more, binance since 2023-11-14T22:13:21Z"));
    EXPECT_EQ(create("PEPE").status, 201) << "halted, but listed";
}

TEST_F(TickersTest, BeforeAnyListWasReadOnlyConfiguredTickersAreKnown) {
    EXPECT_EQ(create("ETH").status, 201);
    const Answer unknown = create("PEPE");
    expect_invalid(unknown, R"("body","ticker")", "enum");
    EXPECT_TRUE(
        unknown.has("Input should be one of BTC, ETH, DOGE: no venue's symbol list has been read yet, so "
                    "no other ticker is known"))
        << unknown.body;
    EXPECT_EQ(tickers(call_as(ann_, "GET", "/api/v1/tickers")), "BTC DOGE ETH ");
    read_lists();
    clock_.advance(1s);
    EXPECT_EQ(create("PEPE").status, 201);
}

TEST_F(PinnedTickersTest, AreAllThatIsWatchedWithoutOnDemand) {
    read_lists();
    EXPECT_TRUE(create("PEPE").has("Input should be one of BTC, ETH, DOGE\""));
    EXPECT_EQ(tickers(call_as(ann_, "GET", "/api/v1/tickers")), "BTC DOGE ETH ");
}

class LimitedTickersTest : public TickersTest {
protected:
    LimitedTickersTest() { options_.history_limit = {2, 10s}; }
};

TEST_F(LimitedTickersTest, AreSearchedSoOften) {
    for (const int status : {200, 200, 429})
        EXPECT_EQ(call_as(ann_, "GET", "/api/v1/tickers").status, status);
    EXPECT_EQ(call_as(ann_, "GET", "/api/v1/rates/BTC/history").status, 200)
        << "each route has its own bucket";
}

TEST_F(TickersTest, SayThatTheDatabaseIsAway) {
    read_lists();
    EXPECT_EQ(call_as(ann_, "GET", "/api/v1/tickers").status, 200);
    clock_.advance(1s);
    storage_.fail();
    EXPECT_EQ(call_as(ann_, "GET", "/api/v1/tickers").status, 503);
    storage_.heal();
}

}  // namespace
}  // namespace pricewire::api
