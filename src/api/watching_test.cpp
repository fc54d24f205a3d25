// Tickers that are watched on demand.
#include <set>

#include "api/api_fixture.hpp"
#include "fakes/fake_peer.hpp"

namespace pricewire::api {
namespace {

class FakeDemand final : public watch::Demand {
public:
    bool look(const Ticker& ticker, std::string_view who) override {
        MutexLock lock(mutex_);
        if (is_full_) return false;
        looks_.insert(std::string(ticker.view()) + " " + std::string(who));
        return true;
    }
    std::optional<WatchState> unwatched(const Ticker& ticker) const override {
        for (const WatchState& state : *unwatched()) {
            if (state.ticker == ticker) return state;
        }
        return std::nullopt;
    }
    std::shared_ptr<const std::vector<WatchState>> unwatched() const override {
        MutexLock lock(mutex_);
        return states_;
    }
    void set(std::vector<WatchState> states) {
        MutexLock lock(mutex_);
        states_ = std::make_shared<const std::vector<WatchState>>(std::move(states));
    }
    void fill() {
        MutexLock lock(mutex_);
        is_full_ = true;
    }
    std::set<std::string> looks() const {
        MutexLock lock(mutex_);
        return looks_;
    }

private:
    mutable Mutex mutex_;
    bool is_full_ GUARDED_BY(mutex_) = false;
    std::set<std::string> looks_ GUARDED_BY(mutex_);
    std::shared_ptr<const std::vector<WatchState>> states_ GUARDED_BY(mutex_) =
        std::make_shared<const std::vector<WatchState>>();
};

class WatchingTest : public ApiTest {
protected:
    WatchingTest() {
        demand_ = &fake_;
        directory_ = directory::create_book(storage_, clock_, {.choices = {.pinned = options_.tickers}});
        std::vector<ListedPair> pairs;
        for (const char* ticker : {"ADA", "DOT", "PEPE", "SHIB", "LUNA"})
            pairs.push_back({.symbol = std::string(ticker) + "USDT", .ticker = ticker, .currency = "USDT"});
        storage_.replace_listings("binance", SourceKind::exchange, pairs, clock_.now());
        directory_->current();
        ann_ = register_user("ann@example.com");
        ben_ = register_user("ben@example.com");
    }
    Answer create(const Account& user, const std::string& ticker, const std::string& target = "1") {
        return call_as(user, "POST", "/api/v1/alerts", alert_body(target, ticker));
    }
    void publish(Ticker ticker, std::string_view price) {
        TickerBoard board{.ticker = ticker};
        board.price = Price{ticker, *Decimal::parse(price), clock_.now(), 1};
        bus_->publish_board(board);
    }
    std::string look_of(const Account& user, const std::string& ticker) {
        return ticker + " " + member(call_as(user, "GET", "/api/v1/users/me").body, "id");
    }

