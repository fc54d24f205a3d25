#include "feed/binance/binance.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/text.hpp"
#include "feed/detail/json_venue.hpp"

namespace pricewire::feed {

using namespace std::chrono_literals;

namespace binance {
namespace {

using detail::collect;
using detail::Fields;
using detail::leave_out;
using detail::refuse;
using detail::ondemand::object;
using Kind = ParseError::Kind;

// Binance allows 1024 streams on a connection, but they are named in the URL, which it truncates somewhere
// above 200 of them. More tickers mean more connections.
constexpr std::size_t max_streams = 200;
// Five messages a second are allowed, pings and pongs among them.
constexpr std::chrono::milliseconds message_gap{300};

constexpr std::array<std::string_view, 6> event_names{"e", "s", "p", "T", "t", "a"};
constexpr std::array<std::string_view, 2> error_names{"code", "msg"};
constexpr std::array<std::string_view, 4> entry_names{"symbol", "price", "code", "msg"};

// Binance.US speaks an older form of Binance's protocol, and minutes without a trade are normal there.
bool is_us(const Venue& venue) {
    return &venue.type() == &binance_us_type;
}

// Microseconds come where the URL of the stream has timeUnit=MICROSECOND.
std::optional<Timestamp> trade_time(std::int64_t number) {
    const std::int64_t per_ms = number >= 1'000'000'000'000'000 ? 1000 : 1;
    const auto time = detail::market_time(number / per_ms);
    return time ? std::optional(*time + std::chrono::microseconds{number % per_ms}) : std::nullopt;
}

// "BTCUSDT" is the symbol of "btcusdt@trade".
bool is_symbol_of(std::string_view stream, std::string_view symbol) {
    return std::equal(symbol.begin(), symbol.end(), stream.begin(),
                      stream.begin() + static_cast<std::ptrdiff_t>(std::min(stream.find('@'), stream.size())),
                      [](char s, char c) { return lower_case(s) == c; });
}

std::unexpected<ParseError> own_error(const Venue& venue, std::string_view code_token,
                                      std::string_view message) {
    const auto code = detail::plain_integer(code_token);
    const std::string text =
        fmt::format("{}'s error {}: {}", venue.type().title, snippet(detail::trimmed(code_token)),
                    snippet(detail::plain_string(message).value_or("")));
    // Source: developers.binance.com, "Error codes for Binance".
    if (code == -1003) return refuse(Kind::rate_limited, text);
    // -11xx: a parameter is not valid, and -1220: a symbol is not in the status that was asked for. All that
    // differs between our requests is the symbols.
    if (code && ((*code <= -1100 && *code > -1200) || *code == -1220))
        return refuse(Kind::unknown_symbol, text);
    return refuse(Kind::venue_error, text);
}

class BinanceStream final : public detail::JsonStream {
public:
    explicit BinanceStream(const Venue& venue)
        : JsonStream(venue),
          takes_aggregates_(is_us(venue)),
          ids_(venue.instruments().size()),
          aggregate_ids_(venue.instruments().size()) {}

    void forget(std::size_t instrument) override {
        JsonStream::forget(instrument);
        ids_.forget(instrument);
        aggregate_ids_.forget(instrument);
    }
    ParseResult parse(std::string_view bytes, Timestamp received_at, StreamOutput& out) override {
        std::string_view stream;
        std::string_view id;
        Fields event(event_names);
        Fields problem(error_names);
        bool nested = false;
        bool known = false;
        const auto over = read(bytes, [&](std::string_view key, detail::JsonValue value) -> detail::Step {
            if (key == "stream") {
                std::string_view token;
                if (!stream.empty() || value.raw_json_token().get(token))
                    return refuse(Kind::wrong_shape, "a frame with two stream names");
                const auto named = detail::plain_string(token);
                if (!named) return refuse(Kind::wrong_shape, "a frame of a stream without a name");
                stream = *named;
                // Books and candles are long: what was not requested is not read to its end.
                const bool has_trades =
                    stream.ends_with("@trade") || (takes_aggregates_ && stream.ends_with("@aggTrade"));
                if (!has_trades && stream != "!serverShutdown") return Parsed{};
            } else if (key == "data" || key == "event" || key == "error") {
                bool is_null = false;
                if (key == "error" && !value.is_null().get(is_null) && is_null) return simdjson::SUCCESS;
                if (std::exchange(nested, true))
                    return refuse(Kind::wrong_shape, "a frame with two payloads");
                return key == "error" ? collect(value, problem) : collect(value, event);
            } else if (problem.take(key, value) || event.take(key, value)) {
                known = true;
            } else if (key == "id") {
                if (const auto error = value.raw_json_token().get(id)) return error;
                known = true;
            } else {
                // Answers to a command of ours, and snapshots of a book.
                known = known || key == "result" || key == "lastUpdateId";
            }
            return simdjson::SUCCESS;
        });
        if (over) return *over;
        if (problem.any()) return on_error(detail::id_of(id), own_error(venue_, problem[0], problem[1]), out);
        if (event.contradictory()) return duplicate_field();
        if (!event[0].empty()) return on_event(stream, event, received_at, out);
        if (!known || !stream.empty() || event.any()) return unknown_shape();
        if (const auto number = detail::id_of(id)) out.events.push_back(MessageAcknowledged{number});
        return Parsed{};
    }

private:
    static ParseResult on_error(std::optional<std::uint64_t> number, std::unexpected<ParseError> error,
                                StreamOutput& out) {
        if (!number || error.error().kind == Kind::rate_limited) return error;
        out.events.push_back(MessageRefused{number, error.error().text, std::nullopt});
        return Parsed{};
    }

