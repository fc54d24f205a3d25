// Checkers and feeds that divide tickers, and join and die meanwhile: three of each on real servers.
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "scenarios/expect_webhooks.hpp"
#include "scenarios/market_world.hpp"
#include "scenarios/rule_world.hpp"
#include "scenarios/stepped_world.hpp"
#include "support/stopped_thread.hpp"
#include "support/tcp_gate.hpp"

namespace pricewire::test {
namespace {

using namespace std::chrono_literals;

// All members of the role that live are these, and hold their shares, as each of them sees it.
bool are_settled(Deployment& deployment, const std::string& role, const std::vector<std::string>& processes) {
    const int count = static_cast<int>(processes.size());
    for (const std::string& process : processes) {
        for (const char* name : {"pricewire_members", "pricewire_members_settled"}) {
            if (deployment.figure(process, std::string(name) + "{role=\"" + role + "\"}") != count)
                return false;
        }
    }
    return true;
}

void wait_until_settled(Deployment& deployment, const std::string& role,
                        const std::vector<std::string>& processes) {
    deployment.wait_until(role + "s to hold their shares",
                          [&] { return are_settled(deployment, role, processes); });
}

int held_by(Deployment& deployment, const std::string& checker) {
    return deployment.figure(checker, "pricewire_active_alerts");
}

void wait_until_held_in_all(Deployment& deployment, const std::vector<std::string>& checkers, int count) {
    deployment.wait_until(std::to_string(count) + " alerts to be held", [&] {
        int sum = 0;
        for (const std::string& checker : checkers) sum += held_by(deployment, checker);
        return sum == count;
    });
}

// The skews of clocks in these tests are a minute; the hosts' and the database's agree better than that.
constexpr Duration between_clocks = 20s;

// Not by a price of before `since`, nor before `from`, nor later than now, as all their times say.
void expect_times(const std::string& alert, const std::vector<ShownFiring>& firings, Timestamp since,
                  Timestamp from) {
    const Timestamp now = system_clock().now();
    for (const ShownFiring& firing : firings) {
        EXPECT_GT(firing.price_time, since - between_clocks) << alert;
        EXPECT_LT(firing.price_time, now + between_clocks) << alert;
        EXPECT_GT(firing.fired_at, from - between_clocks) << alert;
        EXPECT_LT(firing.fired_at, now + between_clocks) << alert;
    }
}

void expect_corrected(Deployment& deployment, const std::vector<std::string>& skewed) {
    for (const std::string& name : skewed) {
        EXPECT_TRUE(deployment.process(name).output().contains(
            "this host's clock differs from the database's, which"))
            << name;
    }
}

// On clocks that stand still, so that what is judged late would be judged otherwise.
class CheckerShards : public ::testing::Test {
protected:
    void SetUp() override {
        if (!can_run(Side::cluster)) GTEST_SKIP() << why_not_run;
    }
    void begin(const std::string& redundancy,
               std::function<std::string(const std::string&, const std::string&)> route = {}) {
        world_.emplace(Side::cluster,
                       SteppedWorld::Options{.tickers = tickers,
                                             .begins_at = -5s,
                                             .of_each = 3,
                                             .route = std::move(route),
                                             .config = {{"PRICEWIRE_CLUSTER_REDUNDANCY", redundancy}}});
        world_->start();
        for (const char* name : {"api2", "api3", "sender2", "sender3", "feed2", "feed3"})
            deployment().process(name).kill();
        wait_for_checkers({"checker1", "checker2", "checker3"});
        price_all(0s, "95");
    }
    Deployment& deployment() { return world_->deployment(); }
    void wait_for_checkers(std::vector<std::string> living) {
        living_ = std::move(living);
        wait_until_settled(deployment(), "checker", living_);
    }
    void kill(const std::string& name) { deployment().process(name).kill(); }
    // Of the living ones, that does not hold the ticker.
    std::string one_without(const std::string& ticker) {
        const std::string holders = deployment().run({"cluster", ticker}).output;
        const auto is_other = [&](const std::string& name) {
            return !holders.contains("/" + std::to_string(deployment().process(name).pid()) + " ");
        };
        return *std::ranges::find_if(living_, is_other);
    }
    using Alerts = std::map<std::string, std::string>;  // by ticker
    // A new alert on each ticker, above `level`. Prices move by less than what one exchange alone is not believed.
    Alerts alerts_above(const std::string& level) {
        Alerts out;
        for (const std::string& ticker : tickers)
            out[ticker] =
                world_->alert("\"ticker\":\"" + ticker + R"(","condition":"gt","target_price":)" + level);
        return out;
    }
    // Two on each ticker, above 100 and above `second`, until they are held.
    std::pair<Alerts, Alerts> two_each(const std::string& second) {
        std::pair out{alerts_above("100"), alerts_above(second)};
        // Beside them those of TICK and LIFE are made and end.
        wait_until_held_in_all(deployment(), living_, 18);
        return out;
    }
    void price_all(Duration at, const char* price) {
        world_->step_to(at);
        for (const std::string& ticker : tickers) world_->set_price(ticker, Decimal::parse(price).value());
        world_->wait_until_traded();
    }
    // Each of them once, by the price of that moment.
    void expect_fired(const Alerts& alerts, Duration at, const char* price) {
        for (const auto& [ticker, alert] : alerts) {
            deployment().wait_until(ticker, [&] { return !world_->firings(alert).empty(); });
            const auto firings = world_->firings(alert);
            ASSERT_EQ(firings.size(), 1U) << ticker;
            EXPECT_EQ(firings[0].price, Decimal::parse(price).value()) << ticker;
            EXPECT_EQ(firings[0].price_time, SteppedWorld::origin + at) << ticker;
            expect_webhooks(deployment(), alert, firings);
        }
    }

