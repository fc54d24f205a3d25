#include "feed/kraken/kraken.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/text.hpp"
#include "feed/detail/json_venue.hpp"
#include "feed/kraken/pair.hpp"

namespace pricewire::feed {

using namespace std::chrono_literals;

namespace kraken {
namespace {

using detail::Fields;
using detail::leave_out;
using detail::refuse;
using Kind = ParseError::Kind;

constexpr std::array<std::string_view, 8> frame_names{"channel", "type",   "method", "success",
                                                      "error",   "symbol", "req_id", "event"};
enum FrameField { channel, type, method, success, error, symbol, req_id, event };
constexpr std::array<std::string_view, 2> result_names{"channel", "symbol"};
// A row of trades, or that of the venue's status.
constexpr std::array<std::string_view, 5> row_names{"symbol", "price", "timestamp", "trade_id", "system"};

bool is_symbol_char(char c) {
    return is_upper(c) || is_digit(c) || c == '/';
}

std::optional<Timestamp> trade_time(std::string_view token) {
    const auto text = detail::plain_string(token);
    const auto time = parse_rfc3339(text.value_or(""));
    // A frame of 1970 has been seen.
    if (!time) return std::nullopt;
    return detail::market_time(to_micros(*time) / 1000) ? std::optional(*time) : std::nullopt;
}

class KrakenStream final : public detail::JsonStream {
public:
    explicit KrakenStream(const Venue& venue) : JsonStream(venue), ids_(venue.instruments().size()) {}

    void forget(std::size_t instrument) override {
        JsonStream::forget(instrument);
        ids_.forget(instrument);
    }
    ParseResult parse(std::string_view bytes, Timestamp received_at, StreamOutput& out) override {
        const std::size_t first = bytes.find_first_not_of(" \t\r\n");
        if (first != std::string_view::npos && bytes[first] == '[') return on_version_1();
        Fields frame(frame_names);
        Fields result(result_names);
        rows_.clear();
        bool has_data = false;
        const auto over = read(bytes, [&](std::string_view key, detail::JsonValue value) -> detail::Step {
            if (key == "data") {
                if (std::exchange(has_data, true)) return duplicate_field();
                // Books and the list of markets are long: what was not requested is not read to its end.
                const auto name = detail::plain_string(frame[channel]);
                if (name && *name != "trade" && *name != "status") return Parsed{};
                return detail::collect_rows(value, row_names, rows_);
            }
            if (key == "result") return detail::collect(value, result);
            frame.take(key, value);
            return simdjson::SUCCESS;
        });
        if (over) return *over;
        if (frame.contradictory()) return duplicate_field();
        if (!frame[method].empty() || !frame[error].empty()) return on_answer(frame, result, out);
        const auto name = detail::plain_string(frame[channel]);
        if (!name && !frame[event].empty()) return on_version_1();
        if (!name) return unknown_shape();
        if (*name == "heartbeat") out.events.push_back(Alive{});
        if (*name == "status") on_status(out);
        if (*name != "trade") return Parsed{};
        return on_trades(detail::plain_string(frame[type]) != "snapshot", received_at, out);
    }

private:
    ParseResult on_version_1() { return refuse_once("a frame of Kraken's WebSocket v1, not of v2"); }

    // Sent on connecting and when it changes. Before it opens again, nothing is traded either.
    void on_status(StreamOutput& out) {
        const std::string_view system =
            rows_.empty() ? std::string_view() : detail::plain_string(rows_.front()[4]).value_or("");
        if (system == "maintenance" || system == "cancel_only" || system == "post_only") {
            out.events.push_back(Maintenance{fmt::format("its status is {}", system)});
        } else {
            out.events.push_back(Alive{});
        }
    }

    // One for each symbol of a subscribe message, and those to pings.
    ParseResult on_answer(const Fields<8>& frame, const Fields<2>& result, StreamOutput& out) {
        const auto asked = detail::plain_string(frame[method]);
        if (asked == "pong") out.events.push_back(Alive{});
        // An error that is null is none.
        const bool is_refusal = !detail::plain_string(frame[error]).value_or("").empty() ||
                                detail::trimmed(frame[success]) == "false";
        if (is_refusal) return on_error(frame, result, out);
        const auto instrument = venue_.find(detail::plain_string(result[1]).value_or(""));
        if (asked == "subscribe" && instrument && detail::plain_string(result[0]) == "trade")
            out.events.push_back(Acknowledged{*instrument});
        return Parsed{};
    }

