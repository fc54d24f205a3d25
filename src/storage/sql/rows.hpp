#pragma once

#include <optional>
#include <string>

#include "domain/alert.hpp"
#include "domain/blind.hpp"
#include "domain/delivery.hpp"
#include "domain/listing.hpp"
#include "domain/market.hpp"
#include "domain/user.hpp"
#include "domain/watch_state.hpp"
#include "storage/bars.hpp"
#include "storage/error.hpp"
#include "storage/listings.hpp"
#include "storage/outbox.hpp"
#include "storage/users.hpp"

// Records from the rows of either database, in the column order of the named queries. A Row gives the values
// of its columns: null(), text(), bytes(), number(), flag(), id(), time(), decimal(); they throw StorageError
// if a column holds something else.
namespace pricewire::storage::sql {

inline std::string row_name(const Uuid& id) {
    return id.to_string();
}
inline std::string row_name(std::string_view key) {
    return std::string(key);
}

// The value of a column that holds one of a set of words. Throws UnknownValue.
template <typename T, typename Row, typename Key>
T known(std::optional<T> (*parse)(std::string_view), const Row& row, int column, const char* name,
        const Key& key) {
    const std::string_view text = row.text(column);
    if (const auto value = parse(text)) return *value;
    throw UnknownValue(name, text, row_name(key));
}

template <typename Row>
std::optional<Timestamp> maybe_time(const Row& row, int column) {
    if (row.null(column)) return std::nullopt;
    return row.time(column);
}
template <typename Row>
std::optional<Duration> maybe_duration(const Row& row, int column) {
    if (row.null(column)) return std::nullopt;
    return Duration{row.number(column)};
}
template <typename Row>
std::optional<int> maybe_int(const Row& row, int column) {
    if (row.null(column)) return std::nullopt;
    return static_cast<int>(row.number(column));
}
template <typename Row>
int int_at(const Row& row, int column) {
    return static_cast<int>(row.number(column));
}

inline constexpr auto read_id = [](const auto& row) { return row.id(0); };
inline constexpr auto read_text = [](const auto& row) { return std::string(row.text(0)); };

inline constexpr auto read_user = [](const auto& row) {
    return User{row.id(0), std::string(row.text(1)), row.flag(2), row.time(3)};
};

// current, previous, previous_until, from `column` on.
inline constexpr auto read_secrets = [](const auto& row, int column = 0) {
    return WebhookSecrets{std::string(row.text(column)), std::string(row.text(column + 1)),
                          maybe_time(row, column + 2)};
};

inline constexpr auto read_stored_secrets = [](const auto& row) {
    return StoredSecrets{row.id(3), read_secrets(row)};
};

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

// id, user_id, ticker, condition, target, webhook_url, is_active, created_at, triggered_at, triggered_price,
// format, template_body, template_type, note, deliver_within, disabled_at, trace, recover, late, from `column` on.
inline constexpr auto read_alert = [](const auto& row, int column = 0) {
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
    if (!row.null(column + 9)) alert.triggered_price = row.decimal(column + 9);
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
    return alert;
};

// id, ticker, condition, target.
inline constexpr auto read_active_alert = [](const auto& row) {
    const Uuid id = row.id(0);
    return ActiveAlert{id, Ticker(row.text(1)), known(&parse_condition, row, 2, "alerts.condition", id),
                       row.decimal(3)};
};

inline ActiveAlert active_part(const Alert& alert) {
    return {alert.id, alert.ticker, alert.condition, alert.target};
}

inline constexpr auto read_endpoint = [](const auto& row) {
    return UserEndpoint{std::string(row.text(0)), maybe_time(row, 1), std::string(row.text(2))};
};

// id, attempts, round_start, kind, created_at, deadline, test_price, the secrets, the alert.
inline constexpr auto read_claimed = [](const auto& row) {
    ClaimedDelivery out;
    out.id = row.id(0);
    out.attempt = int_at(row, 1) + 1;
    out.round = out.attempt - int_at(row, 2);
    out.kind = known(&parse_delivery_kind, row, 3, "deliveries.kind", out.id);
    out.created_at = row.time(4);
    out.deadline = row.time(5);
    out.secrets = read_secrets(row, 7);
    out.alert = read_alert(row, 10);
    if (out.kind == DeliveryKind::test) {
        out.alert.triggered_at = out.created_at;
        out.alert.triggered_price = row.decimal(6);
    }
    return out;
};

// due, unfinished, oldest_due.
inline constexpr auto read_backlog = [](const auto& row) {
    return DeliveryBacklog{.due = static_cast<std::size_t>(row.number(0)),
                           .unfinished = static_cast<std::size_t>(row.number(1)),
                           .oldest_due = maybe_time(row, 2)};
};

inline constexpr auto read_breaker = [](const auto& row) {
    std::string endpoint(row.text(1));
    const BreakerState state = known(&parse_breaker_state, row, 2, "user_breakers.state", endpoint);
    return Breaker{row.id(0),          std::move(endpoint),      state,      int_at(row, 3),
                   maybe_time(row, 4), std::string(row.text(5)), row.time(6)};
};

inline constexpr auto read_delivery = [](const auto& row) {
    DeliveryView view;
    view.id = row.id(0);
    view.alert_id = row.id(1);
    view.ticker = Ticker(row.text(2));
    view.webhook_url = row.text(3);
    view.kind = known(&parse_delivery_kind, row, 4, "deliveries.kind", view.id);
    view.state = known(&parse_delivery_state, row, 5, "deliveries.state", view.id);
    view.attempts = int_at(row, 6);
    view.created_at = row.time(7);
    view.deadline = row.time(8);
    if (view.state == DeliveryState::pending) view.next_attempt_at = maybe_time(row, 9);
    view.finished_at = maybe_time(row, 10);
    view.reason = row.text(11);
    view.last_status = maybe_int(row, 12);
    view.late = maybe_late(row, 13);
    return view;
};

// ticker, started_at, ended_at, reason, state, told_until, unknown_us, fired, tries.
inline constexpr auto read_blind = [](const auto& row) {
    BlindSpan span;
    span.ticker = Ticker(row.text(0));
    span.from = row.time(1);
    span.to = maybe_time(row, 2);
    span.reason = row.text(3);
    span.state = known(&parse_blind_state, row, 4, "blind_spans.state", span.ticker.view());
    span.told_until = maybe_time(row, 5);
    span.unknown = Duration{row.number(6)};
    span.fired = int_at(row, 7);
    span.tries = int_at(row, 8);
    return span;
};

// id, condition, target, created_at.
inline constexpr auto read_recoverable = [](const auto& row) {
    const Uuid id = row.id(0);
    return RecoverableAlert{id, known(&parse_condition, row, 1, "alerts.condition", id), row.decimal(2),
                            row.time(3)};
};

inline constexpr auto read_attempt = [](const auto& row) {
    Attempt attempt;
    attempt.number = int_at(row, 0);
    attempt.started_at = row.time(1);
    attempt.duration = Duration{row.number(2)};
    attempt.status = maybe_int(row, 3);
    attempt.error = row.text(4);
    attempt.remote_ip = row.text(5);
    attempt.request_headers = row.text(6);
    attempt.answer = row.bytes(7);
    attempt.times = {maybe_duration(row, 8), maybe_duration(row, 9), maybe_duration(row, 10),
                     maybe_duration(row, 11)};
    return attempt;
};

// start, open, high, low, close, volume, origin.
template <typename Row>
Bar read_bar(const Row& row, Ticker ticker) {
    return {ticker,
            row.time(0),
            row.decimal(1),
            row.decimal(2),
            row.decimal(3),
            row.decimal(4),
            row.null(5) ? std::nullopt : std::optional(row.decimal(5)),
            row.number(6) != 0};
}

// The column `origin`: whether a bar is made of live prices, of them and of history or of history alone, or is a venue's
// candle of the whole interval.
enum class Origin : std::uint8_t { live, history, candle };
inline int origin_of(const Bar& bar, bool is_candle = false) {
    return static_cast<int>(is_candle ? Origin::candle : bar.is_history ? Origin::history : Origin::live);
}

// ticker, state, reason, since.
inline constexpr auto read_watch_state = [](const auto& row) {
    std::string ticker(row.text(0));
    const Unwatchable why = known(&parse_unwatchable, row, 1, "watch_states.state", ticker);
    return WatchState{Ticker(ticker), why, std::string(row.text(2)), row.time(3)};
};

// until, next_at.
inline constexpr auto read_filled = [](const auto& row) { return Filled{maybe_time(row, 0), row.time(1)}; };

inline constexpr auto read_listed_source = [](const auto& row) {
    const SourceName source = row.text(0);
    return ListedSource{source, known(&parse_source_kind, row, 1, "listing_sources.kind", source.view()),
                        row.time(2), row.number(3)};
};

inline constexpr auto read_listed_pair = [](const auto& row) {
    ListedPair pair;
    pair.symbol = row.text(0);
    pair.ticker = row.text(1);
    pair.currency = row.text(2);
    pair.status = known(&parse_listing_status, row, 3, "listings.status", pair.symbol);
    pair.name = row.text(4);
    pair.gone_at = maybe_time(row, 5);
    pair.disagrees_since = maybe_time(row, 6);
    return pair;
};

// The id after all others.
inline Uuid last_uuid() {
    Uuid last;
    last.bytes.fill(0xff);
    return last;
}

}  // namespace pricewire::storage::sql
