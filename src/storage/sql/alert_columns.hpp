#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "domain/alert.hpp"
#include "storage/alerts.hpp"

// How alerts with terms are stored.
namespace pricewire::storage::sql {

// How an alert says when it fires. With terms, condition and target are lt and 0, which is true for no price.
struct RuleColumns {
    Condition condition = Condition::lt;
    Decimal target;
    std::optional<std::string> rule;
    std::string key;  // '' where its rule alone can be said in the plain form, as below
    std::optional<Condition> plain_condition;
    std::optional<Decimal> plain_target;

    // What an identical alert has, however it was written.
    Condition same_condition() const { return plain_condition.value_or(condition); }
    Decimal same_target() const { return plain_target.value_or(target); }
};
RuleColumns rule_columns(const Alert& alert);
// The text of its rule, also of an alert in the plain form.
std::string canonical_of(const Alert& alert);

// The number of the firing with which it ends; nullopt: it does not end by firing.
std::optional<std::int64_t> times_of(const Terms& terms);

// The tickers that it watches besides the first rule's, by name, separated by spaces.
std::string other_tickers(const Terms& terms);
// The pairs of tickers that its ratios compare, as "BTC ETH BTC SOL": each once, in order.
std::string ratio_pairs(const Terms& terms);
std::vector<Ticker> split_tickers(std::string_view others);

// A new alert as it is stored: it has not begun.
Alert unbegun(Alert alert);

// What an edit makes of an alert.
struct EditedAlert {
    Alert after;
    bool other_state = false;  // what decides when it fires is different
    bool is_new_rule = false;  // the next revision
    bool switched_on = false;
    bool other_identity = false;  // it may have become identical to another one
    bool other_url = false;
};
// `wanted`: the alert as AlertEdit has left it.
EditedAlert edited(const Alert& before, const Alert& wanted, Timestamp now);

// What is stored after a note: what was armed stays armed, whichever checker noticed it first, and of extremes the one
// that is known until later counts. nullopt: the note is of another number of rules, or was made before the alert last
// began.
std::optional<std::vector<RuleState>> merged(const std::vector<RuleState>& stored,
                                             const std::vector<RuleState>& note, Timestamp begun_at);

}  // namespace pricewire::storage::sql
