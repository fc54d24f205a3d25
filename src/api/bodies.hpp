#pragma once

#include <chrono>
#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/known_tickers.hpp"
#include "api/responses.hpp"
#include "base/clock.hpp"
#include "domain/alert.hpp"
#include "domain/user.hpp"
#include "net/webhook_url.hpp"
#include "storage/deliveries.hpp"

namespace pricewire::api {

template <typename T>
using Parsed = std::expected<T, std::vector<Issue>>;

struct RegisterBody {
    std::string email;
    SignatureScheme signature = SignatureScheme::v1;
};

struct WebhookSecretBody {
    std::optional<SignatureScheme> scheme;  // nullopt: the current one
};

struct RecoverBody {
    Timestamp since;
    storage::RecoverFilter filter;  // its webhook_url is as it was written
};

struct EnableBody {
    std::string webhook_url;  // at most max_webhook_url bytes; not checked
};

// The message for text that parse_rfc3339 rejects.
constexpr std::string_view not_a_time = "Input should be a date and time such as 2025-01-01T00:00:00Z";

constexpr std::size_t max_webhook_url = 2048;

// These parse {…} bodies and report all errors at once. Unknown fields are ignored.
Parsed<RegisterBody> parse_register_body(std::string_view body);
// An empty body has no fields.
Parsed<WebhookSecretBody> parse_webhook_secret_body(std::string_view body);
Parsed<RecoverBody> parse_recover_body(std::string_view body);
Parsed<EnableBody> parse_enable_body(std::string_view body);

// The form in which a URL is stored with alerts; as it is written if it cannot be that of an alert.
std::string stored_url(std::string_view text, const net::UrlPolicy& policy);

// The one of `tickers` with that name, ignoring case.
std::optional<Ticker> find_ticker(std::string_view name, const std::vector<Ticker>& tickers);

}  // namespace pricewire::api
