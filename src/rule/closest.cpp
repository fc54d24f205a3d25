#include <algorithm>

#include "domain/bars.hpp"
#include "rule/detail/minute_player.hpp"
#include "rule/detail/rule_levels.hpp"
#include "rule/levels.hpp"
#include "rule/simulate.hpp"

namespace pricewire::rule {
namespace {

using detail::hour;
using detail::minute;
using detail::MinutePlayer;
using detail::Minutes;

constexpr Duration looked_at = std::chrono::hours{24 * 30};

// A Run that never fires, since what is imposed on it comes at the end of time.
Run silent(const RuledAlert& alert) {
    Run run(alert);
    const Fired never[] = {{.time = Timestamp::max()}};
    run.impose(never);
    return run;
}

// Since when what it does is not known to its row.
Timestamp last_start(const RuledAlert& alert) {
    const auto& rules = alert.state.rules;
    if (rules.empty()) return alert.begun_at;
    return std::ranges::min(rules, {}, &RuleState::as_of).as_of;
}

// A distance as a fraction of its level, so that those of several rules can be compared.
Decimal share_of(Decimal distance, Decimal level) {
    if (level.is_zero()) return distance;
    const auto share = mul_div(distance.raw(), Decimal::one_raw, level.abs().raw());
    return share ? Decimal::from_raw(*share) : distance;
}

class Search {
public:
    Search(const RuledAlert& alert, Timestamp now, const Past& past)
        : alert_(alert), now_(now), past_(past) {}

    ClosestFound find() {
        const Timestamp since = last_start(alert_);
        ClosestFound out;
        out.cut = since < now_ - looked_at;
        from_ = std::max(since, now_ - looked_at);
        // A length of time without a price is not close to anything.
        if (from_ >= now_ || alert_.terms->rules.front().watched == Watched::age) return out;
        if (is_one_number()) {
            by_hours();
        } else {
            by_minutes();
        }
        out.closest = best_;
        return out;
    }

private:
    bool is_one_number() const {
        return alert_.terms->joined == Joined::one && detail::has_only_numbers(*alert_.terms);
    }
    bool is_stopped() { return ++asked_ % 256 == 0 && past_.stop && past_.stop(); }
    void consider(Decimal price, Decimal distance, Decimal share, Timestamp time, Duration within) {
        if (best_ && best_share_ <= share) return;
        best_ = Closest{price, distance, time, within};
        best_share_ = share;
    }

    // --- One number: hours, then the minutes of the best hour.

    // Of the prices of a bar, the one that is nearest.
    std::optional<std::pair<Decimal, Decimal>> nearest(const Bar& bar) const {
        std::optional<std::pair<Decimal, Decimal>> out;
        for (const Decimal price : {bar.low, bar.high, bar.close}) {
            RuleView view = view_;
            view.value = price;
            const auto far = distance_at(view);
            if (far && (!out || *far < out->second)) out = {price, *far};
        }
        return out;
    }
    std::optional<Decimal> distance_at(const RuleView& view) const {
        const Rule& rule = alert_.terms->rules.front();
        const auto side = alert_.state.rules.empty() ? std::nullopt : alert_.state.rules.front().side;
        if (rule.word != Word::crosses || !side) return distance(rule, view);
        Rule one_way = rule;
        one_way.word = *side == Side::above ? Word::below : Word::above;
        return distance(one_way, view);
    }
    void look_at(const std::vector<Bar>& bars, Duration within) {
        for (const Bar& bar : bars) {
            const auto found = nearest(bar);
            if (found) consider(found->first, found->second, found->second, bar.start, within);
        }
    }
    void by_hours() {
        const Rule& rule = alert_.terms->rules.front();
        view_.level = shifted(rule.level.number, rule.level.by);
        if (rule.upper) view_.upper = shifted(rule.upper->number, rule.upper->by);
        // The hour in which it began is known only by its minutes.
        const Timestamp first_hour = next_interval_start(from_, hour);
        look_at(past_.hours(rule.ticker, first_hour, now_), hour);
        if (best_ && !(past_.stop && past_.stop())) {
            const Timestamp start = best_->time;
            best_.reset();
            look_at(past_.minutes(rule.ticker, start, std::min(start + hour, now_)), minute);
        }
        look_at(past_.minutes(rule.ticker, from_, std::min(first_hour, now_)), minute);
        // Of the minute in which it began only the end is known to be later.
        const Timestamp begun = interval_start(from_, minute);
        if (begun == from_ || begun + minute > now_) return;
        auto first = past_.minutes(rule.ticker, begun, begun + minute);
        for (Bar& bar : first) bar.low = bar.high = bar.close;
        look_at(first, minute);
    }

    // --- Others: by simulation.

    void by_minutes() {
        Minutes minutes(tickers_of(*alert_.terms), from_ - detail::looked_back(*alert_.terms), now_, past_);
        minutes.add_last_before();
        Run run = silent(alert_);
        MinutePlayer player(*alert_.terms);
        Steps steps;
        while (true) {
            const auto& bars = minutes.next();
            // What was looked at until it was stopped may not be the closest.
            if (minutes.was_stopped() || is_stopped()) return best_.reset();
            if (bars.empty()) return;
            const Timestamp start = bars.front().start;
            player.play(bars, MinutePlayer::First::low, run, steps, [&] {
                if (run.has_begun() && start >= from_) look_at_rules(run, start);
            });
            steps.clear();
        }
    }
    // Of rules joined by all, the farthest counts; of those joined by any, the nearest that is armed.
    void look_at_rules(const Run& run, Timestamp start) {
        const auto views = run.rules();
        const auto& rules = alert_.terms->rules;
        const bool is_all = alert_.terms->joined == Joined::all;
        std::optional<std::size_t> chosen;
        Decimal chosen_share, chosen_distance;
        for (std::size_t i = 0; i < rules.size(); ++i) {
            const auto far = distance(rules[i], views[i]);
            if (is_all && !far) return;
            if (!far || !run.state().rules[is_all ? 0 : i].armed) continue;
            const Decimal share = share_of(*far, views[i].level.value_or(Decimal{}));
            if (chosen && (is_all ? share <= chosen_share : share >= chosen_share)) continue;
            chosen = i;
            chosen_share = share;
            chosen_distance = *far;
        }
        if (chosen) consider(*views[*chosen].value, chosen_distance, chosen_share, start, minute);
    }

