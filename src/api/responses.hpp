#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "net/http_server.hpp"

namespace pricewire::api {

// A step on the way into a request: a member's name, or an element's index from 0.
using LocStep = std::variant<std::string, std::size_t>;

// An error in a request. `loc` begins with "body", "query" or "header", which alone means all of it; `type` is a
// machine-readable rule name in pydantic's style.
struct Issue {
    std::vector<LocStep> loc;
    std::string message;
    std::string type;
    friend bool operator==(const Issue&, const Issue&) = default;
};

// Error details that several routes use.
constexpr std::string_view no_such_ticker = "There is no such ticker here";
constexpr std::string_view no_such_alert = "Alert not found";
constexpr std::string_view no_such_device = "Device not found";
constexpr std::string_view identical_alert = "An identical active alert already exists";
constexpr std::string_view invalid_key = "Invalid or inactive API Key";
constexpr std::string_view endpoint_is_disabled =
    "This webhook_url has answered 410 Gone, or has refused too many webhooks in a row, and is not called "
    "any more. POST /api/v1/endpoints/enable with it to have it called again.";

// For fields that are null instead of empty.
inline std::optional<std::string_view> text_or_null(std::string_view text) {
    if (text.empty()) return std::nullopt;
    return text;
}

net::ServerResponse json_response(int status, std::string body);
// {"error":"HTTPException","detail":…,"code":…}
net::ServerResponse error_response(int status, std::string_view detail);
net::ServerResponse no_content();
// 401 for a missing or invalid key.
net::ServerResponse unauthorized(std::string_view detail);
// 503 with a Retry-After in seconds.
net::ServerResponse unavailable(std::string_view detail, int retry_after_seconds);
// 422 {"error":"ValidationError","detail":[{"loc":[…],"msg","type"}],"code":422}
net::ServerResponse validation_response(std::span<const Issue> issues);

}  // namespace pricewire::api
