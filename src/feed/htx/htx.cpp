#include "feed/htx/htx.hpp"

#include <fmt/format.h>

#include <array>

#include "base/text.hpp"
#include "feed/detail/json_venue.hpp"

namespace pricewire::feed {

using namespace std::chrono_literals;

namespace htx {
namespace {

using detail::Fields;
using detail::refuse;
using Kind = ParseError::Kind;

// The first push after subscribing may hold the last trade, however old it is.
constexpr Duration old_after = 10s;

constexpr std::array<std::string_view, 8> frame_names{"ping", "ch",       "status",  "subbed",
                                                      "id",   "err-code", "err-msg", "ts"};
enum FrameField { ping, ch, status, subbed, id, err_code, err_msg, ts };
// The field `id` has 27 digits, or an exponent, and is never looked at.
constexpr std::array<std::string_view, 3> trade_names{"price", "ts", "tradeId"};
constexpr std::array<std::string_view, 9> price_names{"symbol", "close",   "price", "ts",     "trade-id",
                                                      "bid",    "bidSize", "ask",   "askSize"};

// Of the messages that unsubscribe.
constexpr std::string_view leaving_id = "unsub";

bool is_symbol_char(char c) {
    return is_alphanumeric(c) && !is_upper(c);
}

// "market.btcusdt.trade.detail" → "btcusdt"
std::string_view symbol_in(std::string_view channel) {
    constexpr std::string_view before = "market.";
    constexpr std::string_view behind = ".trade.detail";
    if (!channel.starts_with(before) || !channel.ends_with(behind)) return {};
    channel.remove_prefix(before.size());
    return channel.substr(0, channel.size() - behind.size());
}

std::string error_text(const Fields<8>& frame) {
    return fmt::format("HTX's error {}: {}", snippet(detail::digits_of(frame[err_code])),
                       snippet(detail::digits_of(frame[err_msg])));
}

bool limits_rate(const Fields<8>& frame) {
    return detail::digits_of(frame[err_code]).find("limit") != std::string_view::npos ||
           detail::digits_of(frame[err_msg]).find("too many") != std::string_view::npos;
}

class HtxStream final : public detail::JsonStream {
public:
    using JsonStream::JsonStream;

    ParseResult parse(std::string_view bytes, Timestamp received_at, StreamOutput& out) override {
        Fields frame(frame_names);
        rows_.clear();
        bool has_tick = false;
        const auto over = read(bytes, [&](std::string_view key, detail::JsonValue value) -> detail::Step {
            if (key == "tick") {
                if (std::exchange(has_tick, true)) return duplicate_field();
                // Books and bars are long: what was not requested is not read to its end.
                const auto channel = detail::plain_string(frame[ch]);
                if (channel && symbol_in(*channel).empty()) return Parsed{};
                return detail::collect_rows_in(value, "data", trade_names, rows_);
            }
            frame.take(key, value);
            return simdjson::SUCCESS;
        });
        if (over) return *over;
        if (frame.contradictory()) return duplicate_field();
        if (!frame[ping].empty()) return on_ping(frame[ping], out);
        if (!frame[status].empty()) return on_answer(frame, out);
        if (frame[ch].empty()) return unknown_shape();
        if (rows_.empty()) return Parsed{};
        return on_trades(detail::plain_string(frame[ch]).value_or(""), received_at, out);
    }

private:
    // Closed after two that are not answered with the same number.
    ParseResult on_ping(std::string_view token, StreamOutput& out) {
        const auto number = detail::plain_integer(token);
        if (!number) return refuse(Kind::wrong_shape, "a ping without a number");
        note_time(token);
        out.events.push_back(Alive{});
        out.events.push_back(Reply{fmt::format(R"({{"pong":{}}})", *number)});
        return Parsed{};
    }

    ParseResult on_answer(const Fields<8>& frame, StreamOutput& out) {
        note_time(frame[ts]);
        if (detail::plain_string(frame[status]) == "ok") {
            const auto instrument = venue_.find(symbol_in(detail::plain_string(frame[subbed]).value_or("")));
            if (instrument) out.events.push_back(Acknowledged{*instrument});
            return Parsed{};
        }
        if (detail::plain_string(frame[id]) == leaving_id) return Parsed{};
        // We number a subscription by its instrument.
        const auto number = detail::id_of(frame[id]);
        const auto named = instrument_in(detail::digits_of(frame[err_msg]), is_symbol_char);
        if (limits_rate(frame)) {
            out.events.push_back(RateLimited{error_text(frame)});
        } else if (number && *number <= venue_.instruments().size()) {
            out.events.push_back(SymbolRefused{*number - 1, error_text(frame)});
        } else if (named) {
            out.events.push_back(SymbolRefused{*named, error_text(frame)});
        } else {
            return refuse(Kind::venue_error, error_text(frame));
        }
        return Parsed{};
    }

    ParseResult on_trades(std::string_view channel, Timestamp received_at, StreamOutput& out) {
        const auto instrument = venue_.find(symbol_in(channel));
        if (!instrument) return not_requested(channel);
        detail::bring_oldest_first(rows_, [](const Fields<3>& row) {
            return std::pair(detail::market_time(row[1]), detail::id_of(row[2]));
        });
        Parsed parsed;
        for (const Fields<3>& row : rows_) {
            const bool is_good = !row.contradictory();
            Quote* quote =
                add_trade(*instrument,
                          {.price = is_good ? detail::price_of(detail::digits_of(row[0])) : std::nullopt,
                           .time = detail::market_time(row[1]),
                           .id = detail::id_of(row[2]),
                           .price_token = row[0],
                           .time_token = row[1],
                           .id_token = row[2]},
                          received_at, out, parsed);
            if (quote != nullptr && venue_time_.value_or(received_at) - quote->time > old_after)
                quote->is_live = false;
        }
        return parsed;
    }

