#include "push/message.hpp"

#include <string_view>
#include <utility>

#include "base/json_writer.hpp"
#include "base/utf8.hpp"
#include "domain/condition.hpp"
#include "rule/words.hpp"
#include "webhook/payload.hpp"

namespace pricewire::push {
namespace {

// In code points.
constexpr std::size_t longest_title = 150;
constexpr std::size_t longest_body = 1000;

std::string title_of(const ClaimedDelivery& delivery) {
    const Alert& alert = delivery.alert;
    std::string title(delivery.kind == DeliveryKind::test ? "Test: " : "");
    if (delivery.firing) {
        title += rule::rule_words(*delivery.firing->terms);
    } else {
        title += alert.ticker.view();
        title += kind_of(alert.condition).side == Side::above ? " above " : " below ";
        title += rule::grouped(alert.target);
    }
    return std::string(first_code_points(title, longest_title));
}

// As the page says it of an alert in the plain form.
std::string price_words(const Alert& alert) {
    const std::string price = rule::grouped(*alert.triggered_price);
    if (!alert.late) return "The price is " + price + ".";
    const auto at = [&](Timestamp time) { return rule::date_words(time, *alert.triggered_at); };
    const std::string when = alert.late->is_exact()
                                 ? "at " + at(alert.late->from)
                                 : "between " + at(alert.late->from) + " and " + at(alert.late->to);
    return "The price was " + price + " " + when + " UTC, unwatched.";
}

std::string body_of(const ClaimedDelivery& delivery) {
    const Alert& alert = delivery.alert;
    const bool plain = !delivery.firing && alert.message.empty() && alert.triggered_price;
    std::string body = plain ? price_words(alert) : webhook::message_text(delivery);
    if (!alert.note.empty()) body.append(" ").append(alert.note);
    return body;
}

std::string tag_of(const ClaimedDelivery& delivery) {
    if (delivery.kind == DeliveryKind::test) return delivery.id.to_string();
    const std::string alert = delivery.alert.id.to_string();
    if (delivery.kind == DeliveryKind::expired) return alert + " expired";
    return alert + " " + std::to_string(delivery.firing ? delivery.firing->number : 1);
}

std::string write(const ClaimedDelivery& delivery, std::string_view title, std::string_view body) {
    const Alert& alert = delivery.alert;
    JsonWriter w;
    w.begin_object().field("title", title).field("body", body).field("tag", tag_of(delivery));
    w.field("url", "#/alerts?text=" + alert.id.to_string()).field("ticker", alert.ticker.view());
    w.field("alert_id", alert.id).field("delivery_id", delivery.id);
    w.field("firing", delivery.firing ? delivery.firing->number : 1).field("fired_at", alert.triggered_at);
    if (alert.late) w.field("late", true);
    if (delivery.kind == DeliveryKind::test) w.field("test", true);
    if (delivery.kind == DeliveryKind::expired) w.field("expired", true);
    w.end_object();
    return std::move(w).str();
}

}  // namespace

std::string push_message(const ClaimedDelivery& delivery) {
    const std::string title = title_of(delivery);
    const std::string body = body_of(delivery);
    std::string_view shown = first_code_points(body, longest_body);
    std::string message = write(delivery, title, shown);
    // Characters may take up to six bytes as JSON.
    while (message.size() > max_message && !shown.empty()) {
        shown = first_code_points(shown, count_code_points(shown) * 3 / 4);
        message = write(delivery, title, shown);
    }
    return message;
}

}  // namespace pricewire::push