    ParseResult on_event(std::string_view stream, const Fields<6>& event, Timestamp received_at,
                         StreamOutput& out) {
        const auto name = detail::plain_string(event[0]);
        if (name == "serverShutdown") {
            out.events.push_back(ServerLeaves{});
            return Parsed{};
        }
        const bool is_aggregate = name == "aggTrade" && takes_aggregates_;
        if (name != "trade" && !is_aggregate) {
            if (stream.empty()) return Parsed{};
            return refuse(Kind::wrong_shape, "a trade stream's frame without a trade");
        }
        const auto symbol = detail::plain_string(event[1]);
        const auto digits = detail::figure_in(event[2]);
        const auto at = detail::plain_integer(detail::digits_of(event[3]));
        if (!symbol || !digits || !at) return refuse(Kind::wrong_shape, "a trade of an unknown shape");
        const auto index = venue_.find(*symbol);
        if (!index) {
            return refuse(Kind::bad_quote,
                          fmt::format("a trade of '{}', which was not requested", snippet(*symbol)));
        }
        if (!stream.empty() && !is_symbol_of(stream, *symbol)) {
            return refuse(Kind::bad_quote,
                          fmt::format("a trade of '{}' in the stream '{}'", *symbol, snippet(stream)));
        }
        const std::string_view id = event[is_aggregate ? 5 : 4];
        const detail::Trade trade{.price = detail::price_of(*digits),
                                  .time = trade_time(*at),
                                  .id = detail::id_of(id),
                                  .price_token = event[2],
                                  .time_token = event[3],
                                  .id_token = id};
        if (!trade.price) {
            return refuse(Kind::bad_quote,
                          fmt::format("'{}' is not a valid price of {}", snippet(*digits), *symbol));
        }
        if (!trade.time)
            return refuse(Kind::bad_quote,
                          fmt::format("{} is not a valid time of a trade of {}", *at, *symbol));
        Parsed parsed;
        const Quote* quote = add_trade(*index, trade, received_at, out, parsed);
        if (quote != nullptr && trade.id)
            (is_aggregate ? aggregate_ids_ : ids_).note(*index, *trade.id, out.events);
        return parsed;
    }

    // Streams of aggregates stand in recordings of Binance.US; we subscribe none.
    const bool takes_aggregates_;
    detail::TradeIds ids_;
    detail::TradeIds aggregate_ids_;  // another counter
};

class Binance final : public detail::JsonVenue {
public:
    using JsonVenue::JsonVenue;

    std::string stream_url(std::span<const std::size_t> named) const override {
        std::string base = endpoints().ws_url;
        while (base.ends_with('/')) base.pop_back();
        if (base.empty()) return {};
        return base + (base.find('?') == std::string::npos ? "?" : "&") +
               "streams=" + list(named, "/", [&](std::size_t i) { return stream_of(instruments()[i]); });
    }
    std::unique_ptr<StreamParser> create_parser() const override {
        return std::make_unique<BinanceStream>(*this);
    }

private:
    static std::string stream_of(const Instrument& instrument) {
        return lower_case(instrument.symbol) + "@trade";
    }
    // An unknown symbol is acknowledged, too, and stays silent.
    std::string subscription_message(std::string_view verb, std::span<const std::size_t> asked,
                                     const SubscribeMessage& message) const override {
        return fmt::format(
            R"({{"method":"{}","params":[{}],"id":{}}})", upper_case(verb),
            list(asked, ",", [&](std::size_t i) { return '"' + stream_of(instruments()[i]) + '"'; }),
            message.number);
    }
    std::string rest_path(std::span<const std::size_t> asked) const override {
        return "/api/v3/ticker/price?symbols=%5B" +
               list(asked, "%2C", [&](std::size_t i) { return "%22" + instruments()[i].symbol + "%22"; }) +
               (knows_status_ ? "%5D&symbolStatus=TRADING" : "%5D");
    }

