#include <algorithm>
#include <array>
#include <ranges>
#include <tuple>
#include <utility>

#include "api/bodies.hpp"
#include "api/handlers.hpp"
#include "api/query_values.hpp"
#include "api/watching.hpp"
#include "base/json_writer.hpp"

namespace pricewire::api {
namespace {

using namespace std::chrono_literals;

constexpr std::array<std::pair<std::string_view, Duration>, 5> intervals{
    {{"1m", 1min}, {"5m", 5min}, {"1h", 1h}, {"1d", 24h}, {"1w", 7 * 24h}}};
constexpr std::size_t max_bars = 1500;
constexpr std::size_t max_blind = 100;  // the newest
// A feed fills what is missing once an hour; what has been missing for longer is being loaded.
constexpr Duration filled_within = 2h;

struct HistoryQuery {
    std::string_view name = intervals.front().first;
    Duration interval = intervals.front().second;
    Timestamp from = Timestamp::min();
    Timestamp to = Timestamp::max();
    std::size_t limit = 500;
};

Parsed<HistoryQuery> parse_history_query(const QueryString& query) {
    HistoryQuery out;
    std::vector<Issue> issues;
    if (const auto text = query.find("interval")) {
        const auto found = std::find_if(intervals.begin(), intervals.end(),
                                        [&](const auto& known) { return known.first == *text; });
        if (found != intervals.end()) {
            std::tie(out.name, out.interval) = *found;
        } else {
            issues.push_back({{"query", "interval"}, "Input should be 1m, 5m, 1h, 1d or 1w", "enum"});
        }
    }
    const auto from = read_time(query, "from", issues);
    const auto to = read_time(query, "to", issues);
    if (from && to && *from >= *to)
        issues.push_back({{"query", "from"}, "Input should be before 'to'", "value_error"});
    out.from = from.value_or(out.from);
    out.to = to.value_or(out.to);
    read_limit(query, max_bars, out.limit, issues);
    if (!issues.empty()) return std::unexpected(std::move(issues));
    return out;
}

// Whether more is about to come: a feed has not begun to ask venues for the ticker's past, or is doing it.
bool is_loading(const Services& services, const Ticker& ticker, const std::optional<WatchState>& unwatched,
                bool has_bars) {
    // Trading that is halted has a past.
    if (unwatched && unwatched->why != Unwatchable::halted) return false;
    const auto filled = services.use.storage.filled(ticker);
    if (!filled) return !has_bars;
    const Timestamp now = services.use.clock.now();
    return filled->next_at <= now && (!filled->until || *filled->until < now - filled_within);
}

void write_bar(JsonWriter& w, const Bar& bar) {
    w.begin_object()
        .field("time", bar.start)
        .field("open", bar.open)
        .field("high", bar.high)
        .field("low", bar.low)
        .field("close", bar.close);
    if (bar.volume) w.field("volume", *bar.volume);
    if (bar.is_history) w.field("history", true);
    w.end_object();
}

// When nothing was judged. `spans` are those after the beginning, newest first; those after `to` are left out.
void write_blind(JsonWriter& w, std::vector<BlindSpan> spans, Timestamp to) {
    std::erase_if(spans, [&](const BlindSpan& span) { return span.from >= to; });
    if (spans.empty()) return;
    w.key("blind").begin_array();
    for (const BlindSpan& span : spans | std::views::reverse) {
        w.begin_object()
            .field("from", span.from)
            .field("to", span.to)
            .field("state", to_string(span.state))
            .field("reason", span.reason)
            .field("fired_late", span.fired)
            .field("unknown_seconds", span.unknown / 1s)
            .end_object();
    }
    w.end_array();
}

}  // namespace

net::ServerResponse show_history(Services& services, Exchange& exchange) {
    const auto ticker = ticker_named(services, exchange.parameter);
    if (!ticker) return error_response(404, no_such_ticker);
    const auto unwatched = look_at(services, exchange, *ticker);
    const auto wanted = parse_history_query(QueryString(exchange.request.query));
    if (!wanted) return validation_response(wanted.error());
    const std::vector<Bar> bars =
        services.use.storage.bars(*ticker, wanted->interval, wanted->from, wanted->to, wanted->limit);
    JsonWriter w;
    w.begin_object()
        .field("ticker", ticker->view())
        .field("interval", wanted->name)
        .key("bars")
        .begin_array();
    for (const Bar& bar : bars) write_bar(w, bar);
    w.end_array();
    Timestamp since = wanted->from;
    if (!bars.empty()) since = std::max(since, bars.front().start);
    write_blind(w, services.use.storage.blind_spans(*ticker, since, max_blind), wanted->to);
    if (is_loading(services, *ticker, unwatched, !bars.empty())) w.field("loading", true);
    w.end_object();
    return json_response(200, std::move(w).str());
}

}  // namespace pricewire::api
