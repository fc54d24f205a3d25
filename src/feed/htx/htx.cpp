#include "feed/htx/htx.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/text.hpp"
#include "feed/detail/json.hpp"
#include "feed/refusal.hpp"

namespace pricewire::feed {

using namespace std::chrono_literals;

namespace htx {
namespace {

using detail::Fields;
using detail::leave_out;
using detail::refuse;
using Kind = ParseError::Kind;

// The first push after subscribing may hold the last trade, however old it is.
constexpr Duration old_after = 10s;

constexpr std::array<std::string_view, 8> frame_names{"ping", "ch",       "status",  "subbed",
                                                      "id",   "err-code", "err-msg", "ts"};
enum FrameField { ping, ch, status, subbed, id, err_code, err_msg, ts };
// The field `id` has 27 digits, or an exponent, and is never looked at.
constexpr std::array<std::string_view, 3> trade_names{"price", "ts", "tradeId"};
constexpr std::array<std::string_view, 5> price_names{"symbol", "close", "price", "ts", "trade-id"};

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

class HtxStream final : public StreamParser {
public:
    explicit HtxStream(const Venue& venue) : venue_(venue) {}

    ParseResult parse(std::string_view bytes, Timestamp received_at, StreamOutput& out) override {
        detail::ondemand::document document;
        auto root = detail::open_object(reader_, document, bytes, "a frame");
        if (!root) return std::unexpected(root.error());
        Fields frame(frame_names);
        rows_.clear();
        bool has_trades = false;
        for (auto field : *root) {
            std::string_view key;
            if (field.unescaped_key().get(key)) return refuse(Kind::not_json, "a truncated frame");
            if (key == "tick") {
                // Books and bars are long: what was not requested is not read to its end.
                const auto channel = detail::plain_string(frame[ch]);
                if (channel && symbol_in(*channel).empty()) return Parsed{};
                if (const auto error = read_tick(field.value(), has_trades)) return refuse(error, "a frame");
            } else {
                frame.take(key, field.value());
            }
        }
        if (!detail::at_end(document)) return refuse(Kind::not_json, "a frame with trailing bytes");
        if (frame.contradictory()) return refuse(Kind::wrong_shape, "a frame with a duplicate field");
        if (!frame[ping].empty()) return on_ping(frame[ping], out);
        if (!frame[status].empty()) return on_answer(frame, out);
        if (frame[ch].empty()) return refuse(Kind::wrong_shape, "a frame of an unknown shape");
        if (!has_trades) return Parsed{};
        return on_trades(detail::plain_string(frame[ch]).value_or(""), received_at, out);
    }

private:
    simdjson::error_code read_tick(simdjson::simdjson_result<detail::ondemand::value> value,
                                   bool& has_trades) {
        detail::ondemand::object tick;
        if (const auto error = value.get_object().get(tick)) return error;
        for (auto field : tick) {
            std::string_view key;
            if (const auto error = field.unescaped_key().get(key)) return error;
            if (key != "data") continue;
            has_trades = true;
            if (const auto error = detail::collect_rows(field.value(), trade_names, rows_)) return error;
        }
        return simdjson::SUCCESS;
    }

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
        // We number a subscription by its instrument.
        const auto number = detail::id_of(frame[id]);
        if (limits_rate(frame)) {
            out.events.push_back(RateLimited{error_text(frame)});
        } else if (number && *number <= venue_.instruments().size()) {
            out.events.push_back(SymbolRefused{*number - 1, error_text(frame)});
        } else {
            return refuse(Kind::venue_error, error_text(frame));
        }
        return Parsed{};
    }

    ParseResult on_trades(std::string_view channel, Timestamp received_at, StreamOutput& out) {
        const std::string_view symbol = symbol_in(channel);
        const auto instrument = venue_.find(symbol);
        if (!instrument)
            return refuse(Kind::bad_quote,
                          fmt::format("trades of '{}', which were not requested", snippet(channel)));
        const std::size_t first = out.quotes.size();
        Parsed parsed;
        for (const Fields<3>& row : rows_) {
            const auto price = detail::price_of(detail::trimmed(row[0]));
            const auto time = detail::market_time(row[1]);
            if (!price || !time || row.contradictory()) {
                leave_out(parsed, fmt::format("'{}' at '{}' is not a valid price of {}",
                                              snippet(detail::trimmed(row[0])),
                                              snippet(detail::trimmed(row[1])), symbol));
                continue;
            }
            Quote& quote = out.quotes.emplace_back(venue_.quote(*instrument, *price, *time, received_at));
            quote.trade_id = detail::id_of(row[2]);
            quote.is_live = venue_time_.value_or(received_at) - *time <= old_after;
        }
        detail::sort_by_id(out.quotes, first);
        return parsed;
    }

    // An age is taken by the venue's own clock, which pings and acknowledgements tell.
    void note_time(std::string_view token) {
        if (const auto time = detail::market_time(token)) venue_time_ = *time;
    }

    const Venue& venue_;
    std::optional<Timestamp> venue_time_;
    std::vector<Fields<3>> rows_;
    detail::JsonReader reader_;
};

class Htx final : public Venue {
public:
    Htx(std::vector<Instrument> instruments, Endpoints endpoints)
        : Venue(htx_type, std::move(instruments), std::move(endpoints)), seen_(this->instruments().size()) {}

    std::string subscribe_message(std::span<const std::size_t> asked) const override {
        return fmt::format(R"({{"sub":"market.{}.trade.detail","id":"{}"}})",
                           instruments()[asked.front()].symbol, asked.front() + 1);
    }
    std::unique_ptr<StreamParser> create_parser() const override {
        return std::make_unique<HtxStream>(*this);
    }

