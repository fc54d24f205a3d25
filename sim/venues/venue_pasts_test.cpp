#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

#include "feed/venue.hpp"
#include "sim/past.hpp"
#include "sim/protocol.hpp"
#include "sim/venues/venue.hpp"

// What a simulated venue answers about its markets and its past is read as what the market made, by the parsers and
// with the requests of the venue that it plays, for as long as these are within the venue's limits.
namespace pricewire::sim {
namespace {

using namespace std::chrono_literals;

Timestamp stamp(SimTime at) {
    return std::chrono::floor<std::chrono::microseconds>(at);
}

feed::Candle read_as(const SimCandle& c) {
    return {stamp(c.start), c.open, c.high, c.low, c.close, c.volume, c.is_closed};
}

std::string show(const feed::Candle& c) {
    return format_rfc3339(c.start) + " " + c.open.to_string() + " " + c.high.to_string() + " " +
           c.low.to_string() + " " + c.close.to_string() + " " + (c.volume ? c.volume->to_string() : "-") +
           (c.is_closed ? "" : " open");
}

class VenuePasts : public testing::TestWithParam<const SimVenue*> {
protected:
    VenuePasts() {
        market_.currency = venue_.currency;
        // Invented up to a quarter of an hour ago, then recorded.
        past_->record("BTCUSDT", *Decimal::parse("65000"), minute_ - 15min);
        for (int i = 0; i < 3000; ++i)
            past_->record("BTCUSDT", Decimal::from_int(65'000 + i % 89), minute_ - 14min + i * 1ms);
        // Many at one moment.
        for (int i = 0; i < 300; ++i)
            past_->record("BTCUSDT", Decimal::from_int(66'000 + i), minute_ - 12min + i * 1us);
        market_.past = past_->of(venue_);
        market_.prices = {{"BTCUSDT", Decimal::from_int(65'000)},
                          {"1000SATSUSDT", *Decimal::parse("0.0002")},
                          {"DOGEUSDT", *Decimal::parse("0.2")}};
        market_.halted = {"DOGEUSDT"};
        market_.unlisted = {"BNBUSDT"};
    }

    std::string answer(const std::string& url) const {
        const std::size_t question = std::min(url.find('?'), url.size());
        const std::string path = url.substr(0, question);
        const std::string query = url.substr(std::min(question + 1, url.size()));
        const auto response = venue_.rest({path, query, market_, now_});
        return response ? response->body : "no such path: " + url;
    }
    std::string symbol_of(std::string_view base) const {
        const auto listings = type_.listings.parse(answer(std::string(type_.listings.path)));
        if (!listings) return listings.error().text;
        for (const feed::Listing& listing : *listings) {
            if (listing.base == base) return listing.symbol;
        }
        return "not listed";
    }

    const SimVenue& venue_ = *GetParam();
    const feed::VenueType& type_ = *feed::find_venue_type(venue_.name);
    const SimTime now_ = std::chrono::floor<std::chrono::milliseconds>(sim::now());
    const SimTime minute_ = std::chrono::floor<std::chrono::minutes>(now_);
    std::shared_ptr<Past> past_ = std::make_shared<Past>(true, 7, 0);
    SimMarket market_;
};

class VenueLists : public VenuePasts {};
class VenueCandles : public VenuePasts {};
class VenueTrades : public VenuePasts {};

TEST_P(VenueLists, HoldItsMarkets) {
    const auto listings = type_.listings.parse(answer(std::string(type_.listings.path)));
    ASSERT_TRUE(listings) << listings.error().text;
    std::map<std::string, bool> trading;
    for (const feed::Listing& listing : *listings) {
        trading[listing.base] = listing.status == feed::ListingStatus::trading;
        EXPECT_TRUE(type_.is_symbol(listing.symbol)) << listing.symbol;
        if (venue_.is_aggregator) continue;
        EXPECT_EQ(listing.quote, Currency(venue_.currency)) << listing.symbol;
        EXPECT_EQ(type_.currency_of == nullptr ? "USD" : type_.currency_of(listing.symbol), listing.quote)
            << listing.symbol;
        if (!is_dollar_coin(listing.base + "USDT"))
            EXPECT_EQ(type_.symbol_of(Ticker(listing.base)), listing.symbol);
    }
    EXPECT_TRUE(trading["BTC"]);
    EXPECT_TRUE(trading["1000SATS"]) << "a ticker may begin with a digit";
    EXPECT_FALSE(trading.contains("BNB"));
    if (trading.contains("DOGE") && !venue_.is_aggregator) EXPECT_FALSE(trading["DOGE"]) << "it is halted";
}

TEST_P(VenueCandles, AreThoseOfItsMarket) {
    const feed::PastType& past = type_.past;
    const std::string symbol = symbol_of("BTC");
    ASSERT_TRUE(past.has(1min));
    for (const std::chrono::seconds interval : {60s, 3600s, 86'400s}) {
        if (!past.has(interval)) continue;
        // Whole requests of the most that is allowed, the last of which holds the present.
        const auto most = std::min<std::int64_t>(static_cast<std::int64_t>(past.candles_per_request), 2000);
        const SimTime end = SimTime{(now_.time_since_epoch() / interval + 1) * interval};
        const int requests = past.latest_only ? 1 : 3;
        for (int i = 0; i < requests; ++i) {
            const SimTime to = end - i * most * interval;
            const SimTime from = to - most * interval;
            if (past.reach != Duration{} && now_ - from > past.reach) continue;
            const feed::PastRequest request{.symbol = symbol,
                                            .from = stamp(from),
                                            .to = stamp(to),
                                            .now = stamp(now_),
                                            .interval = interval};
            const auto read = past.parse_candles(answer(past.candles_url(request)), request);
            ASSERT_TRUE(read) << read.error().text << " to " << past.candles_url(request);
            std::vector<std::string> got, made;
            for (const feed::Candle& c : *read) got.push_back(show(c));
            for (const SimCandle& c : market_.candles("BTCUSDT", interval, from, to))
                made.push_back(show(read_as(c)));
            // The open candle may change while this runs.
            if (i == 0 && !got.empty() && !made.empty()) {
                EXPECT_EQ(got.back().substr(0, 20), made.back().substr(0, 20));
                got.pop_back();
                made.pop_back();
            }
            EXPECT_GT(std::ssize(made) + 20, most) << "the market has nearly all of them";
            EXPECT_EQ(got, made) << past.candles_url(request);
        }
    }
}

TEST_P(VenueTrades, AreThoseOfItsMarketPageByPage) {
    const feed::PastType& past = type_.past;
    const std::string symbol = symbol_of("BTC");
    for (const auto ago : {14min, 12min, 40min}) {
        const SimTime from = minute_ - ago;
        const SimTime to = from + 1min;
        feed::PastRequest request{.symbol = symbol, .from = stamp(from), .to = stamp(to), .now = stamp(now_)};
        if (past.trades_reach != Duration{} && now_ - from > past.trades_reach) continue;
        std::set<std::string> got, made;
        int pages = 0;
        do {
            const auto page = past.parse_trades(answer(past.trades_url(request)), request);
            ASSERT_TRUE(page) << page.error().text << " to " << past.trades_url(request);
            for (const feed::PastTrade& t : page->trades) {
                EXPECT_TRUE(t.time >= request.from && t.time < request.to);
                got.insert(t.price.to_string());
            }
            EXPECT_NE(page->next, request.cursor.empty() ? "none" : request.cursor);
            request.cursor = page->next;
        } while (!request.cursor.empty() && ++pages < 100);
        EXPECT_LT(pages, 100) << "it ends";
        for (const SimTrade& t : market_.past_trades("BTCUSDT", from, to, 100'000))
            made.insert(t.price.to_string());
        EXPECT_GE(made.size(), 5U);
        EXPECT_EQ(got, made) << past.trades_url(request);
    }
}

TEST_P(VenueCandles, OfASymbolThatItDoesNotListAreAnError) {
    const feed::PastType& past = type_.past;
    const feed::PastRequest request{.symbol = *type_.symbol_of("NONESUCH"),
                                    .from = stamp(now_ - 1h),
                                    .to = stamp(now_),
                                    .now = stamp(now_)};
    const auto read = past.parse_candles(answer(past.candles_url(request)), request);
    ASSERT_FALSE(read);
    EXPECT_NE(read.error().kind, feed::ParseError::Kind::not_json) << read.error().text;
}

std::vector<const SimVenue*> venues_with(bool (*has)(const feed::VenueType&)) {
    std::vector<const SimVenue*> out;
    for (const SimVenue* venue : sim_venues()) {
        if (has(*feed::find_venue_type(venue->name))) out.push_back(venue);
    }
    return out;
}
std::string name_of(const testing::TestParamInfo<const SimVenue*>& info) {
    return std::string(info.param->name);
}

INSTANTIATE_TEST_SUITE_P(Of, VenueLists, testing::ValuesIn(venues_with([](const auto& t) {
                             return !t.listings.path.empty();
                         })),
                         name_of);
INSTANTIATE_TEST_SUITE_P(Of, VenueCandles, testing::ValuesIn(venues_with([](const auto& t) {
                             return t.past.candles_per_request > 0;
                         })),
                         name_of);
INSTANTIATE_TEST_SUITE_P(Of, VenueTrades, testing::ValuesIn(venues_with([](const auto& t) {
                             return t.past.trades_url != nullptr;
                         })),
                         name_of);

}  // namespace
}  // namespace pricewire::sim