    // [{"symbol":"BTCUSDT","price":"65420.15000000"}, …], or one of these alone, or an error of Binance's own.
    std::optional<ParseResult> read_answer(detail::Answer& answer) override {
        return read_objects(answer, [&](object from) -> detail::Step {
            Fields entry(entry_names);
            if (const auto error = collect(from, entry)) return error;
            if (!entry[2].empty()) {
                // An older server: whether a pair is traded shows by whether its price changes.
                const auto code = detail::plain_integer(entry[2]);
                const bool names_it = entry[3].find("symbolStatus") != std::string_view::npos;
                if (code == -1101 || code == -1103 || code == -1104 || (names_it && code != -1220)) {
                    knows_status_ = false;
                    return refuse(Kind::venue_error, "it does not know symbolStatus");
                }
                return own_error(*this, entry[2], entry[3]);
            }
            const auto symbol = detail::plain_string(entry[0]);
            const auto digits = detail::figure_in(entry[1]);
            if (entry.contradictory() || !symbol || !digits) return unknown_shape(answer);
            // The answer holds no time: it is the last price at the moment of the request, of a pair that is
            // traded.
            add_untimed_price(answer, find(*symbol), *symbol, detail::price_of(*digits), entry[1],
                              knows_status_ ? std::nullopt : std::optional<std::size_t>(0));
            return simdjson::SUCCESS;
        });
    }

    // Whether the server can leave out pairs that are halted. In a market as thin as that of Binance.US that is
    // not enough: the last trade may be minutes old, so only another price is news.
    bool knows_status_ = !is_us(*this);
};

bool is_symbol(std::string_view symbol) {
    return detail::consists_of(
        symbol, [](char c) { return is_upper(c) || is_digit(c) || c == '_' || c == '-' || c == '.'; });
}

// Trades of an hour at most: so it was, and still is at Binance.US.
constexpr PastType past(Duration least_gap) {
    return {.candles_per_request = 1000,
            .least_gap = least_gap,
            .candles_url = candles_url,
            .parse_candles = parse_candles,
            .trades_window = 1h,
            .trades_url = trades_url,
            .parse_trades = parse_trades};
}

}  // namespace
}  // namespace binance

constinit const VenueType binance_type{
    .name = "binance",
    .title = "Binance",
    .kind = SourceKind::exchange,
    .stream = {.url = "wss://stream.binance.com:9443/stream",
               .max_instruments = binance::max_streams,
               .symbols_per_message = 100,
               .names_in_url = true,
               .message_gap = binance::message_gap,
               .ack_within = 10s,
               // Binance cuts every connection after 24 h.
               .renew_from = 23h,
               .renew_to = 23h + 30min},
    .rest = {.url = "https://api.binance.com", .max_instruments = binance::max_streams},
    .listings = {.path = "/api/v3/exchangeInfo?showPermissionSets=false", .parse = binance::parse_listings},
    .past = binance::past(100ms),
    .symbol_of = [](Ticker ticker) { return usdt_market(ticker); },
    .is_symbol = binance::is_symbol,
    .currency_of = currency_at_end,
    .create = detail::create<binance::Binance, binance_type>,
};

constinit const VenueType binance_us_type{
    .name = "binance_us",
    .title = "Binance.US",
    .kind = SourceKind::exchange,
    .off_reason = "its market is thin, and one order has moved its price by 87 %",
    .weight = 1,
    .owner = "binance",
    .stream = {.url = "wss://stream.binance.us:9443/stream",
               .max_instruments = binance::max_streams,
               .symbols_per_message = 100,
               .names_in_url = true,
               .message_gap = binance::message_gap,
               .ack_within = 10s,
               .silence_limit = 30s,
               .deaf_limit = 15min,
               // It too cuts every connection after 24 h.
               .renew_from = 22h + 30min,
               .renew_to = 23h},
    .rest = {.url = "https://api.binance.us", .max_instruments = binance::max_streams},
    .listings = {.path = "/api/v3/exchangeInfo", .parse = binance::parse_listings},
    .past = binance::past(400ms),
    .symbol_of = [](Ticker ticker) { return usdt_market(ticker); },
    .is_symbol = binance::is_symbol,
    .currency_of = currency_at_end,
    .create = detail::create<binance::Binance, binance_us_type>,
};

}  // namespace pricewire::feed
