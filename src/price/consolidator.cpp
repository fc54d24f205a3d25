#include "price/consolidator.hpp"

#include <algorithm>

// The method
//
// Exchanges trade; each has a vote, and the price is the weighted median of the fresh ones. A median moves
// only with half of the votes, so a single source cannot poison it. An aggregator repeats what exchanges said
// up to a minute ago and never votes: it checks a lone exchange, arbitrates between two that disagree, and is
// the fallback.
//
//   exchanges     aggregator   price
//   3 or more     any          median; those more than 2 % from it are outliers, and the median is taken again
//   2 that agree  any          median (the midpoint, where votes are equal)
//   disagreeing   fresh        the one nearest to the aggregator, if that is within 10 %, with those that
//                              agree with it; the others are outliers
//   disagreeing   none         none: all are disputed, unless some have left their own past: see below
//   1             agrees       the exchange's
//   1             contradicts  see below
//   1             none         the exchange's; but a jump of more than 10 % from the last price of exchanges,
//                              however old, waits until five more quotes over three seconds confirm it
//   0             fresh        the aggregator's, if it is newer than the last trade that counted: an older
//                              one after a fresh price would be a step back in time, and could fire at a
//                              price that never was; of several that differ by more than 10 %, those that
//                              were believed before, if these agree, else none: they are disputed
//   0             none         none
//
// A lone exchange that an aggregator contradicts is either wrong or fast. An aggregator's price from before
// the exchange left its tolerance cannot tell which, because the move may have come later. So against an
// older price, and within 30 % of it, the exchange is believed if it moved there in steps (each trade within
// 2 % of the last price, as in a crash that people trade through), or if twenty quotes over ten seconds
// confirm a jump (as after a gap in the connection). An aggregator's price from after that moment has seen
// the move: if it still contradicts, both are disputed and there is no price until one of them moves. A print
// ten times too high is neither reached in steps nor within 30 %, so it never fires, however often it is
// repeated.
//
// A source that has left its own past is the suspect, not those that stayed. What counts as its past is the last
// quote of it that was believed, because it agreed with the price or made it.
//
//   an aggregator's figure   is more than 10 % from its past, and an exchange agrees with that past and none with
//                            the figure: it is an outlier, and its past checks in its place while that is fresh;
//                            a figure within 30 % of its past checks again once two newer ones repeat it
//   an aggregator's figure   is contradicted by an exchange that another aggregator agrees with: it is an outlier
//   a lone aggregator's      is more than 30 % from its past or, without one, from the last price: it is
//                            unconfirmed until two newer ones repeat it
//   an exchange's quote      is more than 30 % from the last price, which its own past agrees with, while others
//                            stay within 10 %: it is an outlier, and the others vote without it
//
// Sources whose very first quotes contradict each other have no past that could decide: they are disputed.
//
// An exchange's quote is fresh by our clock, from its arrival. An aggregator's is fresh by its own time,
// because a coin that it has lost still arrives every minute; a time in the future counts as the time of
// arrival.

