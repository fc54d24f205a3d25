#include "deliver/requests.hpp"

#include <algorithm>
#include <chrono>
#include <exception>
#include <string_view>
#include <utility>

#include "deliver/request.hpp"
#include "net/endpoint_name.hpp"
#include "push/encrypt.hpp"
#include "push/message.hpp"

namespace pricewire::deliver {
namespace {

using std::chrono::seconds;

// The longest that Google's and Mozilla's services keep a message for a device that is away.
constexpr std::chrono::seconds longest_kept = std::chrono::days{28};

Result<push::BrowserKeys> keys_of(const ClaimedDelivery& delivery, const secrets::SecretBox& secrets) {
    const auto opened = secrets.open(delivery.push->keys, delivery.alert.user_id.to_string());
    if (!opened) return std::unexpected(opened.error());
    const std::string_view both = *opened;
    const auto space = std::min(both.find(' '), both.size());
    return push::parse_browser_keys(both.substr(0, space), both.substr(std::min(space + 1, both.size())));
}

}  // namespace

Result<net::HttpRequest> Requests::make(const ClaimedDelivery& delivery, Timestamp now) {
    if (delivery.push) return push_request(delivery, now);
    return webhook_request(delivery, secrets_, now, user_agent_, traced_percent_);
}

Result<void> Requests::read_own_key() {
    if (vapid_) return {};
    if (!own_key_) return fail("this process has no key for pushes");
    try {
        const auto key = own_key_();
        if (!key) return std::unexpected(key.error());
        vapid_.emplace(*key, contact_);
        return {};
    } catch (const std::exception& e) {
        return fail(e.what());
    }
}

Result<net::HttpRequest> Requests::push_request(const ClaimedDelivery& delivery, Timestamp now) {
    if (const auto read = read_own_key(); !read) return std::unexpected(read.error());
    const auto keys = keys_of(delivery, secrets_);
    if (!keys) return std::unexpected(keys.error());
    const auto left = std::chrono::floor<seconds>(delivery.deadline - now);
    net::HttpRequest request;
    request.method = "POST";
    request.url = delivery.push->endpoint;
    request.body = push::encrypt_push(push::push_message(delivery), *keys);
    // No Topic, by which a repeated attempt would replace its first: of a device that is away, Google's service keeps the
    // messages of four topics only. The device itself shows a message once (the tag in push_message()).
    request.headers = {
        {"content-type", "application/octet-stream"},
        {"content-encoding", "aes128gcm"},
        {"user-agent", user_agent_},
        {"ttl", std::to_string(std::clamp(left, seconds{1}, longest_kept).count())},
        {"urgency", "high"},
        {"authorization", vapid_->authorization(net::origin_of(delivery.push->endpoint), now)}};
    request.max_response_bytes = 16 * 1024;
    request.body_within = seconds{1};
    return request;
}

}  // namespace pricewire::deliver
