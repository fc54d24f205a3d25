#pragma once

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "feed/show.hpp"
#include "feed/venue.hpp"

// What is read of a venue's markets and of its past, as text, and what holds at every venue, for tests.
namespace pricewire::feed {

inline std::string show(const ParseError& error) {
    return std::string(to_string(error.kind)) + ": " + error.text;
}

// "BTCUSDT BTC/USDT; ETHUSDT ETH/USDT halted"
inline std::string show_listings(const VenueType& type, std::string_view body) {
    const auto listings = type.listings.parse(body);
    if (!listings) return show(listings.error());
    std::string out;
    for (const Listing& l : *listings) {
        out += (out.empty() ? "" : "; ") + l.symbol + " " + l.base + "/" + std::string(l.quote.view()) +
               (l.status == ListingStatus::halted ? " halted" : "") + (l.name.empty() ? "" : " " + l.name);
    }
    return out;
}

// "10:00:00 2.5 4.5 1.5 3.5 v5; 10:01:00 … open"
inline std::string show_candles(const VenueType& type, std::string_view body, const PastRequest& request) {
    const auto candles = type.past.parse_candles(body, request);
    if (!candles) return show(candles.error());
    std::string out;
    for (const Candle& c : *candles) {
        out += (out.empty() ? "" : "; ") + format_rfc3339(c.start).substr(11, 8);
        for (const Decimal figure : {c.open, c.high, c.low, c.close}) out += " " + figure.to_string();
        out += (c.volume ? " v" + c.volume->to_string() : "") + (c.is_closed ? "" : " open");
    }
    return out;
}

// "10:00:01.5 3.25 #7; 10:00:02 3.75 #8; next 9"
inline std::string show_trades(const VenueType& type, std::string_view body, const PastRequest& request) {
    const auto page = type.past.parse_trades(body, request);
    if (!page) return show(page.error());
    std::string out;
    for (const PastTrade& t : page->trades) {
        std::string time = format_rfc3339(t.time).substr(11);
        time.pop_back();
        out += (out.empty() ? "" : "; ") + time + " " + t.price.to_string() +
               (t.id ? " #" + std::to_string(*t.id) : "");
    }
    return out + (page->next.empty() ? "" : "; next " + page->next);
}

// Bodies of one venue, which all say the same of BTC on 2026-11-01: a minute from 10:00 that opened at 2.5, went to
// 4.5 and 1.5, closed at 3.5 and had a volume of 5.25, and the present one after it, 3.5, 6.5, 3, 5.5, 7; and that
// 3.25 was paid at 10:00:01 and 3.75 at 10:00:02.
struct PastCase {
    const VenueType& type;
    std::string symbol;
    std::string candles_url, candles;
    std::string day_url;              // of the day before
    std::string trades_url, trades;   // empty: it has none
    std::string error, error_shown;   // about an unknown symbol
    bool says_whose_candles = false;  // the symbol stands beside them
    bool says_interval = false;       // likewise
};

constexpr Timestamp past_now{std::chrono::seconds{1'793'527'290}};  // 10:01:30

inline PastRequest past_request(const PastCase& c) {
    const auto minute = std::chrono::floor<std::chrono::minutes>(past_now);
    return {.symbol = c.symbol,
            .from = minute - std::chrono::minutes{1},
            .to = minute + std::chrono::minutes{1},
            .now = past_now};
}

inline void expect_candles(const PastCase& c) {
    const PastRequest request = past_request(c);
    const std::string first = "10:00:00 2.5 4.5 1.5 3.5 v5.25";
    const std::string second = "10:01:00 3.5 6.5 3 5.5 v7 open";
    const auto shown = [&](std::string_view body, const PastRequest& r) {
        return show_candles(c.type, body, r);
    };
    EXPECT_EQ(c.type.past.candles_url(request), c.candles_url);
    EXPECT_EQ(shown(c.candles, request), first + "; " + second);
    for (std::size_t n = 0; n < c.candles.size(); ++n)
        EXPECT_FALSE(c.type.past.parse_candles(c.candles.substr(0, n), request)) << n;
    EXPECT_TRUE(shown("<html>busy</html>", request).starts_with("not_json: "));
    EXPECT_TRUE(shown("error code: 1015", request).starts_with("not_json: "));
    EXPECT_EQ(shown(c.error, request), c.error_shown);

    // A row that contradicts itself leaves only itself out.
    EXPECT_EQ(shown(replaced(c.candles, "1.5", "2.6"), request), second) << "the low is above the open";
    EXPECT_EQ(shown(replaced(c.candles, "4.5", "3.4"), request), second) << "the high is below the close";
    EXPECT_EQ(shown(replaced(c.candles, "1.5", "0"), request), second);
    EXPECT_EQ(shown(replaced(c.candles, "4.5", "x"), request).find(first), std::string::npos);
    EXPECT_EQ(shown(replaced(c.candles, "5.25", "0"), request), second) << "nothing was traded";
    EXPECT_EQ(shown(replaced(c.candles, "5.25", "-1"), request), "10:00:00 2.5 4.5 1.5 3.5; " + second);
    EXPECT_EQ(shown(replaced(c.candles, "2.5", "2.500000000000000001"), request),
              "10:00:00 2.500000000000000001 4.5 1.5 3.5 v5.25; " + second);

    PastRequest other = request;
    other.from += std::chrono::minutes{1};
    EXPECT_EQ(shown(c.candles, other), second);
    other = request;
    other.to -= std::chrono::minutes{1};
    EXPECT_EQ(shown(c.candles, other), first);
    other = request;
    other.interval = std::chrono::hours{1};
    if (!c.says_interval) EXPECT_EQ(shown(c.candles, other), first + " open") << "no hour begins at 10:01";
    other.symbol = "ETH";
    if (c.says_whose_candles) EXPECT_TRUE(shown(c.candles, other).starts_with("bad_quote: an answer about "));

    if (c.day_url.empty()) return;
    ASSERT_TRUE(c.type.past.has(std::chrono::hours{24}));
    const auto day = std::chrono::floor<std::chrono::days>(past_now);
    EXPECT_EQ(c.type.past.candles_url({.symbol = c.symbol,
                                       .from = day - std::chrono::days{1},
                                       .to = day,
                                       .now = past_now,
                                       .interval = std::chrono::hours{24}}),
              c.day_url);
}

inline void expect_trades(const PastCase& c) {
    if (c.trades.empty()) {
        EXPECT_EQ(c.type.past.trades_url, nullptr);
        return;
    }
    PastRequest request = past_request(c);
    request.to = request.from + std::chrono::minutes{1};
    const auto shown = [&](std::string_view body) {
        const std::string text = show_trades(c.type, body, request);
        return text.substr(0, text.find("; next"));
    };
    EXPECT_EQ(c.type.past.trades_url(request), c.trades_url);
    EXPECT_EQ(show_trades(c.type, c.trades, request), "10:00:01 3.25 #7; 10:00:02 3.75 #8");
    for (std::size_t n = 0; n < c.trades.size(); ++n)
        EXPECT_FALSE(c.type.past.parse_trades(c.trades.substr(0, n), request)) << n;
    EXPECT_TRUE(shown("<html>busy</html>").starts_with("not_json: "));
    EXPECT_EQ(shown(c.error), c.error_shown);
    EXPECT_EQ(shown(replaced(c.trades, "3.25", "0")), "10:00:02 3.75 #8");
    EXPECT_EQ(shown(replaced(c.trades, "3.25", "1e400")), "10:00:02 3.75 #8");
    request.to = request.from + std::chrono::seconds{2};
    EXPECT_EQ(shown(c.trades), "10:00:01 3.25 #7");
    request.from += std::chrono::minutes{1};
    request.to = request.from + std::chrono::minutes{1};
    EXPECT_EQ(shown(c.trades), "");
}

}  // namespace pricewire::feed
