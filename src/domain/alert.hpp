#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/decimal.hpp"
#include "base/trace_context.hpp"
#include "base/uuid.hpp"
#include "domain/condition.hpp"
#include "domain/enum_names.hpp"
#include "domain/market.hpp"

namespace pricewire::inline domain {

// How a webhook's body is written: Pricewire's own JSON, the shape a chat service expects, or the user's own
// template.
enum class PayloadFormat : std::uint8_t { json, slack, discord, telegram, custom };
inline constexpr auto payload_format_names = enum_names<PayloadFormat>({
    {PayloadFormat::json, "json"},
    {PayloadFormat::slack, "slack"},
    {PayloadFormat::discord, "discord"},
    {PayloadFormat::telegram, "telegram"},
    {PayloadFormat::custom, "template"},
});
constexpr std::string_view to_string(PayloadFormat f) {
    return payload_format_names.name(f);
}
constexpr std::optional<PayloadFormat> parse_payload_format(std::string_view text) {
    return payload_format_names.parse(text);
}

// A body of the user's own with placeholders; see webhook/template.hpp.
struct WebhookTemplate {
    std::string body;
    std::string content_type;
    friend bool operator==(const WebhookTemplate&, const WebhookTemplate&) = default;
};

constexpr Duration default_deliver_within = std::chrono::hours{24};

struct Alert {
    Uuid id;
    Uuid user_id;
    Ticker ticker;
    Decimal target;  // > 0
    Condition condition = Condition::gt;
    std::string webhook_url;
    PayloadFormat format = PayloadFormat::json;
    std::optional<WebhookTemplate> custom;  // set where format is custom
    std::string note;                       // the user's own words, at most 500 characters; may be empty
    // A webhook that has not arrived this long after the firing is worth nothing any more.
    Duration deliver_within = default_deliver_within;
    // The trace of the request that made it, which its webhooks belong to. None in those of before there were
    // any.
    std::optional<TraceContext> trace;
    // Since when the URL is not called any more for this user, because it answered 410. Read, never written,
    // with the alert.
    std::optional<Timestamp> endpoint_disabled_at;
    bool is_active = true;
    Timestamp created_at;
    std::optional<Timestamp> triggered_at;
    std::optional<Decimal> triggered_price;
};

// The part of an active alert that matching needs.
struct ActiveAlert {
    Uuid id;
    Ticker ticker;
    Condition condition = Condition::gt;
    Decimal target;
    friend bool operator==(const ActiveAlert&, const ActiveAlert&) = default;
};

// What happened to the set of active alerts, in the order it was committed.
struct AlertChange {
    enum class Kind : std::uint8_t { created, deleted };
    Kind kind = Kind::created;
    ActiveAlert alert;
};

// An alert that a price has fired, and the id its delivery will have.
struct Firing {
    Uuid alert_id;
    Uuid delivery_id;
};

// All alerts that one price fired. One price fires many; keeping them together keeps the write set-based.
struct FiringGroup {
    Price price;
    Timestamp fired_at;
    std::vector<Firing> firings;
};

}  // namespace pricewire::inline domain
