#include "access/redis/leases.hpp"

#include <algorithm>

#include "base/decimal.hpp"

namespace pricewire::access {
namespace {

using Units = Decimal::Raw;  // 1 / count microseconds

constexpr std::uint32_t most_leased = 100'000;  // which the script's doubles can count

Units units_of(const Leases::Debt& debt, const RateLimit& limit) {
    return Units{debt.whole} * limit.count + debt.part;
}

RateDecision decision_of(bool allowed, Units debt, const RateLimit& limit) {
    const Units count = limit.count;
    const Units token = limit.period.count();
    const auto micros = [&](Units units) {
        return Duration{static_cast<std::int64_t>((units + count - 1) / count)};
    };
    RateDecision out;
    out.allowed = allowed;
    if (!allowed) out.retry_after = micros(std::max<Units>(0, debt + token - count * token));
    out.remaining = static_cast<std::uint32_t>((count * token - debt) / token);
    out.reset_after = micros(debt);
    return out;
}

}  // namespace

std::uint32_t Leases::most(const RateLimit& limit) {
    const Units refilled = Units{limit.count} * lease_time.count() / limit.period.count();
    return static_cast<std::uint32_t>(std::min({refilled, Units{limit.count / 16}, Units{most_leased}}));
}

RateDecision Leases::decision(bool allowed, const Debt& debt, const RateLimit& limit) {
    return decision_of(allowed, units_of(debt, limit), limit);
}

Leases::Plan Leases::take(std::string_view bucket, const RateLimit& limit, MonoTime now) {
    Shard& shard = shard_of(bucket);
    const bool can_lease = most(limit) >= 2;
    MutexLock lock(shard.mutex);
    auto found = shard.leases.find(bucket);
    if (found == shard.leases.end()) {
        if (!can_lease || !has_room(shard, now)) return {};
        found = shard.leases.emplace(bucket, Lease{}).first;
    }
    Lease& lease = found->second;
    if (now < lease.until && (lease.is_empty || lease.left > 0)) {
        if (!lease.is_empty) --lease.left;
        return {.decision = served(lease, limit, now)};
    }
    // One thread at a time asks for a lease, so that there is never more than one.
    if (!can_lease || lease.is_asked_for) return {};
    const std::uint32_t size = next_size(lease, limit, now);
    lease.is_asked_for = true;
    lease.left = 0;
    return {.tokens = size, .is_lease = true};
}

RateDecision Leases::granted(std::string_view bucket, const RateLimit& limit, const Plan& plan,
                             std::uint32_t tokens, const Debt& debt, MonoTime asked) {
    Lease lease{.size = tokens, .debt = debt, .since = asked};
    lease.is_empty = tokens == 0;
    lease.left = tokens > 0 ? tokens - 1 : 0;
    const RateDecision out = served(lease, limit, asked);
    lease.until = asked + (lease.is_empty ? std::min(lease_time, out.retry_after) : lease_time);
    if (!plan.is_lease && !lease.is_empty) return out;
    Shard& shard = shard_of(bucket);
    MutexLock lock(shard.mutex);
    auto found = shard.leases.find(bucket);
    if (found == shard.leases.end()) {
        if (!has_room(shard, asked)) return out;
        found = shard.leases.emplace(bucket, Lease{}).first;
    }
    Lease& there = found->second;
    lease.is_asked_for = there.is_asked_for && !plan.is_lease;
    // Another thread may have got a lease while this one was told that the bucket is empty.
    if (plan.is_lease || there.left == 0) there = lease;
    return out;
}

void Leases::failed(std::string_view bucket, const Plan& plan) {
    if (!plan.is_lease) return;
    Shard& shard = shard_of(bucket);
    MutexLock lock(shard.mutex);
    if (const auto found = shard.leases.find(bucket); found != shard.leases.end())
        found->second.is_asked_for = false;
}

// What a request is told: the bucket as if the tokens that are left had not been taken.
RateDecision Leases::served(const Lease& lease, const RateLimit& limit, MonoTime now) {
    const Units elapsed =
        std::chrono::duration_cast<Duration>(std::max(now, lease.since) - lease.since).count();
    const Units owed =
        units_of(lease.debt, limit) - elapsed * limit.count - Units{lease.left} * limit.period.count();
    return decision_of(!lease.is_empty, std::max<Units>(0, owed), limit);
}

std::uint32_t Leases::next_size(const Lease& lease, const RateLimit& limit, MonoTime now) {
    const std::uint32_t used = std::max(1U, lease.size - lease.left);
    const bool was_used_up = lease.left == 0 && now < lease.until;
    return std::clamp(was_used_up ? lease.size * 2 : used, 1U, most(limit));
}

// Drops what has ended, though not at each call.
bool Leases::has_room(Shard& shard, MonoTime now) {
    if (shard.leases.size() < most_kept) return true;
    if (now < shard.swept + lease_time) return false;
    shard.swept = now;
    absl::erase_if(shard.leases, [&](const auto& entry) {
        return entry.second.until <= now && !entry.second.is_asked_for;
    });
    return shard.leases.size() < most_kept;
}

Leases::Shard& Leases::shard_of(std::string_view bucket) {
    return shards_[NameHash{}(bucket) / 128 % shards_.size()];
}

}  // namespace pricewire::access
