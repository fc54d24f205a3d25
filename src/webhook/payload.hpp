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
};

// Sent with the value "true" if and only if WebhookBody::test is set.
constexpr std::string_view test_header = "pricewire-test";

// The body of a delivery in its alert's format: webhook_payload(), one of webhook/chat_formats.hpp, or the
// user's template. `delivery.alert` has fired.
WebhookBody webhook_body(const ClaimedDelivery& delivery);

// Whether webhooks in this format can be sent to this URL: Telegram needs the chat in it, as
// "…/sendMessage?chat_id=…". Error: what is missing, without the URL, which contains the bot's token.
Result<void> check_format(PayloadFormat format, std::string_view url);

// Pricewire's own body: {"alert_id","ticker","triggered_price","target_price","condition","triggered_at",
// "created_at","message"}, where created_at is the alert's, then "note" unless it is empty, and "test":true
// in a test event, and what write_late() writes if it has fired late. Prices are JSON numbers with their exact
// digits. `alert` has fired: triggered_at and triggered_price are set.
std::string webhook_payload(const Alert& alert, DeliveryKind kind = DeliveryKind::alert);

// The same in words: "BTC rose above 70000: 70100.5", with "Test: " before it in a test event, and with " (late:
// happened at …)" or " (late: happened between … and …)" behind it if it has fired late.
std::string webhook_message(const Alert& alert, DeliveryKind kind = DeliveryKind::alert);

}  // namespace pricewire::webhook
