#include "api/alert_body.hpp"

#include <algorithm>
#include <tuple>
#include <utility>

#include "api/alert_fields.hpp"
#include "base/text.hpp"
#include "rule/canonical.hpp"
#include "rule/simulate.hpp"

namespace pricewire::api {
namespace {

Terms read_new_terms(BodyReader& reader, const Ticker& ticker, const KnownTickers& tickers) {
    const RuleTexts texts = rule_texts(reader);
    return read_terms(reader, texts, read_form(reader, texts, ticker),
                      [&](std::string_view name) { return tickers.named(name); });
}

void set_when(Alert& alert, Terms terms, const rule::Life& life) {
    alert.state.starts_at = life.starts_at;
    alert.state.expires_at = life.expires_at;
    alert.state.snoozed_until = life.snoozed_until;
    alert.notify_on_expiry = life.notify_on_expiry;
    const auto plain = rule::plain_form(terms);
    const auto shown = rule::shown_target(terms);
    if (shown) std::tie(alert.condition, alert.target) = *shown;
    if (!plain || life != rule::Life{}) alert.terms = std::make_shared<const Terms>(std::move(terms));
}

std::optional<Duration> days_or_duration(std::string_view text) {
    if (text.ends_with('d')) {
        const auto days = parse_number<std::uint16_t>(text.substr(0, text.size() - 1));
        if (days) return std::chrono::hours{24} * *days;
        return std::nullopt;
    }
    const auto parsed = parse_duration(text);
    if (parsed) return *parsed;
    return std::nullopt;
}

Duration read_over(BodyReader& reader) {
    constexpr std::string_view name = "over";
    const std::string* text = reader.optional_string(name);
    if (text == nullptr) return PreviewBody{}.over;
    const auto over = days_or_duration(*text);
    if (!over) {
        reader.refuse(name, "Input should be a duration such as 24h or 30d", "duration_parsing");
    } else if (*over < rule::shortest_simulation || *over > rule::longest_simulation) {
        reader.refuse(name, "Input should be between 1h and 90d", "out_of_range");
    }
    return over.value_or(PreviewBody{}.over);
}

}  // namespace

Parsed<AlertBody> parse_alert_body(std::string_view body, const AlertContext& context) {
    const auto fields = parse_json_object(body);
    if (!fields) return std::unexpected(std::vector{fields.error()});
    BodyReader reader(*fields);
    AlertBody out;
    out.ticker = read_ticker(reader, context.tickers);
    out.terms = read_new_terms(reader, out.ticker, context.tickers);
    out.webhook_url = read_webhook_url(reader, context.policy);
    out.format = read_format(reader);
    out.custom = read_template(reader, out.format);
    out.note = read_note(reader);
    out.deliver_within = read_deliver_within(reader);
    out.recover = read_recover(reader);
    out.life = read_life(reader, context.now);
    out.message = read_message(reader);
    return reader.result(std::move(out));
}

Alert alert_of(AlertBody body, const Uuid& user_id, Timestamp now) {
    Alert alert;
    alert.id = make_uuid(now);
    alert.user_id = user_id;
    alert.ticker = body.ticker;
    set_when(alert, std::move(body.terms), body.life);
    alert.webhook_url = std::move(body.webhook_url);
    alert.format = body.format;
    alert.custom = std::move(body.custom);
    alert.note = std::move(body.note);
    alert.deliver_within = body.deliver_within;
    alert.recover = body.recover;
    alert.message = std::move(body.message);
    alert.created_at = now;
    return alert;
}

Parsed<PreviewBody> parse_preview_body(std::string_view body, const AlertContext& context) {
    const auto fields = parse_json_object(body);
    if (!fields) return std::unexpected(std::vector{fields.error()});
    BodyReader reader(*fields);
    PreviewBody out;
    out.ticker = read_ticker(reader, context.tickers);
    out.terms = read_new_terms(reader, out.ticker, context.tickers);
    read_life(reader, context.now);  // checked only: what is stored is judged without it
    out.over = read_over(reader);
    return reader.result(std::move(out));
}

Terms terms_of(const Alert& alert) {
    return alert.terms ? *alert.terms : rule::plain_terms(alert.ticker, alert.condition, alert.target);
}

std::int64_t firings_of(const Alert& alert) {
    if (alert.terms) return alert.state.firings;
    return alert.triggered_at ? 1 : 0;
}

bool is_plain(const Alert& alert) {
    return !alert.terms && alert.message.empty();
}

}  // namespace pricewire::api
