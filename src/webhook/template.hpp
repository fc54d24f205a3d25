#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "domain/alert.hpp"
#include "webhook/values.hpp"

// Users' own webhook bodies and messages. Pure, any thread.
//
// A body is UTF-8 text with the placeholders {{ticker}} {{price}} {{target}} {{condition}} {{time}} {{alert_id}}
// {{note}} {{late}} {{occurred_at}} {{occurred_until}} {{sources}} {{rule}} {{firing}} {{level}} {{change}}
// {{anchor_price}} {{anchor_time}} {{left_out}} {{blind_seconds}}, spelled exactly like this. "{{{{" writes a literal
// "{{"; a "}}" that closes no placeholder is kept. A value that is not there is written as nothing. How a value is
// written depends on the content type:
//
//   JSON    escaped inside a string (RFC 8259 §7); outside of one numbers have their exact digits, or are null, and
//           the others are refused
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
constexpr std::size_t max_message = 1000;                 // code points

// Whether a template can be used: its content type is one of those above; its body is not empty, is UTF-8 and
// has at most max_template_body bytes; every placeholder is known and closed; with the longest values the
// result has at most max_rendered_template bytes; and if the type is JSON, the result is JSON for all values.
// Error: the first of these that does not hold and where, in words for the user.
Result<void> check_template(const WebhookTemplate& t);

// A user's note: UTF-8, at most max_note code points, no control characters but tabs and line breaks.
Result<void> check_note(std::string_view note);

// A user's message: the same with at most max_message code points; every placeholder is known and closed, and with the
// longest values it has at most max_rendered_template bytes.
Result<void> check_message(std::string_view message);

// The body for a template that check_template() accepts and a note that check_note() accepts: the same bytes
// for the same values, at most max_rendered_template of them. For any other template unknown placeholders are
// kept as they are.
std::string render(const WebhookTemplate& t, const TemplateValues& values);

// The text of a message that check_message() accepts, for values with a note that check_note() accepts.
std::string render_message(std::string_view message, const TemplateValues& values);

}  // namespace pricewire::webhook
