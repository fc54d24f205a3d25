#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <ranges>

#include "api/handlers.hpp"
#include "base/json_writer.hpp"

namespace pricewire::api {
namespace {

// /health uses the same words as a source's condition.
SourceCondition overall(const std::vector<PingResult>& pings, bool market_is_well) {
    if (std::ranges::any_of(pings, [](const auto& p) { return p.needed && !p.up; }))
        return SourceCondition::down;
    const bool all_up = std::ranges::all_of(pings, [](const auto& p) { return p.up; });
    return all_up && market_is_well ? SourceCondition::ok : SourceCondition::degraded;
}

// With fewer exchanges than these, one that errs may decide the price.
constexpr std::ptrdiff_t enough_exchanges = 3;

// What is wrong with the market although the process works.
struct Trouble {
    SourceCondition condition = SourceCondition::ok;
    std::string why;
};

std::ptrdiff_t counted(const TickerBoard& board, SourceKind kind) {
    return std::ranges::count_if(board.quotes, [kind](const JudgedQuote& q) {
        return q.quote.kind == kind && q.verdict == Verdict::counted;
    });
}

Trouble trouble_of(const TickerBoard& board) {
    if (!board.price) return {SourceCondition::down, why_left_out(board)};
    const auto exchanges = std::ranges::count_if(board.quotes, [](const JudgedQuote& q) {
        return q.quote.kind == SourceKind::exchange && q.verdict != Verdict::foreign;
    });
    const auto agreeing = counted(board, SourceKind::exchange);
    const std::string left_out = why_left_out(board);
    if (agreeing == 0 && counted(board, SourceKind::aggregator) > 0) {
        return {SourceCondition::degraded, "only aggregators have a price, which can be minutes old" +
                                               (exchanges > 0 ? ": " + left_out : "")};
    }
    std::string why = exchanges > 1 ? board.note : "";
    if (agreeing < std::min(enough_exchanges, exchanges)) {
        fmt::format_to(std::back_inserter(why), "{}only {} of {} exchanges count: {}",
                       why.empty() ? "" : "; ", agreeing, exchanges, left_out);
    }
    return {why.empty() ? SourceCondition::ok : SourceCondition::degraded, why};
}

// Each failing source has an entry of its own; what counts here is how many are left.
Trouble trouble_of(const std::vector<SourceReport>& sources) {
    const auto works = [](const SourceReport& s) {
        return s.condition != SourceCondition::down && s.last_quote_at;
    };
    if (std::ranges::none_of(sources, works)) return {SourceCondition::degraded, "no source delivers prices"};
    std::ptrdiff_t exchanges = 0, working = 0;
    for (const SourceReport& source : sources) {
        if (source.kind != SourceKind::exchange || source.state == "idle" || source.state == "disabled")
            continue;
        ++exchanges;
        if (works(source)) ++working;
    }
    if (working >= std::min(enough_exchanges, exchanges)) return {};
    return {SourceCondition::degraded,
            fmt::format("only {} of {} exchanges deliver prices", working, exchanges)};
}

struct TickerTrouble {
    const TickerBoard* board;
    Trouble trouble;
};

std::vector<TickerTrouble> tickers_in_trouble(const std::vector<TickerBoard>& tickers) {
    std::vector<TickerTrouble> out;
    for (const TickerBoard& board : tickers) {
        if (Trouble trouble = trouble_of(board); trouble.condition != SourceCondition::ok)
            out.push_back({&board, std::move(trouble)});
    }
    return out;
}

// Of these, how many are listed.
constexpr std::size_t most_named = 20;

void write_tickers(JsonWriter& w, const std::vector<TickerTrouble>& tickers) {
    w.key("tickers").begin_object();
    for (const auto& [board, trouble] : tickers | std::views::take(most_named)) {
        w.key(board->ticker.view())
            .begin_object()
            .field("status", to_string(trouble.condition))
            .field("detail", trouble.why);
        if (board->unpriced_since) w.field("since", *board->unpriced_since);
        w.end_object();
    }
    w.end_object();
    if (tickers.size() > most_named) w.field("further_tickers", tickers.size() - most_named);
}

double seconds(Duration d) {
    return static_cast<double>(std::chrono::floor<std::chrono::milliseconds>(d).count()) / 1000;
}

}  // namespace

net::ServerResponse health_response(const std::vector<PingResult>& pings,
                                    const std::optional<MarketHealth>& market, Timestamp now) {
    const Trouble sources = market ? trouble_of(market->sources) : Trouble{};
    const auto tickers = market ? tickers_in_trouble(market->tickers) : std::vector<TickerTrouble>{};
    const SourceCondition status =
        overall(pings, sources.condition == SourceCondition::ok && tickers.empty());
    JsonWriter w;
    w.begin_object().field("status", to_string(status)).field("version", PRICEWIRE_VERSION);
    if (!sources.why.empty()) w.field("detail", sources.why);
    w.key("dependencies").begin_object();
    for (const PingResult& ping : pings) {
        w.key(ping.name)
            .begin_object()
            .field("status", ping.up ? "ok" : "down")
            .field("latency_ms", ping.latency_ms);
        if (!ping.detail.empty()) w.field("detail", ping.detail);
        w.end_object();
    }
    if (market) {
        if (!tickers.empty()) write_tickers(w, tickers);
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
            w.field("state", source.state).end_object();
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
