#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <initializer_list>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "feed/detail/json.hpp"
#include "feed/detail/seen_trades.hpp"
#include "feed/refusal.hpp"
#include "feed/venue.hpp"

// What venues that speak JSON share, so that each states only what differs. Included by their .cpp files only.
namespace pricewire::feed::detail {

using JsonValue = simdjson::simdjson_result<ondemand::value>;

// What to do after a field: read on (SUCCESS), or end with an error or with a result, the rest unread.
using Step = std::variant<simdjson::error_code, ParseResult>;

// The result that a step ends with; nullopt: read on. `what` names the bytes in an error: "a frame".
inline std::optional<ParseResult> end_of(Step&& step, std::string_view what) {
    if (auto* result = std::get_if<ParseResult>(&step)) return std::move(*result);
    if (const auto error = std::get<simdjson::error_code>(step)) return refuse(error, what);
    return std::nullopt;
}

// Reads bytes that have to hold one JSON object and nothing else, and calls `take(key, value)`, which returns
// a Step, for each field. The result that ended it; nullopt: all was read. Tokens live until the reader's
// next call.
template <typename Take>
std::optional<ParseResult> read_object(JsonReader& reader, std::string_view bytes, std::string_view what,
                                       Take&& take) {
    using Kind = ParseError::Kind;
    ondemand::document document;
    ondemand::object root;
    if (!looks_like_json(bytes) || reader.read(bytes).get(document))
        return refuse(Kind::not_json, fmt::format("{} that is not JSON", what));
    if (const auto error = document.get_object().get(root)) {
        return error == simdjson::INCORRECT_TYPE
                   ? refuse(Kind::wrong_shape, fmt::format("{} that is not an object", what))
                   : refuse(Kind::not_json, fmt::format("{} that is not JSON", what));
    }
    for (auto field : root) {
        std::string_view key;
        if (const auto error = field.unescaped_key().get(key)) return refuse(error, what);
        if (auto result = end_of(take(key, field.value()), what)) return result;
    }
    if (!at_end(document)) return refuse(Kind::not_json, fmt::format("{} with trailing bytes", what));
    return std::nullopt;
}

// The same for a list of objects, or one object alone: calls `take(object)` for each.
template <typename Take>
std::optional<ParseResult> read_objects(JsonReader& reader, std::string_view bytes, std::string_view what,
                                        Take&& take) {
    using Kind = ParseError::Kind;
    ondemand::document document;
    ondemand::json_type type{};
    if (!looks_like_json(bytes) || reader.read(bytes).get(document) || document.type().get(type))
        return refuse(Kind::not_json, fmt::format("{} that is not JSON", what));
    const auto take_one = [&](simdjson::simdjson_result<ondemand::object> one) -> std::optional<ParseResult> {
        ondemand::object object;
        if (const auto error = std::move(one).get(object)) return refuse(error, what);
        return end_of(take(object), what);
    };
    if (type == ondemand::json_type::array) {
        ondemand::array list;
        if (const auto error = document.get_array().get(list)) return refuse(error, what);
        for (auto element : list) {
            if (auto result = take_one(element.get_object())) return result;
        }
    } else if (auto result = take_one(document.get_object())) {
        return result;
    }
    if (!at_end(document)) return refuse(Kind::not_json, fmt::format("{} with trailing bytes", what));
    return std::nullopt;
}

// The same for a list of whatever values: calls `take(index, value)` for each.
template <typename Take>
std::optional<ParseResult> read_list(JsonReader& reader, std::string_view bytes, std::string_view what,
                                     Take&& take) {
    using Kind = ParseError::Kind;
    ondemand::document document;
    ondemand::array list;
    if (!looks_like_json(bytes) || reader.read(bytes).get(document))
        return refuse(Kind::not_json, fmt::format("{} that is not JSON", what));
    if (const auto error = document.get_array().get(list)) return refuse(error, what);
    std::size_t index = 0;
    for (auto element : list) {
        if (auto result = end_of(take(index++, element), what)) return result;
    }
    if (!at_end(document)) return refuse(Kind::not_json, fmt::format("{} with trailing bytes", what));
    return std::nullopt;
}

// A trade as a frame spells it.
struct Trade {
    std::optional<Decimal> price;
    std::optional<Timestamp> time;
    std::optional<std::uint64_t> id;
    std::string_view price_token;  // for the log
    std::string_view time_token;
    std::string_view id_token;  // as it stands in the frame; empty: none
};

// The trade with these tokens; `time` is what the venue's unit makes of its token.
inline Trade trade_in(std::string_view price, std::string_view time_token, std::optional<Timestamp> time,
                      std::string_view id) {
    return {.price = price_of(digits_of(price)),
            .time = time,
            .id = id_of(id),
            .price_token = price,
            .time_token = time_token,
            .id_token = id};
}
// Likewise where the time is in milliseconds.
inline Trade trade_in(std::string_view price, std::string_view time, std::string_view id) {
    return trade_in(price, time, market_time(time), id);
}

// A trade this old by our clock is never the present price, whatever the venue says. Receivers refuse signatures
// from as far away, so a clock that is off by more delivers no alert anyhow.
constexpr Duration never_live_after = std::chrono::minutes{5};

// The stream of a venue whose frames are JSON objects.
class JsonStream : public StreamParser {
public:
    explicit JsonStream(const Venue& venue) : venue_(venue), seen_(venue.instruments().size()) {}

