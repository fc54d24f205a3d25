#include "feed/bitstamp/bitstamp.hpp"

#include <fmt/format.h>

#include <array>
#include <cmath>

#include "base/text.hpp"
#include "feed/detail/json_venue.hpp"

namespace pricewire::feed {

using namespace std::chrono_literals;

namespace bitstamp {
namespace {

using detail::Fields;
using detail::leave_out;
using detail::refuse;
using Kind = ParseError::Kind;

constexpr std::string_view channel_prefix = "live_trades_";

constexpr std::array<std::string_view, 2> frame_names{"event", "channel"};
constexpr std::array<std::string_view, 6> data_names{"id",        "microtimestamp", "price",
                                                     "price_str", "code",           "message"};
enum DataField { id, microtimestamp, price, price_str, code, message };
constexpr std::array<std::string_view, 10> ticker_names{"pair",   "last",   "timestamp", "bid",  "ask",
                                                        "volume", "status", "reason",    "code", "message"};
enum TickerField { pair, last, timestamp, bid, ask, volume, status, reason, error_code, error_message };

constexpr std::array<std::string_view, 9> quote_currencies{"USDT", "USDC", "RLUSD", "PYUSD", "USD",
                                                           "EUR",  "GBP",  "BTC",   "ETH"};

// "live_trades_btcusd" → "btcusd"
std::string_view symbol_in(std::string_view channel) {
    return channel.starts_with(channel_prefix) ? channel.substr(channel_prefix.size()) : std::string_view();
}

std::optional<Timestamp> time_of_micros(std::string_view token) {
    const auto us = detail::plain_integer(detail::digits_of(token));
    return us && detail::market_time(*us / 1000) ? std::optional(from_micros(*us)) : std::nullopt;
}

// `price_str` has the digits; `price` has gone through a double, and may lack the last of them.
std::string_view price_token(const Fields<6>& data) {
    return detail::figure_in(data[price_str]).value_or("").empty() ? data[price] : data[price_str];
}

std::optional<Decimal> price_in(const Fields<6>& data) {
    const auto exact = detail::price_of(detail::digits_of(price_token(data)));
    const auto rounded = detail::price_of(detail::digits_of(data[price]));
    if (exact && rounded && *exact != *rounded &&
        std::abs(exact->to_double() / rounded->to_double() - 1) > 1e-6)
        return std::nullopt;
    return exact;
}

class BitstampStream final : public detail::JsonStream {
public:
    using JsonStream::JsonStream;

    ParseResult parse(std::string_view bytes, Timestamp received_at, StreamOutput& out) override {
        Fields frame(frame_names);
        Fields data(data_names);
        const auto over = read(bytes, [&](std::string_view key, detail::JsonValue value) -> detail::Step {
            if (key != "data") {
                frame.take(key, value);
                return simdjson::SUCCESS;
            }
            detail::ondemand::json_type type{};
            if (const auto error = value.type().get(type)) return error;
            // Some events have a text in its place.
            if (type != detail::ondemand::json_type::object) return simdjson::SUCCESS;
            if (data.any()) return duplicate_field();
            return detail::collect(value, data);
        });
        if (over) return *over;
        const auto event = detail::plain_string(frame[0]);
        if (frame.contradictory()) return duplicate_field();
        if (!event) return unknown_shape();
        const std::string_view channel = detail::plain_string(frame[1]).value_or("");
        if (*event == "trade") return on_trade(channel, data, received_at, out);
        if (*event == "bts:subscription_succeeded") {
            if (const auto instrument = venue_.find(symbol_in(channel)))
                out.events.push_back(Acknowledged{*instrument});
        } else if (*event == "bts:heartbeat") {
            out.events.push_back(Alive{});
        } else if (*event == "bts:request_reconnect") {
            out.events.push_back(ServerLeaves{});
        } else if (*event == "bts:error") {
            on_error(channel, data, out);
        }
        return Parsed{};
    }

private:
    // The channel may be missing, and the code null.
    void on_error(std::string_view channel, const Fields<6>& data, StreamOutput& out) {
        const std::string_view words = detail::digits_of(data[message]);
        const std::string why =
            fmt::format("Bitstamp's error {}: {}", snippet(detail::digits_of(data[code])), snippet(words));
        const auto has = [&](std::string_view part) { return words.find(part) != std::string_view::npos; };
        const auto instrument = venue_.find(symbol_in(channel));
        if (has("oo many") || has("ate limit")) {
            out.events.push_back(RateLimited{why});
        } else if (!instrument) {
            out.events.push_back(MessageRefused{std::nullopt, why, std::nullopt});
        } else if (has("lready subscribed")) {
            out.events.push_back(Acknowledged{*instrument});
        } else {
            out.events.push_back(SymbolRefused{*instrument, why});
        }
    }

