#include "rule/parse.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.hpp"
#include "rule/canonical.hpp"
#include "rule/detail/bounds.hpp"
#include "rule/detail/reader.hpp"
#include "rule/detail/rule_levels.hpp"
#include "rule/detail/terms_json.hpp"
#include "rule/levels.hpp"

namespace pricewire::rule {
namespace {

using detail::Reader;
using detail::TermsJson;

// A member's value; null if it is not given. What is not JSON is refused at `name`.
class Member {
public:
    Member(Reader& reader, std::string_view name, std::optional<std::string_view> text) {
        if (!text) return;
        value_ = parse_json(*text);
        if (!value_) reader.refuse_at(name, "Invalid JSON", "json_invalid");
    }
    const Json* get() const { return value_ && value_->kind != Json::Kind::null ? &*value_ : nullptr; }

private:
    std::optional<Json> value_;
};

void check_hold(Reader& reader, const Terms& terms) {
    if (terms.hold == Duration{}) return;
    if (std::ranges::any_of(terms.rules, detail::has_window)) {
        reader.refuse_at("for", "Not together with over");
    } else if (terms.rules.front().watched == Watched::age) {
        reader.refuse_at("for", "Only null with age");
    }
}

void check_rearm(Reader& reader, const Terms& terms) {
    const Change& margin = terms.repeat->rearm;
    const Reader::At repeat(reader, "repeat");
    const auto can = [&](const Rule& rule) { return detail::can_rearm(rule, margin); };
    // Rules joined by all are armed again when one of them is.
    if (terms.joined == Joined::all ? std::ranges::none_of(terms.rules, can)
                                    : !std::ranges::all_of(terms.rules, can)) {
        reader.refuse_at("rearm",
                         fmt::format("With a margin of {} it would never be armed again: give a smaller one",
                                     to_text(margin)));
    } else if (margin.amount.is_zero() && std::ranges::any_of(terms.rules, detail::needs_margin)) {
        reader.refuse_at("rearm", "It would fire at every price of a climb: give a margin");
    }
}

void read_timing(Reader& reader, const TermsJson& json, Terms& terms) {
    const bool has_rules = reader.issue_count() == 0 && !terms.rules.empty();
    std::size_t before = reader.issue_count();
    if (json.hold != nullptr) terms.hold = reader.read_hold(*json.hold);
    if (has_rules && reader.issue_count() == before) check_hold(reader, terms);
    if (json.repeat == nullptr) return;
    before = reader.issue_count();
    std::optional<Change> rearm;
    terms.repeat = reader.read_repeat(*json.repeat, rearm);
    terms.repeat->rearm = rearm.value_or(detail::default_rearm(terms));
    if (has_rules && reader.issue_count() == before) check_rearm(reader, terms);
}

// The seed's form, with the watch that may stand beside it.
void read_plain(Reader& reader, const RuleInput& input, const Json* watch, Terms& terms) {
    if (!input.target) reader.refuse_at("target_price", "Field required", "missing");
    if (!input.condition) reader.refuse_at("condition", "Field required", "missing");
    if (!input.target || !input.condition) return;
    terms = plain_terms(input.ticker, *input.condition, *input.target);
    if (watch == nullptr) return;
    Rule& rule = terms.rules.front();
    {
        const Reader::At at(reader, "watch");
        reader.read_watch(*watch, rule);
        if (rule.watched == Watched::age && rule.word != Word::above) reader.refuse("Only gt with age");
    }
    const bool is_age = rule.watched == Watched::age;
    if (is_age && (*input.target < seconds_of(min_age) || *input.target > seconds_of(max_age)))
        reader.refuse_at("target_price", Reader::not_between(min_age, max_age), "out_of_range");
}

class LifeReader {
public:
    std::optional<Timestamp> time(std::string_view name, std::optional<std::string_view> text) {
        const auto json = value(text);
        if (!json) return std::nullopt;
        if (json->kind != Json::Kind::string) {
            refuse(name, "Input should be a valid string", "string_type");
            return std::nullopt;
        }
        const auto parsed = parse_rfc3339(json->text);
        if (parsed) return *parsed;
        refuse(name, "Input should be a date and time such as 2025-01-01T00:00:00Z", "datetime_parsing");
        return std::nullopt;
    }
    bool flag(std::string_view name, std::optional<std::string_view> text) {
        const auto json = value(text);
        if (json && json->kind != Json::Kind::boolean)
            refuse(name, "Input should be true or false", "bool_type");
        return json && json->text == "true";
    }
    void refuse(std::string_view name, std::string message, std::string_view type) {
        issues.push_back({{std::string(name)}, std::move(message), std::string(type)});
    }

    std::vector<RuleIssue> issues;

private:
    // Unset if it is not given. What is not JSON is none of the kinds that are asked for.
    static std::optional<Json> value(std::optional<std::string_view> text) {
        if (!text) return std::nullopt;
        auto json = parse_json(*text);
        if (!json) return Json{Json::Kind::array, {}, {}, {}};
        if (json->kind == Json::Kind::null) return std::nullopt;
        return json;
    }
};

}  // namespace

Checked<Terms> detail::read_terms(const TermsJson& json, const Ticker& ticker, const NamedTicker& named) {
    Reader reader(ticker, named);
    Terms terms;
    if (json.when != nullptr) reader.read_when(*json.when, json.watch, terms);
    read_timing(reader, json, terms);
    if (reader.issue_count() > 0) return std::unexpected(reader.take_issues());
    return terms;
}

Checked<Terms> parse_terms(const RuleInput& input, const NamedTicker& named) {
    Reader reader(input.ticker, named);
    const Member when(reader, "when", input.when), watch(reader, "watch", input.watch),
        hold(reader, "for", input.hold), repeat(reader, "repeat", input.repeat);
    Terms terms;
    if (when.get() == nullptr) {
        if (reader.issue_count() == 0) read_plain(reader, input, watch.get(), terms);
    } else if (input.condition || input.target) {
        reader.refuse_at("when", "Give either when, or condition and target_price");
    } else {
        reader.read_when(*when.get(), watch.get(), terms);
    }
    read_timing(reader, {nullptr, nullptr, hold.get(), repeat.get()}, terms);
    if (reader.issue_count() > 0) return std::unexpected(reader.take_issues());
    return terms;
}

Checked<Life> parse_life(const LifeInput& input, Timestamp now) {
    LifeReader reader;
    Life out;
    out.starts_at = reader.time("starts_at", input.starts_at);
    out.expires_at = reader.time("expires_at", input.expires_at);
    out.snoozed_until = reader.time("snoozed_until", input.snoozed_until);
    out.notify_on_expiry = reader.flag("notify_on_expiry", input.notify_on_expiry);
    if (out.expires_at && (*out.expires_at <= now || (out.starts_at && *out.expires_at <= *out.starts_at)))
        reader.refuse("expires_at", "Input should be in the future", "value_error");
    if (!reader.issues.empty()) return std::unexpected(std::move(reader.issues));
    return out;
}

std::string no_such_member(std::string_view name, const std::vector<std::string_view>& known) {
    // Far enough for two slips, not so far that short names resemble each other.
    const std::size_t limit = name.size() < 4 ? 1 : 2;
    std::string_view nearest;
    std::size_t least = limit + 1;
    for (const std::string_view candidate : known) {
        const std::size_t distance = edit_distance(lower_case(name.substr(0, 64)), candidate);
        if (distance < least) nearest = candidate;
        least = std::min(least, distance);
    }
    if (nearest.empty()) return "There is no such field here";
    return fmt::format("There is no such field here; did you mean '{}'?", nearest);
}

}  // namespace pricewire::rule
