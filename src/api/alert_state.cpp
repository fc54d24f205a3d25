// The state of an alert, and why it has not fired.
#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "api/alert_body.hpp"
#include "api/handlers.hpp"
#include "api/stored_past.hpp"
#include "api/watching.hpp"
#include "base/json_writer.hpp"
#include "rule/evidence.hpp"
#include "rule/seen.hpp"
#include "rule/words.hpp"

namespace pricewire::api {
namespace {

using namespace std::chrono_literals;

constexpr Duration most_state_time = 2s;
constexpr std::size_t max_intervals = 100;  // the newest

RuledAlert ruled(const Alert& alert) {
    return {.terms = std::make_shared<const Terms>(terms_of(alert)),
            .state = alert.state,
            .created_at = alert.created_at,
            .begun_at = alert.terms ? alert.begun_at : alert.created_at,
            .notify_on_expiry = alert.notify_on_expiry};
}

// A ticker without a price.
struct Unpriced {
    Ticker ticker;
    std::optional<Timestamp> since;
    std::string reason;
};

std::optional<Unpriced> find_unpriced(const Services& services, const Terms& terms) {
    // No price is what an alert about age waits for.
    if (terms.rules.front().watched == Watched::age) return std::nullopt;
    for (const Ticker& ticker : tickers_of(terms)) {
        const auto board = services.use.bus.board(ticker);
        if (board && board->price) continue;
        const auto state = unwatched(services, ticker);
        return Unpriced{ticker, board ? board->unpriced_since : std::nullopt,
                        reason_unpriced(state ? &*state : nullptr, board)};
    }
    return std::nullopt;
}

net::ServerResponse took_too_long() {
    return unavailable(fmt::format("Its past could not be read within {}; try again later",
                                   format_duration(most_state_time)),
                       1);
}

// What is known of one alert at one moment.
class StateView {
public:
    // `run`: of the alert as of `now`.
    StateView(Services& services, const Alert& alert, RuledAlert ruled, const rule::Past& past, rule::Run run,
              Timestamp now)
        : services_(services),
          alert_(alert),
          now_(now),
          ruled_(std::move(ruled)),
          past_(past),
          run_(std::move(run)),
          views_(with_age(run_.rules())),
          unpriced_(find_unpriced(services, terms())) {
        if (alert.is_active) closest_ = rule::closest(ruled_, now_, past_);
        for (const Rule& r : terms().rules)
            distances_.push_back(rule::distance(r, views_[distances_.size()]));
    }

    std::string json() {
        JsonWriter w;
        const auto judged = services_.use.storage.judged_until();
        const RuleState* const first = run_.state().rules.empty() ? nullptr : &run_.state().rules.front();
        w.begin_object()
            .field("status", to_string(status_of(alert_, now_)))
            .field("armed", alert_.is_active && !is_scheduled() && is_armed())
            .field("judged_until", judged)
            .field("says", words());
        write_rules(w);
        w.key("start");
        if (first == nullptr || is_scheduled()) {
            w.value(nullptr);
        } else {
            w.begin_object().field("time", first->start).field("price", start_price(*first)).end_object();
        }
        w.field("held_since", held_since())
            .field("muted_until", muted_until())
            .field("muted_by", muted_by())
            .key("closest");
        rule::write_closest(w, closest_.closest);
        write_blind(w);
        w.field("firings", firings_of(alert_));
        write_left_out(w);
        w.field("revision", alert_.state.revision).end_object();
        return std::move(w).str();
    }

private:
    const Terms& terms() const { return *ruled_.terms; }

    // An age grows by itself, while the run knows it as of its last price.
    std::vector<rule::RuleView> with_age(std::vector<rule::RuleView> views) const {
        const Rule& r = terms().rules.front();
        const auto price = r.watched == Watched::age ? past_.price(r.ticker) : std::nullopt;
        if (!price) return views;
        const Duration age = std::max(now_ - price->time, Duration::zero());
        views.front().value =
            Decimal::from_raw(Decimal::Raw{std::chrono::floor<std::chrono::milliseconds>(age).count()} *
                              (Decimal::one_raw / 1000));
        if (views.front().level) views.front().holds = *views.front().value >= *views.front().level;
        return views;
    }

