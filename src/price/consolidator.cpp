#include "price/consolidator.hpp"

#include <algorithm>

#include "price/within.hpp"

// The method
//
// Exchanges trade; each has a vote, and the price is the weighted median of the fresh ones, in dollars. A median
// moves only with half of the votes, so a single source cannot poison it. An aggregator repeats what exchanges said
// up to a minute ago and never votes: it checks a lone exchange, arbitrates between two that disagree, and is the
// fallback. Sources of one owner are one exchange in this table: alone, the heaviest of them speaks for all.
//
//   exchanges     aggregator   price
//   3 or more     any          median; those more than 2 % from it are outliers until they are within 1 %, and the
//                              median is taken again
//   2 that agree  any          median (the midpoint: no owner has more weight than the other)
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
//
// Exchanges whose quotes do not vote, however they agree, because they say nothing about now or about dollars:
//
//   foreign    in a currency that is not converted
//   lagging    the quote took 5 s more than the others' (their median), by the venue's clock, corrected where that is
//              wrong by up to ten seconds (source_clock.hpp): the venue delivers the past. Compared with the others, so
//              that our own clock, or a stall of ours, silences nobody
//   stuck      repeats its last trade for 15 s or its last price for a minute while others trade, and is 0.2 % from
//              them
//   leaver     is more than 10 % from the last price, while as many owners, two at least, have stayed and agree (an
//              outlier): how many moved decides on a jump that no market makes between two trades, not their weights
//   off peg    its currency is off its peg, or its venues have been 0.5 % from the dollar venues for 10 s (without a
//              rate, or from 2 % on: at once), and two owners in better currencies agree: the dollar venues lead. They
//              are compared with most of the dollar venues; of two, with the nearest, since the other may be wrong
//   newcomer   was never believed and is more than 10 % from the others: it may be another coin by the same letters
//              (an outlier)
//
// The first price of all could come from the one source that is wrong: where three or more may come, it waits
// until two agree in currencies whose rates are known, or for three seconds. In these seconds the dollar venues lead at
// once.
//
// The band is the larger of the distances from the price to the weighted 25th and 75th percentile of the votes. It is
// wider by what nobody has checked: by 1 % with a lone exchange (a second one would have had to be within that), by
// 2 % with aggregators alone, and by 2 % where fewer than two owners are valued by a known rate (what a stablecoin may
// be away without being off its peg).
//
// Where the parameters come from
//
//   median, weights      Chainlink, Pyth, Skip Connect publish medians; weights by tier, not by volume, which venues
//                        report as they like (Binance, OKX and Deribit weigh alike)
//   40 % an owner        index publishers cap a constituent at 40 to 50 %
//   2 %, re-admitted 1 % OKX excludes beyond 2 %, CME CF (BRTI) beyond D = 5 %, re-admits below D / 2
//   two owners           Skip Connect wants 3 providers, Deribit and OKX go down to 1 and say so
//   15 s                 BRTI 30 s, Pyth 10 s; configurable (market.quote_ttl)
//   a quarter after 2 s  ours: in a fall of 0.1 % a second the votes of venues that have just fallen silent would hold
//                        the price back by more than a per cent; a second of refreshing is added to it
//   5 s of lag           BingX leaves out a price whose clock is 5 s off
//   a minute unchanged   Bybit's index, in an older text
//   quartiles            Pyth's aggregate confidence
//   0.5 % for 10 s       the practice that compares USD and USDT venues; within 0.1 % ordinarily
//   10 % (aggregators,   a figure is a minute old: the steepest minutes of bitcoin's history stay within it; 30 % is
//   jumps, newcomers)    what it may have missed. CoinPaprika's is ten minutes old: 20 %

