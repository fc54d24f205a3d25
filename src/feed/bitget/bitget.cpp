#include "feed/bitget/bitget.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/text.hpp"
#include "feed/detail/json_venue.hpp"

namespace pricewire::feed {

using namespace std::chrono_literals;

namespace bitget {
namespace {

using detail::Fields;
using detail::refuse;
using Kind = ParseError::Kind;

constexpr std::array<std::string_view, 4> frame_names{"action", "event", "code", "msg"};
enum FrameField { action, event, code, msg };
// The names of v2, and those of v3.
constexpr std::array<std::string_view, 5> arg_names{"instType", "channel", "instId", "topic", "symbol"};
constexpr std::array<std::string_view, 6> trade_names{"price", "ts", "tradeId", "p", "T", "i"};
constexpr std::array<std::string_view, 7> price_names{"symbol", "lastPr", "ts",   "bidPr",
                                                      "bidSz",  "askPr",  "askSz"};

bool is_symbol_char(char c) {
    return is_upper(c) || is_digit(c);
}

// "instType:SPOT,channel:trade,instId:FOOUSDT doesn't exist" → "FOOUSDT"
std::string_view symbol_in(std::string_view text) {
    for (const std::string_view before : {"instId:", "symbol:"}) {
        const std::size_t at = text.find(before);
        if (at == std::string_view::npos) continue;
        text.remove_prefix(at + before.size());
        const auto end = std::ranges::find_if_not(text, is_symbol_char);
        return text.substr(0, static_cast<std::size_t>(end - text.begin()));
    }
    return {};
}

// What a frame is about.
struct Channel {
    bool is_trades = false;   // of spot: the same symbols name futures, too
    std::string_view symbol;  // empty where the names of v2 and of v3 contradict each other
};

Channel channel_of(const Fields<5>& arg) {
    const auto text = [&](std::size_t i) { return detail::plain_string(arg[i]).value_or(""); };
    const bool is_trades =
        (text(1) == "trade" && arg[3].empty()) || (text(3) == "publicTrade" && arg[1].empty());
    const bool agree = arg[2].empty() || arg[4].empty() || text(2) == text(4);
    return {.is_trades = is_trades && lower_case(text(0)) == "spot",
            .symbol = !agree           ? std::string_view()
                      : arg[2].empty() ? text(4)
                                       : text(2)};
}

// The field under its name in v2, or that in v3; empty where both are there.
std::string_view either(const Fields<6>& row, std::size_t v2, std::size_t v3) {
    return row[v2].empty() ? row[v3] : row[v3].empty() ? row[v2] : std::string_view();
}

bool limits_rate(std::string_view number) {
    return number == "30006" || number == "30007" || number == "429";
}

std::string error_text(std::string_view number, std::string_view text) {
    return fmt::format("Bitget's error {}: {}", snippet(number), snippet(text));
}

class BitgetStream final : public detail::JsonStream {
public:
    using JsonStream::JsonStream;

    ParseResult parse(std::string_view bytes, Timestamp received_at, StreamOutput& out) override {
        if (bytes == "pong") {
            out.events.push_back(Alive{});
            return Parsed{};
        }
        Fields frame(frame_names);
        Fields arg(arg_names);
        rows_.clear();
        bool has_arg = false;
        bool has_data = false;
        const auto over = read(bytes, [&](std::string_view key, detail::JsonValue value) -> detail::Step {
            if (key == "arg") {
                if (std::exchange(has_arg, true)) return duplicate_field();
                return detail::collect(value, arg);
            }
            if (key != "data") {
                frame.take(key, value);
                return simdjson::SUCCESS;
            }
            if (std::exchange(has_data, true)) return duplicate_field();
            if (lower_case(detail::plain_string(arg[0]).value_or("")) == "sp")
                return refuse_once("a frame of API v1, which Bitget has given up");
            // Books are long: a channel that was not requested is not read to its end.
            if (has_arg && !channel_of(arg).is_trades) return Parsed{};
            return detail::collect_rows(value, trade_names, rows_);
        });
        if (over) return *over;
        if (frame.contradictory() || arg.contradictory()) return duplicate_field();
        if (!frame[event].empty()) return on_event(frame, channel_of(arg), out);
        if (!has_arg || !has_data) return unknown_shape();
        return on_trades(detail::plain_string(frame[action]) == "snapshot", channel_of(arg), received_at,
                         out);
    }

private:
    ParseResult on_event(const Fields<4>& frame, const Channel& channel, StreamOutput& out) {
        const std::string_view what = detail::plain_string(frame[event]).value_or("");
        if (what == "subscribe") {
            const auto instrument = venue_.find(channel.symbol);
            if (instrument && channel.is_trades) out.events.push_back(Acknowledged{*instrument});
        } else if (what == "error") {
            return on_error(detail::digits_of(frame[code]), detail::digits_of(frame[msg]), channel.symbol,
                            out);
        }
        return Parsed{};
    }

