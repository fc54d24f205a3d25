#include "feed/bitfinex/bitfinex.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/text.hpp"
#include "feed/detail/json_venue.hpp"

namespace pricewire::feed {

using namespace std::chrono_literals;

namespace bitfinex {
namespace {

using detail::Fields;
using detail::refuse;
using detail::ondemand::json_type;
using Kind = ParseError::Kind;

constexpr std::array<std::string_view, 7> frame_names{"event", "channel", "chanId",  "symbol",
                                                      "msg",   "code",    "platform"};
enum FrameField { event, channel, chan_id, symbol, message, code, platform };
constexpr std::array<std::string_view, 1> platform_names{"status"};

// How Bitfinex writes some coins. Source: its map "pub:map:currency:sym".
struct Code {
    std::string_view coin, code;
};
constexpr std::array<Code, 12> codes{{{"USDT", "UST"},
                                      {"USDC", "UDC"},
                                      {"TUSD", "TSD"},
                                      {"ATOM", "ATO"},
                                      {"DASH", "DSH"},
                                      {"IOTA", "IOT"},
                                      {"MANA", "MNA"},
                                      {"QTUM", "QTM"},
                                      {"AMPL", "AMP"},
                                      {"STORJ", "STJ"},
                                      {"WBTC", "WBT"},
                                      {"VSYS", "VSY"}}};
std::string_view code_of(std::string_view coin) {
    const auto found = std::ranges::find(codes, coin, &Code::coin);
    return found == codes.end() ? coin : found->code;
}

// "USD" of "tBTCUSD" and of "tDOGE:USD"
std::string_view quote_code(std::string_view symbol) {
    const std::size_t colon = symbol.rfind(':');
    if (colon != std::string_view::npos) return symbol.substr(colon + 1);
    return symbol.size() > 3 ? symbol.substr(symbol.size() - 3) : std::string_view();
}
Currency currency_of(std::string_view symbol) {
    return coin_of(quote_code(symbol));
}

bool is_capital(char c) {
    return is_upper(c) || is_digit(c);
}
// "tBTCUSD", "tDOGE:USD"; what ends in F0 is a perpetual contract.
bool is_symbol(std::string_view symbol) {
    if (!symbol.starts_with('t') || symbol.size() > 30) return false;
    const std::size_t colon = symbol.find(':');
    const auto is_name = [](std::string_view part) { return detail::consists_of(part, is_capital); };
    if (colon == std::string_view::npos) return symbol.size() == 7 && is_name(symbol.substr(1));
    return is_name(symbol.substr(1, colon - 1)) && is_name(symbol.substr(colon + 1)) &&
           !symbol.ends_with("F0");
}

bool is_limit(std::optional<std::int64_t> code, std::string_view words) {
    return code == 11010 || words.find("ratelimit") != std::string_view::npos ||
           words.find("RATE_LIMIT") != std::string_view::npos;
}

class BitfinexStream final : public detail::JsonStream {
public:
    using JsonStream::JsonStream;

    // A channel that is still open brings nothing any more.
    void forget(std::size_t instrument) override {
        JsonStream::forget(instrument);
        for (Channel& channel : channels_) {
            if (channel.instrument == instrument) channel.instrument.reset();
        }
    }
    std::optional<std::uint64_t> channel_id(std::size_t instrument) const override {
        const auto found = std::ranges::find(channels_, std::optional(instrument), &Channel::instrument);
        if (found == channels_.end()) return std::nullopt;
        return static_cast<std::uint64_t>(found->id);
    }
    ParseResult parse(std::string_view bytes, Timestamp received_at, StreamOutput& out) override {
        const std::size_t first = bytes.find_first_not_of(" \t\r\n");
        if (first != std::string_view::npos && bytes[first] == '[') return on_list(bytes, received_at, out);
        Fields frame(frame_names);
        Fields status(platform_names);
        const auto over = read(bytes, [&](std::string_view key, detail::JsonValue value) -> detail::Step {
            if (key == "platform") return detail::collect(value, status);
            frame.take(key, value);
            return simdjson::SUCCESS;
        });
        if (over) return *over;
        if (frame.contradictory()) return duplicate_field();
        const auto what = detail::plain_string(frame[event]);
        if (!what) return unknown_shape();
        if (*what == "info") {
            on_info(detail::plain_integer(frame[code]), detail::trimmed(status[0]) == "0", out);
        } else if (*what == "subscribed") {
            return on_subscribed(frame, out);
        } else if (*what == "unsubscribed") {
            if (const auto id = detail::plain_integer(frame[chan_id]))
                std::erase_if(channels_, [&](const Channel& known) { return known.id == *id; });
        } else if (*what == "error") {
            return on_error(frame, out);
        } else if (*what == "pong") {
            out.events.push_back(Alive{});
        }
        return Parsed{};
    }

private:
    // The first elements of a list; flags add further ones.
    struct Row {
        std::array<std::string_view, 4> tokens;  // id, time, amount, price
    };
    struct Channel {
        std::int64_t id = 0;
        std::optional<std::size_t> instrument;  // nullopt: not trades, or not requested
    };

