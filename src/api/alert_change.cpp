#include <algorithm>
#include <array>
#include <utility>

#include "api/alert_body.hpp"
#include "api/alert_fields.hpp"
#include "base/json_writer.hpp"
#include "rule/canonical.hpp"

namespace pricewire::api {
namespace {

using Kind = JsonField::Kind;

constexpr std::array<std::string_view, 19> changeable{
    "ticker",    "target_price", "condition",        "when",        "watch",
    "for",       "repeat",       "starts_at",        "expires_at",  "snoozed_until",
    "is_active", "message",      "notify_on_expiry", "webhook_url", "format",
    "template",  "note",         "deliver_within",   "recover"};
constexpr std::array<std::string_view, 17> shown_only{
    "id",      "created_at",  "triggered_at", "triggered_price",  "says",
    "status",  "firings",     "revision",     "watched",          "unwatched_reason",
    "late",    "occurred_at", "sources",      "occurred_between", "endpoint_disabled_at",
    "user_id", "armed"};

bool lists(auto& names, std::string_view name) {
    return std::find(names.begin(), names.end(), name) != names.end();
}

Condition other_side(Condition c) {
    return c == Condition::gt ? Condition::lt : Condition::gt;
}

Word other_side(Word w) {
    switch (w) {
        case Word::above:
            return Word::below;
        case Word::below:
            return Word::above;
        case Word::crosses_up:
            return Word::crosses_down;
        case Word::crosses_down:
            return Word::crosses_up;
        default:
            return w;
    }
}

// One change of an alert, member by member: what the body lacks stays as it is.
class Changer {
public:
    Changer(const JsonFields& fields, const Alert& alert, const AlertContext& context)
        : fields_(fields), reader_(fields), context_(context), before_(alert), out_{.alert = alert} {}

    Parsed<ChangedAlert> change() {
        for (const JsonField& field : fields_.all()) refuse_unless_known(field.name);
        change_terms();
        change_life();
        change_texts();
        if (has("is_active")) switch_on_or_off();
        return reader_.result(std::move(out_));
    }

private:
    bool has(std::string_view name) const { return fields_.find(name) != nullptr; }
    bool has_any(std::initializer_list<std::string_view> names) const {
        return std::any_of(names.begin(), names.end(), [&](std::string_view name) { return has(name); });
    }

    void refuse_unless_known(const std::string& name) {
        if (lists(changeable, name)) return;
        reader_.refuse(name,
                       lists(shown_only, name)
                           ? "It cannot be changed"
                           : rule::no_such_member(name, {changeable.begin(), changeable.end()}),
                       rule::unknown_member);
    }

    void change_terms() {
        if (!has_any({"ticker", "when", "watch", "for", "repeat", "condition", "target_price"})) return;
        Alert& alert = out_.alert;
        if (has("ticker")) alert.ticker = read_ticker(reader_, context_.tickers);
        const Terms old = terms_of(before_);
        rule::RuleInput input{.ticker = alert.ticker};
        RuleTexts texts = rule_texts(reader_);
        if (has("when") || (has_any({"condition", "target_price"}) && !rule::shown_target(old))) {
            input = read_form(reader_, texts, alert.ticker);
        } else {
            texts.when = edited_when(old);
        }
        if (!has("for")) texts.hold = unless_null(rule::hold_json(old));
        if (!has("repeat") && old.repeat) texts.repeat = repeat_of(old);
        if (has("repeat") && old.repeat && texts.repeat) texts.repeat = merged(*texts.repeat, repeat_of(old));
        // A ticker that no venue lists any more stays where rules that stay name it.
        const std::vector<Ticker> kept = has("when") ? std::vector<Ticker>() : tickers_of(old);
        const auto named = [&](std::string_view name) {
            const auto at = std::ranges::find(kept, name, &Ticker::view);
            return at != kept.end() ? *at : context_.tickers.named(name);
        };
        const std::size_t before = reader_.issue_count();
        Terms terms = read_terms(reader_, texts, input, named);
        if (reader_.issue_count() > before) return;
        set_terms(old, std::move(terms));
    }

    // `when` of a body without it: the rule as it was, with the number and the side that the body gives.
    std::string edited_when(const Terms& old) {
        Terms terms = old;
        Rule& first = terms.rules.front();
        if (has("target_price")) {
            const Decimal target = read_target(reader_);
            if (target.is_positive()) first.level = {.number = target};
        }
        if (has("condition") && read_condition(reader_) == other_side(rule::shown_target(old)->first))
            first.word = other_side(first.word);
        if (has("watch") && terms.joined == Joined::one) {
            first.watched = Watched::price;
            first.interval = {};
            first.other = {};
        }
        return rule::when_json(terms, before_.ticker);
    }

