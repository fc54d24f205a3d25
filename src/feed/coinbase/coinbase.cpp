#include "feed/coinbase/coinbase.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/text.hpp"
#include "feed/detail/json_venue.hpp"

namespace pricewire::feed {

using namespace std::chrono_literals;

namespace coinbase {
namespace {

using detail::Fields;
using detail::leave_out;
using detail::refuse;
using Kind = ParseError::Kind;

constexpr std::string_view trades_channel = "market_trades";

constexpr std::array<std::string_view, 4> frame_names{"channel", "type", "message", "sequence_num"};
enum FrameField { channel, type, message, sequence_num };
constexpr std::array<std::string_view, 4> trade_names{"product_id", "price", "time", "trade_id"};
enum TradeField { product_id, price, trade_time, trade_id };
constexpr std::array<std::string_view, 9> product_names{"product_id",       "price",        "status",
                                                        "trading_disabled", "is_disabled",  "view_only",
                                                        "cancel_only",      "auction_mode", "post_only"};
enum ProductField { name, last_price, status, first_flag };
constexpr std::array<std::string_view, 3> error_names{"error", "message", "error_details"};

bool is_symbol_char(char c) {
    return is_upper(c) || is_digit(c) || c == '-';
}

bool is_limit(std::string_view words) {
    const std::string lower = lower_case(words);
    return lower.find("rate limit") != std::string::npos || lower.find("too many") != std::string::npos ||
           lower.find("rate_limit") != std::string::npos;
}

std::optional<Timestamp> time_of(std::string_view token) {
    const auto text = detail::plain_string(token);
    const auto time = parse_rfc3339(text.value_or(""));
    return time && detail::market_time(to_micros(*time) / 1000) ? std::optional(*time) : std::nullopt;
}

class CoinbaseStream final : public detail::JsonStream {
public:
    explicit CoinbaseStream(const Venue& venue) : JsonStream(venue), ids_(venue.instruments().size()) {}

    void forget(std::size_t instrument) override {
        JsonStream::forget(instrument);
        ids_.forget(instrument);
    }
    ParseResult parse(std::string_view bytes, Timestamp received_at, StreamOutput& out) override {
        Fields frame(frame_names);
        rows_.clear();
        subscribed_.clear();
        bool has_events = false;
        const auto over = read(bytes, [&](std::string_view key, detail::JsonValue value) -> detail::Step {
            if (key == "events") {
                if (std::exchange(has_events, true)) return duplicate_field();
                const auto name = detail::plain_string(frame[channel]);
                // Books are long: what was not requested is skipped.
                if (name && name != trades_channel && name != "subscriptions") return simdjson::SUCCESS;
                return read_events(value);
            }
            frame.take(key, value);
            return simdjson::SUCCESS;
        });
        if (over) return *over;
        if (frame.contradictory()) return duplicate_field();
        const auto name = detail::plain_string(frame[channel]);
        if (!name) return on_other(frame, out);
        note_sequence(frame[sequence_num], out);
        if (*name == "heartbeats") {
            out.events.push_back(Alive{});
        } else if (*name == "subscriptions") {
            for (const std::string_view token : subscribed_) {
                if (const auto instrument = venue_.find(detail::plain_string(token).value_or("")))
                    out.events.push_back(Acknowledged{*instrument});
            }
        } else if (*name == trades_channel) {
            return on_trades(received_at, out);
        }
        return Parsed{};
    }

private:
    struct Row {
        Fields<4> trade;
        bool is_update;
    };

    simdjson::error_code read_events(detail::JsonValue list) {
        detail::ondemand::array events;
        if (const auto error = list.get_array().get(events)) return error;
        for (auto event : events) {
            detail::ondemand::object object;
            if (const auto error = event.get_object().get(object)) return error;
            if (const auto error = read_event(object)) return error;
        }
        return simdjson::SUCCESS;
    }

    // The type, which says whether its trades are new, may stand behind them.
    simdjson::error_code read_event(detail::ondemand::object event) {
        const std::size_t first = rows_.size();
        bool is_update = false;
        for (auto field : event) {
            std::string_view key;
            if (const auto error = field.unescaped_key().get(key)) return error;
            if (key == "trades") {
                if (const auto error = read_trades(field.value())) return error;
            } else if (key == "subscriptions") {
                if (const auto error = read_subscriptions(field.value())) return error;
            } else if (key == "type") {
                std::string_view token;
                if (const auto error = field.value().raw_json_token().get(token)) return error;
                is_update = detail::plain_string(token) == "update";
            }
        }
        for (std::size_t i = first; i < rows_.size(); ++i) rows_[i].is_update = is_update;
        return simdjson::SUCCESS;
    }

