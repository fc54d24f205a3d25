#pragma once

#include <algorithm>
#include <chrono>
#include <csignal>
#include <fstream>
#include <functional>
#include <iterator>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.hpp"
#include "base/decimal.hpp"
#include "scenarios/sides.hpp"
#include "storage/open.hpp"
#include "support/one_user.hpp"

namespace pricewire::test {

// Pricewire on Binance alone, whose prices are set by hand, and one user whose alerts have rules. All wall clocks stand
// still between two steps, so that prices come, and alerts are made, exactly at the moments of a worked case, on however
// busy a machine. Moments are counted from `origin`.
class SteppedWorld : public OneUser {
public:
    static constexpr Timestamp origin =
        std::chrono::sys_days{std::chrono::January / 2 / 2025} + std::chrono::hours{10};

    struct Options {
        std::vector<std::string> tickers;
        Duration begins_at{};
        int of_each = 1;
        std::string program = {};  // see DeploymentOptions
        std::function<std::string(const std::string& name, const std::string& url)> route = {};
        std::map<std::string, std::string> config = {};
    };

    SteppedWorld(Side side, const Options& options)
        : OneUser(deployment_of(side, options)),
          now_(options.begins_at),
          lived_(options.begins_at),
          feeds_(side == Side::embedded ? 1 : options.of_each) {}

    // Minutes that an earlier run of Pricewire has stored; before start().
    void store(const std::vector<Bar>& bars) {
        storage::open(deployment_.database_url(), {}, {})->upsert_bars(bars);
    }
    void start() {
        // Or quiet tickers would have prices at other moments.
        deployment_.sim_post("fault/binance.rest", "503");
        OneUser::start();
        // The simulator names symbols that have traded; the streams of all are opened at once.
        trade("LIFE", Decimal::from_int(1));
        wait_for_streams(feeds_);
        trade("LIFE", Decimal::from_int(1));
        deployment_.wait_until("a first price",
                               [&] { return json_member(get("/rates/LIFE"), "price").has_value(); });
    }
    void kill() {
        deployment_.kill_pricewire();
        wait_for_streams(0);
    }
    // Of so many feeds.
    void wait_for_streams(int feeds) {
        deployment_.wait_until("the streams", [&] { return deployment_.subscribed("LIFEUSDT") == feeds; });
    }

    Duration now() const { return now_; }

    // A lone exchange that moves by more than 10 % is believed after five further trades over three seconds: announce()
    // it three seconds before.
    static bool is_jump(Decimal from, Decimal to) { return (to - from).abs() > from.scaled_bp(1000); }
    void announce(const std::string& ticker, Decimal price) { trade(ticker, price); }
    void set_price(const std::string& ticker, Decimal price) {
        const auto last = prices_.find(ticker);
        const int trades = last != prices_.end() && is_jump(last->second, price) ? 5 : 1;
        for (int i = 0; i < trades; ++i) trade(ticker, price);
        prices_[ticker] = price;
    }
    // By a print so far off that nobody believes it.
    void lose_price(const std::string& ticker) { trade(ticker, prices_.at(ticker) + prices_.at(ticker)); }

    // Until what has been traded has been judged, and what it has fired is stored: alerts are judged in the order of
    // prices, and fire in that order.
    void settle() {
        const std::string alert =
            this->alert(R"("ticker":"TICK","condition":"gt","target_price":)" + std::to_string(tick_));
        trade("TICK", Decimal::from_int(++tick_));
        wait_until_over(alert);
    }
    // On the way, Pricewire gives signs of life often enough not to be taken for blind.
    void step_to(Duration at) {
        while (at - lived_ > stride) live_to(std::max(lived_ + stride, now_ + std::chrono::milliseconds{1}));
        set_clock(at);
    }
    // Until the checkers have judged what is due by then, and it is stored: an alert expires once they have heard from the
    // feed that all prices before have come. Later than now().
    void live_to(Duration at) {
        const std::string alert =
            this->alert(R"("ticker":"LIFE","when":{"is":"above","level":1000},"expires_at":")" +
                        format_rfc3339(origin + at) + '"');
        set_clock(at);
        lived_ = at;
        wait_until_over(alert);
    }
    // Until the simulator has sent what was traded.
    void wait_until_traded() {
        const Decimal price = Decimal::from_int(++sent_);
        trade("SENT", price);
        deployment_.wait_until("the simulator", [&] {
            return json_member(deployment_.sim_status(), "SENTUSDT") == price.to_string();
        });
    }
    // Until the kernel says so: the signal alone does not stop a process at once.
    void stop(const std::string& name) {
        Process& process = deployment_.process(name);
        process.signal(SIGSTOP);
        deployment_.wait_until(name + " to stop", [&] {
            std::ifstream file("/proc/" + std::to_string(process.pid()) + "/stat");
            const std::string stat{std::istreambuf_iterator<char>(file), {}};
            const std::size_t behind_name = stat.rfind(')');
            return behind_name != std::string::npos && stat.compare(behind_name, 4, ") T ") == 0;
        });
    }
    // While nobody is there to live through it.
    void sleep_to(Duration at) {
        set_clock(at);
        lived_ = at;
    }

private:
    static constexpr Duration stride = std::chrono::seconds{14};

    static DeploymentOptions deployment_of(Side side, const Options& options) {
        std::string tickers = "TICK,LIFE";
        for (const std::string& ticker : options.tickers) tickers += "," + ticker;
        DeploymentOptions out = on(side, {.sim = {"--paused"},
                                          .config = {{"PRICEWIRE_MARKET_TICKERS", tickers},
                                                     {"PRICEWIRE_MARKET_QUOTE_TTL", "10m"},
                                                     {"PRICEWIRE_MARKET_RECOVER", "0s"},
                                                     {"PRICEWIRE_LIMITS_ALERTS_PER_USER", "100000"}},
                                          .program = options.program,
                                          .clock_stands_at = origin + options.begins_at});
        for (const auto& [key, value] : options.config) out.config[key] = value;
        if (out.cluster) {
            out.cluster->of_each = options.of_each;
            out.cluster->route = options.route;
        }
        return out;
    }
    void set_clock(Duration at) {
        now_ = at;
        deployment_.set_clock(origin + at);
    }
    void wait_until_over(const std::string& alert) {
        deployment_.wait_until("what is due at " + format_rfc3339(origin + now_),
                               [&] { return json_member(shown(alert), "is_active") == "false"; });
    }

    Duration now_, lived_;
    const int feeds_;
    int tick_ = 1000, sent_ = 0;
    std::map<std::string, Decimal> prices_;  // that were believed
};

}  // namespace pricewire::test