    ParseResult on_trade(std::string_view channel, const Fields<6>& data, Timestamp received_at,
                         StreamOutput& out) {
        const auto instrument = venue_.find(symbol_in(channel));
        if (!instrument) return not_requested(channel);
        if (data.contradictory()) return duplicate_field();
        Parsed parsed;
        add_trade(*instrument,
                  {.price = price_in(data),
                   .time = time_of_micros(data[microtimestamp]),
                   .id = detail::id_of(data[id]),
                   .price_token = price_token(data),
                   .time_token = data[microtimestamp],
                   .id_token = data[id]},
                  received_at, out, parsed);
        return parsed;
    }
};

class Bitstamp final : public detail::JsonVenue {
public:
    using JsonVenue::JsonVenue;

    std::unique_ptr<StreamParser> create_parser() const override {
        return std::make_unique<BitstampStream>(*this);
    }

private:
    std::string subscription_message(std::string_view verb, std::span<const std::size_t> asked,
                                     const SubscribeMessage&) const override {
        return fmt::format(R"({{"event":"bts:{}","data":{{"channel":"{}{}"}}}})", verb, channel_prefix,
                           instruments()[asked.front()].symbol);
    }
    // That of one pair does not name it in its answer.
    std::string rest_path(std::span<const std::size_t>) const override { return "/ticker/"; }

    // [{"pair":"BTC/USD","last":"65000.00","timestamp":"1700000000", …}, …], or an error.
    std::optional<ParseResult> read_answer(detail::Answer& answer) override {
        return read_objects(answer, [&](detail::ondemand::object from) -> detail::Step {
            Fields row(ticker_names);
            if (const auto error = detail::collect(from, row)) return error;
            if (row[pair].empty()) return own_error(row, answer);
            const auto instrument = find_pair(detail::plain_string(row[pair]).value_or(""));
            if (!instrument) return simdjson::SUCCESS;  // all pairs come
            const auto last_price = detail::price_in(row, last);
            // Its time may be that of the answer: a pair that is traded shows by its book and its volume.
            const std::size_t life = with(with(with(0, row[bid]), row[ask]), row[volume]);
            Quote* quote = add_untimed_price(answer, instrument, instruments()[*instrument].symbol,
                                             last_price, row[last], life);
            const auto seconds = detail::plain_integer(detail::digits_of(row[timestamp]));
            const auto time = seconds ? detail::market_time(*seconds * 1000) : std::nullopt;
            if (quote != nullptr && (!time || answer.received_at - *time > old_after)) quote->is_live = false;
            return simdjson::SUCCESS;
        });
    }

    detail::Step own_error(const Fields<10>& row, const detail::Answer& answer) const {
        const std::string_view words =
            detail::digits_of(row[reason].empty() ? row[error_message] : row[reason]);
        if (words.empty()) return unknown_shape(answer);
        const bool is_limit = words.find("oo many") != std::string_view::npos ||
                              words.find("ate limit") != std::string_view::npos;
        return refuse(is_limit ? Kind::rate_limited : Kind::venue_error,
                      fmt::format("Bitstamp's error {}: {}", snippet(detail::digits_of(row[error_code])),
                                  snippet(words)));
    }

    // "BTC/USD" → that of "btcusd"
    std::optional<std::size_t> find_pair(std::string_view name) const {
        const std::size_t slash = name.find('/');
        if (slash == std::string_view::npos) return std::nullopt;
        return find(lower_case(name.substr(0, slash)) + lower_case(name.substr(slash + 1)));
    }
};

}  // namespace
}  // namespace bitstamp

constinit const VenueType bitstamp_type{
    .name = "bitstamp",
    .title = "Bitstamp",
    .kind = SourceKind::exchange,
    .weight = 2,
    .stream = {.url = "wss://ws.bitstamp.net",
               .symbols_per_message = 1,
               .message_gap = 100ms,
               .ack_within = 10s,
               // It sends nothing by itself while nothing is traded.
               .keep_alive = {.text = R"({"event":"bts:heartbeat"})"},
               .silence_limit = 30s,
               .deaf_limit = 3min,
               // 90 days are the most.
               .renew_from = 24h * 60,
               .renew_to = 24h * 80},
    .rest = {.url = "https://www.bitstamp.net/api/v2", .max_answer = 1024 * 1024},
    .listings = {.path = "/markets/", .parse = bitstamp::parse_listings},
    .past = {.candles_per_request = 1000,
             .least_gap = 200ms,
             .candles_url = bitstamp::candles_url,
             .parse_candles = bitstamp::parse_candles,
             .trades_reach = 1h,
             .trades_url = bitstamp::trades_url,
             .parse_trades = bitstamp::parse_trades},
    .symbol_of = [](Ticker ticker) -> std::optional<std::string> {
        if (ticker == "USD") return std::nullopt;
        return lower_case(ticker.view()) + "usd";
    },
    .is_symbol =
        [](std::string_view symbol) {
            return symbol.size() >= 5 && detail::consists_of(symbol, [](char c) {
                       return is_digit(c) || (is_letter(c) && !is_upper(c));
                   });
        },
    .currency_of =
        [](std::string_view symbol) { return currency_at_end(symbol, bitstamp::quote_currencies); },
    .create = detail::create<bitstamp::Bitstamp, bitstamp_type>,
};

}  // namespace pricewire::feed