    const std::vector<std::string> tickers{"AAA", "BBB", "CCC", "DDD", "EEE", "FFF", "GGG", "HHH", "III"};
    std::vector<std::string> living_;
    std::optional<SteppedWorld> world_;
};

TEST_F(CheckerShards, EachAlertIsHeldByOneOfThreeAndFiresOnceWhoeverJoinsOrDies) {
    begin("1");
    const auto [first, second] = two_each("105");
    for (const std::string& checker : living_) EXPECT_LT(held_by(deployment(), checker), 18) << checker;
    price_all(5s, "101");
    expect_fired(first, 5s, "101");

    // Nobody holds a third of them when they are crossed, and the price is back before others do.
    kill("checker2");
    price_all(6s, "106");
    price_all(7s, "103");
    expect_fired(second, 6s, "106");
    wait_for_checkers({"checker1", "checker3"});

    // One that joins takes its share from both; what it takes fires once.
    const auto third = alerts_above("108");
    const auto fourth = alerts_above("113");
    deployment().launch("checker2");
    price_all(10s, "109");
    expect_fired(third, 10s, "109");
    wait_for_checkers({"checker1", "checker2", "checker3"});
    wait_until_held_in_all(deployment(), living_, 9);
    price_all(15s, "114");
    expect_fired(fourth, 15s, "114");

    // The last one that is left holds everything.
    const auto fifth = alerts_above("118");
    kill("checker1");
    kill("checker2");
    price_all(20s, "120");
    expect_fired(fifth, 20s, "120");
    wait_for_checkers({"checker3"});
}

TEST_F(CheckerShards, OneThatIsCutOffFromTheDatabaseIsReplaced) {
    std::unique_ptr<TcpGate> gate;
    begin("1", [&](const std::string& name, const std::string& url) {
        if (name != "checker2" || !url.starts_with("postgres")) return url;
        if (!gate) gate = std::make_unique<TcpGate>(port_in(url));
        return with_port(url, gate->port());
    });
    ASSERT_NE(gate, nullptr);
    const auto [first, second] = two_each("110");
    gate->half_open();
    price_all(5s, "101");
    expect_fired(first, 5s, "101");
    wait_for_checkers({"checker1", "checker3"});
    deployment().process("checker2").wait_for_output("cannot renew its lease");
    gate->pass();
    gate->reset();
    wait_for_checkers({"checker1", "checker2", "checker3"});
    price_all(10s, "111");
    expect_fired(second, 10s, "111");
}

// It could renew its lease, and holds alerts. Time goes on meanwhile, or there would be nothing to be behind with: as the one
// that holds LIFE has judged, which is not the one that is cut off.
TEST_F(CheckerShards, OneThatAloneIsCutOffFromTheBusIsReplaced) {
    std::map<std::string, std::unique_ptr<TcpGate>> gates;
    begin("1", [&](const std::string& name, const std::string& url) {
        if (!name.starts_with("checker") || !url.starts_with("redis")) return url;
        auto& gate = gates[name];
        if (!gate) gate = std::make_unique<TcpGate>(port_in(url));
        return with_port(url, gate->port());
    });
    const auto [first, second] = two_each("110");
    const std::string cut_off = one_without("LIFE");
    std::vector<std::string> others = living_;
    std::erase(others, cut_off);
    TcpGate& gate = *gates.at(cut_off);
    gate.half_open();
    price_all(5s, "101");
    Duration at = 5s;
    const auto live_until = [&](const std::string& what, const std::vector<std::string>& living) {
        deployment().wait_until(what, [&] {
            world_->live_to(at += 1s);
            return are_settled(deployment(), "checker", living);
        });
    };
    live_until("the others to have taken over", others);
    expect_fired(first, 5s, "101");
    EXPECT_TRUE(deployment().process(cut_off).output().contains("far behind the others"));
    gate.pass();
    gate.reset();
    live_until("it to be back", living_);
    price_all(at + 5s, "111");
    expect_fired(second, at + 5s, "111");
}

// While its lease would be renewed.
TEST_F(CheckerShards, OneWhoseThreadHangsIsReplaced) {
    begin("1");
    const auto [first, second] = two_each("110");
    {
        const StoppedThread stopped(deployment().process("checker2").pid(), "checker");
        if (!stopped) GTEST_SKIP() << "this machine allows no tracing";
        price_all(5s, "101");
        expect_fired(first, 5s, "101");
        wait_for_checkers({"checker1", "checker3"});
        EXPECT_NE(deployment().process("checker2").output().find("a thread hangs"), std::string::npos);
    }
    wait_for_checkers({"checker1", "checker2", "checker3"});
    price_all(10s, "111");
    expect_fired(second, 10s, "111");
}

TEST_F(CheckerShards, WithASpareADeathIsNotNoticed) {
    begin("2");
    const auto first = alerts_above("100");
    wait_until_held_in_all(deployment(), living_, 18);
    kill("checker3");
    price_all(1s, "101");
    expect_fired(first, 1s, "101");
    const auto shown = deployment().run({"cluster"});
    EXPECT_EQ(shown.code, 0) << shown.output;
    EXPECT_NE(shown.output.find("checker-"), std::string::npos) << shown.output;
    EXPECT_NE(shown.output.find("alerts"), std::string::npos) << shown.output;
    EXPECT_NE(deployment().run({"cluster", "AAA"}).output.find("checkers of AAA"), std::string::npos);
}

// Two of them have clocks that are a minute off. By the one that is ahead a hold would seem to be over at once, and a price a
// minute old; by the one that is behind, which would end its holds a minute late, what has come would be of the future.
TEST(SkewedCheckers, KeepTheirLeasesAndFireOnceAndInTime) {
    if (!can_run(Side::cluster)) GTEST_SKIP() << why_not_run;
    constexpr Duration hold = 20s;
    const std::vector<std::string> tickers{"AAA", "BBB", "CCC", "DDD", "EEE", "FFF", "GGG", "HHH", "III"};
    const std::vector<std::string> checkers{"checker1", "checker2", "checker3"};
    DeploymentOptions options =
        on(Side::cluster, {.sim = {"--paused"},
                           .config = {{"PRICEWIRE_MARKET_TICKERS", "AAA,BBB,CCC,DDD,EEE,FFF,GGG,HHH,III"},
                                      {"PRICEWIRE_MARKET_QUOTE_TTL", "10m"},
                                      {"PRICEWIRE_CLUSTER_REDUNDANCY", "1"}},
                           .skews = {{"checker2", 1min}, {"checker3", -1min}}});
    options.cluster->of_each = 3;
    RuleWorld world(std::move(options));
    wait_until_settled(world.deployment(), "checker", checkers);
    const Timestamp priced = system_clock().now();
    for (const std::string& ticker : tickers) world.set_price(ticker, "95");
    std::vector<std::string> at_once, held, aged;
    for (const std::string& ticker : tickers) {
        const std::string of_ticker = R"("ticker":")" + ticker + "\",";
        at_once.push_back(world.alert(of_ticker + R"("condition":"gt","target_price":100)"));
        held.push_back(world.alert(of_ticker + R"("when":{"is":"above","level":100},"for":"20s")"));
    }
    wait_until_held_in_all(world.deployment(), checkers, 18);
    for (const std::string& checker : checkers)
        EXPECT_LT(held_by(world.deployment(), checker), 18) << checker;
    for (const std::string& ticker : tickers)
        aged.push_back(
            world.alert("\"ticker\":\"" + ticker + R"(","when":{"watch":"age","is":"above","level":"5s"})"));
    const MonoTime crossed = system_clock().mono();
    const Timestamp since = system_clock().now();
    for (const std::string& ticker : tickers) world.set_price(ticker, "101");
    world.deployment().wait_until("the held ones to fire", [&] {
        const auto fired =
            std::ranges::count_if(held, [&](const auto& alert) { return !world.firings(alert).empty(); });
        const bool is_early = fired > 0 && system_clock().mono() - crossed < hold;
        EXPECT_FALSE(is_early);
        return is_early || fired == std::ssize(held);
    });
    for (const auto& alerts : {at_once, held}) {
        for (const std::string& alert : alerts) {
            world.wait_for_firings(alert, 1);
            const auto firings = world.firings(alert);
            ASSERT_EQ(firings.size(), 1U);
            EXPECT_EQ(firings[0].price, Decimal::from_int(101));
            expect_times(alert, firings, since, alerts == at_once ? since : since + hold);
            expect_webhooks(world.deployment(), alert, firings);
        }
    }
    for (const std::string& alert : aged) {
        world.wait_for_firings(alert, 1);
        const auto firings = world.firings(alert);
        ASSERT_EQ(firings.size(), 1U);
        expect_times(alert, firings, priced, priced + 5s);
        expect_webhooks(world.deployment(), alert, firings);
    }
    expect_corrected(world.deployment(), {"checker2", "checker3"});
    for (const std::string& checker : checkers)
        EXPECT_EQ(world.deployment().process(checker).output().find("lease"), std::string::npos) << checker;
    wait_until_settled(world.deployment(), "checker", checkers);
}

// Coins that nobody configured, each watched by one of three feeds.
class FeedShards : public ::testing::Test {
protected:
    void SetUp() override { begin({}); }
    void begin(std::map<std::string, Duration> skews) {
        if (!can_run(Side::cluster)) GTEST_SKIP() << why_not_run;
        world_.emplace(Side::cluster,
                       MarketWorld::Options{.venues = {"binance"},
                                            .sim = {"--market", "ramp:BTCUSDT:100:0:10000000:500ms"},
                                            .config = {{"PRICEWIRE_CLUSTER_REDUNDANCY", "1"}},
                                            .of_each = 3,
                                            .skews = std::move(skews)});
        trade_all("2");
        world_->start();
        for (const char* name : {"api2", "api3", "sender2", "sender3", "checker2", "checker3"})
            deployment().process(name).kill();
        for (const std::string& coin : coins) {
            deployment().wait_until(coin + " to be found", [&] {
                return world_->get("/tickers?query=" + coin).body.find("\"ticker\":\"" + coin + "\"") !=
                       std::string::npos;
            });
        }
    }
    Deployment& deployment() { return world_->deployment(); }
    void wait_for_feeds(const std::vector<std::string>& living) {
        wait_until_settled(deployment(), "feed", living);
    }
    void trade_all(const std::string& price) {
        for (const std::string& coin : coins) world_->trade(coin, price);
    }
    using Alerts = std::map<std::string, std::string>;  // ids by coin
    Alerts alerts_at(const std::string& condition, const std::string& level) {
        Alerts out;
        for (const std::string& coin : coins) out[coin] = world_->alert(coin, condition, level);
        return out;
    }
    Alerts alerts_above(const std::string& level) { return alerts_at("gt", level); }
    void wait_for_one_each() {
        for (const std::string& coin : coins) {
            deployment().wait_until(coin + " to be watched by one feed", [&] {
                world_->trade(coin, "2");
                return deployment().subscribed(coin + "USDT") == 1 && world_->has_price(coin);
            });
        }
    }
    void expect_fired(const Alerts& alerts) {
        for (const auto& [coin, alert] : alerts) {
            world_->wait_for_webhook(coin, alert);
            EXPECT_EQ(world_->webhooks(alert), 1) << coin;
        }
    }

