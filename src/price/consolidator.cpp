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
//   disagreeing   none         none: all are disputed
//   1             agrees       the exchange's
//   1             contradicts  see below
//   1             none         the exchange's; but a jump of more than 10 % from the last price of exchanges,
//                              however old, waits until five more quotes over three seconds confirm it
//   0             fresh        the aggregator's, if it is newer than the last trade that counted: an older
//                              one after a fresh price would be a step back in time, and could fire at a
//                              price that never was
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
        if (quote.kind == SourceKind::aggregator && quoted_at(quote) < quoted_at(found->quote)) {
            verdict_.reset();
            return std::nullopt;
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
    int aggregators = 0;
    for (Source& source : sources_) {
        if (!is_fresh(source.quote, now)) {
            source.verdict = Verdict::stale;
        } else if (source.quote.kind == SourceKind::exchange) {
            source.verdict = Verdict::counted;
            lone = &source;
            ++exchanges;
        } else {
            source.verdict = Verdict::check_only;
            ++aggregators;
        }
    }
    const auto check =
        aggregators == 0 ? std::nullopt : median_of(Verdict::check_only, SourceKind::aggregator);
    if (exchanges == 1) {
        price_ = lone_exchange(*lone, check, now, just_came == lone);
    } else if (exchanges > 1) {
        price_ = vote(check);
        jump_.reset();
        left_at_.reset();
    } else {
        price_ = std::nullopt;
        for (Source& source : sources_) {
            if (source.verdict == Verdict::check_only && quoted_at(source.quote) > last_exchange_at_) {
                source.verdict = Verdict::counted;
            }
        }
        price_ = median_of(Verdict::counted, SourceKind::aggregator);
    }
    if (exchanges > 0 && price_) {
        last_exchange_price_ = price_;
        for (const Source& source : sources_) {
            if (source.quote.kind == SourceKind::exchange && source.verdict == Verdict::counted) {
                last_exchange_at_ = std::max(last_exchange_at_, source.quote.received_at);
            }
        }
    }
}

std::optional<Decimal> Consolidator::lone_exchange(Source& exchange, std::optional<Decimal> check,
                                                   Timestamp now, bool just_came) {
    const Decimal price = exchange.quote.price;
    if (check && !within(price, *check, policy_->aggregator_tolerance_bp)) {
        if (!left_at_) left_at_ = exchange.quote.received_at;
        if (moves_beyond_an_older_figure(exchange, *check, now, just_came)) return price;
        for (Source& source : sources_) {
            if (source.verdict != Verdict::stale) source.verdict = Verdict::disputed;
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
    const Decimal centre = voters == 2 ? dearest : *median_of(Verdict::counted, SourceKind::exchange);
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
    return median_of(Verdict::counted, SourceKind::exchange);
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
    if (nearest == nullptr) return std::nullopt;
    const Decimal right = nearest->quote.price;
    for (Source& source : sources_) {
        if (source.verdict != Verdict::disputed) continue;
        const bool agrees = within(source.quote.price, right, policy_->exchange_tolerance_bp);
        source.verdict = agrees ? Verdict::counted : Verdict::outlier;
    }
    return median_of(Verdict::counted, SourceKind::exchange);
}

// The weighted median of the sources with this verdict: the lowest price at or below which more than half of
// the votes lie; if exactly half do, the midpoint between it and the next.
std::optional<Decimal> Consolidator::median_of(Verdict verdict, SourceKind kind) {
    ordered_.clear();
    std::int64_t votes = 0;
    for (const Source& source : sources_) {
        if (source.verdict != verdict || source.quote.kind != kind) continue;
        ordered_.push_back(&source);
        votes += source.weight;
    }
    if (ordered_.empty()) return std::nullopt;
    std::sort(ordered_.begin(), ordered_.end(),
              [](const Source* a, const Source* b) { return a->quote.price < b->quote.price; });
    std::int64_t below = 0;
    for (std::size_t i = 0; i < ordered_.size(); ++i) {
        below += ordered_[i]->weight;
        if (below * 2 > votes) return ordered_[i]->quote.price;
        if (below * 2 == votes)
            return Decimal::midpoint(ordered_[i]->quote.price, ordered_[i + 1]->quote.price);
    }
    return ordered_.back()->quote.price;
}

}  // namespace pricewire::price
