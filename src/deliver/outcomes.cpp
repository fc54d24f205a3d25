#include "deliver/outcomes.hpp"

#include <utility>
#include <vector>

#include "deliver/last_chance.hpp"
#include "deliver/request.hpp"

namespace pricewire::deliver {

void Outcomes::tell_claimed(std::span<const ClaimedDelivery> claimed) const {
    if (!options_.changed) return;
    std::vector<DeliveryNotice> notices;
    notices.reserve(claimed.size());
    for (const ClaimedDelivery& c : claimed) notices.push_back({c.alert.user_id, c.id});
    options_.changed(notices);
}

bool Outcomes::of_attempt(Held& held, const AttemptResult& result) {
    ++counted_.attempts;
    auto outcome = decide(held.claimed, held.take_attempt(), result, options_.retry, clock_.now(), rng_);
    const bool ends_others = outcome.disable_endpoint || outcome.push_gone;
    write(held.claimed, std::move(outcome), Endpoints::name(*held.endpoint), result.error);
    return ends_others;
}

void Outcomes::of_refused_url(const ClaimedDelivery& claimed, const std::string& why) {
    ++counted_.attempts;
    const AttemptResult result{.error = net::HttpError::bad_url, .error_text = why};
    Attempt made{.delivery_id = claimed.id, .number = claimed.attempt, .started_at = clock_.now()};
    write(claimed, decide(claimed, std::move(made), result, options_.retry, clock_.now(), rng_),
          host_in(destination(claimed)), result.error);
}

void Outcomes::put_off_for_secret(const Held& held, const std::string& reason) {
    const ClaimedDelivery& claimed = held.claimed;
    secrets_told_.tell(claimed, reason);
    without_attempt(claimed,
                    put_off(claimed, cannot_be_made(claimed) + reason, wait_for_secret(options_.retry),
                            clock_.now(), rng_),
                    Endpoints::name(*held.endpoint));
}

void Outcomes::put_off_for_ourselves(const Held& held, const AttemptResult& result) {
    const Timestamp now = clock_.now();
    write(held.claimed,
          put_off(held.claimed, result.error_text, wait_for_ourselves(held.claimed, options_.retry, now), now,
                  rng_),
          Endpoints::name(*held.endpoint), result.error);
}

void Outcomes::defer(const Held& held) {
    const ClaimedDelivery& claimed = held.claimed;
    const Timestamp now = clock_.now();
    const Timestamp until = deferred_until(
        claimed, options_.retry.attempts,
        Endpoints::comes_back(*held.endpoint, now) + endpoints_.pause_left(*held.endpoint, clock_.mono()),
        now);
    ++counted_.deferred;
    write_back_.add({claimed.id, claimed.attempt, until, Endpoints::lane_name(*held.endpoint, held.lane),
                     claimed.alert.user_id},
                    held.lease_until);
    endpoints_.deferred(*held.endpoint, held.lane, clock_.mono());
}

void Outcomes::give_back(const ClaimedDelivery& claimed, Timestamp lease_until) {
    write_back_.add({claimed.id, claimed.attempt, clock_.now(), {}, claimed.alert.user_id}, lease_until);
}

void Outcomes::add_to(SenderStats& stats) const {
    stats.attempts = counted_.attempts;
    stats.delivered = counted_.delivered;
    stats.failed = counted_.failed;
    stats.expired = counted_.expired;
    stats.deferred = counted_.deferred;
}

void Outcomes::write(const ClaimedDelivery& claimed, DeliveryOutcome outcome, const std::string& endpoint,
                     net::HttpError error) {
    if (options_.settled) options_.settled(claimed, outcome, error);
    if (outcome.next == DeliveryState::delivered) ++counted_.delivered;
    if (outcome.next == DeliveryState::failed) ++counted_.failed;
    if (outcome.next == DeliveryState::expired) ++counted_.expired;
    if (outcome.next == DeliveryState::pending) {
        intake_.due_at(clock_.mono() + (*outcome.next_attempt_at - clock_.now()));
    }
    const bool at_info = log::enabled(log::Level::info) && attempts_told_.take(clock_.mono());
    log_outcome(claimed, outcome, endpoint, at_info ? log::Level::info : log::Level::debug);
    outcome.user_id = claimed.alert.user_id;
    if (!claimed.push) outcome.webhook_url = claimed.alert.webhook_url;
    write_back_.add(std::move(outcome));
}

}  // namespace pricewire::deliver