    void forget(std::size_t instrument) override { seen_.forget(instrument); }

protected:
    template <typename Take>
    std::optional<ParseResult> read(std::string_view bytes, Take&& take) {
        return read_object(reader_, bytes, "a frame", std::forward<Take>(take));
    }

    template <typename Take>
    std::optional<ParseResult> read_list(std::string_view bytes, Take&& take) {
        return detail::read_list(reader_, bytes, "a frame", std::forward<Take>(take));
    }

    // Null where its price or time is not valid, which is noted in `parsed`, or where it has come before.
    Quote* add_trade(std::size_t instrument, const Trade& trade, Timestamp received_at, StreamOutput& out,
                     Parsed& parsed) {
        if (!trade.price || !trade.time) {
            leave_out(
                parsed,
                fmt::format("'{}' at '{}' is not a valid price of {}", snippet(digits_of(trade.price_token)),
                            snippet(digits_of(trade.time_token)), venue_.instruments()[instrument].symbol));
            return nullptr;
        }
        if (!is_new(instrument, trade)) return nullptr;
        Quote& quote =
            out.quotes.emplace_back(venue_.quote(instrument, *trade.price, *trade.time, received_at));
        quote.trade_id = trade.id;
        quote.is_live = received_at - quote.time <= never_live_after;
        out.spell(quote, digits_of(trade.price_token), trimmed(trade.id_token));
        return &quote;
    }

    // The instrument whose symbol is one of the words of an error's text, if only one is: a text that repeats the
    // whole request blames none. `is_symbol_char` tells words apart.
    template <typename IsSymbolChar>
    std::optional<std::size_t> instrument_in(std::string_view text, IsSymbolChar is_symbol_char) const {
        std::optional<std::size_t> found;
        while (!text.empty()) {
            const auto begin = std::find_if(text.begin(), text.end(), is_symbol_char);
            const auto end = std::find_if_not(begin, text.end(), is_symbol_char);
            if (const auto instrument = venue_.find({begin, end})) {
                if (found && found != instrument) return std::nullopt;
                found = instrument;
            }
            text = {end, text.end()};
        }
        return found;
    }
    // For a frame of a protocol that the venue has given up: an error the first time on a connection, then nothing.
    ParseResult refuse_once(std::string text) {
        if (std::exchange(refused_, true)) return Parsed{};
        return refuse(ParseError::Kind::wrong_shape, std::move(text));
    }
    static std::unexpected<ParseError> not_requested(std::string_view name) {
        return refuse(ParseError::Kind::bad_quote,
                      fmt::format("trades of '{}', which were not requested", snippet(name)));
    }
    static std::unexpected<ParseError> unknown_shape() {
        return refuse(ParseError::Kind::wrong_shape, "a frame of an unknown shape");
    }
    static std::unexpected<ParseError> duplicate_field() {
        return refuse(ParseError::Kind::wrong_shape, "a frame with a duplicate field");
    }

    const Venue& venue_;

private:
    bool is_new(std::size_t instrument, const Trade& trade) {
        if (trade.id) return seen_.is_new(instrument, *trade.id);
        // A number of more than 64 bits, or a UUID. Null and 0 tell nothing.
        const std::string_view text = figure_in(trade.id_token).value_or("");
        return text.empty() || text == "0" || seen_.is_new(instrument, std::hash<std::string_view>{}(text));
    }

