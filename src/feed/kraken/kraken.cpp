#include "feed/kraken/kraken.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "feed/detail/json.hpp"
#include "feed/refusal.hpp"

namespace pricewire::feed {

using namespace std::chrono_literals;

namespace kraken {
namespace {

using detail::Fields;
using detail::leave_out;
using detail::refuse;
using Kind = ParseError::Kind;

constexpr std::array<std::string_view, 6> frame_names{"channel", "type",  "method",
                                                      "success", "error", "symbol"};
constexpr std::array<std::string_view, 2> result_names{"channel", "symbol"};
constexpr std::array<std::string_view, 4> trade_names{"symbol", "price", "timestamp", "trade_id"};
enum FrameField { channel, type, method, success, error, symbol };

// REST has older names for two coins.
std::string_view rest_name(std::string_view base) {
    return base == "BTC" ? "XBT" : base == "DOGE" ? "XDG" : base;
}

std::optional<Timestamp> trade_time(std::string_view token) {
    const auto text = detail::plain_string(token);
    const auto time = parse_rfc3339(text.value_or(""));
    // A frame of 1970 has been seen.
    if (!time) return std::nullopt;
    return detail::market_time(to_micros(*time) / 1000) ? std::optional(*time) : std::nullopt;
}

class KrakenStream final : public StreamParser {
public:
    explicit KrakenStream(const Venue& venue) : venue_(venue), ids_(venue.instruments().size()) {}

    ParseResult parse(std::string_view bytes, Timestamp received_at, StreamOutput& out) override {
        detail::ondemand::document document;
        auto root = detail::open_object(reader_, document, bytes, "a frame");
        if (!root) return std::unexpected(root.error());
        Fields frame(frame_names);
        Fields result(result_names);
        rows_.clear();
        for (auto field : *root) {
            std::string_view key;
            if (field.unescaped_key().get(key)) return refuse(Kind::not_json, "a truncated frame");
            if (key == "data") {
                // Books and the list of markets are long: what was not requested is not read to its end.
                const auto name = detail::plain_string(frame[channel]);
                if (name == "status") out.events.push_back(Alive{});
                if (name && *name != "trade") return Parsed{};
                if (const auto code = detail::collect_rows(field.value(), trade_names, rows_))
                    return refuse(code, "a frame");
            } else if (key == "result") {
                detail::ondemand::object object;
                if (const auto code = field.value().get_object().get(object)) return refuse(code, "a frame");
                if (const auto code = collect(object, result)) return refuse(code, "a frame");
            } else {
                frame.take(key, field.value());
            }
        }
        if (!detail::at_end(document)) return refuse(Kind::not_json, "a frame with trailing bytes");
        if (frame.contradictory()) return refuse(Kind::wrong_shape, "a frame with a duplicate field");
        if (!frame[method].empty() || !frame[error].empty()) return on_answer(frame, result, out);
        const auto name = detail::plain_string(frame[channel]);
        if (!name) return refuse(Kind::wrong_shape, "a frame of an unknown shape");
        if (*name == "heartbeat") out.events.push_back(Alive{});
        if (*name != "trade") return Parsed{};
        return on_trades(detail::plain_string(frame[type]) != "snapshot", received_at, out);
    }

private:
    // One for each symbol of a subscribe message, and those to pings.
    ParseResult on_answer(const Fields<6>& frame, const Fields<2>& result, StreamOutput& out) {
        const auto name = detail::plain_string(frame[symbol].empty() ? result[1] : frame[symbol]);
        const auto instrument = venue_.find(name.value_or(""));
        const std::string_view why = detail::digits_of(frame[error]);
        const std::string text = fmt::format("Kraken's error: {}", snippet(why));
        if (detail::plain_string(frame[method]) == "pong") {
            out.events.push_back(Alive{});
        } else if (why.empty()) {
            if (instrument && detail::plain_string(result[0]) == "trade")
                out.events.push_back(Acknowledged{*instrument});
        } else if (why.find("msg rate") != std::string_view::npos) {
            out.events.push_back(RateLimited{text});
        } else if (!instrument) {
            return refuse(Kind::venue_error, text);
        } else if (why.find("lready subscribed") != std::string_view::npos) {
            out.events.push_back(Acknowledged{*instrument});
        } else {
            out.events.push_back(SymbolRefused{*instrument, text});
        }
        return Parsed{};
    }

