#include "support/deployment.hpp"

#include <algorithm>
#include <chrono>
#include <stdexcept>
#include <thread>

namespace pricewire::test {
namespace {

using namespace std::chrono_literals;

std::string binary(const std::string& name) {
    return std::string(PRICEWIRE_BINARY_DIR) + "/" + name;
}

// The objects of a JSON array of flat objects.
std::vector<std::string> objects_of(const std::string& array) {
    std::vector<std::string> out;
    bool in_string = false;
    std::optional<std::size_t> begin;
    for (std::size_t i = 0; i < array.size(); ++i) {
        const char c = array[i];
        if (in_string) {
            if (c == '\\') {
                ++i;
            } else if (c == '"') {
                in_string = false;
            }
        } else if (c == '"') {
            in_string = true;
        } else if (c == '{') {
            begin = i;
        } else if (c == '}' && begin) {
            out.push_back(array.substr(*begin, i - *begin + 1));
            begin.reset();
        }
    }
    return out;
}

void expect(const net::HttpResult& result, int status, const std::string& what) {
    if (result.error == net::HttpError::none && result.status == status) return;
    throw std::runtime_error(what + ": " + std::to_string(result.status) + " " + result.error_text + " " +
                             result.body);
}

}  // namespace

std::optional<std::string> json_member(const std::string& object, const std::string& name) {
    const std::string quoted = "\"" + name + "\":";
    std::size_t at = object.find(quoted);
    if (at == std::string::npos) return std::nullopt;
    at += quoted.size();
    if (object[at] == '"') return object.substr(at + 1, object.find('"', at + 1) - at - 1);
    std::string text = object.substr(at, object.find_first_of(",}]", at) - at);
    if (text == "null") return std::nullopt;
    return text;
}

Deployment::Deployment(DeploymentOptions options) : options_(std::move(options)) {
    std::vector<std::string> sim{binary("exchange-sim"), "--listen", "127.0.0.1:0"};
    sim.insert(sim.end(), options_.sim.begin(), options_.sim.end());
    sim_ = Process({sim, {}, dir_.path() / "sim.log", {}});
    std::vector<std::string> receiver{binary("webhook-receiver"), "--listen", "127.0.0.1:0"};
    receiver.insert(receiver.end(), options_.receiver.begin(), options_.receiver.end());
    receiver_ = Process({receiver, {}, dir_.path() / "receiver.log", {}});
    sim_url_ = sim_.wait_for_output("listening on ");
    receiver_url_ = receiver_.wait_for_output("listening on ");
}

void Deployment::start_pricewire() {
    std::map<std::string, std::string> env{
        {"PRICEWIRE_HTTP_LISTEN", "127.0.0.1:0"},
        {"PRICEWIRE_STORAGE_DATABASE_URL", "sqlite:" + (dir_.path() / "pricewire.db").string()},
        {"PRICEWIRE_SOURCES_BINANCE_WS_URL", "ws" + sim_url_.substr(4) + "/stream"},
        {"PRICEWIRE_SOURCES_BINANCE_REST_URL", sim_url_},
        {"PRICEWIRE_SOURCES_COINGECKO_ENABLED", "false"},
        {"PRICEWIRE_SOURCES_COINGECKO_REST_URL", sim_url_ + "/api/v3"},
        {"PRICEWIRE_DELIVERY_ALLOW_HTTP", "true"},
        {"PRICEWIRE_DELIVERY_ALLOW_PORTS", "1-65535"},
        {"PRICEWIRE_DELIVERY_ALLOW_NETWORKS", "127.0.0.0/8"},
        {"PRICEWIRE_LIMITS_REGISTER", "1000000/1s"},
        {"PRICEWIRE_LIMITS_USER", "1000000/1s"},
        {"PRICEWIRE_LIMITS_RATES", "1000000/1s"},
    };
    for (const auto& [name, value] : options_.config) env[name] = value;
    pricewire_ = Process({{binary("pricewire"), "serve"}, env, dir_.path() / "pricewire.log", dir_.path()});
    api_url_ = pricewire_.wait_for_output("listening on ");
}

Account Deployment::register_user(const std::string& email) {
    const auto result = http_.post(api("/users/register"), R"({"email":")" + email + "\"}");
    expect(result, 201, "registering " + email);
    Account account{json_member(result.body, "api_key").value(),
                    json_member(result.body, "webhook_secret").value()};
    expect(http_.post(receiver_url_ + "/_receiver/secrets", account.webhook_secret), 204,
           "telling the receiver");
    return account;
}

std::string Deployment::create_alert(const Account& account, const std::string& ticker,
                                     const std::string& condition, const std::string& target,
                                     const std::string& webhook_path) {
    const std::string body = R"({"ticker":")" + ticker + R"(","condition":")" + condition +
                             R"(","target_price":)" + target + R"(,"webhook_url":")" + receiver_url_ +
                             webhook_path + "\"}";
    const auto result = http_.post(api("/alerts/"), body, {{"X-API-Key", account.api_key}});
    expect(result, 201, "creating an alert");
    return json_member(result.body, "id").value();
}

std::vector<ShownAlert> Deployment::alerts(const Account& account) {
    std::vector<ShownAlert> out;
    std::string url = api("/alerts/?limit=1000");
    while (true) {
        const auto result = http_.get(url, {{"X-API-Key", account.api_key}});
        expect(result, 200, "listing alerts");
        for (const std::string& object : objects_of(result.body)) {
            out.push_back({json_member(object, "id").value(), json_member(object, "ticker").value(),
                           json_member(object, "condition").value(),
                           json_member(object, "target_price").value(),
                           json_member(object, "is_active") == "true",
                           json_member(object, "triggered_price").value_or("")});
        }
        const std::string* link = result.header("link");
        if (link == nullptr) return out;
        const std::size_t begin = link->find('<') + 1;
        const std::string target = link->substr(begin, link->find('>') - begin);
        url = target.starts_with("http") ? target : root(target);
    }
}

void Deployment::sim_post(const std::string& control, const std::string& body) {
    expect(http_.post(sim_url_ + "/_sim/" + control, body), 204, "sim " + control);
}

std::vector<Received> Deployment::received() {
    const auto result = http_.get(receiver_url_ + "/_receiver/stats?log=1");
    expect(result, 200, "asking the receiver");
    const std::size_t list = result.body.find('[');
    std::vector<Received> out;
    if (list == std::string::npos) return out;
    for (const std::string& object : objects_of(result.body.substr(list))) {
        if (!json_member(object, "webhook_id")) continue;
        out.push_back(
            {json_member(object, "webhook_id").value(), json_member(object, "alert_id").value_or(""),
             json_member(object, "signature_ok") == "true", json_member(object, "accepted") == "true"});
    }
    return out;
}

void Deployment::wait_until(const std::string& what, const std::function<bool()>& condition) {
    const auto deadline = std::chrono::steady_clock::now() + 120s;
    while (!condition()) {
        if (std::chrono::steady_clock::now() > deadline) {
            const std::string log = pricewire_.output();
            throw std::runtime_error("waited in vain for " + what + "; the log ends:\n" +
                                     log.substr(log.size() - std::min<std::size_t>(log.size(), 4000)));
        }
        std::this_thread::sleep_for(20ms);
    }
}

}  // namespace pricewire::test