namespace pricewire::price {
namespace {

// While all are within a 64th (1.56 %) of the lowest, they are within the tolerance of any median of theirs.
constexpr int calm_shift = 6;
constexpr std::int64_t least_calm_tolerance_bp = 157;

}  // namespace

// The source of a quote, which is new if it has not sent any.
Consolidator::Source& Consolidator::source_of(const Quote& quote) {
    for (Source& source : sources_) {
        if (source.quote.source == quote.source) return source;
    }
    const auto found = policy_->sources.find(quote.source);
    const SourcePolicy policy = found == policy_->sources.end() ? SourcePolicy{} : found->second;
    Source& source = sources_.emplace_back();
    source.quote.source = quote.source;
    source.weight = std::max(1, policy.weight);
    source.figures_ttl = policy.figures_ttl;
    source.owner_name = policy.owner.empty() ? quote.source : policy.owner;
    source.owner = static_cast<std::uint32_t>(
        std::ranges::find(sources_, source.owner_name, &Source::owner_name) - sources_.begin());
    lags_.reserve(sources_.size());
    return source;
}

// False: an aggregator's quote that is older than its last one.
bool Consolidator::takes(Source& source, const Quote& quote, Timestamp now, Duration lag) {
    const Quote& last = source.quote;
    const bool is_first = source.price_since == Timestamp{};
    const bool is_same_price = !is_first && quote.price == last.price;
    if (quote.kind == SourceKind::aggregator && !is_first) {
        if (quoted_at(quote) < quoted_at(last)) return false;
        if (!within(quote.price, last.price, tolerance_of(source))) {
            source.repeats = 0;
        } else if (quoted_at(quote) > quoted_at(last)) {
            ++source.repeats;
        }
    }
    if (!is_same_price) source.price_since = now;
    if (!is_same_price || !is_same_trade(quote, last)) source.trade_since = now;
    if (is_first || quote.currency != last.currency) {
        source.currency = DollarRates::index_of(quote.currency);
        is_calm_ = false;
    }
    source.quote = quote;
    source.quote.received_at = std::min(quote.received_at, now);
    source.lag = lag;
    if (source.currency) source.value = rates_->in_dollars(quote.price, *source.currency);
    return true;
}

std::optional<Decimal> Consolidator::update(const Quote& quote, Timestamp now, Duration lag) {
    Source& source = source_of(quote);
    if (!takes(source, quote, now, lag)) {
        verdict_.reset();
        return std::nullopt;
    }
    if (moves_calmly(source, now)) {
        verdict_ = Verdict::counted;
        return price_;
    }
    const auto before = price_;
    evaluate(now, &source);
    verdict_ = source.verdict;
    if (!price_) return std::nullopt;
    // A trade that counts makes a price; any other quote does only if it changed the price.
    const bool trade = quote.kind == SourceKind::exchange && source.verdict == Verdict::counted;
    return trade || price_ != before ? price_ : std::nullopt;
}

std::optional<Decimal> Consolidator::refresh(Timestamp now) {
    const auto before = price_;
    evaluate(now, nullptr);
    return price_ != before ? price_ : std::nullopt;
}

// The way of nearly every trade: the same as evaluate(), of which it leaves out what cannot have changed.
bool Consolidator::moves_calmly(Source& source, Timestamp now) {
    if (!is_calm_ || source.is_faded || now < last_now_ || now > calm_until_ || source.lag > lag_limit_ ||
        rates_version_ != rates_->version() || now - source.quote.received_at > policy_->quote_ttl ||
        !votes_.move(index_of(source), source.value))
        return false;
    const bool is_near = votes_.all().size() == 1 ? calm_from_ <= source.value && source.value <= calm_to_
                                                  : (votes_.highest() - votes_.lowest()).raw() <=
                                                        votes_.lowest().raw() >> calm_shift;
    if (!is_near) return false;
    last_now_ = now;
    price_ = last_exchange_price_ = votes_.median();
    last_exchange_at_ = std::max(last_exchange_at_, source.quote.received_at);
    note_past(source);
    return true;
}

void Consolidator::evaluate(Timestamp now, const Source* just_came) {
    if (now < last_now_) forget_the_future(now);
    last_now_ = now;
    if (!first_at_) first_at_ = now;
    judge_alone(now, just_came);
    const auto check = check_of_figures();
    const std::size_t owners = take_counted();
    if (owners == 0) {
        price_ = fallback();
    } else if (owners == 1) {
        price_ = lone_owner(check, now, just_came);
    } else {
        price_ = vote(check);
        jump_.reset();
        left_at_.reset();
    }
    if (price_ && is_first_and_waits(now)) {
        price_.reset();
        become(Verdict::counted, Verdict::unconfirmed);
    }
    note_what_was_believed(owners > 0);
    note_calm(owners, check);
}

void Consolidator::note_what_was_believed(bool has_exchange) {
    if (!price_) return;
    for (Source& source : sources_) {
        const bool is_believed = source.verdict == Verdict::counted ||
                                 (source.verdict == Verdict::check_only &&
                                  within(source.value, *price_, policy_->aggregator_tolerance_bp));
        if (is_believed) note_past(source);
    }
    if (!has_exchange) return;
    last_exchange_price_ = price_;
    for (const Source& source : sources_) {
        if (votes(source)) last_exchange_at_ = std::max(last_exchange_at_, source.quote.received_at);
    }
}

void Consolidator::note_past(Source& source) {
    const Timestamp at = quoted_at(source.quote);
    source.past = Past{source.value, at, source.past ? source.past->since : source.quote.received_at};
}

void Consolidator::note_calm(std::size_t owners, std::optional<Decimal> check) {
    const bool is_lone = owners == 1 && votes_.all().size() == 1 && !jump_ && !left_at_;
    const bool are_many = owners > 2 && policy_->exchange_tolerance_bp >= least_calm_tolerance_bp;
    is_calm_ = price_.has_value() && (is_lone || are_many) && !is_settling(last_now_);
    calm_until_ = Timestamp::max();
    for (Source& source : sources_) {
        const bool is_exchange = source.quote.kind == SourceKind::exchange;
        source.is_faded = is_exchange && last_now_ - source.quote.received_at > policy_->faded_after;
        if (is_exchange && source.verdict == Verdict::outlier) is_calm_ = false;
        if (is_exchange && source.verdict == Verdict::counted)
            calm_until_ = std::min(calm_until_, source.quote.received_at + policy_->quote_ttl);
        if (source.checks && is_lone)
            calm_until_ = std::min(calm_until_, quoted_at(source.quote) + policy_->aggregator_ttl);
    }
    if (!is_calm_ || !is_lone) return;
    // What a lone exchange may say without further questions.
    const Decimal centre = check.value_or(*price_);
    const Decimal width = centre.scaled_bp(check ? check_tolerance_bp_ : policy_->jump_tolerance_bp * 2 / 5);
    calm_from_ = centre - width;
    calm_to_ = centre + width;
}

// In the first seconds of all, when what has come may be that of the one source that is wrong, and a currency's
// rate may be about to come.
bool Consolidator::is_settling(Timestamp now) const {
    return policy_->exchanges >= policy_->expected_exchanges &&
           (!first_at_ || now - *first_at_ < policy_->first_wait);
}

bool Consolidator::is_first_and_waits(Timestamp now) const {
    if (last_exchange_price_ || !is_settling(now)) return false;
    return votes_.owners() < 2 ||
           std::ranges::any_of(
               sources_,
               [&](const Source& source) { return votes(source) && !rates_->at(*source.currency).is_known; });
}

// A clock that is set back must not keep a quote fresh until it has caught up.
void Consolidator::forget_the_future(Timestamp now) {
    const auto forget = [now](auto& time) { time = std::min<Timestamp>(time, now); };
    for (Source& source : sources_) {
        forget(source.quote.received_at);
        forget(source.trade_since);
        forget(source.price_since);
        if (source.past) forget(source.past->since);
    }
    for (Group& group : groups_) {
        if (group.apart_since) forget(*group.apart_since);
    }
    forget(last_exchange_at_);
    if (jump_) forget(jump_->since);
    if (left_at_) forget(*left_at_);
    if (first_at_) forget(*first_at_);
}

bool Consolidator::votes(const Source& source) {
    return source.quote.kind == SourceKind::exchange && source.verdict == Verdict::counted;
}

int Consolidator::weight_of(const Source& source) const {
    const bool is_faded = source.quote.kind == SourceKind::exchange &&
                          last_now_ - source.quote.received_at > policy_->faded_after;
    return is_faded ? source.weight : source.weight * 4;
}

void Consolidator::become(Verdict from, Verdict to) {
    for (Source& source : sources_) {
        if (source.verdict == from) source.verdict = to;
    }
}

// Those that voted, by their weights; returns their number of owners.
std::size_t Consolidator::take_counted() {
    return take(votes);
}

std::optional<Decimal> Consolidator::vote(std::optional<Decimal> check) {
    const auto found = centre_of_votes();
    if (!found) return arbitrate(check);
    const Decimal centre = *found;
    // Of two, neither is the one that was left out.
    const bool are_many = votes_.owners() > 2;
    const auto is_near = [&](const Source& source) {
        const bool returns = are_many && source.is_left_out;
        return within(source.value, centre,
                      returns ? policy_->readmission_bp : policy_->exchange_tolerance_bp);
    };
    if (take([&](const Source& source) { return votes(source) && is_near(source); }) < 2)
        return arbitrate(check);
    for (Source& source : sources_) {
        if (!votes(source)) continue;
        source.is_left_out = !is_near(source);
        if (source.is_left_out) source.verdict = Verdict::outlier;
    }
    return votes_.median();
}

// What the votes are compared with: their median. Where exactly half of the weight is on either side, that may be
// between two camps and near to neither: then the side that more weight agrees with, or none.
std::optional<Decimal> Consolidator::centre_of_votes() const {
    const auto [low, high] = votes_.middle();
    // Of two that agree each is near to the higher one, whichever that is.
    if (within(low, high, policy_->exchange_tolerance_bp))
        return votes_.all().size() == 2 ? high : votes_.median();
    std::int64_t near_low = 0, near_high = 0;
    for (const Votes::Vote& vote : votes_.all()) {
        if (within(vote.value, low, policy_->exchange_tolerance_bp)) near_low += vote.weight;
        if (within(vote.value, high, policy_->exchange_tolerance_bp)) near_high += vote.weight;
    }
    if (near_low == near_high) return std::nullopt;
    return near_low > near_high ? low : high;
}

// No price if none has left, or those that stayed disagree among themselves.
std::optional<Decimal> Consolidator::without_those_that_left() {
    if (!last_exchange_price_) return std::nullopt;
    const auto has_left = [&](const Source& source) {
        return source.past && within(source.past->price, *last_exchange_price_, policy_->jump_tolerance_bp) &&
               !within(source.value, *last_exchange_price_, policy_->believable_move_bp);
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
        const Decimal price = source.value;
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
    return median_of_counted();
}

std::optional<Decimal> Consolidator::arbitrate(std::optional<Decimal> check) {
    Source* nearest = nullptr;
    for (Source& source : sources_) {
        if (source.verdict != Verdict::counted) continue;
        source.verdict = Verdict::disputed;
        if (!check || !within(source.value, *check, check_tolerance_bp_)) continue;
        if (nearest == nullptr || (source.value - *check).abs() < (nearest->value - *check).abs()) {
            nearest = &source;
        }
    }
    if (nearest == nullptr) return without_those_that_left();
    const Decimal right = nearest->value;
    for (Source& source : sources_) {
        if (source.verdict != Verdict::disputed) continue;
        const bool agrees = within(source.value, right, policy_->exchange_tolerance_bp);
        source.verdict = agrees ? Verdict::counted : Verdict::outlier;
    }
    return median_of_counted();
}

std::optional<Decimal> Consolidator::median_of_counted() {
    if (take([](const Source& source) { return source.verdict == Verdict::counted; }) == 0)
        return std::nullopt;
    return votes_.median();
}

}  // namespace pricewire::price
