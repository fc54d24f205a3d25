#include "feed/crypto_com/crypto_com.hpp"

#include <fmt/format.h>

#include <array>
#include <utility>

#include "base/text.hpp"
#include "feed/detail/json_venue.hpp"

namespace pricewire::feed {

using namespace std::chrono_literals;

namespace crypto_com {
namespace {

using detail::Fields;
using detail::leave_out;
using detail::refuse;
using Kind = ParseError::Kind;

constexpr std::array<std::string_view, 4> frame_names{"id", "method", "code", "message"};
enum FrameField { id, method, code, message };
constexpr std::array<std::string_view, 3> push_names{"instrument_name", "subscription", "channel"};
// Until 2022 a trade did not name its instrument, and its price and id were numbers.
constexpr std::array<std::string_view, 4> trade_names{"p", "t", "d", "i"};
constexpr std::array<std::string_view, 3> price_names{"i", "a", "t"};

// A perpetual, BTCUSD-PERP, is not a symbol here.
bool is_symbol_char(char c) {
    return is_upper(c) || is_digit(c) || c == '_';
}

bool limits_rate(const Fields<4>& frame) {
    return detail::digits_of(frame[code]) == "42901";
}

std::string error_text(const Fields<4>& frame) {
    return fmt::format("Crypto.com's error {}: {}", snippet(detail::digits_of(frame[code])),
                       snippet(detail::digits_of(frame[message])));
}

class CryptoComStream final : public detail::JsonStream {
public:
    explicit CryptoComStream(const Venue& venue)
        : JsonStream(venue), first_pushes_(venue.instruments().size()) {}

    void forget(std::size_t instrument) override {
        JsonStream::forget(instrument);
        first_pushes_.forget(instrument);
    }
    ParseResult parse(std::string_view bytes, Timestamp received_at, StreamOutput& out) override {
        Fields frame(frame_names);
        Fields push(push_names);
        rows_.clear();
        bool is_push = false;
        const auto over = read(bytes, [&](std::string_view key, detail::JsonValue value) -> detail::Step {
            if (key == "result") {
                if (std::exchange(is_push, true)) return duplicate_field();
                return read_push(value, push);
            }
            frame.take(key, value);
            return simdjson::SUCCESS;
        });
        if (over) return *over;
        if (frame.contradictory() || push.contradictory()) return duplicate_field();
        const auto name = detail::plain_string(frame[method]);
        if (!name) return unknown_shape();
        if (*name == "public/heartbeat") return on_heartbeat(frame[id], out);
        const auto state =
            frame[code].empty() && is_push ? 0 : detail::plain_integer(detail::digits_of(frame[code]));
        if (!state) return unknown_shape();
        if (*state != 0) return on_error(*name, frame, out);
        if (*name != "subscribe") return Parsed{};
        if (is_push) return on_trades(push, received_at, out);
        out.events.push_back(MessageAcknowledged{detail::id_of(frame[id])});
        return Parsed{};
    }

private:
    detail::Step read_push(detail::JsonValue value, Fields<3>& push) {
        detail::ondemand::object object;
        if (const auto error = value.get_object().get(object)) return error;
        bool has_data = false;
        for (auto field : object) {
            std::string_view key;
            if (const auto error = field.unescaped_key().get(key)) return error;
            if (key != "data") {
                push.take(key, field.value());
                continue;
            }
            // Books are long: a channel that was not requested is not read to its end.
            if (!push[2].empty() && detail::plain_string(push[2]) != "trade") return Parsed{};
            if (std::exchange(has_data, true)) return duplicate_field();
            if (const auto error = detail::collect_rows(field.value(), trade_names, rows_)) return error;
        }
        return simdjson::SUCCESS;
    }

    // Closed within seconds if it is not answered with the same number.
    ParseResult on_heartbeat(std::string_view token, StreamOutput& out) {
        if (!detail::plain_integer(detail::digits_of(token)))
            return refuse(Kind::wrong_shape, "a heartbeat without a number");
        out.events.push_back(Alive{});
        out.events.push_back(
            Reply{fmt::format(R"({{"id":{},"method":"public/respond-heartbeat"}})", detail::trimmed(token))});
        return Parsed{};
    }

    // One unknown symbol fails the whole message.
    ParseResult on_error(std::string_view name, const Fields<4>& frame, StreamOutput& out) {
        if (limits_rate(frame)) {
            out.events.push_back(RateLimited{error_text(frame)});
        } else if (name == "subscribe") {
            out.events.push_back(
                MessageRefused{detail::id_of(frame[id]), error_text(frame),
                               instrument_in(detail::digits_of(frame[message]), is_symbol_char)});
        } else if (name != "unsubscribe") {
            return refuse(Kind::venue_error, error_text(frame));
        }
        return Parsed{};
    }

