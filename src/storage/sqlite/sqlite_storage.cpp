#include "storage/sqlite/sqlite_storage.hpp"

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <utility>

#include "storage/sqlite/connection.hpp"
#include "storage/sqlite/migrate.hpp"
#include "storage/sqlite/writer.hpp"

namespace pricewire {
namespace {

using sqlite::Connection;
using sqlite::decimal_at;
using sqlite::Durability;
using sqlite::Event;
using sqlite::maybe_time_at;
using sqlite::text_at;
using sqlite::time_at;
using sqlite::translate;
using sqlite::uuid_at;
using sqlite::with;
using Events = std::vector<Event>;

constexpr std::size_t snapshot_piece = 10'000;

// Connections for reading, each used by one thread at a time.
class Readers {
public:
    explicit Readers(const SqliteOptions& options) : options_(options) {}

    template <typename F>
    auto run(F&& f) {
        const Lease lease(*this);
        return translate([&] { return f(*lease.connection); });
    }

private:
    struct Lease {
        explicit Lease(Readers& readers) : pool(readers), connection(readers.take()) {}
        ~Lease() { pool.give(std::move(connection)); }
        Lease(const Lease&) = delete;
        Lease& operator=(const Lease&) = delete;
        Readers& pool;
        std::unique_ptr<Connection> connection;
    };

    std::unique_ptr<Connection> take() {
        std::unique_lock lock(mutex_);
        freed_.wait(lock, [&] { return !idle_.empty() || open_ < options_.readers; });
        if (!idle_.empty()) {
            auto connection = std::move(idle_.back());
            idle_.pop_back();
            return connection;
        }
        ++open_;
        lock.unlock();
        try {
            return std::make_unique<Connection>(options_.file, Connection::Mode::read, options_.busy_timeout);
        } catch (...) {
            give(nullptr);
            throw;
        }
    }
    void give(std::unique_ptr<Connection> connection) {
        {
            std::lock_guard lock(mutex_);
            if (connection) {
                idle_.push_back(std::move(connection));
            } else {
                --open_;
            }
        }
        freed_.notify_one();
    }

    const SqliteOptions options_;
    std::mutex mutex_;
    std::condition_variable freed_;
    std::vector<std::unique_ptr<Connection>> idle_;
    int open_ = 0;
};

User read_user(SQLite::Statement& s) {
    return {uuid_at(s, 0), std::string(text_at(s, 1)), s.getColumn(2).getInt() != 0, time_at(s, 3)};
}

// The ten columns of an alert, from `column` on.
Alert read_alert(SQLite::Statement& s, int column) {
    Alert alert;
    alert.id = uuid_at(s, column);
    alert.user_id = uuid_at(s, column + 1);
    alert.ticker = Ticker(text_at(s, column + 2));
    alert.condition = parse_condition(text_at(s, column + 3)).value_or(Condition::gt);
    alert.target = decimal_at(s, column + 4);
    alert.webhook_url = text_at(s, column + 5);
    alert.is_active = s.getColumn(column + 6).getInt() != 0;
    alert.created_at = time_at(s, column + 7);
    alert.triggered_at = maybe_time_at(s, column + 8);
    if (!s.isColumnNull(column + 9)) alert.triggered_price = decimal_at(s, column + 9);
    return alert;
}

// Every query ends: a statement left in mid-result would hold its snapshot, and the log could not be
// checkpointed.
struct Finish {
    explicit Finish(SQLite::Statement& s) : statement(s) {}
    ~Finish() { statement.tryReset(); }
    Finish(const Finish&) = delete;
    Finish& operator=(const Finish&) = delete;
    SQLite::Statement& statement;
};

template <typename Read>
auto first_row(SQLite::Statement& s, Read&& read) -> std::optional<decltype(read(s))> {
    const Finish finish(s);
    if (!s.executeStep()) return std::nullopt;
    return read(s);
}

template <typename Read>
auto all_rows(SQLite::Statement& s, Read&& read) {
    const Finish finish(s);
    std::vector<decltype(read(s))> out;
    while (s.executeStep()) out.push_back(read(s));
    return out;
}

ActiveAlert active_part(const Alert& alert) {
    return {alert.id, alert.ticker, alert.condition, alert.target};
}

class SqliteStorage final : public Storage {
public:
    SqliteStorage(const SqliteOptions& options, StorageEvents events)
        : readers_(options),
          writer_(std::make_unique<Connection>(options.file, Connection::Mode::write, options.busy_timeout),
                  std::move(events)) {}

