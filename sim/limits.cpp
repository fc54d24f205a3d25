#include "sim/limits.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

namespace pricewire::sim {
namespace {

using namespace std::chrono_literals;

// A request whose path holds `part` costs so much.
struct Cost {
    std::string_view part;
    int cost;
};

// 0: no limit is known.
struct Rate {
    int most = 0;
    std::chrono::seconds per{0};
};

struct VenueLimits {
    std::string_view venue;
    Rate requests;
    bool is_per_path = false;
    std::array<Cost, 4> costs{};  // the first that fits; else 1
    int status = 429;
    std::chrono::seconds ban{0};       // 0: until there is room again
    Rate messages{};                   // of one connection
    bool is_of_subscriptions = false;  // only messages that subscribe or unsubscribe count
    Rate connections{};
};

// Limits of public data. Where a venue names none, or "about" one, it is what its clients keep to.
constexpr std::array rows{
    VenueLimits{.venue = "binance",
                .requests = {6000, 60s},
                .costs = {{{"ticker", 4}, {"klines", 2}, {"aggTrades", 4}, {"exchangeInfo", 20}}},
                .ban = 120s,
                .messages = {5, 1s},
                .connections = {300, 300s}},
    VenueLimits{.venue = "binance_us",
                .requests = {1200, 60s},
                .costs = {{{"ticker", 2}, {"exchangeInfo", 10}}},
                .ban = 120s,
                .messages = {5, 1s},
                .connections = {300, 300s}},
    VenueLimits{.venue = "coinbase", .requests = {10, 1s}, .messages = {8, 1s}, .connections = {8, 1s}},
    VenueLimits{.venue = "kraken", .requests = {20, 20s}, .status = 200, .connections = {150, 600s}},
    VenueLimits{.venue = "okx",
                .requests = {20, 2s},
                .is_per_path = true,
                .messages = {480, 3600s},
                .is_of_subscriptions = true,
                .connections = {3, 1s}},
    VenueLimits{
        .venue = "bybit", .requests = {600, 5s}, .status = 403, .ban = 600s, .connections = {500, 300s}},
    VenueLimits{.venue = "bitstamp", .requests = {10'000, 600s}},
    // 90 a minute of tickers and lists, 30 of the rest.
    VenueLimits{.venue = "bitfinex",
                .requests = {90, 60s},
                .costs = {{{"candles", 3}, {"trades", 3}}},
                .ban = 60s,
                .connections = {20, 60s}},
    VenueLimits{.venue = "gemini", .requests = {120, 60s}},
    VenueLimits{.venue = "kucoin",
                .requests = {2000, 30s},
                .costs = {{{"allTickers", 15}, {"candles", 3}, {"symbols", 4}, {"histories", 3}}},
                .messages = {100, 10s},
                .connections = {30, 60s}},
    VenueLimits{.venue = "gateio", .requests = {200, 10s}, .is_per_path = true},
    VenueLimits{.venue = "htx", .requests = {10, 1s}, .is_per_path = true, .messages = {10, 1s}},
    VenueLimits{.venue = "crypto_com", .requests = {100, 1s}, .is_per_path = true, .messages = {100, 1s}},
    VenueLimits{.venue = "bitget",
                .requests = {20, 1s},
                .is_per_path = true,
                .messages = {240, 3600s},
                .is_of_subscriptions = true,
                .connections = {300, 300s}},
    VenueLimits{.venue = "mexc", .requests = {500, 10s}, .is_per_path = true, .messages = {100, 1s}},
    VenueLimits{.venue = "coingecko", .requests = {30, 60s}, .ban = 60s},
};

const VenueLimits* row_of(const SimVenue& venue) {
    const auto found = std::find_if(rows.begin(), rows.end(),
                                    [&](const VenueLimits& row) { return row.venue == venue.name; });
    return found == rows.end() ? nullptr : &*found;
}

int cost_of(const VenueLimits& row, std::string_view path) {
    for (const auto& [part, cost] : row.costs) {
        if (!part.empty() && path.find(part) != std::string_view::npos) return cost;
    }
    return 1;
}

}  // namespace

bool Limits::add(Window& window, int cost, int most, std::chrono::seconds per, Time now) {
    while (!window.costs.empty() && now - window.costs.front().first >= per) {
        window.sum -= window.costs.front().second;
        window.costs.pop_front();
    }
    if (window.sum + cost > most) return false;
    window.sum += cost;
    window.costs.emplace_back(now, cost);
    return true;
}

void Limits::violate(const SimVenue& venue, std::string what) {
    Counts& counts = counts_[std::string(venue.name)];
    ++counts.violations;
    counts.last = std::move(what);
}

std::optional<net::ServerResponse> Limits::on_request(const SimVenue& venue, std::string_view path,
                                                      Time now) {
    const std::string name(venue.name);
    MutexLock lock(mutex_);
    ++counts_[name].requests;
    const VenueLimits* row = row_of(venue);
    if (row == nullptr || row->requests.most == 0) return std::nullopt;
    const std::string key = row->is_per_path ? fmt::format("{} {}", name, path) : name;
    const auto banned = banned_until_.find(name);
    const bool is_banned = is_enforced_ && banned != banned_until_.end() && now < banned->second;
    const auto [most, per] = row->requests;
    if (!is_banned && add(windows_[key], cost_of(*row, path), most, per, now)) return std::nullopt;
    violate(venue, fmt::format("more than {} requests in {} s: {}", most, per.count(), path));
    if (!is_enforced_) return std::nullopt;
    const auto wait = row->ban > 0s ? row->ban : per;
    if (!is_banned && row->ban > 0s) banned_until_[name] = now + row->ban;
    // A client that keeps asking after a refusal gets another status.
    const int status = is_banned && row->status == 429 ? 418 : row->status;
    net::ServerResponse response{.status = status, .body = std::string(venue.error_body)};
    if (status != 200) response.headers.emplace_back("Retry-After", std::to_string(wait.count()));
    return response;
}

void Limits::on_message(const SimVenue& venue, std::uint64_t client, std::string_view text, Time now) {
    const VenueLimits* row = row_of(venue);
    if (row == nullptr || row->messages.most == 0) return;
    if (row->is_of_subscriptions && text.find("subscribe") == std::string_view::npos) return;
    MutexLock lock(mutex_);
    const auto [most, per] = row->messages;
    if (add(windows_[fmt::format("{} client {}", venue.name, client)], 1, most, per, now)) return;
    violate(venue, fmt::format("more than {} messages in {} s on one connection", most, per.count()));
}

void Limits::on_connection(const SimVenue& venue, Time now) {
    const VenueLimits* row = row_of(venue);
    if (row == nullptr || row->connections.most == 0) return;
    MutexLock lock(mutex_);
    const auto [most, per] = row->connections;
    if (add(windows_[fmt::format("{} connections", venue.name)], 1, most, per, now)) return;
    violate(venue, fmt::format("more than {} connections in {} s", most, per.count()));
}

void Limits::write(JsonWriter& w) const {
    MutexLock lock(mutex_);
    std::uint64_t violations = 0;
    w.key("requests").begin_object();
    for (const auto& [venue, counts] : counts_) {
        violations += counts.violations;
        w.key(venue).begin_object().field("requests", counts.requests);
        w.field("violations", counts.violations);
        if (!counts.last.empty()) w.field("last", counts.last);
        w.end_object();
    }
    w.end_object().field("violations", violations);
}

}  // namespace pricewire::sim