    // A request is for one symbol or for the whole market; there is none for several.
    std::string rest_url(std::span<const std::size_t> asked) const override {
        if (endpoints().rest_url.empty()) return {};
        const std::string market = endpoints().rest_url + "/market/";
        if (asked.size() > 1) return market + "tickers";
        return market + "trade?symbol=" + instruments()[asked.front()].symbol;
    }

    ParseResult parse_answer(std::string_view body, Timestamp received_at, std::vector<Quote>& out) override {
        const std::size_t before = out.size();
        auto result = read_answer(body, received_at, out);
        if (!result) out.resize(before);
        return result;
    }

private:
    // {"status":"ok","ts":…,"data":[{"symbol":"btcusdt","close":65000.1, …}]}, or the last trade of one:
    // {"ch":"market.btcusdt.trade.detail","status":"ok","ts":…,"tick":{"data":[{"price":65000.1,"ts":…}]}}
    ParseResult read_answer(std::string_view body, Timestamp received_at, std::vector<Quote>& out) {
        detail::ondemand::document document;
        auto root = detail::open_object(reader_, document, body, "an answer");
        if (!root) return std::unexpected(root.error());
        Fields answer(frame_names);
        rows_.clear();
        bool has_rows = false;
        for (auto field : *root) {
            std::string_view key;
            if (field.unescaped_key().get(key)) return refuse(Kind::not_json, "a truncated answer");
            if (key == "data") {
                has_rows = true;
                if (const auto error = detail::collect_rows(field.value(), price_names, rows_))
                    return refuse(error, "an answer");
            } else if (key == "tick") {
                has_rows = true;
                if (const auto error = read_tick(field.value())) return refuse(error, "an answer");
            } else {
                answer.take(key, field.value());
            }
        }
        if (!detail::at_end(document)) return refuse(Kind::not_json, "an answer with trailing bytes");
        if (detail::plain_string(answer[status]) == "error") {
            const bool is_symbol =
                detail::digits_of(answer[err_msg]).find("symbol") != std::string_view::npos;
            const Kind kind = limits_rate(answer) ? Kind::rate_limited
                              : is_symbol         ? Kind::unknown_symbol
                                                  : Kind::venue_error;
            return refuse(kind, error_text(answer));
        }
        if (!has_rows || detail::plain_string(answer[status]) != "ok")
            return refuse(Kind::wrong_shape, fmt::format("an answer of an unknown shape: {}", snippet(body)));
        return take_rows(answer, received_at, out);
    }

    simdjson::error_code read_tick(simdjson::simdjson_result<detail::ondemand::value> value) {
        detail::ondemand::object tick;
        if (const auto error = value.get_object().get(tick)) return error;
        for (auto field : tick) {
            std::string_view key;
            if (const auto error = field.unescaped_key().get(key)) return error;
            if (key != "data") continue;
            if (const auto error = detail::collect_rows(field.value(), price_names, rows_)) return error;
        }
        return simdjson::SUCCESS;
    }

    ParseResult take_rows(const Fields<8>& answer, Timestamp received_at, std::vector<Quote>& out) {
        std::fill(seen_.begin(), seen_.end(), false);
        const bool is_market = answer[ch].empty();
        const std::string_view one = symbol_in(detail::plain_string(answer[ch]).value_or(""));
        Parsed parsed;
        for (const Fields<5>& row : rows_) {
            const std::string_view symbol = is_market ? detail::digits_of(row[0]) : one;
            const auto instrument = find(symbol);
            if (!instrument) continue;  // the whole market was requested
            // A trade's own answer holds the newest first; the others are older.
            if (seen_[*instrument]) continue;
            seen_[*instrument] = true;
            const std::string_view digits = detail::trimmed(is_market ? row[1] : row[2]);
            const auto price = detail::price_of(digits);
            const auto time = detail::market_time(is_market ? answer[ts] : row[3]);
            if (!price || !time || row.contradictory()) {
                leave_out(parsed, fmt::format("'{}' as the price of '{}'", snippet(digits), snippet(symbol)));
                continue;
            }
            out.push_back(quote(*instrument, *price, *time, received_at));
        }
        return parsed;
    }

    std::vector<bool> seen_;
    std::vector<Fields<5>> rows_;
    detail::JsonReader reader_;
};

}  // namespace
}  // namespace htx

constinit const VenueType htx_type{
    .name = "htx",
    .title = "HTX",
    .kind = SourceKind::exchange,
    .off_reason = "until quotes are converted between currencies",
    // Its pings, every 5 s, are the sign of life.
    .stream = {.url = "wss://api.huobi.pro/ws",
               .encoding = Encoding::gzip,
               .symbols_per_message = 1,
               .message_gap = 120ms,  // 10 messages a second are allowed
               .ack_within = 10s},
    .rest = {.url = "https://api.huobi.pro", .max_answer = 2 * 1024 * 1024},
    .history = {.bars_per_request = 2000,
                .newest_first = true,
                .bars_reach = 2000min,
                .trades_per_request = 2000,
                .trades_by = HistoryOffer::TradesBy::latest},
    .symbol_of = [](Ticker ticker) { return std::optional(lower_case(ticker.view()) + "usdt"); },
    .is_symbol =
        [](std::string_view symbol) {
            return !symbol.empty() && symbol.size() <= 30 &&
                   std::all_of(symbol.begin(), symbol.end(),
                               [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); });
        },
    .currency_of = currency_at_end,
    .create = [](std::vector<Instrument> instruments, Endpoints endpoints) -> std::unique_ptr<Venue> {
        return std::make_unique<htx::Htx>(std::move(instruments), std::move(endpoints));
    },
};

}  // namespace pricewire::feed
