#pragma once

#include <map>
#include <optional>
#include <set>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "storage/sql/connections.hpp"
#include "storage/sql/fired.hpp"
#include "storage/sql/store.hpp"
#include "storage/sqlite/connection.hpp"
#include "storage/sqlite/sqlite_storage.hpp"
#include "storage/sqlite/writer.hpp"

namespace pricewire::storage::sqlite {

struct Database {
    using Connection = sqlite::Connection;
    Database(const SqliteOptions& given, const StorageEvents& events);

    template <typename F>
    auto read(F&& f) {
        const auto reader = readers.take(
            std::nullopt, [](Connection&) { return true; },
            [&] {
                // Another database in this one's place must not be read as if it were this one.
                writer.files().check();
                auto opened =
                    std::make_unique<Connection>(options.file, Connection::Mode::read, options.busy_timeout);
                writer.files().check();
                return opened;
            });
        return translate([&] { return f(*reader); });
    }
    template <typename F>
    auto read_behind(F&& f) {
        return read(f);
    }
    template <typename F>
    auto statement(Durability durability, F&& f) {
        return writer.run(durability, f);
    }
    template <typename F>
    auto transaction(Durability durability, F&& f) {
        return writer.run(durability, f);
    }

    const SqliteOptions options;
    sql::Connections<Connection> readers;
    Writer writer;
};

// What a call of fire() has written.
struct Fired {
    // How a delivery begins: pending, or claimed already.
    struct Start {
        std::string_view state;
        Timestamp due_at;
        std::optional<std::string_view> owner;
    };
    Start start_of(const Uuid& user, Timestamp fired_at) const;
    void add(const DeliveryTask& task, bool may_have_devices = true) {
        tasks.push_back(task);
        if (may_have_devices) users_with_devices.insert(task.user_id);
    }

    const Claim* claim = nullptr;  // of webhooks, as they are written
    std::vector<DeliveryTask> tasks = {};
    std::map<Uuid, int> counts = {};                  // by user: the change of active alerts
    std::vector<std::pair<Uuid, Uuid>> expired = {};  // users and alerts
    std::set<Uuid> users_with_devices = {};           // perhaps
};

// Storage in one SQLite file whose schema is up to date.
class Store : public sql::Store<Database> {
public:
    Store(const SqliteOptions& options, const StorageEvents& events);

    // store_alerts.cpp
    CreateAlertResult create_alert(const Alert& alert, std::size_t limit,
                                   const IdempotentRequest* request = nullptr) override;
    std::vector<CreateAlertResult> create_alerts(std::span<const Alert> alerts, std::size_t limit,
                                                 const IdempotentRequest* request = nullptr,
                                                 const Alerts::AnswerOf& answer = {}) override;
    void create_each(std::span<AlertCreation> creations) override;
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

    // store_members.cpp
    Timestamp database_time() override;
    std::vector<Member> renew_members(std::span<const MemberReport> reports, Duration lease) override;
    void end_membership(MemberRole role, std::string_view id) override;
    std::vector<Member> members() override;

private:
    // store_bars.cpp
    std::vector<Bar> merge_minutes(Connection& db, std::span<const Bar> bars) override;
    std::vector<Bar> read_bars_of(Connection& db, const char* stored, std::span<const Ticker> tickers,
                                  Timestamp from, Timestamp to, std::size_t limit) override;
    void merge_hours(Connection& db, std::span<const HourBar> hours) override;

    // store_ruled.cpp
    void fire_ruled(Connection& db, std::span<const FiringGroup> groups, sql::Boards& boards, Fired& out);

    static std::vector<CreateAlertResult> create_all(Connection& db, std::span<const Alert> alerts,
                                                     std::size_t limit, const IdempotentRequest* request,
                                                     const Alerts::AnswerOf& answer);
    // `compared`: by the user's other alerts; read if it is needed and not known yet.
    static CreateAlertResult create_one(Connection& db, const Alert& alert, std::size_t limit,
                                        std::optional<rule::ComparedTickers>& compared);
    std::optional<ClaimedDelivery> claim_one(Connection& db, const char* method, const Uuid& id,
                                             std::optional<int> attempt, Timestamp now, const Claim& claim);
    void read_claimed(Connection& db, std::span<const DeliveryTask> tasks, ClaimOnFiring& on_firing);
    std::size_t prune_deliveries(Connection& db, Timestamp before, std::size_t limit) override;
};

}  // namespace pricewire::storage::sqlite
