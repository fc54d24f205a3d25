#pragma once

#include <string>
#include <vector>

#include "base/decimal.hpp"
#include "scenarios/sides.hpp"
#include "support/deployment.hpp"

namespace pricewire::test {

// Pricewire on Binance alone, whose prices are set by hand, and one user whose alerts have rules.
class RuleWorld {
public:
    explicit RuleWorld(DeploymentOptions options) : deployment_(std::move(options)) {
        deployment_.start_pricewire();
        account_ = deployment_.register_user("rules@example.com");
    }
    Deployment& deployment() { return deployment_; }
    const Account& account() const { return account_; }

    std::string get(const std::string& path) {
        return deployment_.http().get(deployment_.api(path), {{"X-API-Key", account_.api_key}}).body;
    }
    bool shows(const std::string& ticker, Decimal price) {
        const auto shown = json_member(get("/rates/" + ticker), "price");
        return shown && Decimal::parse(*shown) == price;
    }
    void trade(const std::string& ticker, Decimal price) {
        deployment_.sim_post("price/" + ticker + "USDT", price.to_string());
    }
    // Repeated until the API shows it: nobody may listen yet.
    void set_price(const std::string& ticker, Decimal price) {
        deployment_.wait_until("the price " + price.to_string() + " of " + ticker, [&] {
            trade(ticker, price);
            return shows(ticker, price);
        });
    }
    void set_price(const std::string& ticker, const char* price) {
        set_price(ticker, Decimal::parse(price).value());
    }
    std::string alert(const std::string& members) { return deployment_.create_alert(account_, members); }
    net::HttpResult change(const std::string& alert, const std::string& body) {
        return deployment_.http().patch(deployment_.api("/alerts/" + alert), body,
                                        {{"X-API-Key", account_.api_key}});
    }
    std::string shown(const std::string& alert) { return get("/alerts/" + alert); }
    std::vector<ShownFiring> firings(const std::string& alert) {
        return deployment_.firings(account_, alert);
    }
    void wait_for_firings(const std::string& alert, std::size_t count) {
        deployment_.wait_until("firing " + std::to_string(count) + " of " + alert,
                               [&] { return firings(alert).size() >= count; });
    }
    // Until what was set before has been judged, at the present price: alerts of one ticker are judged in the order of
    // its prices, and fire in that order.
    void wait_until_judged(const std::string& ticker, Decimal price) {
        set_price(ticker, price);
        const std::string last = alert(R"("ticker":")" + ticker +
                                       R"(","condition":"gt","target_price":0.0000001,"note":"judged")");
        deployment_.wait_until("a later firing", [&] {
            trade(ticker, price);
            return json_member(shown(last), "is_active") == "false";
        });
    }

private:
    Deployment deployment_;
    Account account_;
};

}  // namespace pricewire::test
