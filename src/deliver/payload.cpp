#include "deliver/payload.hpp"

#include "base/json_writer.hpp"

namespace pricewire {

std::string webhook_message(const Alert& alert) {
    std::string text(alert.ticker.view());
    text += alert.condition == Condition::gt ? " rose above " : " fell below ";
    text += alert.target.to_string();
    if (alert.triggered_price) text.append(": ").append(alert.triggered_price->to_string());
    return text;
}

std::string webhook_payload(const Alert& alert) {
    JsonWriter w;
    w.begin_object()
        .field("alert_id", alert.id)
        .field("ticker", alert.ticker.view())
        .field("triggered_price", alert.triggered_price)
        .field("target_price", alert.target)
        .field("condition", to_string(alert.condition))
        .field("triggered_at", alert.triggered_at)
        .field("created_at", alert.created_at)
        .field("message", webhook_message(alert))
        .end_object();
    return std::move(w).str();
}

}  // namespace pricewire
