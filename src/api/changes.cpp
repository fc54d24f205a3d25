#include <cmath>

#include "api/bodies.hpp"
#include "api/handlers.hpp"
#include "api/query_values.hpp"
#include "base/json_writer.hpp"

namespace pricewire::api {
namespace {

using namespace std::chrono_literals;

constexpr int hours_of_sparkline = 24;

// In percent, to four decimals.
std::optional<double> change_of(const LastDay& day, Decimal price) {
    if (!day.open || !day.open->is_positive()) return std::nullopt;
    const double open = day.open->to_double();
    return std::round((price - *day.open).to_double() / open * 1e6) / 1e4;
}

// The price at the end of each of the last whole hours, oldest first.
void write_sparkline(JsonWriter& w, const LastDay& day, Timestamp now) {
    Timestamp end = std::chrono::floor<std::chrono::hours>(now) - (hours_of_sparkline - 1) * 1h;
    auto next = day.ends.begin();
    w.key("sparkline").begin_array();
    for (int i = 0; i < hours_of_sparkline; ++i, end += 1h) {
        while (next != day.ends.end() && next->first < end) ++next;
        const bool is_known = next != day.ends.end() && next->first == end;
        w.value(is_known ? std::optional(next->second) : std::nullopt);
    }
    w.end_array();
}

}  // namespace

net::ServerResponse show_changes(Services& services, Exchange& exchange) {
    std::vector<Issue> issues;
    const bool with_sparkline =
        read_bool(QueryString(exchange.request.query), "sparkline", issues).value_or(false);
    if (!issues.empty()) return validation_response(issues);
    const std::vector<Price> prices = services.use.bus.prices();
    std::vector<Ticker> tickers;
    for (const Price& price : prices) tickers.push_back(price.ticker);
    const Timestamp now = services.use.clock.now();
    const std::map<Ticker, LastDay> days = services.last_days.of(tickers, now);
    JsonWriter w;
    w.begin_object().field("time", now).key("changes").begin_array();
    for (const Price& price : prices) {
        const LastDay& day = days.at(price.ticker);
        w.begin_object()
            .field("ticker", price.ticker.view())
            .field("price", price.value)
            .field("open_24h", day.open)
            .field("since", day.open ? std::optional(day.since) : std::nullopt)
            .field("change_24h", change_of(day, price.value));
        if (with_sparkline) write_sparkline(w, day, now);
        w.end_object();
    }
    w.end_array().end_object();
    return json_response(200, std::move(w).str());
}

}  // namespace pricewire::api