    JsonReader reader_;
    SeenTrades seen_;
    bool refused_ = false;
};

// An answer that is being read.
struct Answer {
    std::string_view body;
    Timestamp received_at;
    std::vector<Quote>& quotes;
    Parsed parsed;
};

// A venue whose REST answers are JSON. It takes care of the base address, of what a failed answer has added,
// and of second prices of one instrument.
class JsonVenue : public Venue {
public:
    using Venue::Venue;

    std::string rest_url(std::span<const std::size_t> asked) const final {
        return endpoints().rest_url.empty() ? std::string() : endpoints().rest_url + rest_path(asked);
    }
    ParseResult parse_answer(std::string_view body, Timestamp received_at, std::vector<Quote>& out) final {
        const std::size_t before = out.size();
        has_price_.assign(instruments().size(), false);
        said_.clear();
        Answer answer{body, received_at, out, {}};
        auto over = read_answer(answer);
        if (!over || *over) {
            last_said_.resize(instruments().size());
            for (const auto& [instrument, digest] : said_) last_said_[instrument] = digest;
        }
        if (!over) return std::move(answer.parsed);
        if (!*over) {
            out.resize(before);
            ParseError& error = over->error();
            if (error.kind == ParseError::Kind::not_json) error.text += ": " + snippet(body);
        }
        return std::move(*over);
    }

    std::string subscribe_message(std::span<const std::size_t> asked,
                                  const SubscribeMessage& message) const override {
        return subscription_message("subscribe", asked, message);
    }
    std::string unsubscribe_message(std::span<const std::size_t> asked,
                                    const SubscribeMessage& message) const override {
        return subscription_message("unsubscribe", asked, message);
    }

protected:
    // Either message, of a venue where they differ by little more than the verb, "subscribe" or "unsubscribe".
    virtual std::string subscription_message(std::string_view /*verb*/, std::span<const std::size_t>,
                                             const SubscribeMessage&) const {
        return {};
    }
    void changed(std::size_t instrument) override {
        if (instrument < last_said_.size()) last_said_[instrument].reset();
    }
    // What follows the base address in the URL of a request, the query included.
    virtual std::string rest_path(std::span<const std::size_t> asked) const = 0;
    // Adds the prices in the answer. An error if there is one; nullopt: it was read to its end.
    virtual std::optional<ParseResult> read_answer(Answer& answer) = 0;

    template <typename Take>
    std::optional<ParseResult> read(Answer& answer, Take&& take) {
        auto over = read_object(reader_, answer.body, "an answer", std::forward<Take>(take));
        const bool is_object = pricewire::trimmed(answer.body, " \t\r\n").starts_with('{');
        if (over && !*over && over->error().kind == ParseError::Kind::wrong_shape && !is_object)
            return refuse(ParseError::Kind::wrong_shape, not_ours(answer));
        return over;
    }
    template <typename Take>
    std::optional<ParseResult> read_objects(Answer& answer, Take&& take) {
        return detail::read_objects(reader_, answer.body, "an answer", std::forward<Take>(take));
    }
    template <typename Take>
    std::optional<ParseResult> read_list(Answer& answer, Take&& take) {
        return detail::read_list(reader_, answer.body, "an answer", std::forward<Take>(take));
    }
    std::string not_ours(const Answer& answer) const {
        return fmt::format("an answer that is not {}'s: {}", type().title, snippet(answer.body));
    }
    static std::unexpected<ParseError> unknown_shape(const Answer& answer) {
        return refuse(ParseError::Kind::wrong_shape,
                      fmt::format("an answer of an unknown shape: {}", snippet(answer.body)));
    }

