#pragma once

#include <string>
#include <string_view>

#include "base/result.hpp"
#include "domain/delivery.hpp"

// What is sent, by the alert's format. Pure, any thread; made of what is stored alone, so that it is the same
// to the byte on every attempt.
namespace pricewire::webhook {

struct WebhookBody {
    std::string text;
    std::string content_type;
    // A test event. Told in a header as well, test_header: a template has no other place for it.
    bool test = false;
};

// Sent with the value "true" where, and only where, WebhookBody::test is set.
constexpr std::string_view test_header = "pricewire-test";

// The body of a delivery in its alert's format: webhook_payload(), one of webhook/chat_formats.hpp, or the
// user's template. `delivery.alert` has fired.
WebhookBody webhook_body(const ClaimedDelivery& delivery);

// Whether webhooks of this format can be sent to this URL: Telegram needs to be told the chat, as
// "…/sendMessage?chat_id=…". Error: what is missing, without showing the URL, which holds the bot's token.
Result<void> check_format(PayloadFormat format, std::string_view url);

// Pricewire's own body: {"alert_id","ticker","triggered_price","target_price","condition","triggered_at",
// "created_at","message"}, where created_at is the alert's, then "note" where there is one and "test":true in
// a test event. Prices are JSON numbers with their exact digits. `alert` has fired: triggered_at and
// triggered_price are set.
std::string webhook_payload(const Alert& alert, DeliveryKind kind = DeliveryKind::alert);

// The same in plain words: "BTC rose above 70000: 70100.5"; a test event's begin with "Test: ".
std::string webhook_message(const Alert& alert, DeliveryKind kind = DeliveryKind::alert);

}  // namespace pricewire::webhook
