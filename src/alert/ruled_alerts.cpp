#include "alert/ruled_alerts.hpp"

#include <absl/container/flat_hash_set.h>

#include <algorithm>
#include <utility>

// Which state of an alert counts
//
// a row says                       compared with what is known here
// -------------------------------  ------------------------------------------------------------------------------
// an earlier revision              what is known here: the change to its revision follows
// a later revision                 the row: its rule was edited, and has a new start
// more firings                     the row: another checker has fired it
// as many, armed where it is not   the row, if it is not older: another checker has armed it
// as many, an extreme of a later   the row: prices of blind time have been recovered
// time
// a later start                    the row: it was paused meanwhile
// as many, or fewer                what is known here, which waits to be written; the row's terms and life
// firing k was passed over         the row, unless the rule was edited since, or more than k firings were made here:
//                                  then whether the last of them is passed over decides
//
// The row of an alert that is not known, or waits for its past, always counts.
//
// A late price may take back that an alert was armed, where its level moves, or its value is a close or a ratio. That is not
// written: rows of two checkers, one of which has not heard of that price yet, would undo each other. So any later row arms it
// again here, as a start would; it may fire sooner than its margin asks, and nothing is lost.

namespace pricewire::alert {
namespace {

bool has_armed(const AlertState& row, const AlertState& known) {
    for (std::size_t i = 0; i < std::min(row.rules.size(), known.rules.size()); ++i) {
        const RuleState& there = row.rules[i];
        const RuleState& here = known.rules[i];
        if (there.armed && !here.armed && there.as_of >= here.as_of) return true;
    }
    return false;
}

// Prices of blind time have been recovered.
bool knows_extreme_until_later(const AlertState& row, const AlertState& known) {
    for (std::size_t i = 0; i < std::min(row.rules.size(), known.rules.size()); ++i) {
        const RuleState& there = row.rules[i];
        const RuleState& here = known.rules[i];
        const bool has_extreme = there.extreme || there.upper_extreme;
        if (has_extreme && there.start == here.start && there.extreme_until > here.extreme_until) return true;
    }
    return false;
}

// Switched on again: the row has a new start, without a firing since.
bool has_new_start(const ActiveAlert& row, const AlertState& known) {
    if (!row.ruled->state.rules.empty() || known.rules.empty()) return false;
    if (std::ranges::any_of(known.rules, &RuleState::fired)) return row.ruled->state.firings >= known.firings;
    return row.ruled->begun_at > known.rules[0].start;
}

// A snooze that was ended before its time ends now, in the order of prices.
ActiveAlert with_snooze_ended(ActiveAlert row, const AlertState& known, Timestamp now) {
    const auto& snooze = row.ruled->state.snoozed_until;
    if (!known.snoozed_until || *known.snoozed_until <= now || (snooze && *snooze > now)) return row;
    auto ruled = *row.ruled;
    ruled.state.snoozed_until = now;
    row.ruled = std::make_shared<const RuledAlert>(std::move(ruled));
    return row;
}

bool is_same(const Price& a, const Price& b) {
    return a.ticker == b.ticker && a.time == b.time && a.sequence == b.sequence;
}

}  // namespace

RuledAlerts::RuledAlerts(RecentPrices& recent, Uses uses, const MakeEngine& make_engine)
    : recent_(recent),
      uses_(std::move(uses)),
      engine_(make_engine(recent, [this](RuleStep step) { steps_.push_back(std::move(step)); })) {}

// Alerts.

// What nobody has watched is blind only where somebody has asked for it: a ticker of an alert that is made later was not.
void RuledAlerts::take_before(const std::vector<ActiveAlert>& rows) {
    const JudgedBefore before = *std::exchange(before_, std::nullopt);
    for (const ActiveAlert& row : rows) {
        for (const Ticker& ticker : tickers_of(*row.ruled->terms)) first_tickers_.insert(ticker);
    }
    for (const auto& [ticker, since] : before.blind) {
        if (first_tickers_.contains(ticker)) recent_.begin_blind(ticker, since);
    }
    if (!before.until) return;
    if (before.is_lost) {
        begin_blind(*before.until);
    } else {
        clock_.begin(*before.until);
    }
}

void RuledAlerts::begin_blind(Timestamp since) {
    for (const Ticker& ticker : std::exchange(first_tickers_, {})) recent_.begin_blind(ticker, since);
    engine_->on_blind();
}

void RuledAlerts::on_snapshot(const std::vector<ActiveAlert>& rows, Timestamp now) {
    if (before_) take_before(rows);
    absl::flat_hash_set<Uuid> active;
    active.reserve(rows.size());
    for (const ActiveAlert& row : rows) active.insert(row.id);
    for (const Uuid& id : engine_->ids()) {
        if (!active.contains(id)) engine_->remove(id);
    }
    std::erase_if(waiting_, [&](const auto& waiting) { return !active.contains(waiting.first); });
    for (const ActiveAlert& row : rows) on_row(row, now);
}

void RuledAlerts::on_row(const ActiveAlert& row, Timestamp now) {
    const AlertState* known = engine_->state(row.id);
    if (known == nullptr) return admit(row, now);
    const AlertState& state = row.ruled->state;
    if (state.revision < known->revision) return;
    const bool is_ahead = state.revision > known->revision || state.firings > known->firings ||
                          (state.firings == known->firings &&
                           (has_armed(state, *known) || knows_extreme_until_later(state, *known))) ||
                          has_new_start(row, *known);
    if (is_ahead) return admit(row, now);
    engine_->update(with_snooze_ended(row, *known, now));
    hand_over(now);
}

void RuledAlerts::on_passed_over(const PassedOver& firing, const std::optional<ActiveAlert>& row,
                                 Timestamp now) {
    const AlertState* known = engine_->state(firing.alert_id);
    if (known != nullptr && (known->revision > firing.revision || known->firings > firing.number)) return;
    if (row && row->ruled) return admit(*row, now);
    remove(firing.alert_id);
}

void RuledAlerts::remove(const Uuid& id) {
    if (!engine_->remove(id)) waiting_.erase(id);
}

void RuledAlerts::admit(const ActiveAlert& row, Timestamp now) {
    remove(row.id);
    auto needs = engine_->needs(row, now);
    if (needs.empty()) {
        engine_->add(row, {});
        return hand_over(now);
    }
    for (const PastNeed& need : needs) ask(need, row.id);
    waiting_[row.id] = {row, std::move(needs), {}};
}

// The past.

void RuledAlerts::ask(const PastNeed& need, const Uuid& id) {
    const auto [asked, is_new] = asked_.try_emplace(need.ticker, Asked{need.from, {}});
    asked->second.by.push_back(id);
    if (is_new) uses_.read_past(need);
}

void RuledAlerts::on_past(const std::shared_ptr<const LinePast>& past, Timestamp now) {
    const auto asked = asked_.extract(past->ticker);
    if (asked.empty()) return;
    std::vector<std::pair<PastNeed, Uuid>> more;
    for (const Uuid& id : asked.mapped().by) {
        const auto found = waiting_.find(id);
        if (found == waiting_.end()) continue;
        Waiting& waiting = found->second;
        const auto need = std::ranges::find(waiting.needs, past->ticker, &PastNeed::ticker);
        if (need == waiting.needs.end()) continue;
        if (need->from < past->from) {
            more.emplace_back(*need, id);
            continue;
        }
        waiting.pasts.push_back(past);
        waiting.needs.erase(need);
        if (!waiting.needs.empty()) continue;
        engine_->add(waiting.alert, waiting.pasts);
        waiting_.erase(found);
    }
    std::ranges::sort(more, {}, [](const auto& wanted) { return wanted.first.from; });
    for (const auto& [need, id] : more) ask(need, id);
    on_time(now);
}

// Prices and time.

void RuledAlerts::on_price(Price price, Timestamp now) {
    price.time = std::min(price.time, now);  // as in RecentPrices
    clock_.on_price(price, now);
    engine_->on_price(price);
    hand_over(now);
}

void RuledAlerts::on_gone(const PriceGone& gone, Timestamp now) {
    engine_->on_gone({gone.ticker, std::min(gone.time, now)});
    hand_over(now);
}

void RuledAlerts::on_late(Ticker ticker, Timestamp time, Timestamp now) {
    engine_->on_late(ticker, std::min(time, now));
    hand_over(now);
}

void RuledAlerts::on_heard(std::string_view feed, Timestamp heard, Timestamp now) {
    clock_.on_heard(feed, heard);
    on_time(now);
}

void RuledAlerts::on_time(Timestamp now) {
    if (const auto since = clock_.take_blind(now)) {
        for (const auto& [gone, is_newest] : recent_.add_blind(*since, now)) {
            if (is_newest) {
                engine_->on_gone(gone);
            } else {
                engine_->on_late(gone.ticker, gone.time);
            }
        }
        begin_blind(*since);
    }
    if (const auto until = clock_.until(now)) engine_->on_time(*until);
    if (const auto certain = clock_.certain(now)) engine_->expire(*certain);
    hand_over(now);
}

std::optional<Timestamp> RuledAlerts::next_time(Timestamp now) const {
    std::optional<Timestamp> next;
    if (const auto wait = engine_->next_time()) next = clock_.until_reaches(*wait, now);
    if (const auto expiry = engine_->next_expiry()) {
        const Timestamp at = clock_.certain_reaches(*expiry);
        next = std::min(next.value_or(at), at);
    }
    return next;
}

// One group for what one price has done; an alert is at most once in it.
void RuledAlerts::hand_over(Timestamp now) {
    if (steps_.empty()) return;
    FiringGroup group;
    absl::flat_hash_set<Uuid> in_group;
    const auto end_group = [&] {
        if (in_group.empty()) return;
        group.fired_at = now;
        uses_.fire(std::exchange(group, {}));
        in_group.clear();
    };
    for (RuleStep& step : std::exchange(steps_, {})) {
        const Uuid& id = std::visit([](const auto& what) -> const Uuid& { return what.alert_id; }, step.what);
        if (!is_same(step.price, group.price) || !in_group.insert(id).second) {
            end_group();
            in_group.insert(id);
            group.price = step.price;
        }
        if (auto* firing = std::get_if<RuledFiring>(&step.what)) {
            firing->delivery_id = make_uuid(now);
            group.ruled.push_back(std::move(*firing));
        } else if (auto* note = std::get_if<StateNote>(&step.what)) {
            group.notes.push_back(std::move(*note));
        } else {
            auto& expiry = std::get<Expiry>(step.what);
            if (expiry.delivery_id) expiry.delivery_id = make_uuid(now);
            group.expiries.push_back(std::move(expiry));
        }
    }
    end_group();
}

}  // namespace pricewire::alert
