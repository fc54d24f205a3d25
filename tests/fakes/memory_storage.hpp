#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "base/mutex.hpp"
#include "storage/storage.hpp"

namespace pricewire::fakes {

// Storage in memory, for tests: keeps every guarantee of the interface but durability, and fails when told
// to. Thread-safe.
class MemoryStorage : public storage::Storage {
public:
    explicit MemoryStorage(storage::StorageEvents events = {}) : events_(std::move(events)) {}

    // Every call throws StorageError until heal().
    void fail(std::string reason = "the database is away");
    void heal();
    // The next `count` calls of fire() are committed and then throw, as when an answer is lost on its way.
    void lose_answers_of_fire(int count);

    // Waits until `holds` is true, asking it again after every call of this storage. False after 30 s.
    bool wait_until(const std::function<bool()>& holds);

    std::size_t count(DeliveryState state);
    // Of all users, oldest first.
    std::vector<DeliveryView> all_deliveries();
    // How often a method was called, failures included: "fire", "claim", "claim_due", "next_due", "record",
    // "release_claims", and so on.
    int calls(const std::string& method);

    void ping() override;
    std::expected<void, storage::CreateUserError> create_user(const NewUser& user) override;
    std::optional<User> user_by_key_hash(const Sha256& api_key_hash) override;
    std::optional<User> user_by_email(std::string_view email) override;
    std::vector<User> users() override;
    bool set_user_active(const Uuid& user_id, bool active) override;
    bool replace_api_key(const Uuid& user_id, const Sha256& api_key_hash) override;
    bool delete_user(const Uuid& user_id, Timestamp now) override;
    std::optional<WebhookSecrets> webhook_secrets(const Uuid& user_id) override;
    bool rotate_webhook_secret(const Uuid& user_id, std::string_view sealed,
                               Timestamp previous_until) override;
    std::vector<storage::StoredSecrets> secrets_after(std::optional<Uuid> user_id,
                                                      std::size_t limit) override;
    bool replace_secrets(const Uuid& user_id, const WebhookSecrets& old,
                         const WebhookSecrets& fresh) override;
    std::expected<void, storage::CreateAlertError> create_alert(const Alert& alert,
                                                                std::size_t limit) override;
    std::optional<Alert> alert(const Uuid& user_id, const Uuid& alert_id) override;
    std::vector<Alert> alerts(const Uuid& user_id, const storage::AlertFilter& filter) override;
    bool delete_alert(const Uuid& user_id, const Uuid& alert_id) override;
    void load_active_alerts(const std::function<void(std::span<const ActiveAlert>)>& piece) override;
    std::vector<DeliveryTask> fire(std::span<const FiringGroup> groups) override;
    std::vector<ClaimedDelivery> claim(std::span<const DeliveryTask> tasks, Timestamp now,
                                       const storage::Claim& claim) override;
    std::vector<ClaimedDelivery> claim_due(Timestamp now, std::size_t limit,
                                           const storage::Claim& claim) override;
    std::optional<Timestamp> next_due() override;
    storage::DeliveryBacklog backlog(Timestamp now, std::size_t most) override;
    std::size_t release_claims(std::string_view owner) override;
    void keep_alive(std::string_view owner, Timestamp until) override;
    std::size_t release_dead(Timestamp now) override;
    void defer(std::span<const Deferral> deferrals) override;
    std::size_t wake(std::string_view lane, Timestamp now, std::size_t limit) override;
    void record(std::span<const DeliveryOutcome> outcomes) override;
    std::vector<DeliveryView> deliveries(const Uuid& user_id, const storage::DeliveryFilter& filter) override;
    std::optional<DeliveryView> delivery(const Uuid& user_id, const Uuid& delivery_id) override;
    std::vector<Attempt> attempts_of(const Uuid& delivery_id) override;
    std::expected<DeliveryTask, storage::RetryError> retry_delivery(const Uuid& user_id,
                                                                    const Uuid& delivery_id,
                                                                    Timestamp now) override;
    std::expected<void, storage::CancelError> cancel_delivery(const Uuid& user_id, const Uuid& delivery_id,
                                                              Timestamp now) override;
    std::vector<DeliveryTask> recover_deliveries(const Uuid& user_id, Timestamp since, Timestamp now,
                                                 std::size_t limit) override;
    bool add_test_delivery(const Uuid& user_id, const Uuid& alert_id, const Uuid& delivery_id, Decimal price,
                           Timestamp now) override;
    std::vector<UserEndpoint> endpoints(const Uuid& user_id, std::size_t limit) override;
    bool enable_endpoint(const Uuid& user_id, std::string_view webhook_url) override;
    void save_breakers(std::span<const Breaker> breakers) override;
    std::vector<Breaker> breakers() override;
    std::size_t prune(Timestamp before, std::size_t limit) override;
    void upsert_bars(std::span<const Bar> bars) override;
    std::vector<Bar> bars(Ticker ticker, Duration interval, Timestamp from, Timestamp to,
                          std::size_t limit) override;
    std::size_t prune_bars(Timestamp before, std::size_t limit) override;

private:
    struct StoredUser {
        User user;
        Sha256 api_key_hash;
        WebhookSecrets secrets;
        bool deleted = false;
    };
    struct StoredAlert {
        Alert alert;
        bool deleted = false;
    };
    struct StoredDelivery {
        DeliveryView view;
        Uuid user_id;
        std::string owner;
        Timestamp lease_until;
        int round_start = 0;  // attempts that were made before its user asked for it again
        // Where it is deferred, and the place it has there.
        std::string lane;
        std::uint64_t turn = 0;
        Decimal test_price;
        std::vector<Attempt> attempts;
        // When it may be claimed; nullopt where it is final.
        std::optional<Timestamp> due() const;
        DeliveryTask task() const { return {view.id, view.attempts + 1}; }
    };

