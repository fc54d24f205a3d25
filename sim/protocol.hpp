#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <boost/json/object.hpp>

#include "base/decimal.hpp"
#include "net/http_server.hpp"
#include "sim/faults.hpp"
#include "sim/tape.hpp"
#include "sim/venues/venue.hpp"

// What the simulated venues share. Pure.
namespace pricewire::sim {

// What the two dollar coins are worth, in dollars.
struct DollarRates {
    double usdt = 1;
    double usdc = 1;
    // 1 for "USD".
    double of(std::string_view currency) const {
        return currency == "USDT" ? usdt : currency == "USDC" ? usdc : 1;
    }
};

// The decoded value of one query parameter; empty where it is absent.
std::string query_value(std::string_view query, std::string_view name);
// The number in one; `otherwise` where there is none.
std::int64_t query_number(std::string_view query, std::string_view name, std::int64_t otherwise = 0);
// The number of rows in one, from 1 to `most`.
std::size_t query_count(std::string_view query, std::string_view name, std::size_t otherwise,
                        std::size_t most);
// The time in one, in such units.
SimTime query_time(std::string_view query, std::string_view name, std::chrono::milliseconds unit,
                   SimTime otherwise = {});
// The object that a client's message holds; empty where it holds none.
boost::json::object parse_object(std::string_view text);
// The string member of an object; empty where there is none.
std::string text_of(const boost::json::object& object, std::string_view name);
// The list member of an object; null where there is none.
const boost::json::array* list_of(const boost::json::object& object, std::string_view name);

// "BTC" for the tape's "BTCUSDT".
std::string base_of(std::string_view symbol);

// A stream that is subscribed to symbols by messages.
class SymbolStream : public SimStream {
public:
    explicit SymbolStream(const SimMarket& market) : market_(market) {}
    bool wants(std::string_view symbol) const final { return symbols_.contains(symbol); }
    bool is_subscribed() const final { return !symbols_.empty(); }

protected:
    // False: there is no such symbol.
    bool subscribe(const std::string& symbol, bool is_wanted = true);
    const SimMarket& market() const { return market_; }

private:
    const SimMarket& market_;
    std::set<std::string, std::less<>> symbols_;
};

// SimVenue::open of such a stream.
template <typename Stream>
std::unique_ptr<SimStream> open_stream(std::string_view, const SimMarket& market) {
    return std::make_unique<Stream>(market);
}

// The market's wall clock: the machine's, moved by what move_clock() was given in all. Thread-safe.
SimTime now();
void move_clock(std::chrono::microseconds by);

std::int64_t unix_ms();  // of now()
std::int64_t unix_ms(std::chrono::system_clock::time_point at);
std::int64_t unix_us(std::chrono::system_clock::time_point at);
std::int64_t unix_ns(std::chrono::system_clock::time_point at);
// "2026-11-01T10:00:00.123456Z"
std::string iso_time(std::chrono::system_clock::time_point at);
// One message for each trade, made by `frame`.
template <typename F>
std::vector<std::string> each(std::span<const SimTrade> trades, F&& frame) {
    std::vector<std::string> out;
    out.reserve(trades.size());
    for (const SimTrade& trade : trades) out.push_back(frame(trade));
    return out;
}
// One text, made by `item`, of all trades or candles, which are oldest first: newest first if so wanted.
template <typename Rows, typename F>
std::string joined(const Rows& rows, bool newest_first, F&& item) {
    std::string out;
    for (std::size_t i = 0; i < rows.size(); ++i) {
        if (i > 0) out += ',';
        out += item(rows[newest_first ? rows.size() - 1 - i : i]);
    }
    return out;
}
// The last `count` of rows that are oldest first.
template <typename Row>
std::vector<Row> last_of(std::vector<Row> rows, std::size_t count) {
    if (rows.size() > count) rows.erase(rows.begin(), rows.end() - static_cast<std::ptrdiff_t>(count));
    return rows;
}
// The interval of candles that a venue's word means: 1 min, 1 h, or else 1 day.
std::chrono::seconds step_of(std::string_view word, std::string_view minute, std::string_view hour);
// The last candles up to now, the open one included.
std::vector<SimCandle> newest_candles(const SimMarket& market, std::string_view symbol,
                                      std::chrono::seconds interval, std::size_t count);
// The last trades before `until`, of a day at most, oldest first.
std::vector<SimTrade> trades_before(const SimMarket& market, std::string_view symbol, SimTime until,
                                    std::size_t count);
// The symbol whose name, as `spell` makes it, is `name`, of those that the market lists; empty: there is none.
template <typename F>
std::string symbol_named(const SimMarket& market, std::string_view name, F&& spell) {
    for (const SimListing& listing : market.listings()) {
        if (spell(listing.symbol) == name) return listing.symbol;
    }
    return {};
}
std::string html_page();
// The answer under a fault that refuses: a page, or a status with Retry-After.
net::ServerResponse refusal(const Fault& fault);
// What REST answers under a fault of its door; nullopt: nothing, ever.
std::optional<net::ServerResponse> under_fault(const SimVenue& venue, const Fault& fault,
                                               net::ServerResponse response);
// Exact for 1 and 10; else with the digits of to_price().
Decimal times(Decimal price, double factor);
std::string gzipped(std::string_view text);
// Whether a message names a coin: "BTC" in "BTC-USD", "tBTCUSD", "btcusdt", but no "ETH" in "method".
bool mentions(std::string_view text, std::string_view base);

}  // namespace pricewire::sim
