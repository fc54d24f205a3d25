#include "metrics/instruments.hpp"

#include <gtest/gtest.h>

#include <fstream>
#include <future>
#include <regex>
#include <set>
#include <stdexcept>
#include <string>

#include "cluster/membership.hpp"
#include "fakes/fake_sender.hpp"
#include "fakes/test_storage.hpp"
#include "queue/in_process/in_process_queue.hpp"

namespace pricewire::metrics {
namespace {

using namespace std::chrono_literals;

const MeasuredRole all_roles{.name = "serve", .checker = true, .sender = true};

class InstrumentsTest : public testing::Test {
protected:
    // The value of the sample `name{label="value"}` as rendered; empty if there is none.
    std::string sample(const std::string& name) {
        clock_.advance(1s);
        const std::string text = *instruments_.registry().text();
        const std::size_t at = text.find("\n" + name + " ");
        if (at == std::string::npos) return {};
        const std::size_t begin = at + name.size() + 2;
        return text.substr(begin, text.find('\n', begin) - begin);
    }
    FiringGroup group(Duration since_price, int alerts, Duration since_creation = 1h) {
        FiringGroup out{.price = {"BTC", Decimal::from_int(100), clock_.now() - since_price, 1},
                        .fired_at = clock_.now(),
                        .firings = {}};
        for (int i = 0; i < alerts; ++i)
            out.firings.push_back({make_uuid(clock_.now() - since_creation), make_uuid(clock_.now())});
        return out;
    }
    static std::vector<DeliveryTask> tasks(const FiringGroup& group) {
        std::vector<DeliveryTask> out;
        for (const Firing& f : group.firings) out.push_back({f.delivery_id, 1});
        return out;
    }
    void settle(DeliveryState next, std::optional<int> status, net::HttpError error = net::HttpError::none,
                DeliveryKind kind = DeliveryKind::alert) {
        ClaimedDelivery claimed;
        claimed.kind = kind;
        claimed.alert.triggered_at = clock_.now() - 3s;
        DeliveryOutcome outcome{.next = next, .ended_at = clock_.now()};
        if (status || (error != net::HttpError::none && error != net::HttpError::local)) {
            outcome.attempt = Attempt{.duration = 20ms, .status = status};
        }
        instruments_.settled(claimed, outcome, error);
    }