    ParseResult on_trades(bool is_live, Timestamp received_at, StreamOutput& out) {
        Parsed parsed;
        for (const Fields<4>& row : rows_) {
            const std::string_view name = detail::digits_of(row[0]);
            const std::string_view digits = detail::digits_of(row[1]);
            const auto instrument = venue_.find(name);
            const auto price = detail::price_of(digits);
            const auto time = trade_time(row[2]);
            if (!instrument || row.contradictory()) {
                leave_out(parsed, fmt::format("a trade of '{}', which was not requested", snippet(name)));
            } else if (!price || !time) {
                leave_out(parsed, fmt::format("'{}' at '{}' is not a valid price of {}", snippet(digits),
                                              snippet(detail::digits_of(row[2])), name));
            } else {
                Quote& quote = out.quotes.emplace_back(venue_.quote(*instrument, *price, *time, received_at));
                quote.is_live = is_live;
                quote.trade_id = detail::id_of(row[3]);
                if (quote.trade_id) ids_.note(*instrument, *quote.trade_id, out.events);
            }
        }
        return parsed;
    }

    const Venue& venue_;
    detail::TradeIds ids_;
    std::vector<Fields<4>> rows_;
    detail::JsonReader reader_;
};

class Kraken final : public Venue {
public:
    Kraken(std::vector<Instrument> instruments, Endpoints endpoints)
        : Venue(kraken_type, std::move(instruments), std::move(endpoints)),
          seen_(this->instruments().size()) {
        for (const Instrument& instrument : this->instruments()) {
            const std::size_t slash = instrument.symbol.find('/');
            pairs_.push_back({std::string(rest_name(instrument.symbol.substr(0, slash))),
                              instrument.symbol.substr(slash + 1)});
        }
    }

    std::string subscribe_message(std::span<const std::size_t> asked) const override {
        std::string symbols;
        for (const std::size_t i : asked)
            symbols += fmt::format(R"({}"{}")", symbols.empty() ? "" : ",", instruments()[i].symbol);
        return fmt::format(
            R"({{"method":"subscribe","params":{{"channel":"trade","symbol":[{}],"snapshot":false}},"req_id":1}})",
            symbols);
    }
    std::unique_ptr<StreamParser> create_parser() const override {
        return std::make_unique<KrakenStream>(*this);
    }

    std::string rest_url(std::span<const std::size_t> asked) const override {
        if (endpoints().rest_url.empty()) return {};
        std::string url = endpoints().rest_url + "/Ticker?pair=";
        for (std::size_t i = 0; i < asked.size(); ++i) {
            if (i > 0) url += "%2C";
            url += pairs_[asked[i]].base + pairs_[asked[i]].quote;
        }
        return url;
    }

    ParseResult parse_answer(std::string_view body, Timestamp received_at, std::vector<Quote>& out) override {
        const std::size_t before = out.size();
        auto result = read_answer(body, received_at, out);
        if (!result) out.resize(before);
        return result;
    }

private:
    struct Pair {
        std::string base;  // "XBT"
        std::string quote;
    };

    // {"error":[],"result":{"XXBTZUSD":{"c":["65000.1","0.01"], …}}}; errors come under status 200.
    ParseResult read_answer(std::string_view body, Timestamp received_at, std::vector<Quote>& out) {
        detail::ondemand::document document;
        auto root = detail::open_object(reader_, document, body, "an answer");
        if (!root) return std::unexpected(root.error());
        std::fill(seen_.begin(), seen_.end(), false);
        Parsed parsed;
        bool has_result = false;
        for (auto field : *root) {
            std::string_view key;
            if (field.unescaped_key().get(key)) return refuse(Kind::not_json, "a truncated answer");
            if (key == "error") {
                std::optional<ParseError> own;
                if (const auto code = read_errors(field.value(), own)) return refuse(code, "an answer");
                if (own) return std::unexpected(*own);
            } else if (key == "result") {
                has_result = true;
                if (const auto code = read_result(field.value(), received_at, out, parsed))
                    return refuse(code, "an answer");
            }
        }
        if (!detail::at_end(document)) return refuse(Kind::not_json, "an answer with trailing bytes");
        if (!has_result)
            return refuse(Kind::wrong_shape, fmt::format("an answer of an unknown shape: {}", snippet(body)));
        return parsed;
    }

