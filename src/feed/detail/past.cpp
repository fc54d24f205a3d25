#include "feed/detail/past.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "base/text.hpp"
#include "feed/detail/json.hpp"
#include "feed/refusal.hpp"

namespace pricewire::feed::detail {
namespace {

using Kind = ParseError::Kind;
using Value = simdjson::simdjson_result<ondemand::value>;
using Texts = std::span<const std::string_view>;
using Columns = std::span<const std::size_t>;

// A scalar as text, unescaped; empty for null. Of a list, its first element; of an object, its first string.
simdjson::error_code read_text(Value value, std::string_view& out) {
    ondemand::json_type type{};
    if (const auto error = value.type().get(type)) return error;
    if (type == ondemand::json_type::null) return simdjson::SUCCESS;
    if (type == ondemand::json_type::string) return value.get_string().get(out);
    if (type == ondemand::json_type::array) {
        ondemand::array list;
        if (const auto error = value.get_array().get(list)) return error;
        for (auto element : list) {
            std::string_view token;
            if (const auto error = element.raw_json_token().get(token)) return error;
            const std::string_view text = digits_of(token);
            if (out.empty() && !text.starts_with('W')) out = text;
        }
        return simdjson::SUCCESS;
    }
    std::string_view token;
    if (type == ondemand::json_type::object) {
        ondemand::object object;
        if (const auto error = value.get_object().get(object)) return error;
        for (auto field : object) {
            if (const auto error = field.value().raw_json_token().get(token)) return error;
            if (out.empty()) out = plain_string(token).value_or("");
        }
        return simdjson::SUCCESS;
    }
    if (const auto error = value.raw_json_token().get(token)) return error;
    out = trimmed(token);
    return simdjson::SUCCESS;
}

// The fields of a row under these names, or those in these columns of a list.
struct RowShape {
    Texts names;
    Columns columns;
};

// Reads an answer row by row.
class RowReader {
public:
    RowReader(const AnswerShape& shape, RowShape row) : shape_(shape), row_(row), texts_(row.names.size()) {}

    // Calls `take(texts)` for each row, with no texts for one that is neither an object nor a list, or has a field
    // twice. What `take` has made of them does not count if there is an error.
    template <typename Take>
    std::optional<ParseError> read(std::string_view body, Take&& take) {
        ondemand::document document;
        if (!looks_like_json(body) || reader_.read(body).get(document))
            return problem(Kind::not_json, "an answer that is not JSON", body);
        ondemand::value root;
        auto error = document.get_value().get(root);
        if (!error) error = walk(Value(std::move(root)), 0, take);
        if (error == simdjson::INCORRECT_TYPE)
            return problem(Kind::wrong_shape, "an answer of an unknown shape", body);
        if (error) return problem(Kind::not_json, "an answer that is truncated", body);
        if (!at_end(document)) return problem(Kind::not_json, "an answer with trailing bytes", body);
        const bool is_error = shape_.good.empty() ? !code_.empty() || !text_.empty() : code_ != shape_.good;
        if (is_error && !(code_.empty() && text_.empty()))
            return ParseError{kind_of_error(code_, text_),
                              fmt::format("{}'s error {}{}{}", shape_.title, snippet(code_),
                                          code_.empty() || text_.empty() ? "" : ": ", snippet(text_))};
        if (is_error || !has_rows_) return problem(Kind::wrong_shape, "an answer of an unknown shape", body);
        return std::nullopt;
    }

    std::string_view named() const { return named_; }

private:
    static ParseError problem(Kind kind, std::string_view what, std::string_view body) {
        return {kind, fmt::format("{}: {}", what, snippet(body))};
    }

    bool is_last(std::size_t depth) const {
        return depth == shape_.path.size() || shape_.path[depth].empty();
    }

