#pragma once

#include <string>
#include <string_view>

#include "base/result.hpp"
#include "domain/delivery.hpp"

// The webhook's body in the alert's format. Pure, any thread. It depends on stored values alone, so every
// attempt sends the same bytes.
namespace pricewire::webhook {

struct WebhookBody {
    std::string text;
    std::string content_type;
    // A test event, which test_header says as well: a template may have no place for it.
    bool test = false;
    std::string_view event = {};  // what it is told of, for event_header; empty: a firing, or a test of one
};

// Sent with the value "true" if and only if WebhookBody::test is set.
constexpr std::string_view test_header = "pricewire-test";

// Sent if and only if WebhookBody::event is not empty.
constexpr std::string_view event_header = "pricewire-event";

// The body of a delivery in its alert's format: webhook_payload(), one of webhook/chat_formats.hpp, or the
// user's template. `delivery.alert` has fired, or its life has ended.
WebhookBody webhook_body(const ClaimedDelivery& delivery);

// Whether webhooks in this format can be sent to this URL: Telegram needs the chat in it, as
// "…/sendMessage?chat_id=…". Error: what is missing, without the URL, which contains the bot's token.
Result<void> check_format(PayloadFormat format, std::string_view url);

// Pricewire's own body: {"alert_id","ticker","triggered_price","target_price","condition","triggered_at",
// "created_at","message"}, where created_at is the alert's, then "note" unless it is empty, and "test":true
// in a test event, and what write_late() writes if it has fired late. Prices are JSON numbers with their exact digits.
// If the alert has terms, there follow {"rule","firing","change","anchor_price","anchor_time","left_out",
// "blind_seconds"}, and of an expiry {"event":"expired","closest"}.
std::string webhook_payload(const ClaimedDelivery& delivery);

// The message in it: the user's or, in words, what has happened, "BTC rose above 70000: 70100.5" say; of an expiry always
// the latter. With "Test: " before it in a test event, and with " (late: happened at …)" or " (late: happened between …
// and …)" behind it if it has fired late.
std::string webhook_message(const ClaimedDelivery& delivery);

}  // namespace pricewire::webhook
