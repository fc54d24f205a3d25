// 1,000 random alerts against the recorded Binance tapes, BTC and ETH together: what fires, and at which
// trade's price, equals the result of a brute-force pass over the tape and the file of expected firings.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <random>
#include <set>
#include <sstream>
#include <tuple>

#include "base/decimal.hpp"
#include "domain/alert.hpp"
#include "scenarios/sides.hpp"
#include "sim/tape.hpp"
#include "support/deployment.hpp"

namespace pricewire::test {
namespace {

const std::filesystem::path source_dir = PRICEWIRE_SOURCE_DIR;
const std::filesystem::path expected_file = source_dir / "tests/scenarios/data/recorded-tape.firings";

std::filesystem::path recordings() {
    const char* named = std::getenv("PRICEWIRE_RECORDINGS");
    return named != nullptr ? std::filesystem::path(named) : source_dir / "../shared/recordings";
}

struct Case {
    std::string ticker;
    std::string condition;
    std::string target;
    std::string fired_at;  // "-" if it never fires

    auto key() const { return std::tie(ticker, condition, target); }
    friend bool operator<(const Case& a, const Case& b) { return a.key() < b.key(); }
};

std::string print(const Case& c) {
    return c.ticker + " " + c.condition + " " + c.target + " " + c.fired_at + "\n";
}

std::vector<std::pair<std::string, Decimal>> trades_of(const std::string& market) {
    auto tape = sim::open_market(market);
    if (!tape) throw std::runtime_error(tape.error().message);
    std::vector<std::pair<std::string, Decimal>> trades;
    while (auto trade = (*tape)->next()) {
        trades.emplace_back(trade->symbol.substr(0, trade->symbol.size() - 4), trade->price);
    }
    return trades;
}

// Targets between 0.5 % below the lowest and 0.5 % above the highest trade, so that some never fire.
std::vector<Case> random_cases(const std::vector<std::pair<std::string, Decimal>>& trades) {
    std::mt19937_64 rng(20240808);
    std::vector<Case> cases;
    for (const std::string ticker : {"BTC", "ETH"}) {
        double low = 1e18;
        double high = 0;
        for (const auto& [name, price] : trades) {
            if (name != ticker) continue;
            low = std::min(low, price.to_double());
            high = std::max(high, price.to_double());
        }
        std::uniform_real_distribution<double> target(low * 0.995, high * 1.005);
        std::set<std::string> used;  // identical active alerts are rejected
        for (int i = 0; i < 500;) {
            std::ostringstream text;
            text.precision(i % 3 == 0 ? 8 : 2);
            text << std::fixed << target(rng);
            Case c{ticker, i % 2 == 0 ? "gt" : "lt", Decimal::parse(text.str())->to_string(), "-"};
            if (!used.insert(print(c)).second) continue;
            cases.push_back(std::move(c));
            ++i;
        }
    }
    return cases;
}

void brute_force(const std::vector<std::pair<std::string, Decimal>>& trades, std::vector<Case>& cases) {
    for (Case& c : cases) {
        const Decimal target = Decimal::parse(c.target).value();
        const Condition condition = parse_condition(c.condition).value();
        for (const auto& [ticker, price] : trades) {
            if (ticker == c.ticker && holds(condition, price, target)) {
                c.fired_at = price.to_string();
                break;
            }
        }
    }
}

class RecordedTape : public ::testing::TestWithParam<Side> {};
INSTANTIATE_TEST_SUITE_P(Sides, RecordedTape, both_sides(), name_of_side);

TEST_P(RecordedTape, FiresTheSameAlertsAsABruteForcePass) {
    if (!can_run(GetParam())) GTEST_SKIP() << why_not_run;
    const std::string market = (recordings() / "binance-ws/btcusdt-2024-08-08.jsonl.gz").string() + "," +
                               (recordings() / "binance-ws/ethusdt-2024-08-08.jsonl.gz").string();
    if (!std::filesystem::exists(recordings() / "binance-ws")) {
        GTEST_SKIP() << "the recorded tapes are not at " << recordings();
    }
    const auto trades = trades_of(market);
    std::vector<Case> cases = random_cases(trades);
    ASSERT_EQ(cases.size(), 1000U);
    brute_force(trades, cases);

    std::string text;
    for (const Case& c : cases) text += print(c);
    if (std::getenv("PRICEWIRE_WRITE_EXPECTED") != nullptr) std::ofstream(expected_file) << text;
    std::ostringstream expected;
    expected << std::ifstream(expected_file).rdbuf();
    ASSERT_EQ(text, expected.str()) << "the brute-force pass differs from the file";

    Deployment deployment(on(GetParam(), {.sim = {"--market", market, "--speed", "0", "--paused"},
                                          .receiver = {},
                                          .config = {{"PRICEWIRE_LIMITS_ALERTS_PER_USER", "2000"}}}));
    deployment.start_pricewire();
    const Account account = deployment.register_user("tape@example.com");
    std::size_t to_fire = 0;
    for (const Case& c : cases) {
        deployment.create_alert(account, c.ticker, c.condition, c.target);
        to_fire += c.fired_at == "-" ? 0 : 1;
    }
    ASSERT_GT(to_fire, 300U);
    ASSERT_LT(to_fire, 900U);

    deployment.wait_until("the stream",
                          [&] { return json_member(deployment.sim_status(), "clients") == "1"; });
    deployment.sim_post("play");
    deployment.wait_until("the end of the tape",
                          [&] { return json_member(deployment.sim_status(), "finished") == "true"; });
    deployment.wait_until("all webhooks", [&] { return deployment.received().size() >= to_fire; });
    // Once a probe on each ticker, created after the tape's end, has fired, every trade has been evaluated.
    for (const std::string ticker : {"BTC", "ETH"}) {
        deployment.create_alert(account, ticker, "gt", "0.5", "/probe");
    }
    deployment.wait_until("the probes", [&] { return deployment.received().size() >= to_fire + 2; });

    std::vector<Case> shown;
    for (const ShownAlert& alert : deployment.alerts(account)) {
        if (alert.target_price == "0.5") continue;
        shown.push_back({alert.ticker, alert.condition, alert.target_price,
                         alert.triggered_price.empty() ? "-" : alert.triggered_price});
    }
    std::sort(shown.begin(), shown.end());
    std::sort(cases.begin(), cases.end());
    std::string is;
    std::string should;
    for (const Case& c : shown) is += print(c);
    for (const Case& c : cases) should += print(c);
    EXPECT_EQ(is, should);

    std::map<std::string, int> arrivals;
    for (const Received& r : deployment.received()) {
        ++arrivals[r.alert_id];
        EXPECT_TRUE(r.signature_ok);
    }
    for (const auto& [alert, count] : arrivals) EXPECT_EQ(count, 1) << alert;
    EXPECT_EQ(arrivals.size(), to_fire + 2);
}

}  // namespace
}  // namespace pricewire::test
