#pragma once

#include <simdjson.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/decimal.hpp"
#include "base/text.hpp"
#include "feed/venue.hpp"

// What the venues' parsers share. Included by their .cpp files only: simdjson is a large header.
namespace pricewire::feed::detail {

namespace ondemand = simdjson::ondemand;

inline std::unexpected<ParseError> refuse(ParseError::Kind kind, std::string text) {
    return std::unexpected(ParseError{kind, std::move(text)});
}

inline void leave_out(Parsed& parsed, std::string why) {
    if (parsed.refused++ == 0) parsed.why = std::move(why);
}

// simdjson reads past the end, so the bytes are copied into a padded buffer, which is reused.
class JsonReader {
public:
    // The document lives until the next call.
    simdjson::simdjson_result<ondemand::document> read(std::string_view bytes) {
        if (buffer_.size() < bytes.size() + simdjson::SIMDJSON_PADDING) {
            buffer_.resize(bytes.size() + simdjson::SIMDJSON_PADDING);
        }
        std::memcpy(buffer_.data(), bytes.data(), bytes.size());
        std::memset(buffer_.data() + bytes.size(), 0, simdjson::SIMDJSON_PADDING);
        return parser_.iterate(simdjson::padded_string_view(buffer_.data(), bytes.size(), buffer_.size()));
    }

private:
    ondemand::parser parser_;
    std::vector<char> buffer_{std::vector<char>(4096)};
};

// Whether it begins like an object or a list, as JSON of any API does.
inline bool looks_like_json(std::string_view bytes) {
    const std::size_t first = bytes.find_first_not_of(" \t\r\n");
    return first != std::string_view::npos && (bytes[first] == '{' || bytes[first] == '[');
}

// Whether nothing follows the value that was just read to its end.
inline bool at_end(ondemand::document& read) {
    return read.current_location().error() == simdjson::OUT_OF_BOUNDS;
}

// A scalar without trailing space; simdjson's token extends to the next one.
inline std::string_view trimmed(std::string_view token) {
    return pricewire::trimmed(token, std::string_view(" \n\r\t\0", 5));
}

// The text between a string token's quotes; nullopt if it is not a string, or has an escape: no symbol, price
// or event name of any venue needs one.
inline std::optional<std::string_view> plain_string(std::string_view token) {
    token = trimmed(token);
    if (token.size() < 2 || token.front() != '"' || token.back() != '"') return std::nullopt;
    token = token.substr(1, token.size() - 2);
    if (token.find_first_of("\"\\") != std::string_view::npos) return std::nullopt;
    return token;
}

inline std::optional<std::int64_t> plain_integer(std::string_view token) {
    return parse_number<std::int64_t>(trimmed(token));
}

// The spellings of the fields wanted from an object, in whatever order they come. A field that comes twice is
// a contradiction, which makes the object invalid.
template <std::size_t N>
class Fields {
public:
    explicit Fields(const std::array<std::string_view, N>& names) : names_(&names) {}