    const RuledAlert& alert_;
    const Timestamp now_;
    const Past& past_;
    Timestamp from_;
    RuleView view_;
    std::optional<Closest> best_;
    Decimal best_share_;
    unsigned asked_ = 0;
};

}  // namespace

ClosestFound closest(const RuledAlert& alert, Timestamp now, const Past& past) {
    return Search(alert, now, past).find();
}

std::vector<Timestamp> left_out(const RuledAlert& alert, Timestamp now, const Past& past) {
    std::vector<Timestamp> out;
    const auto muted_until = std::max(alert.state.muted_until, alert.state.snoozed_until);
    const Timestamp since = std::max(last_start(alert), now - looked_at);
    if (!muted_until || *muted_until <= since) return out;
    const Timestamp until = std::min(now, next_interval_start(*muted_until, minute));
    Minutes minutes(tickers_of(*alert.terms), since - detail::looked_back(*alert.terms), until, past);
    minutes.add_last_before();
    struct Order {
        MinutePlayer::First first;
        Run run;
        MinutePlayer player;
    };
    Order orders[] = {{MinutePlayer::First::low, silent(alert), MinutePlayer(*alert.terms)},
                      {MinutePlayer::First::high, silent(alert), MinutePlayer(*alert.terms)}};
    Steps ignored;
    for (unsigned asked = 1; asked % 256 != 0 || !past.stop || !past.stop(); ++asked) {
        const auto& bars = minutes.next();
        if (bars.empty()) break;
        for (Order& order : orders) order.player.play(bars, order.first, order.run, ignored);
        ignored.clear();
        const std::int64_t sure = std::min(orders[0].run.left_out(), orders[1].run.left_out());
        out.resize(std::max(out.size(), static_cast<std::size_t>(sure)), bars.front().start);
    }
    // A part would pass for all.
    return past.stop && past.stop() ? std::vector<Timestamp>() : out;
}

std::optional<Run> present(const RuledAlert& alert, Timestamp now, const Past& past) {
    RuledAlert begun = alert;
    begun.begun_at = std::min(begun.begun_at, now);
    Run run = silent(begun);
    Timestamp last{};
    for (const auto& [ticker, from] : past_needed(begun, now)) {
        Minutes minutes({ticker}, interval_start(from, minute), now, past);
        minutes.add_last_before();
        while (true) {
            const auto& bars = minutes.next();
            if (minutes.was_stopped()) return std::nullopt;
            if (bars.empty()) break;
            const Bar& bar = bars.front();
            const Timestamp end = std::min(bar.start + minute, now);
            run.history(ticker, {bar.start, end, bar.low, bar.high, bar.close});
            last = std::max(last, end);
        }
    }
    Steps ignored;
    for (const auto& [ticker, closes_only] : detail::watched_tickers(*alert.terms)) {
        if (!past.price) continue;
        const auto price = past.price(ticker);
        if (price) last = std::clamp(price->time, last, std::max(last, now));
        run.value(ticker, last, price ? std::optional(price->value) : std::nullopt, ignored);
    }
    run.time(std::max(last, now), ignored);
    return run;
}

std::optional<Timestamp> held_since(const RuledAlert& alert, const Run& run, const Past& past) {
    const auto since = run.held_since();
    const Timestamp begun = last_start(alert);
    if (!since || *since <= begun) return since ? std::optional(begun) : std::nullopt;
    // Of a minute in which it both held and did not, the Run counts from the end.
    Timestamp earliest = interval_start(*since - Duration{1}, minute);
    const Rule& rule = alert.terms->rules.front();
    if (alert.terms->joined == Joined::one && rule.watched == Watched::price && past.minutes) {
        RuleView end = run.rules().front();
        const auto bars = past.minutes(rule.ticker, earliest, earliest + minute);
        if (!bars.empty()) end.value = bars.front().close;
        const auto far = distance(rule, end);
        const bool had_not_begun = !bars.empty() && far && !far->is_zero();
        if (had_not_begun && *since == earliest + minute) earliest = *since;
    }
    return std::max(begun, earliest);
}

std::optional<Decimal> distance(const Rule& rule, const RuleView& view) {
    if (!view.value || !view.level || (rule.upper && !view.upper)) return std::nullopt;
    const Decimal value = *view.value, level = *view.level;
    const auto beyond = [](Decimal a, Decimal b) { return std::max(a - b, Decimal{}); };
    switch (state_of(rule.word)) {
        case Word::above:
            return beyond(level, value);
        case Word::below:
            return beyond(value, level);
        case Word::inside:
            return std::max(beyond(level, value), beyond(value, *view.upper));
        case Word::outside:
            return std::min(beyond(value, level), beyond(*view.upper, value));
        default:
            return (value - level).abs();
    }
}

}  // namespace pricewire::rule