    const Channel* find_channel(std::int64_t id) const {
        const auto found = std::ranges::find(channels_, id, &Channel::id);
        return found == channels_.end() ? nullptr : &*found;
    }

    void on_info(std::optional<std::int64_t> number, bool is_closed, StreamOutput& out) {
        if (number == 20051) {
            out.events.push_back(ServerLeaves{});
        } else if (number == 20060 || is_closed) {
            out.events.push_back(Maintenance{is_closed ? "its platform is closed" : "its notice 20060"});
        } else if (number == 20061) {
            // Channels from before have to be given up.
            for (const Channel& channel : channels_)
                out.events.push_back(
                    Reply{fmt::format(R"({{"event":"unsubscribe","chanId":{}}})", channel.id)});
            out.events.push_back(Resubscribe{});
        } else {
            out.events.push_back(Alive{});
        }
    }

    // From now on frames carry the number of the channel alone.
    ParseResult on_subscribed(const Fields<7>& frame, StreamOutput& out) {
        const auto id = detail::plain_integer(frame[chan_id]);
        if (!id || channels_.size() >= most_channels) return unknown_shape();
        const bool has_trades = detail::plain_string(frame[channel]) == "trades";
        const auto instrument =
            has_trades ? venue_.find(detail::plain_string(frame[symbol]).value_or("")) : std::nullopt;
        std::erase_if(channels_, [&](const Channel& known) {
            return known.id == *id || (instrument && known.instrument == instrument);
        });
        channels_.push_back({*id, instrument});
        if (instrument) out.events.push_back(Acknowledged{*instrument});
        return Parsed{};
    }

    ParseResult on_error(const Fields<7>& frame, StreamOutput& out) {
        const auto number = detail::plain_integer(frame[code]);
        const std::string_view words = detail::digits_of(frame[message]);
        const std::string why =
            fmt::format("Bitfinex's error {}: {}", snippet(detail::trimmed(frame[code])), snippet(words));
        const auto instrument = venue_.find(detail::plain_string(frame[symbol]).value_or(""));
        if (is_limit(number, words)) {
            out.events.push_back(RateLimited{why});
        } else if (instrument && number == 10301) {
            out.events.push_back(Acknowledged{*instrument});  // subscribed already
        } else if (instrument) {
            out.events.push_back(SymbolRefused{*instrument, why});
        } else if (number && *number >= 10300 && *number < 10400) {
            out.events.push_back(MessageRefused{std::nullopt, why, std::nullopt});
        } else if (number != 10400) {  // a channel that is unsubscribed already
            return refuse(Kind::venue_error, why);
        }
        return Parsed{};
    }

