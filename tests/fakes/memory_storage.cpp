#include "fakes/memory_storage.hpp"

#include <algorithm>
#include <cctype>
#include <utility>

namespace pricewire {
namespace {

std::string lower(std::string_view text) {
    std::string out(text);
    std::transform(out.begin(), out.end(), out.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return out;
}

ActiveAlert active_part(const Alert& a) {
    return {a.id, a.ticker, a.condition, a.target};
}

}  // namespace

class MemoryStorage::Call {
public:
    Call(MemoryStorage& storage, const char* method) : storage_(storage), lock_(storage.mutex_) {
        ++storage_.calls_[method];
        ++storage_.changes_;
        storage_.changed_.notify_all();
        if (!storage_.failure_.empty()) throw StorageError(storage_.failure_);
    }
    ~Call() {
        ++storage_.changes_;
        storage_.changed_.notify_all();
    }
    Call(const Call&) = delete;
    Call& operator=(const Call&) = delete;

private:
    MemoryStorage& storage_;
    std::unique_lock<std::mutex> lock_;
};

std::optional<Timestamp> MemoryStorage::StoredDelivery::due() const {
    if (view.state == DeliveryState::pending) return view.next_attempt_at;
    if (view.state == DeliveryState::delivering) return lease_until;
    return std::nullopt;
}

void MemoryStorage::fail(std::string reason) {
    std::lock_guard lock(mutex_);
    failure_ = std::move(reason);
}

void MemoryStorage::heal() {
    std::lock_guard lock(mutex_);
    failure_.clear();
}

void MemoryStorage::lose_answers_of_fire(int count) {
    std::lock_guard lock(mutex_);
    lost_answers_ = count;
}

bool MemoryStorage::wait_until(const std::function<bool()>& holds) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds{30};
    while (true) {
        std::uint64_t seen = 0;
        {
            std::lock_guard lock(mutex_);
            seen = changes_;
        }
        if (holds()) return true;
        std::unique_lock lock(mutex_);
        // The pause covers conditions that change without a call of this storage.
        changed_.wait_for(lock, std::chrono::milliseconds{20}, [&] { return changes_ != seen; });
        if (std::chrono::steady_clock::now() > deadline) return false;
    }
}

std::size_t MemoryStorage::count(DeliveryState state) {
    std::lock_guard lock(mutex_);
    return static_cast<std::size_t>(
        std::count_if(deliveries_.begin(), deliveries_.end(),
                      [&](const auto& entry) { return entry.second.view.state == state; }));
}

std::vector<DeliveryView> MemoryStorage::all_deliveries() {
    std::lock_guard lock(mutex_);
    std::vector<DeliveryView> out;
    for (const auto& [id, d] : deliveries_) out.push_back(d.view);
    return out;
}

int MemoryStorage::calls(const std::string& method) {
    std::lock_guard lock(mutex_);
    return calls_[method];
}

void MemoryStorage::ping() {
    Call call(*this, "ping");
}

std::expected<void, CreateUserError> MemoryStorage::create_user(const NewUser& user) {
    Call call(*this, "create_user");
    for (const auto& [id, u] : users_) {
        if (lower(u.user.email) == lower(user.user.email))
            return std::unexpected(CreateUserError::email_taken);
    }
    users_[user.user.id] = user;
    return {};
}

std::optional<User> MemoryStorage::user_by_key_hash(const Sha256& api_key_hash) {
    Call call(*this, "user_by_key_hash");
    for (const auto& [id, u] : users_) {
        if (u.api_key_hash == api_key_hash) return u.user;
    }
    return std::nullopt;
}

std::optional<User> MemoryStorage::user_by_email(std::string_view email) {
    Call call(*this, "user_by_email");
    for (const auto& [id, u] : users_) {
        if (lower(u.user.email) == lower(email)) return u.user;
    }
    return std::nullopt;
}

std::vector<User> MemoryStorage::users() {
    Call call(*this, "users");
    std::vector<User> out;
    for (const auto& [id, u] : users_) out.push_back(u.user);
    return out;
}

bool MemoryStorage::set_user_active(const Uuid& user_id, bool active) {
    Call call(*this, "set_user_active");
    const auto it = users_.find(user_id);
    if (it == users_.end()) return false;
    it->second.user.is_active = active;
    if (events_.user_changed) events_.user_changed(user_id);
    return true;
}

std::expected<void, CreateAlertError> MemoryStorage::create_alert(const Alert& alert, std::size_t limit) {
    Call call(*this, "create_alert");
    if (active_.contains(identity(alert))) return std::unexpected(CreateAlertError::duplicate);
    if (active_count_[alert.user_id] >= limit) return std::unexpected(CreateAlertError::limit_reached);
    active_.insert(identity(alert));
    ++active_count_[alert.user_id];
    alerts_[alert.id] = {alert, false};
    if (events_.alert_changed) events_.alert_changed({AlertChange::Kind::created, active_part(alert)});
    return {};
}

std::optional<Alert> MemoryStorage::alert(const Uuid& user_id, const Uuid& alert_id) {
    Call call(*this, "alert");
    const auto it = alerts_.find(alert_id);
    if (it == alerts_.end() || it->second.deleted || it->second.alert.user_id != user_id) return std::nullopt;
    return it->second.alert;
}

std::vector<Alert> MemoryStorage::alerts(const Uuid& user_id, const AlertFilter& filter) {
    Call call(*this, "alerts");
    std::vector<Alert> out;
    for (auto it = alerts_.rbegin(); it != alerts_.rend() && out.size() < filter.limit; ++it) {
        const Alert& a = it->second.alert;
        if (it->second.deleted || a.user_id != user_id) continue;
        if (filter.is_active && *filter.is_active != a.is_active) continue;
        if (filter.ticker && *filter.ticker != a.ticker) continue;
        if (filter.before && !(a.id < *filter.before)) continue;
        out.push_back(a);
    }
    return out;
}

bool MemoryStorage::delete_alert(const Uuid& user_id, const Uuid& alert_id) {
    Call call(*this, "delete_alert");
    const auto it = alerts_.find(alert_id);
    if (it == alerts_.end() || it->second.deleted || it->second.alert.user_id != user_id) return false;
    Alert& a = it->second.alert;
    it->second.deleted = true;
    if (!a.is_active) return true;
    deactivate(a);
    if (events_.alert_changed) events_.alert_changed({AlertChange::Kind::deleted, active_part(a)});
    return true;
}

void MemoryStorage::load_active_alerts(const std::function<void(std::span<const ActiveAlert>)>& piece) {
    std::vector<ActiveAlert> all;
    {
        Call call(*this, "load_active_alerts");
        for (const auto& [id, a] : alerts_) {
            if (!a.deleted && a.alert.is_active) all.push_back(active_part(a.alert));
        }
    }
    if (!all.empty()) piece(all);
}

MemoryStorage::Identity MemoryStorage::identity(const Alert& a) {
    return {a.user_id, std::string(a.ticker), a.target, a.condition, a.webhook_url};
}

void MemoryStorage::deactivate(Alert& a) {
    active_.erase(identity(a));
    --active_count_[a.user_id];
    a.is_active = false;
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
            d.view.alert_id = a.id;
            d.view.created_at = group.fired_at;
            d.view.next_attempt_at = group.fired_at;
            due_.emplace(group.fired_at, f.delivery_id);
            deliveries_[f.delivery_id] = d;
            tasks.push_back({f.delivery_id, 1});
        }
    }
    if (lost_answers_ > 0) {
        --lost_answers_;
        throw StorageError("the connection was lost before the answer came");
    }
    return tasks;
}