    // False: `key` is not one of them.
    bool take(std::string_view key, simdjson::simdjson_result<ondemand::value> value) {
        for (std::size_t i = 0; i < N; ++i) {
            if ((*names_)[i] != key) continue;
            std::string_view token;
            if (!tokens_[i].empty() || value.raw_json_token().get(token) != simdjson::SUCCESS) {
                contradictory_ = true;
                return true;
            }
            tokens_[i] = token;
            any_ = true;
            return true;
        }
        return false;
    }
    // As it stands in the JSON, quotes included; empty where it is absent.
    std::string_view operator[](std::size_t i) const { return tokens_[i]; }
    bool contradictory() const { return contradictory_; }
    bool any() const { return any_; }

private:
    const std::array<std::string_view, N>* names_;
    std::array<std::string_view, N> tokens_;
    bool contradictory_ = false;
    bool any_ = false;
};

template <std::size_t N>
simdjson::error_code collect(ondemand::object from, Fields<N>& fields) {
    for (auto field : from) {
        std::string_view key;
        if (const auto error = field.unescaped_key().get(key)) return error;
        fields.take(key, field.value());
    }
    return simdjson::SUCCESS;
}

// Likewise of an object in a field.
template <std::size_t N>
simdjson::error_code collect(simdjson::simdjson_result<ondemand::value> from, Fields<N>& fields) {
    ondemand::object object;
    if (const auto error = from.get_object().get(object)) return error;
    return collect(object, fields);
}

// The wanted fields of each object of a list. Appended to `rows`.
template <std::size_t N>
simdjson::error_code collect_rows(simdjson::simdjson_result<ondemand::value> list,
                                  const std::array<std::string_view, N>& names,
                                  std::vector<Fields<N>>& rows) {
    ondemand::array array;
    if (const auto error = list.get_array().get(array)) return error;
    for (auto element : array) {
        ondemand::object row;
        if (const auto error = element.get_object().get(row)) return error;
        if (const auto error = collect(row, rows.emplace_back(names))) return error;
    }
    return simdjson::SUCCESS;
}

// Likewise of one object alone, or of null, which has no row.
template <std::size_t N>
simdjson::error_code collect_rows_or_one(simdjson::simdjson_result<ondemand::value> value,
                                         const std::array<std::string_view, N>& names,
                                         std::vector<Fields<N>>& rows) {
    ondemand::json_type type{};
    if (const auto error = value.type().get(type)) return error;
    if (type == ondemand::json_type::array) return collect_rows(value, names, rows);
    if (type == ondemand::json_type::object) return collect(value, rows.emplace_back(names));
    bool is_null = false;
    if (const auto error = value.is_null().get(is_null)) return error;
    return is_null ? simdjson::SUCCESS : simdjson::INCORRECT_TYPE;
}

// Likewise where the list is a field of an object.
template <std::size_t N>
simdjson::error_code collect_rows_in(simdjson::simdjson_result<ondemand::value> object, std::string_view name,
                                     const std::array<std::string_view, N>& names,
                                     std::vector<Fields<N>>& rows) {
    ondemand::object fields;
    if (const auto error = object.get_object().get(fields)) return error;
    for (auto field : fields) {
        std::string_view key;
        if (const auto error = field.unescaped_key().get(key)) return error;
        if (key != name) continue;
        if (const auto error = collect_rows(field.value(), names, rows)) return error;
    }
    return simdjson::SUCCESS;
}

// Whether a JSON error means the wrong type rather than broken JSON.
inline std::unexpected<ParseError> refuse(simdjson::error_code error, std::string_view what) {
    return error == simdjson::INCORRECT_TYPE
               ? refuse(ParseError::Kind::wrong_shape, std::string(what) + " of an unknown shape")
               : refuse(ParseError::Kind::not_json, std::string(what) + " that is truncated");
}

// The digits of a number, or of a string that holds one.
inline std::string_view digits_of(std::string_view token) {
    return plain_string(token).value_or(trimmed(token));
}

// Likewise; nullopt where it is neither: null, a list.
inline std::optional<std::string_view> figure_in(std::string_view token) {
    if (const auto text = plain_string(token)) return text;
    token = trimmed(token);
    const bool is_number = !token.empty() && (is_digit(token.front()) || token.front() == '-');
    return is_number ? std::optional(token) : std::nullopt;
}

// An unsigned number, or a string that holds one.
inline std::optional<std::uint64_t> id_of(std::string_view token) {
    const auto id = parse_number<std::uint64_t>(digits_of(token));
    return id == 0 ? std::nullopt : id;
}

// Brings rows into the order of `key(row)`; many venues send the newest trade first. Rows of the same key keep the
// order in which they were traded.
template <typename Row, typename Key>
void bring_oldest_first(std::vector<Row>& rows, Key key) {
    if (rows.size() < 2 || std::ranges::is_sorted(rows, {}, key)) return;
    if (key(rows.back()) < key(rows.front())) std::ranges::reverse(rows);
    if (std::ranges::is_sorted(rows, {}, key)) return;
    std::vector<std::size_t> order(rows.size());
    std::ranges::generate(order, [i = std::size_t{0}]() mutable { return i++; });
    std::ranges::sort(order, {}, [&](std::size_t i) { return std::pair(key(rows[i]), i); });
    std::vector<Row> sorted;
    sorted.reserve(rows.size());
    for (const std::size_t i : order) sorted.push_back(rows[i]);
    rows = std::move(sorted);
}

// Into a list that has a place for each instrument, and grows with them.
template <typename List, typename Value>
void put(List& list, std::size_t instrument, Value value) {
    if (list.size() <= instrument) list.resize(instrument + 1);
    list[instrument] = std::move(value);
}

// Notices lost trades of a venue whose ids rise by one for each symbol. One connection.
class TradeIds {
public:
    explicit TradeIds(std::size_t instruments) : last_(instruments) {}
    void forget(std::size_t instrument) { put(last_, instrument, std::uint64_t{0}); }
    // A lower one is a trade that comes late, or again.
    void note(std::size_t instrument, std::uint64_t id, std::vector<StreamEvent>& events) {
        std::uint64_t& last = last_[instrument];
        if (last != 0 && id > last + 1) events.push_back(Gap{instrument, id - last - 1});
        last = std::max(last, id);
    }

private:
    std::vector<std::uint64_t> last_;  // 0: none yet
};

// On subscribing a venue may send trades from before first, unmarked: until the first push of an instrument is
// over, only its youngest trades are live. A clock that differs costs no more than that push.
class FirstPushes {
public:
    explicit FirstPushes(std::size_t instruments) : over_(instruments) {}
    // Null: a trade that was left out.
    void judge(Quote* quote, std::size_t instrument) const {
        if (quote != nullptr && !over_[instrument] &&
            quote->received_at - quote->time > std::chrono::seconds{10})
            quote->is_live = false;
    }
    void end(std::size_t instrument) { over_[instrument] = true; }
    void forget(std::size_t instrument) { put(over_, instrument, false); }

private:
    std::vector<bool> over_;
};

// A price is a decimal > 0. Digits past the 18th place are dropped.
inline std::optional<Decimal> price_of(std::string_view digits) {
    const auto price = Decimal::parse(digits, Decimal::Excess::truncate);
    if (!price || !price->is_positive()) return std::nullopt;
    return *price;
}

// The price in a field; nullopt where its row contradicts itself.
template <std::size_t N>
std::optional<Decimal> price_in(const Fields<N>& row, std::size_t i) {
    return row.contradictory() ? std::nullopt : price_of(digits_of(row[i]));
}

// A plausible trade time: from 2009, before there was anything to trade, to 2100.
inline std::optional<Timestamp> market_time(std::int64_t unix_ms) {
    if (unix_ms < 1'230'768'000'000 || unix_ms >= 4'102'444'800'000) return std::nullopt;
    return Timestamp{std::chrono::milliseconds{unix_ms}};
}

// Milliseconds as a number or as a string.
inline std::optional<Timestamp> market_time(std::string_view token) {
    const auto ms = plain_integer(digits_of(token));
    return ms ? market_time(*ms) : std::nullopt;
}

// Nanoseconds, likewise; those below a microsecond are cut off.
inline std::optional<Timestamp> market_time_in_nanoseconds(std::string_view token) {
    const auto ns = plain_integer(digits_of(token));
    const auto time = ns ? market_time(*ns / 1'000'000) : std::nullopt;
    return time ? std::optional(*time + std::chrono::microseconds{*ns / 1000 % 1000}) : std::nullopt;
}

// Milliseconds with digits below one: "1606292218213.4578".
inline std::optional<Timestamp> market_time_with_fraction(std::string_view token) {
    const std::string_view digits = digits_of(token);
    const std::size_t point = std::min(digits.find('.'), digits.size());
    const auto ms = parse_number<std::int64_t>(digits.substr(0, point));
    const auto time = ms ? market_time(*ms) : std::nullopt;
    if (!time || point == digits.size()) return time;
    std::int64_t micros = 0;
    for (std::size_t i = 1; i <= 3; ++i) {
        const char c = point + i < digits.size() ? digits[point + i] : '0';
        if (!is_digit(c)) return std::nullopt;
        micros = micros * 10 + (c - '0');
    }
    return *time + std::chrono::microseconds{micros};
}

}  // namespace pricewire::feed::detail
