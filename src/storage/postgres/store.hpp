#pragma once

#include <optional>

#include "base/mutex.hpp"
#include "storage/postgres/creator.hpp"
#include "storage/postgres/listener.hpp"
#include "storage/postgres/pool.hpp"
#include "storage/postgres/postgres_storage.hpp"
#include "storage/postgres/pushed.hpp"
#include "storage/sql/endpoint_calls.hpp"
#include "storage/sql/fired.hpp"
#include "storage/sql/store.hpp"

namespace pricewire::storage::postgres {

// Storage in a PostgreSQL database whose schema is up to date.
class Store final : public sql::Store<Pool> {
public:
    Store(const PostgresOptions& options, const StorageEvents& events);

    // store_alerts.cpp
    CreateAlertResult create_alert(const Alert& alert, std::size_t limit,
                                   const IdempotentRequest* request = nullptr) override;
    std::vector<CreateAlertResult> create_alerts(std::span<const Alert> alerts, std::size_t limit,
                                                 const IdempotentRequest* request = nullptr,
                                                 const Alerts::AnswerOf& answer = {}) override;
    void create_each(std::span<AlertCreation> creations) override;
    using sql::Store<Pool>::put_states;
    void load_active_alerts(const std::function<void(std::span<const ActiveAlert>)>& piece) override;
    void load_alerts_of(std::span<const Ticker> tickers,
                        const std::function<void(std::span<const ActiveAlert>)>& piece) override;

    // store_outbox.cpp
    std::vector<DeliveryTask> fire(std::span<const FiringGroup> groups,
                                   ClaimOnFiring* on_firing = nullptr) override;
    std::vector<ClaimedDelivery> claim(std::span<const DeliveryTask> tasks, Timestamp now,
                                       const Claim& claim) override;
    std::vector<ClaimedDelivery> claim_due(Timestamp now, std::size_t limit, const Claim& claim) override;
    std::optional<Timestamp> next_due(const std::optional<UserSlots>& slots = std::nullopt) override;
    void keep_alive(std::string_view owner, Timestamp now, Duration alive_for) override;
    std::size_t release_dead(Timestamp now) override;
    std::vector<ClaimedDelivery> claim_lane(std::string_view lane, std::size_t limit,
                                            const Claim& claim) override;
    std::vector<DisabledEndpoint> record(std::span<const DeliveryOutcome> outcomes) override;
    std::size_t uncounted() override;
    void count_calls() override;

    // store_members.cpp
    Timestamp database_time() override;
    std::vector<Member> renew_members(std::span<const MemberReport> reports, Duration lease) override;
    void end_membership(MemberRole role, std::string_view id) override;
    std::vector<Member> members() override;

private:
    template <typename Declare>
    void load_alerts(const char* method, const std::function<void(std::span<const ActiveAlert>)>& piece,
                     Declare declare);
    void fire_plain(std::span<const FiringGroup> groups, const sql::Boards& boards,
                    std::vector<DeliveryTask>& tasks, std::vector<DeliveryTask>& pushes,
                    ClaimOnFiring* on_firing);
    // Runs the statement that fires one alert and claims its delivery, whose parameters end with the claim. The user and the
    // devices, if it was written.
    template <typename... Values>
    std::optional<std::pair<Uuid, std::string>> fire_and_claim(Connection& db, ClaimOnFiring& on_firing,
                                                               const char* statement,
                                                               const Values&... values) {
        ++on_firing.tries;
        const Claim& claim = on_firing.claim;
        const auto read = [&](const Row& row) {
            if (row.flag(sql::push_column + 2)) {
                if (auto claimed = or_skip("fire", sql::read_claimed)(row))
                    on_firing.claimed.push_back(std::move(*claimed));
            }
            return std::pair(row.id(sql::push_column + 1), std::string(row.text(sql::push_column + 3)));
        };
        const auto early = [&] {
            if (on_firing.before_commit && !on_firing.claimed.empty())
                on_firing.before_commit(on_firing.claimed);
        };
        return db.first_before_commit(read, early, statement, values..., claim.owner, claim.lease_until,
                                      ids_of(claim.except));
    }
    // `written`: those that were not ignored.
    std::vector<DisabledEndpoint> record(std::span<const DeliveryOutcome> outcomes,
                                         std::vector<const DeliveryOutcome*>& written);
    // store_ruled.cpp
    void fire_ruled(std::span<const FiringGroup> groups, const sql::Boards& boards,
                    std::vector<DeliveryTask>& tasks, std::vector<DeliveryTask>& pushes,
                    ClaimOnFiring* on_firing);

    // store_bars.cpp
    std::vector<Bar> merge_minutes(Connection& db, std::span<const Bar> bars) override;
    std::vector<Bar> read_bars_of(Connection& db, const char* stored, std::span<const Ticker> tickers,
                                  Timestamp from, Timestamp to, std::size_t limit) override;
    void merge_hours(Connection& db, std::span<const HourBar> hours) override;

    std::size_t prune_deliveries(Connection& db, Timestamp before, std::size_t limit) override;
    void prune_parts(Timestamp before, Timestamp now) override;
    void forget_members();

    Mutex tally_mutex_;
    sql::EndpointTally tally_ GUARDED_BY(tally_mutex_);
    bool is_tally_full_ GUARDED_BY(tally_mutex_) = false;  // since some were counted last
    Creator creator_{db_};
    std::optional<Listener> listener_;  // if any event is wanted
};

}  // namespace pricewire::storage::postgres