    // Where the margin was the default, the new rule's is its own.
    std::string repeat_of(const Terms& old) const {
        JsonWriter w;
        w.begin_object()
            .field("cooldown", format_duration(old.repeat->cooldown))
            .field("times", old.repeat->times)
            .end_object();
        std::string by_default = std::move(w).str();
        const std::string when = rule::when_json(old, before_.ticker);
        const auto hold = unless_null(rule::hold_json(old));
        rule::RuleInput input{.ticker = before_.ticker, .when = when, .repeat = by_default};
        if (hold) input.hold = *hold;
        const auto again = rule::parse_terms(
            input, [](std::string_view name) { return std::expected<Ticker, std::string>(Ticker(name)); });
        return again && again->repeat == old.repeat ? by_default : rule::repeat_json(old);
    }

    // As a JSON merge patch: members that are not given stay. What is not an object stays as it is, to be refused.
    static std::string merged(const std::string& given, const std::string& old) {
        const auto members = parse_json_object(given), kept = parse_json_object(old);
        if (!members || !kept) return given;
        std::string out = given.substr(0, given.rfind('}'));
        bool is_empty = members->all().empty();
        for (const JsonField& field : kept->all()) {
            if (members->find(field.name) != nullptr) continue;
            out += is_empty ? "" : ",";
            is_empty = false;
            append_json_string(out, field.name);
            out += ':';
            if (field.kind == Kind::string) {
                append_json_string(out, field.text);
            } else {
                out += field.text;
            }
        }
        return out + '}';
    }

    static std::optional<std::string> unless_null(std::string json) {
        if (json == "null") return std::nullopt;
        return json;
    }

    void set_terms(const Terms& old, Terms terms) {
        Alert& alert = out_.alert;
        if (terms == old) return;
        const auto shown = rule::shown_target(terms);
        std::tie(alert.condition, alert.target) = shown.value_or(std::pair{Condition::lt, Decimal{}});
        alert.terms = std::make_shared<const Terms>(std::move(terms));
    }

    void change_life() {
        if (!has_any({"starts_at", "expires_at", "snoozed_until", "notify_on_expiry"})) return;
        Alert& alert = out_.alert;
        const rule::Life life = read_life(reader_, context_.now);
        if (has("notify_on_expiry")) alert.notify_on_expiry = life.notify_on_expiry;
        if (has("snoozed_until")) alert.state.snoozed_until = life.snoozed_until;
        if (has("expires_at")) alert.state.expires_at = life.expires_at;
        if (has("starts_at")) alert.state.starts_at = life.starts_at;
        if (!(has("starts_at") && has("expires_at")) && has_any({"starts_at", "expires_at"}) &&
            alert.state.starts_at && alert.state.expires_at &&
            *alert.state.expires_at <= *alert.state.starts_at) {
            refuse_expiry();
        }
    }

    void refuse_expiry() { reader_.refuse("expires_at", "Input should be in the future", "value_error"); }

    void change_texts() {
        Alert& alert = out_.alert;
        if (has("webhook_url")) {
            alert.webhook_url = read_webhook_url(reader_, context_.policy);
            out_.new_url = alert.webhook_url != before_.webhook_url;
        }
        if (has("format")) alert.format = read_format(reader_);
        if (has("template") || (alert.format == PayloadFormat::custom && !alert.custom)) {
            alert.custom = read_template(reader_, alert.format);
        } else if (alert.format != PayloadFormat::custom) {
            alert.custom.reset();
        }
        if (has("note")) alert.note = read_note(reader_);
        if (has("message")) alert.message = read_message(reader_);
        if (has("deliver_within")) alert.deliver_within = read_deliver_within(reader_);
        if (has("recover")) alert.recover = read_recover(reader_);
    }

    void switch_on_or_off() {
        const JsonField* field = reader_.optional("is_active");
        if (field != nullptr && field->kind != Kind::boolean)
            reader_.refuse("is_active", "Input should be true or false", "bool_type");
        out_.alert.is_active = field == nullptr || field->text != "false";
        // Not for a life that has ended.
        const auto expires = out_.alert.state.expires_at;
        if (out_.alert.is_active && !has("expires_at") && expires && *expires <= context_.now)
            refuse_expiry();
    }

    const JsonFields& fields_;
    BodyReader reader_;
    const AlertContext& context_;
    const Alert& before_;
    ChangedAlert out_;
};

}  // namespace

Parsed<ChangedAlert> parse_alert_change(std::string_view body, const Alert& alert,
                                        const AlertContext& context) {
    const auto fields = parse_json_object(body);
    if (!fields) return std::unexpected(std::vector{fields.error()});
    return Changer(*fields, alert, context).change();
}

}  // namespace pricewire::api
