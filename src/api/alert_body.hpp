#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/bodies.hpp"
#include "api/known_tickers.hpp"
#include "domain/alert.hpp"
#include "net/webhook_url.hpp"
#include "rule/parse.hpp"

// Bodies that make, change and preview alerts. Pure.
namespace pricewire::api {

// What bodies are read with.
struct AlertContext {
    const KnownTickers& tickers;
    const net::UrlPolicy& policy;
    Timestamp now;
};

struct AlertBody {
    Ticker ticker;
    Terms terms;  // checked
    rule::Life life;
    std::string webhook_url;  // canonical; its text was checked, its addresses were not
    PayloadFormat format = PayloadFormat::json;
    std::optional<WebhookTemplate> custom;  // set if format is custom; checked
    std::string note;
    Duration deliver_within = default_deliver_within;
    bool recover = true;
    std::string message;
};

// Tickers are case-insensitive; a price may be a number or a string of its digits. Unknown fields are ignored, but for
// those of a rule.
Parsed<AlertBody> parse_alert_body(std::string_view body, const AlertContext& context);

// In the plain form, or with terms.
Alert alert_of(AlertBody body, const Uuid& user_id, Timestamp now);

struct PreviewBody {
    Ticker ticker;
    Terms terms;
    Duration over = std::chrono::hours{24 * 30};  // from rule::shortest_simulation to longest_simulation
};
// The body of an alert, of which only what says when it fires is used, and "over".
Parsed<PreviewBody> parse_preview_body(std::string_view body, const AlertContext& context);

// What a body that changes an alert makes of it.
struct ChangedAlert {
    Alert alert;  // as it is to be; what follows from it is as it was
    bool new_url = false;
};
// A member that is null gets its default; unknown ones are refused, as are those that cannot be changed.
Parsed<ChangedAlert> parse_alert_change(std::string_view body, const Alert& alert,
                                        const AlertContext& context);

// What the alert says, also if it is in the plain form.
Terms terms_of(const Alert& alert);
// How often it has fired; the plain form keeps no count.
std::int64_t firings_of(const Alert& alert);
// Whether it uses nothing but the plain form, so that it is shown without the members that came later.
bool is_plain(const Alert& alert);

}  // namespace pricewire::api
