#include "feed/okx/okx.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "feed/detail/json.hpp"
#include "feed/refusal.hpp"

namespace pricewire::feed {

using namespace std::chrono_literals;

namespace okx {
namespace {

using detail::Fields;
using detail::leave_out;
using detail::refuse;
using Kind = ParseError::Kind;

// On subscribing the last trade may come first, however old it is.
constexpr Duration old_after = 10s;

constexpr std::array<std::string_view, 3> frame_names{"event", "code", "msg"};
constexpr std::array<std::string_view, 2> arg_names{"channel", "instId"};
constexpr std::array<std::string_view, 4> trade_names{"instId", "px", "ts", "tradeId"};
constexpr std::array<std::string_view, 3> price_names{"instId", "last", "ts"};

bool is_symbol_char(char c) {
    return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-';
}

// "Wrong URL or channel:trades,instId:FOO-USDT doesn't exist. …" → "FOO-USDT"
std::string_view symbol_in(std::string_view message) {
    constexpr std::string_view before = "instId:";
    const std::size_t at = message.find(before);
    if (at == std::string_view::npos) return {};
    message.remove_prefix(at + before.size());
    const auto end = std::find_if_not(message.begin(), message.end(), is_symbol_char);
    return message.substr(0, static_cast<std::size_t>(end - message.begin()));
}

std::string error_text(std::string_view code, std::string_view message) {
    return fmt::format("OKX's error {}: {}", snippet(code), snippet(message));
}

class OkxStream final : public StreamParser {
public:
    explicit OkxStream(const Venue& venue) : venue_(venue), pushed_(venue.instruments().size()) {}

    ParseResult parse(std::string_view bytes, Timestamp received_at, StreamOutput& out) override {
        if (bytes == "pong") {
            out.events.push_back(Alive{});
            return Parsed{};
        }
        detail::ondemand::document document;
        auto root = detail::open_object(reader_, document, bytes, "a frame");
        if (!root) return std::unexpected(root.error());
        Fields frame(frame_names);
        Fields arg(arg_names);
        rows_.clear();
        bool has_data = false;
        for (auto field : *root) {
            std::string_view key;
            if (field.unescaped_key().get(key)) return refuse(Kind::not_json, "a truncated frame");
            if (key == "arg") {
                detail::ondemand::object object;
                if (const auto error = field.value().get_object().get(object))
                    return refuse(error, "a frame");
                if (const auto error = collect(object, arg)) return refuse(error, "a frame");
            } else if (key == "data") {
                has_data = true;
                // Books are long: a channel that was not requested is not read to its end.
                if (!arg[0].empty() && detail::plain_string(arg[0]) != "trades") return Parsed{};
                if (const auto error = detail::collect_rows(field.value(), trade_names, rows_))
                    return refuse(error, "a frame");
            } else {
                frame.take(key, field.value());
            }
        }
        if (!detail::at_end(document)) return refuse(Kind::not_json, "a frame with trailing bytes");
        if (frame.contradictory() || arg.contradictory())
            return refuse(Kind::wrong_shape, "a frame with a duplicate field");
        if (!frame[0].empty()) return on_event(frame, arg, out);
        if (!has_data) return refuse(Kind::wrong_shape, "a frame of an unknown shape");
        return on_trades(arg, received_at, out);
    }

private:
    ParseResult on_event(const Fields<3>& frame, const Fields<2>& arg, StreamOutput& out) {
        const std::string_view event = detail::plain_string(frame[0]).value_or("");
        const std::string_view code = detail::digits_of(frame[1]);
        if (event == "subscribe") {
            const auto instrument = venue_.find(detail::plain_string(arg[1]).value_or(""));
            if (instrument && detail::plain_string(arg[0]) == "trades")
                out.events.push_back(Acknowledged{*instrument});
        } else if (event == "notice") {
            if (code == "64008") out.events.push_back(ServerLeaves{});
        } else if (event == "error") {
            const std::string_view message = detail::digits_of(frame[2]);
            if (code == "60014" || code == "50011") {
                out.events.push_back(RateLimited{error_text(code, message)});
            } else if (const auto instrument = venue_.find(symbol_in(message))) {
                out.events.push_back(SymbolRefused{*instrument, error_text(code, message)});
            } else {
                return refuse(Kind::venue_error, error_text(code, message));
            }
        }
        return Parsed{};
    }

    ParseResult on_trades(const Fields<2>& arg, Timestamp received_at, StreamOutput& out) {
        if (detail::plain_string(arg[0]) != "trades") return Parsed{};
        const std::string_view symbol = detail::plain_string(arg[1]).value_or("");
        const auto instrument = venue_.find(symbol);
        if (!instrument)
            return refuse(Kind::bad_quote,
                          fmt::format("trades of '{}', which were not requested", snippet(symbol)));
        const std::size_t first = out.quotes.size();
        Parsed parsed;
        for (const Fields<4>& row : rows_) {
            const auto digits = detail::plain_string(row[1]);
            const auto price = digits ? detail::price_of(*digits) : std::nullopt;
            const auto time = detail::market_time(row[2]);
            if (detail::plain_string(row[0]) != symbol || row.contradictory()) {
                leave_out(parsed, fmt::format("a trade of '{}' among those of {}",
                                              snippet(detail::digits_of(row[0])), symbol));
            } else if (!price || !time) {
                leave_out(parsed, fmt::format("'{}' at '{}' is not a valid price of {}",
                                              snippet(detail::digits_of(row[1])),
                                              snippet(detail::digits_of(row[2])), symbol));
            } else {
                Quote& quote = out.quotes.emplace_back(venue_.quote(*instrument, *price, *time, received_at));
                quote.trade_id = detail::id_of(row[3]);
                quote.is_live = pushed_[*instrument] || received_at - *time <= old_after;
            }
        }
        pushed_[*instrument] = true;
        detail::sort_by_id(out.quotes, first);
        return parsed;
    }

