#pragma once

#include <functional>
#include <string>
#include <utility>

#include "base/decimal.hpp"
#include "scenarios/sides.hpp"
#include "support/one_user.hpp"

namespace pricewire::test {

// Pricewire on Binance alone, whose prices are set by hand, and one user whose alerts have rules.
class RuleWorld : public OneUser {
public:
    explicit RuleWorld(DeploymentOptions options) : OneUser(std::move(options)) { start(); }

    bool shows(const std::string& ticker, Decimal price) {
        const auto shown = json_member(get("/rates/" + ticker), "price");
        return shown && Decimal::parse(*shown) == price;
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
    // The price, once it is shown, comes again and again: a cooldown may have to end first.
    void trade_until(const std::string& ticker, const char* price, const std::string& what,
                     const std::function<bool()>& condition) {
        set_price(ticker, price);
        deployment_.wait_until(what, [&] {
            trade(ticker, Decimal::parse(price).value());
            return condition();
        });
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
};

}  // namespace pricewire::test