    template <typename Take>
    simdjson::error_code walk(Value value, std::size_t depth, Take& take) {
        ondemand::json_type type{};
        if (const auto error = value.type().get(type)) return error;
        if (type == ondemand::json_type::array && is_last(depth)) return read_rows(value, depth == 0, take);
        // An error may stand where the rows should: only it says so.
        if (type == ondemand::json_type::null && depth > 0) return simdjson::SUCCESS;
        ondemand::object object;
        if (const auto error = value.get_object().get(object)) return error;
        const bool holds_rows = shape_.are_fields && is_last(depth);
        for (auto field : object) {
            std::string_view key;
            if (const auto error = field.unescaped_key().get(key)) return error;
            const auto error =
                holds_rows ? take_row(field.value(), take) : take_field(key, field.value(), depth, take);
            if (error) return error;
        }
        has_rows_ = has_rows_ || holds_rows;
        return simdjson::SUCCESS;
    }

    template <typename Take>
    simdjson::error_code take_field(std::string_view key, Value value, std::size_t depth, Take& take) {
        const auto is = [&](std::string_view name) { return !name.empty() && key == name; };
        if (is(shape_.code)) return read_text(value, code_);
        if (is(shape_.text)) return read_text(value, text_);
        if (is(shape_.named)) return read_text(value, named_);
        if (is_last(depth)) return simdjson::SUCCESS;
        if (key == shape_.path[depth]) return walk(value, depth + 1, take);
        ondemand::json_type type{};
        if (shape_.path[depth] != "*") return simdjson::SUCCESS;
        if (const auto error = value.type().get(type)) return error;
        if (type != ondemand::json_type::array) return simdjson::SUCCESS;
        if (shape_.named == "*") named_ = key;
        return walk(value, depth + 1, take);
    }

    template <typename Take>
    simdjson::error_code read_rows(Value list, bool is_answer, Take& take) {
        ondemand::array rows;
        if (const auto error = list.get_array().get(rows)) return error;
        has_rows_ = true;
        std::size_t index = 0;
        for (auto row : rows) {
            if (is_answer) note_error(row, index);
            if (const auto error = take_row(row, take)) return error;
            ++index;
        }
        return simdjson::SUCCESS;
    }

    template <typename Take>
    simdjson::error_code take_row(Value row, Take& take) {
        is_sound_ = false;
        std::ranges::fill(texts_, std::string_view());
        if (const auto error = read_row(row)) return error;
        take(is_sound_ ? Texts(texts_) : Texts());
        return simdjson::SUCCESS;
    }

    simdjson::error_code read_row(Value row) {
        ondemand::json_type type{};
        if (const auto error = row.type().get(type)) return error;
        if (type == ondemand::json_type::array) return read_columns(row);
        if (type == ondemand::json_type::object) return read_fields(row);
        return simdjson::SUCCESS;
    }
    simdjson::error_code read_columns(Value row) {
        ondemand::array list;
        if (const auto error = row.get_array().get(list)) return error;
        std::size_t column = 0;
        for (auto element : list) {
            for (std::size_t i = 0; i < row_.columns.size(); ++i) {
                if (row_.columns[i] != column) continue;
                if (const auto error = read_text(element, texts_[i])) return error;
                break;
            }
            ++column;
        }
        is_sound_ = !row_.columns.empty();
        return simdjson::SUCCESS;
    }
    simdjson::error_code read_fields(Value row) {
        ondemand::object object;
        if (const auto error = row.get_object().get(object)) return error;
        is_sound_ = true;
        for (auto field : object) {
            std::string_view key;
            if (const auto error = field.unescaped_key().get(key)) return error;
            const auto found = std::ranges::find(row_.names, key);
            if (found == row_.names.end() || key.empty()) continue;
            std::string_view& text = texts_[static_cast<std::size_t>(found - row_.names.begin())];
            if (!text.empty()) is_sound_ = false;
            if (const auto error = read_text(field.value(), text)) return error;
        }
        return simdjson::SUCCESS;
    }

