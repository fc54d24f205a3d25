#pragma once

#include <string>
#include <string_view>

#include "base/result.hpp"
#include "domain/delivery.hpp"

// The webhook's body in the alert's format. Pure, any thread. It depends on stored values alone, so every
// attempt of a firing sends the same bytes.
namespace pricewire::webhook {

struct WebhookBody {
    std::string text;
    std::string content_type;
    // A test event, which test_header says as well: a template may have no place for it.
    bool test = false;
    std::string_view event = {};  // for event_header; empty for a firing, and for a test of one
};

// Sent with the value "true" if and only if WebhookBody::test is set.
constexpr std::string_view test_header = "pricewire-test";

// Sent if and only if WebhookBody::event is not empty.
constexpr std::string_view event_header = "pricewire-event";

// The body of a delivery in its alert's format: Pricewire's own, one of webhook/chat_formats.hpp, or the user's template.
// `delivery.alert` has fired, or its life has ended.
//
// Pricewire's own is {"alert_id","ticker","triggered_price","target_price","condition","triggered_at","created_at",
// "message"}, where created_at is the alert's, then "note" unless it is empty, and "test":true in a test event, and what
// write_late() writes if it has fired late. Prices are JSON numbers with their exact digits. If the alert has terms, there
// follow {"rule","firing","change","anchor_price","anchor_time","left_out","blind_seconds"}, after the second of these
// "triggered_ticker" if its rules are about several tickers, and for an expiry {"event":"expired","closest"}.
//
// The message, in it and in chats, is the user's or says what has happened: "BTC rose above 70000: 70100.5". For an expiry
// it is always the latter. In a test event "Test: " precedes it; if it has fired late, " (late: happened at …)" or
// " (late: happened between … and …)" follows.
WebhookBody webhook_body(const ClaimedDelivery& delivery);

// The message alone, which webhook_body() puts into its formats.
std::string message_text(const ClaimedDelivery& delivery);

// Whether webhooks in this format can be sent to this URL: Telegram needs the chat in it, as
// "…/sendMessage?chat_id=…". Error: what is missing, without the URL, which contains the bot's token.
Result<void> check_format(PayloadFormat format, std::string_view url);

}  // namespace pricewire::webhook
