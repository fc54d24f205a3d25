#include "feed/okx/okx.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/text.hpp"
#include "feed/detail/json_venue.hpp"

namespace pricewire::feed {

using namespace std::chrono_literals;

namespace okx {
namespace {

using detail::Fields;
using detail::leave_out;
using detail::refuse;
using Kind = ParseError::Kind;

constexpr std::array<std::string_view, 3> frame_names{"event", "code", "msg"};
constexpr std::array<std::string_view, 2> arg_names{"channel", "instId"};
constexpr std::array<std::string_view, 4> trade_names{"instId", "px", "ts", "tradeId"};
constexpr std::array<std::string_view, 3> price_names{"instId", "last", "ts"};
constexpr std::array<std::string_view, 4> status_names{"state", "serviceType", "env", "title"};

bool is_symbol_char(char c) {
    return is_upper(c) || is_digit(c) || c == '-';
}

std::string error_text(std::string_view code, std::string_view message) {
    return fmt::format("OKX's error {}: {}", snippet(code), snippet(message));
}

class OkxStream final : public detail::JsonStream {
public:
    explicit OkxStream(const Venue& venue) : JsonStream(venue), first_pushes_(venue.instruments().size()) {}

    void forget(std::size_t instrument) override {
        JsonStream::forget(instrument);
        first_pushes_.forget(instrument);
    }
    ParseResult parse(std::string_view bytes, Timestamp received_at, StreamOutput& out) override {
        if (bytes == "pong") {
            out.events.push_back(Alive{});
            return Parsed{};
        }
        Fields frame(frame_names);
        Fields arg(arg_names);
        rows_.clear();
        statuses_.clear();
        bool has_data = false;
        const auto over = read(bytes, [&](std::string_view key, detail::JsonValue value) -> detail::Step {
            if (key == "arg") return detail::collect(value, arg);
            if (key == "data") {
                if (std::exchange(has_data, true)) return duplicate_field();
                // Books are long: a channel that was not requested is not read to its end.
                const auto channel = detail::plain_string(arg[0]);
                if (channel == "status") return detail::collect_rows(value, status_names, statuses_);
                if (channel && channel != "trades") return Parsed{};
                return detail::collect_rows(value, trade_names, rows_);
            }
            frame.take(key, value);
            return simdjson::SUCCESS;
        });
        if (over) return *over;
        if (frame.contradictory() || arg.contradictory()) return duplicate_field();
        if (!frame[0].empty()) return on_event(frame, arg, out);
        if (!has_data || arg[0].empty()) return unknown_shape();
        for (const Fields<4>& status : statuses_) on_status(status, out);
        return on_trades(arg, received_at, out);
    }

private:
    ParseResult on_event(const Fields<3>& frame, const Fields<2>& arg, StreamOutput& out) {
        const std::string_view event = detail::plain_string(frame[0]).value_or("");
        const std::string_view code = detail::digits_of(frame[1]);
        if (event == "subscribe") {
            const auto instrument = venue_.find(detail::plain_string(arg[1]).value_or(""));
            if (instrument && detail::plain_string(arg[0]) == "trades")
                out.events.push_back(Acknowledged{*instrument});
        } else if (event == "notice") {
            if (code == "64008") out.events.push_back(ServerLeaves{});
        } else if (event == "error") {
            const std::string_view message = detail::digits_of(frame[2]);
            if (code == "60014" || code == "50011") {
                out.events.push_back(RateLimited{error_text(code, message)});
            } else if (code == "60012") {
                // It repeats the message, with all symbols.
                out.events.push_back(MessageRefused{std::nullopt, error_text(code, message), std::nullopt});
            } else if (const auto instrument = refused_in(arg, message)) {
                out.events.push_back(SymbolRefused{*instrument, error_text(code, message)});
            } else {
                return refuse(Kind::venue_error, error_text(code, message));
            }
        }
        return Parsed{};
    }

    // Only what stops the stream (0) or trading as a whole (5) in the real market (1).
    static void on_status(const Fields<4>& status, StreamOutput& out) {
        const std::string_view service = detail::digits_of(status[1]);
        if (detail::plain_string(status[0]) != "ongoing" || (service != "0" && service != "5") ||
            detail::digits_of(status[2]) != "1")
            return;
        out.events.push_back(
            Maintenance{fmt::format("OKX's maintenance '{}'", snippet(detail::digits_of(status[3])))});
    }

    std::optional<std::size_t> refused_in(const Fields<2>& arg, std::string_view message) const {
        const auto named = venue_.find(detail::plain_string(arg[1]).value_or(""));
        return named ? named : instrument_in(message, is_symbol_char);
    }