    ParseResult on_error(const Fields<8>& frame, const Fields<2>& result, StreamOutput& out) {
        const std::string_view why = detail::digits_of(frame[error]);
        const std::string text = fmt::format("Kraken's error: {}", snippet(why));
        const auto has = [&](std::string_view part) { return why.find(part) != std::string_view::npos; };
        const std::string_view name =
            detail::plain_string(frame[symbol].empty() ? result[1] : frame[symbol]).value_or("");
        const auto instrument = name.empty() ? instrument_in(why, is_symbol_char) : venue_.find(name);
        const auto number = detail::id_of(frame[req_id]);
        if (has("msg rate")) {
            out.events.push_back(RateLimited{text});
        } else if (detail::plain_string(frame[method]) == "unsubscribe") {
            // It was not subscribed, then.
        } else if (instrument && has("lready subscribed")) {
            out.events.push_back(Acknowledged{*instrument});
        } else if (has("lready subscribed")) {
            out.events.push_back(MessageAcknowledged{number});
        } else if (instrument) {
            out.events.push_back(SymbolRefused{*instrument, text});
        } else if (number) {
            out.events.push_back(MessageRefused{number, text, std::nullopt});
        } else {
            return refuse(Kind::venue_error, text);
        }
        return Parsed{};
    }

    ParseResult on_trades(bool is_live, Timestamp received_at, StreamOutput& out) {
        detail::bring_oldest_first(
            rows_, [](const Fields<5>& row) { return std::pair(trade_time(row[2]), detail::id_of(row[3])); });
        Parsed parsed;
        for (const Fields<5>& row : rows_) {
            const std::string_view name = detail::digits_of(row[0]);
            const auto instrument = venue_.find(name);
            if (!instrument || row.contradictory()) {
                leave_out(parsed, fmt::format("a trade of '{}', which was not requested", snippet(name)));
                continue;
            }
            Quote* quote =
                add_trade(*instrument, detail::trade_in(row[1], row[2], trade_time(row[2]), row[3]),
                          received_at, out, parsed);
            if (quote == nullptr) continue;
            if (!is_live) quote->is_live = false;
            if (is_live && quote->trade_id) ids_.note(*instrument, *quote->trade_id, out.events);
        }
        return parsed;
    }

    detail::TradeIds ids_;
    std::vector<Fields<5>> rows_;
};

class Kraken final : public detail::JsonVenue {
public:
    Kraken(const VenueType& venue, std::vector<Instrument> instruments, Endpoints endpoints)
        : JsonVenue(venue, std::move(instruments), std::move(endpoints)) {
        for (std::size_t i = 0; i < this->instruments().size(); ++i) put_pair(i);
    }

    std::unique_ptr<StreamParser> create_parser() const override {
        return std::make_unique<KrakenStream>(*this);
    }

private:
    std::string subscription_message(std::string_view verb, std::span<const std::size_t> asked,
                                     const SubscribeMessage& message) const override {
        return fmt::format(
            R"({{"method":"{}","params":{{"channel":"trade","symbol":[{}]{}}},"req_id":{}}})", verb,
            list(asked, ",", [&](std::size_t i) { return '"' + instruments()[i].symbol + '"'; }),
            verb == "subscribe" ? R"(,"snapshot":false)" : "", message.number);
    }
    void changed(std::size_t instrument) override {
        JsonVenue::changed(instrument);
        put_pair(instrument);
    }
    void put_pair(std::size_t instrument) {
        const std::string& symbol = instruments()[instrument].symbol;
        detail::put(pairs_, instrument, symbol.empty() ? Pair() : pair_of(symbol));
    }

    std::string rest_path(std::span<const std::size_t> asked) const override {
        return "/Ticker?pair=" + list(asked, "%2C", [&](std::size_t i) { return pairs_[i].name; });
    }

    // {"error":[],"result":{"XXBTZUSD":{"c":["65000.1","0.01"], …}}}; errors come under status 200.
    std::optional<ParseResult> read_answer(detail::Answer& answer) override {
        bool has_result = false;
        const auto over = read(answer, [&](std::string_view key, detail::JsonValue value) -> detail::Step {
            if (key == "error") return read_errors(value);
            if (key != "result") return simdjson::SUCCESS;
            has_result = true;
            return read_result(value, answer);
        });
        if (over || has_result) return over;
        return unknown_shape(answer);
    }

