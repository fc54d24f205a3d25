// The part of MemoryStorage that holds deliveries and endpoints.
#include <algorithm>
#include <utility>

#include "fakes/memory_storage.hpp"

namespace pricewire::fakes {

std::optional<Timestamp> MemoryStorage::StoredDelivery::due() const {
    if (view.state == DeliveryState::pending) return view.next_attempt_at;
    if (view.state == DeliveryState::delivering) return lease_until;
    return std::nullopt;
}

void MemoryStorage::change(StoredDelivery& d, const std::function<void(StoredDelivery&)>& change) {
    if (const auto due = d.due()) due_.erase({*due, d.view.id});
    if (!d.lane.empty()) lanes_.erase({d.lane, d.turn});
    d.lane.clear();
    change(d);
    if (const auto due = d.due()) due_.emplace(*due, d.view.id);
    if (!d.lane.empty()) lanes_.emplace(std::pair(d.lane, d.turn), d.view.id);
}

void MemoryStorage::end(StoredDelivery& delivery, DeliveryState state, Timestamp now,
                        const std::string& reason) {
    change(delivery, [&](StoredDelivery& d) {
        d.view.state = state;
        d.view.next_attempt_at.reset();
        d.view.finished_at = now;
        d.view.reason = reason;
    });
}

void MemoryStorage::begin_anew(StoredDelivery& delivery, Timestamp now) {
    change(delivery, [&](StoredDelivery& d) REQUIRES(mutex_) {
        d.view.state = DeliveryState::pending;
        d.view.next_attempt_at = now;
        d.view.deadline = now + alerts_.at(d.view.alert_id).alert.deliver_within;
        d.view.finished_at.reset();
        d.view.reason.clear();
        d.round_start = d.view.attempts;
    });
}

void MemoryStorage::add(StoredDelivery delivery, const Alert& alert, Timestamp now) {
    delivery.user_id = alert.user_id;
    delivery.view.alert_id = alert.id;
    delivery.view.ticker = alert.ticker;
    delivery.view.webhook_url = alert.webhook_url;
    delivery.view.created_at = now;
    delivery.view.next_attempt_at = now;
    delivery.view.deadline = now + alert.deliver_within;
    due_.emplace(now, delivery.view.id);
    deliveries_[delivery.view.id] = std::move(delivery);
}

std::vector<DeliveryTask> MemoryStorage::fire(std::span<const FiringGroup> groups) {
    Call call(*this, "fire");
    std::vector<DeliveryTask> tasks;
    for (const FiringGroup& group : groups) {
        for (const Firing& f : group.firings) {
            const auto it = alerts_.find(f.alert_id);
            if (it == alerts_.end() || it->second.deleted || !it->second.alert.is_active) continue;
            Alert& a = it->second.alert;
            deactivate(a);
            a.triggered_at = group.fired_at;
            a.triggered_price = group.price.value;
            StoredDelivery d;
            d.view.id = f.delivery_id;
            add(std::move(d), a, group.fired_at);
            tasks.push_back({f.delivery_id, 1, a.user_id});
        }
    }
    if (lost_answers_ > 0) {
        --lost_answers_;
        throw storage::StorageError("the connection was lost before the answer came");
    }
    return tasks;
}

ClaimedDelivery MemoryStorage::take(StoredDelivery& delivery, const storage::Claim& claim) {
    change(delivery, [&](StoredDelivery& d) {
        d.view.state = DeliveryState::delivering;
        d.view.next_attempt_at.reset();
        d.owner = claim.owner;
        d.lease_until = claim.lease_until;
    });
    ClaimedDelivery out;
    out.id = delivery.view.id;
    out.attempt = delivery.view.attempts + 1;
    out.round = out.attempt - delivery.round_start;
    out.kind = delivery.view.kind;
    out.created_at = delivery.view.created_at;
    out.deadline = delivery.view.deadline;
    out.alert = shown(alerts_.at(delivery.view.alert_id).alert);
    if (out.kind == DeliveryKind::test) {
        out.alert.triggered_at = out.created_at;
        out.alert.triggered_price = delivery.test_price;
    }
    out.secrets = users_.at(out.alert.user_id).secrets;
    return out;
}

std::vector<ClaimedDelivery> MemoryStorage::claim(std::span<const DeliveryTask> tasks, Timestamp now,
                                                  const storage::Claim& claim) {
    Call call(*this, "claim");
    std::vector<ClaimedDelivery> out;
    for (const DeliveryTask& task : tasks) {
        const auto it = deliveries_.find(task.delivery_id);
        if (it == deliveries_.end() || it->second.view.attempts + 1 != task.attempt) continue;
        const auto due = it->second.due();
        if (due && *due <= now) out.push_back(take(it->second, claim));
    }
    return out;
}

std::vector<ClaimedDelivery> MemoryStorage::claim_due(Timestamp now, std::size_t limit,
                                                      const storage::Claim& claim) {
    Call call(*this, "claim_due");
    std::vector<Uuid> ids;
    for (const auto& [at, id] : due_) {
        if (at > now || ids.size() >= limit) break;
        ids.push_back(id);
    }
    std::vector<ClaimedDelivery> out;
    for (const Uuid& id : ids) out.push_back(take(deliveries_.at(id), claim));
    return out;
}

std::optional<Timestamp> MemoryStorage::next_due() {
    Call call(*this, "next_due");
    if (due_.empty()) return std::nullopt;
    return due_.begin()->first;
}

storage::DeliveryBacklog MemoryStorage::backlog(Timestamp now, std::size_t most) {
    Call call(*this, "backlog");
    storage::DeliveryBacklog out;
    out.unfinished = std::min(due_.size(), most);
    for (const auto& [at, id] : due_) {
        if (at > now || out.due >= most) break;
        if (out.due++ == 0) out.oldest_due = at;
    }
    return out;
}

std::size_t MemoryStorage::release_claims(std::string_view owner) {
    Call call(*this, "release_claims");
    return release(owner);
}

void MemoryStorage::keep_alive(std::string_view owner, Timestamp until) {
    Call call(*this, "keep_alive");
    alive_until_.insert_or_assign(std::string(owner), until);
}

std::size_t MemoryStorage::release_dead(Timestamp now) {
    Call call(*this, "release_dead");
    std::vector<std::string> dead;
    for (const auto& [owner, until] : alive_until_) {
        if (until <= now) dead.push_back(owner);
    }
    std::size_t released = 0;
    for (const std::string& owner : dead) released += release(owner);
    return released;
}

std::size_t MemoryStorage::release(std::string_view owner) {
    if (const auto it = alive_until_.find(owner); it != alive_until_.end()) alive_until_.erase(it);
    std::size_t released = 0;
    for (auto& [id, delivery] : deliveries_) {
        if (delivery.view.state != DeliveryState::delivering || delivery.owner != owner) continue;
        change(delivery, [](StoredDelivery& d) {
            d.view.state = DeliveryState::pending;
            d.view.next_attempt_at = d.view.created_at;
        });
        ++released;
    }
    return released;
}

void MemoryStorage::defer(std::span<const Deferral> deferrals) {
    Call call(*this, "defer");
    for (const Deferral& deferral : deferrals) {
        const auto it = deliveries_.find(deferral.delivery_id);
        if (it == deliveries_.end() || it->second.view.state != DeliveryState::delivering ||
            it->second.view.attempts + 1 != deferral.attempt_number)
            continue;
        change(it->second, [&](StoredDelivery& d) REQUIRES(mutex_) {
            d.view.state = DeliveryState::pending;
            d.view.next_attempt_at = deferral.until;
            d.lane = deferral.lane;
            d.turn = ++last_turn_;
        });
    }
}

std::size_t MemoryStorage::wake(std::string_view lane, Timestamp now, std::size_t limit) {
    Call call(*this, "wake");
    std::size_t woken = 0;
    while (woken < limit) {
        const auto first = lanes_.lower_bound({std::string(lane), 0});
        if (first == lanes_.end() || first->first.first != lane) break;
        change(deliveries_.at(first->second),
               [&](StoredDelivery& d) { d.view.next_attempt_at = std::min(*d.view.next_attempt_at, now); });
        ++woken;
    }
    return woken;
}

void MemoryStorage::record(std::span<const DeliveryOutcome> outcomes) {
    Call call(*this, "record");
    for (const DeliveryOutcome& o : outcomes) {
        const auto it = deliveries_.find(o.delivery_id);
        if (it == deliveries_.end() || it->second.view.attempts + 1 != o.attempt_number) continue;
        StoredDelivery& d = it->second;
        const bool cancelled = d.view.state == DeliveryState::cancelled;
        if (cancelled ? !o.attempt : is_final(d.view.state)) continue;
        if (o.attempt) {
            d.attempts.push_back(*o.attempt);
            d.view.attempts = o.attempt_number;
            d.view.last_status = o.attempt->status;
        }
        if (o.disable_endpoint)
            disabled_[{d.user_id, d.view.webhook_url}] = {d.view.webhook_url, o.ended_at, o.reason};
        if (cancelled && o.next != DeliveryState::delivered) continue;
        change(d, [&](StoredDelivery& changed) {
            changed.view.state = o.next;
            changed.view.next_attempt_at = o.next_attempt_at;
            changed.view.reason = o.reason;
            if (is_final(o.next)) changed.view.finished_at = o.ended_at;
        });
    }
}

std::vector<DeliveryView> MemoryStorage::deliveries(const Uuid& user_id,
                                                    const storage::DeliveryFilter& filter) {
    Call call(*this, "deliveries");
    std::vector<DeliveryView> out;
    for (auto it = deliveries_.rbegin(); it != deliveries_.rend() && out.size() < filter.limit; ++it) {
        const DeliveryView& view = it->second.view;
        if (it->second.user_id != user_id) continue;
        if (filter.state && *filter.state != view.state) continue;
        if (filter.alert_id && *filter.alert_id != view.alert_id) continue;
        if (filter.since && view.created_at < *filter.since) continue;
        if (filter.until && view.created_at >= *filter.until) continue;
        if (filter.before && !(view.id < *filter.before)) continue;
        out.push_back(view);
    }
    return out;
}

MemoryStorage::StoredDelivery* MemoryStorage::delivery_of(const Uuid& user_id, const Uuid& delivery_id) {
    const auto it = deliveries_.find(delivery_id);
    return it == deliveries_.end() || it->second.user_id != user_id ? nullptr : &it->second;
}

std::optional<DeliveryView> MemoryStorage::delivery(const Uuid& user_id, const Uuid& delivery_id) {
    Call call(*this, "delivery");
    const StoredDelivery* found = delivery_of(user_id, delivery_id);
    if (found == nullptr) return std::nullopt;
    return found->view;
}

std::vector<Attempt> MemoryStorage::attempts_of(const Uuid& delivery_id) {
    Call call(*this, "attempts_of");
    const auto it = deliveries_.find(delivery_id);
    return it == deliveries_.end() ? std::vector<Attempt>{} : it->second.attempts;
}

std::expected<DeliveryTask, storage::RetryError> MemoryStorage::retry_delivery(const Uuid& user_id,
                                                                               const Uuid& delivery_id,
                                                                               Timestamp now) {
    Call call(*this, "retry_delivery");
    StoredDelivery* found = delivery_of(user_id, delivery_id);
    if (found == nullptr || user(user_id) == nullptr) return std::unexpected(storage::RetryError::not_found);
    if (found->view.state == DeliveryState::delivering)
        return std::unexpected(storage::RetryError::under_way);
    begin_anew(*found, now);
    return found->task();
}

std::expected<void, storage::CancelError> MemoryStorage::cancel_delivery(const Uuid& user_id,
                                                                         const Uuid& delivery_id,
                                                                         Timestamp now) {
    Call call(*this, "cancel_delivery");
    StoredDelivery* found = delivery_of(user_id, delivery_id);
    if (found == nullptr || user(user_id) == nullptr) return std::unexpected(storage::CancelError::not_found);
    if (is_final(found->view.state)) return std::unexpected(storage::CancelError::final);
    end(*found, DeliveryState::cancelled, now, "cancelled by its user");
    return {};
}

std::vector<DeliveryTask> MemoryStorage::recover_deliveries(const Uuid& user_id, Timestamp since,
                                                            Timestamp now, std::size_t limit) {
    Call call(*this, "recover_deliveries");
    std::vector<DeliveryTask> out;
    if (user(user_id) == nullptr) return out;
    for (auto& [id, d] : deliveries_) {
        if (out.size() >= limit) break;
        if (d.user_id != user_id || d.view.state != DeliveryState::failed || d.view.created_at < since)
            continue;
        begin_anew(d, now);
        out.push_back(d.task());
    }
    return out;
}

bool MemoryStorage::add_test_delivery(const Uuid& user_id, const Uuid& alert_id, const Uuid& delivery_id,
                                      Decimal price, Timestamp now) {
    Call call(*this, "add_test_delivery");
    const auto it = alerts_.find(alert_id);
    if (it == alerts_.end() || it->second.deleted || it->second.alert.user_id != user_id) return false;
    StoredDelivery d;
    d.view.id = delivery_id;
    d.view.kind = DeliveryKind::test;
    d.test_price = price;
    add(std::move(d), it->second.alert, now);
    return true;
}

std::vector<UserEndpoint> MemoryStorage::endpoints(const Uuid& user_id, std::size_t limit) {
    Call call(*this, "endpoints");
    std::vector<UserEndpoint> out;
    std::set<std::string> callable;
    for (const auto& [key, endpoint] : disabled_) {
        if (key.first == user_id) out.push_back(endpoint);
    }
    for (const auto& [id, a] : alerts_) {
        if (!a.deleted && a.alert.user_id == user_id && !disabled_.contains({user_id, a.alert.webhook_url}))
            callable.insert(a.alert.webhook_url);
    }
    for (const std::string& url : callable) out.push_back({url, std::nullopt, ""});
    if (out.size() > limit) out.resize(limit);
    return out;
}

bool MemoryStorage::enable_endpoint(const Uuid& user_id, std::string_view webhook_url) {
    Call call(*this, "enable_endpoint");
    return disabled_.erase({user_id, std::string(webhook_url)}) == 1;
}

void MemoryStorage::save_breakers(std::span<const Breaker> breakers) {
    Call call(*this, "save_breakers");
    for (const Breaker& breaker : breakers) {
        if (breaker.state == BreakerState::closed) {
            breakers_.erase(breaker.endpoint);
        } else {
            breakers_[breaker.endpoint] = breaker;
        }
    }
}

std::vector<Breaker> MemoryStorage::breakers() {
    Call call(*this, "breakers");
    std::vector<Breaker> out;
    for (const auto& [endpoint, breaker] : breakers_) out.push_back(breaker);
    return out;
}

std::size_t MemoryStorage::prune(Timestamp before, std::size_t limit) {
    Call call(*this, "prune");
    std::size_t removed = 0;
    const auto remove = [&](auto& rows, const auto& goes) {
        for (auto it = rows.begin(); it != rows.end() && removed < limit;) {
            if (goes(*it)) {
                it = rows.erase(it);
                ++removed;
            } else {
                ++it;
            }
        }
    };
    remove(deliveries_, [&](const auto& row) {
        return is_final(row.second.view.state) && row.second.view.created_at < before;
    });
    std::set<Uuid> told;
    for (const auto& [id, d] : deliveries_) told.insert(d.view.alert_id);
    remove(alerts_, [&](const auto& row) { return row.second.deleted && !told.contains(row.first); });
    std::set<Uuid> present;
    for (const auto& [id, u] : users_) {
        if (!u.deleted) present.insert(id);
    }
    remove(disabled_, [&](const auto& row) { return !present.contains(row.first.first); });
    std::set<Uuid> needed;
    for (const auto& [id, a] : alerts_) needed.insert(a.alert.user_id);
    for (const auto& [key, endpoint] : disabled_) needed.insert(key.first);
    remove(users_, [&](const auto& row) { return row.second.deleted && !needed.contains(row.first); });
    return removed;
}

}  // namespace pricewire::fakes
