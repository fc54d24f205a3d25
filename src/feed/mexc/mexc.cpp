#include "feed/mexc/mexc.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "base/text.hpp"
#include "feed/detail/json_venue.hpp"
#include "feed/detail/protobuf.hpp"

namespace pricewire::feed {

using namespace std::chrono_literals;

namespace mexc {
namespace {

using detail::Fields;
using detail::ProtobufReader;
using detail::refuse;
using Kind = ParseError::Kind;
using Wire = ProtobufReader::Wire;

// "spot@public.aggre.deals.v3.api.pb@100ms@BTCUSDT"
constexpr std::string_view channel_name = "spot@public.aggre.deals.v3.api.pb@";
constexpr std::string_view interval = "100ms@";

// The fields of PushDataV3ApiWrapper, of its body PublicAggreDealsV3Api, and of a deal there.
enum PushField : std::uint32_t { push_channel = 1, push_symbol = 3, push_deals = 314 };
enum BodyField : std::uint32_t { body_deal = 1 };
enum DealField : std::uint32_t { deal_price = 1, deal_time = 4, deal_id = 5 };

constexpr std::array<std::string_view, 2> answer_names{"code", "msg"};
enum AnswerField { code, msg };
constexpr std::array<std::string_view, 8> price_names{"symbol",   "lastPrice", "bidPrice", "bidQty",
                                                      "askPrice", "askQty",    "code",     "msg"};
enum PriceField { symbol, last, bid, bid_size, ask, ask_size, error_code, error_text };

// The symbol of a channel of trades; empty for another one.
std::string_view symbol_in(std::string_view channel) {
    if (!channel.starts_with(channel_name)) return {};
    return channel.substr(channel.rfind('@') + 1);
}

bool says_too_often(std::string_view words) {
    const std::string lower = lower_case(words);
    return lower.find("too many") != std::string::npos || lower.find("frequent") != std::string::npos;
}

struct Deal {
    std::string_view price, id;
    std::optional<std::int64_t> time;
};

class MexcStream final : public detail::JsonStream {
public:
    using JsonStream::JsonStream;

    // Answers are JSON in text messages, trades are binary: no protobuf message of theirs begins with a brace.
    ParseResult parse(std::string_view bytes, Timestamp received_at, StreamOutput& out) override {
        if (bytes.starts_with('{')) return on_answer(bytes, out);
        return on_push(bytes, received_at, out);
    }

private:
    static std::unexpected<ParseError> broken() {
        return refuse(Kind::not_json, "a message that is not valid protobuf");
    }

    // A field that comes twice is a contradiction.
    static bool take_bytes(const ProtobufReader& reader, std::string_view& into) {
        if (reader.wire() != Wire::bytes || !into.empty()) return false;
        into = reader.bytes();
        return true;
    }

    ParseResult on_push(std::string_view bytes, Timestamp received_at, StreamOutput& out) {
        ProtobufReader reader(bytes);
        std::string_view channel, name, body;
        while (reader.next()) {
            if ((reader.field() == push_channel && !take_bytes(reader, channel)) ||
                (reader.field() == push_symbol && !take_bytes(reader, name)) ||
                (reader.field() == push_deals && !take_bytes(reader, body)))
                return unknown_shape();
        }
        if (reader.failed()) return broken();
        if (channel.empty()) return unknown_shape();
        const std::string_view traded = symbol_in(channel);
        if (traded.empty()) return Parsed{};
        const auto instrument = venue_.find(traded);
        if (!instrument || (!name.empty() && name != traded)) return not_requested(channel);
        if (body.empty()) return unknown_shape();
        if (const auto error = read_deals(body)) return *error;
        return on_deals(*instrument, received_at, out);
    }

