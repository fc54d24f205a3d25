#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "support/blocking_http.hpp"
#include "support/process.hpp"

namespace pricewire::test {

// A delivery as the receiver saw it.
struct Received {
    std::string webhook_id;
    std::string alert_id;
    bool signature_ok = false;
    bool accepted = false;  // answered with 2xx
};

// An alert as the API shows it.
struct ShownAlert {
    std::string id;
    std::string ticker;
    std::string condition;
    std::string target_price;  // its digits
    bool is_active = true;
    std::string triggered_price;  // its digits; empty where it has not fired
};

struct Account {
    std::string api_key;
    std::string webhook_secret;
};

struct DeploymentOptions {
    std::vector<std::string> sim{"--market", "generated"};  // beside --listen
    std::vector<std::string> receiver;                      // beside --listen
    std::map<std::string, std::string> config;              // PRICEWIRE_… beside the harness' own
};

// The real programs on free loopback ports with a directory of their own: simulator, receiver and `pricewire
// serve`.
class Deployment {
public:
    explicit Deployment(DeploymentOptions options);

    void start_pricewire();
    Process& pricewire() { return pricewire_; }
    Process& receiver_process() { return receiver_; }
    const std::filesystem::path& directory() const { return dir_.path(); }

    std::string sim_url() const { return sim_url_; }
    std::string receiver_url() const { return receiver_url_; }
    std::string api(const std::string& path) const { return api_url_ + "/api/v1" + path; }
    std::string root(const std::string& path) const { return api_url_ + path; }
    BlockingHttp& http() { return http_; }

    // Each throws std::runtime_error with the answer where it is not what success looks like.
    Account register_user(const std::string& email);  // and tells the receiver its secret
    std::string create_alert(const Account& account, const std::string& ticker, const std::string& condition,
                             const std::string& target, const std::string& webhook_path = "/hook");
    std::vector<ShownAlert> alerts(const Account& account);  // all pages
    void sim_post(const std::string& control, const std::string& body = "");
    std::vector<Received> received();

    // Polls until `condition` holds; throws after two minutes, saying `what` and the log's last lines.
    void wait_until(const std::string& what, const std::function<bool()>& condition);

private:
    DeploymentOptions options_;
    TempDir dir_;
    Process sim_;
    Process receiver_;
    Process pricewire_;
    std::string sim_url_;
    std::string receiver_url_;
    std::string api_url_;
    BlockingHttp http_;
};

// The text of member `name` of a flat JSON object, digits and strings alike; nullopt where it is absent or
// null.
std::optional<std::string> json_member(const std::string& object, const std::string& name);

}  // namespace pricewire::test