    // The newest comes first, and the first push holds trades from before, unmarked.
    ParseResult on_trades(const Fields<3>& push, Timestamp received_at, StreamOutput& out) {
        if (detail::plain_string(push[2]) != "trade") return Parsed{};
        const std::string_view symbol = detail::plain_string(push[0]).value_or("");
        const auto instrument = venue_.find(symbol);
        const std::string_view topic = detail::plain_string(push[1]).value_or("");
        if (!instrument || topic.substr(0, 6) != "trade." || topic.substr(6) != symbol)
            return not_requested(topic);
        detail::bring_oldest_first(rows_, [](const Fields<4>& row) {
            return std::pair(detail::market_time(row[1]), detail::id_of(row[2]));
        });
        Parsed parsed;
        for (const Fields<4>& row : rows_) {
            const std::string_view named = detail::figure_in(row[3]).value_or("");
            if (row.contradictory() || (!named.empty() && named != symbol)) {
                leave_out(parsed, fmt::format("a trade of '{}' among those of {}", snippet(named), symbol));
                continue;
            }
            Quote* quote =
                add_trade(*instrument, detail::trade_in(row[0], row[1], row[2]), received_at, out, parsed);
            first_pushes_.judge(quote, *instrument);
        }
        first_pushes_.end(*instrument);
        return parsed;
    }

    detail::FirstPushes first_pushes_;
    std::vector<Fields<4>> rows_;
};

class CryptoCom final : public detail::JsonVenue {
public:
    using JsonVenue::JsonVenue;

    std::unique_ptr<StreamParser> create_parser() const override {
        return std::make_unique<CryptoComStream>(*this);
    }

private:
    std::string subscription_message(std::string_view verb, std::span<const std::size_t> asked,
                                     const SubscribeMessage& message) const override {
        return fmt::format(
            R"({{"id":{},"method":"{}","params":{{"channels":[{}]}},"nonce":{}}})", message.number, verb,
            list(asked, ",", [&](std::size_t i) { return "\"trade." + instruments()[i].symbol + '"'; }),
            to_micros(message.now) / 1000);
    }

    // A request is for one instrument or for all; there is none for several.
    std::string rest_path(std::span<const std::size_t> asked) const override {
        return one_or_all(asked, "/get-tickers?instrument_name=", "/get-tickers");
    }

    // {"id":-1,"method":"public/get-tickers","code":0,"result":{"data":[{"i":"BTC_USD","a":"65000.1","t":…}]}}
    std::optional<ParseResult> read_answer(detail::Answer& answer) override {
        Fields frame(frame_names);
        rows_.clear();
        bool has_result = false;
        const auto over = read(answer, [&](std::string_view key, detail::JsonValue value) -> detail::Step {
            if (key == "result") {
                has_result = true;
                return detail::collect_rows_in(value, "data", price_names, rows_);
            }
            frame.take(key, value);
            return simdjson::SUCCESS;
        });
        if (over) return over;
        const auto state = detail::plain_integer(detail::digits_of(frame[code]));
        if (!state) return unknown_shape(answer);
        if (*state != 0) {
            const std::string words = lower_case(detail::digits_of(frame[message]));
            const bool is_symbol =
                words.find("symbol") != std::string::npos || words.find("instrument") != std::string::npos;
            return refuse(limits_rate(frame) ? Kind::rate_limited
                          : is_symbol        ? Kind::unknown_symbol
                                             : Kind::venue_error,
                          error_text(frame));
        }
        if (!has_result) return unknown_shape(answer);
        add_prices(answer, rows_);
        return std::nullopt;
    }

    std::vector<Fields<3>> rows_;
};

}  // namespace
}  // namespace crypto_com

constinit const VenueType crypto_com_type{
    .name = "crypto_com",
    .title = "Crypto.com",
    .kind = SourceKind::exchange,
    .weight = 2,
    .stream = {.url = "wss://stream.crypto.com/exchange/v1/market",
               .symbols_per_message = 50,
               .message_gap = 200ms,
               // Messages are counted by the second of the clock: one that comes right after the opening is
               // refused.
               .subscribe_after = 1s,
               .ack_within = 10s},
    .rest = {.url = "https://api.crypto.com/exchange/v1/public", .max_answer = 2 * 1024 * 1024},
    .listings = {.path = "/get-instruments", .parse = crypto_com::parse_listings},
    .past = {.candles_per_request = 300,
             .least_gap = 100ms,
             .candles_url = crypto_com::candles_url,
             .parse_candles = crypto_com::parse_candles,
             .trades_window = 24h,
             .trades_url = crypto_com::trades_url,
             .parse_trades = crypto_com::parse_trades},
    .symbol_of = [](Ticker ticker) { return std::optional(std::string(ticker.view()) + "_USD"); },
    .is_symbol =
        [](std::string_view symbol) {
            return symbol.size() >= 3 && detail::consists_of(symbol, crypto_com::is_symbol_char);
        },
    .currency_of = [](std::string_view symbol) { return currency_behind('_', symbol); },
    .create = detail::create<crypto_com::CryptoCom, crypto_com_type>,
};

}  // namespace pricewire::feed