    // An age is taken by the venue's own clock, which pings and acknowledgements tell.
    void note_time(std::string_view token) {
        if (const auto time = detail::market_time(token)) venue_time_ = *time;
    }

    std::optional<Timestamp> venue_time_;
    std::vector<Fields<3>> rows_;
};

class Htx final : public detail::JsonVenue {
public:
    using JsonVenue::JsonVenue;

    std::string subscribe_message(std::span<const std::size_t> asked,
                                  const SubscribeMessage&) const override {
        return fmt::format(R"({{"sub":"market.{}.trade.detail","id":"{}"}})",
                           instruments()[asked.front()].symbol, asked.front() + 1);
    }
    std::string unsubscribe_message(std::span<const std::size_t> asked,
                                    const SubscribeMessage&) const override {
        return fmt::format(R"({{"unsub":"market.{}.trade.detail","id":"{}"}})",
                           instruments()[asked.front()].symbol, leaving_id);
    }
    std::unique_ptr<StreamParser> create_parser() const override {
        return std::make_unique<HtxStream>(*this);
    }

private:
    // A request is for one symbol or for the whole market; there is none for several.
    std::string rest_path(std::span<const std::size_t> asked) const override {
        return one_or_all(asked, "/market/trade?symbol=", "/market/tickers");
    }

    // {"status":"ok","ts":…,"data":[{"symbol":"btcusdt","close":65000.1, …}]}, or the last trade of one:
    // {"ch":"market.btcusdt.trade.detail","status":"ok","ts":…,"tick":{"data":[{"price":65000.1,"ts":…}]}}
    std::optional<ParseResult> read_answer(detail::Answer& answer) override {
        Fields frame(frame_names);
        rows_.clear();
        bool has_rows = false;
        const auto over = read(answer, [&](std::string_view key, detail::JsonValue value) -> detail::Step {
            has_rows = has_rows || key == "data" || key == "tick";
            if (key == "data") return detail::collect_rows(value, price_names, rows_);
            if (key == "tick") return detail::collect_rows_in(value, "data", price_names, rows_);
            frame.take(key, value);
            return simdjson::SUCCESS;
        });
        if (over) return over;
        const auto state = detail::plain_string(frame[status]);
        if (state == "error") {
            const bool is_symbol = detail::digits_of(frame[err_msg]).find("symbol") != std::string_view::npos;
            return refuse(limits_rate(frame) ? Kind::rate_limited
                          : is_symbol        ? Kind::unknown_symbol
                                             : Kind::venue_error,
                          error_text(frame));
        }
        if (!has_rows || state != "ok") return unknown_shape(answer);
        take_rows(frame, answer);
        return std::nullopt;
    }

    void take_rows(const Fields<8>& frame, detail::Answer& answer) {
        const bool is_market = frame[ch].empty();
        const std::string_view one = symbol_in(detail::plain_string(frame[ch]).value_or(""));
        for (const Fields<9>& row : rows_) {
            const std::string_view symbol = is_market ? detail::digits_of(row[0]) : one;
            const auto instrument = find(symbol);
            if (!instrument) continue;  // the whole market was requested
            const std::string_view token = row[is_market ? 1 : 2];
            const auto price =
                row.contradictory() ? std::nullopt : detail::price_of(detail::digits_of(token));
            if (!is_market) {
                add_price(answer, instrument, symbol, price, token, detail::market_time(row[3]));
                break;  // the newest comes first
            }
            // Their time is that of the answer. While a pair is traded, its book moves.
            const std::size_t life = life_in(row, {5, 6, 7, 8});
            add_untimed_price(answer, instrument, symbol, price, token, life);
        }
    }

    std::vector<Fields<9>> rows_;
};

}  // namespace
}  // namespace htx

constinit const VenueType htx_type{
    .name = "htx",
    .title = "HTX",
    .kind = SourceKind::exchange,
    .off_reason = "its volumes are not trusted",
    .weight = 1,
    // Its pings, every 5 s, are the sign of life.
    .stream = {.url = "wss://api.huobi.pro/ws",
               .encoding = Encoding::gzip,
               .symbols_per_message = 1,
               .message_gap = 120ms,  // 10 messages a second are allowed
               .ack_within = 10s},
    .rest = {.url = "https://api.huobi.pro", .max_answer = 2 * 1024 * 1024},
    .listings = {.path = "/v1/settings/common/market-symbols", .parse = htx::parse_listings},
    .past = {.candles_per_request = 2000,
             .reach = 2000min,
             .latest_only = true,
             .least_gap = 200ms,
             // Its days begin at 16:00 UTC.
             .has = [](Duration interval) { return interval == 1min || interval == 1h; },
             .candles_url = htx::candles_url,
             .parse_candles = htx::parse_candles},
    .symbol_of =
        [](Ticker ticker) {
            return usdt_market(ticker).transform([](const std::string& s) { return lower_case(s); });
        },
    .is_symbol = [](std::string_view symbol) { return detail::consists_of(symbol, htx::is_symbol_char); },
    .currency_of = currency_at_end,
    .create = detail::create<htx::Htx, htx_type>,
};

}  // namespace pricewire::feed
