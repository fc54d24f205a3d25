#pragma once

#include <fmt/format.h>

#include <chrono>
#include <sstream>
#include <string>
#include <vector>

#include "past/asker.hpp"

// Venues for tests. Times are minutes since noon: the URL is /<symbol>/<interval in s>/<from>-<to>, and "3 1" is an
// answer with two candles, of price 100 unless "3=101.5" gives another.
namespace pricewire::past {

inline constexpr Timestamp toy_noon{std::chrono::seconds{1'700'049'600}};

inline int toy_minutes(Timestamp time) {
    return static_cast<int>((time - toy_noon) / std::chrono::minutes{1});
}
inline std::string toy_candles_url(const feed::PastRequest& r) {
    return fmt::format("/{}/{}/{}-{}", r.symbol, r.interval / std::chrono::seconds{1}, toy_minutes(r.from),
                       toy_minutes(r.to));
}
inline std::string toy_trades_url(const feed::PastRequest& r) {
    return fmt::format("/trades/{}/{}-{}/{}", r.symbol, toy_minutes(r.from), toy_minutes(r.to), r.cursor);
}

struct ToyRow {
    Timestamp time;
    Decimal price;
};
inline std::expected<std::vector<ToyRow>, feed::ParseError> toy_rows(std::string_view body,
                                                                     std::string* next = nullptr) {
    using Kind = feed::ParseError::Kind;
    if (body == "slow down")
        return std::unexpected(feed::ParseError{Kind::rate_limited, "too many requests"});
    if (body == "unknown") return std::unexpected(feed::ParseError{Kind::unknown_symbol, "no such symbol"});
    if (body == "oops") return std::unexpected(feed::ParseError{Kind::not_json, "not JSON"});
    std::istringstream words{std::string(body)};
    std::vector<ToyRow> rows;
    for (std::string word; words >> word;) {
        if (word.starts_with("next:")) {
            if (next != nullptr) *next = word.substr(5);
            continue;
        }
        const auto equals = word.find('=');
        const std::string price = equals == std::string::npos ? "100" : word.substr(equals + 1);
        rows.push_back({toy_noon + std::stoi(word) * std::chrono::minutes{1}, Decimal::parse(price).value()});
    }
    return rows;
}
inline std::expected<std::vector<feed::Candle>, feed::ParseError> toy_parse_candles(
    std::string_view body, const feed::PastRequest&) {
    auto rows = toy_rows(body);
    if (!rows) return std::unexpected(rows.error());
    std::vector<feed::Candle> out;
    for (const ToyRow& row : *rows)
        out.push_back(
            {.start = row.time, .open = row.price, .high = row.price, .low = row.price, .close = row.price});
    return out;
}
inline std::expected<feed::PastTrades, feed::ParseError> toy_parse_trades(std::string_view body,
                                                                          const feed::PastRequest&) {
    feed::PastTrades out;
    auto rows = toy_rows(body, &out.next);
    if (!rows) return std::unexpected(rows.error());
    for (const ToyRow& row : *rows)
        out.trades.push_back({row.time, row.price, static_cast<std::uint64_t>(toy_minutes(row.time))});
    return out;
}

inline feed::VenueType toy_type(SourceName name) {
    feed::VenueType type;
    type.name = name;
    type.past.candles_per_request = 3;
    type.past.least_gap = std::chrono::seconds{1};
    type.past.has = [](Duration interval) { return interval == std::chrono::minutes{1}; };
    type.past.candles_url = toy_candles_url;
    type.past.parse_candles = toy_parse_candles;
    return type;
}
// Pages trades, in windows of five minutes.
inline const feed::VenueType toy_alpha = [] {
    feed::VenueType type = toy_type("alpha");
    type.past.trades_window = std::chrono::minutes{5};
    type.past.trades_url = toy_trades_url;
    type.past.parse_trades = toy_parse_trades;
    return type;
}();
inline const feed::VenueType toy_beta = toy_type("beta");
inline const feed::VenueType toy_latest = [] {
    feed::VenueType type = toy_type("latest");
    type.past.latest_only = true;
    type.past.trades_reach = std::chrono::hours{1};
    type.past.trades_url = toy_trades_url;
    type.past.parse_trades = toy_parse_trades;
    return type;
}();
// Trades for USDT.
inline const feed::VenueType toy_tether = [] {
    feed::VenueType type = toy_type("tether");
    type.currency_of = [](std::string_view) { return Currency("USDT"); };
    return type;
}();

inline std::vector<AskedVenue> toy_asked(std::initializer_list<const feed::VenueType*> types) {
    std::vector<AskedVenue> out;
    for (const feed::VenueType* type : types)
        out.push_back({type, fmt::format("http://{}", type->name.view()), 4});
    return out;
}

}  // namespace pricewire::past
