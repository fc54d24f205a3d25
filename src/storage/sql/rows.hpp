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

inline constexpr auto read_endpoint = [](const auto& row) {
    return UserEndpoint{std::string(row.text(0)), maybe_time(row, 1), std::string(row.text(2))};
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
