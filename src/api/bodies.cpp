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

std::optional<SignatureScheme> read_scheme(BodyReader& reader, std::string_view name) {
    const std::string* text = reader.optional_string(name);
    if (text == nullptr) return std::nullopt;
    const auto scheme = parse_signature_scheme(*text);
    if (!scheme) reader.refuse(name, "Input should be " + signature_scheme_names.choices(), "enum");
    return scheme;
}

std::optional<Timestamp> read_body_time(BodyReader& reader, std::string_view name, const std::string* text) {
    if (text == nullptr) return std::nullopt;
    const auto time = parse_rfc3339(*text);
    if (!time) reader.refuse(name, std::string(not_a_time), "datetime_parsing");
    return time ? std::optional(*time) : std::nullopt;
}

// States that can be retried, separated by commas.
std::vector<DeliveryState> read_recoverable(BodyReader& reader, std::string_view text) {
    std::vector<DeliveryState> out;
    while (!text.empty()) {
        const auto state = parse_delivery_state(trimmed(take_part(text, ',')));
        if (!state || !is_final(*state) || *state == DeliveryState::delivered) {
            out.clear();
            break;
        }
        out.push_back(*state);
    }
    if (out.empty())
        reader.refuse("status",
                      "Input should be some of failed, expired, cancelled, with commas between them", "enum");
    return out;
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
    out.since = read_body_time(reader, "since", reader.string("since")).value_or(Timestamp{});
    out.filter.until = read_body_time(reader, "until", reader.optional_string("until"));
    if (const std::string* text = reader.optional_string("endpoint"); text != nullptr)
        out.filter.webhook_url = *text;
    if (const std::string* text = reader.optional_string("status"); text != nullptr)
        out.filter.states = read_recoverable(reader, *text);
    if (const JsonField* field = reader.optional("dry_run"); field != nullptr) {
        if (field->kind != Kind::boolean)
            reader.refuse("dry_run", "Input should be true or false", "bool_type");
        out.filter.dry_run = field->text == "true";
    }
    return reader.result(std::move(out));
}

std::string stored_url(std::string_view text, const net::UrlPolicy& policy) {
    const auto url = net::parse_webhook_url(text, policy);
    return url ? url->url : std::string(text);
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