    void ping() override {
        readers_.run([](Connection& db) { return db.pragma("schema_version"); });
    }

    std::expected<void, CreateUserError> create_user(const NewUser& user) override {
        const bool created = writer_.run(Durability::power, [&](Connection& db, Events&) {
            auto& insert = db.statement("user_insert");
            insert.bind(3, user.api_key_hash.data(), static_cast<int>(user.api_key_hash.size()));
            sqlite::bind_one(insert, 1, user.user.id);
            insert.bind(2, user.user.email);
            insert.bind(4, user.webhook_secret);
            insert.bind(5, user.user.is_active ? 1 : 0);
            sqlite::bind_one(insert, 6, user.user.created_at);
            return insert.exec() == 1;
        });
        if (!created) return std::unexpected(CreateUserError::email_taken);
        return {};
    }

    std::optional<User> user_by_key_hash(const Sha256& api_key_hash) override {
        return readers_.run([&](Connection& db) {
            auto& select = db.statement("user_by_key_hash");
            select.bind(1, api_key_hash.data(), static_cast<int>(api_key_hash.size()));
            return first_row(select, read_user);
        });
    }

    std::optional<User> user_by_email(std::string_view email) override {
        return readers_.run(
            [&](Connection& db) { return first_row(with(db.statement("user_by_email"), email), read_user); });
    }

    std::vector<User> users() override {
        return readers_.run([](Connection& db) { return all_rows(db.statement("users_all"), read_user); });
    }

    bool set_user_active(const Uuid& user_id, bool active) override {
        return writer_.run(Durability::power, [&](Connection& db, Events& events) {
            const bool found = with(db.statement("user_set_active"), active ? 1 : 0, user_id).exec() == 1;
            if (found) events.push_back(sqlite::UserChange{user_id});
            return found;
        });
    }

    std::expected<void, CreateAlertError> create_alert(const Alert& alert, std::size_t limit) override {
        return writer_.run(
            Durability::power, [&](Connection& db, Events& events) -> std::expected<void, CreateAlertError> {
                const auto active = first_row(with(db.statement("alerts_active_count"), alert.user_id),
                                              [](SQLite::Statement& s) { return s.getColumn(0).getInt64(); });
                const int inserted =
                    with(db.statement("alert_insert"), alert.id, alert.user_id, alert.ticker.view(),
                         to_string(alert.condition), alert.target, alert.webhook_url, alert.created_at)
                        .exec();
                if (inserted == 0) return std::unexpected(CreateAlertError::duplicate);
                if (static_cast<std::size_t>(active.value_or(0)) >= limit) {
                    with(db.statement("alert_remove"), alert.id).exec();
                    return std::unexpected(CreateAlertError::limit_reached);
                }
                events.push_back(AlertChange{AlertChange::Kind::created, active_part(alert)});
                return {};
            });
    }

    std::optional<Alert> alert(const Uuid& user_id, const Uuid& alert_id) override {
        return readers_.run([&](Connection& db) {
            return first_row(with(db.statement("alert_get"), alert_id, user_id),
                             [](SQLite::Statement& s) { return read_alert(s, 0); });
        });
    }

    std::vector<Alert> alerts(const Uuid& user_id, const AlertFilter& filter) override {
        Uuid last;
        last.bytes.fill(0xff);
        std::optional<int> is_active;
        if (filter.is_active) is_active = *filter.is_active ? 1 : 0;
        std::optional<std::string_view> ticker;
        if (filter.ticker) ticker = filter.ticker->view();
        return readers_.run([&](Connection& db) {
            return all_rows(with(db.statement("alert_list"), user_id, filter.before.value_or(last), is_active,
                                 ticker, static_cast<std::int64_t>(filter.limit)),
                            [](SQLite::Statement& s) { return read_alert(s, 0); });
        });
    }

    bool delete_alert(const Uuid& user_id, const Uuid& alert_id) override {
        return writer_.run(Durability::power, [&](Connection& db, Events& events) {
            const auto found = first_row(with(db.statement("alert_get"), alert_id, user_id),
                                         [](SQLite::Statement& s) { return read_alert(s, 0); });
            if (!found) return false;
            with(db.statement("alert_delete"), system_clock().now(), alert_id, user_id).exec();
            if (found->is_active)
                events.push_back(AlertChange{AlertChange::Kind::deleted, active_part(*found)});
            return true;
        });
    }

