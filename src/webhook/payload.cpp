#include "webhook/payload.hpp"

#include <algorithm>

#include "base/json_writer.hpp"
#include "domain/late_json.hpp"
#include "rule/evidence.hpp"
#include "rule/words.hpp"
#include "webhook/chat_formats.hpp"
#include "webhook/template.hpp"

namespace pricewire::webhook {
namespace {

using MaybeEvidence = std::optional<rule::Evidence>;

std::string plain_words(const Alert& alert, const std::optional<Decimal>& price) {
    std::string text(alert.ticker.view());
    text.append(" ").append(kind_of(alert.condition).crossed).append(" ").append(alert.target.to_string());
    if (price) text.append(": ").append(price->to_string());
    return text;
}

std::optional<Decimal> distance_at_the_end(const rule::Evidence& evidence) {
    if (evidence.rules.empty() || !evidence.rules.front().value) return std::nullopt;
    const rule::RuleSeen& rule = evidence.rules.front();
    std::optional<Decimal> least;
    for (const auto& level : {rule.level.value, rule.upper ? rule.upper->value : std::nullopt}) {
        if (!level) continue;
        const Decimal distance = (*rule.value - *level).abs();
        least = least ? std::min(*least, distance) : distance;
    }
    return least;
}

std::string expiry_words(const TemplateValues& values, const MaybeEvidence& evidence) {
    std::string text = "Expired: " + values.rule + ". It has ";
    text += values.firing == 0   ? "not fired."
            : values.firing == 1 ? "fired once."
                                 : "fired " + std::to_string(values.firing) + " times.";
    if (!evidence) return text;
    if (const auto& closest = evidence->closest) {
        text.append(" It came as close as ").append(rule::grouped(closest->distance));
        text.append(", on ").append(rule::date_words(closest->time, values.time)).append(".");
    } else if (const auto distance = distance_at_the_end(*evidence)) {
        text.append(" At its end it was ").append(rule::grouped(*distance)).append(" away.");
    }
    return text;
}

std::string own_words(const ClaimedDelivery& delivery, const TemplateValues& values,
                      const MaybeEvidence& evidence) {
    if (delivery.kind == DeliveryKind::expired) return expiry_words(values, evidence);
    if (!delivery.firing) return plain_words(delivery.alert, values.price);
    if (evidence) {
        std::string why = rule::because(*delivery.firing->terms, *evidence, values.time);
        if (!why.empty()) return why;
    }
    return values.price ? values.rule + ": " + values.price->to_string() : values.rule;
}

std::string message_of(const ClaimedDelivery& delivery, const TemplateValues& values,
                       const MaybeEvidence& evidence) {
    const Alert& alert = delivery.alert;
    std::string text(delivery.kind == DeliveryKind::test ? "Test: " : "");
    text += alert.message.empty() || delivery.kind == DeliveryKind::expired
                ? own_words(delivery, values, evidence)
                : render_message(alert.message, values);
    if (alert.late && alert.late->is_exact()) {
        text.append(" (late: happened at ").append(format_rfc3339(alert.late->from)).append(")");
    } else if (alert.late) {
        text.append(" (late: happened between ").append(format_rfc3339(alert.late->from));
        text.append(" and ").append(format_rfc3339(alert.late->to)).append(")");
    }
    return text;
}

void write_terms(JsonWriter& w, const ClaimedDelivery& delivery, const TemplateValues& values,
                 const MaybeEvidence& evidence) {
    w.field("rule", values.rule).field("firing", values.firing);
    if (values.has_several_tickers) {
        w.field("triggered_ticker",
                values.price_ticker ? std::optional(values.price_ticker->view()) : std::nullopt);
    }
    w.field("change", values.change.empty() ? std::nullopt : std::optional(values.change))
        .field("anchor_price", values.anchor_price)
        .field("anchor_time", values.anchor_time)
        .field("left_out", values.left_out)
        .field("blind_seconds", values.blind_seconds);
    if (delivery.kind != DeliveryKind::expired) return;
    w.field("event", to_string(DeliveryKind::expired)).key("closest");
    rule::write_closest(w, evidence ? evidence->closest : std::nullopt);
}

std::string own_payload(const ClaimedDelivery& delivery, const TemplateValues& values,
                        const MaybeEvidence& evidence) {
    const Alert& alert = delivery.alert;
    JsonWriter w;
    w.begin_object()
        .field("alert_id", alert.id)
        .field("ticker", alert.ticker.view())
        .field("triggered_price", values.price)
        .field("target_price", values.target)
        .field("condition", to_string(values.condition))
        .field("triggered_at", alert.triggered_at)
        .field("created_at", alert.created_at)
        .field("message", message_of(delivery, values, evidence));
    if (!alert.note.empty()) w.field("note", alert.note);
    if (delivery.kind == DeliveryKind::test) w.field("test", true);
    if (alert.late) write_late(w, *alert.late);
    if (delivery.firing) write_terms(w, delivery, values, evidence);
    w.end_object();
    return std::move(w).str();
}

std::string body_text(const ClaimedDelivery& delivery) {
    const Alert& alert = delivery.alert;
    const MaybeEvidence evidence = evidence_of(delivery);
    const TemplateValues values = template_values(delivery, evidence);
    const auto chat = [&] {
        return ChatMessage{.headline = message_of(delivery, values, evidence),
                           .note = alert.note,
                           .time = alert.triggered_at ? format_rfc3339(*alert.triggered_at) : std::string()};
    };
    switch (alert.format) {
        case PayloadFormat::json:
            break;
        case PayloadFormat::slack:
            return slack_body(chat());
        case PayloadFormat::discord:
            return discord_body(chat());
        case PayloadFormat::telegram:
            return telegram_body(chat(), telegram_chat_id(alert.webhook_url));
        case PayloadFormat::custom:
            // Storage keeps format and template together; without a template Pricewire's own body is sent.
            if (alert.custom) return render(*alert.custom, values);
    }
    return own_payload(delivery, values, evidence);
}

}  // namespace

WebhookBody webhook_body(const ClaimedDelivery& delivery) {
    const Alert& alert = delivery.alert;
    const bool custom = alert.format == PayloadFormat::custom && alert.custom;
    const bool expired = delivery.kind == DeliveryKind::expired;
    return {.text = body_text(delivery),
            .content_type = custom ? alert.custom->content_type : "application/json",
            .test = delivery.kind == DeliveryKind::test,
            .event = expired ? to_string(DeliveryKind::expired) : std::string_view()};
}

std::string message_text(const ClaimedDelivery& delivery) {
    const MaybeEvidence evidence = evidence_of(delivery);
    return message_of(delivery, template_values(delivery, evidence), evidence);
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

}  // namespace pricewire::webhook