    // [17470,"te",[id,ms,amount,price]], [17470,"hb"] or, on subscribing, [17470,[[id,ms,amount,price], …]];
    // behind that comes the number of the frame.
    ParseResult on_list(std::string_view bytes, Timestamp received_at, StreamOutput& out) {
        std::int64_t id = 0;
        std::string_view kind;
        std::optional<std::int64_t> number;
        const Channel* channel = nullptr;
        rows_.clear();
        const auto over = read_list(bytes, [&](std::size_t index, detail::JsonValue value) -> detail::Step {
            json_type type{};
            if (const auto error = value.type().get(type)) return error;
            if (type == json_type::array) {
                if (index == 0) return unknown_shape();
                if (channel == nullptr || !channel->instrument) return simdjson::SUCCESS;
                if (index == 1) return read_rows(value);
                return index == 2 && kind == "te" ? read_row(value) : simdjson::SUCCESS;
            }
            std::string_view token;
            if (const auto error = value.raw_json_token().get(token)) return error;
            if (index == 0) {
                const auto parsed = detail::plain_integer(token);
                if (!parsed) return unknown_shape();
                channel = find_channel(id = *parsed);
            } else if (index == 1) {
                const auto text = detail::plain_string(token);
                if (!text) return unknown_shape();
                kind = *text;
            } else if (!number && kind != "cs") {
                number = detail::plain_integer(token);
            }
            return simdjson::SUCCESS;
        });
        if (over) return *over;
        note_sequence(number, out);
        if (kind == "hb") out.events.push_back(Alive{});
        if (channel == nullptr && kind == "te") return not_requested(fmt::format("channel {}", id));
        if (channel == nullptr || !channel->instrument) return Parsed{};
        return on_trades(*channel->instrument, kind == "te", received_at, out);
    }

    // Those of a snapshot; the newest comes first.
    simdjson::error_code read_rows(detail::JsonValue list) {
        detail::ondemand::array rows;
        if (const auto error = list.get_array().get(rows)) return error;
        for (auto row : rows) {
            if (const auto error = read_row(row)) return error;
        }
        return simdjson::SUCCESS;
    }

    simdjson::error_code read_row(detail::JsonValue list) {
        detail::ondemand::array elements;
        if (const auto error = list.get_array().get(elements)) return error;
        Row& row = rows_.emplace_back();
        std::size_t i = 0;
        for (auto element : elements) {
            std::string_view token;
            if (const auto error = element.raw_json_token().get(token)) return error;
            if (i < row.tokens.size()) row.tokens[i++] = token;
        }
        return simdjson::SUCCESS;
    }

    // It counts the frames of all channels; we ask for it on opening.
    void note_sequence(std::optional<std::int64_t> number, StreamOutput& out) {
        if (!number) return;
        if (sequence_ && *number > *sequence_ + 1) out.events.push_back(LostFrames{});
        sequence_ = number;
    }

    // Each trade comes twice, as "te" at once and as "tu" a moment later, which is not read.
    ParseResult on_trades(std::size_t instrument, bool is_update, Timestamp received_at, StreamOutput& out) {
        detail::bring_oldest_first(rows_, [](const Row& row) { return detail::id_of(row.tokens[0]); });
        Parsed parsed;
        for (const auto& [tokens] : rows_) {
            Quote* quote = add_trade(instrument, detail::trade_in(tokens[3], tokens[1], tokens[0]),
                                     received_at, out, parsed);
            if (quote != nullptr && !is_update) quote->is_live = false;
        }
        return parsed;
    }

    static constexpr std::size_t most_channels = 256;
    std::vector<Channel> channels_;
    std::optional<std::int64_t> sequence_;
    std::vector<Row> rows_;
};

class Bitfinex final : public detail::JsonVenue {
public:
    using JsonVenue::JsonVenue;

    // Numbers all frames.
    std::string opening_message() const override { return R"({"event":"conf","flags":65536})"; }
    std::string subscribe_message(std::span<const std::size_t> asked,
                                  const SubscribeMessage&) const override {
        return fmt::format(R"({{"event":"subscribe","channel":"trades","symbol":"{}"}})",
                           instruments()[asked.front()].symbol);
    }
    std::string unsubscribe_message(std::span<const std::size_t>,
                                    const SubscribeMessage& message) const override {
        return message.channel ? fmt::format(R"({{"event":"unsubscribe","chanId":{}}})", *message.channel)
                               : std::string();
    }
    std::unique_ptr<StreamParser> create_parser() const override {
        return std::make_unique<BitfinexStream>(*this);
    }

private:
    std::string rest_path(std::span<const std::size_t> asked) const override {
        return "/tickers?symbols=" +
               list(asked, "%2C", [&](std::size_t i) { return instruments()[i].symbol; });
    }

