#include "webhook/payload.hpp"

#include "base/json_writer.hpp"
#include "domain/late_json.hpp"
#include "webhook/chat_formats.hpp"
#include "webhook/template.hpp"

namespace pricewire::webhook {
namespace {

ChatMessage chat_message(const Alert& alert, DeliveryKind kind) {
    return {.headline = webhook_message(alert, kind),
            .note = alert.note,
            .time = alert.triggered_at ? format_rfc3339(*alert.triggered_at) : std::string()};
}

std::string body_text(const Alert& alert, DeliveryKind kind) {
    switch (alert.format) {
        case PayloadFormat::json:
            break;
        case PayloadFormat::slack:
            return slack_body(chat_message(alert, kind));
        case PayloadFormat::discord:
            return discord_body(chat_message(alert, kind));
        case PayloadFormat::telegram:
            return telegram_body(chat_message(alert, kind), telegram_chat_id(alert.webhook_url));
        case PayloadFormat::custom:
            // Storage keeps format and template together; without a template Pricewire's own body is sent.
            if (alert.custom) return render(*alert.custom, template_values(alert));
    }
    return webhook_payload(alert, kind);
}

}  // namespace

WebhookBody webhook_body(const ClaimedDelivery& delivery) {
    const Alert& alert = delivery.alert;
    const bool custom = alert.format == PayloadFormat::custom && alert.custom;
    return {.text = body_text(alert, delivery.kind),
            .content_type = custom ? alert.custom->content_type : "application/json",
            .test = delivery.kind == DeliveryKind::test};
}

Result<void> check_format(PayloadFormat format, std::string_view url) {
    if (format == PayloadFormat::telegram && !is_telegram_chat_id(telegram_chat_id(url))) {
        return fail(
            "format telegram needs the chat in the URL: "
            "https://api.telegram.org/bot<token>/sendMessage?chat_id=<id>, "
            "where <id> is a number or @channel");
    }
    return {};
}

std::string webhook_message(const Alert& alert, DeliveryKind kind) {
    std::string text(kind == DeliveryKind::test ? "Test: " : "");
    text.append(alert.ticker.view()).append(" ").append(kind_of(alert.condition).crossed).append(" ");
    text += alert.target.to_string();
    if (alert.triggered_price) text.append(": ").append(alert.triggered_price->to_string());
    if (alert.late && alert.late->is_exact()) {
        text.append(" (late: happened at ").append(format_rfc3339(alert.late->from)).append(")");
    } else if (alert.late) {
        text.append(" (late: happened between ").append(format_rfc3339(alert.late->from));
        text.append(" and ").append(format_rfc3339(alert.late->to)).append(")");
    }
    return text;
}

std::string webhook_payload(const Alert& alert, DeliveryKind kind) {
    JsonWriter w;
    w.begin_object()
        .field("alert_id", alert.id)
        .field("ticker", alert.ticker.view())
        .field("triggered_price", alert.triggered_price)
        .field("target_price", alert.target)
        .field("condition", to_string(alert.condition))
        .field("triggered_at", alert.triggered_at)
        .field("created_at", alert.created_at)
        .field("message", webhook_message(alert, kind));
    if (!alert.note.empty()) w.field("note", alert.note);
    if (kind == DeliveryKind::test) w.field("test", true);
    if (alert.late) write_late(w, *alert.late);
    w.end_object();
    return std::move(w).str();
}

}  // namespace pricewire::webhook
