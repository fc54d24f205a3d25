#include "feed/bybit/bybit.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/text.hpp"
#include "feed/detail/json_venue.hpp"

namespace pricewire::feed {

using namespace std::chrono_literals;

namespace bybit {
namespace {

using detail::Fields;
using detail::leave_out;
using detail::refuse;
using Kind = ParseError::Kind;

constexpr std::string_view topic_prefix = "publicTrade.";

constexpr std::array<std::string_view, 5> frame_names{"topic", "op", "success", "ret_msg", "req_id"};
enum FrameField { topic, op, success, ret_msg, req_id };
constexpr std::array<std::string_view, 5> trade_names{"s", "p", "T", "i", "BT"};
enum TradeField { trade_symbol, trade_price, trade_time, trade_id, is_block };
constexpr std::array<std::string_view, 2> answer_names{"retCode", "retMsg"};
constexpr std::array<std::string_view, 6> price_names{"symbol",   "lastPrice", "bid1Price",
                                                      "bid1Size", "ask1Price", "ask1Size"};

bool is_symbol_char(char c) {
    return is_upper(c) || is_digit(c);
}

// "Invalid symbol :[publicTrade.FOOUSDT]" → "FOOUSDT"; empty where more than one is named.
std::string_view symbol_in(std::string_view text) {
    const std::size_t at = text.find(topic_prefix);
    if (at == std::string_view::npos || at != text.rfind(topic_prefix)) return {};
    text.remove_prefix(at + topic_prefix.size());
    return text.substr(
        0, static_cast<std::size_t>(std::ranges::find_if_not(text, is_symbol_char) - text.begin()));
}

bool says(std::string_view text, std::initializer_list<std::string_view> words) {
    const std::string lower = lower_case(text);
    return std::ranges::any_of(words, [&](std::string_view w) { return lower.find(w) != std::string::npos; });
}

class BybitStream final : public detail::JsonStream {
public:
    using JsonStream::JsonStream;

    ParseResult parse(std::string_view bytes, Timestamp received_at, StreamOutput& out) override {
        Fields frame(frame_names);
        rows_.clear();
        bool has_data = false;
        const auto over = read(bytes, [&](std::string_view key, detail::JsonValue value) -> detail::Step {
            if (key != "data") {
                frame.take(key, value);
                return simdjson::SUCCESS;
            }
            if (std::exchange(has_data, true)) return duplicate_field();
            // Books are long: a topic that was not requested is not read to its end.
            const auto name = detail::plain_string(frame[topic]);
            if (name == "trade" || (name && name->starts_with("trade.")))
                return refuse_once("a frame of a protocol before v5, which Bybit has given up");
            if (name && !name->starts_with(topic_prefix)) return Parsed{};
            return detail::collect_rows(value, trade_names, rows_);
        });
        if (over) return *over;
        if (frame.contradictory()) return duplicate_field();
        if (!frame[topic].empty()) return on_trades(frame[topic], has_data, received_at, out);
        if (!frame[op].empty() || !frame[success].empty()) return on_answer(frame, out);
        return unknown_shape();
    }

private:
    // One for each message of ours; a bad symbol fails the whole message.
    ParseResult on_answer(const Fields<5>& frame, StreamOutput& out) {
        const std::string_view what = detail::plain_string(frame[op]).value_or("");
        const std::string_view text = detail::plain_string(frame[ret_msg]).value_or("");
        const bool failed = detail::trimmed(frame[success]) == "false";
        if (!failed && (what == "ping" || what == "pong" || text == "pong")) {
            out.events.push_back(Alive{});
        } else if (!failed && what == "subscribe") {
            out.events.push_back(MessageAcknowledged{detail::id_of(frame[req_id])});
        } else if (failed) {
            return on_failure(frame, text, out);
        }
        return Parsed{};
    }

    ParseResult on_failure(const Fields<5>& frame, std::string_view text, StreamOutput& out) {
        const std::string why = fmt::format("Bybit's error: {}", snippet(text));
        const auto culprit = venue_.find(symbol_in(text));
        if (says(text, {"too many", "frequent", "rate limit"})) {
            out.events.push_back(RateLimited{why});
        } else if (detail::plain_string(frame[op]) == "unsubscribe") {
            // It was not subscribed, then.
        } else if (says(text, {"already subscribed"})) {
            if (culprit) {
                out.events.push_back(Acknowledged{*culprit});
            } else {
                out.events.push_back(MessageAcknowledged{detail::id_of(frame[req_id])});
            }
        } else if (detail::plain_string(frame[op]) == "subscribe" || culprit) {
            out.events.push_back(MessageRefused{detail::id_of(frame[req_id]), why, culprit});
        } else {
            return refuse(Kind::venue_error, why);
        }
        return Parsed{};
    }