    // Counts the call, throws where it should fail; held over the call. Tells waiters at its end.
    class SCOPED_CAPABILITY Call {
    public:
        Call(MemoryStorage& storage, const char* method) ACQUIRE(storage.mutex_);
        ~Call() RELEASE();
        Call(const Call&) = delete;
        Call& operator=(const Call&) = delete;

    private:
        MemoryStorage& storage_;
    };

    // Two active alerts of one identity are identical.
    using Identity = std::tuple<Uuid, std::string, Decimal, Condition, std::string>;
    static Identity identity(const Alert& alert);
    static ActiveAlert active_part(const Alert& alert);
    void deactivate(Alert& alert) REQUIRES(mutex_);
    Alert shown(const Alert& alert) const REQUIRES(mutex_);
    StoredUser* user(const Uuid& user_id) REQUIRES(mutex_);  // nullptr where there is none, or not any more
    StoredDelivery* delivery_of(const Uuid& user_id, const Uuid& delivery_id) REQUIRES(mutex_);
    void add(StoredDelivery delivery, const Alert& alert, Timestamp now) REQUIRES(mutex_);
    // Every change of a delivery, so that the lists of what is due and deferred follow it.
    void change(StoredDelivery& delivery, const std::function<void(StoredDelivery&)>& change)
        REQUIRES(mutex_);
    void end(StoredDelivery& delivery, DeliveryState state, Timestamp now, const std::string& reason)
        REQUIRES(mutex_);
    void begin_anew(StoredDelivery& delivery, Timestamp now) REQUIRES(mutex_);
    std::size_t release(std::string_view owner) REQUIRES(mutex_);
    ClaimedDelivery take(StoredDelivery& delivery, const storage::Claim& claim) REQUIRES(mutex_);

    const storage::StorageEvents events_;
    Mutex mutex_;
    CondVar changed_;
    std::uint64_t changes_ GUARDED_BY(mutex_) = 0;
    std::string failure_ GUARDED_BY(mutex_);
    int lost_answers_ GUARDED_BY(mutex_) = 0;
    std::map<std::string, int> calls_ GUARDED_BY(mutex_);

    std::map<Uuid, StoredUser> users_ GUARDED_BY(mutex_);
    std::map<Uuid, StoredAlert> alerts_ GUARDED_BY(mutex_);
    std::set<Identity> active_ GUARDED_BY(mutex_);
    std::map<Uuid, std::size_t> active_count_ GUARDED_BY(mutex_);
    std::map<Uuid, StoredDelivery> deliveries_ GUARDED_BY(mutex_);
    // Times at which deliveries may be claimed, earliest first.
    std::set<std::pair<Timestamp, Uuid>> due_ GUARDED_BY(mutex_);
    // Deferred deliveries, the longest deferred of a lane first.
    std::map<std::pair<std::string, std::uint64_t>, Uuid> lanes_ GUARDED_BY(mutex_);
    std::uint64_t last_turn_ GUARDED_BY(mutex_) = 0;
    std::map<std::string, Timestamp, std::less<>> alive_until_ GUARDED_BY(mutex_);
    std::map<std::pair<Uuid, std::string>, UserEndpoint> disabled_ GUARDED_BY(mutex_);
    std::map<std::string, Breaker, std::less<>> breakers_ GUARDED_BY(mutex_);
    std::map<std::tuple<std::string, Timestamp>, Bar> bars_ GUARDED_BY(mutex_);
};

}  // namespace pricewire::fakes
