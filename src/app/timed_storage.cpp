#include "app/timed_storage.hpp"

#include <chrono>
#include <exception>
#include <utility>

namespace pricewire::app {
namespace {

// Tells of a call when it is over, however it ends.
class Watch {
public:
    Watch(const StorageObserver& observer, std::string_view method) : observer_(observer), method_(method) {}
    ~Watch() {
        const auto took = std::chrono::steady_clock::now() - begun_;
        observer_(method_, std::chrono::duration_cast<Duration>(took),
                  std::uncaught_exceptions() > exceptions_);
    }
    Watch(const Watch&) = delete;
    Watch& operator=(const Watch&) = delete;

private:
    const StorageObserver& observer_;
    const std::string_view method_;
    const MonoTime begun_ = std::chrono::steady_clock::now();
    const int exceptions_ = std::uncaught_exceptions();
};

class TimedStorage final : public storage::Storage {
public:
    TimedStorage(std::unique_ptr<storage::Storage> inner, StorageObserver observer)
        : inner_(std::move(inner)), observer_(std::move(observer)) {}

    void ping() override {
        const Watch watch(observer_, "ping");
        return inner_->ping();
    }
    std::expected<void, storage::CreateUserError> create_user(const NewUser& user) override {
        const Watch watch(observer_, "create_user");
        return inner_->create_user(user);
    }
    std::optional<User> user_by_key_hash(const Sha256& api_key_hash) override {
        const Watch watch(observer_, "user_by_key_hash");
        return inner_->user_by_key_hash(api_key_hash);
    }
    std::optional<User> user_by_email(std::string_view email) override {
        const Watch watch(observer_, "user_by_email");
        return inner_->user_by_email(email);
    }
    std::vector<User> users() override {
        const Watch watch(observer_, "users");
        return inner_->users();
    }
    bool set_user_active(const Uuid& user_id, bool active) override {
        const Watch watch(observer_, "set_user_active");
        return inner_->set_user_active(user_id, active);
    }
    bool replace_api_key(const Uuid& user_id, const Sha256& api_key_hash) override {
        const Watch watch(observer_, "replace_api_key");
        return inner_->replace_api_key(user_id, api_key_hash);
    }
    bool delete_user(const Uuid& user_id, Timestamp now) override {
        const Watch watch(observer_, "delete_user");
        return inner_->delete_user(user_id, now);
    }
    std::optional<WebhookSecrets> webhook_secrets(const Uuid& user_id) override {
        const Watch watch(observer_, "webhook_secrets");
        return inner_->webhook_secrets(user_id);
    }
    bool rotate_webhook_secret(const Uuid& user_id, std::string_view sealed,
                               Timestamp previous_until) override {
        const Watch watch(observer_, "rotate_webhook_secret");
        return inner_->rotate_webhook_secret(user_id, sealed, previous_until);
    }
    std::vector<storage::StoredSecrets> secrets_after(std::optional<Uuid> user_id,
                                                      std::size_t limit) override {
        const Watch watch(observer_, "secrets_after");
        return inner_->secrets_after(user_id, limit);
    }
    bool replace_secrets(const Uuid& user_id, const WebhookSecrets& old,
                         const WebhookSecrets& fresh) override {
        const Watch watch(observer_, "replace_secrets");
        return inner_->replace_secrets(user_id, old, fresh);
    }
    std::expected<void, storage::CreateAlertError> create_alert(const Alert& alert,
                                                                std::size_t limit) override {
        const Watch watch(observer_, "create_alert");
        return inner_->create_alert(alert, limit);
    }
    std::optional<Alert> alert(const Uuid& user_id, const Uuid& alert_id) override {
        const Watch watch(observer_, "alert");
        return inner_->alert(user_id, alert_id);
    }
    std::vector<Alert> alerts(const Uuid& user_id, const storage::AlertFilter& filter) override {
        const Watch watch(observer_, "alerts");
        return inner_->alerts(user_id, filter);
    }
    bool delete_alert(const Uuid& user_id, const Uuid& alert_id) override {
        const Watch watch(observer_, "delete_alert");
        return inner_->delete_alert(user_id, alert_id);
    }
    void load_active_alerts(const std::function<void(std::span<const ActiveAlert>)>& piece) override {
        const Watch watch(observer_, "load_active_alerts");
        return inner_->load_active_alerts(piece);
    }
    std::vector<DeliveryTask> fire(std::span<const FiringGroup> groups) override {
        const Watch watch(observer_, "fire");
        return inner_->fire(groups);
    }
    std::vector<ClaimedDelivery> claim(std::span<const DeliveryTask> tasks, Timestamp now,
                                       const storage::Claim& claim) override {
        const Watch watch(observer_, "claim");
        return inner_->claim(tasks, now, claim);
    }
    std::vector<ClaimedDelivery> claim_due(Timestamp now, std::size_t limit,
                                           const storage::Claim& claim) override {
        const Watch watch(observer_, "claim_due");
        return inner_->claim_due(now, limit, claim);
    }
    std::optional<Timestamp> next_due() override {
        const Watch watch(observer_, "next_due");
        return inner_->next_due();
    }
    storage::DeliveryBacklog backlog(Timestamp now, std::size_t most) override {
        const Watch watch(observer_, "backlog");
        return inner_->backlog(now, most);
    }
    std::size_t release_claims(std::string_view owner) override {
        const Watch watch(observer_, "release_claims");
        return inner_->release_claims(owner);
    }
    void keep_alive(std::string_view owner, Timestamp until) override {
        const Watch watch(observer_, "keep_alive");
        return inner_->keep_alive(owner, until);
    }
    std::size_t release_dead(Timestamp now) override {
        const Watch watch(observer_, "release_dead");
        return inner_->release_dead(now);
    }
    void defer(std::span<const Deferral> deferrals) override {
        const Watch watch(observer_, "defer");
        return inner_->defer(deferrals);
    }
    std::size_t wake(std::string_view lane, Timestamp now, std::size_t limit) override {
        const Watch watch(observer_, "wake");
        return inner_->wake(lane, now, limit);
    }
    void record(std::span<const DeliveryOutcome> outcomes) override {
        const Watch watch(observer_, "record");
        return inner_->record(outcomes);
    }
    std::vector<DeliveryView> deliveries(const Uuid& user_id,
                                         const storage::DeliveryFilter& filter) override {
        const Watch watch(observer_, "deliveries");
        return inner_->deliveries(user_id, filter);
    }
    std::optional<DeliveryView> delivery(const Uuid& user_id, const Uuid& delivery_id) override {
        const Watch watch(observer_, "delivery");
        return inner_->delivery(user_id, delivery_id);
    }
    std::vector<Attempt> attempts_of(const Uuid& delivery_id) override {
        const Watch watch(observer_, "attempts_of");
        return inner_->attempts_of(delivery_id);
    }
    std::expected<DeliveryTask, storage::RetryError> retry_delivery(const Uuid& user_id,
                                                                    const Uuid& delivery_id,
                                                                    Timestamp now) override {
        const Watch watch(observer_, "retry_delivery");
        return inner_->retry_delivery(user_id, delivery_id, now);
    }
    std::expected<void, storage::CancelError> cancel_delivery(const Uuid& user_id, const Uuid& delivery_id,
                                                              Timestamp now) override {
        const Watch watch(observer_, "cancel_delivery");
        return inner_->cancel_delivery(user_id, delivery_id, now);
    }
    std::vector<DeliveryTask> recover_deliveries(const Uuid& user_id, Timestamp since, Timestamp now,
                                                 std::size_t limit) override {
        const Watch watch(observer_, "recover_deliveries");
        return inner_->recover_deliveries(user_id, since, now, limit);
    }
    bool add_test_delivery(const Uuid& user_id, const Uuid& alert_id, const Uuid& delivery_id, Decimal price,
                           Timestamp now) override {
        const Watch watch(observer_, "add_test_delivery");
        return inner_->add_test_delivery(user_id, alert_id, delivery_id, price, now);
    }
    std::vector<UserEndpoint> endpoints(const Uuid& user_id, std::size_t limit) override {
        const Watch watch(observer_, "endpoints");
        return inner_->endpoints(user_id, limit);
    }
    bool enable_endpoint(const Uuid& user_id, std::string_view webhook_url) override {
        const Watch watch(observer_, "enable_endpoint");
        return inner_->enable_endpoint(user_id, webhook_url);
    }
    void save_breakers(std::span<const Breaker> breakers) override {
        const Watch watch(observer_, "save_breakers");
        return inner_->save_breakers(breakers);
    }
    std::vector<Breaker> breakers() override {
        const Watch watch(observer_, "breakers");
        return inner_->breakers();
    }
    std::size_t prune(Timestamp before, std::size_t limit) override {
        const Watch watch(observer_, "prune");
        return inner_->prune(before, limit);
    }
    void upsert_bars(std::span<const Bar> bars) override {
        const Watch watch(observer_, "upsert_bars");
        return inner_->upsert_bars(bars);
    }
    std::vector<Bar> bars(Ticker ticker, Duration interval, Timestamp from, Timestamp to,
                          std::size_t limit) override {
        const Watch watch(observer_, "bars");
        return inner_->bars(ticker, interval, from, to, limit);
    }
    std::size_t prune_bars(Timestamp before, std::size_t limit) override {
        const Watch watch(observer_, "prune_bars");
        return inner_->prune_bars(before, limit);
    }

private:
    const std::unique_ptr<storage::Storage> inner_;
    const StorageObserver observer_;
};

}  // namespace

std::unique_ptr<storage::Storage> time_storage(std::unique_ptr<storage::Storage> storage,
                                               StorageObserver observer) {
    return std::make_unique<TimedStorage>(std::move(storage), std::move(observer));
}

}  // namespace pricewire::app