    // Of any: the one that is nearest to firing.
    std::size_t shown() const {
        if (terms().joined != Joined::any) return 0;
        std::size_t nearest = 0;
        for (std::size_t i = 1; i < distances_.size(); ++i) {
            if (distances_[i] && (!distances_[nearest] || *distances_[i] < *distances_[nearest])) nearest = i;
        }
        return nearest;
    }
    const RuleState* shown_state() const {
        const auto& rules = run_.state().rules;
        return shown() < rules.size() ? &rules[shown()] : nullptr;
    }
    bool is_armed() const {
        const RuleState* const state = shown_state();
        return state != nullptr && state->armed;
    }

    // Before it begins it has no start.
    bool is_scheduled() const { return status_of(alert_, now_) == AlertStatus::scheduled; }

    // Where nothing is measured from it, the row need not have it: then it is known if the price did not move in the
    // minute of the start.
    std::optional<Decimal> start_price(const RuleState& first) const {
        const Rule& rule = terms().rules.front();
        const auto& stored = alert_.state.rules;
        const bool is_stored = !stored.empty() && stored.front().start_price;
        if (is_stored || rule.level.from == Anchor::start ||
            (rule.upper && rule.upper->from == Anchor::start))
            return first.start_price;
        if (rule.watched != Watched::price && rule.watched != Watched::close) return std::nullopt;
        const Timestamp minute = std::chrono::floor<std::chrono::minutes>(first.start);
        const auto bars = past_.minutes(rule.ticker, minute - 1min, minute + 1min);
        if (bars.empty()) return std::nullopt;
        const Bar* const before = bars.front().start < minute ? &bars.front() : nullptr;
        if (before != nullptr && first.start == minute) return before->close;
        const Bar& within = bars.back();
        const bool is_one_price = within.start == minute && within.low == within.high &&
                                  (before == nullptr || before->close == within.low);
        return is_one_price ? std::optional(within.low) : std::nullopt;
    }
    std::optional<Timestamp> held_since() const {
        if (is_scheduled() || terms().hold == Duration::zero()) return std::nullopt;
        return rule::held_since(ruled_, run_, past_);
    }
    std::optional<Timestamp> muted_until() const {
        if (!alert_.is_active) return std::nullopt;
        const auto until = std::max(alert_.state.muted_until, alert_.state.snoozed_until);
        return until && *until > now_ ? until : std::nullopt;
    }
    bool is_snoozed() const { return muted_until() && muted_until() == alert_.state.snoozed_until; }
    std::optional<std::string_view> muted_by() const {
        if (!muted_until()) return std::nullopt;
        return is_snoozed() ? "snooze" : "cooldown";
    }

    std::string words() const {
        rule::Evidence seen{.rules = rule::seen(terms(), views_), .shown = shown()};
        seen.held_since = held_since();
        seen.closest = closest_.closest;
        rule::StateFacts facts{.now = now_, .created_at = alert_.created_at, .begun_at = ruled_.begun_at};
        if (!alert_.is_active) {
            facts.ended = alert_.ended.value_or(AlertEnd::fired);
            facts.ended_at = facts.ended == AlertEnd::fired     ? alert_.triggered_at
                             : facts.ended == AlertEnd::expired ? alert_.state.expires_at
                                                                : std::nullopt;
        } else if (alert_.state.starts_at && now_ < *alert_.state.starts_at) {
            facts.starts_at = alert_.state.starts_at;
        }
        if (unpriced_) {
            facts.unpriced = unpriced_->ticker;
            facts.unpriced_since = unpriced_->since;
            facts.unpriced_reason = unpriced_->reason;
        }
        facts.muted_until = muted_until();
        facts.is_snoozed = is_snoozed();
        facts.armed = is_armed();
        if (const RuleState* const state = shown_state()) facts.has_fired = state->fired;
        facts.seen = &seen;
        facts.closest_is_recent = closest_.cut;
        return rule::state_words(terms(), facts);
    }