    // The type of a push is "snapshot" always, and yet its trades are new.
    ParseResult on_trades(std::string_view token, bool has_data, Timestamp received_at, StreamOutput& out) {
        const auto name = detail::plain_string(token);
        if (!name || !has_data) return unknown_shape();
        if (!name->starts_with(topic_prefix)) return Parsed{};
        const std::string_view symbol = name->substr(topic_prefix.size());
        const auto instrument = venue_.find(symbol);
        if (!instrument) return not_requested(*name);
        detail::bring_oldest_first(rows_, [](const Fields<5>& row) {
            return std::pair(detail::market_time(row[trade_time]), detail::id_of(row[trade_id]));
        });
        Parsed parsed;
        for (const Fields<5>& row : rows_) {
            if (detail::plain_string(row[trade_symbol]) != symbol || row.contradictory()) {
                leave_out(parsed, fmt::format("a trade of '{}' among those of {}",
                                              snippet(detail::digits_of(row[trade_symbol])), symbol));
                continue;
            }
            // The price of a block trade was agreed upon, not made on the market.
            if (detail::digits_of(row[is_block]) == "true") continue;
            add_trade(*instrument, detail::trade_in(row[trade_price], row[trade_time], row[trade_id]),
                      received_at, out, parsed);
        }
        return parsed;
    }

    std::vector<Fields<5>> rows_;
};

class Bybit final : public detail::JsonVenue {
public:
    using JsonVenue::JsonVenue;

    std::unique_ptr<StreamParser> create_parser() const override {
        return std::make_unique<BybitStream>(*this);
    }

private:
    std::string subscription_message(std::string_view verb, std::span<const std::size_t> asked,
                                     const SubscribeMessage& message) const override {
        return fmt::format(R"({{"req_id":"{}","op":"{}","args":[{}]}})", message.number, verb,
                           list(asked, ",", [&](std::size_t i) {
                               return fmt::format(R"("{}{}")", topic_prefix, instruments()[i].symbol);
                           }));
    }
    // A request is for one symbol or for the whole market; there is none for several.
    std::string rest_path(std::span<const std::size_t> asked) const override {
        return one_or_all(asked,
                          "/v5/market/tickers?category=spot&symbol=", "/v5/market/tickers?category=spot");
    }

    // {"retCode":0,"retMsg":"OK","result":{"category":"spot","list":[{"symbol":"BTCUSDT","lastPrice":"65000.1",
    // …}]},"time":1700000000000}; errors come under status 200.
    std::optional<ParseResult> read_answer(detail::Answer& answer) override {
        Fields frame(answer_names);
        rows_.clear();
        bool has_result = false;
        const auto over = read(answer, [&](std::string_view key, detail::JsonValue value) -> detail::Step {
            if (key == "result") {
                detail::ondemand::json_type type{};
                if (const auto error = value.type().get(type)) return error;
                if (type == detail::ondemand::json_type::null) return simdjson::SUCCESS;  // beside an error
                if (std::exchange(has_result, true)) return unknown_shape(answer);
                return detail::collect_rows_in(value, "list", price_names, rows_);
            }
            frame.take(key, value);
            return simdjson::SUCCESS;
        });
        if (over) return over;
        const auto code = detail::plain_integer(detail::digits_of(frame[0]));
        if (!code || frame.contradictory()) return unknown_shape(answer);
        if (*code != 0) return own_error(*code, detail::digits_of(frame[1]));
        if (!has_result) return unknown_shape(answer);
        for (const Fields<6>& row : rows_) take_row(row, answer);
        return std::nullopt;
    }

    static std::unexpected<ParseError> own_error(std::int64_t code, std::string_view text) {
        // Source: "Error Codes" of the documentation. 10001: a parameter is not valid; all that differs between
        // our requests is the symbol. 10006, 10018, 10429: too many requests.
        const Kind kind = code == 10001                                     ? Kind::unknown_symbol
                          : code == 10006 || code == 10018 || code == 10429 ? Kind::rate_limited
                                                                            : Kind::venue_error;
        return refuse(kind, fmt::format("Bybit's error {}: {}", code, snippet(text)));
    }

    // A ticker has no time of its own. While a pair is traded, its book moves.
    void take_row(const Fields<6>& row, detail::Answer& answer) {
        const auto instrument = find(detail::plain_string(row[0]).value_or(""));
        if (!instrument) return;  // the whole market may have been requested
        const std::size_t life = life_in(row, {2, 3, 4, 5});
        const auto price = detail::price_in(row, 1);
        add_untimed_price(answer, instrument, instruments()[*instrument].symbol, price, row[1], life);
    }

    std::vector<Fields<6>> rows_;
};

}  // namespace
}  // namespace bybit

constinit const VenueType bybit_type{
    .name = "bybit",
    .title = "Bybit",
    .kind = SourceKind::exchange,
    .stream = {.url = "wss://stream.bybit.com/v5/public/spot",
               .symbols_per_message = 10,  // the most that spot allows
               .message_gap = 100ms,
               .ack_within = 10s,
               // A connection is cut after 10 min without a ping of ours, trades or not.
               .keep_alive = {.text = R"({"op":"ping"})", .always = true}},
    .rest = {.url = "https://api.bybit.com", .max_answer = 2 * 1024 * 1024},
    .listings = {.path = "/v5/market/instruments-info?category=spot", .parse = bybit::parse_listings},
    .past = {.candles_per_request = 1000,
             .least_gap = 100ms,
             .candles_url = bybit::candles_url,
             .parse_candles = bybit::parse_candles},
    .symbol_of = [](Ticker ticker) { return usdt_market(ticker); },
    .is_symbol = [](std::string_view symbol) { return detail::consists_of(symbol, bybit::is_symbol_char); },
    .currency_of = currency_at_end,
    .create = detail::create<bybit::Bybit, bybit_type>,
};

}  // namespace pricewire::feed