    const std::vector<std::string> coins{"WIF", "PEPE", "ADA", "XRP", "LTC", "DOT"};
    std::optional<MarketWorld> world_;
};

TEST_F(FeedShards, EachCoinIsWatchedByOneOfThreeAndFiresOnceWhoeverJoinsOrDies) {
    const auto first = alerts_above("2.1");
    wait_for_feeds({"feed1", "feed2", "feed3"});
    wait_for_one_each();
    for (const char* feed : {"feed1", "feed2", "feed3"}) {
        EXPECT_LT(deployment().figure(feed, "pricewire_watched_tickers"), 1 + static_cast<int>(coins.size()))
            << feed;
    }
    deployment().process("feed2").kill();
    wait_for_feeds({"feed1", "feed3"});
    wait_for_one_each();
    trade_all("2.15");
    expect_fired(first);

    const auto second = alerts_above("2.17");
    deployment().launch("feed2");
    wait_for_feeds({"feed1", "feed2", "feed3"});
    wait_for_one_each();
    // Not 10 % above 2, which one venue alone would have to say for a while.
    trade_all("2.19");
    expect_fired(second);
}

// While its lease would be renewed, and its streams stay open.
TEST_F(FeedShards, OneWhoseThreadHangsIsReplaced) {
    const auto first = alerts_above("2.1");
    wait_for_feeds({"feed1", "feed2", "feed3"});
    wait_for_one_each();
    {
        const StoppedThread stopped(deployment().process("feed2").pid(), "market");
        if (!stopped) GTEST_SKIP() << "this machine allows no tracing";
        wait_for_feeds({"feed1", "feed3"});
        // Whether the others' streams are open cannot be seen beside those of the one that hangs.
        deployment().wait_until("all to fire", [&] {
            trade_all("2.15");
            return std::ranges::all_of(first, [&](const auto& a) { return world_->webhooks(a.second) > 0; });
        });
        expect_fired(first);
    }
    wait_for_feeds({"feed1", "feed2", "feed3"});
    wait_for_one_each();
}

// By the one that is ahead, what was over when an alert was made would be of after it; by the one that is behind, what has
// come since would be of before.
class SkewedFeeds : public FeedShards {
protected:
    void SetUp() override { begin({{"feed2", 1min}, {"feed3", -1min}}); }
    Alerts ruled(const std::string& members) {
        Alerts out;
        for (const std::string& coin : coins)
            out[coin] =
                deployment().create_alert(world_->account(), "\"ticker\":\"" + coin + "\"," + members);
        return out;
    }
    void expect_fired_once(const Alerts& alerts, Timestamp since, Duration hold = {}) {
        expect_fired(alerts);
        for (const auto& [coin, alert] : alerts) {
            const auto firings = deployment().firings(world_->account(), alert);
            EXPECT_EQ(firings.size(), 1U) << coin;
            expect_times(alert, firings, since, since + hold);
            expect_webhooks(deployment(), alert, firings);
        }
    }
};

TEST_F(SkewedFeeds, FireEachAlertOnceInTimeAndByNothingOfBeforeIt) {
    const std::vector<std::string> feeds{"feed1", "feed2", "feed3"};
    const Alerts first = alerts_at("gt", "2.1");
    wait_for_feeds(feeds);
    wait_for_one_each();
    const Alerts held = ruled(R"("when":{"is":"above","level":2.1},"for":"5s")");
    const Timestamp crossed = system_clock().now();
    trade_all("2.15");
    expect_fired_once(first, crossed);
    expect_fired_once(held, crossed, 5s);

    const Alerts below = alerts_at("lt", "2.05");
    const Timestamp fell = system_clock().now();
    trade_all("2");
    expect_fired_once(below, fell);
    const Alerts second = alerts_at("gt", "2.1");
    const Alerts true_at_once = alerts_at("gt", "1.9");
    const Alerts aged = ruled(R"("when":{"watch":"age","is":"above","level":"5s"})");
    for (const auto& [coin, alert] : true_at_once) {
        // Where it took long, the price is gone and must come again.
        deployment().wait_until(coin + " to fire", [&] {
            world_->trade(coin, "2");
            return world_->webhooks(alert) > 0;
        });
    }
    expect_fired_once(true_at_once, fell);
    expect_fired_once(aged, fell, 5s);
    for (const auto& [coin, alert] : second) EXPECT_TRUE(world_->is_active(alert)) << coin;
    const Timestamp crossed_again = system_clock().now();
    trade_all("2.15");
    expect_fired_once(second, crossed_again);

    // All three watch this one.
    const Alerts of_all{{"BTC", world_->alert("BTC", "gt", "105")}};
    const Timestamp rose = system_clock().now();
    deployment().wait_until("BTC to fire", [&] {
        world_->trade("BTC", "106");
        return world_->webhooks(of_all.at("BTC")) > 0;
    });
    expect_fired_once(of_all, rose);
    wait_for_feeds(feeds);
    expect_corrected(deployment(), {"feed2", "feed3"});
}

}  // namespace
}  // namespace pricewire::test