    const Venue& venue_;
    std::vector<bool> pushed_;  // whether trades of an instrument have come
    std::vector<Fields<4>> rows_;
    detail::JsonReader reader_;
};

class Okx final : public Venue {
public:
    Okx(std::vector<Instrument> instruments, Endpoints endpoints)
        : Venue(okx_type, std::move(instruments), std::move(endpoints)), seen_(this->instruments().size()) {}

    std::string subscribe_message(std::span<const std::size_t> asked) const override {
        std::string out = R"({"op":"subscribe","args":[)";
        for (std::size_t i = 0; i < asked.size(); ++i) {
            out += fmt::format(R"({}{{"channel":"trades","instId":"{}"}})", i == 0 ? "" : ",",
                               instruments()[asked[i]].symbol);
        }
        return out + "]}";
    }
    std::unique_ptr<StreamParser> create_parser() const override {
        return std::make_unique<OkxStream>(*this);
    }

    // A request is for one symbol or for the whole market; there is none for several.
    std::string rest_url(std::span<const std::size_t> asked) const override {
        if (endpoints().rest_url.empty()) return {};
        const std::string market = endpoints().rest_url + "/market/";
        if (asked.size() > 1) return market + "tickers?instType=SPOT";
        return market + "ticker?instId=" + instruments()[asked.front()].symbol;
    }

    ParseResult parse_answer(std::string_view body, Timestamp received_at, std::vector<Quote>& out) override {
        const std::size_t before = out.size();
        auto result = read_answer(body, received_at, out);
        if (!result) out.resize(before);
        return result;
    }

private:
    // {"code":"0","msg":"","data":[{"instId":"BTC-USDT","last":"65000.1","ts":"1700000000000", …}]}
    ParseResult read_answer(std::string_view body, Timestamp received_at, std::vector<Quote>& out) {
        detail::ondemand::document document;
        auto root = detail::open_object(reader_, document, body, "an answer");
        if (!root) return std::unexpected(root.error());
        Fields answer(frame_names);
        rows_.clear();
        for (auto field : *root) {
            std::string_view key;
            if (field.unescaped_key().get(key)) return refuse(Kind::not_json, "a truncated answer");
            if (key == "data") {
                if (const auto error = detail::collect_rows(field.value(), price_names, rows_))
                    return refuse(error, "an answer");
            } else {
                answer.take(key, field.value());
            }
        }
        if (!detail::at_end(document)) return refuse(Kind::not_json, "an answer with trailing bytes");
        const auto code = detail::plain_string(answer[1]);
        if (!code)
            return refuse(Kind::wrong_shape, fmt::format("an answer of an unknown shape: {}", snippet(body)));
        if (*code != "0") {
            const Kind kind = *code == "50011"   ? Kind::rate_limited
                              : *code == "51001" ? Kind::unknown_symbol
                                                 : Kind::venue_error;
            return refuse(kind, error_text(*code, detail::digits_of(answer[2])));
        }
        return take_rows(received_at, out);
    }

    ParseResult take_rows(Timestamp received_at, std::vector<Quote>& out) {
        std::fill(seen_.begin(), seen_.end(), false);
        Parsed parsed;
        for (const Fields<3>& row : rows_) {
            const auto instrument = find(detail::plain_string(row[0]).value_or(""));
            if (!instrument) continue;  // the whole market may have been requested
            const auto digits = detail::plain_string(row[1]);
            const auto price = digits ? detail::price_of(*digits) : std::nullopt;
            const auto time = detail::market_time(row[2]);
            if (!price || !time || row.contradictory() || seen_[*instrument]) {
                leave_out(parsed, fmt::format("'{}' as the price of '{}'", snippet(detail::digits_of(row[1])),
                                              instruments()[*instrument].symbol));
                continue;
            }
            seen_[*instrument] = true;
            out.push_back(quote(*instrument, *price, *time, received_at));
        }
        return parsed;
    }

    std::vector<bool> seen_;
    std::vector<Fields<3>> rows_;
    detail::JsonReader reader_;
};

}  // namespace
}  // namespace okx

constinit const VenueType okx_type{
    .name = "okx",
    .title = "OKX",
    .kind = SourceKind::exchange,
    .off_reason = "until quotes are converted between currencies",
    .stream = {.url = "wss://ws.okx.com:8443/ws/v5/public",
               .symbols_per_message = 100,  // 64 KB are allowed in a message
               .message_gap = 200ms,
               .ack_within = 10s,
               // Cut after 30 s without a frame; the answer is a bare "pong".
               .keep_alive = {.text = "ping"}},
    .rest = {.url = "https://www.okx.com/api/v5", .max_answer = 2 * 1024 * 1024},
    .history = {.bars_per_request = 300,
                .newest_first = true,
                .trades_per_request = 100,
                .trades_by = HistoryOffer::TradesBy::id},
    .symbol_of = [](Ticker ticker) { return std::optional(std::string(ticker.view()) + "-USDT"); },
    .is_symbol =
        [](std::string_view symbol) {
            return symbol.size() >= 3 && symbol.size() <= 30 &&
                   std::all_of(symbol.begin(), symbol.end(), okx::is_symbol_char);
        },
    .currency_of = [](std::string_view symbol) { return currency_behind('-', symbol); },
    .create = [](std::vector<Instrument> instruments, Endpoints endpoints) -> std::unique_ptr<Venue> {
        return std::make_unique<okx::Okx>(std::move(instruments), std::move(endpoints));
    },
};

}  // namespace pricewire::feed
