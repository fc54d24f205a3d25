#include "feed/kucoin/kucoin.hpp"

#include <fmt/format.h>

#include <array>
#include <utility>

#include "base/text.hpp"
#include "feed/detail/json_venue.hpp"

namespace pricewire::feed {

using namespace std::chrono_literals;

namespace kucoin {
namespace {

using detail::Fields;
using detail::refuse;
using Kind = ParseError::Kind;

constexpr std::string_view default_url = "wss://ws-api-spot.kucoin.com/";
constexpr std::string_view good_code = "200000";
constexpr std::string_view topic_prefix = "/market/match:";

// Of the classic stream, and the last four of the unified one that is to replace it.
constexpr std::array<std::string_view, 10> frame_names{"id",   "type", "topic",  "subject", "code",
                                                       "data", "T",    "result", "reason",  "message"};
enum FrameField { id, type, topic, subject, code, data, unified, result, reason, message };
constexpr std::array<std::string_view, 5> trade_names{"symbol", "price", "time", "tradeId", "type"};
constexpr std::array<std::string_view, 5> unified_names{"s", "p", "M", "ti", "tradeType"};
enum TradeField { symbol, price, time, trade_id, trade_type };
constexpr std::array<std::string_view, 3> answer_names{"code", "msg", "data"};
// Of one symbol, which the answer does not name, and of all.
constexpr std::array<std::string_view, 5> one_names{"price", "bestBid", "bestBidSize", "bestAsk",
                                                    "bestAskSize"};
constexpr std::array<std::string_view, 6> all_names{"last", "buy",         "bestBidSize",
                                                    "sell", "bestAskSize", "symbol"};

bool is_symbol_char(char c) {
    return is_upper(c) || is_digit(c) || c == '-';
}

std::string own_error_text(std::string_view number, std::string_view words) {
    return fmt::format("KuCoin's error {}: {}", snippet(detail::digits_of(number)),
                       snippet(detail::digits_of(words)));
}
bool limits_rate(std::string_view number) {
    return detail::digits_of(number) == "429000" || detail::digits_of(number) == "429";
}

class KucoinStream final : public detail::JsonStream {
public:
    using JsonStream::JsonStream;

    ParseResult parse(std::string_view bytes, Timestamp received_at, StreamOutput& out) override {
        Fields frame(frame_names);
        Fields trade(trade_names);
        Fields unified_trade(unified_names);
        const auto over = read(bytes, [&](std::string_view key, detail::JsonValue value) -> detail::Step {
            // An error has a text there, a push an object.
            if (key == "data" || key == "d") {
                detail::ondemand::json_type kind{};
                if (const auto error = value.type().get(kind)) return error;
                if (kind == detail::ondemand::json_type::object)
                    return key == "d" ? detail::collect(value, unified_trade) : detail::collect(value, trade);
            }
            frame.take(key, value);
            return simdjson::SUCCESS;
        });
        if (over) return *over;
        if (frame.contradictory() || trade.contradictory() || unified_trade.contradictory())
            return duplicate_field();
        if (!frame[unified].empty()) return on_unified_push(frame, unified_trade, received_at, out);
        const auto what = detail::plain_string(frame[type]);
        if (what == "message") return on_push(frame, trade, received_at, out);
        if (what == "error") return on_error(frame, out);
        return on_answer(what, frame, out);
    }

private:
    ParseResult on_answer(std::optional<std::string_view> what, const Fields<10>& frame, StreamOutput& out) {
        const auto number = detail::id_of(frame[id]);
        const std::string_view accepted = detail::trimmed(frame[result]);
        if (what == "welcome" || (!what && detail::plain_string(frame[message]) == "welcome")) {
            out.events.push_back(Greeting{});
        } else if (what == "ack" || (!what && accepted == "true")) {
            out.events.push_back(MessageAcknowledged{number});
        } else if (!what && accepted == "false") {
            refuse_message(number, frame[code], frame[reason], out);
        } else if (what == "pong") {
            out.events.push_back(Alive{});
        } else if (!what) {
            return unknown_shape();
        }
        return Parsed{};
    }

    // One unknown symbol fails the whole message. An error that is not about one of ours is about the connection:
    // 401, "token is expired".
    ParseResult on_error(const Fields<10>& frame, StreamOutput& out) {
        const auto number = detail::id_of(frame[id]);
        if (limits_rate(frame[code])) {
            out.events.push_back(RateLimited{own_error_text(frame[code], frame[data])});
        } else if (number && detail::digits_of(frame[code]) != "401") {
            refuse_message(number, frame[code], frame[data], out);
        } else {
            return refuse(Kind::venue_error, own_error_text(frame[code], frame[data]));
        }
        return Parsed{};
    }