namespace pricewire::price {
namespace {

bool within(Decimal a, Decimal b, std::int64_t tolerance_bp) {
    return (a - b).abs() <= b.scaled_bp(tolerance_bp);
}

// The time of a quote by its source's clock, which may run ahead of ours.
Timestamp quoted_at(const Quote& quote) {
    return std::min(quote.time, quote.received_at);
}

}  // namespace

std::optional<Decimal> Consolidator::update(const Quote& quote, Timestamp now) {
    auto found = std::find_if(sources_.begin(), sources_.end(),
                              [&](const Source& s) { return s.quote.source == quote.source; });
    if (found == sources_.end()) {
        const auto weight = policy_->weights.find(quote.source);
        sources_.push_back(
            {quote, weight == policy_->weights.end() ? 1 : std::max(1, weight->second), Verdict::stale});
        ordered_.reserve(sources_.size());
        found = sources_.end() - 1;
    } else {
        if (quote.kind == SourceKind::aggregator) {
            if (quoted_at(quote) < quoted_at(found->quote)) {
                verdict_.reset();
                return std::nullopt;
            }
            if (!within(quote.price, found->quote.price, policy_->aggregator_tolerance_bp)) {
                found->repeats = 0;
            } else if (quoted_at(quote) > quoted_at(found->quote)) {
                ++found->repeats;
            }
        }
        found->quote = quote;
    }
    const auto before = price_;
    evaluate(now, &*found);
    verdict_ = found->verdict;
    if (!price_) return std::nullopt;
    // A trade that counts makes a price; any other quote does only if it changed the price.
    const bool trade = quote.kind == SourceKind::exchange && found->verdict == Verdict::counted;
    return trade || price_ != before ? price_ : std::nullopt;
}

std::optional<Decimal> Consolidator::refresh(Timestamp now) {
    const auto before = price_;
    evaluate(now, nullptr);
    return price_ != before ? price_ : std::nullopt;
}

TickerBoard Consolidator::board() const {
    TickerBoard board{.ticker = ticker_, .price = std::nullopt, .quotes = {}};
    for (const Source& source : sources_) board.quotes.push_back({source.quote, source.verdict});
    return board;
}

bool Consolidator::is_fresh(const Quote& quote, Timestamp now) const {
    if (quote.kind == SourceKind::exchange) return now - quote.received_at <= policy_->quote_ttl;
    return now - quoted_at(quote) <= policy_->aggregator_ttl;
}

// A clock that is set back must not keep a quote fresh until it has caught up.
void Consolidator::forget_the_future(Timestamp now) {
    for (Source& source : sources_) source.quote.received_at = std::min(source.quote.received_at, now);
    last_exchange_at_ = std::min(last_exchange_at_, now);
    if (jump_) jump_->since = std::min(jump_->since, now);
    if (left_at_) left_at_ = std::min(*left_at_, now);
}

void Consolidator::evaluate(Timestamp now, const Source* just_came) {
    forget_the_future(now);
    Source* lone = nullptr;
    int exchanges = 0;
    for (Source& source : sources_) {
        source.value = source.quote.price;
        source.checks = false;
        if (!is_fresh(source.quote, now)) {
            source.verdict = Verdict::stale;
        } else if (source.quote.kind == SourceKind::exchange) {
            source.verdict = Verdict::counted;
            lone = &source;
            ++exchanges;
        } else {
            source.verdict = Verdict::check_only;
        }
    }
    judge_figures(now);
    const auto check = median_of([](const Source& source) { return source.checks; });
    if (exchanges == 1) {
        price_ = lone_exchange(*lone, check, now, just_came == lone);
    } else if (exchanges > 1) {
        price_ = vote(check);
        jump_.reset();
        left_at_.reset();
    } else {
        price_ = fallback();
    }
    note_pasts();
    if (exchanges > 0 && price_) {
        last_exchange_price_ = price_;
        for (const Source& source : sources_) {
            if (source.quote.kind == SourceKind::exchange && source.verdict == Verdict::counted) {
                last_exchange_at_ = std::max(last_exchange_at_, source.quote.received_at);
            }
        }
    }
}

// Marks figures that are suspect, and says what each aggregator checks with.
void Consolidator::judge_figures(Timestamp now) {
    const bool has_exchange = std::ranges::any_of(
        sources_, [](const Source& source) { return source.verdict == Verdict::counted; });
    for (Source& source : sources_) {
        if (source.verdict != Verdict::check_only) continue;
        source.checks = true;
        if (!is_suspect(source)) continue;
        source.verdict = has_exchange ? Verdict::outlier : Verdict::unconfirmed;
        source.checks = source.past && now - source.past->time <= policy_->aggregator_ttl &&
                        !within(source.quote.price, source.past->price, policy_->aggregator_tolerance_bp);
        if (source.checks) source.value = source.past->price;
    }
}

bool Consolidator::is_suspect(const Source& aggregator) const {
    const Decimal figure = aggregator.quote.price;
    const auto past = aggregator.past ? std::optional(aggregator.past->price) : last_exchange_price_;
    bool has_exchange = false;
    bool agrees_with_past = false;
    for (const Source& source : sources_) {
        if (source.verdict != Verdict::counted) continue;
        has_exchange = true;
        const Decimal price = source.quote.price;
        if (within(price, figure, policy_->aggregator_tolerance_bp)) return false;
        if (another_figure_agrees(price, aggregator)) return true;
        agrees_with_past =
            agrees_with_past || (past && within(price, *past, policy_->aggregator_tolerance_bp));
    }
    if (!past || within(figure, *past, policy_->aggregator_tolerance_bp)) return false;
    const bool is_repeated = aggregator.repeats >= policy_->repeated_figures;
    const bool is_believable = within(figure, *past, policy_->believable_move_bp);
    if (!has_exchange) return !is_believable && !is_repeated;
    return aggregator.past && agrees_with_past && !(is_believable && is_repeated);
}

bool Consolidator::another_figure_agrees(Decimal price, const Source& aggregator) const {
    return std::ranges::any_of(sources_, [&](const Source& other) {
        return &other != &aggregator && other.quote.kind == SourceKind::aggregator &&
               other.verdict == Verdict::check_only &&
               within(other.quote.price, price, policy_->aggregator_tolerance_bp);
    });
}

void Consolidator::note_pasts() {
    if (!price_) return;
    for (Source& source : sources_) {
        const bool is_believed = source.verdict == Verdict::counted ||
                                 (source.verdict == Verdict::check_only &&
                                  within(source.quote.price, *price_, policy_->aggregator_tolerance_bp));
        if (is_believed) source.past = Past{source.quote.price, quoted_at(source.quote)};
    }
}

std::optional<Decimal> Consolidator::lone_exchange(Source& exchange, std::optional<Decimal> check,
                                                   Timestamp now, bool just_came) {
    const Decimal price = exchange.quote.price;
    if (check && !within(price, *check, policy_->aggregator_tolerance_bp)) {
        if (!left_at_) left_at_ = exchange.quote.received_at;
        if (moves_beyond_an_older_figure(exchange, *check, now, just_came)) return price;
        for (Source& source : sources_) {
            if (source.verdict == Verdict::counted || source.checks) source.verdict = Verdict::disputed;
        }
        return std::nullopt;
    }
    left_at_.reset();
    // However old the last price is: a wild print must not become true because the last price has been
    // forgotten.
    if (check || !last_exchange_price_ || within(price, *last_exchange_price_, policy_->jump_tolerance_bp)) {
        jump_.reset();
        return price;
    }
    if (confirms(exchange, policy_->confirmations, policy_->confirmed_over, now, just_came)) return price;
    exchange.verdict = Verdict::unconfirmed;
    return std::nullopt;
}

bool Consolidator::moves_beyond_an_older_figure(const Source& exchange, Decimal check, Timestamp now,
                                                bool just_came) {
    const Decimal price = exchange.quote.price;
    const bool figure_is_older = std::ranges::none_of(sources_, [&](const Source& source) {
        return source.verdict == Verdict::check_only && quoted_at(source.quote) >= *left_at_;
    });
    if (!figure_is_older || !within(price, check, policy_->believable_move_bp)) {
        jump_.reset();
        return false;
    }
    if (last_exchange_price_ && now - last_exchange_at_ <= policy_->quote_ttl &&
        within(price, *last_exchange_price_, policy_->exchange_tolerance_bp)) {
        jump_.reset();
        return true;
    }
    return confirms(exchange, policy_->contradicted_confirmations, policy_->contradicted_confirmed_over, now,
                    just_came);
}

// Whether this quote, after those before it, confirms a jump. A quote away from the first one restarts the
// count; a refresh does not count.
bool Consolidator::confirms(const Source& exchange, int quotes, Duration over, Timestamp now,
                            bool just_came) {
    if (!just_came) return false;
    if (!jump_ || !within(exchange.quote.price, jump_->price, policy_->exchange_tolerance_bp)) {
        jump_ = Jump{exchange.quote.price, now, 0};
    } else {
        ++jump_->quotes;
    }
    if (jump_->quotes < quotes || now - jump_->since < over) return false;
    jump_.reset();
    return true;
}

std::optional<Decimal> Consolidator::vote(std::optional<Decimal> check) {
    std::size_t voters = 0;
    Decimal dearest;
    for (const Source& source : sources_) {
        if (source.verdict != Verdict::counted) continue;
        ++voters;
        dearest = std::max(dearest, source.quote.price);
    }
    // The median of two lies between them and says nothing about their distance: compare them with each
    // other.
    const Decimal centre = voters == 2 ? dearest : *median_of_counted(SourceKind::exchange);
    const auto near = [&](const Source& source) {
        return within(source.quote.price, centre, policy_->exchange_tolerance_bp);
    };
    const auto agreeing = std::count_if(sources_.begin(), sources_.end(), [&](const Source& source) {
        return source.verdict == Verdict::counted && near(source);
    });
    if (agreeing < 2) return arbitrate(check);
    for (Source& source : sources_) {
        if (source.verdict == Verdict::counted && !near(source)) source.verdict = Verdict::outlier;
    }
    return median_of_counted(SourceKind::exchange);
}

// No price if none has left, or those that stayed disagree among themselves.
std::optional<Decimal> Consolidator::without_those_that_left() {
    if (!last_exchange_price_) return std::nullopt;
    const auto has_left = [&](const Source& source) {
        return source.past && within(source.past->price, *last_exchange_price_, policy_->jump_tolerance_bp) &&
               !within(source.quote.price, *last_exchange_price_, policy_->believable_move_bp);
    };
    Decimal least, most;
    bool has_any = false;
    bool have_some_left = false;
    for (const Source& source : sources_) {
        if (source.verdict != Verdict::disputed) continue;
        if (has_left(source)) {
            have_some_left = true;
            continue;
        }
        const Decimal price = source.quote.price;
        if (!within(price, *last_exchange_price_, policy_->jump_tolerance_bp)) return std::nullopt;
        least = has_any ? std::min(least, price) : price;
        most = has_any ? std::max(most, price) : price;
        has_any = true;
    }
    if (!has_any || !have_some_left || !within(least, most, policy_->exchange_tolerance_bp))
        return std::nullopt;
    for (Source& source : sources_) {
        if (source.verdict == Verdict::disputed)
            source.verdict = has_left(source) ? Verdict::outlier : Verdict::counted;
    }
    return median_of_counted(SourceKind::exchange);
}

std::optional<Decimal> Consolidator::arbitrate(std::optional<Decimal> check) {
    Source* nearest = nullptr;
    for (Source& source : sources_) {
        if (source.verdict != Verdict::counted) continue;
        source.verdict = Verdict::disputed;
        if (!check || !within(source.quote.price, *check, policy_->aggregator_tolerance_bp)) continue;
        if (nearest == nullptr ||
            (source.quote.price - *check).abs() < (nearest->quote.price - *check).abs()) {
            nearest = &source;
        }
    }
    if (nearest == nullptr) return without_those_that_left();
    const Decimal right = nearest->quote.price;
    for (Source& source : sources_) {
        if (source.verdict != Verdict::disputed) continue;
        const bool agrees = within(source.quote.price, right, policy_->exchange_tolerance_bp);
        source.verdict = agrees ? Verdict::counted : Verdict::outlier;
    }
    return median_of_counted(SourceKind::exchange);
}

std::optional<Decimal> Consolidator::fallback() {
    bool has_past = false;
    for (Source& source : sources_) {
        if (source.verdict != Verdict::check_only || quoted_at(source.quote) <= last_exchange_at_) continue;
        source.verdict = Verdict::counted;
        has_past = has_past || source.past;
    }
    const auto counted_become = [&](Verdict verdict, auto&& which) {
        for (Source& source : sources_) {
            if (source.verdict == Verdict::counted && which(source)) source.verdict = verdict;
        }
    };
    if (!figures_agree() && has_past)
        counted_become(Verdict::outlier, [](const Source& source) { return !source.past; });
    if (!figures_agree()) counted_become(Verdict::disputed, [](const Source&) { return true; });
    return median_of_counted(SourceKind::aggregator);
}

// Whether the figures that count agree.
bool Consolidator::figures_agree() const {
    Decimal least, most;
    for (const Source& source : sources_) {
        if (source.verdict != Verdict::counted) continue;
        const Decimal price = source.quote.price;
        least = most == Decimal() ? price : std::min(least, price);
        most = std::max(most, price);
    }
    return within(least, most, policy_->aggregator_tolerance_bp);
}

std::optional<Decimal> Consolidator::median_of_counted(SourceKind kind) {
    return median_of([kind](const Source& source) {
        return source.verdict == Verdict::counted && source.quote.kind == kind;
    });
}

// The weighted median of the values of those that vote: the lowest price at or below which more than half of
// the votes lie; if exactly half do, the midpoint between it and the next.
template <typename Voter>
std::optional<Decimal> Consolidator::median_of(Voter&& votes) {
    ordered_.clear();
    std::int64_t all = 0;
    for (const Source& source : sources_) {
        if (!votes(source)) continue;
        ordered_.push_back(&source);
        all += source.weight;
    }
    if (ordered_.empty()) return std::nullopt;
    std::sort(ordered_.begin(), ordered_.end(),
              [](const Source* a, const Source* b) { return a->value < b->value; });
    std::int64_t below = 0;
    for (std::size_t i = 0; i < ordered_.size(); ++i) {
        below += ordered_[i]->weight;
        if (below * 2 > all) return ordered_[i]->value;
        if (below * 2 == all) return Decimal::midpoint(ordered_[i]->value, ordered_[i + 1]->value);
    }
    return ordered_.back()->value;
}

}  // namespace pricewire::price