    // Source of the codes: "Error Codes" of the documentation, under "WebSocket" and "RestAPI".
    ParseResult on_error(std::string_view number, std::string_view text, std::string_view symbol,
                         StreamOutput& out) {
        const auto instrument = venue_.find(symbol.empty() ? symbol_in(text) : symbol);
        const std::string why = error_text(number, text);
        if (limits_rate(number)) {
            out.events.push_back(RateLimited{why});
        } else if (number == "40200") {
            out.events.push_back(Maintenance{why});
        } else if (instrument) {
            out.events.push_back(SymbolRefused{*instrument, why});
        } else {
            return refuse(Kind::venue_error, why);
        }
        return Parsed{};
    }

    // The newest comes first. A snapshot follows the acknowledgement: up to 500 trades from before it.
    ParseResult on_trades(bool is_snapshot, const Channel& channel, Timestamp received_at,
                          StreamOutput& out) {
        if (!channel.is_trades) return Parsed{};
        const auto instrument = venue_.find(channel.symbol);
        if (!instrument) return not_requested(channel.symbol);
        detail::bring_oldest_first(rows_, [](const Fields<6>& row) {
            return std::pair(detail::market_time(either(row, 1, 4)), detail::id_of(either(row, 2, 5)));
        });
        Parsed parsed;
        for (const Fields<6>& row : rows_) {
            const std::string_view price = either(row, 0, 3);
            const std::string_view time = either(row, 1, 4);
            const std::string_view id = either(row, 2, 5);
            Quote* quote = add_trade(
                *instrument,
                {.price = row.contradictory() ? std::nullopt : detail::price_of(detail::digits_of(price)),
                 .time = detail::market_time(time),
                 .id = detail::id_of(id),
                 .price_token = price,
                 .time_token = time,
                 .id_token = id},
                received_at, out, parsed);
            if (quote != nullptr && is_snapshot) quote->is_live = false;
        }
        return parsed;
    }

    std::vector<Fields<6>> rows_;
};

class Bitget final : public detail::JsonVenue {
public:
    using JsonVenue::JsonVenue;