    // [["tBTCUSD",bid,bid size,ask,ask size,change,change in %,last,volume,high,low], …], or
    // ["error",code,text]. What it does not know is left out.
    std::optional<ParseResult> read_answer(detail::Answer& answer) override {
        bool is_error = false;
        std::array<std::string_view, 2> problem;  // code, text
        const auto over = read_list(answer, [&](std::size_t index, detail::JsonValue value) -> detail::Step {
            json_type type{};
            if (const auto error = value.type().get(type)) return error;
            if (type == json_type::array && !is_error) return read_ticker(value, answer);
            std::string_view token;
            if (type == json_type::array || type == json_type::object) return unknown_shape(answer);
            if (const auto error = value.raw_json_token().get(token)) return error;
            if (index == 0) is_error = detail::plain_string(token) == "error";
            if (!is_error) return unknown_shape(answer);
            if (index == 1 || index == 2) problem[index - 1] = token;
            return simdjson::SUCCESS;
        });
        if (over || !is_error) return over;
        const auto code = detail::plain_integer(problem[0]);
        const std::string_view words = detail::digits_of(problem[1]);
        const Kind kind = is_limit(code, words)                            ? Kind::rate_limited
                          : words.find("symbol") != std::string_view::npos ? Kind::unknown_symbol
                                                                           : Kind::venue_error;
        return refuse(kind, fmt::format("Bitfinex's error {}: {}", snippet(detail::trimmed(problem[0])),
                                        snippet(words)));
    }

    detail::Step read_ticker(detail::JsonValue value, detail::Answer& answer) {
        constexpr std::size_t last = 7;
        constexpr std::size_t volume = 8;
        detail::ondemand::array figures;
        if (const auto error = value.get_array().get(figures)) return error;
        std::array<std::string_view, volume + 1> tokens;
        std::size_t i = 0;
        // It has no time. While a pair is traded, its book and its volume move.
        std::size_t life = 0;
        for (auto figure : figures) {
            std::string_view token;
            if (const auto error = figure.raw_json_token().get(token)) return error;
            if (i == tokens.size()) continue;
            tokens[i] = detail::trimmed(token);
            if ((i >= 1 && i <= 4) || i == volume) life = with(life, tokens[i]);
            ++i;
        }
        const std::string_view symbol = detail::digits_of(tokens[0]);
        add_untimed_price(answer, find(symbol), symbol, detail::price_of(detail::digits_of(tokens[last])),
                          tokens[last], life);
        return simdjson::SUCCESS;
    }
};

}  // namespace

std::string_view coin_of(std::string_view code) {
    const auto found = std::ranges::find(codes, code, &Code::code);
    return found == codes.end() ? code : found->coin;
}

}  // namespace bitfinex

constinit const VenueType bitfinex_type{
    .name = "bitfinex",
    .title = "Bitfinex",
    .kind = SourceKind::exchange,
    .weight = 2,
    .stream = {.url = "wss://api-pub.bitfinex.com/ws/2",
               .max_instruments = 20,  // 25 channels, or 30, are allowed on a connection
               .symbols_per_message = 1,
               .message_gap = 100ms,
               .ack_within = 10s,
               // Each channel has a heartbeat every 15 s.
               .silence_limit = 40s,
               .deaf_limit = 3min},
    .rest = {.url = "https://api-pub.bitfinex.com/v2",
             .max_instruments = 100,
             .least_interval = 2s,
             .least_interval_reason = "Bitfinex allows 30 requests a minute"},
    .listings = {.path = "/conf/pub:list:pair:exchange,pub:map:currency:sym",
                 .parse = bitfinex::parse_listings},
    .past = {.candles_per_request = 10'000,
             // Some of its requests are allowed 15 times a minute, candles 30 times.
             .least_gap = 4s,
             .candles_url = bitfinex::candles_url,
             .parse_candles = bitfinex::parse_candles,
             .trades_url = bitfinex::trades_url,
             .parse_trades = bitfinex::parse_trades},
    .symbol_of = [](Ticker ticker) -> std::optional<std::string> {
        if (ticker == "USD") return std::nullopt;
        const std::string_view code = bitfinex::code_of(ticker.view());
        return fmt::format("t{}{}USD", code, code.size() == 3 ? "" : ":");
    },
    .is_symbol = bitfinex::is_symbol,
    .currency_of = bitfinex::currency_of,
    .create = detail::create<bitfinex::Bitfinex, bitfinex_type>,
};

}  // namespace pricewire::feed
