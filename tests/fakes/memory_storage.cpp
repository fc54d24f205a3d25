#include "fakes/memory_storage.hpp"

#include <algorithm>
#include <cctype>
#include <ranges>
#include <utility>

#include "base/text.hpp"
#include "domain/bars.hpp"

namespace pricewire::fakes {
MemoryStorage::Call::Call(MemoryStorage& storage, const char* method) : storage_(storage) {
    storage_.mutex_.lock();
    ++storage_.calls_[method];
    ++storage_.changes_;
    storage_.changed_.notify_all();
    if (storage_.failure_.empty()) return;
    const storage::StorageError failure(storage_.failure_);
    storage_.mutex_.unlock();
    throw failure;
}

MemoryStorage::Call::~Call() {
    ++storage_.changes_;
    storage_.changed_.notify_all();
    storage_.mutex_.unlock();
}

void MemoryStorage::fail(std::string reason) {
    MutexLock lock(mutex_);
    failure_ = std::move(reason);
}

void MemoryStorage::heal() {
    MutexLock lock(mutex_);
    failure_.clear();
}

void MemoryStorage::lose_answers_of_fire(int count) {
    MutexLock lock(mutex_);
    lost_answers_ = count;
}

bool MemoryStorage::wait_until(const std::function<bool()>& holds) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds{30};
    while (true) {
        std::uint64_t seen = 0;
        {
            MutexLock lock(mutex_);
            seen = changes_;
        }
        if (holds()) return true;
        MutexLock lock(mutex_);
        // The pause covers conditions that change without a call of this storage.
        changed_.wait_for(lock, std::chrono::milliseconds{20},
                          [&]() REQUIRES(mutex_) { return changes_ != seen; });
        if (std::chrono::steady_clock::now() > deadline) return false;
    }
}

std::size_t MemoryStorage::count(DeliveryState state) {
    MutexLock lock(mutex_);
    return static_cast<std::size_t>(
        std::count_if(deliveries_.begin(), deliveries_.end(),
                      [&](const auto& entry) { return entry.second.view.state == state; }));
}

std::vector<DeliveryView> MemoryStorage::all_deliveries() {
    MutexLock lock(mutex_);
    std::vector<DeliveryView> out;
    for (const auto& [id, d] : deliveries_) out.push_back(d.view);
    return out;
}

int MemoryStorage::calls(const std::string& method) {
    MutexLock lock(mutex_);
    return calls_[method];
}

void MemoryStorage::ping() {
    Call call(*this, "ping");
}

MemoryStorage::StoredUser* MemoryStorage::user(const Uuid& user_id) {
    const auto it = users_.find(user_id);
    return it == users_.end() || it->second.deleted ? nullptr : &it->second;
}

std::expected<void, storage::CreateUserError> MemoryStorage::create_user(const NewUser& user) {
    Call call(*this, "create_user");
    for (const auto& [id, u] : users_) {
        if (!u.deleted && lower_case(u.user.email) == lower_case(user.user.email))
            return std::unexpected(storage::CreateUserError::email_taken);
    }
    users_[user.user.id] = {user.user, user.api_key_hash, {.current = user.webhook_secret}};
    return {};
}

std::optional<User> MemoryStorage::user_by_key_hash(const Sha256& api_key_hash) {
    Call call(*this, "user_by_key_hash");
    for (const auto& [id, u] : users_) {
        if (!u.deleted && u.api_key_hash == api_key_hash) return u.user;
    }
    return std::nullopt;
}

std::optional<User> MemoryStorage::user_by_email(std::string_view email) {
    Call call(*this, "user_by_email");
    for (const auto& [id, u] : users_) {
        if (!u.deleted && lower_case(u.user.email) == lower_case(email)) return u.user;
    }
    return std::nullopt;
}

std::vector<User> MemoryStorage::users() {
    Call call(*this, "users");
    std::vector<User> out;
    for (const auto& [id, u] : users_) {
        if (!u.deleted) out.push_back(u.user);
    }
    return out;
}

bool MemoryStorage::set_user_active(const Uuid& user_id, bool active) {
    Call call(*this, "set_user_active");
    StoredUser* found = user(user_id);
    if (found == nullptr) return false;
    found->user.is_active = active;
    if (events_.user_changed) events_.user_changed(user_id);
    return true;
}

bool MemoryStorage::replace_api_key(const Uuid& user_id, const Sha256& api_key_hash) {
    Call call(*this, "replace_api_key");
    StoredUser* found = user(user_id);
    if (found == nullptr) return false;
    found->api_key_hash = api_key_hash;
    if (events_.user_changed) events_.user_changed(user_id);
    return true;
}