    void refuse_message(std::optional<std::uint64_t> number, std::string_view why, std::string_view words,
                        StreamOutput& out) {
        out.events.push_back(MessageRefused{number, own_error_text(why, words),
                                            instrument_in(detail::digits_of(words), is_symbol_char)});
    }

    ParseResult on_push(const Fields<10>& frame, const Fields<5>& trade, Timestamp received_at,
                        StreamOutput& out) {
        const std::string_view name = detail::plain_string(frame[topic]).value_or("");
        if (!name.starts_with(topic_prefix)) return name.empty() ? ParseResult(unknown_shape()) : Parsed{};
        if (detail::plain_string(frame[subject]) != "trade.l3match") return Parsed{};
        const bool is_match = trade[trade_type].empty() || detail::plain_string(trade[trade_type]) == "match";
        if (!is_match) return Parsed{};
        return on_trade(name.substr(topic_prefix.size()), name, trade, received_at, out);
    }

    ParseResult on_unified_push(const Fields<10>& frame, const Fields<5>& trade, Timestamp received_at,
                                StreamOutput& out) {
        if (detail::plain_string(frame[unified]) != "trade.SPOT") return Parsed{};
        const std::string_view name = detail::digits_of(trade[symbol]);
        return on_trade(name, name, trade, received_at, out);
    }

    ParseResult on_trade(std::string_view wanted, std::string_view name, const Fields<5>& trade,
                         Timestamp received_at, StreamOutput& out) {
        const auto instrument = venue_.find(wanted);
        if (!instrument || detail::plain_string(trade[symbol]) != wanted) return not_requested(name);
        Parsed parsed;
        add_trade(*instrument,
                  detail::trade_in(trade[price], trade[time], detail::market_time_in_nanoseconds(trade[time]),
                                   trade[trade_id]),
                  received_at, out, parsed);
        return parsed;
    }
};

class Kucoin final : public detail::JsonVenue {
public:
    using JsonVenue::JsonVenue;

    std::optional<AddressRequest> address_request() const override {
        if (endpoints().rest_url.empty()) return std::nullopt;
        return AddressRequest{.url = endpoints().rest_url + "/api/v1/bullet-public", .post = true};
    }

    // {"code":"200000","data":{"token":"…","instanceServers":[{"endpoint":"wss://…","protocol":"websocket", …}]}}
    std::expected<std::string, ParseError> parse_address(std::string_view body) const override {
        detail::JsonReader reader;
        Fields frame(answer_names);
        std::string token, endpoint;
        const auto over = detail::read_object(
            reader, body, "an answer", [&](std::string_view key, detail::JsonValue value) -> detail::Step {
                if (key == "data") return read_bootstrap(value, token, endpoint);
                frame.take(key, value);
                return simdjson::SUCCESS;
            });
        if (over && !*over) return std::unexpected(over->error());
        if (detail::digits_of(frame[0]) != good_code) {
            return refuse(limits_rate(frame[0]) ? Kind::rate_limited : Kind::venue_error,
                          own_error_text(frame[0], frame[1]));
        }
        // An address of the operator's own is taken before the venue's.
        if (endpoints().ws_url != default_url) endpoint = endpoints().ws_url;
        const bool is_safe = endpoint.starts_with("wss://") || !endpoints().rest_url.starts_with("https://");
        if (token.empty() || endpoint.empty() || !is_safe)
            return refuse(Kind::wrong_shape, "an answer without a token or an address");
        return fmt::format("{}{}token={}&connectId=pricewire", endpoint,
                           endpoint.find('?') == std::string::npos ? "?" : "&", percent_encode(token));
    }

    std::string keep_alive_text(Timestamp now) const override {
        return fmt::format(R"({{"id":"{}","type":"ping"}})", to_micros(now));
    }
    std::unique_ptr<StreamParser> create_parser() const override {
        return std::make_unique<KucoinStream>(*this);
    }

private:
    std::string subscription_message(std::string_view verb, std::span<const std::size_t> asked,
                                     const SubscribeMessage& message) const override {
        return fmt::format(
            R"({{"id":"{}","type":"{}","topic":"{}{}","privateChannel":false,"response":true}})",
            message.number, verb, topic_prefix,
            list(asked, ",", [&](std::size_t i) { return instruments()[i].symbol; }));
    }

    static detail::Step read_bootstrap(detail::JsonValue value, std::string& token, std::string& endpoint) {
        detail::ondemand::object object;
        if (const auto error = value.get_object().get(object)) return error;
        for (auto field : object) {
            std::string_view key, text;
            if (const auto error = field.unescaped_key().get(key)) return error;
            if (key == "token") {
                if (const auto error = field.value().get_string().get(text)) return error;
                token = text;
            } else if (key == "instanceServers") {
                detail::ondemand::array servers;
                if (const auto error = field.value().get_array().get(servers)) return error;
                for (auto server : servers) {
                    if (const auto error = server["endpoint"].get_string().get(text)) return error;
                    if (endpoint.empty()) endpoint = text;
                }
            }
        }
        return simdjson::SUCCESS;
    }

