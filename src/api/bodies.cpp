#include "api/bodies.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "api/email.hpp"
#include "api/json_fields.hpp"

namespace pricewire::api {
namespace {

using Kind = JsonField::Kind;

// Takes fields out of a body one by one and gathers what is wrong with them.
class BodyReader {
public:
    explicit BodyReader(const JsonFields& fields) : fields_(fields) {}

    void refuse(std::string_view name, std::string message, std::string_view type) {
        issues_.push_back({"body", std::string(name), std::move(message), std::string(type)});
    }

    const JsonField* field(std::string_view name) {
        const JsonField* found = fields_.find(name);
        if (found == nullptr) refuse(name, "Field required", "missing");
        return found;
    }

    const std::string* string(std::string_view name) {
        const JsonField* found = field(name);
        if (found == nullptr) return nullptr;
        if (found->kind != Kind::string) {
            refuse(name, "Input should be a valid string", "string_type");
            return nullptr;
        }
        return &found->text;
    }

    template <typename T>
    Parsed<T> result(T value) {
        if (!issues_.empty()) return std::unexpected(std::move(issues_));
        return value;
    }

private:
    const JsonFields& fields_;
    std::vector<Issue> issues_;
};

std::string list_of(const std::vector<Ticker>& tickers) {
    constexpr std::size_t max_shown = 30;
    std::string out;
    for (std::size_t i = 0; i < std::min(tickers.size(), max_shown); ++i) {
        if (i > 0) out += ", ";
        out += tickers[i].view();
    }
    if (tickers.size() > max_shown) out += ", …";
    return out;
}

Ticker read_ticker(BodyReader& reader, const std::vector<Ticker>& tickers) {
    const std::string* text = reader.string("ticker");
    if (text == nullptr) return {};
    const std::string upper = upper_case(*text);
    if (!is_ticker(upper) || std::find(tickers.begin(), tickers.end(), Ticker(upper)) == tickers.end()) {
        reader.refuse("ticker", fmt::format("Input should be one of {}", list_of(tickers)), "enum");
        return {};
    }
    return Ticker(upper);
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
    if (!condition) reader.refuse("condition", "Input should be 'gt' or 'lt'", "enum");
    return condition.value_or(Condition::gt);
}

std::string read_webhook_url(BodyReader& reader, const net::UrlPolicy& policy) {
    const std::string* text = reader.string("webhook_url");
    if (text == nullptr) return {};
    const auto url = net::parse_webhook_url(*text, policy);
    if (!url) reader.refuse("webhook_url", url.error().message, "webhook_url");
    return *text;
}

}  // namespace

std::string upper_case(std::string_view text) {
    std::string out(text);
    std::transform(out.begin(), out.end(), out.begin(),
                   [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; });
    return out;
}

Parsed<RegisterBody> parse_register_body(std::string_view body) {
    const auto fields = parse_json_object(body);
    if (!fields) return std::unexpected(std::vector{fields.error()});
    BodyReader reader(*fields);
    RegisterBody out;
    if (const std::string* email = reader.string("email"); email != nullptr) {
        if (const auto checked = check_email(*email); !checked) {
            reader.refuse("email",
                          fmt::format("value is not a valid email address: {}", checked.error().message),
                          "value_error");
        }
        out.email = *email;
    }
    return reader.result(std::move(out));
}

Parsed<AlertBody> parse_alert_body(std::string_view body, const std::vector<Ticker>& tickers,
                                   const net::UrlPolicy& policy) {
    const auto fields = parse_json_object(body);
    if (!fields) return std::unexpected(std::vector{fields.error()});
    BodyReader reader(*fields);
    AlertBody out;
    out.ticker = read_ticker(reader, tickers);
    out.target = read_target(reader);
    out.condition = read_condition(reader);
    out.webhook_url = read_webhook_url(reader, policy);
    return reader.result(std::move(out));
}

}  // namespace pricewire::api