bool MemoryStorage::delete_user(const Uuid& user_id, Timestamp now) {
    Call call(*this, "delete_user");
    StoredUser* found = user(user_id);
    if (found == nullptr) return false;
    found->deleted = true;
    found->user.email.clear();
    found->secrets = {};
    for (auto& [id, a] : alerts_) {
        if (a.alert.user_id != user_id || a.deleted) continue;
        a.deleted = true;
        if (!a.alert.is_active) continue;
        deactivate(a.alert);
        if (events_.alert_changed) events_.alert_changed({AlertChange::Kind::deleted, active_part(a.alert)});
    }
    for (auto& [id, d] : deliveries_) {
        if (d.user_id == user_id && !is_final(d.view.state))
            end(d, DeliveryState::cancelled, now, "its user was deleted");
    }
    if (events_.user_changed) events_.user_changed(user_id);
    return true;
}

std::optional<WebhookSecrets> MemoryStorage::webhook_secrets(const Uuid& user_id) {
    Call call(*this, "webhook_secrets");
    const StoredUser* found = user(user_id);
    if (found == nullptr) return std::nullopt;
    return found->secrets;
}

bool MemoryStorage::rotate_webhook_secret(const Uuid& user_id, std::string_view sealed,
                                          Timestamp previous_until) {
    Call call(*this, "rotate_webhook_secret");
    StoredUser* found = user(user_id);
    if (found == nullptr) return false;
    found->secrets = {std::string(sealed), found->secrets.current, previous_until};
    return true;
}

std::vector<storage::StoredSecrets> MemoryStorage::secrets_after(std::optional<Uuid> user_id,
                                                                 std::size_t limit) {
    Call call(*this, "secrets_after");
    std::vector<storage::StoredSecrets> out;
    for (const auto& [id, u] : users_) {
        if (out.size() >= limit) break;
        if (!u.deleted && (!user_id || *user_id < id)) out.push_back({id, u.secrets});
    }
    return out;
}

bool MemoryStorage::replace_secrets(const Uuid& user_id, const WebhookSecrets& old,
                                    const WebhookSecrets& fresh) {
    Call call(*this, "replace_secrets");
    StoredUser* found = user(user_id);
    if (found == nullptr || found->secrets != old) return false;
    found->secrets = fresh;
    return true;
}

std::expected<void, storage::CreateAlertError> MemoryStorage::create_alert(const Alert& alert,
                                                                           std::size_t limit) {
    Call call(*this, "create_alert");
    if (disabled_.contains({alert.user_id, alert.webhook_url}))
        return std::unexpected(storage::CreateAlertError::endpoint_disabled);
    if (active_.contains(identity(alert))) return std::unexpected(storage::CreateAlertError::duplicate);
    const auto owner = users_.find(alert.user_id);
    const bool gone = owner != users_.end() && owner->second.deleted;
    if (gone || active_count_[alert.user_id] >= limit)
        return std::unexpected(storage::CreateAlertError::limit_reached);
    active_.insert(identity(alert));
    ++active_count_[alert.user_id];
    alerts_[alert.id] = {alert, false};
    if (events_.alert_changed) events_.alert_changed({AlertChange::Kind::created, active_part(alert)});
    return {};
}

Alert MemoryStorage::shown(const Alert& alert) const {
    Alert out = alert;
    const auto it = disabled_.find({alert.user_id, alert.webhook_url});
    out.endpoint_disabled_at = it == disabled_.end() ? std::nullopt : it->second.disabled_at;
    return out;
}

std::optional<Alert> MemoryStorage::alert(const Uuid& user_id, const Uuid& alert_id) {
    Call call(*this, "alert");
    const auto it = alerts_.find(alert_id);
    if (it == alerts_.end() || it->second.deleted || it->second.alert.user_id != user_id) return std::nullopt;
    return shown(it->second.alert);
}

std::vector<Alert> MemoryStorage::alerts(const Uuid& user_id, const storage::AlertFilter& filter) {
    Call call(*this, "alerts");
    std::vector<Alert> out;
    for (auto it = alerts_.rbegin(); it != alerts_.rend() && out.size() < filter.limit; ++it) {
        const Alert& a = it->second.alert;
        if (it->second.deleted || a.user_id != user_id) continue;
        if (filter.is_active && *filter.is_active != a.is_active) continue;
        if (filter.ticker && *filter.ticker != a.ticker) continue;
        if (filter.before && !(a.id < *filter.before)) continue;
        out.push_back(shown(a));
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

ActiveAlert MemoryStorage::active_part(const Alert& a) {
    return {a.id, a.ticker, a.condition, a.target};
}

MemoryStorage::Identity MemoryStorage::identity(const Alert& a) {
    return {a.user_id, std::string(a.ticker), a.target, a.condition, a.webhook_url};
}

void MemoryStorage::deactivate(Alert& a) {
    active_.erase(identity(a));
    --active_count_[a.user_id];
    a.is_active = false;
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

std::vector<Bar> MemoryStorage::bars(Ticker ticker, Duration interval, Timestamp from, Timestamp to,
                                     std::size_t limit) {
    Call call(*this, "bars");
    BarsBackwards out(interval, limit);
    for (const auto& [key, bar] : std::views::reverse(bars_)) {
        const Timestamp start = interval_start(bar.start, interval);
        if (bar.ticker == ticker && start >= from && start < to && !out.add(bar)) break;
    }
    return std::move(out).take();
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

}  // namespace pricewire::fakes