    // A request is for one symbol or for all; there is none for several.
    std::string rest_path(std::span<const std::size_t> asked) const override {
        asked_.assign(asked.begin(), asked.end());
        return one_or_all(asked, "/api/v1/market/orderbook/level1?symbol=", "/api/v1/market/allTickers");
    }

    // {"code":"200000","data":{"price":"65000.1","bestAsk":"65000.2", …}}, or of all
    // {"code":"200000","data":{"time":…,"ticker":[{"symbol":"BTC-USDT","last":"65000.1", …}, …]}}
    std::optional<ParseResult> read_answer(detail::Answer& answer) override {
        Fields frame(answer_names);
        Fields one(one_names);
        rows_.clear();
        bool is_all = false;
        const auto over = read(answer, [&](std::string_view key, detail::JsonValue value) -> detail::Step {
            bool is_null = false;
            if (key != "data" || (!value.is_null().get(is_null) && is_null)) {
                frame.take(key, value);
                return simdjson::SUCCESS;
            }
            detail::ondemand::object object;
            if (const auto error = value.get_object().get(object)) return error;
            for (auto field : object) {
                std::string_view name;
                if (const auto error = field.unescaped_key().get(name)) return error;
                if (name == "ticker") {
                    is_all = true;
                    if (const auto error = detail::collect_rows(field.value(), all_names, rows_))
                        return error;
                } else {
                    one.take(name, field.value());
                }
            }
            return simdjson::SUCCESS;
        });
        if (over) return over;
        const auto state = detail::plain_string(frame[0]);
        if (!state) return unknown_shape(answer);
        if (state != good_code) return own_error(frame);
        if (is_all) {
            for (const Fields<6>& row : rows_) {
                if (const auto instrument = find(detail::plain_string(row[5]).value_or("")))
                    add(answer, *instrument, row);
            }
        } else if (!one.any()) {
            return refuse(Kind::unknown_symbol, "KuCoin has no price of it");
        } else if (asked_.size() != 1) {
            return unknown_shape(answer);
        } else {
            add(answer, asked_.front(), one);
        }
        return std::nullopt;
    }

    // The time of an answer is its own. While a pair is traded, its book moves.
    template <std::size_t N>
    void add(detail::Answer& answer, std::size_t instrument, const Fields<N>& row) {
        const std::size_t life = life_in(row, {1, 2, 3, 4});
        const auto last = detail::price_in(row, 0);
        add_untimed_price(answer, instrument, instruments()[instrument].symbol, last, row[0], life);
    }

    static std::unexpected<ParseError> own_error(const Fields<3>& frame) {
        const bool is_symbol = lower_case(detail::digits_of(frame[1])).find("symbol") != std::string::npos;
        return refuse(limits_rate(frame[0]) ? Kind::rate_limited
                      : is_symbol           ? Kind::unknown_symbol
                                            : Kind::venue_error,
                      own_error_text(frame[0], frame[1]));
    }

    // By the last request: an answer about one symbol does not name it.
    mutable std::vector<std::size_t> asked_;
    std::vector<Fields<6>> rows_;
};

}  // namespace
}  // namespace kucoin

constinit const VenueType kucoin_type{
    .name = "kucoin",
    .title = "KuCoin",
    .kind = SourceKind::exchange,
    .weight = 2,
    .stream = {.url = kucoin::default_url,
               .symbols_per_message = 100,
               .message_gap = 150ms,  // 100 messages in 10 s are allowed
               .greets = true,
               .ack_within = 10s,
               // Closed 28 s after the last one.
               .keep_alive = {.every = 10s, .always = true},
               // Its tokens are good for 24 h.
               .renew_from = 23h + 10min,
               .renew_to = 23h + 40min},
    .rest = {.url = "https://api.kucoin.com", .max_answer = 2 * 1024 * 1024},
    .listings = {.path = "/api/v2/symbols", .parse = kucoin::parse_listings},
    .past = {.candles_per_request = 1500,
             .least_gap = 200ms,
             .candles_url = kucoin::candles_url,
             .parse_candles = kucoin::parse_candles},
    .symbol_of = [](Ticker ticker) { return usdt_market(ticker, "-"); },
    .is_symbol =
        [](std::string_view symbol) {
            return symbol.size() >= 3 && detail::consists_of(symbol, kucoin::is_symbol_char);
        },
    .currency_of = [](std::string_view symbol) { return currency_behind('-', symbol); },
    .create = detail::create<kucoin::Kucoin, kucoin_type>,
};

}  // namespace pricewire::feed
