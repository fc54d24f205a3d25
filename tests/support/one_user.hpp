#pragma once

#include <string>
#include <utility>
#include <vector>

#include "base/decimal.hpp"
#include "support/deployment.hpp"

namespace pricewire::test {

// The real programs, whose prices are set by hand, and one user's alerts.
class OneUser {
public:
    Deployment& deployment() { return deployment_; }
    const Account& account() const { return account_; }

    std::string get(const std::string& path) {
        return deployment_.http().get(deployment_.api(path), {{"X-API-Key", account_.api_key}}).body;
    }
    std::string alert(const std::string& members) { return deployment_.create_alert(account_, members); }
    net::HttpResult change(const std::string& alert, const std::string& body) {
        return deployment_.http().patch(deployment_.api("/alerts/" + alert), body,
                                        {{"X-API-Key", account_.api_key}});
    }
    std::string shown(const std::string& alert) { return get("/alerts/" + alert); }
    std::string state(const std::string& alert) { return get("/alerts/" + alert + "/state"); }
    std::vector<ShownFiring> firings(const std::string& alert) {
        return deployment_.firings(account_, alert);
    }
    void trade(const std::string& ticker, Decimal price) {
        deployment_.sim_post("price/" + ticker + "USDT", price.to_string());
    }

protected:
    explicit OneUser(DeploymentOptions options) : deployment_(std::move(options)) {}
    // Pricewire, and the user when there is none yet.
    void start() {
        deployment_.start_pricewire();
        if (account_.api_key.empty()) account_ = deployment_.register_user("rules@example.com");
    }

    Deployment deployment_;

private:
    Account account_;
};

}  // namespace pricewire::test
