#include "feed/binance/binance.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "feed/detail/json.hpp"
#include "feed/refusal.hpp"

namespace pricewire::feed {

using namespace std::chrono_literals;

namespace binance {
namespace {

using detail::collect;
using detail::Fields;
using detail::leave_out;
using detail::refuse;
using detail::ondemand::array;
using detail::ondemand::document;
using detail::ondemand::json_type;
using detail::ondemand::object;
using Kind = ParseError::Kind;

// Binance allows 1024 streams on a connection, but they are named in the URL, which it truncates somewhere
// above 200 of them. More tickers mean more connections.
constexpr std::size_t max_streams = 200;

constexpr std::array<std::string_view, 5> event_names{"e", "s", "p", "T", "t"};
constexpr std::array<std::string_view, 2> error_names{"code", "msg"};
constexpr std::array<std::string_view, 2> price_names{"symbol", "price"};

std::unexpected<ParseError> own_error(const Fields<2>& fields) {
    const auto code = detail::plain_integer(fields[0]);
    const std::string text = fmt::format("Binance's error {}: {}", snippet(detail::trimmed(fields[0])),
                                         snippet(detail::plain_string(fields[1]).value_or("")));
    // Source: developers.binance.com, "Error codes for Binance".
    if (code == -1003) return refuse(Kind::rate_limited, text);
    if (code == -1121) return refuse(Kind::unknown_symbol, text);
    return refuse(Kind::venue_error, text);
}

class BinanceStream final : public StreamParser {
public:
    explicit BinanceStream(const Venue& venue) : venue_(venue), ids_(venue.instruments().size()) {}

    ParseResult parse(std::string_view bytes, Timestamp received_at, StreamOutput& out) override {
        document frame;
        object root;
        if (!detail::looks_like_json(bytes) || reader_.read(bytes).get(frame))
            return refuse(Kind::not_json, "a frame that is not JSON");
        if (const auto error = frame.get_object().get(root)) {
            return error == simdjson::INCORRECT_TYPE
                       ? refuse(Kind::wrong_shape, "a frame that is not an object")
                       : refuse(Kind::not_json, "a frame that is not JSON");
        }
        std::string_view stream;
        Fields event(event_names);
        Fields problem(error_names);
        bool nested = false;
        bool known = false;
        for (auto field : root) {
            std::string_view key;
            if (field.unescaped_key().get(key)) return refuse(Kind::not_json, "a truncated frame");
            if (key == "stream") {
                std::string_view token;
                if (!stream.empty() || field.value().raw_json_token().get(token)) {
                    return refuse(Kind::wrong_shape, "a frame with two stream names");
                }
                const auto named = detail::plain_string(token);
                if (!named) return refuse(Kind::wrong_shape, "a frame of a stream without a name");
                stream = *named;
                // Books and candles are long: what was not requested is not read to its end.
                if (!stream.ends_with("@trade") && stream != "!serverShutdown") return Parsed{};
            } else if (key == "data" || key == "event" || key == "error") {
                if (std::exchange(nested, true))
                    return refuse(Kind::wrong_shape, "a frame with two payloads");
                object payload;
                if (field.value().get_object().get(payload)) {
                    return refuse(Kind::wrong_shape, "a frame whose payload is not an object");
                }
                if (key == "error" ? collect(payload, problem) : collect(payload, event)) {
                    return refuse(Kind::not_json, "a truncated frame");
                }
            } else if (problem.take(key, field.value()) || event.take(key, field.value())) {
                known = true;
            } else {
                // Answers to a command of ours, and snapshots of a book.
                known = known || key == "result" || key == "id" || key == "lastUpdateId";
            }
        }
        if (!detail::at_end(frame)) return refuse(Kind::not_json, "a frame with trailing bytes");
        if (problem.any()) return own_error(problem);
        if (event.contradictory()) return refuse(Kind::wrong_shape, "a frame with a duplicate field");
        if (!event[0].empty()) return on_event(stream, event, received_at, out);
        if (known && stream.empty() && !event.any()) return Parsed{};
        return refuse(Kind::wrong_shape, "a frame of an unknown shape");
    }

private:
    ParseResult on_event(std::string_view stream, const Fields<5>& event, Timestamp received_at,
                         StreamOutput& out) {
        const auto name = detail::plain_string(event[0]);
        if (name == "serverShutdown") {
            out.events.push_back(ServerLeaves{});
            return Parsed{};
        }
        if (name != "trade") {
            if (stream.empty()) return Parsed{};
            return refuse(Kind::wrong_shape, "a trade stream's frame without a trade");
        }
        const auto symbol = detail::plain_string(event[1]);
        const auto digits = detail::plain_string(event[2]);
        const auto at = detail::plain_integer(event[3]);
        if (!symbol || !digits || !at) return refuse(Kind::wrong_shape, "a trade of an unknown shape");
        const auto index = venue_.find(*symbol);
        if (!index) {
            return refuse(Kind::bad_quote,
                          fmt::format("a trade of '{}', which was not requested", snippet(*symbol)));
        }
        if (!stream.empty() && !same_symbol(stream, *symbol)) {
            return refuse(Kind::bad_quote,
                          fmt::format("a trade of '{}' in the stream '{}'", *symbol, snippet(stream)));
        }
        const auto price = detail::price_of(*digits);
        const auto time = detail::market_time(*at);
        if (!price) {
            return refuse(Kind::bad_quote,
                          fmt::format("'{}' is not a valid price of {}", snippet(*digits), *symbol));
        }
        if (!time)
            return refuse(Kind::bad_quote,
                          fmt::format("{} is not a valid time of a trade of {}", *at, *symbol));
        std::optional<std::uint64_t> id;
        if (const auto number = detail::plain_integer(event[4]); number && *number > 0) {
            id = static_cast<std::uint64_t>(*number);
            ids_.note(*index, *id, out.events);
        }
        out.quotes.push_back(venue_.quote(*index, *price, *time, received_at));
        out.quotes.back().trade_id = id;
        return Parsed{};
    }

