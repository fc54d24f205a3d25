#include "storage/sql/alert_columns.hpp"

#include <algorithm>
#include <memory>
#include <set>
#include <utility>

#include "base/text.hpp"
#include "rule/canonical.hpp"
#include "rule/run.hpp"

namespace pricewire::storage::sql {
namespace {

Terms terms_of(const Alert& alert) {
    return alert.terms ? *alert.terms : rule::plain_terms(alert.ticker, alert.condition, alert.target);
}

bool same_rule(const Terms& a, const Terms& b) {
    return a.joined == b.joined && a.rules == b.rules && a.hold == b.hold;
}

// An alert in the plain form as one with terms.
Alert with_terms(Alert alert) {
    if (alert.terms) return alert;
    alert.terms = std::make_shared<const Terms>(terms_of(alert));
    alert.begun_at = alert.created_at;
    alert.state = {};
    if (alert.triggered_at) alert.state.firings = 1;
    if (!alert.is_active) alert.ended = AlertEnd::fired;
    return alert;
}

void take_texts(Alert& alert, const Alert& wanted) {
    alert.webhook_url = wanted.webhook_url;
    alert.format = wanted.format;
    alert.custom = wanted.custom;
    alert.note = wanted.note;
    alert.message = wanted.message;
    alert.deliver_within = wanted.deliver_within;
    alert.recover = wanted.recover;
}

void take_life(Alert& alert, const Alert& wanted) {
    alert.state.starts_at = wanted.state.starts_at;
    alert.state.expires_at = wanted.state.expires_at;
    alert.state.snoozed_until = wanted.state.snoozed_until;
    alert.notify_on_expiry = wanted.notify_on_expiry;
}

bool same_life(const Alert& a, const Alert& b) {
    return a.state.starts_at == b.state.starts_at && a.state.expires_at == b.state.expires_at &&
           a.state.snoozed_until == b.state.snoozed_until && a.notify_on_expiry == b.notify_on_expiry;
}

// A new start, as that of a new alert.
void begin(Alert& alert, Timestamp now) {
    alert.begun_at = std::max(now, alert.state.starts_at.value_or(now));
    alert.state.rules.clear();
    alert.state.muted_until.reset();
}

void end(Alert& alert, AlertEnd why) {
    alert.is_active = false;
    alert.ended = why;
}

void switch_on(Alert& alert, Timestamp now) {
    alert.is_active = true;
    alert.ended.reset();
    // A life that is over would end it again at once.
    if (alert.state.expires_at && *alert.state.expires_at <= now) alert.state.expires_at.reset();
}

bool has_fired_enough(const Alert& alert) {
    const auto& repeat = alert.terms->repeat;
    return repeat && repeat->times && alert.state.firings >= *repeat->times;
}

}  // namespace

RuleColumns rule_columns(const Alert& alert) {
    RuleColumns out;
    if (!alert.terms) {
        out.condition = alert.condition;
        out.target = alert.target;
        return out;
    }
    out.rule = rule::canonical(*alert.terms);
    if (const auto plain = rule::plain_form(*alert.terms)) {
        out.plain_condition = plain->first;
        out.plain_target = plain->second;
    } else {
        out.key = rule::rule_key(*alert.terms);
    }
    return out;
}

std::string canonical_of(const Alert& alert) {
    return rule::canonical(terms_of(alert));
}

std::optional<std::int64_t> times_of(const Terms& terms) {
    return terms.repeat ? terms.repeat->times : 1;
}

std::string other_tickers(const Terms& terms) {
    std::vector<Ticker> tickers = tickers_of(terms);
    std::sort(tickers.begin() + 1, tickers.end());
    std::string out;
    for (std::size_t i = 1; i < tickers.size(); ++i)
        out.append(out.empty() ? "" : " ").append(tickers[i].view());
    return out;
}

std::string ratio_pairs(const Terms& terms) {
    std::set<std::pair<Ticker, Ticker>> pairs;
    for (const Rule& rule : terms.rules) {
        if (rule.watched == Watched::ratio) pairs.insert(std::minmax(rule.ticker, rule.other));
    }
    std::string out;
    for (const auto& [one, other] : pairs) {
        out.append(out.empty() ? "" : " ").append(one.view());
        out.append(" ").append(other.view());
    }
    return out;
}

std::vector<Ticker> split_tickers(std::string_view others) {
    std::vector<Ticker> out;
    while (!others.empty()) out.emplace_back(take_part(others, ' '));
    return out;
}

Alert unbegun(Alert alert) {
    if (!alert.terms) return alert;
    alert.state.firings = 0;
    alert.state.revision = 1;
    begin(alert, alert.created_at);
    return alert;
}

EditedAlert edited(const Alert& before, const Alert& wanted, Timestamp now) {
    EditedAlert out{.after = before, .other_url = wanted.webhook_url != before.webhook_url};
    Alert& after = out.after;
    take_texts(after, wanted);
    const Terms old_terms = terms_of(before);
    const Terms& terms = wanted.terms ? *wanted.terms : old_terms;
    const bool other_terms = terms != old_terms;
    const bool switched = wanted.is_active != before.is_active;
    out.other_identity = out.other_url || other_terms;
    if (!other_terms && !switched && same_life(before, wanted)) return out;

    out.other_state = true;
    after = with_terms(std::move(after));
    out.is_new_rule = !same_rule(terms, old_terms) || wanted.state.starts_at != before.state.starts_at;
    out.switched_on = switched && wanted.is_active;
    if (other_terms) after.terms = wanted.terms;
    after.ticker = terms.rules.front().ticker;
    const auto shown = rule::shown_target(terms);
    after.condition = shown ? shown->first : Condition::gt;
    after.target = shown ? shown->second : Decimal{};
    take_life(after, wanted);
    if (out.is_new_rule) ++after.state.revision;
    if (out.switched_on) switch_on(after, now);
    if (out.is_new_rule || out.switched_on) {
        begin(after, now);
    } else if (other_terms) {
        rule::change_margin(after.state.rules, old_terms, terms, now);
    }
    if (switched && !wanted.is_active) end(after, AlertEnd::paused);
    if (after.is_active && !out.switched_on && other_terms && has_fired_enough(after))
        end(after, AlertEnd::fired);
    return out;
}

std::optional<std::vector<RuleState>> merged(const std::vector<RuleState>& stored,
                                             const std::vector<RuleState>& note, Timestamp begun_at) {
    if (std::any_of(note.begin(), note.end(), [&](const RuleState& rule) { return rule.start < begun_at; }))
        return std::nullopt;
    if (!stored.empty() && stored.size() != note.size()) return std::nullopt;
    std::vector<RuleState> out = note;
    for (std::size_t i = 0; i < stored.size(); ++i) {
        if (stored[i].armed && !note[i].armed) out[i] = stored[i];
        const RuleState& later = stored[i].extreme_until > note[i].extreme_until ? stored[i] : note[i];
        if (stored[i].start != note[i].start) continue;
        // Its margin was edited, which the one that noted this had not heard of.
        if (!out[i].armed) out[i].as_of = std::max(stored[i].as_of, note[i].as_of);
        out[i].extreme = later.extreme;
        out[i].upper_extreme = later.upper_extreme;
        out[i].extreme_until = later.extreme_until;
    }
    return out;
}

}  // namespace pricewire::storage::sql
