#include "feed/gateio/gateio.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "base/text.hpp"
#include "feed/detail/json_venue.hpp"

namespace pricewire::feed {

using namespace std::chrono_literals;

namespace gateio {
namespace {

using detail::Fields;
using detail::leave_out;
using detail::refuse;
using Kind = ParseError::Kind;

constexpr std::array<std::string_view, 3> frame_names{"channel", "event", "id"};
enum FrameField { channel, event, id };
constexpr std::array<std::string_view, 2> error_names{"code", "message"};
// Of a trade, of an acknowledgement and of a notice.
constexpr std::array<std::string_view, 7> result_names{
    "currency_pair", "price", "create_time_ms", "create_time", "id", "status", "type"};
enum ResultField { pair, price, time_ms, time_s, trade_id, status, type };
constexpr std::array<std::string_view, 8> price_names{
    "currency_pair", "last", "lowest_ask", "highest_bid", "lowest_size", "highest_size", "label", "message"};
enum PriceField { symbol, last, ask, bid, ask_size, bid_size, label, message };

bool is_symbol_char(char c) {
    return is_upper(c) || is_digit(c) || c == '_';
}

class GateioStream final : public detail::JsonStream {
public:
    using JsonStream::JsonStream;

    ParseResult parse(std::string_view bytes, Timestamp received_at, StreamOutput& out) override {
        Fields frame(frame_names);
        errors_.clear();
        rows_.clear();
        payload_.clear();
        const auto over = read(bytes, [&](std::string_view key, detail::JsonValue value) -> detail::Step {
            if (key == "payload") return read_payload(value);
            if (key == "error") return detail::collect_rows_or_one(value, error_names, errors_);
            if (key == "result") {
                // Books are long: a channel that was not requested is not read to its end.
                const auto name = detail::plain_string(frame[channel]);
                if (name && *name != "spot.trades" && *name != "spot.system" && *name != "spot.pong")
                    return Parsed{};
                return detail::collect_rows_or_one(value, result_names, rows_);
            }
            frame.take(key, value);
            return simdjson::SUCCESS;
        });
        if (over) return *over;
        if (frame.contradictory() || errors_.size() > 1) return duplicate_field();
        const auto name = detail::plain_string(frame[channel]);
        if (!errors_.empty()) return on_error(frame, errors_.front(), out);
        if (!name) return unknown_shape();
        if (*name == "spot.pong") out.events.push_back(Alive{});
        if (*name == "spot.system") on_notice(out);
        if (*name != "spot.trades") return Parsed{};
        const auto what = detail::plain_string(frame[event]);
        if (what == "update") return on_trades(received_at, out);
        if (what == "subscribe") return on_answer(frame, out);
        return Parsed{};
    }

private:
    // An answer may repeat the pairs that it is about.
    detail::Step read_payload(detail::JsonValue value) {
        detail::ondemand::array list;
        if (value.get_array().get(list)) return simdjson::SUCCESS;
        for (auto element : list) {
            std::string_view token;
            if (const auto error = element.raw_json_token().get(token)) return error;
            if (const auto instrument = venue_.find(detail::digits_of(token)))
                payload_.push_back(*instrument);
        }
        return simdjson::SUCCESS;
    }

    // The frame that announces an upgrade comes shortly before the connection is closed.
    void on_notice(StreamOutput& out) {
        const bool leaves = std::ranges::any_of(
            rows_, [](const Fields<7>& row) { return detail::plain_string(row[type]) == "upgrade"; });
        if (leaves) out.events.push_back(ServerLeaves{});
    }

    // One bad pair fails the whole message.
    ParseResult on_error(const Fields<3>& frame, const Fields<2>& error, StreamOutput& out) {
        const std::string_view words = detail::digits_of(error[1]);
        const std::string text =
            fmt::format("Gate.io's error {}: {}", snippet(detail::digits_of(error[0])), snippet(words));
        const std::string lower = lower_case(words);
        if (lower.find("too many") != std::string::npos || lower.find("rate limit") != std::string::npos) {
            out.events.push_back(RateLimited{text});
        } else if (detail::plain_string(frame[channel]) == "spot.trades" &&
                   detail::plain_string(frame[event]) == "subscribe") {
            out.events.push_back(
                MessageRefused{detail::id_of(frame[id]), text, instrument_in(words, is_symbol_char)});
        } else if (detail::plain_string(frame[event]) != "unsubscribe") {
            return refuse(Kind::venue_error, text);
        }
        return Parsed{};
    }

    ParseResult on_answer(const Fields<3>& frame, StreamOutput& out) {
        if (rows_.size() != 1 || rows_.front().contradictory()) return unknown_shape();
        const auto number = detail::id_of(frame[id]);
        const std::string_view state = detail::digits_of(rows_.front()[status]);
        if (state == "success" && payload_.empty()) {
            out.events.push_back(MessageAcknowledged{number});
        } else if (state == "success") {
            for (const std::size_t instrument : payload_) out.events.push_back(Acknowledged{instrument});
        } else {
            out.events.push_back(
                MessageRefused{number, fmt::format("Gate.io's status '{}'", snippet(state)), std::nullopt});
        }
        return Parsed{};
    }