    // What begins with W is a warning.
    static simdjson::error_code read_errors(simdjson::simdjson_result<detail::ondemand::value> list,
                                            std::optional<ParseError>& own) {
        detail::ondemand::array array;
        if (const auto code = list.get_array().get(array)) return code;
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
        return simdjson::SUCCESS;
    }

    simdjson::error_code read_result(simdjson::simdjson_result<detail::ondemand::value> value,
                                     Timestamp received_at, std::vector<Quote>& out, Parsed& parsed) {
        detail::ondemand::object pairs;
        if (const auto code = value.get_object().get(pairs)) return code;
        for (auto field : pairs) {
            std::string_view key;
            if (const auto code = field.unescaped_key().get(key)) return code;
            const auto instrument = instrument_of(key);
            detail::ondemand::object figures;
            if (const auto code = field.value().get_object().get(figures)) return code;
            std::string_view token;
            for (auto figure : figures) {
                std::string_view name;
                if (const auto code = figure.unescaped_key().get(name)) return code;
                if (name != "c") continue;
                detail::ondemand::array last;
                if (const auto code = figure.value().get_array().get(last)) return code;
                for (auto element : last) {
                    std::string_view item;
                    if (const auto code = element.raw_json_token().get(item)) return code;
                    if (token.empty()) token = item;
                }
            }
            const auto digits = detail::plain_string(token);
            const auto price = digits ? detail::price_of(*digits) : std::nullopt;
            if (!instrument || !price || seen_[*instrument]) {
                leave_out(parsed, fmt::format("'{}' as the price of '{}'", snippet(detail::digits_of(token)),
                                              snippet(key)));
                continue;
            }
            seen_[*instrument] = true;
            // The answer holds no time: it is the last price at the moment of the request.
            out.push_back(quote(*instrument, *price, received_at, received_at));
        }
        return simdjson::SUCCESS;
    }

    // Answers have a third spelling for the older coins: "XXBTZUSD", "XETHZUSD", but "SOLUSD".
    std::optional<std::size_t> instrument_of(std::string_view key) const {
        for (std::size_t i = 0; i < pairs_.size(); ++i) {
            const auto& [base, quote] = pairs_[i];
            const bool is_short =
                key.size() == base.size() + quote.size() && key.starts_with(base) && key.ends_with(quote);
            const bool is_long = key.size() == base.size() + quote.size() + 2 && key.front() == 'X' &&
                                 key.substr(1).starts_with(base) && key[base.size() + 1] == 'Z' &&
                                 key.ends_with(quote);
            if (is_short || is_long) return i;
        }
        return std::nullopt;
    }

    std::vector<Pair> pairs_;  // as instruments(), in REST's spelling
    std::vector<bool> seen_;
    detail::JsonReader reader_;
};

}  // namespace
}  // namespace kraken

constinit const VenueType kraken_type{
    .name = "kraken",
    .title = "Kraken",
    .kind = SourceKind::exchange,
    .off_reason = "until quotes are converted between currencies",
    // A heartbeat comes every second in which nothing else does.
    .stream = {.url = "wss://ws.kraken.com/v2",
               .symbols_per_message = 100,
               .message_gap = 500ms,
               .ack_within = 10s},
    .rest = {.url = "https://api.kraken.com/0/public", .max_instruments = 100},
    .history = {.bars_per_request = 720,
                .bars_reach = 12h,
                .trades_per_request = 1000,
                .trades_by = HistoryOffer::TradesBy::time},
    .symbol_of = [](Ticker ticker) { return std::optional(std::string(ticker.view()) + "/USD"); },
    .is_symbol =
        [](std::string_view symbol) {
            const std::size_t slash = symbol.find('/');
            return slash != std::string_view::npos && slash > 0 && slash + 1 < symbol.size() &&
                   symbol.size() <= 30 && std::count_if(symbol.begin(), symbol.end(), [](char c) {
                                              return !((c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'));
                                          }) == 1;
        },
    .currency_of = [](std::string_view symbol) { return currency_behind('/', symbol); },
    .create = [](std::vector<Instrument> instruments, Endpoints endpoints) -> std::unique_ptr<Venue> {
        return std::make_unique<kraken::Kraken>(std::move(instruments), std::move(endpoints));
    },
};

}  // namespace pricewire::feed
