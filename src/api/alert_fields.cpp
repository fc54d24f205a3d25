#include "api/alert_fields.hpp"

#include <fmt/format.h>

#include "base/json_writer.hpp"
#include "rule/canonical.hpp"
#include "webhook/payload.hpp"
#include "webhook/template.hpp"

namespace pricewire::api {
namespace {

using Kind = JsonField::Kind;

constexpr std::string_view default_content_type = "application/json";

// Reports an invalid template at the member that is invalid.
void check_template(BodyReader& reader, const WebhookTemplate& custom) {
    const auto checked = webhook::check_template(custom);
    if (checked) return;
    // "1" is a valid body of every content type.
    const bool type_is_good = webhook::check_template({"1", custom.content_type}).has_value();
    reader.refuse(type_is_good ? "body" : "content_type", checked.error().message, "value_error");
}

// The member as JSON; unset where it is missing or null.
std::optional<std::string> json_of(const BodyReader& reader, std::string_view name) {
    const JsonField* field = reader.optional(name);
    if (field == nullptr) return std::nullopt;
    if (field->kind != Kind::string) return field->text;
    std::string out;
    append_json_string(out, field->text);
    return out;
}

// Beside `when`, the short form may say the same.
void check_short_form(BodyReader& reader, const Terms& terms) {
    if (reader.optional("when") == nullptr) return;
    const auto shown = rule::shown_target(terms);
    using Shown = std::pair<Condition, Decimal>;
    const auto check = [&](std::string_view name, const auto& read, auto Shown::* said) {
        if (reader.optional(name) == nullptr) return;
        const std::size_t before = reader.issue_count();
        const auto value = read(reader);
        if (reader.issue_count() > before || (shown && (*shown).*said == value)) return;
        reader.refuse(name, "Give either when, or condition and target_price; or both alike", "value_error");
    };
    check("condition", read_condition, &Shown::first);
    check("target_price", read_target, &Shown::second);
}

void add_issues(BodyReader& reader, std::vector<rule::RuleIssue> issues) {
    std::vector<Issue> out;
    for (rule::RuleIssue& issue : issues) {
        issue.path.insert(issue.path.begin(), "body");
        out.push_back({std::move(issue.path), std::move(issue.message), std::move(issue.type)});
    }
    reader.add(std::move(out));
}

}  // namespace

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
    } else if (*value > Decimal::from_int(rule::max_level)) {
        reader.refuse(name, fmt::format("Input should be less than or equal to {}", rule::max_level),
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

Duration read_deliver_within(BodyReader& reader) {
    constexpr std::string_view name = "deliver_within";
    const JsonField* field = reader.optional(name);
    if (field == nullptr) return default_deliver_within;
    std::optional<Duration> value;
    if (field->kind == Kind::number) value = parse_seconds(field->text);
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

std::string read_message(BodyReader& reader) {
    const std::string* text = reader.optional_string("message");
    if (text == nullptr) return {};
    if (const auto checked = webhook::check_message(*text); !checked)
        reader.refuse("message", checked.error().message, "value_error");
    return *text;
}

std::optional<Issue> webhook_issue(const Result<net::WebhookUrl>& vetted, PayloadFormat format,
                                   std::string_view webhook_url) {
    const std::vector<LocStep> loc{"body", "webhook_url"};
    if (!vetted) return Issue{loc, vetted.error().message, "webhook_url"};
    if (const auto fits = webhook::check_format(format, webhook_url); !fits)
        return Issue{loc, fits.error().message, "value_error"};
    return std::nullopt;
}

RuleTexts rule_texts(const BodyReader& reader) {
    return {json_of(reader, "when"), json_of(reader, "watch"), json_of(reader, "for"),
            json_of(reader, "repeat")};
}

rule::RuleInput read_form(BodyReader& reader, const RuleTexts& texts, const Ticker& ticker) {
    rule::RuleInput input{.ticker = ticker};
    if (texts.when) return input;
    const Decimal target = read_target(reader);
    input.target = target.is_positive() ? target : Decimal::from_int(1);
    input.condition = read_condition(reader);
    return input;
}

Terms read_terms(BodyReader& reader, const RuleTexts& texts, rule::RuleInput input,
                 const rule::NamedTicker& named) {
    input.when = texts.when;
    input.watch = texts.watch;
    input.hold = texts.hold;
    input.repeat = texts.repeat;
    auto terms = rule::parse_terms(input, named);
    if (terms) {
        check_short_form(reader, *terms);
        return std::move(*terms);
    }
    add_issues(reader, std::move(terms.error()));
    return {};
}

rule::Life read_life(BodyReader& reader, Timestamp now) {
    const auto starts = json_of(reader, "starts_at");
    const auto expires = json_of(reader, "expires_at");
    const auto snoozed = json_of(reader, "snoozed_until");
    const auto notify = json_of(reader, "notify_on_expiry");
    auto life = rule::parse_life({starts, expires, snoozed, notify}, now);
    if (life) return *life;
    add_issues(reader, std::move(life.error()));
    return {};
}

}  // namespace pricewire::api