    // Leaves out a second price of an instrument, one that was not requested, and one that is not valid. An
    // exchange repeats the last price of a pair that it has halted: a price with the time of the one before
    // it, or with a time of long ago, is not live.
    void add_price(Answer& answer, std::optional<std::size_t> instrument, std::string_view symbol,
                   std::optional<Decimal> price, std::string_view token, std::optional<Timestamp> time) {
        Quote* added = add(answer, instrument, symbol, price, token, time);
        if (added == nullptr || type().kind == SourceKind::aggregator) return;
        const bool is_old = answer.received_at - added->time > old_after;
        added->is_live =
            is_news(*instrument, std::hash<std::int64_t>{}(to_micros(added->time)), token) && !is_old;
    }
    // The same for each row of a symbol, its price and the time in milliseconds. Those of other symbols are passed over:
    // the whole market may have been requested.
    void add_prices(Answer& answer, std::span<const Fields<3>> rows) {
        for (const Fields<3>& row : rows) {
            const auto instrument = find(plain_string(row[0]).value_or(""));
            if (!instrument) continue;
            add_price(answer, instrument, instruments()[*instrument].symbol, price_in(row, 1), row[1],
                      market_time(row[2]));
        }
    }
    // The same for a price without a time. `sign_of_life` changes while the pair is traded; nullopt: the
    // exchange itself says that it is. Null if it was left out.
    Quote* add_untimed_price(Answer& answer, std::optional<std::size_t> instrument, std::string_view symbol,
                             std::optional<Decimal> price, std::string_view token,
                             std::optional<std::size_t> sign_of_life) {
        Quote* added = add(answer, instrument, symbol, price, token, answer.received_at);
        if (added == nullptr) return nullptr;
        added->is_timed = false;
        added->is_live = !sign_of_life || is_news(*instrument, *sign_of_life, token);
        return added;
    }

    // A sign of life that holds these fields of `row`.
    template <std::size_t N>
    static std::size_t life_in(const Fields<N>& row, std::initializer_list<std::size_t> fields) {
        std::size_t life = 0;
        for (const std::size_t i : fields) life = with(life, row[i]);
        return life;
    }
    // A sign of life that holds `token`, too.
    static std::size_t with(std::size_t sign_of_life, std::string_view token) {
        return sign_of_life * 31 + std::hash<std::string_view>{}(token);
    }

    // The path of a request to a venue that answers for one symbol, which follows `one`, or for the whole market, but
    // not for several symbols.
    std::string one_or_all(std::span<const std::size_t> asked, std::string_view one,
                           std::string_view all) const {
        return asked.size() > 1 ? std::string(all) : std::string(one) + instruments()[asked.front()].symbol;
    }
    // `spell(i)` of each instrument i of `asked`, with `separator` between them.
    template <typename Spell>
    static std::string list(std::span<const std::size_t> asked, std::string_view separator, Spell&& spell) {
        std::string out;
        for (const std::size_t i : asked) {
            if (!out.empty()) out += separator;
            out += spell(i);
        }
        return out;
    }

    // A last trade of an exchange that is older than this by its own time says nothing about the present.
    static constexpr Duration old_after = std::chrono::minutes{1};

private:
    Quote* add(Answer& answer, std::optional<std::size_t> instrument, std::string_view symbol,
               std::optional<Decimal> price, std::string_view token, std::optional<Timestamp> time) {
        if (!instrument || !price || !time || has_price_[*instrument]) {
            leave_out(answer.parsed,
                      fmt::format("'{}' as the price of '{}'", snippet(digits_of(token)), snippet(symbol)));
            return nullptr;
        }
        has_price_[*instrument] = true;
        return &answer.quotes.emplace_back(quote(*instrument, *price, *time, answer.received_at));
    }
    bool is_news(std::size_t instrument, std::size_t sign, std::string_view token) {
        const std::size_t digest = with(sign, token);
        said_.emplace_back(instrument, digest);
        return instrument >= last_said_.size() || last_said_[instrument] != digest;
    }

    JsonReader reader_;
    std::vector<bool> has_price_;  // as instruments(), in the answer that is being read
    std::vector<std::pair<std::size_t, std::size_t>> said_;  // by it: instruments and digests
    std::vector<std::optional<std::size_t>> last_said_;      // as instruments(), by the last good answer
};

// VenueType::create of the venue that V describes.
template <typename V, const VenueType& type>
std::unique_ptr<Venue> create(std::vector<Instrument> instruments, Endpoints endpoints) {
    return std::make_unique<V>(type, std::move(instruments), std::move(endpoints));
}

// Whether a symbol has 1 to `most` characters, each of which is `allowed`.
template <typename Allowed>
bool consists_of(std::string_view symbol, Allowed allowed, std::size_t most = 30) {
    return !symbol.empty() && symbol.size() <= most && std::all_of(symbol.begin(), symbol.end(), allowed);
}

}  // namespace pricewire::feed::detail