    std::optional<ParseResult> read_deals(std::string_view body) {
        deals_.clear();
        ProtobufReader reader(body);
        while (reader.next()) {
            if (reader.field() != body_deal) continue;
            if (reader.wire() != Wire::bytes) return unknown_shape();
            ProtobufReader fields(reader.bytes());
            Deal& deal = deals_.emplace_back();
            while (fields.next()) {
                if ((fields.field() == deal_price && !take_bytes(fields, deal.price)) ||
                    (fields.field() == deal_id && !take_bytes(fields, deal.id)))
                    return unknown_shape();
                if (fields.field() != deal_time) continue;
                if (fields.wire() != Wire::varint || deal.time) return unknown_shape();
                deal.time = static_cast<std::int64_t>(fields.number());
            }
            if (fields.failed()) return broken();
        }
        if (reader.failed()) return broken();
        return std::nullopt;
    }

    ParseResult on_deals(std::size_t instrument, Timestamp received_at, StreamOutput& out) {
        detail::bring_oldest_first(deals_, [](const Deal& deal) {
            return std::pair(deal.time, parse_number<std::uint64_t>(deal.id));
        });
        Parsed parsed;
        for (const Deal& deal : deals_) {
            id_token_.assign(1, '"').append(deal.id).append(1, '"');
            add_trade(instrument,
                      {.price = detail::price_of(deal.price),
                       .time = deal.time ? detail::market_time(*deal.time) : std::nullopt,
                       .id = detail::id_of(deal.id),
                       .price_token = deal.price,
                       .time_token = {},
                       .id_token = deal.id.empty() ? std::string_view() : std::string_view(id_token_)},
                      received_at, out, parsed);
        }
        return parsed;
    }

    // {"id":0,"code":0,"msg":"spot@…@BTCUSDT,spot@…@ETHUSDT"}, which names what was accepted, or under the same
    // code "Not Subscribed successfully! [spot@…@FOOUSDT]. Reason: Blocked!"
    ParseResult on_answer(std::string_view bytes, StreamOutput& out) {
        Fields frame(answer_names);
        const auto over = read(bytes, [&](std::string_view key, detail::JsonValue value) -> detail::Step {
            frame.take(key, value);
            return simdjson::SUCCESS;
        });
        if (over) return *over;
        if (frame.contradictory()) return duplicate_field();
        const auto words = detail::plain_string(frame[msg]);
        if (!words || frame[code].empty())
            return refuse_once("JSON instead of protobuf, as of the stream that MEXC gave up in 2025");
        if (*words == "PONG") {
            out.events.push_back(Alive{});
            return Parsed{};
        }
        const std::string text =
            fmt::format("MEXC's answer {}: {}", snippet(detail::trimmed(frame[code])), snippet(*words));
        const std::size_t accepted =
            detail::plain_integer(frame[code]) == 0 ? words->find("Not Subscribed") : 0;
        const bool is_named = read_names(words->substr(0, accepted), nullptr, out);
        if (accepted == std::string_view::npos) {
            if (!is_named && !words->starts_with("spot@"))
                out.events.push_back(MessageRefused{std::nullopt, text, std::nullopt});
            return Parsed{};
        }
        if (says_too_often(*words)) {
            out.events.push_back(RateLimited{text});
        } else if (!read_names(words->substr(accepted), &text, out)) {
            out.events.push_back(MessageRefused{std::nullopt, text, std::nullopt});
        }
        return Parsed{};
    }

    // An event for each of our channels that `words` name, which are refused if there is a reason. Whether there
    // was one.
    bool read_names(std::string_view words, const std::string* why, StreamOutput& out) {
        const auto is_part = [](char c) { return is_alphanumeric(c) || c == '@' || c == '.' || c == '_'; };
        const std::size_t before = out.events.size();
        while (!words.empty()) {
            const auto begin = std::ranges::find_if(words, is_part);
            const auto end = std::find_if_not(begin, words.end(), is_part);
            if (const auto instrument = venue_.find(symbol_in({begin, end}))) {
                if (why != nullptr) {
                    out.events.push_back(SymbolRefused{*instrument, *why});
                } else {
                    out.events.push_back(Acknowledged{*instrument});
                }
            }
            words = {end, words.end()};
        }
        return out.events.size() > before;
    }

    std::vector<Deal> deals_;
    std::string id_token_;
};

class Mexc final : public detail::JsonVenue {
public:
    using JsonVenue::JsonVenue;

