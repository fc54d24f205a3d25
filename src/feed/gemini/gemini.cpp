#include "feed/gemini/gemini.hpp"

#include <fmt/format.h>

#include <array>

#include "base/text.hpp"
#include "feed/detail/json_venue.hpp"

namespace pricewire::feed {

using namespace std::chrono_literals;

namespace gemini {
namespace {

using detail::Fields;
using detail::refuse;
using Kind = ParseError::Kind;

constexpr std::array<std::string_view, 8> frame_names{"e", "E", "s", "p", "t", "id", "status", "type"};
enum FrameField { event, event_time, symbol, price, trade, id, status, type };
constexpr std::array<std::string_view, 4> problem_names{"code", "msg", "message", "reason"};
constexpr std::array<std::string_view, 5> entry_names{"pair", "price", "result", "reason", "message"};

constexpr std::array<std::string_view, 10> quote_currencies{"USDT", "USDC", "RLUSD", "GUSD", "USD",
                                                            "EUR",  "GBP",  "SGD",   "BTC",  "ETH"};

Currency currency_of(std::string_view symbol) {
    if (symbol.size() < 7 && symbol.ends_with("gusd")) return "USD";  // "dogusd" is not DO in GUSD
    return currency_at_end(symbol, quote_currencies);
}

bool is_symbol_char(char c) {
    return is_digit(c) || (is_letter(c) && !is_upper(c));
}

bool is_limit(std::string_view words) {
    const std::string lower = lower_case(words);
    return lower.find("ratelimit") != std::string::npos || lower.find("rate limit") != std::string::npos ||
           lower.find("too many") != std::string::npos;
}

// In nanoseconds.
std::optional<Timestamp> time_of(std::string_view token) {
    const auto ns = detail::plain_integer(detail::digits_of(token));
    return ns && detail::market_time(*ns / 1'000'000) ? std::optional(from_micros(*ns / 1000)) : std::nullopt;
}

class GeminiStream final : public detail::JsonStream {
public:
    using JsonStream::JsonStream;

    ParseResult parse(std::string_view bytes, Timestamp received_at, StreamOutput& out) override {
        Fields frame(frame_names);
        Problem problem;
        const auto over = read(bytes, [&](std::string_view key, detail::JsonValue value) -> detail::Step {
            if (key == "error") return read_problem(value, problem);
            frame.take(key, value);
            return simdjson::SUCCESS;
        });
        if (over) return *over;
        if (frame.contradictory()) return duplicate_field();
        // A trade has no name of its own: books, which have, hold neither a number nor a price.
        if (!frame[trade].empty() && !frame[price].empty()) return on_trade(frame, received_at, out);
        if (!frame[id].empty() || !frame[status].empty() || problem.is_given)
            return on_answer(frame, problem, out);
        if (!frame[type].empty()) return refuse_once("a frame of Gemini's market data of before 2026");
        if (frame[symbol].empty() && frame[event].empty()) return unknown_shape();
        return Parsed{};
    }

private:
    // An object, a text, or null where there is none.
    struct Problem {
        bool is_given = false;
        std::string_view code, text;
    };

    static detail::Step read_problem(detail::JsonValue value, Problem& problem) {
        detail::ondemand::json_type kind{};
        if (const auto error = value.type().get(kind)) return error;
        problem.is_given = kind != detail::ondemand::json_type::null;
        if (kind == detail::ondemand::json_type::object) {
            Fields fields(problem_names);
            if (const auto error = detail::collect(value, fields)) return error;
            problem.code = detail::digits_of(fields[0]);
            for (std::size_t i = 1; i < problem_names.size() && problem.text.empty(); ++i)
                problem.text = detail::digits_of(fields[i]);
        } else if (problem.is_given) {
            std::string_view token;
            if (const auto error = value.raw_json_token().get(token)) return error;
            problem.text = detail::digits_of(token);
        }
        return simdjson::SUCCESS;
    }

    // {"id":"1","status":200,"result":…}; the shape of failures is not documented well.
    ParseResult on_answer(const Fields<8>& frame, const Problem& problem, StreamOutput& out) {
        const auto number = detail::id_of(frame[id]);
        const auto outcome = detail::plain_integer(frame[status]);
        if (!problem.is_given && outcome.value_or(200) < 400) {
            if (number) out.events.push_back(MessageAcknowledged{number});
            return Parsed{};
        }
        const std::string why =
            fmt::format("Gemini's error {}: {}",
                        snippet(problem.code.empty() ? detail::trimmed(frame[status]) : problem.code),
                        snippet(problem.text));
        if (outcome == 429 || is_limit(problem.text)) {
            out.events.push_back(RateLimited{why});
        } else {
            out.events.push_back(MessageRefused{number, why, instrument_in(problem.text, is_symbol_char)});
        }
        return Parsed{};
    }