    simdjson::error_code read_trades(detail::JsonValue list) {
        detail::ondemand::array trades;
        if (const auto error = list.get_array().get(trades)) return error;
        for (auto element : trades) {
            detail::ondemand::object trade;
            if (const auto error = element.get_object().get(trade)) return error;
            rows_.push_back({Fields(trade_names), false});
            if (const auto error = detail::collect(trade, rows_.back().trade)) return error;
        }
        return simdjson::SUCCESS;
    }

    // {"market_trades":["BTC-USD"],"heartbeats":["heartbeats"]}: all that the connection is subscribed to.
    simdjson::error_code read_subscriptions(detail::JsonValue value) {
        detail::ondemand::object channels;
        if (const auto error = value.get_object().get(channels)) return error;
        for (auto field : channels) {
            std::string_view key;
            if (const auto error = field.unescaped_key().get(key)) return error;
            if (key != trades_channel) continue;
            detail::ondemand::array products;
            if (const auto error = field.value().get_array().get(products)) return error;
            for (auto product : products) {
                std::string_view token;
                if (const auto error = product.raw_json_token().get(token)) return error;
                subscribed_.push_back(token);
            }
        }
        return simdjson::SUCCESS;
    }

    // An error has no channel, as have the frames of the Exchange feed, which is another interface.
    ParseResult on_other(const Fields<4>& frame, StreamOutput& out) {
        const auto kind = detail::plain_string(frame[type]);
        if (!kind) return unknown_shape();
        if (*kind != "error") return refuse_once("a frame of the Exchange feed, not of Advanced Trade");
        const std::string_view words = detail::digits_of(frame[message]);
        const std::string why = fmt::format("Coinbase's error: {}", snippet(words));
        if (is_limit(words)) {
            out.events.push_back(RateLimited{why});
        } else {
            out.events.push_back(MessageRefused{std::nullopt, why, instrument_in(words, is_symbol_char)});
        }
        return Parsed{};
    }

    // It counts the frames of all channels of the connection.
    void note_sequence(std::string_view token, StreamOutput& out) {
        const auto number = detail::plain_integer(detail::digits_of(token));
        if (!number) return;
        if (sequence_ && *number > *sequence_ + 1) out.events.push_back(LostFrames{});
        sequence_ = number;
    }

    ParseResult on_trades(Timestamp received_at, StreamOutput& out) {
        detail::bring_oldest_first(rows_, [](const Row& row) {
            return std::pair(time_of(row.trade[trade_time]), detail::id_of(row.trade[trade_id]));
        });
        Parsed parsed;
        for (const auto& [row, is_update] : rows_) {
            const std::string_view product = detail::digits_of(row[product_id]);
            const auto instrument = venue_.find(product);
            if (!instrument || row.contradictory()) {
                leave_out(parsed, fmt::format("a trade of '{}', which was not requested", snippet(product)));
                continue;
            }
            Quote* quote = add_trade(
                *instrument,
                detail::trade_in(row[price], row[trade_time], time_of(row[trade_time]), row[trade_id]),
                received_at, out, parsed);
            if (quote == nullptr) continue;
            if (!is_update) quote->is_live = false;
            if (is_update && quote->trade_id) ids_.note(*instrument, *quote->trade_id, out.events);
        }
        return parsed;
    }

    detail::TradeIds ids_;
    std::optional<std::int64_t> sequence_;
    std::vector<Row> rows_;
    std::vector<std::string_view> subscribed_;
};

class Coinbase final : public detail::JsonVenue {
public:
    using JsonVenue::JsonVenue;

    // Without heartbeats a connection on which nothing is traded is closed.
    std::string opening_message() const override { return R"({"type":"subscribe","channel":"heartbeats"})"; }
    std::unique_ptr<StreamParser> create_parser() const override {
        return std::make_unique<CoinbaseStream>(*this);
    }

private:
    // One that unsubscribes is answered by the list of what is still subscribed.
    std::string subscription_message(std::string_view verb, std::span<const std::size_t> asked,
                                     const SubscribeMessage&) const override {
        return fmt::format(
            R"({{"type":"{}","product_ids":[{}],"channel":"{}"}})", verb,
            list(asked, ",", [&](std::size_t i) { return '"' + instruments()[i].symbol + '"'; }),
            trades_channel);
    }
    std::string rest_path(std::span<const std::size_t> asked) const override {
        return "/products?" +
               list(asked, "&", [&](std::size_t i) { return "product_ids=" + instruments()[i].symbol; });
    }