    void write_rules(JsonWriter& w) const {
        w.key("rules").begin_array();
        for (std::size_t i = 0; i < views_.size(); ++i) {
            const rule::RuleView& view = views_[i];
            const Rule& r = terms().rules[i];
            w.begin_object();
            if (terms().joined != Joined::one) w.field("ticker", r.ticker.view());
            w.field("is", to_string(r.word)).key("level");
            if (r.upper) {
                w.begin_array().value(view.level).value(view.upper).end_array();
            } else {
                w.value(view.level);
            }
            w.field("value", view.value).field("true", view.holds).field("distance", distances_[i]);
            const bool is_price = r.watched != Watched::age;
            w.field("distance_percent", is_price ? percent(view.value, distances_[i]) : std::nullopt)
                .end_object();
        }
        w.end_array();
    }
    static std::optional<Decimal> percent(const std::optional<Decimal>& value,
                                          const std::optional<Decimal>& distance) {
        if (!value || !distance || !value->is_positive()) return std::nullopt;
        return rule::change_in_percent(*value, *value + *distance);
    }

    void write_blind(JsonWriter& w) const {
        std::vector<BlindSpan> all;
        for (const Ticker& ticker : tickers_of(terms())) {
            for (BlindSpan& span : services_.use.storage.blind_spans(ticker, alert_.created_at, max_gaps)) {
                span.from = std::max(span.from, alert_.created_at);
                all.push_back(std::move(span));
            }
        }
        std::sort(all.begin(), all.end(),
                  [](const BlindSpan& a, const BlindSpan& b) { return a.from < b.from; });
        std::vector<std::pair<Timestamp, Timestamp>> spans;
        for (const BlindSpan& blind : all)
            spans.emplace_back(blind.from, std::max(blind.from, blind.to.value_or(now_)));
        w.key("blind").begin_object().field("total", spelled_out(covered(std::move(spans)))).key("now");
        if (unpriced_) {
            w.begin_object().field("ticker", unpriced_->ticker.view()).field("since", unpriced_->since);
            w.field("reason", unpriced_->reason).end_object();
        } else {
            w.value(nullptr);
        }
        w.key("intervals").begin_array();
        // All count; the newest are listed.
        for (const BlindSpan& blind : std::span(all).last(std::min(all.size(), max_intervals))) {
            w.begin_object();
            if (blind.ticker != alert_.ticker) w.field("ticker", blind.ticker.view());
            w.field("from", blind.from).field("to", blind.to).field("reason", blind.reason).end_object();
        }
        w.end_array().end_object();
    }

    void write_left_out(JsonWriter& w) const {
        auto all = alert_.is_active ? rule::left_out(ruled_, now_, past_) : std::vector<Timestamp>();
        if (all.size() > max_intervals)
            all.erase(all.begin(), all.end() - static_cast<std::ptrdiff_t>(max_intervals));
        w.key("left_out").begin_array();
        for (const Timestamp minute : all)
            w.begin_object().field("time", minute).field("within", "1m").end_object();
        w.end_array();
    }

    Services& services_;
    const Alert& alert_;
    const Timestamp now_;
    const RuledAlert ruled_;
    const rule::Past& past_;
    const rule::Run run_;
    const std::vector<rule::RuleView> views_;
    const std::optional<Unpriced> unpriced_;
    rule::ClosestFound closest_;
    std::vector<std::optional<Decimal>> distances_;
};

}  // namespace

net::ServerResponse show_state(Services& services, Exchange& exchange) {
    const auto id = Uuid::parse(exchange.parameter);
    const auto alert = id ? services.use.storage.alert(exchange.user.id, *id) : std::nullopt;
    if (!alert) return error_response(404, no_such_alert);
    const Timestamp now = services.use.clock.now();
    const rule::Past past = stored_past(services, most_state_time);
    RuledAlert shown = ruled(*alert);
    auto run = rule::present(shown, now, past);
    if (!run) return took_too_long();
    return json_response(200,
                         StateView(services, *alert, std::move(shown), past, std::move(*run), now).json());
}

}  // namespace pricewire::api