    std::unique_ptr<StreamParser> create_parser() const override {
        return std::make_unique<BitgetStream>(*this);
    }

private:
    std::string subscription_message(std::string_view verb, std::span<const std::size_t> asked,
                                     const SubscribeMessage&) const override {
        const bool is_v3 = endpoints().ws_url.find("/v3/") != std::string::npos;
        const std::string_view before = is_v3 ? R"({"instType":"spot","topic":"publicTrade","symbol":")"
                                              : R"({"instType":"SPOT","channel":"trade","instId":")";
        return fmt::format(R"({{"op":"{}","args":[)", verb) +
               list(asked, ",",
                    [&](std::size_t i) {
                        return fmt::format(R"({}{}"}})", before, instruments()[i].symbol);
                    }) +
               "]}";
    }

    // A request is for one symbol or for the whole market; there is none for several.
    std::string rest_path(std::span<const std::size_t> asked) const override {
        return one_or_all(asked, "/api/v2/spot/market/tickers?symbol=", "/api/v2/spot/market/tickers");
    }

    // {"code":"00000","msg":"success","requestTime":…,"data":[{"symbol":"BTCUSDT","lastPr":"65000.1","ts":"…", …}]};
    // errors come under status 400 or 200.
    std::optional<ParseResult> read_answer(detail::Answer& answer) override {
        Fields frame(frame_names);
        rows_.clear();
        bool has_data = false;
        const auto over = read(answer, [&](std::string_view key, detail::JsonValue value) -> detail::Step {
            if (key == "data") {
                detail::ondemand::json_type type{};
                if (const auto error = value.type().get(type)) return error;
                if (type == detail::ondemand::json_type::null) return simdjson::SUCCESS;  // beside an error
                if (std::exchange(has_data, true)) return unknown_shape(answer);
                return detail::collect_rows(value, price_names, rows_);
            }
            frame.take(key, value);
            return simdjson::SUCCESS;
        });
        if (over) return over;
        const std::string_view number = detail::digits_of(frame[code]);
        if (number.empty() || frame.contradictory()) return unknown_shape(answer);
        if (number != "00000") return own_error(number, detail::digits_of(frame[msg]));
        if (!has_data) return unknown_shape(answer);
        for (const Fields<7>& row : rows_) take_row(row, answer);
        return std::nullopt;
    }

    // 40034: no such symbol; 40309: it has been removed.
    static std::unexpected<ParseError> own_error(std::string_view number, std::string_view text) {
        return refuse(limits_rate(number)                      ? Kind::rate_limited
                      : number == "40034" || number == "40309" ? Kind::unknown_symbol
                                                               : Kind::venue_error,
                      error_text(number, text));
    }

    // The time of a ticker may be that of the answer. While a pair is traded, its book moves.
    void take_row(const Fields<7>& row, detail::Answer& answer) {
        const auto instrument = find(detail::plain_string(row[0]).value_or(""));
        if (!instrument) return;  // the whole market may have been requested
        const std::size_t life = life_in(row, {3, 4, 5, 6});
        const auto price = detail::price_in(row, 1);
        Quote* quote =
            add_untimed_price(answer, instrument, instruments()[*instrument].symbol, price, row[1], life);
        const auto time = detail::market_time(row[2]);
        if (quote != nullptr && (!time || answer.received_at - *time > old_after)) quote->is_live = false;
    }

    std::vector<Fields<7>> rows_;
};

}  // namespace
}  // namespace bitget

constinit const VenueType bitget_type{
    .name = "bitget",
    .title = "Bitget",
    .kind = SourceKind::exchange,
    .weight = 2,
    .stream =
        {.url = "wss://ws.bitget.com/v2/ws/public",
         .max_instruments = 50,     // as advised; 1000 are allowed
         .symbols_per_message = 5,  // 10 messages a second are allowed
         .message_gap = 150ms,
         .messages_per_hour = 240,
         .ack_within = 10s,
         // A connection is cut after 2 min without a ping of ours, trades or not; the answer is a bare "pong".
         .keep_alive = {.text = "ping", .always = true},
         // It is cut after 24 h.
         .renew_from = 22h,
         .renew_to = 23h},
    .rest = {.url = "https://api.bitget.com", .max_answer = 2 * 1024 * 1024},
    .listings = {.path = "/api/v2/spot/public/symbols", .parse = bitget::parse_listings},
    .past = {.candles_per_request = 1000,
             .reach = 30 * 24h,
             .least_gap = 150ms,
             .candles_url = bitget::candles_url,
             .parse_candles = bitget::parse_candles,
             .trades_window = 7 * 24h,
             .trades_reach = 30 * 24h,
             .trades_url = bitget::trades_url,
             .parse_trades = bitget::parse_trades},
    .symbol_of = [](Ticker ticker) { return usdt_market(ticker); },
    .is_symbol = [](std::string_view symbol) { return detail::consists_of(symbol, bitget::is_symbol_char); },
    .currency_of = currency_at_end,
    .create = detail::create<bitget::Bitget, bitget_type>,
};

}  // namespace pricewire::feed
