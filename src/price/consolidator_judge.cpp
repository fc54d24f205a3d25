// What each quote is worth before the quotes are compared for the price, and what the board says of them. The method
// is described in consolidator.cpp.
#include <fmt/format.h>

#include <algorithm>

#include "price/consolidator.hpp"
#include "price/within.hpp"

namespace pricewire::price {

void Consolidator::judge_alone(Timestamp now, const Source* just_came) {
    if (rates_version_ != rates_->version()) {
        rates_version_ = rates_->version();
        for (Source& source : sources_) {
            if (source.currency) source.value = rates_->in_dollars(source.quote.price, *source.currency);
        }
    }
    judge_by_age(now);
    judge_lags();
    judge_stuck(now);
    judge_leavers(now);
    // Once a second is enough, but not in the first seconds, and not for camps.
    judge_groups(now, just_came == nullptr || is_settling(now));
    leave_out_off_peg();
    judge_newcomers(now);
    judge_figures(now);
}

void Consolidator::judge_by_age(Timestamp now) {
    for (Source& source : sources_) {
        source.check = source.value;
        source.checks = false;
        const bool is_exchange = source.quote.kind == SourceKind::exchange;
        const Duration age = now - (is_exchange ? source.quote.received_at : quoted_at(source.quote));
        const Duration ttl =
            is_exchange ? policy_->quote_ttl : std::max(policy_->aggregator_ttl, source.figures_ttl);
        if (!source.currency) {
            source.verdict = Verdict::foreign;
        } else if (age > ttl) {
            source.verdict = Verdict::stale;
        } else {
            source.verdict = is_exchange ? Verdict::counted : Verdict::check_only;
        }
    }
}

void Consolidator::judge_lags() {
    lags_.clear();
    for (const Source& source : sources_) {
        if (votes(source)) lags_.push_back(source.lag);
    }
    if (lags_.empty()) return;
    const auto median = lags_.begin() + static_cast<std::ptrdiff_t>((lags_.size() - 1) / 2);
    std::nth_element(lags_.begin(), median, lags_.end());
    lag_limit_ = *median + policy_->most_lag;
    for (Source& source : sources_) {
        if (votes(source) && source.lag > lag_limit_) source.verdict = Verdict::lagging;
    }
}

// Whether it has repeated its last trade, or its last price, for too long to tell whether it still trades.
bool Consolidator::is_stalled(const Source& source, Timestamp now) const {
    const auto repeats = [&](Timestamp since, Duration longest) {
        return source.quote.received_at > since && now - since > longest;
    };
    return repeats(source.trade_since, policy_->quote_ttl) ||
           repeats(source.price_since, policy_->unchanged_for);
}

void Consolidator::judge_stuck(Timestamp now) {
    if (std::ranges::none_of(sources_, [&](const Source& s) { return votes(s) && is_stalled(s, now); })) {
        for (Source& source : sources_) source.is_stuck = false;
        return;
    }
    const std::size_t movers =
        take([&](const Source& source) { return votes(source) && source.past && !is_stalled(source, now); });
    for (Source& source : sources_) {
        if (!votes(source)) continue;
        const bool was_stuck = source.is_stuck;
        source.is_stuck = false;
        if (movers == 0 || !is_stalled(source, now)) continue;
        const Decimal centre = votes_.median();
        const std::int64_t near_bp = was_stuck ? policy_->stuck_bp / 2 : policy_->stuck_bp;
        // A lone mover beyond the tolerance may be the one that is wrong.
        source.is_stuck =
            !within(source.value, centre, near_bp) &&
            (movers > 1 || was_stuck || within(source.value, centre, policy_->exchange_tolerance_bp));
        if (source.is_stuck) source.verdict = Verdict::stuck;
    }
}

// Two owners that jump together could outvote any number of lighter ones. Beyond what a market moves between two
// trades, weights do not decide, but how many have moved.
void Consolidator::judge_leavers(Timestamp now) {
    if (!last_exchange_price_ || now - last_exchange_at_ > policy_->quote_ttl) return;
    const auto has_left = [&](const Source& source) {
        return votes(source) && !within(source.value, *last_exchange_price_, policy_->jump_tolerance_bp);
    };
    const std::size_t left = take(has_left);
    if (left == 0) return;
    if (take([&](const Source& source) { return votes(source) && !has_left(source); }) < 2) return;
    const std::size_t stayed = owners_near(votes_.median(), policy_->exchange_tolerance_bp);
    if (stayed < 2 || stayed < left) return;
    for (Source& source : sources_) {
        if (has_left(source)) source.verdict = Verdict::outlier;
    }
}

void Consolidator::judge_groups(Timestamp now, bool is_due) {
    for (std::size_t currency = 1; currency < groups_.size(); ++currency) judge_group(currency, now, is_due);
}

// Compares the venues of a currency with those of the dollar, by their recent trades: the last trade of a quiet
// venue is where the market was. What cannot be compared stays as it was. Beyond the tolerance of exchanges they are
// two camps, of which the larger would win by its number: the dollar leads at once. Most of the dollar venues must
// agree, or two that are wrong would lead everybody.
void Consolidator::judge_group(std::size_t currency, Timestamp now, bool is_due) {
    const auto take_recent = [&](std::size_t which) {
        return take([&](const Source& source) {
            return votes(source) && *source.currency == which &&
                   now - source.quote.received_at <= policy_->compared_within;
        });
    };
    const std::size_t owners = take_recent(0);
    if (owners < 2) return;
    Decimal dollars = votes_.median();
    const std::size_t agreeing = owners_near(dollars, policy_->readmission_bp);
    if (agreeing < 2 || agreeing * 2 <= owners) return;
    const Decimal low = votes_.lowest(), high = votes_.highest();
    if (take_recent(currency) == 0) return;
    const Decimal other = votes_.median();
    // Of two, one may be wrong: both must be apart.
    if (owners == 2) dollars = std::clamp(other, low, high);
    Group& group = groups_[currency];
    // Without a rate, nothing else speaks for the currency.
    const bool are_camps = !within(
        other, dollars, rates_->at(currency).is_known ? policy_->exchange_tolerance_bp : policy_->apart_bp);
    if (!is_due && !are_camps) return;
    group.spread_bp10 = spread_bp10(other, dollars);
    if (within(other, dollars, group.is_apart ? policy_->apart_bp / 2 : policy_->apart_bp)) {
        group.is_apart = false;
        group.apart_since.reset();
        return;
    }
    if (!group.apart_since) group.apart_since = now;
    if (are_camps || is_settling(now) || now - *group.apart_since >= policy_->apart_for)
        group.is_apart = true;
}

bool Consolidator::is_distrusted(std::size_t currency) const {
    return rates_->at(currency).is_off_peg || groups_[currency].is_apart;
}

// Others lead as long as two of them trade and most agree: they are not held to what they said before an outage.
void Consolidator::leave_out_off_peg() {
    bool has_any = false;
    for (std::size_t i = 1; i < groups_.size(); ++i) has_any = has_any || is_distrusted(i);
    if (!has_any) return;
    const std::size_t owners = take([&](const Source& source) {
        return votes(source) && !is_distrusted(*source.currency) &&
               last_now_ - source.quote.received_at <= policy_->quote_ttl / 2;
    });
    if (owners < 2) return;
    const std::size_t agreeing = owners_near(votes_.median(), policy_->exchange_tolerance_bp);
    if (agreeing < 2 || agreeing * 2 <= owners) return;
    for (Source& source : sources_) {
        if (votes(source) && is_distrusted(*source.currency)) source.verdict = Verdict::off_peg;
    }
}

void Consolidator::judge_newcomers(Timestamp now) {
    const auto is_new = [](const Source& source) { return votes(source) && !source.past; };
    if (std::ranges::none_of(sources_, is_new)) return;
    const std::size_t owners = take([](const Source& source) { return votes(source) && source.past; });
    if (owners == 0) return;
    const bool has_proved = std::ranges::any_of(sources_, [&](const Source& source) {
        return votes(source) && source.past && now - source.past->since >= policy_->newcomer_until;
    });
    if (owners < 2 && !has_proved) return;
    for (Source& source : sources_) {
        if (is_new(source) && !within(source.value, votes_.median(), policy_->newcomer_bp))
            source.verdict = Verdict::outlier;
    }
}

std::int64_t Consolidator::tolerance_of(const Source& aggregator) const {
    return aggregator.figures_ttl > Duration{} ? policy_->older_figure_bp : policy_->aggregator_tolerance_bp;
}

// Marks figures that are suspect, and says what each aggregator checks with.
void Consolidator::judge_figures(Timestamp now) {
    const bool has_exchange = std::ranges::any_of(sources_, votes);
    for (Source& source : sources_) {
        if (source.verdict != Verdict::check_only) continue;
        source.checks = true;
        if (!is_suspect(source)) continue;
        source.verdict = has_exchange ? Verdict::outlier : Verdict::unconfirmed;
        source.checks = source.past && now - source.past->time <= policy_->aggregator_ttl &&
                        !within(source.value, source.past->price, tolerance_of(source));
        if (source.checks) source.check = source.past->price;
    }
}

bool Consolidator::is_suspect(const Source& aggregator) const {
    const Decimal figure = aggregator.value;
    const std::int64_t tolerance_bp = tolerance_of(aggregator);
    const auto past = aggregator.past ? std::optional(aggregator.past->price) : last_exchange_price_;
    bool has_exchange = false;
    bool agrees_with_past = false;
    for (const Source& source : sources_) {
        if (source.verdict != Verdict::counted) continue;
        has_exchange = true;
        if (within(source.value, figure, tolerance_bp)) return false;
        if (another_figure_agrees(source.value, aggregator)) return true;
        agrees_with_past = agrees_with_past || (past && within(source.value, *past, tolerance_bp));
    }
    if (!past || within(figure, *past, tolerance_bp)) return false;
    const bool is_repeated = aggregator.repeats >= policy_->repeated_figures;
    const bool is_believable = within(figure, *past, policy_->believable_move_bp);
    if (!has_exchange) return !is_believable && !is_repeated;
    return aggregator.past && agrees_with_past && !(is_believable && is_repeated);
}

bool Consolidator::another_figure_agrees(Decimal price, const Source& aggregator) const {
    return std::ranges::any_of(sources_, [&](const Source& other) {
        return &other != &aggregator && other.verdict == Verdict::check_only &&
               within(other.value, price, tolerance_of(other));
    });
}

// The median of what checks; of figures that are old by nature only where there is nothing better.
std::optional<Decimal> Consolidator::check_of_figures() {
    const bool has_present = std::ranges::any_of(
        sources_, [](const Source& source) { return source.checks && source.figures_ttl == Duration{}; });
    check_tolerance_bp_ = has_present ? policy_->aggregator_tolerance_bp : policy_->older_figure_bp;
    votes_.clear();
    for (const Source& source : sources_) {
        if (source.checks && (source.figures_ttl == Duration{}) == has_present)
            votes_.add({source.check, source.weight, index_of(source), source.owner});
    }
    votes_.settle();
    return votes_.empty() ? std::nullopt : std::optional(votes_.median());
}

std::size_t Consolidator::owners_near(Decimal centre, std::int64_t tolerance_bp) const {
    std::size_t owners = 0;
    const auto all = votes_.all();
    for (std::size_t i = 0; i < all.size(); ++i) {
        const auto is_near = [&](const Votes::Vote& vote) {
            return within(vote.value, centre, tolerance_bp);
        };
        const auto is_counted = [&](const Votes::Vote& vote) {
            return vote.owner == all[i].owner && is_near(vote);
        };
        if (is_near(all[i]) && std::ranges::none_of(all.first(i), is_counted)) ++owners;
    }
    return owners;
}

TickerBoard Consolidator::board() const {
    TickerBoard board{.ticker = ticker_};
    board.quotes.reserve(sources_.size());
    for (const Source& source : sources_) {
        JudgedQuote& judged = board.quotes.emplace_back(JudgedQuote{source.quote, source.verdict});
        if (!source.currency) continue;
        judged.dollars = source.value;
        if (price_) judged.spread_bp10 = spread_bp10(source.value, *price_);
    }
    board.band = band();
    if (price_) board.sources = static_cast<int>(votes_.owners());
    board.note = note();
    return board;
}

std::optional<PriceBand> Consolidator::band() const {
    if (!price_) return std::nullopt;
    Decimal width = std::max(*price_ - votes_.percentile(25), votes_.percentile(75) - *price_);
    const Source& first = sources_[votes_.all().front().source];
    if (first.quote.kind == SourceKind::aggregator) {
        width = width + price_->scaled_bp(policy_->exchange_tolerance_bp);
    } else if (votes_.owners() == 1) {
        width = width + price_->scaled_bp(policy_->readmission_bp);
    }
    std::size_t sure = 0;
    for (const Votes::Vote& vote : votes_.all()) {
        if (rates_->at(*sources_[vote.source].currency).is_known) ++sure;
    }
    if (sure < std::min<std::size_t>(2, votes_.all().size()))
        width = width + price_->scaled_bp(policy_->exchange_tolerance_bp);
    return PriceBand{std::max(*price_ - width, Decimal::from_raw(1)), *price_ + width};
}

std::string Consolidator::note() const {
    for (std::size_t i = 1; i < groups_.size(); ++i) {
        const auto is_of_it = [&](const Source& source) { return source.currency == i; };
        if (!is_distrusted(i) || std::ranges::none_of(sources_, is_of_it)) continue;
        const bool is_left_out = std::ranges::any_of(
            sources_, [](const Source& source) { return source.verdict == Verdict::off_peg; });
        const std::string_view lead = is_left_out ? "; the dollar venues lead" : "";
        const DollarRate& rate = rates_->at(i);
        if (rate.is_off_peg)
            return fmt::format("{} is at {} USD{}", rate.currency.view(), rate.value().to_string(), lead);
        const std::int64_t percent10 = (std::abs(groups_[i].spread_bp10) + 50) / 100;
        return fmt::format("the {} venues are {}.{} % {} the dollar venues{}", rate.currency.view(),
                           percent10 / 10, percent10 % 10, groups_[i].spread_bp10 < 0 ? "below" : "above",
                           lead);
    }
    if (!price_) return {};
    const Source& first = sources_[votes_.all().front().source];
    if (first.quote.kind == SourceKind::aggregator) return "no exchange delivers; it rests on an aggregator";
    if (votes_.owners() == 1) return fmt::format("it rests on {} alone", first.quote.source.view());
    return {};
}

}  // namespace pricewire::price
