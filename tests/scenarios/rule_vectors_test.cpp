// The worked cases of tests/data/alert_vectors.json with the real programs, each on tickers of its own, all at once. Real
// prices cannot be made at a given moment, so only those are run whose outcome depends on the order of prices and on
// cooldowns, but on no other lengths of time.
#include "rule/vectors_fixture.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <deque>
#include <iostream>
#include <map>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "scenarios/rule_world.hpp"

namespace pricewire::test {
namespace {

using namespace std::chrono_literals;
using rule::AlertVector;
using Clock = std::chrono::steady_clock;

constexpr Duration cooldown = 10s;

bool is_at_a_price(const AlertVector& vector, Duration at) {
    return at == Duration{} ||
           std::ranges::any_of(vector.prices, [&](const rule::VectorPrice& price) { return price.at == at; });
}

// A level over a window is the same at any speed if all prices lie within the window and no price before it is needed.
bool fits(const AlertVector& vector, const Level& level) {
    return level.over == Duration{} ||
           (level.by && vector.prices.back().at - vector.prices.front().at < level.over);
}

bool is_told_by_order(const AlertVector& vector) {
    const Terms& terms = vector.terms;
    if (vector.starts_at || vector.expires_at || vector.snoozed_until || terms.hold != Duration{})
        return false;
    if (terms.repeat && (terms.repeat->cooldown != cooldown || vector.prices.size() > 12)) return false;
    for (const rule::VectorPrice& price : vector.prices) {
        if (!price.price) return false;
    }
    for (const Rule& rule : terms.rules) {
        if (rule.watched == Watched::close || rule.watched == Watched::age) return false;
        if (!fits(vector, rule.level) || (rule.upper && !fits(vector, *rule.upper))) return false;
    }
    return std::ranges::all_of(vector.fires,
                               [&](const auto& firing) { return is_at_a_price(vector, firing.at); });
}

class Played {
public:
    Played(RuleWorld& world, AlertVector vector) : world_(world), vector_(std::move(vector)) {}

    static std::string own_ticker(const AlertVector& vector, const std::string& ticker) {
        return "V" + std::to_string(vector.number) + ticker;
    }
    const AlertVector& vector() const { return vector_; }
    bool is_done() const { return next_ == vector_.prices.size() && !alert_.empty(); }
    bool may_go_on() const { return !is_done() && Clock::now() >= mute_until_; }

    // The next price, or the making of the alert, and the firing that it brings.
    void step() {
        const bool makes =
            alert_.empty() && (next_ == vector_.prices.size() || vector_.prices[next_].at > Duration{});
        Duration at{};
        if (makes) {
            alert_ = world_.alert(body());
        } else {
            const rule::VectorPrice& price = vector_.prices[next_++];
            at = price.at;
            world_.set_price(own(price.ticker), *price.price);
        }
        // A price of the moment at which it is made is judged after that.
        if (!alert_.empty() && fired_ < vector_.fires.size() && vector_.fires[fired_].at == at) {
            world_.wait_for_firings(alert_, ++fired_);
            last_fired_ = at;
            fired_at_ = Clock::now();
        }
        if (next_ < vector_.prices.size() && last_fired_ &&
            vector_.prices[next_].at >= *last_fired_ + cooldown)
            mute_until_ = fired_at_ + cooldown;
    }

    void check() {
        std::map<std::string, Decimal> last;
        for (const rule::VectorPrice& price : vector_.prices) last[own(price.ticker)] = *price.price;
        for (const auto& [ticker, price] : last) world_.wait_until_judged(ticker, price);
        const auto firings = world_.firings(alert_);
        ASSERT_EQ(firings.size(), vector_.fires.size());
        for (std::size_t i = 0; i < firings.size(); ++i) {
            EXPECT_EQ(firings[i].number, static_cast<int>(i) + 1);
            // As the API shows it, with ten places.
            EXPECT_LT((firings[i].price - vector_.fires[i].value).abs(), Decimal::parse("0.00000001").value())
                << firings[i].price.to_string();
        }
        EXPECT_EQ(json_member(world_.shown(alert_), "is_active"),
                  vector_.status == "active" ? "true" : "false");
    }

private:
    std::string own(const Ticker& ticker) const { return own_ticker(vector_, std::string(ticker.view())); }
    std::string body() const {
        std::string out =
            R"("ticker":")" + std::string(vector_.ticker.view()) + R"(","when":)" + vector_.when;
        if (!vector_.repeat.empty()) out += R"(,"repeat":)" + vector_.repeat;
        for (const std::string ticker : {"BTC", "ETH"}) {
            const std::string quoted = '"' + ticker + '"';
            for (std::size_t at = 0; (at = out.find(quoted, at)) != std::string::npos;)
                out.replace(at, quoted.size(), '"' + own_ticker(vector_, ticker) + '"');
        }
        return out;
    }

    RuleWorld& world_;
    AlertVector vector_;
    std::string alert_;
    std::size_t next_ = 0;
    std::size_t fired_ = 0;
    std::optional<Duration> last_fired_;
    Clock::time_point fired_at_;
    Clock::time_point mute_until_;
};

class RuleVectors : public ::testing::TestWithParam<Side> {};
INSTANTIATE_TEST_SUITE_P(Sides, RuleVectors, both_sides(), name_of_side);

TEST_P(RuleVectors, FireAsTheFileSays) {
    if (!can_run(GetParam())) GTEST_SKIP() << why_not_run;
    std::vector<AlertVector> vectors;
    std::string tickers;
    for (AlertVector& vector : rule::alert_vectors()) {
        if (!is_told_by_order(vector)) continue;
        for (const char* ticker : {"BTC", "ETH"})
            tickers += (tickers.empty() ? "" : ",") + Played::own_ticker(vector, ticker);
        vectors.push_back(std::move(vector));
    }
    ASSERT_GE(vectors.size(), 30U);
    RuleWorld world(on(GetParam(), {.sim = {"--paused"},
                                    .config = {{"PRICEWIRE_MARKET_TICKERS", tickers},
                                               {"PRICEWIRE_MARKET_QUOTE_TTL", "60s"}}}));
    std::deque<Played> played;
    for (AlertVector& vector : vectors) played.emplace_back(world, std::move(vector));
    const auto done = [](const Played& one) { return one.is_done(); };
    while (!std::ranges::all_of(played, done)) {
        for (Played& one : played) {
            SCOPED_TRACE(one.vector().number);
            while (one.may_go_on()) one.step();
        }
        std::this_thread::sleep_for(20ms);
    }
    for (Played& one : played) {
        SCOPED_TRACE(one.vector().number);
        one.check();
    }
    std::cout << played.size() << " vectors:";
    for (const Played& one : played) std::cout << ' ' << one.vector().number;
    std::cout << std::endl;
}

}  // namespace
}  // namespace pricewire::test
