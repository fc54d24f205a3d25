#include "deliver/attempt_budget.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <string>

#include "deliver/retry.hpp"

namespace pricewire::deliver {
namespace {

constexpr Duration told_again_after = std::chrono::hours{1};

}  // namespace

std::optional<DeliveryOutcome> AttemptBudget::refuses(const ClaimedDelivery& claim, const Moment& now) {
    const bool first = claim.kind != DeliveryKind::test && claim.attempt == 1 && !claim.push;
    const auto refusal = take(claim.alert.user_id, first ? Kind::first_of_firing : Kind::other, now.mono);
    if (!refusal) return std::nullopt;
    const std::string limit = fmt::format("{} in {}", limit_->count, format_duration(limit_->period));
    if (refusal->first && told_.take(now.mono)) {
        log::warn("a user's attempts are used up; the user's deliveries wait, without using up theirs",
                  {{"user_id", claim.alert.user_id.to_string()}, {"limit", limit}});
    }
    DeliveryOutcome outcome = put_off_until(
        claim, now.wall + refusal->wait,
        fmt::format("waiting without an attempt: its user's attempts, {}, are used up for now", limit),
        now.wall);
    outcome.over_budget = !is_final(outcome.next);
    return outcome;
}

std::optional<AttemptBudget::Refusal> AttemptBudget::take(const Uuid& id, Kind kind, MonoTime now) {
    if (!limit_) return std::nullopt;
    const access::RateLimit& limit = *limit_;
    User& u = user(id);
    const std::uint32_t left_to_firings = kind == Kind::other ? limit.count / 2 : 0;
    const access::RateDecision decision = u.bucket.take(limit, now, left_to_firings);
    if (decision.allowed) return std::nullopt;
    MonoTime& last = u.last_wait_ends[static_cast<std::size_t>(kind)];
    last = std::max(last + limit.period / limit.count, now + decision.retry_after);
    const bool first = now >= u.told_until;
    if (first) u.told_until = now + told_again_after;
    return Refusal{std::chrono::ceil<Duration>(last - now), first};
}

void AttemptBudget::give_back(const Uuid& user) {
    if (const auto found = by_id_.find(user); found != by_id_.end()) found->second->bucket.give_back(*limit_);
}

AttemptBudget::User& AttemptBudget::user(const Uuid& id) {
    if (const auto found = by_id_.find(id); found != by_id_.end()) {
        users_.splice(users_.begin(), users_, found->second);
        return users_.front();
    }
    if (users_.size() >= max_users_) {
        by_id_.erase(users_.back().id);
        users_.pop_back();
    }
    users_.push_front({.id = id});
    by_id_.emplace(id, users_.begin());
    return users_.front();
}

}  // namespace pricewire::deliver