    void load_active_alerts(const std::function<void(std::span<const ActiveAlert>)>& piece) override {
        readers_.run([&](Connection& db) {
            auto& select = db.statement("alerts_load_active");
            const Finish finish(select);
            std::vector<ActiveAlert> alerts;
            alerts.reserve(snapshot_piece);
            while (select.executeStep()) {
                alerts.push_back({uuid_at(select, 0), Ticker(text_at(select, 1)),
                                  parse_condition(text_at(select, 2)).value_or(Condition::gt),
                                  decimal_at(select, 3)});
                if (alerts.size() == snapshot_piece) {
                    piece(alerts);
                    alerts.clear();
                }
            }
            piece(alerts);
        });
    }

    std::vector<DeliveryTask> fire(std::span<const FiringGroup> groups) override {
        return writer_.run(Durability::power, [&](Connection& db, Events&) {
            std::vector<DeliveryTask> tasks;
            for (const FiringGroup& group : groups) {
                for (const Firing& firing : group.firings) {
                    with(db.statement("firing_add"), firing.alert_id, firing.delivery_id).exec();
                }
                const auto written =
                    all_rows(with(db.statement("firing_deliveries"), group.fired_at),
                             [](SQLite::Statement& s) { return DeliveryTask{uuid_at(s, 0), 1}; });
                tasks.insert(tasks.end(), written.begin(), written.end());
                with(db.statement("firing_alerts"), group.fired_at, group.price.value).exec();
                db.statement("firing_clear").exec();
            }
            return tasks;
        });
    }

    std::vector<ClaimedDelivery> claim(std::span<const DeliveryTask> tasks, Timestamp now,
                                       const Claim& claim) override {
        return writer_.run(Durability::process, [&](Connection& db, Events&) {
            std::vector<ClaimedDelivery> out;
            for (const DeliveryTask& task : tasks) {
                auto claimed = claim_one(db, task.delivery_id, task.attempt, now, claim);
                if (claimed) out.push_back(std::move(*claimed));
            }
            return out;
        });
    }

    std::vector<ClaimedDelivery> claim_due(Timestamp now, std::size_t limit, const Claim& claim) override {
        return writer_.run(Durability::process, [&](Connection& db, Events&) {
            const auto due = all_rows(with(db.statement("due"), now, static_cast<std::int64_t>(limit)),
                                      [](SQLite::Statement& s) { return uuid_at(s, 0); });
            std::vector<ClaimedDelivery> out;
            for (const Uuid& id : due) {
                auto claimed = claim_one(db, id, std::nullopt, now, claim);
                if (claimed) out.push_back(std::move(*claimed));
            }
            return out;
        });
    }

    std::optional<Timestamp> next_due() override {
        return readers_.run([](Connection& db) {
            return first_row(db.statement("next_due"),
                             [](SQLite::Statement& s) { return maybe_time_at(s, 0); })
                .value_or(std::nullopt);
        });
    }

    std::size_t release_claims(std::string_view owner) override {
        return writer_.run(Durability::process, [&](Connection& db, Events&) {
            return static_cast<std::size_t>(with(db.statement("release"), owner).exec());
        });
    }

    void record(std::span<const DeliveryOutcome> outcomes) override {
        writer_.run(Durability::process, [&](Connection& db, Events&) {
            for (const DeliveryOutcome& outcome : outcomes) {
                const Attempt attempt = outcome.attempt.value_or(Attempt{});
                std::optional<Timestamp> finished;
                if (is_final(outcome.next)) finished = outcome.ended_at;
                const int updated =
                    with(db.statement("record_delivery"), to_string(outcome.next), attempt.number,
                         outcome.next_attempt_at, finished, attempt.delivery_id, attempt.number - 1)
                        .exec();
                if (updated == 0) continue;
                with(db.statement("record_attempt"), attempt.delivery_id, attempt.number, attempt.started_at,
                     static_cast<std::int64_t>(attempt.duration.count()), attempt.status, attempt.error)
                    .exec();
            }
        });
    }

