#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/clock.hpp"
#include "base/decimal.hpp"
#include "base/result.hpp"
#include "base/uuid.hpp"
#include "domain/alert.hpp"

// Webhook bodies of a user's own. Pure, any thread.
//
// A body is UTF-8 text with placeholders, written exactly so: {{ticker}} {{price}} {{target}} {{condition}}
// {{time}}
// {{alert_id}} {{note}}. "{{{{" writes a literal "{{"; a "}}" that closes no placeholder is itself. How a
// value is written depends on the content type:
//
//   JSON    inside a string escaped (RFC 8259 §7); outside one {{price}} and {{target}} are numbers with
//   their
//           exact digits, and the others are refused
//   form    all but the unreserved characters of RFC 3986 §2.3 as %XX
//   markup  & < > " ' as entities; what XML 1.0 cannot hold is left out
//   plain   as it is, without control characters but tabs and line breaks
//
// JSON is application/json, text/json and what ends in +json; form is application/x-www-form-urlencoded;
// markup is application/xml, text/xml, text/html and what ends in +xml; plain is every other text/*. No other
// content type is accepted, and no charset but UTF-8.
namespace pricewire::webhook {

constexpr std::size_t max_template_body = 16 * 1024;      // bytes
constexpr std::size_t max_template_content_type = 100;    // bytes, parameters included
constexpr std::size_t max_rendered_template = 64 * 1024;  // bytes, whatever the values are
constexpr std::size_t max_note = 500;                     // code points

// What the placeholders stand for.
struct TemplateValues {
    Ticker ticker;
    Decimal price;   // at which the alert fired
    Decimal target;  // the alert's
    Condition condition = Condition::gt;
    Timestamp time;  // of the firing
    Uuid alert_id;
    std::string note;
};

// Of an alert that has fired: triggered_at and triggered_price are set.
TemplateValues template_values(const Alert& alert);

// Whether a template can be used: its content type is one of those above; its body is not empty, UTF-8, at
// most max_template_body; every placeholder is known and closed; rendered with the longest values it stays
// within max_rendered_template; and where the type is JSON, it is JSON whatever the values are. Error: the
// first of these that does not hold and where, in words for the user.
Result<void> check_template(const WebhookTemplate& t);

// A user's note: UTF-8, at most max_note code points, no control characters but tabs and line breaks.
Result<void> check_note(std::string_view note);

// The body for a template that check_template() accepts and a note that check_note() accepts: the same bytes
// for the same values, at most max_rendered_template of them. Of any other template it makes something, too:
// what is no placeholder is written as it stands.
std::string render(const WebhookTemplate& t, const TemplateValues& values);

}  // namespace pricewire::webhook
