#include "feed/binance/binance.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "feed/detail/json.hpp"
#include "feed/refusal.hpp"

namespace pricewire::feed {
namespace {

using detail::ondemand::array;
using detail::ondemand::document;
using detail::ondemand::json_type;
using detail::ondemand::object;
using Kind = ParseError::Kind;

// Binance allows 1024 streams on a connection, but they are named in the URL, which it cuts off somewhere
// above 200 of them. More tickers mean more connections.
constexpr std::size_t max_streams = 200;

std::unexpected<ParseError> refuse(Kind kind, std::string text) {
    return std::unexpected(ParseError{kind, std::move(text)});
}

std::string lower(std::string_view text) {
    std::string out(text);
    std::transform(out.begin(), out.end(), out.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
    return out;
}

// The spellings of the fields wanted from an object, wherever they stand in it. A field that comes twice is a
// contradiction, and makes the object worthless.
template <std::size_t N>
class Fields {
public:
    explicit Fields(const std::array<std::string_view, N>& names) : names_(names) {}

    // False: `key` is none of them.
    bool take(std::string_view key, simdjson::simdjson_result<detail::ondemand::value> value) {
        for (std::size_t i = 0; i < N; ++i) {
            if (names_[i] != key) continue;
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
    std::string_view operator[](std::size_t i) const { return tokens_[i]; }
    bool contradictory() const { return contradictory_; }
    bool any() const { return any_; }

private:
    const std::array<std::string_view, N>& names_;
    std::array<std::string_view, N> tokens_;
    bool contradictory_ = false;
    bool any_ = false;
};

constexpr std::array<std::string_view, 4> event_names{"e", "s", "p", "T"};
constexpr std::array<std::string_view, 2> error_names{"code", "msg"};
constexpr std::array<std::string_view, 2> price_names{"symbol", "price"};

template <std::size_t N>
simdjson::error_code collect(object from, Fields<N>& fields) {
    for (auto field : from) {
        std::string_view key;
        if (const auto error = field.unescaped_key().get(key)) return error;
        fields.take(key, field.value());
    }
    return simdjson::SUCCESS;
}

std::unexpected<ParseError> own_error(const Fields<2>& fields) {
    const auto code = detail::plain_integer(fields[0]);
    const std::string text = fmt::format("Binance's error {}: {}", snippet(detail::trimmed(fields[0])),
                                         snippet(detail::plain_string(fields[1]).value_or("")));
    // Source: developers.binance.com, "Error codes for Binance".
    if (code == -1003) return refuse(Kind::rate_limited, text);
    if (code == -1121) return refuse(Kind::unknown_symbol, text);
    return refuse(Kind::venue_error, text);
}

class Binance final : public Venue {
public:
    Binance(std::vector<Instrument> instruments, const Endpoints& endpoints)
        : instruments_(std::move(instruments)), endpoints_(endpoints), index_(instruments_) {
        seen_.resize(instruments_.size());
    }

    const VenueType& type() const override { return binance_type; }
    std::span<const Instrument> instruments() const override { return instruments_; }

    std::string stream_url() const override {
        if (endpoints_.ws_url.empty()) return {};
        std::string url =
            endpoints_.ws_url + (endpoints_.ws_url.find('?') == std::string::npos ? "?" : "&") + "streams=";
        for (std::size_t i = 0; i < instruments_.size(); ++i) {
            if (i > 0) url += '/';
            url += lower(instruments_[i].symbol) + "@trade";
        }
        return url;
    }
    std::string subscribe_message() const override { return {}; }

    std::string rest_url(std::span<const std::size_t> asked) const override {
        if (endpoints_.rest_url.empty()) return {};
        std::string url = endpoints_.rest_url + "/api/v3/ticker/price?symbols=%5B";
        for (std::size_t i = 0; i < asked.size(); ++i) {
            if (i > 0) url += "%2C";
            url += "%22" + instruments_[asked[i]].symbol + "%22";
        }
        return url + "%5D";
    }

    ParseResult parse_frame(std::string_view bytes, Timestamp received_at, std::vector<Quote>& out) override {
        document frame;
        object root;
        if (!detail::looks_like_json(bytes) || reader_.read(bytes).get(frame))
            return refuse(Kind::not_json, "a frame that is not JSON");
        if (const auto error = frame.get_object().get(root)) {
            return error == simdjson::INCORRECT_TYPE ? refuse(Kind::wrong_shape, "a frame that is no object")
                                                     : refuse(Kind::not_json, "a frame that is not JSON");
        }
        std::string_view stream;
        Fields event(event_names);
        Fields problem(error_names);
        bool nested = false;
        bool known = false;
        for (auto field : root) {
            std::string_view key;
            if (field.unescaped_key().get(key)) return refuse(Kind::not_json, "a frame that is cut off");
            if (key == "stream") {
                std::string_view token;
                if (!stream.empty() || field.value().raw_json_token().get(token)) {
                    return refuse(Kind::wrong_shape, "a frame that names its stream twice");
                }
                const auto named = detail::plain_string(token);
                if (!named) return refuse(Kind::wrong_shape, "a frame of a stream without a name");
                stream = *named;
                // Books and candles are long: what is not ours is not read to its end.
                if (!stream.ends_with("@trade") && stream != "!serverShutdown") return Parsed{};
            } else if (key == "data" || key == "event" || key == "error") {
                if (std::exchange(nested, true))
                    return refuse(Kind::wrong_shape, "a frame with two payloads");
                object payload;
                if (field.value().get_object().get(payload)) {
                    return refuse(Kind::wrong_shape, "a frame whose payload is no object");
                }
                if (key == "error" ? collect(payload, problem) : collect(payload, event)) {
                    return refuse(Kind::not_json, "a frame that is cut off");
                }
            } else if (problem.take(key, field.value()) || event.take(key, field.value())) {
                known = true;
            } else {
                // Answers to a command of ours, and snapshots of a book.
                known = known || key == "result" || key == "id" || key == "lastUpdateId";
            }
        }
        if (!detail::at_end(frame)) return refuse(Kind::not_json, "a frame with something after its end");
        if (problem.any()) return own_error(problem);
        if (event.contradictory()) return refuse(Kind::wrong_shape, "a frame that says a thing twice");
        if (!event[0].empty()) return on_event(stream, event, received_at, out);
        if (known && stream.empty() && !event.any()) return Parsed{};
        return refuse(Kind::wrong_shape, "a frame of an unknown shape");
    }

    ParseResult parse_answer(std::string_view body, Timestamp received_at, std::vector<Quote>& out) override {
        const std::size_t before = out.size();
        auto result = read_answer(body, received_at, out);
        // Half an answer is none.
        if (!result) out.resize(before);
        return result;
    }

private:
    ParseResult on_event(std::string_view stream, const Fields<4>& event, Timestamp received_at,
                         std::vector<Quote>& out) {
        const auto name = detail::plain_string(event[0]);
        if (name == "serverShutdown") {
            Parsed parsed;
            parsed.server_leaves = true;
            return parsed;
        }
        if (name != "trade") {
            if (stream.empty()) return Parsed{};
            return refuse(Kind::wrong_shape, "a trade stream's frame that holds no trade");
        }
        const auto symbol = detail::plain_string(event[1]);
        const auto digits = detail::plain_string(event[2]);
        const auto at = detail::plain_integer(event[3]);
        if (!symbol || !digits || !at) return refuse(Kind::wrong_shape, "a trade of an unknown shape");
        const Instrument* instrument = index_.find(*symbol);
        if (instrument == nullptr) {
            return refuse(Kind::bad_quote,
                          fmt::format("a trade of '{}', which was not asked for", snippet(*symbol)));
        }
        if (!stream.empty() && !same_symbol(stream, *symbol)) {
            return refuse(Kind::bad_quote,
                          fmt::format("a trade of '{}' in the stream '{}'", *symbol, snippet(stream)));
        }
        const auto price = detail::price_of(*digits);
        const auto time = detail::market_time(*at);
        if (!price) {
            return refuse(Kind::bad_quote, fmt::format("'{}' is no price of {}", snippet(*digits), *symbol));
        }
        if (!time)
            return refuse(Kind::bad_quote, fmt::format("{} is no time of a trade of {}", *at, *symbol));
        out.push_back({binance_type.name, binance_type.kind, instrument->ticker, *price, *time, received_at});
        return Parsed{};
    }

    // "btcusdt@trade" carries trades of BTCUSDT.
    static bool same_symbol(std::string_view stream, std::string_view symbol) {
        constexpr std::string_view suffix = "@trade";
        if (stream.size() != symbol.size() + suffix.size()) return false;
        for (std::size_t i = 0; i < symbol.size(); ++i) {
            const char c = symbol[i];
            if (stream[i] != (c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c)) return false;
        }
        return true;
    }

    ParseResult read_answer(std::string_view body, Timestamp received_at, std::vector<Quote>& out) {
        document answer;
        json_type type{};
        if (!detail::looks_like_json(body) || reader_.read(body).get(answer) || answer.type().get(type)) {
            return refuse(Kind::not_json, fmt::format("an answer that is not JSON: {}", snippet(body)));
        }
        std::fill(seen_.begin(), seen_.end(), false);
        Parsed parsed;
        if (type == json_type::array) {
            array list;
            if (answer.get_array().get(list)) return refuse(Kind::not_json, "an answer that is cut off");
            for (auto element : list) {
                object entry;
                if (const auto error = element.get_object().get(entry)) {
                    return error == simdjson::INCORRECT_TYPE
                               ? refuse(Kind::wrong_shape, "an answer of an unknown shape")
                               : refuse(Kind::not_json, "an answer that is cut off");
                }
                if (auto error = read_price(entry, received_at, out, parsed)) return std::unexpected(*error);
            }
        } else if (type == json_type::object) {
            object entry;
            if (answer.get_object().get(entry)) return refuse(Kind::not_json, "an answer that is cut off");
            if (auto error = read_price(entry, received_at, out, parsed)) return std::unexpected(*error);
        } else {
            return refuse(Kind::wrong_shape, fmt::format("an answer of an unknown shape: {}", snippet(body)));
        }
        if (!detail::at_end(answer)) return refuse(Kind::not_json, "an answer with something after its end");
        return parsed;
    }

    // {"symbol":"BTCUSDT","price":"65420.15000000"}, or an error of Binance's own in its place.
    std::optional<ParseError> read_price(object entry, Timestamp received_at, std::vector<Quote>& out,
                                         Parsed& parsed) {
        Fields wanted(price_names);
        Fields problem(error_names);
        for (auto field : entry) {
            std::string_view key;
            if (field.unescaped_key().get(key))
                return ParseError{Kind::not_json, "an answer that is cut off"};
            if (!wanted.take(key, field.value())) problem.take(key, field.value());
        }
        if (!problem[0].empty()) return own_error(problem).error();
        const auto symbol = detail::plain_string(wanted[0]);
        const auto digits = detail::plain_string(wanted[1]);
        if (wanted.contradictory() || !symbol || !digits) {
            return ParseError{Kind::wrong_shape, "an answer of an unknown shape"};
        }
        const Instrument* instrument = index_.find(*symbol);
        const auto price = detail::price_of(*digits);
        const std::size_t i = instrument ? static_cast<std::size_t>(instrument - instruments_.data()) : 0;
        if (instrument == nullptr || !price || seen_[i]) {
            if (parsed.refused++ == 0) {
                parsed.why = fmt::format("'{}' as the price of '{}'", snippet(*digits), snippet(*symbol));
            }
            return std::nullopt;
        }
        seen_[i] = true;
        // The answer says no time: it is the latest price at the moment it was asked.
        out.push_back(
            {binance_type.name, binance_type.kind, instrument->ticker, *price, received_at, received_at});
        return std::nullopt;
    }

    const std::vector<Instrument> instruments_;
    const Endpoints endpoints_;
    const SymbolIndex index_;
    std::vector<bool> seen_;
    detail::JsonReader reader_;
};

}  // namespace

constinit const VenueType binance_type{
    .name = "binance",
    .kind = SourceKind::exchange,
    .max_instruments = max_streams,
    .symbol_of = [](Ticker ticker) { return std::optional(std::string(ticker.view()) + "USDT"); },
    .is_symbol =
        [](std::string_view symbol) {
            return !symbol.empty() && symbol.size() <= 30 &&
                   std::all_of(symbol.begin(), symbol.end(), [](char c) {
                       return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' ||
                              c == '.';
                   });
        },
    .create = [](std::vector<Instrument> instruments, const Endpoints& endpoints) -> std::unique_ptr<Venue> {
        return std::make_unique<Binance>(std::move(instruments), endpoints);
    },
};

}  // namespace pricewire::feed