ClaimedDelivery MemoryStorage::take(StoredDelivery& delivery, const Claim& claim) {
    due_.erase({*delivery.due(), delivery.view.id});
    delivery.view.state = DeliveryState::delivering;
    delivery.view.next_attempt_at.reset();
    delivery.owner = claim.owner;
    delivery.lease_until = claim.lease_until;
    due_.emplace(claim.lease_until, delivery.view.id);
    const Alert& a = alerts_.at(delivery.view.alert_id).alert;
    ClaimedDelivery out;
    out.id = delivery.view.id;
    out.attempt = out.round = delivery.view.attempts + 1;
    out.created_at = delivery.view.created_at;
    out.deadline = out.created_at + a.deliver_within;
    out.alert = a;
    out.secrets.current = users_.at(a.user_id).webhook_secret;
    return out;
}

std::vector<ClaimedDelivery> MemoryStorage::claim(std::span<const DeliveryTask> tasks, Timestamp now,
                                                  const Claim& claim) {
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

std::vector<ClaimedDelivery> MemoryStorage::claim_due(Timestamp now, std::size_t limit, const Claim& claim) {
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

std::size_t MemoryStorage::release_claims(std::string_view owner) {
    Call call(*this, "release_claims");
    std::size_t released = 0;
    for (auto& [id, d] : deliveries_) {
        if (d.view.state != DeliveryState::delivering || d.owner != owner) continue;
        due_.erase({d.lease_until, id});
        d.view.state = DeliveryState::pending;
        d.view.next_attempt_at = d.view.created_at;
        due_.emplace(*d.view.next_attempt_at, id);
        ++released;
    }
    return released;
}

void MemoryStorage::record(std::span<const DeliveryOutcome> outcomes) {
    Call call(*this, "record");
    for (const DeliveryOutcome& o : outcomes) {
        const auto it = deliveries_.find(o.delivery_id);
        if (it == deliveries_.end()) continue;
        StoredDelivery& d = it->second;
        const auto due = d.due();
        if (!due || d.view.attempts + 1 != o.attempt_number) continue;
        due_.erase({*due, d.view.id});
        if (o.attempt) {
            d.attempts.push_back(*o.attempt);
            d.view.attempts = o.attempt->number;
        }
        d.view.state = o.next;
        d.view.next_attempt_at = o.next_attempt_at;
        if (o.next == DeliveryState::pending) {
            due_.emplace(*o.next_attempt_at, d.view.id);
        } else {
            d.view.finished_at = o.ended_at;
        }
    }
}

std::vector<DeliveryView> MemoryStorage::deliveries_of(const Uuid& alert_id) {
    Call call(*this, "deliveries_of");
    std::vector<DeliveryView> out;
    for (const auto& [id, d] : deliveries_) {
        if (d.view.alert_id == alert_id) out.push_back(d.view);
    }
    return out;
}

std::vector<Attempt> MemoryStorage::attempts_of(const Uuid& delivery_id) {
    Call call(*this, "attempts_of");
    const auto it = deliveries_.find(delivery_id);
    return it == deliveries_.end() ? std::vector<Attempt>{} : it->second.attempts;
}

void MemoryStorage::upsert_bars(std::span<const Bar> bars) {
    Call call(*this, "upsert_bars");
    for (const Bar& bar : bars) {
        const auto [it, fresh] = bars_.try_emplace({std::string(bar.ticker), bar.start}, bar);
        if (fresh) continue;
        it->second.high = std::max(it->second.high, bar.high);
        it->second.low = std::min(it->second.low, bar.low);
        it->second.close = bar.close;
    }
}

std::vector<Bar> MemoryStorage::bars(Ticker ticker, Timestamp from, Timestamp to, std::size_t limit) {
    Call call(*this, "bars");
    std::vector<Bar> out;
    for (const auto& [key, bar] : bars_) {
        if (bar.ticker == ticker && bar.start >= from && bar.start < to && out.size() < limit)
            out.push_back(bar);
    }
    return out;
}

std::size_t MemoryStorage::prune_bars(Timestamp before, std::size_t limit) {
    Call call(*this, "prune_bars");
    std::size_t removed = 0;
    for (auto it = bars_.begin(); it != bars_.end() && removed < limit;) {
        if (it->second.start < before) {
            it = bars_.erase(it);
            ++removed;
        } else {
            ++it;
        }
    }
    return removed;
}

}  // namespace pricewire