    // "btcusdt@trade" carries trades of BTCUSDT.
    static bool same_symbol(std::string_view stream, std::string_view symbol) {
        constexpr std::string_view suffix = "@trade";
        if (stream.size() != symbol.size() + suffix.size()) return false;
        return std::equal(symbol.begin(), symbol.end(), stream.begin(),
                          [](char s, char c) { return lower_case(s) == c; });
    }

    const Venue& venue_;
    detail::TradeIds ids_;
    detail::JsonReader reader_;
};

class Binance final : public Venue {
public:
    Binance(std::vector<Instrument> instruments, Endpoints endpoints)
        : Venue(binance_type, std::move(instruments), std::move(endpoints)),
          seen_(this->instruments().size()) {}

    std::string stream_url() const override {
        const std::string& base = endpoints().ws_url;
        if (base.empty()) return {};
        std::string url = base + (base.find('?') == std::string::npos ? "?" : "&") + "streams=";
        for (std::size_t i = 0; i < instruments().size(); ++i) {
            if (i > 0) url += '/';
            url += lower_case(instruments()[i].symbol) + "@trade";
        }
        return url;
    }
    std::unique_ptr<StreamParser> create_parser() const override {
        return std::make_unique<BinanceStream>(*this);
    }

    std::string rest_url(std::span<const std::size_t> asked) const override {
        if (endpoints().rest_url.empty()) return {};
        std::string url = endpoints().rest_url + "/api/v3/ticker/price?symbols=%5B";
        for (std::size_t i = 0; i < asked.size(); ++i) {
            if (i > 0) url += "%2C";
            url += "%22" + instruments()[asked[i]].symbol + "%22";
        }
        return url + "%5D";
    }

