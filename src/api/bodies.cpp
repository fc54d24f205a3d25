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
