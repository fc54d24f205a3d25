#include "directory/disagreement.hpp"

#include <algorithm>
#include <utility>

namespace pricewire::directory {
namespace {

using namespace std::chrono_literals;

constexpr std::int64_t percent_bp10 = 1000;
constexpr std::int64_t away_bp10 = 10 * percent_bp10;
// More than double: another coin, or another unit of it.
constexpr std::int64_t far_bp10 = 100 * percent_bp10;
constexpr Duration far_for = 10s;
// Longer than the prices of venues stay apart in a crash.
constexpr Duration away_for = 5min;
constexpr Duration back_for = 1min;

bool is_fresh(const JudgedQuote& quote) {
    switch (quote.verdict) {
        case Verdict::counted:
        case Verdict::check_only:
        case Verdict::outlier:
        case Verdict::disputed:
        case Verdict::unconfirmed:
            return quote.dollars && quote.dollars->is_positive();
        case Verdict::stale:
        case Verdict::foreign:
        case Verdict::lagging:
        case Verdict::stuck:
        case Verdict::off_peg:
            return false;
    }
    return false;
}

// As a share of the smaller one, so that it does not matter which is which.
std::int64_t apart_bp10(Decimal a, Decimal b) {
    return spread_bp10(std::max(a, b), std::min(a, b));
}

// How far a quote is from what it is compared with; nullopt: there is nothing.
std::optional<std::int64_t> distance_of(const JudgedQuote& quote, const TickerBoard& board) {
    if (board.price) return apart_bp10(*quote.dollars, board.price->value);
    std::optional<std::int64_t> nearest;
    for (const JudgedQuote& other : board.quotes) {
        if (&other == &quote || !is_fresh(other)) continue;
        const std::int64_t apart = apart_bp10(*quote.dollars, *other.dollars);
        nearest = std::min(nearest.value_or(apart), apart);
    }
    return nearest;
}

}  // namespace

void Disagreements::look(const TickerBoard& board, MonoTime now) {
    for (const JudgedQuote& quote : board.quotes) {
        if (!is_fresh(quote)) continue;
        const auto distance = distance_of(quote, board);
        if (!distance) continue;
        const bool is_away = *distance > away_bp10;
        const Duration after = !is_away ? back_for : *distance > far_bp10 ? far_for : away_for;
        note(quote.quote.source, board.ticker, is_away, after, now);
    }
}

void Disagreements::note(SourceName source, Ticker ticker, bool is_away, Duration settles_after,
                         MonoTime now) {
    const auto [at, is_new] = seen_.try_emplace({ticker, source});
    Seen& seen = at->second;
    if (is_new || seen.is_away != is_away) seen = {.is_away = is_away, .since = now};
    seen.in_round = true;
    if (seen.is_settled || now - seen.since < settles_after) return;
    seen.is_settled = true;
    settled_.push_back({source, ticker, is_away});
}

std::vector<Comparison> Disagreements::end_round() {
    // What is not compared now (its ticker is not watched, its price is stale) begins again.
    std::erase_if(seen_, [](const auto& entry) { return !entry.second.in_round; });
    for (auto& [key, seen] : seen_) seen.in_round = false;
    return std::exchange(settled_, {});
}

}  // namespace pricewire::directory