    // Gaps are not inferred: in recordings ids are counted over all pairs.
    ParseResult on_trades(Timestamp received_at, StreamOutput& out) {
        if (rows_.empty()) return Parsed{};
        if (rows_.front()[pair].empty()) return unknown_shape();
        detail::bring_oldest_first(rows_, [](const Fields<7>& row) {
            return std::pair(time_of(row), detail::id_of(row[trade_id]));
        });
        if (rows_.size() == 1 && !venue_.find(detail::digits_of(rows_.front()[pair])))
            return not_requested(detail::digits_of(rows_.front()[pair]));
        Parsed parsed;
        for (const Fields<7>& row : rows_) {
            const std::string_view name = detail::digits_of(row[pair]);
            const auto instrument = venue_.find(name);
            if (!instrument || row.contradictory()) {
                leave_out(parsed, fmt::format("an invalid trade of '{}'", snippet(name)));
                continue;
            }
            add_trade(*instrument, detail::trade_in(row[price], row[time_ms], time_of(row), row[trade_id]),
                      received_at, out, parsed);
        }
        return parsed;
    }

    static std::optional<Timestamp> time_of(const Fields<7>& row) {
        if (!detail::figure_in(row[time_ms]).value_or("").empty())
            return detail::market_time_with_fraction(row[time_ms]);
        const auto seconds = detail::plain_integer(detail::digits_of(row[time_s]));
        if (!seconds || *seconds < 0 || *seconds > 10'000'000'000) return std::nullopt;
        return detail::market_time(*seconds * 1000);
    }

    std::vector<Fields<2>> errors_;
    std::vector<Fields<7>> rows_;
    std::vector<std::size_t> payload_;  // instruments
};

class Gateio final : public detail::JsonVenue {
public:
    using JsonVenue::JsonVenue;

    // The path has to end with a slash, which addresses come without.
    std::string stream_url(std::span<const std::size_t>) const override {
        const std::string& url = endpoints().ws_url;
        return url.empty() || url.ends_with('/') ? url : url + '/';
    }
    std::string keep_alive_text(Timestamp now) const override {
        return fmt::format(R"({{"time":{},"channel":"spot.ping"}})", seconds_of(now));
    }
    std::unique_ptr<StreamParser> create_parser() const override {
        return std::make_unique<GateioStream>(*this);
    }

private:
    std::string subscription_message(std::string_view verb, std::span<const std::size_t> asked,
                                     const SubscribeMessage& message) const override {
        return fmt::format(
            R"({{"time":{},"id":{},"channel":"spot.trades","event":"{}","payload":[{}]}})",
            seconds_of(message.now), message.number, verb,
            list(asked, ",", [&](std::size_t i) { return '"' + instruments()[i].symbol + '"'; }));
    }
    static std::int64_t seconds_of(Timestamp t) { return to_micros(t) / 1'000'000; }

    // A request is for one pair or for the whole market; there is none for several.
    std::string rest_path(std::span<const std::size_t> asked) const override {
        return one_or_all(asked, "/spot/tickers?currency_pair=", "/spot/tickers");
    }

    // [{"currency_pair":"BTC_USDT","last":"65000.1","lowest_ask":"65000.2","highest_bid":"65000.1", …}, …], or
    // {"label":"INVALID_CURRENCY_PAIR","message":"…"}
    std::optional<ParseResult> read_answer(detail::Answer& answer) override {
        return read_objects(answer, [&](detail::ondemand::object from) -> detail::Step {
            Fields entry(price_names);
            if (const auto error = detail::collect(from, entry)) return error;
            if (!entry[label].empty()) return own_error(entry);
            const auto name = detail::plain_string(entry[symbol]);
            if (!name) return unknown_shape(answer);
            const auto instrument = find(*name);
            if (!instrument) return simdjson::SUCCESS;  // the whole market may have been requested
            const auto price = detail::price_in(entry, last);
            // It has no time. While a pair is traded, its book moves.
            const std::size_t life = life_in(entry, {ask, bid, ask_size, bid_size});
            add_untimed_price(answer, instrument, *name, price, entry[last], life);
            return simdjson::SUCCESS;
        });
    }

    static std::unexpected<ParseError> own_error(const Fields<8>& entry) {
        const std::string_view word = detail::digits_of(entry[label]);
        return refuse(
            word == "INVALID_CURRENCY_PAIR" || word == "INVALID_CURRENCY" ? Kind::unknown_symbol
            : word == "TOO_MANY_REQUESTS"                                 ? Kind::rate_limited
                                                                          : Kind::venue_error,
            fmt::format("Gate.io's error {}: {}", snippet(word), snippet(detail::digits_of(entry[message]))));
    }
};

}  // namespace
}  // namespace gateio

constinit const VenueType gateio_type{
    .name = "gateio",
    .title = "Gate.io",
    .kind = SourceKind::exchange,
    .weight = 2,
    .stream = {.url = "wss://api.gateio.ws/ws/v4/",
               .symbols_per_message = 10,
               .message_gap = 100ms,
               .ack_within = 10s,
               // It wants one every 10 to 30 s, whatever else is sent.
               .keep_alive = {.every = 10s, .always = true}},
    .rest = {.url = "https://api.gateio.ws/api/v4", .max_answer = 4 * 1024 * 1024},
    .listings = {.path = "/spot/currency_pairs", .parse = gateio::parse_listings},
    .past = {.candles_per_request = 1000,
             .reach = 10'000min,
             .least_gap = 100ms,
             .candles_url = gateio::candles_url,
             .parse_candles = gateio::parse_candles,
             .trades_reach = 30 * 24h,
             .trades_url = gateio::trades_url,
             .parse_trades = gateio::parse_trades},
    .symbol_of = [](Ticker ticker) { return usdt_market(ticker, "_"); },
    .is_symbol =
        [](std::string_view symbol) {
            return symbol.size() >= 3 && detail::consists_of(symbol, gateio::is_symbol_char);
        },
    .currency_of = [](std::string_view symbol) { return currency_behind('_', symbol); },
    .create = detail::create<gateio::Gateio, gateio_type>,
};

}  // namespace pricewire::feed