    ParseResult on_trade(const Fields<8>& frame, Timestamp received_at, StreamOutput& out) {
        // Another event may hold such fields, too.
        if (!frame[event].empty() && detail::plain_string(frame[event]) != "trade") return Parsed{};
        const std::string_view name = detail::digits_of(frame[symbol]);
        const auto instrument = venue_.find(name);
        if (!instrument) return not_requested(name);
        Parsed parsed;
        add_trade(*instrument,
                  detail::trade_in(frame[price], frame[event_time], time_of(frame[event_time]), frame[trade]),
                  received_at, out, parsed);
        return parsed;
    }
};

class Gemini final : public detail::JsonVenue {
public:
    using JsonVenue::JsonVenue;

    std::unique_ptr<StreamParser> create_parser() const override {
        return std::make_unique<GeminiStream>(*this);
    }

private:
    std::string subscription_message(std::string_view verb, std::span<const std::size_t> asked,
                                     const SubscribeMessage& message) const override {
        return fmt::format(
            R"({{"id":"{}","method":"{}","params":[{}]}})", message.number, verb,
            list(asked, ",", [&](std::size_t i) { return '"' + instruments()[i].symbol + "@trade\""; }));
    }
    std::string rest_path(std::span<const std::size_t>) const override { return "/v1/pricefeed"; }

    // [{"pair":"BTCUSD","price":"65000.10","percentChange24h":"0.01"}, …] of all pairs, or an error.
    std::optional<ParseResult> read_answer(detail::Answer& answer) override {
        return read_objects(answer, [&](detail::ondemand::object from) -> detail::Step {
            Fields entry(entry_names);
            if (const auto error = detail::collect(from, entry)) return error;
            if (entry[0].empty()) return own_error(entry, answer);
            const auto instrument = find(lower_case(detail::digits_of(entry[0])));
            if (!instrument) return simdjson::SUCCESS;
            const auto value = detail::price_in(entry, 1);
            // Nothing else in it shows whether the pair is traded: the change of a day moves with the day.
            add_untimed_price(answer, instrument, instruments()[*instrument].symbol, value, entry[1], 0);
            return simdjson::SUCCESS;
        });
    }

    detail::Step own_error(const Fields<5>& entry, const detail::Answer& answer) const {
        if (detail::plain_string(entry[2]) != "error") return unknown_shape(answer);
        const std::string_view reason = detail::digits_of(entry[3]);
        return refuse(
            is_limit(reason) ? Kind::rate_limited : Kind::venue_error,
            fmt::format("Gemini's error {}: {}", snippet(reason), snippet(detail::digits_of(entry[4]))));
    }
};

}  // namespace
}  // namespace gemini

constinit const VenueType gemini_type{
    .name = "gemini",
    .title = "Gemini",
    .kind = SourceKind::exchange,
    .weight = 2,
    .stream = {.url = "wss://ws.gemini.com",
               .symbols_per_message = 50,
               .message_gap = 500ms,
               .ack_within = 10s,
               // Sends nothing while nothing is traded: a thin market, where a minute is not long.
               .silence_limit = 60s,
               .deaf_limit = 5min,
               // It does not say how old a connection may become.
               .renew_from = 20h,
               .renew_to = 23h},
    .rest = {.url = "https://api.gemini.com",
             .least_interval = 1s,
             .least_interval_reason = "Gemini allows 120 requests a minute"},
    .listings = {.path = "/v1/symbols/details/all", .parse = gemini::parse_listings},
    .past = {.candles_per_request = 1440,
             .reach = 24h,
             .latest_only = true,
             .least_gap = 1s,
             .candles_url = gemini::candles_url,
             .parse_candles = gemini::parse_candles,
             .trades_reach = 7 * 24h,
             .trades_url = gemini::trades_url,
             .parse_trades = gemini::parse_trades},
    // Whether it quotes USDT in dollars is not known.
    .symbol_of = [](Ticker ticker) -> std::optional<std::string> {
        if (ticker == "USD" || ticker == "USDT") return std::nullopt;
        return lower_case(ticker.view()) + "usd";
    },
    .is_symbol =
        [](std::string_view symbol) {
            return symbol.size() >= 5 && detail::consists_of(symbol, gemini::is_symbol_char);
        },
    .currency_of = gemini::currency_of,
    .create = detail::create<gemini::Gemini, gemini_type>,
};

}  // namespace pricewire::feed
