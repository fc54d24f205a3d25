#pragma once

#include <optional>

#include "storage/postgres/creator.hpp"
#include "storage/postgres/listener.hpp"
#include "storage/postgres/pool.hpp"
#include "storage/postgres/postgres_storage.hpp"

namespace pricewire::storage::postgres {

// Storage in a PostgreSQL database whose schema is there. The sources named store_… hold one part each.
class Store final : public Storage {
public:
    Store(const PostgresOptions& options, StorageEvents events);

    // store_users.cpp
    void ping() override;
    std::expected<void, CreateUserError> create_user(const NewUser& user) override;
    std::optional<User> user_by_key_hash(const Sha256& api_key_hash) override;
    std::optional<User> user_by_email(std::string_view email) override;
    std::vector<User> users() override;
    bool set_user_active(const Uuid& user_id, bool active) override;
    bool replace_api_key(const Uuid& user_id, const Sha256& api_key_hash) override;
    bool delete_user(const Uuid& user_id, Timestamp now) override;
    std::optional<WebhookSecrets> webhook_secrets(const Uuid& user_id) override;
    bool rotate_webhook_secret(const Uuid& user_id, std::string_view sealed,
                               Timestamp previous_until) override;
    std::vector<StoredSecrets> secrets_after(std::optional<Uuid> user_id, std::size_t limit) override;
    bool replace_secrets(const Uuid& user_id, const WebhookSecrets& old,
                         const WebhookSecrets& fresh) override;

    // store_alerts.cpp
    std::expected<void, CreateAlertError> create_alert(const Alert& alert, std::size_t limit) override;
    std::optional<Alert> alert(const Uuid& user_id, const Uuid& alert_id) override;
    std::vector<Alert> alerts(const Uuid& user_id, const AlertFilter& filter) override;
    bool delete_alert(const Uuid& user_id, const Uuid& alert_id) override;
    void load_active_alerts(const std::function<void(std::span<const ActiveAlert>)>& piece) override;
    std::vector<UserEndpoint> endpoints(const Uuid& user_id, std::size_t limit) override;
    bool enable_endpoint(const Uuid& user_id, std::string_view webhook_url) override;

    // store_outbox.cpp
    std::vector<DeliveryTask> fire(std::span<const FiringGroup> groups) override;
    std::vector<ClaimedDelivery> claim(std::span<const DeliveryTask> tasks, Timestamp now,
                                       const Claim& claim) override;
    std::vector<ClaimedDelivery> claim_due(Timestamp now, std::size_t limit, const Claim& claim) override;
    std::optional<Timestamp> next_due() override;
    DeliveryBacklog backlog(Timestamp now, std::size_t most) override;
    std::size_t release_claims(std::string_view owner) override;
    void keep_alive(std::string_view owner, Timestamp until) override;
    std::size_t release_dead(Timestamp now) override;
    void defer(std::span<const Deferral> deferrals) override;
    std::size_t wake(std::string_view lane, Timestamp now, std::size_t limit) override;
    void record(std::span<const DeliveryOutcome> outcomes) override;
    void save_breakers(std::span<const Breaker> breakers) override;
    std::vector<Breaker> breakers() override;

    // store_deliveries.cpp
    std::vector<DeliveryView> deliveries(const Uuid& user_id, const DeliveryFilter& filter) override;
    std::optional<DeliveryView> delivery(const Uuid& user_id, const Uuid& delivery_id) override;
    std::vector<Attempt> attempts_of(const Uuid& delivery_id) override;
    std::expected<DeliveryTask, RetryError> retry_delivery(const Uuid& user_id, const Uuid& delivery_id,
                                                           Timestamp now) override;
    std::expected<void, CancelError> cancel_delivery(const Uuid& user_id, const Uuid& delivery_id,
                                                     Timestamp now) override;
    std::vector<DeliveryTask> recover_deliveries(const Uuid& user_id, Timestamp since, Timestamp now,
                                                 std::size_t limit) override;
    bool add_test_delivery(const Uuid& user_id, const Uuid& alert_id, const Uuid& delivery_id, Decimal price,
                           Timestamp now) override;
    std::size_t prune(Timestamp before, std::size_t limit) override;

    // store_bars.cpp
    void upsert_bars(std::span<const Bar> bars) override;
    std::vector<Bar> bars(Ticker ticker, Duration interval, Timestamp from, Timestamp to,
                          std::size_t limit) override;
    std::size_t prune_bars(Timestamp before, std::size_t limit) override;

private:
    Pool pool_;
    Creator creator_;
    std::optional<Listener> listener_;  // where somebody wants to hear
};

}  // namespace pricewire::storage::postgres