    std::unique_ptr<StreamParser> create_parser() const override {
        return std::make_unique<MexcStream>(*this);
    }

private:
    std::string subscription_message(std::string_view verb, std::span<const std::size_t> asked,
                                     const SubscribeMessage&) const override {
        return fmt::format(R"({{"method":"{}","params":[)",
                           verb == "subscribe" ? "SUBSCRIPTION" : "UNSUBSCRIPTION") +
               list(asked, ",",
                    [&](std::size_t i) {
                        return fmt::format(R"("{}{}{}")", channel_name, interval, instruments()[i].symbol);
                    }) +
               "]}";
    }

    // A request is for one symbol or for all; there is none for several.
    std::string rest_path(std::span<const std::size_t> asked) const override {
        return one_or_all(asked, "/api/v3/ticker/24hr?symbol=", "/api/v3/ticker/24hr");
    }

    // [{"symbol":"BTCUSDT","lastPrice":"65000.1","bidPrice":"65000","askPrice":"65000.2", …}, …], one of these
    // alone, or {"code":-1121,"msg":"Invalid symbol."}
    std::optional<ParseResult> read_answer(detail::Answer& answer) override {
        return read_objects(answer, [&](detail::ondemand::object from) -> detail::Step {
            Fields entry(price_names);
            if (const auto error = detail::collect(from, entry)) return error;
            if (!entry[error_code].empty()) return own_error(entry);
            const auto name = detail::plain_string(entry[symbol]);
            if (!name) return unknown_shape(answer);
            const auto instrument = find(*name);
            if (!instrument) return simdjson::SUCCESS;  // the whole market may have been requested
            const auto price = detail::price_in(entry, last);
            // Its times are those of the answer. While a pair is traded, its book moves.
            const std::size_t life = life_in(entry, {bid, bid_size, ask, ask_size});
            add_untimed_price(answer, instrument, *name, price, entry[last], life);
            return simdjson::SUCCESS;
        });
    }

    static std::unexpected<ParseError> own_error(const Fields<8>& entry) {
        const std::string_view number = detail::digits_of(entry[error_code]);
        const std::string_view words = detail::digits_of(entry[error_text]);
        const bool is_symbol = number == "-1121" || lower_case(words).find("symbol") != std::string::npos;
        return refuse(number == "429" || says_too_often(words) ? Kind::rate_limited
                      : is_symbol                              ? Kind::unknown_symbol
                                                               : Kind::venue_error,
                      fmt::format("MEXC's error {}: {}", snippet(number), snippet(words)));
    }
};

}  // namespace
}  // namespace mexc

constinit const VenueType mexc_type{
    .name = "mexc",
    .title = "MEXC",
    .kind = SourceKind::exchange,
    .off_reason = "its volumes are not trusted, and its protobuf stream has not been seen live",
    .weight = 1,
    .stream = {.url = "wss://wbs-api.mexc.com/ws",
               .encoding = Encoding::binary,
               .max_instruments = 30,
               .symbols_per_message = 30,
               .message_gap = 100ms,
               .ack_within = 10s,
               .keep_alive = {.text = R"({"method":"PING"})", .every = 10s, .always = true},
               // It cuts every connection after 24 h.
               .renew_from = 23h + 20min,
               .renew_to = 23h + 50min},
    .rest = {.url = "https://api.mexc.com", .max_answer = 4 * 1024 * 1024},
    .listings = {.path = "/api/v3/exchangeInfo", .parse = mexc::parse_listings},
    .past = {.candles_per_request = 500,
             .least_gap = 200ms,
             .candles_url = mexc::candles_url,
             .parse_candles = mexc::parse_candles,
             .trades_window = 1h,
             .trades_url = mexc::trades_url,
             .parse_trades = mexc::parse_trades},
    .symbol_of = [](Ticker ticker) { return usdt_market(ticker); },
    .is_symbol =
        [](std::string_view symbol) {
            return detail::consists_of(symbol, [](char c) { return is_upper(c) || is_digit(c); });
        },
    .currency_of = currency_at_end,
    .create = detail::create<mexc::Mexc, mexc_type>,
};

}  // namespace pricewire::feed
