#include "api/bodies.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "api/body_reader.hpp"
#include "api/email.hpp"
#include "api/json_fields.hpp"
#include "base/text.hpp"
#include "webhook/template.hpp"

namespace pricewire::api {
namespace {

using Kind = JsonField::Kind;

constexpr std::string_view default_content_type = "application/json";

Ticker read_ticker(BodyReader& reader, const KnownTickers& tickers) {
    const std::string* text = reader.string("ticker");
    if (text == nullptr) return {};
    const auto ticker = tickers.named(*text);
    if (!ticker) reader.refuse("ticker", ticker.error(), "enum");
    return ticker.value_or(Ticker());
}

Decimal read_target(BodyReader& reader) {
    constexpr std::string_view name = "target_price";
    const JsonField* field = reader.field(name);
    if (field == nullptr) return {};
    if (field->kind != Kind::number && field->kind != Kind::string) {
        reader.refuse(name, "Input should be a number, or a string of its digits", "decimal_type");
        return {};
    }
    const auto value = Decimal::parse(field->text);
    if (!value) {
        reader.refuse(name, fmt::format("Input should be a valid decimal: {}", value.error().message),
                      "decimal_parsing");
        return {};
    }
    if (!value->is_positive()) {
        reader.refuse(name, "Input should be greater than 0", "greater_than");
    } else if (*value > Decimal::from_int(max_target_price)) {
        reader.refuse(name, fmt::format("Input should be less than or equal to {}", max_target_price),
                      "less_than_equal");
    }
    return *value;
}

Condition read_condition(BodyReader& reader) {
    const std::string* text = reader.string("condition");
    if (text == nullptr) return {};
    const auto condition = parse_condition(*text);
    if (!condition) reader.refuse("condition", "Input should be " + condition_names.choices(), "enum");
    return condition.value_or(Condition::gt);
}

std::string read_webhook_url(BodyReader& reader, const net::UrlPolicy& policy) {
    const std::string* text = reader.string("webhook_url");
    if (text == nullptr) return {};
    const auto url = net::parse_webhook_url(*text, policy);
    if (!url) reader.refuse("webhook_url", url.error().message, "webhook_url");
    return url ? url->url : std::string();
}

PayloadFormat read_format(BodyReader& reader) {
    const std::string* text = reader.optional_string("format");
    if (text == nullptr) return PayloadFormat::json;
    const auto format = parse_payload_format(*text);
    if (!format) reader.refuse("format", "Input should be " + payload_format_names.choices(), "enum");
    return format.value_or(PayloadFormat::json);
}

// Reports an invalid template at the member that is invalid.
void check_template(BodyReader& reader, const WebhookTemplate& custom) {
    const auto checked = webhook::check_template(custom);
    if (checked) return;
    // "1" is a valid body of every content type.
    const bool type_is_good = webhook::check_template({"1", custom.content_type}).has_value();
    reader.refuse(type_is_good ? "body" : "content_type", checked.error().message, "value_error");
}

std::optional<WebhookTemplate> read_template(BodyReader& reader, PayloadFormat format) {
    constexpr std::string_view name = "template";
    const JsonField* field = reader.optional(name);
    if (field == nullptr) {
        if (format == PayloadFormat::custom) {
            reader.refuse(name, "Field required where format is 'template'", "missing");
        }
        return std::nullopt;
    }
    if (format != PayloadFormat::custom) {
        reader.refuse(name, "Only where format is 'template'", "value_error");
        return std::nullopt;
    }
    if (field->kind != Kind::object) {
        reader.refuse(name, "Input should be a JSON object", "model_attributes_type");
        return std::nullopt;
    }
    const JsonFields members(field->members);
    BodyReader inner(members, std::string(name));
    WebhookTemplate out;
    if (const std::string* body = inner.string("body"); body != nullptr) out.body = *body;
    const std::string* content_type = inner.optional_string("content_type");
    out.content_type = content_type != nullptr ? *content_type : std::string(default_content_type);
    std::vector<Issue> issues = inner.take_issues();
    if (issues.empty()) check_template(inner, out);
    reader.add(issues.empty() ? inner.take_issues() : std::move(issues));
    return out;
}

std::string read_note(BodyReader& reader) {
    const std::string* text = reader.optional_string("note");
    if (text == nullptr) return {};
    if (const auto checked = webhook::check_note(*text); !checked) {
        reader.refuse("note", checked.error().message, "value_error");
    }
    return *text;
}

// A number of seconds as whole microseconds.
std::optional<Duration> seconds_of(std::string_view digits) {
    const auto seconds = Decimal::parse(digits, Decimal::Excess::truncate);
    if (!seconds || *seconds > Decimal::from_int(max_target_price)) return std::nullopt;
    return Duration{static_cast<std::int64_t>(seconds->raw() / (Decimal::one_raw / 1'000'000))};
}

Duration read_deliver_within(BodyReader& reader) {
    constexpr std::string_view name = "deliver_within";
    const JsonField* field = reader.optional(name);
    if (field == nullptr) return default_deliver_within;
    std::optional<Duration> value;
    if (field->kind == Kind::number) value = seconds_of(field->text);
    if (field->kind == Kind::string) {
        if (const auto parsed = parse_duration(field->text)) value = *parsed;
    }
    if (!value) {
        reader.refuse(name, "Input should be a duration such as 30m or 24h, or a number of seconds",
                      "duration_parsing");
    } else if (*value < min_deliver_within || *value > max_deliver_within) {
        reader.refuse(name,
                      fmt::format("Input should be between {} and {}", format_duration(min_deliver_within),
                                  format_duration(max_deliver_within)),
                      "out_of_range");
    }
    return value.value_or(default_deliver_within);
}

bool read_recover(BodyReader& reader) {
    const JsonField* field = reader.optional("recover");
    if (field == nullptr) return true;
    if (field->kind != Kind::boolean) reader.refuse("recover", "Input should be true or false", "bool_type");
    return field->text != "false";
}

std::optional<SignatureScheme> read_scheme(BodyReader& reader, std::string_view name) {
    const std::string* text = reader.optional_string(name);
    if (text == nullptr) return std::nullopt;
    const auto scheme = parse_signature_scheme(*text);
    if (!scheme) reader.refuse(name, "Input should be " + signature_scheme_names.choices(), "enum");
    return scheme;
}

}  // namespace

std::optional<Ticker> find_ticker(std::string_view name, const std::vector<Ticker>& tickers) {
    const std::string upper = upper_case(name);
    if (!is_ticker(upper)) return std::nullopt;
    const auto found = std::ranges::find(tickers, Ticker(upper));
    if (found == tickers.end()) return std::nullopt;
    return *found;
}

Parsed<RegisterBody> parse_register_body(std::string_view body) {
    const auto fields = parse_json_object(body);
    if (!fields) return std::unexpected(std::vector{fields.error()});
    BodyReader reader(*fields);
    RegisterBody out;
    if (const std::string* email = reader.string("email"); email != nullptr) {
        auto parsed = parse_email(*email);
        if (!parsed) {
            reader.refuse("email",
                          fmt::format("value is not a valid email address: {}", parsed.error().message),
                          "value_error");
        }
        out.email = std::move(parsed).value_or("");
    }
    out.signature = read_scheme(reader, "signature").value_or(SignatureScheme::v1);
    return reader.result(std::move(out));
}

Parsed<AlertBody> parse_alert_body(std::string_view body, const KnownTickers& tickers,
                                   const net::UrlPolicy& policy) {
    const auto fields = parse_json_object(body);
    if (!fields) return std::unexpected(std::vector{fields.error()});
    BodyReader reader(*fields);
    AlertBody out;
    out.ticker = read_ticker(reader, tickers);
    out.target = read_target(reader);
    out.condition = read_condition(reader);
    out.webhook_url = read_webhook_url(reader, policy);
    out.format = read_format(reader);
    out.custom = read_template(reader, out.format);
    out.note = read_note(reader);
    out.deliver_within = read_deliver_within(reader);
    out.recover = read_recover(reader);
    return reader.result(std::move(out));
}

Parsed<WebhookSecretBody> parse_webhook_secret_body(std::string_view body) {
    if (body.empty()) return WebhookSecretBody{};
    const auto fields = parse_json_object(body);
    if (!fields) return std::unexpected(std::vector{fields.error()});
    BodyReader reader(*fields);
    WebhookSecretBody out;
    out.scheme = read_scheme(reader, "scheme");
    return reader.result(out);
}

Parsed<RecoverBody> parse_recover_body(std::string_view body) {
    const auto fields = parse_json_object(body);
    if (!fields) return std::unexpected(std::vector{fields.error()});
    BodyReader reader(*fields);
    RecoverBody out;
    if (const std::string* text = reader.string("since"); text != nullptr) {
        const auto since = parse_rfc3339(*text);
        if (!since) reader.refuse("since", std::string(not_a_time), "datetime_parsing");
        out.since = since.value_or(Timestamp{});
    }
    return reader.result(out);
}

Parsed<EnableBody> parse_enable_body(std::string_view body) {
    const auto fields = parse_json_object(body);
    if (!fields) return std::unexpected(std::vector{fields.error()});
    BodyReader reader(*fields);
    EnableBody out;
    if (const std::string* text = reader.string("webhook_url"); text != nullptr) {
        if (text->size() > max_webhook_url) {
            reader.refuse("webhook_url", fmt::format("Input should have at most {} bytes", max_webhook_url),
                          "too_long");
        }
        out.webhook_url = *text;
    }
    return reader.result(std::move(out));
}

}  // namespace pricewire::api