    // What begins with W is a warning.
    static detail::Step read_errors(detail::JsonValue list) {
        detail::ondemand::array array;
        if (const auto code = list.get_array().get(array)) return code;
        std::optional<ParseError> own;
        for (auto element : array) {
            std::string_view token;
            if (const auto code = element.raw_json_token().get(token)) return code;
            const std::string_view text = detail::digits_of(token);
            if (!text.starts_with('E') || own) continue;
            const auto has = [&](std::string_view part) { return text.find(part) != std::string_view::npos; };
            const Kind kind = has("Unknown asset pair") ? Kind::unknown_symbol
                              : has("Rate limit") || has("Too many requests") || has("Temporary lockout")
                                  ? Kind::rate_limited
                                  : Kind::venue_error;
            own = ParseError{kind, fmt::format("Kraken's error: {}", snippet(text))};
        }
        if (own) return std::unexpected(*own);
        return simdjson::SUCCESS;
    }

    simdjson::error_code read_result(detail::JsonValue value, detail::Answer& answer) {
        detail::ondemand::object pairs;
        if (const auto code = value.get_object().get(pairs)) return code;
        for (auto field : pairs) {
            std::string_view key;
            if (const auto code = field.unescaped_key().get(key)) return code;
            const auto instrument = instrument_of(key);
            detail::ondemand::object figures;
            if (const auto code = field.value().get_object().get(figures)) return code;
            std::string_view token;
            std::size_t life = 0;
            for (auto figure : figures) {
                std::string_view name;
                if (const auto code = figure.unescaped_key().get(name)) return code;
                // Best ask, best bid and the last trade, each with its amount.
                if (name != "a" && name != "b" && name != "c") continue;
                detail::ondemand::array items;
                if (const auto code = figure.value().get_array().get(items)) return code;
                for (auto element : items) {
                    std::string_view item;
                    if (const auto code = element.raw_json_token().get(item)) return code;
                    if (name == "c" && token.empty()) token = item;
                    life = with(life, item);
                }
            }
            // The answer holds no time: it is the last price at the moment of the request, if the pair is
            // traded. While it is, its book moves.
            add_untimed_price(answer, instrument, key, detail::price_of(detail::digits_of(token)), token,
                              life);
        }
        return simdjson::SUCCESS;
    }

    std::optional<std::size_t> instrument_of(std::string_view key) const {
        const auto found = std::ranges::find_if(pairs_, [&](const Pair& pair) { return pair.name == key; });
        const auto either =
            found != pairs_.end() ? found : std::ranges::find_if(pairs_, [&](const Pair& pair) {
                return std::ranges::find(pair.keys, key) != pair.keys.end();
            });
        if (either == pairs_.end()) return std::nullopt;
        return static_cast<std::size_t>(either - pairs_.begin());
    }

    std::vector<Pair> pairs_;  // as instruments()
};

}  // namespace
}  // namespace kraken

constinit const VenueType kraken_type{
    .name = "kraken",
    .title = "Kraken",
    .kind = SourceKind::exchange,
    // A heartbeat comes every second in which nothing else does.
    .stream = {.url = "wss://ws.kraken.com/v2",
               .symbols_per_message = 100,
               .message_gap = 500ms,
               .ack_within = 10s},
    .rest = {.url = "https://api.kraken.com/0/public",
             .max_instruments = 100,
             .least_interval = 1s,
             .least_interval_reason = "Kraken allows one request a second"},
    .listings = {.path = "/AssetPairs", .parse = kraken::parse_listings},
    .past = {.candles_per_request = 720,
             .latest_only = true,
             .least_gap = 2500ms,
             .candles_url = kraken::candles_url,
             .parse_candles = kraken::parse_candles,
             .trades_url = kraken::trades_url,
             .parse_trades = kraken::parse_trades},
    .symbol_of = [](Ticker ticker) -> std::optional<std::string> {
        if (ticker == "USD") return std::nullopt;
        return std::string(ticker.view()) + "/USD";
    },
    .is_symbol =
        [](std::string_view symbol) {
            const std::size_t slash = symbol.find('/');
            const auto is_name = [](std::string_view part) {
                return detail::consists_of(part, [](char c) { return is_upper(c) || is_digit(c); });
            };
            return slash != std::string_view::npos && symbol.size() <= 30 &&
                   is_name(symbol.substr(0, slash)) && is_name(symbol.substr(slash + 1));
        },
    .currency_of = [](std::string_view symbol) { return currency_behind('/', symbol); },
    .create = detail::create<kraken::Kraken, kraken_type>,
};

}  // namespace pricewire::feed