    ParseResult parse_answer(std::string_view body, Timestamp received_at, std::vector<Quote>& out) override {
        const std::size_t before = out.size();
        auto result = read_answer(body, received_at, out);
        if (!result) out.resize(before);
        return result;
    }

private:
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
            if (answer.get_array().get(list)) return refuse(Kind::not_json, "a truncated answer");
            for (auto element : list) {
                object entry;
                if (const auto error = element.get_object().get(entry)) {
                    return error == simdjson::INCORRECT_TYPE
                               ? refuse(Kind::wrong_shape, "an answer of an unknown shape")
                               : refuse(Kind::not_json, "a truncated answer");
                }
                if (auto error = read_price(entry, received_at, out, parsed)) return std::unexpected(*error);
            }
        } else if (type == json_type::object) {
            object entry;
            if (answer.get_object().get(entry)) return refuse(Kind::not_json, "a truncated answer");
            if (auto error = read_price(entry, received_at, out, parsed)) return std::unexpected(*error);
        } else {
            return refuse(Kind::wrong_shape, fmt::format("an answer of an unknown shape: {}", snippet(body)));
        }
        if (!detail::at_end(answer)) return refuse(Kind::not_json, "an answer with trailing bytes");
        return parsed;
    }

    // {"symbol":"BTCUSDT","price":"65420.15000000"}, or an error of Binance's own in its place.
    std::optional<ParseError> read_price(object entry, Timestamp received_at, std::vector<Quote>& out,
                                         Parsed& parsed) {
        Fields wanted(price_names);
        Fields problem(error_names);
        for (auto field : entry) {
            std::string_view key;
            if (field.unescaped_key().get(key)) return ParseError{Kind::not_json, "a truncated answer"};
            if (!wanted.take(key, field.value())) problem.take(key, field.value());
        }
        if (!problem[0].empty()) return own_error(problem).error();
        const auto symbol = detail::plain_string(wanted[0]);
        const auto digits = detail::plain_string(wanted[1]);
        if (wanted.contradictory() || !symbol || !digits) {
            return ParseError{Kind::wrong_shape, "an answer of an unknown shape"};
        }
        const auto index = find(*symbol);
        const auto price = detail::price_of(*digits);
        if (!index || !price || seen_[*index]) {
            leave_out(parsed, fmt::format("'{}' as the price of '{}'", snippet(*digits), snippet(*symbol)));
            return std::nullopt;
        }
        seen_[*index] = true;
        // The answer holds no time: it is the last price at the moment of the request.
        out.push_back(quote(*index, *price, received_at, received_at));
        return std::nullopt;
    }

    std::vector<bool> seen_;
    detail::JsonReader reader_;
};

}  // namespace
}  // namespace binance

constinit const VenueType binance_type{
    .name = "binance",
    .title = "Binance",
    .kind = SourceKind::exchange,
    .stream = {.url = "wss://stream.binance.com:9443/stream",
               .max_instruments = binance::max_streams,
               // Binance cuts every connection after 24 h.
               .renew_from = 23h + 30min,
               .renew_to = 23h + 55min},
    .rest = {.url = "https://api.binance.com", .max_instruments = binance::max_streams},
    .history = {.bars_per_request = 1000,
                .trades_per_request = 1000,
                .trades_by = HistoryOffer::TradesBy::id},
    .symbol_of = [](Ticker ticker) { return std::optional(std::string(ticker.view()) + "USDT"); },
    .is_symbol =
        [](std::string_view symbol) {
            return !symbol.empty() && symbol.size() <= 30 &&
                   std::all_of(symbol.begin(), symbol.end(), [](char c) {
                       return is_upper(c) || is_digit(c) || c == '_' || c == '-' || c == '.';
                   });
        },
    .currency_of = currency_at_end,
    .create = [](std::vector<Instrument> instruments, Endpoints endpoints) -> std::unique_ptr<Venue> {
        return std::make_unique<binance::Binance>(std::move(instruments), std::move(endpoints));
    },
};

}  // namespace pricewire::feed
