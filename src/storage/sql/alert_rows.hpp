#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>

#include "domain/alert.hpp"
#include "domain/delivery.hpp"
#include "rule/canonical.hpp"
#include "storage/sql/rows.hpp"

// Alerts and their firings from the rows of either database, as rows.hpp says.
namespace pricewire::storage::sql {

template <typename Row>
std::optional<std::int64_t> maybe_number(const Row& row, int column) {
    if (row.null(column)) return std::nullopt;
    return row.number(column);
}
template <typename Row>
std::optional<Decimal> maybe_decimal(const Row& row, int column) {
    if (row.null(column)) return std::nullopt;
    return row.decimal(column);
}

// Text that does not parse was not written by us: it is left out.
template <typename Row>
std::optional<LateFiring> maybe_late(const Row& row, int column) {
    if (row.null(column)) return std::nullopt;
    return parse_late_firing(row.text(column));
}

inline std::optional<std::string> late_text(const FiringGroup& group) {
    if (!group.late) return std::nullopt;
    return to_text(*group.late);
}

// Throws UnknownValue for a text of a newer version.
template <typename Row>
std::shared_ptr<const Terms> read_terms(const Row& row, int column, const Uuid& alert_id) {
    const std::string_view text = row.null(column) ? std::string_view() : row.text(column);
    if (auto terms = rule::parse_canonical(text)) return std::make_shared<const Terms>(*std::move(terms));
    throw UnknownValue("alerts.rule", text, row_name(alert_id));
}

// Sets what the alert shows as its condition and target: gt and 0 if its terms are not about one number.
inline void show_target(Alert& alert) {
    const auto shown = rule::shown_target(*alert.terms);
    alert.condition = shown ? shown->first : pricewire::Condition::gt;
    alert.target = shown ? shown->second : Decimal{};
}

// id, user_id, ticker, condition, target, webhook_url, is_active, created_at, triggered_at, triggered_price,
// format, template_body, template_type, note, deliver_within, disabled_at, trace, recover, late, message, from `column`
// on.
inline constexpr int alert_columns = 20;
template <typename Row>
Alert read_plain_alert(const Row& row, int column) {
    Alert alert;
    alert.id = row.id(column);
    alert.user_id = row.id(column + 1);
    alert.ticker = Ticker(row.text(column + 2));
    alert.condition = known(&parse_condition, row, column + 3, "alerts.condition", alert.id);
    alert.target = row.decimal(column + 4);
    alert.webhook_url = row.text(column + 5);
    alert.is_active = row.flag(column + 6);
    alert.created_at = row.time(column + 7);
    alert.triggered_at = maybe_time(row, column + 8);
    alert.triggered_price = maybe_decimal(row, column + 9);
    alert.format = known(&parse_payload_format, row, column + 10, "alerts.format", alert.id);
    if (!row.null(column + 11)) {
        alert.custom =
            WebhookTemplate{std::string(row.text(column + 11)), std::string(row.text(column + 12))};
    }
    alert.note = row.text(column + 13);
    alert.deliver_within = Duration{row.number(column + 14)};
    alert.endpoint_disabled_at = maybe_time(row, column + 15);
    if (!row.null(column + 16)) alert.trace = parse_trace_text(row.text(column + 16));
    alert.recover = row.flag(column + 17);
    alert.late = maybe_late(row, column + 18);
    alert.message = row.text(column + 19);
    return alert;
}

// revision, firings, not_before, snoozed_until, starts_at, expires_at, rules, from `column` on.
template <typename Row>
AlertState read_state(const Row& row, int column, const Uuid& alert_id) {
    AlertState state;
    state.revision = row.number(column);
    state.firings = row.number(column + 1);
    state.muted_until = maybe_time(row, column + 2);
    state.snoozed_until = maybe_time(row, column + 3);
    state.starts_at = maybe_time(row, column + 4);
    state.expires_at = maybe_time(row, column + 5);
    const std::string_view text = row.text(column + 6);
    auto rules = parse_rule_states(text);
    if (!rules) throw UnknownValue("alert_states.rules", text, row_name(alert_id));
    state.rules = *std::move(rules);
    return state;
}

// The plain columns; rule, begun_at, notify_on_expiry, ended, the state.
inline constexpr auto read_alert = [](const auto& row) {
    Alert alert = read_plain_alert(row, 0);
    constexpr int column = alert_columns;
    if (row.null(column)) return alert;
    alert.terms = read_terms(row, column, alert.id);
    alert.begun_at = row.time(column + 1);
    alert.notify_on_expiry = row.flag(column + 2);
    if (!row.null(column + 3))
        alert.ended = known(&parse_alert_end, row, column + 3, "alert_states.ended", alert.id);
    alert.state = read_state(row, column + 4, alert.id);
    show_target(alert);
    return alert;
};

// id, ticker, condition, target: all that is reported of an alert that is not active any more.
inline constexpr auto read_plain_active = [](const auto& row) {
    const Uuid id = row.id(0);
    return ActiveAlert{id, Ticker(row.text(1)), known(&parse_condition, row, 2, "alerts.condition", id),
                       row.decimal(3)};
};

// The same, rule, created_at, begun_at, notify_on_expiry, the state.
inline constexpr auto read_active_alert = [](const auto& row) {
    ActiveAlert alert = read_plain_active(row);
    if (row.null(4)) return alert;
    auto ruled = std::make_shared<RuledAlert>();
    ruled->terms = read_terms(row, 4, alert.id);
    ruled->created_at = row.time(5);
    ruled->begun_at = row.time(6);
    ruled->notify_on_expiry = row.flag(7);
    ruled->state = read_state(row, 8, alert.id);
    alert.ruled = std::move(ruled);
    return alert;
};

inline ActiveAlert active_part(const Alert& alert) {
    if (!alert.terms) return {alert.id, alert.ticker, alert.condition, alert.target};
    return {alert.id, alert.ticker, pricewire::Condition::lt, Decimal{},
            std::make_shared<const RuledAlert>(RuledAlert{alert.terms, alert.state, alert.created_at,
                                                          alert.begun_at, alert.notify_on_expiry})};
}

// The same for an alert that is not active any more: its terms are not reported.
inline ActiveAlert last_part(const Alert& alert) {
    ActiveAlert out = active_part(alert);
    out.ruled = nullptr;
    return out;
}

// `kind` as it is stored: deliveries of alerts with terms have words of their own, which the version before skips. A
// firing in the plain form, from before its alert had terms, is not `ruled`.
struct StoredKind {
    DeliveryKind kind;
    bool ruled;
};
constexpr std::optional<StoredKind> parse_stored_kind(std::string_view text) {
    if (text == "ruled") return StoredKind{DeliveryKind::alert, true};
    if (text == "ruled_test") return StoredKind{DeliveryKind::test, true};
    if (text == "plain" || text == "push") return StoredKind{DeliveryKind::alert, false};
    if (text == "ruled_push") return StoredKind{DeliveryKind::alert, true};
    if (text == "expired_push") return StoredKind{DeliveryKind::expired, true};
    if (text == "test_push") return StoredKind{DeliveryKind::test, false};
    const auto kind = parse_delivery_kind(text);
    if (!kind) return std::nullopt;
    return StoredKind{*kind, *kind == DeliveryKind::expired};
}

// firing, price, price_time, revision, level, condition, evidence, the rule of that revision (of the present one, if it
// has none), the present revision, from `column` on.
inline constexpr int firing_columns = 9;
template <typename Row>
DeliveredFiring read_firing(const Row& row, int column, const Uuid& alert_id) {
    DeliveredFiring out;
    out.number = maybe_number(row, column).value_or(0);
    out.revision = row.number(row.null(column + 3) ? column + 8 : column + 3);
    out.terms = read_terms(row, column + 7, alert_id);
    if (row.null(column + 4)) {
        if (const auto shown = rule::shown_target(*out.terms)) std::tie(out.condition, out.level) = *shown;
    } else {
        out.level = row.decimal(column + 4);
        out.condition = known(&parse_condition, row, column + 5, "deliveries.condition", alert_id);
    }
    if (!row.null(column + 6)) out.evidence = row.text(column + 6);
    return out;
}

// id, attempts, round_start, kind, created_at, deadline, test_price, the secrets, the firing, the alert's plain columns; the
// device's id, endpoint, keys, label.
inline constexpr int push_column = 10 + firing_columns + alert_columns;
inline constexpr auto read_claimed = [](const auto& row) {
    constexpr int firing = 10;
    ClaimedDelivery out;
    out.id = row.id(0);
    out.attempt = int_at(row, 1) + 1;
    out.round = out.attempt - int_at(row, 2);
    const StoredKind stored = known(&parse_stored_kind, row, 3, "deliveries.kind", out.id);
    out.kind = stored.kind;
    out.created_at = row.time(4);
    out.deadline = row.time(5);
    out.secrets = read_secrets(row, 7);
    out.alert = read_plain_alert(row, firing + firing_columns);
    if (constexpr int push = push_column; !row.null(push)) {
        out.push = PushTarget{.subscription_id = row.id(push)};
        if (!row.null(push + 1)) {
            out.push->endpoint = row.text(push + 1);
            out.push->keys = row.text(push + 2);
            out.push->label = row.text(push + 3);
        }
        // Whether its webhooks are taken says nothing about the device.
        out.alert.endpoint_disabled_at.reset();
    }
    out.alert.triggered_at = out.created_at;
    if (out.kind == DeliveryKind::test) {
        out.alert.triggered_price = row.decimal(6);
    } else if (out.kind == DeliveryKind::expired || !row.null(firing + 1)) {
        out.alert.triggered_price = maybe_decimal(row, firing + 1);
    }
    // An alert that is still in the plain form: its own columns say everything.
    if (row.null(firing + 7)) return out;
    DeliveredFiring said = read_firing(row, firing, out.alert.id);
    out.alert.ticker = said.terms->rules.front().ticker;
    if (stored.ruled || out.kind == DeliveryKind::test) {
        out.alert.terms = said.terms;
        show_target(out.alert);
        out.firing = std::move(said);
    } else {
        out.alert.target = said.level;
        out.alert.condition = said.condition;
    }
    return out;
};

// delivery's id, alert's id, created_at, late, board, board_at, triggered_price, condition, target, the firing, from
// `column` on.
inline constexpr int view_columns = 9;
template <typename Row>
FiringView read_firing_view(const Row& row, int column) {
    const int firing = column + view_columns;
    const Uuid alert_id = row.id(column + 1);
    FiringView view;
    view.delivery_id = row.id(column);
    view.fired_at = row.time(column + 2);
    view.late = maybe_late(row, column + 3);
    if (!row.null(column + 4)) view.board = row.text(column + 4);
    view.board_at = maybe_time(row, column + 5);
    view.price = maybe_decimal(row, firing + 1);
    view.price_time = maybe_time(row, firing + 2);
    if (!row.null(firing + 7)) {
        view.said = read_firing(row, firing, alert_id);
        return view;
    }
    // In the plain form it has fired once; the price of a firing from before this schema is the alert's.
    view.said.condition = known(&parse_condition, row, column + 7, "alerts.condition", alert_id);
    view.said.level = row.decimal(column + 8);
    if (!view.price) view.price = maybe_decimal(row, column + 6);
    return view;
}

// id, alert_id, ticker, webhook_url, kind, state, attempts, created_at, deadline, due_at, finished_at, reason, status, late,
// round_start, the device's id, endpoint, label; the firing's view.
inline constexpr auto read_delivery = [](const auto& row) {
    DeliveryView view;
    view.id = row.id(0);
    view.alert_id = row.id(1);
    view.ticker = Ticker(row.text(2));
    view.webhook_url = row.text(3);
    const StoredKind stored = known(&parse_stored_kind, row, 4, "deliveries.kind", view.id);
    view.kind = stored.kind;
    view.state = known(&parse_delivery_state, row, 5, "deliveries.state", view.id);
    view.attempts = int_at(row, 6);
    view.created_at = row.time(7);
    view.deadline = row.time(8);
    if (view.state == DeliveryState::pending) view.next_attempt_at = maybe_time(row, 9);
    view.finished_at = maybe_time(row, 10);
    view.reason = row.text(11);
    view.last_status = maybe_int(row, 12);
    view.late = maybe_late(row, 13);
    view.round_start = int_at(row, 14);
    if (!row.null(15)) {
        view.kind = DeliveryKind::push;
        view.device = PushedDevice{.id = row.id(15), .of = stored.kind};
        if (!row.null(16)) view.device->endpoint = row.text(16);
        if (!row.null(17)) view.device->label = row.text(17);
    }
    constexpr int firing = 18;
    if (row.null(firing + view_columns + 7) || stored.kind == DeliveryKind::test) return view;
    FiringView fired = read_firing_view(row, firing);
    view.ticker = fired.said.terms->rules.front().ticker;
    if (stored.ruled) view.firing = std::move(fired);
    return view;
};

}  // namespace pricewire::storage::sql