    FakeDemand fake_;
    Account ann_, ben_;
};

TEST_F(WatchingTest, ARateOrAChartOfATickerThatAVenueListsHasItWatched) {
    const Answer rate = call_as(ann_, "GET", "/api/v1/rates/pepe");
    expect_error(rate, 503, "There is no price for PEPE yet: it is about to be watched.");
    EXPECT_EQ(call_as(ben_, "GET", "/api/v1/rates/ADA/history").status, 200);
    EXPECT_EQ(call_as(ben_, "GET", "/api/v1/rates/BTC/history").status, 200);
    EXPECT_EQ(call_as(ben_, "GET", "/api/v1/rates/XYZ").status, 404);
    EXPECT_EQ(call_as(ben_, "GET", "/api/v1/rates/XYZ/history").status, 404);
    EXPECT_EQ(fake_.looks(), (std::set{look_of(ben_, "ADA"), look_of(ann_, "PEPE")}));
    publish("PEPE", "7");
    EXPECT_TRUE(call_as(ann_, "GET", "/api/v1/rates/PEPE").has(R"("price":7)"));
    EXPECT_EQ(call_as(ann_, "GET", "/api/v1/rates").body, R"({"PEPE":7})");
}

TEST_F(WatchingTest, WhoLooksAtTooManyIsToldThatNothingComes) {
    fake_.fill();
    expect_error(
        call_as(ann_, "GET", "/api/v1/rates/PEPE"), 503,
        "There is no price for PEPE right now. You have looked at too many other tickers within the last "
        "ten minutes.");
    EXPECT_FALSE(call_as(ann_, "GET", "/api/v1/rates/PEPE/history").has("loading"));
    EXPECT_TRUE(call_as(ann_, "GET", "/api/v1/rates/BTC/history").has("loading")) << "it is pinned";
    publish("PEPE", "7");
    EXPECT_TRUE(call_as(ann_, "GET", "/api/v1/rates/PEPE").has(R"("price":7)"))
        << "somebody else looks at it";
    EXPECT_TRUE(call_as(ann_, "GET", "/api/v1/rates/PEPE/history").has("loading"));
}

TEST_F(WatchingTest, WhatEverySourceHasDelistedIsNotAboutToCome) {
    storage_.replace_listings(
        "binance", SourceKind::exchange,
        std::vector<ListedPair>{{.symbol = "ADAUSDT", .ticker = "ADA", .currency = "USDT"}}, clock_.now());
    clock_.advance(2s);
    directory_->current();
    expect_error(call_as(ann_, "GET", "/api/v1/rates/LUNA"), 503,
                 "There is no price for LUNA right now. No source lists it any more.");
    EXPECT_FALSE(call_as(ann_, "GET", "/api/v1/rates/LUNA/history").has("loading"));
    EXPECT_TRUE(fake_.looks().empty());
}

TEST_F(WatchingTest, WhatHasNoPricesSaysWhy) {
    fake_.set({{"LUNA", Unwatchable::delisted, "Binance lists it no more.", clock_.now()}});
    expect_error(call_as(ann_, "GET", "/api/v1/rates/LUNA"), 503,
                 "There is no price for LUNA right now. Binance lists it no more.");
    const Answer made = create(ann_, "LUNA");
    EXPECT_EQ(made.status, 201);
    EXPECT_TRUE(made.has(R"("watched":false,"unwatched_reason":"Binance lists it no more.")")) << made.body;
    publish("LUNA", "7");
    EXPECT_FALSE(call_as(ann_, "GET", "/api/v1/alerts").has("watched")) << "another feed has a price";
}

TEST_F(WatchingTest, OnlyPinnedTickersAreKnownIfOthersAreNotWatched) {
    options_.on_demand = false;
    api_ = nullptr;
    EXPECT_EQ(call_as(ann_, "GET", "/api/v1/rates/PEPE").status, 404);
    EXPECT_EQ(call_as(ann_, "GET", "/api/v1/rates/PEPE/history").status, 404);
    const auto peer = std::make_shared<fakes::FakePeer>();
    const net::WsHandler handler = open_stream(ann_, peer);
    ASSERT_TRUE(peer->wait_for(R"("ready")"));
    handler.on_text(R"({"type":"watch","tickers":["PEPE"]})");
    EXPECT_TRUE(peer->wait_for(R"("PEPE":{"watched":false,"state":"switched_off")"));
    handler.on_close();
    EXPECT_TRUE(fake_.looks().empty());
}

TEST_F(WatchingTest, AnAlertBeyondTheRoomIsRefused) {
    options_.max_tickers = 5;
    api_ = nullptr;
    EXPECT_EQ(create(ann_, "PEPE").status, 201);
    EXPECT_EQ(create(ben_, "ADA").status, 201);
    const Answer full = create(ann_, "DOT");
    expect_invalid(full, R"("body","ticker")", "no_room");
    EXPECT_TRUE(full.has("There is no room for another ticker: 5 are watched already")) << full.body;
    EXPECT_EQ(create(ann_, "ADA").status, 201) << "it is watched anyway";
    EXPECT_EQ(create(ann_, "BTC").status, 201);
    const Answer again = create(ann_, "PEPE", "2");
    EXPECT_EQ(again.status, 201);
    for (const std::string target : {"1", "2"}) {
        const auto alerts = call_as(ann_, "GET", "/api/v1/alerts?ticker=PEPE&limit=1");
        EXPECT_EQ(call_as(ann_, "DELETE", "/api/v1/alerts/" + member(alerts.body, "id")).status, 204);
    }
    EXPECT_EQ(create(ann_, "DOT").status, 201);
}

TEST_F(WatchingTest, WhatIsRefusedTakesNoRoom) {
    vet_ = [](std::string_view url) -> Result<net::WebhookUrl> {
        if (url.find("inside") != std::string_view::npos) return fail("10.0.0.1 is a private address");
        return net::WebhookUrl{};
    };
    options_.max_tickers = 4;  // one beside those that are pinned
    api_ = nullptr;
    const std::string two =
        R"({"ticker":"ADA","webhook_url":"https://hooks.example.com/a","when":{"any":[{"is":"above","level":1},)"
        R"({"ticker":"DOT","is":"above","level":1}]}})";
    const Answer bulk = call_as(ann_, "POST", "/api/v1/alerts/bulk",
                                "[" + alert_body("1", "PEPE", "gt", "https://inside.example.com/") + "," +
                                    two + "," + alert_body("1", "SHIB") + "]");
    EXPECT_TRUE(bulk.has(R"("created":1,"failed":2)")) << bulk.body;
    EXPECT_TRUE(bulk.has(R"({"index":2,"status":201)")) << bulk.body;
}

TEST_F(WatchingTest, AUserTakesItsShareOfTheRoomAlone) {
    options_.max_tickers = 3 + 12;
    api_ = nullptr;
    std::vector<ListedPair> pairs;
    for (char c = 'A'; c <= 'L'; ++c)
        pairs.push_back(
            {.symbol = std::string("T") + c, .ticker = Ticker(std::string("T") + c), .currency = "USD"});
    storage_.replace_listings("kraken", SourceKind::exchange, pairs, clock_.now());
    clock_.advance(2s);
    for (char c = 'A'; c <= 'J'; ++c) EXPECT_EQ(create(ann_, std::string("T") + c).status, 201);
    const Answer refused = create(ann_, "TK");
    expect_invalid(refused, R"("body","ticker")", "no_room");
    EXPECT_TRUE(refused.has("Your active alerts may name 10 tickers")) << refused.body;
    EXPECT_EQ(create(ben_, "TK").status, 201);
    EXPECT_EQ(create(ben_, "TA").status, 201);
}

TEST_F(WatchingTest, AUsersAlertsCompareATickerWithSixteenOthers) {
    options_.max_tickers = 1000;
    api_ = nullptr;
    std::vector<ListedPair> pairs;
    for (char c = 'A'; c <= 'R'; ++c)
        pairs.push_back(
            {.symbol = std::string("T") + c, .ticker = Ticker(std::string("T") + c), .currency = "USD"});
    storage_.replace_listings("kraken", SourceKind::exchange, pairs, clock_.now());
    clock_.advance(2s);
    const auto ratio = [](const std::string& ticker, const std::string& other, const char* level = "2") {
        return R"({"ticker":")" + ticker +
               R"(","webhook_url":"https://hooks.example.com/a","when":{"watch":{"ratio_to":")" + other +
               R"("},"is":"above","level":)" + level + "}}";
    };
    const auto compare = [&](const Account& user, const std::string& body) {
        return call_as(user, "POST", "/api/v1/alerts", body);
    };
    Answer last;
    for (char c = 'A'; c <= 'O'; ++c)
        ASSERT_EQ(compare(ann_, ratio("BTC", std::string("T") + c)).status, 201);
    last = compare(ann_, ratio("TP", "BTC"));
    ASSERT_EQ(last.status, 201) << last.body;
    const Answer full = compare(ann_, ratio("BTC", "TQ"));
    expect_invalid(full, R"("body","when")", "no_room");
    EXPECT_TRUE(full.has("Your active alerts compare BTC or TQ with 16 other tickers")) << full.body;
    expect_invalid(compare(ann_, ratio("TQ", "BTC")), R"("body","when")", "no_room");
    EXPECT_EQ(compare(ann_, ratio("BTC", "TA", "3")).status, 201) << "another alert on the same two";
    EXPECT_EQ(compare(ann_, ratio("TQ", "TR")).status, 201);
    EXPECT_EQ(compare(ben_, ratio("BTC", "TQ")).status, 201);
    const Answer bulk = call_as(ann_, "POST", "/api/v1/alerts/bulk",
                                R"({"alerts":[)" + ratio("TR", "BTC") + "," + ratio("TA", "TB") + "]}");
    EXPECT_TRUE(bulk.has(R"("created":1,"failed":1)")) << bulk.body;
    const std::string path = "/api/v1/alerts/" + member(last.body, "id");
    EXPECT_EQ(call_as(ann_, "PATCH", path, R"({"when":{"watch":{"ratio_to":"BTC"},"is":"above","level":5}})")
                  .status,
              200);
    EXPECT_EQ(call_as(ann_, "PATCH", path, R"({"is_active":false})").status, 200);
    EXPECT_EQ(compare(ann_, ratio("BTC", "TQ")).status, 201) << "one that is paused does not count";
    expect_invalid(call_as(ann_, "PATCH", path, R"({"is_active":true})"), R"("body","when")", "no_room");
}

TEST_F(WatchingTest, AStreamWatchesTickersThatAreNotPinned) {
    const auto peer = std::make_shared<fakes::FakePeer>();
    const net::WsHandler handler = open_stream(ann_, peer);
    ASSERT_TRUE(peer->wait_for(R"("ready")"));
    handler.on_text(R"({"type":"watch","tickers":["PEPE","XYZ"]})");
    ASSERT_TRUE(peer->wait_for(R"("type":"watch")"));
    EXPECT_TRUE(peer->wait_for(R"("PEPE":{"watched":false,"state":"starting")"));
    EXPECT_TRUE(peer->wait_for(R"("XYZ":{"watched":false,"state":"unlisted")"));
    EXPECT_EQ(fake_.looks(), std::set{look_of(ann_, "PEPE")});
    publish("PEPE", "7");
    EXPECT_TRUE(peer->wait_for(R"("PEPE":{"price":7)"));
    handler.on_close();
}

}  // namespace
}  // namespace pricewire::api
