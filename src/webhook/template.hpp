#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.hpp"
#include "base/decimal.hpp"
#include "base/result.hpp"
#include "base/uuid.hpp"
#include "domain/alert.hpp"

// Users' own webhook bodies. Pure, any thread.
//
// A body is UTF-8 text with the placeholders {{ticker}} {{price}} {{target}} {{condition}} {{time}}
// {{alert_id}} {{note}} {{late}} {{occurred_at}} {{occurred_until}} {{sources}}, spelled exactly like this. "{{{{"
// writes a literal "{{"; a "}}" that closes no placeholder is kept. How a value is written depends on the content type:
//
//   JSON    escaped inside a string (RFC 8259 §7); outside of one {{price}} and {{target}} are numbers with
//           their exact digits, and the others are refused
//   form    all but the unreserved characters of RFC 3986 §2.3 as %XX
//   markup  & < > " ' as entities; characters that XML 1.0 does not allow are left out
//   plain   unchanged, without control characters other than tabs and line breaks
//
//   JSON    application/json, text/json and types that end in +json
//   form    application/x-www-form-urlencoded
//   markup  application/xml, text/xml, text/html and types that end in +xml
//   plain   every other text/*
//
// No other content type is accepted, and no charset but UTF-8.
namespace pricewire::webhook {

constexpr std::size_t max_template_body = 16 * 1024;      // bytes
constexpr std::size_t max_template_content_type = 100;    // bytes, parameters included
constexpr std::size_t max_rendered_template = 64 * 1024;  // bytes, with the longest values
constexpr std::size_t max_note = 500;                     // code points

// The values of the placeholders.
struct TemplateValues {
    Ticker ticker;
    Decimal price;   // at which the alert fired
    Decimal target;  // the alert's
    Condition condition = Condition::gt;
    Timestamp time;  // of the firing
    Uuid alert_id;
    std::string note;
    std::optional<LateFiring> late = std::nullopt;
};

// `alert` has fired: triggered_at and triggered_price are set.
TemplateValues template_values(const Alert& alert);

// Whether a template can be used: its content type is one of those above; its body is not empty, is UTF-8 and
// has at most max_template_body bytes; every placeholder is known and closed; with the longest values the
// result has at most max_rendered_template bytes; and if the type is JSON, the result is JSON for all values.
// Error: the first of these that does not hold and where, in words for the user.
Result<void> check_template(const WebhookTemplate& t);

// A user's note: UTF-8, at most max_note code points, no control characters but tabs and line breaks.
Result<void> check_note(std::string_view note);

// The body for a template that check_template() accepts and a note that check_note() accepts: the same bytes
// for the same values, at most max_rendered_template of them. For any other template unknown placeholders are
// kept as they are.
std::string render(const WebhookTemplate& t, const TemplateValues& values);

}  // namespace pricewire::webhook