    // ["error",code,text]: Bitfinex. Does not consume the element.
    void note_error(Value element, std::size_t index) {
        std::string_view token;
        if (index > 2 || (index > 0 && !is_error_) || element.raw_json_token().get(token)) return;
        const std::string_view text = digits_of(token);
        if (index == 0) is_error_ = text == "error";
        if (index == 1) code_ = text;
        if (index == 2) text_ = text;
    }

    const AnswerShape& shape_;
    const RowShape row_;
    JsonReader reader_;
    std::vector<std::string_view> texts_;
    std::string_view code_, text_, named_;
    bool has_rows_ = false;
    bool is_sound_ = false;  // whether the row that was read last is
    bool is_error_ = false;
};

bool is_about_another(const AnswerShape& shape, std::string_view named, std::string_view symbol) {
    if (named.empty()) return false;
    return shape.is_name_of != nullptr ? !shape.is_name_of(named, symbol) : named != symbol;
}

std::unexpected<ParseError> another_symbol(std::string_view named, const std::string& symbol) {
    return refuse(Kind::bad_quote, fmt::format("an answer about '{}' instead of {}", snippet(named), symbol));
}

// What became of a row.
enum class Row : std::uint8_t { taken, passed_over, broken };

// Days of some venues do not begin at midnight UTC.
Row take_candle(Texts row, const CandleShape& shape, const PastRequest& request, std::vector<Candle>& out) {
    if (row.empty()) return Row::broken;
    const auto start = time_of(row[0], shape.unit);
    const auto open = price_of(row[1]), high = price_of(row[2]), low = price_of(row[3]),
               close = price_of(row[4]);
    if (!start || !open || !high || !low || !close) return Row::broken;
    const auto [least, most] = std::minmax(*open, *close);
    if (*low > least || *high < most) return Row::broken;
    if (*start < request.from || *start >= request.to || to_micros(*start) % request.interval.count() != 0)
        return Row::passed_over;
    const auto volume = Decimal::parse(row[5], Decimal::Excess::truncate);
    const bool is_volume = volume && *volume >= Decimal();
    if (is_volume && volume->is_zero()) return Row::passed_over;
    const bool is_open = !row[6].empty() && row[6] == shape.open_word;
    out.push_back({.start = *start,
                   .open = *open,
                   .high = *high,
                   .low = *low,
                   .close = *close,
                   .volume = is_volume ? std::optional(*volume) : std::nullopt,
                   .is_closed = !is_open && *start + request.interval <= request.now});
    return Row::taken;
}

// An error where no row of an answer could be read.
template <typename T>
std::optional<ParseError> none_readable(const std::vector<T>& taken, std::size_t broken, bool passed_over,
                                        std::string_view what) {
    if (broken == 0 || passed_over || !taken.empty()) return std::nullopt;
    return ParseError{Kind::wrong_shape,
                      fmt::format("an answer with {} rows, none of which is {}", broken, what)};
}

// Each start once.
void order(std::vector<Candle>& candles) {
    bring_oldest_first(candles, [](const Candle& candle) { return candle.start; });
    const auto rest = std::ranges::unique(candles, {}, &Candle::start);
    candles.erase(rest.begin(), rest.end());
}

// Without what is not a letter, so that "RATE_LIMIT", "rate limit" and "ratelimit" are one word.
std::string letters_in(std::string_view text) {
    std::string out;
    for (const char c : text) {
        if (is_letter(c)) out += lower_case(c);
    }
    return out;
}

}  // namespace

std::expected<std::vector<Candle>, ParseError> read_candles(std::string_view body, const CandleShape& shape,
                                                            const PastRequest& request,
                                                            std::string_view named) {
    std::array<std::string_view, 7> names;
    std::array<std::size_t, 7> columns;
    std::ranges::copy(shape.names, names.begin());
    std::ranges::copy(shape.columns, columns.begin());
    columns.back() = shape.open_column;
    RowReader reader(shape.answer, {names, shape.names[0].empty() ? Columns(columns) : Columns()});
    std::vector<Candle> out;
    std::size_t broken = 0;
    bool passed_over = false;
    auto problem = reader.read(body, [&](Texts row) {
        const Row what = take_candle(row, shape, request, out);
        if (what == Row::broken) ++broken;
        if (what == Row::passed_over) passed_over = true;
    });
    if (!problem) problem = none_readable(out, broken, passed_over, "a valid candle");
    if (problem) return std::unexpected(std::move(*problem));
    if (is_about_another(shape.answer, reader.named(), named))
        return another_symbol(reader.named(), request.symbol);
    order(out);
    return out;
}

std::expected<TradeRows, ParseError> read_trades(std::string_view body, const TradeShape& shape,
                                                 std::string_view symbol) {
    std::array<std::string_view, 5> names;
    std::ranges::copy(shape.names, names.begin());
    names.back() = shape.kind;
    RowReader reader(shape.answer, {names, shape.names[0].empty() ? Columns(shape.columns) : Columns()});
    TradeRows out;
    bool passed_over = false;
    std::string other;
    auto problem = reader.read(body, [&](Texts row) {
        ++out.rows;
        if (row.empty()) return;
        if (!row[3].empty() && row[3] != symbol) other = row[3];
        const auto time = time_of(row[0], shape.unit);
        const auto price = price_of(row[1]);
        const bool is_off_market = !row[4].empty() && row[4] == shape.off_market;
        passed_over = passed_over || is_off_market;
        if (time && price && !is_off_market)
            out.trades.push_back({.time = *time, .price = *price, .id = id_of(row[2])});
    });
    if (!problem) problem = none_readable(out.trades, out.rows, passed_over, "a valid trade");
    if (problem) return std::unexpected(std::move(*problem));
    if (other.empty() && is_about_another(shape.answer, reader.named(), symbol)) other = reader.named();
    if (!other.empty()) return another_symbol(other, std::string(symbol));
    out.newest_first = out.trades.size() > 1 && out.trades.back().time < out.trades.front().time;
    bring_oldest_first(out.trades, [](const PastTrade& trade) { return std::pair(trade.time, trade.id); });
    return out;
}

PastTrades page_of(TradeRows rows, const PastRequest& request, std::string next) {
    std::erase_if(rows.trades, [&](const PastTrade& trade) {
        return trade.time < request.from || trade.time >= request.to;
    });
    return {std::move(rows.trades), std::move(next)};
}

std::string cursor_before(const TradeRows& rows, const PastRequest& request, TimeUnit unit) {
    if (rows.trades.empty() || rows.trades.front().time <= request.from) return {};
    const bool is_fine = unit == TimeUnit::nanoseconds;
    const auto steps = [&](Timestamp t) { return is_fine ? to_micros(t) : to_milliseconds(t); };
    const std::int64_t scale = is_fine ? 1000 : 1;
    const auto cursor = parse_number<std::int64_t>(request.cursor);
    const std::int64_t before = cursor ? *cursor / scale : steps(request.to) + 1;
    const std::int64_t end = std::min(steps(rows.trades.front().time) + 1, before - 1);
    return end <= steps(request.from) ? std::string() : std::to_string(end * scale);
}

std::string cursor_after(const TradeRows& rows, const PastRequest& request) {
    if (rows.trades.empty() || rows.trades.back().time >= request.to) return {};
    const auto before =
        parse_number<std::int64_t>(request.cursor).value_or(to_milliseconds(request.from) - 1);
    const std::int64_t start = std::max(to_milliseconds(rows.trades.back().time), before + 1);
    return start >= to_milliseconds(request.to) ? std::string() : std::to_string(start);
}

std::expected<std::vector<Listing>, ParseError> read_listings(std::string_view body, const AnswerShape& shape,
                                                              std::span<const std::string_view> names,
                                                              TakeListing* take) {
    RowReader reader(shape, {names, {}});
    std::vector<Listing> out;
    std::size_t broken = 0;
    auto problem = reader.read(body, [&](Texts row) {
        if (row.empty() || !take(row, out)) ++broken;
    });
    if (problem) return std::unexpected(std::move(*problem));
    return judged_listings(std::move(out), broken, shape.title);
}

bool add_listing(const VenueType& type, std::string_view symbol, std::string_view base,
                 std::string_view quote, bool is_trading, std::vector<Listing>& out, std::string_view name) {
    if (symbol.empty() || base.empty() || quote.empty()) return false;
    const std::string currency = upper_case(quote);
    // "BNBUSD" would be read as BN in BUSD.
    const bool tells_currency = type.currency_of == nullptr || type.currency_of(symbol) == Currency(currency);
    if (type.is_symbol(symbol) && currency.size() <= Currency::max_size && tells_currency)
        out.push_back({.symbol = std::string(symbol),
                       .base = upper_case(base),
                       .quote = Currency(currency),
                       .status = is_trading ? ListingStatus::trading : ListingStatus::halted,
                       .name = std::string(name)});
    return true;
}

std::expected<std::vector<Listing>, ParseError> judged_listings(std::vector<Listing> list, std::size_t broken,
                                                                std::string_view title) {
    if (list.empty()) return refuse(Kind::wrong_shape, fmt::format("{}'s list has no spot market", title));
    if (broken > (list.size() + broken) / 10)
        return refuse(Kind::wrong_shape, fmt::format("{} of {} rows of {}'s list are not valid", broken,
                                                     list.size() + broken, title));
    return list;
}

std::optional<Timestamp> time_of(std::string_view text, TimeUnit unit) {
    if (unit == TimeUnit::rfc3339) {
        const auto time = parse_rfc3339(text);
        return time && market_time(to_milliseconds(*time)) ? std::optional(*time) : std::nullopt;
    }
    static constexpr std::array<std::int64_t, 4> per_second{1, 1'000, 1'000'000, 1'000'000'000};
    const auto count = Decimal::parse(text, Decimal::Excess::truncate);
    if (!count) return std::nullopt;
    // 10^-18 units to microseconds.
    const auto micros =
        count->raw() / (Decimal::one_raw / 1'000'000 * per_second[static_cast<std::size_t>(unit)]);
    const auto ms = micros / 1000;
    if (ms < 0 || ms > 5'000'000'000'000 || !market_time(static_cast<std::int64_t>(ms))) return std::nullopt;
    return from_micros(static_cast<std::int64_t>(micros));
}

ParseError::Kind kind_of_error(std::string_view code, std::string_view text) {
    const std::string words = letters_in(code) + ' ' + letters_in(text);
    const auto says = [&](auto... parts) { return (... || (words.find(parts) != std::string::npos)); };
    if (code.starts_with("429") || code == "-1003" ||
        says("toomany", "toomuch", "ratelimit", "frequent", "toooften", "lockout"))
        return Kind::rate_limited;
    if (says("symbol", "instrument", "currencypair", "assetpair", "invalidpair", "unknownpair", "product"))
        return Kind::unknown_symbol;
    // Bitget's "Parameter does not exist", and "The symbol has been removed".
    return code == "40034" || code == "40309" ? Kind::unknown_symbol : Kind::venue_error;
}

std::int64_t to_seconds(Timestamp t) {
    return to_micros(t) / 1'000'000;
}
std::int64_t to_milliseconds(Timestamp t) {
    return to_micros(t) / 1000;
}

std::string_view interval_word(Duration interval, const std::array<std::string_view, 3>& words) {
    static constexpr std::array<Duration, 3> intervals{std::chrono::minutes{1}, std::chrono::hours{1},
                                                       std::chrono::hours{24}};
    const auto found = std::ranges::find(intervals, interval);
    return found == intervals.end() ? std::string_view()
                                    : words[static_cast<std::size_t>(found - intervals.begin())];
}

}  // namespace pricewire::feed::detail
