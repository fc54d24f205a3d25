#include <algorithm>
#include <ranges>

#include "api/handlers.hpp"
#include "base/json_writer.hpp"

namespace pricewire::api {
namespace {

// /health uses the same words as a source's condition.
SourceCondition overall(const std::vector<PingResult>& pings, const std::optional<MarketHealth>& market) {
    if (std::any_of(pings.begin(), pings.end(), [](const auto& p) { return p.needed && !p.up; })) {
        return SourceCondition::down;
    }
    const bool all_up = std::all_of(pings.begin(), pings.end(), [](const auto& p) { return p.up; });
    // One working source is enough if every ticker has a price; each failing source has an entry of its own.
    const auto works = [](const SourceReport& s) {
        return s.condition != SourceCondition::down && s.last_quote_at;
    };
    const bool prices = !market || (market->unpriced.empty() && std::ranges::any_of(market->sources, works));
    return all_up && prices ? SourceCondition::ok : SourceCondition::degraded;
}

// Of these, how many are listed.
constexpr std::size_t most_unpriced = 20;

void write_unpriced(JsonWriter& w, const std::vector<TickerBoard>& unpriced) {
    w.key("tickers").begin_object();
    for (const TickerBoard& board : unpriced | std::views::take(most_unpriced)) {
        w.key(board.ticker.view())
            .begin_object()
            .field("status", "down")
            .field("detail", why_unpriced(board));
        if (board.unpriced_since) w.field("since", *board.unpriced_since);
        w.end_object();
    }
    w.end_object();
    if (unpriced.size() > most_unpriced) w.field("further_tickers", unpriced.size() - most_unpriced);
}

double seconds(Duration d) {
    return static_cast<double>(std::chrono::floor<std::chrono::milliseconds>(d).count()) / 1000;
}

}  // namespace

net::ServerResponse health_response(const std::vector<PingResult>& pings,
                                    const std::optional<MarketHealth>& market, Timestamp now) {
    const SourceCondition status = overall(pings, market);
    JsonWriter w;
    w.begin_object()
        .field("status", to_string(status))
        .field("version", PRICEWIRE_VERSION)
        .key("dependencies")
        .begin_object();
    for (const PingResult& ping : pings) {
        w.key(ping.name)
            .begin_object()
            .field("status", ping.up ? "ok" : "down")
            .field("latency_ms", ping.latency_ms);
        if (!ping.detail.empty()) w.field("detail", ping.detail);
        w.end_object();
    }
    if (market) {
        if (!market->unpriced.empty()) write_unpriced(w, market->unpriced);
        w.key("sources").begin_object();
        for (const SourceReport& source : market->sources) {
            w.key(source.name.view())
                .begin_object()
                .field("status", to_string(source.condition))
                .field("detail", source.detail)
                .key("last_quote_age");
            if (source.last_quote_at) {
                // The age can be negative if the feed's clock is ahead of ours.
                w.value(seconds(std::max(Duration{}, now - *source.last_quote_at)));
            } else {
                w.value(nullptr);
            }
            w.end_object();
        }
        w.end_object();
    }
    w.end_object().end_object();
    return json_response(status == SourceCondition::down ? 503 : 200, std::move(w).str());
}

net::ServerResponse show_live(Services&, Exchange&) {
    return json_response(200, R"({"status":"ok"})");
}

}  // namespace pricewire::api