    ParseResult on_trades(const Fields<2>& arg, Timestamp received_at, StreamOutput& out) {
        if (detail::plain_string(arg[0]) != "trades") return Parsed{};
        const std::string_view symbol = detail::plain_string(arg[1]).value_or("");
        const auto instrument = venue_.find(symbol);
        if (!instrument) return not_requested(symbol);
        detail::bring_oldest_first(rows_, [](const Fields<4>& row) {
            return std::pair(detail::market_time(row[2]), detail::id_of(row[3]));
        });
        Parsed parsed;
        for (const Fields<4>& row : rows_) {
            if (detail::plain_string(row[0]) != symbol || row.contradictory()) {
                leave_out(parsed, fmt::format("a trade of '{}' among those of {}",
                                              snippet(detail::digits_of(row[0])), symbol));
                continue;
            }
            Quote* quote =
                add_trade(*instrument, detail::trade_in(row[1], row[2], row[3]), received_at, out, parsed);
            first_pushes_.judge(quote, *instrument);
        }
        first_pushes_.end(*instrument);
        return parsed;
    }

    detail::FirstPushes first_pushes_;
    std::vector<Fields<4>> rows_;
    std::vector<Fields<4>> statuses_;
};

class Okx final : public detail::JsonVenue {
public:
    using JsonVenue::JsonVenue;

    std::string opening_message() const override {
        return R"({"op":"subscribe","args":[{"channel":"status"}]})";
    }
    std::unique_ptr<StreamParser> create_parser() const override {
        return std::make_unique<OkxStream>(*this);
    }

private:
    std::string subscription_message(std::string_view verb, std::span<const std::size_t> asked,
                                     const SubscribeMessage&) const override {
        return fmt::format(R"({{"op":"{}","args":[{}]}})", verb, list(asked, ",", [&](std::size_t i) {
                               return fmt::format(R"({{"channel":"trades","instId":"{}"}})",
                                                  instruments()[i].symbol);
                           }));
    }
    // A request is for one symbol or for the whole market; there is none for several.
    std::string rest_path(std::span<const std::size_t> asked) const override {
        return one_or_all(asked, "/market/ticker?instId=", "/market/tickers?instType=SPOT");
    }

    // {"code":"0","msg":"","data":[{"instId":"BTC-USDT","last":"65000.1","ts":"1700000000000", …}]}
    std::optional<ParseResult> read_answer(detail::Answer& answer) override {
        Fields frame(frame_names);
        rows_.clear();
        const auto over = read(answer, [&](std::string_view key, detail::JsonValue value) -> detail::Step {
            if (key == "data") return detail::collect_rows_or_one(value, price_names, rows_);
            frame.take(key, value);
            return simdjson::SUCCESS;
        });
        if (over) return over;
        const auto code = detail::figure_in(frame[1]);
        if (!code) return unknown_shape(answer);
        if (code != "0") {
            return refuse(code == "50011"   ? Kind::rate_limited
                          : code == "51001" ? Kind::unknown_symbol
                                            : Kind::venue_error,
                          error_text(*code, detail::digits_of(frame[2])));
        }
        add_prices(answer, rows_);
        return std::nullopt;
    }

    std::vector<Fields<3>> rows_;
};

}  // namespace
}  // namespace okx

constinit const VenueType okx_type{
    .name = "okx",
    .title = "OKX",
    .kind = SourceKind::exchange,
    .stream = {.url = "wss://ws.okx.com:8443/ws/v5/public",
               .symbols_per_message = 100,  // 64 KB are allowed in a message
               .message_gap = 200ms,
               .messages_per_hour = 480,
               .ack_within = 10s,
               // Cut after 30 s without a frame; the answer is a bare "pong".
               .keep_alive = {.text = "ping"}},
    .rest = {.url = "https://www.okx.com/api/v5", .max_answer = 2 * 1024 * 1024},
    .listings = {.path = "/public/instruments?instType=SPOT", .parse = okx::parse_listings},
    // The documentation has said 300 and 100: with more than it gives, the older rows of a request would be missing.
    .past = {.candles_per_request = 100,
             .least_gap = 200ms,
             .candles_url = okx::candles_url,
             .parse_candles = okx::parse_candles,
             .trades_reach = 24h * 90,
             .trades_url = okx::trades_url,
             .parse_trades = okx::parse_trades},
    .symbol_of = [](Ticker ticker) { return usdt_market(ticker, "-"); },
    .is_symbol =
        [](std::string_view symbol) {
            return symbol.size() >= 3 && detail::consists_of(symbol, okx::is_symbol_char);
        },
    .currency_of = [](std::string_view symbol) { return currency_behind('-', symbol); },
    .create = detail::create<okx::Okx, okx_type>,
};

}  // namespace pricewire::feed
