#include "support/push_service.hpp"

#include <cstdlib>
#include <sstream>
#include <stdexcept>

#include "support/deployment.hpp"

namespace pricewire::test {
namespace {

const std::filesystem::path& contract_folder() {
    static const std::filesystem::path folder = PRICEWIRE_SOURCE_DIR "/tests/contract";
    return folder;
}

std::string body_of(const net::HttpResult& result, int status) {
    if (result.error == net::HttpError::none && result.status == status) return result.body;
    throw std::runtime_error("the push service: " + std::to_string(result.status) + " " + result.error_text +
                             " " + result.body);
}

}  // namespace

std::string BrowserSubscription::json(const std::string& label) const {
    return R"({"endpoint":")" + endpoint + R"(","expirationTime":null,"keys":{"p256dh":")" + p256dh +
           R"(","auth":")" + auth + R"("},"label":")" + label + "\"}";
}

const char* PushService::why_not() {
    if (!std::filesystem::exists(contract_folder() / "node_modules/http_ece"))
        return "the npm packages are not installed: run `npm ci` in tests/contract";
    return std::system("node --version > /dev/null 2>&1") == 0 ? nullptr : "node is not installed";
}

PushService::PushService()
    : process_({.command = {"/usr/bin/env", "node", contract_folder() / "push_service.mjs"},
                .output = dir_.path() / "push_service.log",
                .directory = contract_folder()}),
      url_(process_.wait_for_output("listening on ")) {}

BrowserSubscription PushService::subscribe(const std::string& server_key) {
    const std::string made = body_of(
        http_.post(url_ + "/_push/subscriptions", R"({"applicationServerKey":")" + server_key + "\"}"), 201);
    BrowserSubscription out{.endpoint = json_member(made, "endpoint").value(),
                            .p256dh = json_member(made, "p256dh").value(),
                            .auth = json_member(made, "auth").value()};
    out.id = out.endpoint.substr(out.endpoint.rfind('/') + 1);
    return out;
}

void PushService::end(const BrowserSubscription& subscription) {
    body_of(http_.del(url_ + "/_push/subscriptions/" + subscription.id), 204);
}

void PushService::answer(const std::string& answers) {
    body_of(http_.post(url_ + "/_push/answers", answers), 204);
}

std::vector<SeenPush> PushService::seen() {
    std::istringstream lines(body_of(http_.get(url_ + "/_push/requests"), 200));
    std::vector<SeenPush> out;
    for (std::string line; std::getline(lines, line);) {
        out.push_back({.id = json_member(line, "id").value(),
                       .status = std::stoi(json_member(line, "status").value()),
                       .why = json_member(line, "why").value_or(""),
                       .text = line});
    }
    return out;
}

}  // namespace pricewire::test
