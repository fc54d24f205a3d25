#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.hpp"
#include "base/decimal.hpp"
#include "base/text.hpp"
#include "scenarios/sides.hpp"
#include "support/deployment.hpp"

namespace pricewire::test {

// Pricewire on some venues, with a wall clock that a test can move, and the simulator that plays these venues. Every
// price of the tape is made by all of them at once.
class MarketWorld {
public:
    struct Options {
        std::vector<std::string> venues{"binance", "coinbase", "kraken", "okx", "bybit", "bitstamp"};
        std::vector<std::string> sim;
        std::string tickers = "BTC";
        std::map<std::string, std::string> config;
        int of_each = 1;
        std::map<std::string, Duration> skews;  // as in DeploymentOptions; then the clock cannot be moved
    };

    MarketWorld(Side side, Options options)
        : venues_(options.venues), deployment_(deployment_of(side, std::move(options))) {}

    void start() {
        deployment_.start_pricewire();
        if (account_.api_key.empty()) account_ = deployment_.register_user("market@example.com");
    }
    Deployment& deployment() { return deployment_; }
    const Account& account() const { return account_; }
    const std::vector<std::string>& venues() const { return venues_; }

    net::HttpResult get(const std::string& path) {
        return deployment_.http().get(deployment_.api(path), {{"X-API-Key", account_.api_key}});
    }
    net::HttpResult post(const std::string& path, const std::string& body) {
        return deployment_.http().post(deployment_.api(path), body, {{"X-API-Key", account_.api_key}});
    }
    std::string status() { return deployment_.sim_status(); }
    Timestamp market_clock() { return parse_rfc3339(json_member(status(), "clock").value()).value(); }
    // Each venue's requests and violations of its limits as the simulator counted them, and the violations in all.
    std::string violations() {
        const std::string text = status();
        const std::size_t at = text.find("\"requests\"");
        return text.substr(at, text.find("\"faults\"") - at);
    }
    bool keeps_limits() { return json_member(violations_in_all(), "violations") == "0"; }

    // Trades at once, in dollars, or in its own currency at one venue.
    void trade(const std::string& ticker, const std::string& price, const std::string& venue = "") {
        deployment_.sim_post("price/" + ticker + "USDT" + (venue.empty() ? "" : "/" + venue), price);
    }
    void fault(const std::string& door, const std::string& fault) {
        deployment_.sim_post("fault/" + door, fault);
    }
    // At the same door, "rest" or "stream", of every venue.
    void fault_everywhere(const std::string& door, const std::string& fault) {
        for (const std::string& venue : venues_) this->fault(venue + "." + door, fault);
    }
    bool has_price(const std::string& ticker) { return get("/rates/" + ticker).status == 200; }
    void wait_for_price(const std::string& ticker) {
        deployment_.wait_until("a price of " + ticker, [&] { return has_price(ticker); });
    }
    // Of every venue.
    void wait_for_streams(const std::string& ticker) {
        deployment_.wait_until(ticker + " at every venue", [&] {
            return deployment_.subscribed(ticker + "USDT") >= static_cast<int>(venues_.size());
        });
    }

    std::string alert(const std::string& ticker, const std::string& condition, const std::string& level,
                      const std::string& more = "") {
        const auto result = post("/alerts/", R"({"ticker":")" + ticker + R"(","condition":")" + condition +
                                                 R"(","target_price":)" + level + R"(,"webhook_url":")" +
                                                 deployment_.receiver_url() + "/hook\"" + more + "}");
        if (result.status != 201) throw std::runtime_error("an alert was refused: " + result.body);
        return json_member(result.body, "id").value();
    }
    void remove(const std::string& alert) {
        deployment_.http().del(deployment_.api("/alerts/" + alert), {{"X-API-Key", account_.api_key}});
    }
    std::string shown(const std::string& alert) { return get("/alerts/" + alert).body; }
    bool is_active(const std::string& alert) { return json_member(shown(alert), "is_active") == "true"; }
    // How many have arrived. One whose sender was killed before it knew that may come again, under the same id.
    int webhooks(const std::string& alert) {
        std::set<std::string> ids;
        for (const Received& received : deployment_.received()) {
            if (received.alert_id == alert) ids.insert(received.webhook_id);
        }
        return static_cast<int>(ids.size());
    }
    std::string webhook_body(const std::string& alert) {
        return deployment_.http().get(deployment_.receiver_url() + "/_receiver/bodies/" + alert).body;
    }
    void wait_for_webhook(const std::string& name, const std::string& alert) {
        deployment_.wait_until("the webhook of " + name, [&] { return webhooks(alert) > 0; });
    }

    // When a firing says that its level was touched: from and to, the same where that is known exactly; nullopt
    // where it does not say so.
    static std::optional<std::pair<Timestamp, Timestamp>> occurred(const std::string& json) {
        if (const auto at = json_member(json, "occurred_at")) {
            const Timestamp time = parse_rfc3339(*at).value();
            return std::pair(time, time);
        }
        const std::string name = "\"occurred_between\":[";
        const std::size_t at = json.find(name);
        if (at == std::string::npos) return std::nullopt;
        const auto parts = split_list(
            std::string_view(json).substr(at + name.size(), json.find(']', at) - at - name.size()));
        const auto time = [](std::string_view text) {
            return parse_rfc3339(text.substr(1, text.size() - 2)).value();
        };
        return std::pair(time(parts.at(0)), time(parts.at(1)));
    }

private:
    std::string violations_in_all() {
        const std::string text = violations();
        return "{" + text.substr(text.rfind("\"violations\""));
    }
    static DeploymentOptions deployment_of(Side side, Options options) {
        std::map<std::string, std::string> config{{"PRICEWIRE_SOURCES_BINANCE_ENABLED", "false"},
                                                  {"PRICEWIRE_MARKET_TICKERS", options.tickers},
                                                  {"PRICEWIRE_LIMITS_ALERTS_PER_USER", "100000"}};
        for (const std::string& venue : options.venues)
            config["PRICEWIRE_SOURCES_" + upper_case(venue) + "_ENABLED"] = "true";
        for (auto& [key, value] : options.config) config[key] = value;
        DeploymentOptions out = on(side, {.sim = std::move(options.sim),
                                          .config = std::move(config),
                                          .has_movable_clock = options.skews.empty(),
                                          .skews = std::move(options.skews)});
        if (out.cluster) out.cluster->of_each = options.of_each;
        return out;
    }

    std::vector<std::string> venues_;
    Deployment deployment_;
    Account account_;
};

}  // namespace pricewire::test
