// The price of one owner alone, and that of aggregators. The method is described in consolidator.cpp.
#include <algorithm>

#include "price/consolidator.hpp"
#include "price/within.hpp"

namespace pricewire::price {

// An owner alone: its heaviest source speaks for it.
std::optional<Decimal> Consolidator::lone_owner(std::optional<Decimal> check, Timestamp now,
                                                const Source* just_came) {
    Source* lone = nullptr;
    for (Source& source : sources_) {
        if (votes(source) && (lone == nullptr || source.weight > lone->weight)) lone = &source;
    }
    const bool is_only = votes_.all().size() == 1;
    for (Source& source : sources_) {
        if (!is_only && votes(source) && !within(source.value, lone->value, policy_->exchange_tolerance_bp))
            source.verdict = Verdict::outlier;
    }
    const auto made = lone_exchange(*lone, check, now, just_came == lone);
    if (!made) become(Verdict::counted, lone->verdict);
    if (!is_only) take([&](const Source& source) { return &source == lone; });
    return made;
}

std::optional<Decimal> Consolidator::lone_exchange(Source& exchange, std::optional<Decimal> check,
                                                   Timestamp now, bool just_came) {
    const Decimal price = exchange.value;
    if (check && !within(price, *check, check_tolerance_bp_)) {
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
    const Decimal price = exchange.value;
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
    if (!jump_ || !within(exchange.value, jump_->price, policy_->exchange_tolerance_bp)) {
        jump_ = Jump{exchange.value, now, 0};
    } else {
        ++jump_->quotes;
    }
    if (jump_->quotes < quotes || now - jump_->since < over) return false;
    jump_.reset();
    return true;
}

std::optional<Decimal> Consolidator::fallback() {
    bool has_past = false;
    for (Source& source : sources_) {
        if (source.verdict != Verdict::check_only || source.figures_ttl > Duration{} ||
            quoted_at(source.quote) <= last_exchange_at_)
            continue;
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
    return median_of_counted();
}

// Whether the figures that count agree.
bool Consolidator::figures_agree() const {
    Decimal least, most;
    for (const Source& source : sources_) {
        if (source.verdict != Verdict::counted) continue;
        const Decimal price = source.value;
        least = most == Decimal() ? price : std::min(least, price);
        most = std::max(most, price);
    }
    return within(least, most, policy_->aggregator_tolerance_bp);
}

}  // namespace pricewire::price
