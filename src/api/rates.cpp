#include <fmt/format.h>

#include <algorithm>

#include "api/handlers.hpp"
#include "api/watching.hpp"
#include "base/json_writer.hpp"
#include "base/text.hpp"
#include "live/market_view.hpp"

namespace pricewire::api {
namespace {

constexpr int retry_seconds = 2;

std::string_view explain(Verdict verdict) {
    switch (verdict) {
        case Verdict::counted:
            return "counts";
        case Verdict::check_only:
            return "only checks the exchanges";
        case Verdict::stale:
            return "is stale";
        case Verdict::disputed:
            return "is disputed by another source";
        case Verdict::outlier:
            return "is far from the others";
        case Verdict::unconfirmed:
            return "has jumped and is not confirmed yet";
        case Verdict::foreign:
            return "is not counted in dollars";
        case Verdict::lagging:
            return "delivers the past";
        case Verdict::stuck:
            return "repeats its last trade";
        case Verdict::off_peg:
            return "is in a currency that has left the dollar";
    }
    return "is unknown";
}

// Seconds since the price was made, or since it arrived if the source's clock is ahead of ours.
double age_of(const Quote& quote, Timestamp now) {
    const Duration age = now - std::min(quote.time, quote.received_at);
    return static_cast<double>(std::max<std::int64_t>(0, age.count() / 1000)) / 1000;
}

// From the price, in basis points.
std::optional<double> spread_of(const TickerBoard& board, const JudgedQuote& quote) {
    if (!board.price || !quote.dollars) return std::nullopt;
    return static_cast<double>(quote.spread_bp10) / 10;
}

std::string write_board(const TickerBoard& board, Timestamp now) {
    JsonWriter w;
    w.begin_object().field("ticker", board.ticker.view());
    live::write_price(w, board);
    w.key("sources").raw(quotes_json(board, now)).end_object();
    return std::move(w).str();
}

std::string why_unpriced(const Ticker& ticker, const std::optional<WatchState>& unwatched,
                         const std::optional<TickerBoard>& board) {
    const std::string reason = reason_unpriced(unwatched ? &*unwatched : nullptr, board);
    if (unwatched) return fmt::format("There is no price for {} right now. {}", ticker.view(), reason);
    if (!board) return fmt::format("There is no price for {} yet: {}.", ticker.view(), reason);
    return fmt::format("There is no price for {} right now: {}.", ticker.view(), reason);
}

}  // namespace

std::string why_left_out(const TickerBoard& board) {
    std::string reasons;
    for (const JudgedQuote& q : board.quotes) {
        if (q.verdict == Verdict::counted) continue;
        if (!reasons.empty()) reasons += ", ";
        reasons += fmt::format("{} {}", q.quote.source.view(), explain(q.verdict));
    }
    return reasons.empty() ? "no source has sent a quote yet" : reasons;
}

std::string reason_unpriced(const WatchState* unwatched, const std::optional<TickerBoard>& board) {
    if (unwatched != nullptr) return unwatched->reason;
    return board ? why_left_out(*board) : "it is about to be watched";
}

std::string quotes_json(const TickerBoard& board, Timestamp now) {
    JsonWriter w;
    w.begin_array();
    for (const JudgedQuote& judged : board.quotes) {
        const Quote& quote = judged.quote;
        w.begin_object()
            .field("source", quote.source.view())
            .field("kind", to_string(quote.kind))
            .field("price", quote.price)
            .field("time", quote.time)
            .field("age", age_of(quote, now))
            .field("counts", judged.verdict == Verdict::counted)
            .field("reason", to_string(judged.verdict))
            .field("currency", quote.currency.view())
            .field("dollars", judged.dollars)
            .field("spread_bp", spread_of(board, judged));
        if (judged.verdict != Verdict::counted) w.field("detail", explain(judged.verdict));
        w.end_object();
    }
    w.end_array();
    return std::move(w).str();
}

net::ServerResponse show_rates(Services& services, Exchange&) {
    net::ServerResponse response;
    response.shared_body = services.use.bus.rates_json();
    if (*response.shared_body != "{}") {
        if (!services.had_prices.load(std::memory_order_relaxed)) services.had_prices.store(true);
        return response;
    }
    if (services.had_prices.load()) {
        return unavailable(
            "There is no price right now: every source is silent, stale or disputed. "
            "GET /api/v1/rates/{ticker} says why.",
            retry_seconds);
    }
    return unavailable(
        "There are no prices yet: no source has delivered any since the start. Try again shortly.",
        retry_seconds);
}

net::ServerResponse show_rate(Services& services, Exchange& exchange) {
    const auto ticker = ticker_named(services, exchange.parameter);
    if (!ticker) return error_response(404, no_such_ticker);
    const auto unwatched = look_at(services, exchange, *ticker);
    const auto board = services.use.bus.board(*ticker);
    if (board && board->price) return json_response(200, write_board(*board, services.use.clock.now()));
    return unavailable(why_unpriced(*ticker, unwatched, board), retry_seconds);
}

}  // namespace pricewire::api