    // {"products":[{"product_id":"BTC-USD","price":"65000.01","status":"online", …}, …], …}, or an error.
    std::optional<ParseResult> read_answer(detail::Answer& answer) override {
        Fields problem(error_names);
        rows_.clear();
        bool has_products = false;
        if (const auto over =
                read(answer, [&](std::string_view key, detail::JsonValue value) -> detail::Step {
                    if (key != "products") {
                        problem.take(key, value);
                        return simdjson::SUCCESS;
                    }
                    has_products = true;
                    return detail::collect_rows(value, product_names, rows_);
                }))
            return over;
        if (!problem[0].empty() || (!has_products && !problem[1].empty())) return own_error(problem);
        if (!has_products) return unknown_shape(answer);
        for (const Fields<9>& row : rows_) {
            // A price stays in the answer when nobody can trade at it any more.
            if (!row.contradictory() && !is_traded(row)) continue;
            const std::string_view product = detail::digits_of(row[name]);
            const auto value = detail::price_in(row, last_price);
            add_untimed_price(answer, find(product), product, value, row[last_price], std::nullopt);
        }
        return std::nullopt;
    }

    static bool is_traded(const Fields<9>& row) {
        for (std::size_t i = first_flag; i < product_names.size(); ++i) {
            if (detail::trimmed(row[i]) == "true") return false;
        }
        return detail::plain_string(row[status]) == "online";
    }

    static std::unexpected<ParseError> own_error(const Fields<3>& problem) {
        const std::string_view what = detail::digits_of(problem[0]);
        const std::string_view words = detail::digits_of(problem[1]);
        const Kind kind = is_limit(what) || is_limit(words)                   ? Kind::rate_limited
                          : what == "INVALID_ARGUMENT" || what == "NOT_FOUND" ? Kind::unknown_symbol
                                                                              : Kind::venue_error;
        return refuse(kind, fmt::format("Coinbase's error {}: {}", snippet(what), snippet(words)));
    }

    std::vector<Fields<9>> rows_;
};

// "BTC-USD"; what is "-USDC" there is another name of "-USD", and its trades come under that.
bool is_symbol(std::string_view symbol) {
    const std::size_t dash = symbol.find('-');
    const auto is_name = [](std::string_view part) {
        return detail::consists_of(part, [](char c) { return is_upper(c) || is_digit(c); });
    };
    return dash != std::string_view::npos && symbol.size() <= 30 && is_name(symbol.substr(0, dash)) &&
           is_name(symbol.substr(dash + 1)) &&
           (!symbol.ends_with("-USDC") || symbol == "USDT-USDC" || symbol == "EURC-USDC");
}

}  // namespace
}  // namespace coinbase

constinit const VenueType coinbase_type{
    .name = "coinbase",
    .title = "Coinbase",
    .kind = SourceKind::exchange,
    // Heartbeats come every second.
    .stream = {.url = "wss://advanced-trade-ws.coinbase.com",
               .symbols_per_message = 100,
               .message_gap = 250ms,  // eight a second are allowed from an address
               .ack_within = 10s},
    .rest = {.url = "https://api.coinbase.com/api/v3/brokerage/market", .max_instruments = 50},
    .listings = {.path = "/products?product_type=SPOT", .parse = coinbase::parse_listings},
    // Its documents say 350 candles; its clients ask for 300.
    .past = {.candles_per_request = 300,
             .least_gap = 250ms,
             .candles_url = coinbase::candles_url,
             .parse_candles = coinbase::parse_candles,
             .trades_url = coinbase::trades_url,
             .parse_trades = coinbase::parse_trades},
    // USDC counts as dollars there, so it has no price.
    .symbol_of = [](Ticker ticker) -> std::optional<std::string> {
        if (ticker == "USD" || ticker == "USDC") return std::nullopt;
        return std::string(ticker.view()) + "-USD";
    },
    .is_symbol = coinbase::is_symbol,
    .currency_of = [](std::string_view symbol) { return currency_behind('-', symbol); },
    .create = detail::create<coinbase::Coinbase, coinbase_type>,
};

}  // namespace pricewire::feed
