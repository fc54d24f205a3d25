#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/decimal.hpp"
#include "base/trace_context.hpp"
#include "base/uuid.hpp"
#include "domain/alert_state.hpp"
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

// A user's own body with placeholders; see webhook/template.hpp.
struct WebhookTemplate {
    std::string body;
    std::string content_type;
    friend bool operator==(const WebhookTemplate&, const WebhookTemplate&) = default;
};

constexpr Duration default_deliver_within = std::chrono::hours{24};

// What a late firing rests on: prices of a time in which nobody watched, asked back from the venues.
struct LateFiring {
    // When the level was touched: at `from` if `to` is the same, else within [from, to), a minute at most.
    Timestamp from, to;
    std::vector<SourceName> sources;  // by name; at least one

    bool is_exact() const { return from == to; }
    friend bool operator==(const LateFiring&, const LateFiring&) = default;
};
// The names of its sources, with commas between them.
std::string source_names(const LateFiring& late);
// As one text, for storage: "FROM TO NAME,NAME" in microseconds since 1970. Parsing returns nullopt if it is not
// valid.
std::string to_text(const LateFiring& late);
std::optional<LateFiring> parse_late_firing(std::string_view text);

// Why an alert is not active.
enum class AlertEnd : std::uint8_t { fired, paused, expired };
inline constexpr auto alert_end_names = enum_names<AlertEnd>({
    {AlertEnd::fired, "fired"},
    {AlertEnd::paused, "paused"},
    {AlertEnd::expired, "expired"},
});
constexpr std::string_view to_string(AlertEnd e) {
    return alert_end_names.name(e);
}
constexpr std::optional<AlertEnd> parse_alert_end(std::string_view text) {
    return alert_end_names.parse(text);
}

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
    // A webhook that has not arrived this long after the firing expires.
    Duration deliver_within = default_deliver_within;
    // Whether it fires for a moment that nobody watched. False: late is worthless.
    bool recover = true;
    // The trace of the request that created it; its webhooks belong to the same trace. Unset for alerts
    // created before traces existed.
    std::optional<TraceContext> trace;
    // When the URL was disabled for this user because it answered 410. Read with the alert, never written
    // with it.
    std::optional<Timestamp> endpoint_disabled_at;
    bool is_active = true;
    Timestamp created_at;
    std::optional<Timestamp> triggered_at;
    std::optional<Decimal> triggered_price;
    std::optional<LateFiring> late;  // set if it has fired late

    // Null in the plain form, in which target and condition say when it fires, once. An alert that has ever used
    // what the plain form cannot say, or whose rule was edited, has terms; where they are one number's above, below or
    // crosses_*, target and condition are that number and side.
    std::shared_ptr<const Terms> terms;
    AlertState state;  // of an alert in the plain form: as it is by default
    // Of an alert with terms: its creation, the last edit of its rule, when it was switched on again, or starts_at.
    Timestamp begun_at;
    bool notify_on_expiry = false;
    std::string message;            // the user's own, with placeholders; empty: Pricewire's
    std::optional<AlertEnd> ended;  // set if it is not active and has terms
};

// scheduled, active and snoozed are active alerts.
enum class AlertStatus : std::uint8_t { scheduled, active, snoozed, paused, fired, expired };
inline constexpr auto alert_status_names = enum_names<AlertStatus>({
    {AlertStatus::scheduled, "scheduled"},
    {AlertStatus::active, "active"},
    {AlertStatus::snoozed, "snoozed"},
    {AlertStatus::paused, "paused"},
    {AlertStatus::fired, "fired"},
    {AlertStatus::expired, "expired"},
});
constexpr std::string_view to_string(AlertStatus s) {
    return alert_status_names.name(s);
}
constexpr std::optional<AlertStatus> parse_alert_status(std::string_view text) {
    return alert_status_names.parse(text);
}
AlertStatus status_of(const Alert& alert, Timestamp now);

// What the matcher needs of an active alert.
struct ActiveAlert {
    Uuid id;
    Ticker ticker;
    Condition condition = Condition::gt;
    Decimal target;
    // Set if it has terms; condition and target then mean nothing.
    std::shared_ptr<const RuledAlert> ruled = nullptr;
    friend bool operator==(const ActiveAlert&, const ActiveAlert&) = default;
};

// A change to the set of active alerts. Changes are delivered in commit order.
struct AlertChange {
    // created  it is active now
    // deleted  it is not active any more: deleted, paused, or expired
    // changed  an alert with terms has another revision or state: `alert.ruled` is its row's. It may not have been known
    enum class Kind : std::uint8_t { created, deleted, changed };
    Kind kind = Kind::created;
    ActiveAlert alert;
};

// An alert fired by a price, and the id that its delivery will have.
struct Firing {
    Uuid alert_id;
    Uuid delivery_id;
};

// All alerts fired by one price. They stay together so that the database writes them as one set. What alerts with terms
// do at a moment at which no price came has the price in effect then, if there is one.
struct FiringGroup {
    Price price;
    Timestamp fired_at;
    std::vector<Firing> firings;
    std::optional<LateFiring> late = std::nullopt;  // unset if the price was judged when it was made
    // Of alerts with terms; each at most once in these three.
    std::vector<RuledFiring> ruled = {};
    std::vector<StateNote> notes = {};
    std::vector<Expiry> expiries = {};
    std::string board = {};  // the sources at the firing, as a JSON array; may be empty
    std::optional<Timestamp> board_at = {};
};

}  // namespace pricewire::inline domain
