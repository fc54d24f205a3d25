#include "app/expiries.hpp"

#include <algorithm>
#include <exception>
#include <utility>

#include "api/stored_past.hpp"
#include "base/log.hpp"
#include "domain/rule.hpp"
#include "rule/evidence.hpp"
#include "rule/simulate.hpp"

namespace pricewire::app {
namespace {

// To see how close those came that expire together. The others are passed on without it, so that no webhook is late.
constexpr std::size_t most_at_once = 50;
constexpr Duration most_time = std::chrono::seconds{2};
constexpr std::size_t most_gaps = 100;  // of a ticker

// When nothing was known of its tickers while it lived, the oldest first.
std::vector<rule::BlindGap> blind_gaps(storage::Storage& storage, const ActiveAlert& alert, Timestamp end) {
    std::vector<rule::BlindGap> out;
    for (const Ticker ticker : tickers_of(*alert.ruled->terms)) {
        for (const BlindSpan& span : storage.blind_spans(ticker, alert.ruled->begun_at, most_gaps)) {
            const Timestamp from = std::max(span.from, alert.ruled->begun_at);
            const Timestamp to = std::min(span.to.value_or(end), end);
            if (from < to) out.push_back({ticker == alert.ticker ? Ticker() : ticker, from, to, span.reason});
        }
    }
    std::ranges::sort(out, {}, &rule::BlindGap::from);
    return out;
}

}  // namespace

Expiries::Expiries(Uses uses) : uses_(std::move(uses)), thread_([this] { run(); }) {}

Expiries::~Expiries() {
    groups_.close();
    thread_.join();
}

void Expiries::run() {
    std::vector<FiringGroup> groups;
    bool failing = false;
    while (!groups_.closed()) {
        groups_.drain(groups,
                      waiting_.empty() ? std::nullopt : std::optional(uses_.clock.mono() + look_every));
        const MonoTime until = uses_.clock.mono() + wait_at_most;
        for (FiringGroup& group : groups) {
            auto expiries = std::exchange(group.expiries, {});
            const auto shared = std::make_shared<const FiringGroup>(std::move(group));
            for (Expiry& expiry : expiries) waiting_.push_back({std::move(expiry), shared, until, {}});
        }
        try {
            look();
            failing = false;
        } catch (const std::exception& e) {
            if (!std::exchange(failing, true))
                log::warn("alerts that have expired wait for the database", {{"reason", e.what()}});
        }
    }
}

void Expiries::look() {
    judged_ = uses_.judged();
    unresolved_ = uses_.storage.unresolved_blind();
    // Before any is passed on: what asks the database may throw, and then all go on waiting.
    for (Waiting& one : waiting_) one.is_judged = is_judged(one);
    std::size_t looked_into = 0;
    const MonoTime until = uses_.clock.mono() + most_time;
    std::deque<Waiting> still;
    std::vector<Expiry> together;
    std::shared_ptr<const FiringGroup> of;
    const auto pass_on = [&] {
        if (together.empty()) return;
        FiringGroup group = *of;
        group.expiries = std::exchange(together, {});
        uses_.done(std::move(group));
    };
    for (Waiting& one : waiting_) {
        if (!one.is_judged) {
            still.push_back(std::move(one));
            continue;
        }
        if (of != one.group) pass_on();
        of = one.group;
        if (one.expiry.delivery_id && uses_.clock.mono() < until && ++looked_into <= most_at_once)
            complete(one.expiry, until);
        together.push_back(std::move(one.expiry));
    }
    pass_on();
    waiting_ = std::move(still);
}

// Whether every price of before its end that will ever be known has been judged.
bool Expiries::is_judged(Waiting& waiting) {
    if (uses_.clock.mono() >= waiting.until) return true;
    const Timestamp end = waiting.expiry.expires_at;
    if (!judged_ || *judged_ < end) return false;
    if (unresolved_.empty()) return true;
    if (waiting.tickers.empty()) {
        const auto alert = uses_.storage.active_alert(waiting.expiry.alert_id);
        if (!alert || !alert->ruled) return true;  // it has ended
        waiting.tickers = tickers_of(*alert->ruled->terms);
    }
    return std::ranges::none_of(waiting.tickers, [&](Ticker ticker) {
        const auto since = unresolved_.find(ticker);
        return since != unresolved_.end() && since->second < end;
    });
}

// What cannot be read is left out: the alert expires all the same.
void Expiries::complete(Expiry& expiry, MonoTime until) {
    try {
        const auto alert = uses_.storage.active_alert(expiry.alert_id);
        auto evidence = rule::parse_evidence(expiry.evidence.empty() ? "{}" : expiry.evidence);
        if (!alert || !alert->ruled || !evidence) return;
        rule::Past past = api::stored_past(uses_.storage);
        past.stop = [this, until] { return groups_.closed() || uses_.clock.mono() >= until; };
        evidence->closest = rule::closest(*alert->ruled, expiry.expires_at, past).closest;
        evidence->blind = blind_gaps(uses_.storage, *alert, expiry.expires_at);
        expiry.evidence = rule::to_json(*evidence);
    } catch (const std::exception& e) {
        log::debug("how close an expired alert came is not known", {{"reason", e.what()}});
    }
}

}  // namespace pricewire::app