    std::vector<DeliveryView> deliveries_of(const Uuid& alert_id) override {
        return readers_.run([&](Connection& db) {
            return all_rows(with(db.statement("deliveries_of"), alert_id), [](SQLite::Statement& s) {
                DeliveryView view;
                view.id = uuid_at(s, 0);
                view.alert_id = uuid_at(s, 1);
                view.state = parse_delivery_state(text_at(s, 2)).value_or(DeliveryState::pending);
                view.attempts = s.getColumn(3).getInt();
                view.created_at = time_at(s, 4);
                if (view.state == DeliveryState::pending) view.next_attempt_at = maybe_time_at(s, 5);
                view.finished_at = maybe_time_at(s, 6);
                return view;
            });
        });
    }

    std::vector<Attempt> attempts_of(const Uuid& delivery_id) override {
        return readers_.run([&](Connection& db) {
            return all_rows(with(db.statement("attempts_of"), delivery_id), [&](SQLite::Statement& s) {
                Attempt attempt;
                attempt.delivery_id = delivery_id;
                attempt.number = s.getColumn(0).getInt();
                attempt.started_at = time_at(s, 1);
                attempt.duration = Duration{s.getColumn(2).getInt64()};
                if (!s.isColumnNull(3)) attempt.status = s.getColumn(3).getInt();
                attempt.error = text_at(s, 4);
                return attempt;
            });
        });
    }

    void upsert_bars(std::span<const Bar> bars) override {
        writer_.run(Durability::process, [&](Connection& db, Events&) {
            for (const Bar& bar : bars) {
                Bar merged = bar;
                const auto there = first_row(
                    with(db.statement("bar_get"), bar.ticker.view(), bar.start), [&](SQLite::Statement& s) {
                        return Bar{bar.ticker,       bar.start,        decimal_at(s, 0),
                                   decimal_at(s, 1), decimal_at(s, 2), decimal_at(s, 3)};
                    });
                if (there) {
                    merged.open = there->open;
                    merged.high = std::max(there->high, bar.high);
                    merged.low = std::min(there->low, bar.low);
                }
                with(db.statement("bar_put"), bar.ticker.view(), bar.start, merged.open, merged.high,
                     merged.low, merged.close)
                    .exec();
            }
        });
    }

    std::vector<Bar> bars(Ticker ticker, Timestamp from, Timestamp to, std::size_t limit) override {
        return readers_.run([&](Connection& db) {
            return all_rows(
                with(db.statement("bars"), ticker.view(), from, to, static_cast<std::int64_t>(limit)),
                [&](SQLite::Statement& s) {
                    return Bar{ticker,           time_at(s, 0),    decimal_at(s, 1),
                               decimal_at(s, 2), decimal_at(s, 3), decimal_at(s, 4)};
                });
        });
    }

    std::size_t prune_bars(Timestamp before, std::size_t limit) override {
        return writer_.run(Durability::process, [&](Connection& db, Events&) {
            return static_cast<std::size_t>(
                with(db.statement("bars_prune"), before, static_cast<std::int64_t>(limit)).exec());
        });
    }

private:
    static std::optional<ClaimedDelivery> claim_one(Connection& db, const Uuid& id,
                                                    std::optional<int> attempt, Timestamp now,
                                                    const Claim& claim) {
        auto claimed = first_row(with(db.statement("claimable"), id, now), [&](SQLite::Statement& s) {
            ClaimedDelivery out;
            out.id = id;
            out.attempt = s.getColumn(0).getInt() + 1;
            out.created_at = time_at(s, 1);
            out.alert = read_alert(s, 2);
            out.round = out.attempt;
            out.deadline = out.created_at + out.alert.deliver_within;
            out.secrets.current = text_at(s, 12);
            return out;
        });
        if (!claimed || (attempt && *attempt != claimed->attempt)) return std::nullopt;
        with(db.statement("claim"), claim.lease_until, claim.owner, id).exec();
        return claimed;
    }

    Readers readers_;
    sqlite::Writer writer_;
};

}  // namespace

std::unique_ptr<Storage> create_sqlite_storage(const SqliteOptions& options, StorageEvents events) {
    if (const auto migrated = sqlite_migrate(options.file); !migrated)
        throw StorageError(migrated.error().message);
    return std::make_unique<SqliteStorage>(options, std::move(events));
}

}  // namespace pricewire
