#include "deliver/request.hpp"

#include <chrono>
#include <utility>

#include "deliver/payload.hpp"
#include "deliver/signature.hpp"

namespace pricewire {

Result<net::HttpRequest> webhook_request(const ClaimedDelivery& delivery, Timestamp now,
                                         const std::string& user_agent) {
    const std::int64_t timestamp = std::chrono::floor<std::chrono::seconds>(now).time_since_epoch().count();
    std::string id = delivery.id.to_string();
    net::HttpRequest request;
    request.method = "POST";
    request.url = delivery.alert.webhook_url;
    request.body = webhook_payload(delivery.alert);
    auto signature = sign_webhook(delivery.secrets.current, id, timestamp, request.body);
    if (!signature) return std::unexpected(signature.error());
    request.headers.reserve(5);
    request.headers.emplace_back("content-type", "application/json");
    request.headers.emplace_back("user-agent", user_agent);
    request.headers.emplace_back("webhook-id", std::move(id));
    request.headers.emplace_back("webhook-timestamp", std::to_string(timestamp));
    request.headers.emplace_back("webhook-signature", std::move(*signature));
    // Only the status counts; the rest is read so that the connection can be used again.
    request.max_response_bytes = 16 * 1024;
    return request;
}

std::string host_in(std::string_view url) {
    if (const auto scheme = url.find("://"); scheme != url.npos) url.remove_prefix(scheme + 3);
    url = url.substr(0, url.find_first_of("/?#\\"));
    if (const auto user = url.rfind('@'); user != url.npos) url.remove_prefix(user + 1);
    return std::string(url.substr(0, 255));
}

}  // namespace pricewire