    ManualClock clock_;
    Instruments instruments_{all_roles, clock_};
};

TEST_F(InstrumentsTest, RequestsAreCountedByRouteMethodAndStatus) {
    instruments_.answered({"rates", "GET", 200, 2ms});
    instruments_.answered({"rates", "GET", 200, 2ms});
    instruments_.answered({"rates", "GET", 503, 2ms});
    for (const char* method : {"BREW", "get", "", "PROPFIND"})
        instruments_.answered({"none", method, 404, 1ms});
    instruments_.refused_by_server(431);
    EXPECT_EQ(sample(R"(pricewire_http_requests_total{code="200",method="GET",route="rates"})"), "2");
    EXPECT_EQ(sample(R"(pricewire_http_requests_total{code="503",method="GET",route="rates"})"), "1");
    EXPECT_EQ(sample(R"(pricewire_http_requests_total{code="404",method="other",route="none"})"), "4");
    EXPECT_EQ(sample(R"(pricewire_http_requests_total{code="431",method="other",route="none"})"), "1");
    EXPECT_EQ(sample(R"(pricewire_http_request_duration_seconds_bucket{route="rates",le="0.001"})"), "0");
    EXPECT_EQ(sample(R"(pricewire_http_request_duration_seconds_bucket{route="rates",le="0.0025"})"), "3");
}

TEST_F(InstrumentsTest, FiringsAreMeasuredFromPriceToCommit) {
    const FiringGroup g = group(40ms, 3);
    instruments_.committed({&g, 1}, tasks(g));
    EXPECT_EQ(sample("pricewire_price_to_firing_seconds_count"), "3");
    EXPECT_EQ(sample("pricewire_price_to_firing_seconds_bucket{le=\"0.025\"}"), "0");
    EXPECT_EQ(sample("pricewire_price_to_firing_seconds_bucket{le=\"0.05\"}"), "3");
}

TEST_F(InstrumentsTest, FiringsOfAnotherCheckerAreNotCounted) {
    const FiringGroup g = group(40ms, 3);
    instruments_.committed({&g, 1}, {});
    auto written = tasks(g);
    written.pop_back();
    instruments_.committed({&g, 1}, written);
    EXPECT_EQ(sample("pricewire_price_to_firing_seconds_count"), "2");
}

TEST_F(InstrumentsTest, AFeedWithoutACheckerMeasuresNoFirings) {
    Instruments feed({.name = "feed"}, clock_);
    FiringGroup late = group(40ms, 3);
    late.late = LateFiring{};
    feed.committed({&late, 1}, tasks(late));
    clock_.advance(1s);
    EXPECT_EQ(feed.registry().text()->find("pricewire_price_to_firing_seconds"), std::string::npos);
}

TEST_F(InstrumentsTest, AFiringAtCreationIsMeasuredFromTheCreation) {
    const FiringGroup g = group(10min, 1, 2s);
    instruments_.committed({&g, 1}, tasks(g));
    EXPECT_EQ(sample("pricewire_price_to_firing_seconds_bucket{le=\"1\"}"), "0");
    EXPECT_EQ(sample("pricewire_price_to_firing_seconds_bucket{le=\"2.5\"}"), "1");
}

TEST_F(InstrumentsTest, AttemptsAreCountedByOutcome) {
    settle(DeliveryState::delivered, 204);
    settle(DeliveryState::delivered, 200, net::HttpError::none, DeliveryKind::test);
    settle(DeliveryState::pending, 503);
    settle(DeliveryState::failed, std::nullopt, net::HttpError::timeout);
    settle(DeliveryState::expired, std::nullopt);
    settle(DeliveryState::pending, std::nullopt);
    settle(DeliveryState::pending, std::nullopt, net::HttpError::local);
    instruments_.settled({}, {.next = DeliveryState::pending, .over_budget = true}, net::HttpError::none);
    const std::string attempts = "pricewire_delivery_attempts_total";
    EXPECT_EQ(sample(attempts + R"({outcome="delivered",result="2xx"})"), "2");
    EXPECT_EQ(sample(attempts + R"({outcome="retried",result="5xx"})"), "1");
    EXPECT_EQ(sample(attempts + R"({outcome="failed",result="timeout"})"), "1");
    EXPECT_EQ(sample("pricewire_delivery_attempt_duration_seconds_count"), "4");
    EXPECT_EQ(sample(R"(pricewire_deliveries_ended_total{state="delivered"})"), "2");
    EXPECT_EQ(sample(R"(pricewire_deliveries_ended_total{state="expired"})"), "1");
    EXPECT_EQ(sample("pricewire_deliveries_put_off_total"), "1");
    EXPECT_EQ(sample("pricewire_deliveries_over_budget_total"), "1");
    EXPECT_EQ(sample("pricewire_firing_to_delivered_seconds_count"), "1") << "test events are not firings";
    EXPECT_EQ(sample("pricewire_firing_to_delivered_seconds_sum"), "3");
}

TEST_F(InstrumentsTest, PushesAreCountedAmongDeliveriesAndApart) {
    ClaimedDelivery claimed{.push = PushTarget{}};
    claimed.alert.triggered_at = clock_.now() - 3s;
    const Attempt attempt{.duration = 20ms, .status = 201};
    instruments_.settled(claimed, {.attempt = attempt, .next = DeliveryState::delivered},
                         net::HttpError::none);
    instruments_.settled(claimed, {.attempt = attempt, .next = DeliveryState::failed, .push_gone = true},
                         net::HttpError::none);
    instruments_.settled(claimed, {.attempt = attempt, .next = DeliveryState::failed}, net::HttpError::none);
    settle(DeliveryState::delivered, 200);
    EXPECT_EQ(sample(R"(pricewire_deliveries_ended_total{state="delivered"})"), "2");
    EXPECT_EQ(sample(R"(pricewire_deliveries_ended_total{state="failed"})"), "2");
    EXPECT_EQ(sample(R"(pricewire_pushes_ended_total{state="delivered"})"), "1");
    EXPECT_EQ(sample(R"(pricewire_pushes_ended_total{state="gone"})"), "1");
    EXPECT_EQ(sample(R"(pricewire_pushes_ended_total{state="failed"})"), "1");
    EXPECT_EQ(sample(R"(pricewire_pushes_ended_total{state="expired"})"), "0");
    EXPECT_EQ(sample("pricewire_firing_to_delivered_seconds_count"), "1") << "to webhooks";
}

TEST_F(InstrumentsTest, DatabaseCallsAreTimedByMethod) {
    instruments_.stored("ping", 1ms, false);
    instruments_.stored("ping", 1ms, true);
    instruments_.stored("next_due", 1ms, false);
    instruments_.row_skipped("alerts");
    EXPECT_EQ(sample(R"(pricewire_storage_call_duration_seconds_count{method="ping"})"), "2");
    EXPECT_EQ(sample(R"(pricewire_storage_call_duration_seconds_count{method="next_due"})"), "1");
    EXPECT_EQ(sample(R"(pricewire_storage_errors_total{method="ping"})"), "1");
    EXPECT_EQ(sample(R"(pricewire_storage_errors_total{method="next_due"})"), "0");
    EXPECT_EQ(sample(R"(pricewire_storage_errors_total{method="alerts"})"), "1");
}

class SenderWithBreakers : public fakes::FakeSender {
public:
    deliver::SenderStats stats() const override {
        return {.open_breakers = 3, .half_open_breakers = 1, .endpoints_known = 10};
    }
};

TEST_F(InstrumentsTest, BreakersAreCountedByState) {
    const SenderWithBreakers sender;
    instruments_.watch(sender);
    EXPECT_EQ(sample(R"(pricewire_circuit_breakers{state="closed"})"), "7");
    EXPECT_EQ(sample(R"(pricewire_circuit_breakers{state="open"})"), "2");
    EXPECT_EQ(sample(R"(pricewire_circuit_breakers{state="half_open"})"), "1");
}

TEST_F(InstrumentsTest, TheAgeOfDueDeliveriesGrowsDuringADatabaseOutage) {
    const SenderWithBreakers sender;
    instruments_.watch(sender);
    EXPECT_EQ(sample("pricewire_oldest_due_delivery_age_seconds"), "") << "nothing is known yet";
    fakes::TestStorage storage;
    instruments_.measure_backlog(storage);
    EXPECT_EQ(sample("pricewire_oldest_due_delivery_age_seconds"), "0");
    const Uuid user = make_uuid(clock_.now());
    ASSERT_TRUE(storage.create_user({{user, "a@example.com", true, clock_.now()}, {}, "whsec_AAAA"}));
    const FiringGroup g = storage.add_alerts(
        1, {.user_id = user, .webhook_url = "https://example.com/", .created_at = clock_.now()});
    ASSERT_EQ(storage.fire({&g, 1}).size(), 1U);
    clock_.advance(5s);
    instruments_.measure_backlog(storage);
    EXPECT_EQ(sample("pricewire_deliveries_due"), "1");
    EXPECT_EQ(sample("pricewire_deliveries_unfinished"), "1");
    storage.fail();
    EXPECT_THROW(instruments_.measure_backlog(storage), storage::StorageError);
    EXPECT_EQ(sample("pricewire_deliveries_due"), "1");
    EXPECT_EQ(sample("pricewire_oldest_due_delivery_age_seconds"), "9");
}

class NoApi final : public api::Api {
public:
    void handle(net::ServerRequest&&, net::HttpServer::Respond) override {}
    net::WsHandler upgrade(const net::ServerRequest&, std::shared_ptr<net::WsPeer>) override { return {}; }
    void on_user_changed(std::optional<Uuid>) override {}
    std::size_t stream_clients() const override { return 0; }
};

TEST_F(InstrumentsTest, AlertsOnTickersWithoutAPriceAreCounted) {
    const NoApi api;
    instruments_.watch(api);
    EXPECT_EQ(sample("pricewire_alerts_blind"), "") << "nothing is known yet";
    fakes::TestStorage storage;
    const Uuid user = make_uuid(clock_.now());
    ASSERT_TRUE(storage.create_user({{user, "a@example.com", true, clock_.now()}, {}, "whsec_AAAA"}));
    storage.add_alerts(3, {.user_id = user, .ticker = "BTC", .webhook_url = "https://example.com/"});
    Alert other{.user_id = user, .ticker = "ETH", .webhook_url = "https://example.com/"};
    for (const int target : {1, 2}) {
        other.id = make_uuid(clock_.now());
        other.target = Decimal::from_int(target);
        ASSERT_TRUE(storage.create_alert(other, 10));
    }
    storage.need_tickers(std::vector<Ticker>{"SOL"}, clock_.now(), clock_.now() + 60s);
    instruments_.measure_blind(storage, [](const Ticker& ticker) { return ticker == "BTC"; });
    EXPECT_EQ(sample("pricewire_alerts_blind"), "2");
    instruments_.measure_blind(storage, [](const Ticker&) { return true; });
    EXPECT_EQ(sample("pricewire_alerts_blind"), "0");
}

TEST_F(InstrumentsTest, ARoleReportsOnlyItsOwnMetrics) {
    Instruments feed({.name = "feed"}, clock_);
    const std::string text = *feed.registry().text();
    EXPECT_NE(text.find("role=\"feed\""), std::string::npos);
    EXPECT_EQ(text.find("pricewire_deliveries"), std::string::npos);
    EXPECT_EQ(text.find("pricewire_price_to_firing"), std::string::npos);
}

TEST_F(InstrumentsTest, AHangingDependencyDelaysNoScrape) {
    std::promise<void> end;
    const std::shared_future<void> hangs = end.get_future().share();
    std::atomic<int> measured = 0;
    {
        Sampler sampler(
            {{"database", true, [hangs] { hangs.wait(); }},
             {"cache", true, [] {}},
             {"queue", false, [] { throw std::runtime_error("gone"); }}},
            [&] { ++measured; }, 10ms, 10ms);
        instruments_.watch(sampler);
        while (sampler.last().empty() || measured < 3) std::this_thread::sleep_for(1ms);
        EXPECT_EQ(sample(R"(pricewire_dependency_up{dependency="database"})"), "0");
        EXPECT_EQ(sample(R"(pricewire_dependency_up{dependency="cache"})"), "1");
        EXPECT_EQ(sample(R"(pricewire_dependency_up{dependency="queue"})"), "0");
        EXPECT_NE(sample(R"(pricewire_dependency_ping_seconds{dependency="cache"})"), "");
        EXPECT_EQ(sample(R"(pricewire_dependency_ping_seconds{dependency="database"})"), "");
        EXPECT_EQ(sample(R"(pricewire_dependency_up{dependency="measurement"})"), "");
        end.set_value();
    }
}

class NoDiscovery : public directory::Discovery {
public:
    void stop() override {}
    void doubt(SourceName) override {}
    void compared(std::vector<directory::Comparison>) override {}
    std::vector<directory::ListReport> reports() const override { return lists; }
    std::vector<directory::ListReport> lists;
};

TEST_F(InstrumentsTest, AListIsMeasuredOnceItWasRead) {
    NoDiscovery discovery;
    discovery.lists = {{.source = "binance", .pairs = 420, .read_at = clock_.now() - 90s},
                       {.source = "kraken"}};
    instruments_.watch(discovery);
    EXPECT_EQ(sample(R"(pricewire_listed_pairs{source="binance"})"), "420");
    EXPECT_EQ(sample(R"(pricewire_list_age_seconds{source="binance"})"), "92");
    EXPECT_EQ(sample(R"(pricewire_list_age_seconds{source="kraken"})"), "");
}

TEST_F(InstrumentsTest, APriceIsMeasuredByItsSourcesAndTheirSpread) {
    price::RateMeters rates;
    price::MarketMeters meters;
    price::TickerMeter& btc = *meters.add("BTC", std::vector<SourceName>{"binance", "kraken", "okx"});
    instruments_.watch_feed(
        meters, rates, [] { return std::vector<feed::SourceStatus>(); }, std::vector<Ticker>{"BTC"});
    const Decimal price = Decimal::from_int(100);
    TickerBoard board{.ticker = "BTC",
                      .price = Price{"BTC", price, clock_.now(), 1},
                      .band = PriceBand{*Decimal::parse("99.9"), *Decimal::parse("100.2")},
                      .sources = 7};
    for (const char* name : {"binance", "kraken"}) {
        const Quote quote{name, SourceKind::exchange, "BTC", price, clock_.now(), clock_.now()};
        btc.of(name)->note(quote, Verdict::counted);
        board.quotes.push_back({quote, Verdict::counted, price, 0});
    }
    board.quotes[1].verdict = Verdict::outlier;
    board.quotes[1].spread_bp10 = -2500;
    btc.note(board);
    EXPECT_EQ(sample(R"(pricewire_price_sources{ticker="BTC"})"), "7");
    EXPECT_EQ(sample(R"(pricewire_price_band_ratio{ticker="BTC"})"), "0.003");
    EXPECT_EQ(sample(R"(pricewire_quote_counts{source="binance",ticker="BTC"})"), "1");
    EXPECT_EQ(sample(R"(pricewire_quote_counts{source="kraken",ticker="BTC"})"), "0");
    EXPECT_EQ(sample(R"(pricewire_quote_counts{source="okx",ticker="BTC"})"), "") << "before its first quote";
    EXPECT_EQ(sample(R"(pricewire_quote_spread_ratio{source="kraken",ticker="BTC"})"), "-0.025");
    board.price.reset();
    btc.note(board);
    EXPECT_EQ(sample(R"(pricewire_price_sources{ticker="BTC"})"), "0");
    EXPECT_EQ(sample(R"(pricewire_quote_spread_ratio{source="kraken",ticker="BTC"})"), "") << "from no price";
}

TEST_F(InstrumentsTest, ADollarRateIsShownWithTheNumberOfItsSources) {
    const price::MarketMeters meters;
    price::RateMeters rates;
    for (const char* currency : {"USDT", "USDC"}) rates.emplace_back(currency);
    instruments_.watch_feed(
        meters, rates, [] { return std::vector<feed::SourceStatus>(); }, std::vector<Ticker>{"BTC"});
    rates[0].e5 = 99'970;
    rates[0].sources = 4;
    EXPECT_EQ(sample(R"(pricewire_dollar_rate{currency="USDT"})"), "0.9997");
    EXPECT_EQ(sample(R"(pricewire_dollar_rate_sources{currency="USDT"})"), "4");
    EXPECT_EQ(sample(R"(pricewire_dollar_rate{currency="USDC"})"), "1") << "until two say otherwise";
    EXPECT_EQ(sample(R"(pricewire_dollar_rate_sources{currency="USDC"})"), "0");
}

class FewMembers : public cluster::Membership {
public:
    explicit FewMembers(std::span<const Member> members)
        : groups_(std::make_shared<const cluster::Groups>(members, 2)) {}
    std::shared_ptr<const cluster::Groups> groups() const override { return groups_; }
    MonoTime alive_until() const override { return MonoTime::max(); }
    MonoTime alive_until(MemberRole) const override { return MonoTime::max(); }
    void stop() override {}

private:
    const std::shared_ptr<const cluster::Groups> groups_;
};

TEST_F(InstrumentsTest, ASenderIsSettledAmongThoseThatDivideUsers) {
    std::vector<Member> members(2);
    members[0].report = {.role = MemberRole::sender, .id = "a"};
    members[0].report.settled = cluster::Group({members[0]}, 1).view();
    members[1].report = {.role = MemberRole::sender, .id = "older"};
    const FewMembers membership(members);
    instruments_.watch(membership);
    EXPECT_EQ(sample(R"(pricewire_members{role="sender"})"), "2");
    EXPECT_EQ(sample(R"(pricewire_members_settled{role="sender"})"), "1");
}

class FewTickers : public watch::Watcher {
public:
    void poke() override {}
    watch::WatchCounts counts() const override { return all; }
    std::string settled() const override { return {}; }
    watch::WatchCounts all;
};

TEST_F(InstrumentsTest, TickersThatAreNeededAreCountedByWhatBecomesOfThem) {
    FewTickers watcher;
    watcher.all.watched = 7;
    watcher.all.unwatched[static_cast<std::size_t>(Unwatchable::delisted)] = 2;
    instruments_.watch(watcher);
    EXPECT_EQ(sample("pricewire_watched_tickers"), "7");
    EXPECT_EQ(sample(R"(pricewire_unwatched_tickers{state="delisted"})"), "2");
    EXPECT_EQ(sample(R"(pricewire_unwatched_tickers{state="no_room"})"), "0");
}

TEST_F(InstrumentsTest, OnlyPinnedTickersHaveSeriesBySource) {
    price::RateMeters rates;
    price::MarketMeters meters;
    const Decimal price = Decimal::from_int(100);
    for (const Ticker ticker : {Ticker("BTC"), Ticker("PEPE")}) {
        const Quote quote{"binance", SourceKind::exchange, ticker, price, clock_.now(), clock_.now()};
        meters.add(ticker, std::vector<SourceName>{"binance"})->of("binance")->note(quote, Verdict::counted);
    }
    instruments_.watch_feed(
        meters, rates, [] { return std::vector<feed::SourceStatus>(); }, std::vector<Ticker>{"BTC"});
    EXPECT_NE(sample(R"(pricewire_quote_age_seconds{source="binance",ticker="BTC"})"), "");
    EXPECT_EQ(sample(R"(pricewire_quote_age_seconds{source="binance",ticker="PEPE"})"), "");
    EXPECT_EQ(sample(R"(pricewire_price_available{ticker="BTC"})"), "0");
    EXPECT_EQ(sample(R"(pricewire_price_available{ticker="PEPE"})"), "");
    EXPECT_EQ(sample(R"(pricewire_price_sources{ticker="PEPE"})"), "0");
    EXPECT_EQ(sample(R"(pricewire_quotes_total{source="binance",verdict="counted"})"), "2");
}

class NoRecorder : public recover::Recorder {
public:
    void heard(std::string, Heard) override {}
    void missed(Ticker, Timestamp, Timestamp) override {}
    void stop() override {}
    std::optional<Timestamp> judged() const override { return std::nullopt; }
    std::size_t blind_tickers() const override { return 0; }
    std::uint64_t blind_seconds() const override { return 0; }
};

class NoMembership : public cluster::Membership {
public:
    std::shared_ptr<const cluster::Groups> groups() const override {
        return std::make_shared<const cluster::Groups>(std::span<const Member>(), 2);
    }
    MonoTime alive_until() const override { return MonoTime::min(); }
    MonoTime alive_until(MemberRole) const override { return MonoTime::min(); }
    void stop() override {}
};

class NoRunner : public recover::Runner {
public:
    void stop() override {}
    std::uint64_t fired() const override { return 0; }
    std::uint64_t recovered_seconds() const override { return 0; }
    std::uint64_t lost_seconds() const override { return 0; }
};

class NoBackfill : public history::Backfill {
public:
    void watch(Ticker, std::vector<past::Place>, bool) override {}
    void unwatch(Ticker) override {}
    history::BackfillFigures figures() const override { return {}; }
    void stop() override {}
};

TEST_F(InstrumentsTest, TheDocumentationListsExactlyTheMetricsThatExist) {
    fakes::TestStorage storage;
    const auto queue = queue::create_in_process_queue();
    const auto outbox = outbox::start_outbox(storage, *queue);
    const auto checker =
        alert::start_checker({.load = [](const auto&) {}, .fire = [](auto) {}}, system_clock());
    const SenderWithBreakers sender;
    const NoApi api;
    const NoDiscovery discovery;
    const Sampler sampler({}, {});
    const price::MarketMeters meters;
    const price::RateMeters rates;
    instruments_.watch_feed(
        meters, rates, [] { return std::vector<feed::SourceStatus>(); }, std::vector<Ticker>{"BTC"});
    instruments_.watch(*checker);
    instruments_.watch(*outbox);
    instruments_.watch(sender);
    instruments_.watch(api);
    const FewTickers watcher;
    instruments_.watch(discovery);
    instruments_.watch(watcher);
    const NoRecorder recorder;
    const NoRunner runner;
    instruments_.watch(recorder);
    instruments_.watch(runner);
    const NoBackfill backfill;
    instruments_.watch(backfill);
    const NoMembership membership;
    instruments_.watch(membership);
    instruments_.watch(sampler);
    std::set<std::string> existing;
    for (const std::string& name : instruments_.registry().names())
        EXPECT_TRUE(existing.insert(name).second) << name << " is registered twice";

    // The tables of docs/operations.md: the first cell of a row names its metrics.
    std::ifstream in(PRICEWIRE_SOURCE_DIR "/docs/operations.md");
    static const std::regex metric("`((?:pricewire|process)_[a-z_]+)`");
    std::set<std::string> documented;
    for (std::string line; std::getline(in, line);) {
        if (!line.starts_with("| `")) continue;
        const std::string cell = line.substr(1, line.find('|', 1));
        for (std::sregex_iterator i(cell.begin(), cell.end(), metric), end; i != end; ++i)
            documented.insert((*i)[1]);
    }
    EXPECT_EQ(existing, documented);
}

}  // namespace
}  // namespace pricewire::metrics
