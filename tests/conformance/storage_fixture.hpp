#pragma once

#include <SQLiteCpp/SQLiteCpp.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <barrier>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "base/mutex.hpp"
#include "storage/postgres/postgres_storage.hpp"
#include "storage/sqlite/sqlite_storage.hpp"
#include "test_database/test_database.hpp"

namespace pricewire::conformance {

using namespace std::chrono_literals;

// A storage, and what must live and be removed with it.
struct MadeStorage {
    std::shared_ptr<void> place;
    std::unique_ptr<storage::Storage> storage;
    // Writes a word that no version knows into the column of the row with that id, as a newer version might.
    std::function<void(const char* table, const char* column, const Uuid& id)> write_unknown;
};

struct StorageFactory {
    std::string name;
    std::function<MadeStorage(storage::StorageEvents)> create;
    // Why it is not available here; nullptr if it is.
    std::function<const char*()> missing = [] { return nullptr; };
};

inline MadeStorage make_sqlite_storage_in_temp(storage::StorageEvents events) {
    std::string name = std::filesystem::temp_directory_path() / "pricewire-storage-XXXXXX";
    if (mkdtemp(name.data()) == nullptr) throw std::runtime_error("no temporary directory");
    std::shared_ptr<void> place(nullptr, [name](void*) { std::filesystem::remove_all(name); });
    const std::string file = name + "/pricewire.db";
    return {place, storage::create_sqlite_storage({.file = file}, std::move(events)),
            [file](const char* table, const char* column, const Uuid& id) {
                SQLite::Database db(file, SQLite::OPEN_READWRITE);
                db.setBusyTimeout(5000);
                SQLite::Statement update(
                    db, fmt::format("UPDATE {} SET {} = 'brand_new' WHERE id = ?", table, column));
                update.bind(1, id.bytes.data(), static_cast<int>(id.bytes.size()));
                ASSERT_EQ(update.exec(), 1);
            }};
}

// A database that is handed from one case to the next of this process, empty: to make one takes longer than most cases.
inline std::shared_ptr<test::TestDatabase> empty_database() {
    static std::shared_ptr<test::TestDatabase> kept;
    if (kept == nullptr || kept.use_count() > 1) return kept = std::make_shared<test::TestDatabase>();
    kept->empty();
    return kept;
}

inline MadeStorage make_postgres_storage(storage::StorageEvents events) {
    const auto database = empty_database();
    return {
        database, storage::create_postgres_storage({.url = database->url()}, std::move(events)),
        [database](const char* table, const char* column, const Uuid& id) {
            const std::string type = database->ask(fmt::format(
                "SELECT udt_name FROM information_schema.columns WHERE table_name = '{}' AND column_name = "
                "'{}'",
                table, column));
            if (type != "text")
                database->ask(fmt::format("ALTER TYPE {} ADD VALUE IF NOT EXISTS 'brand_new'", type));
            ASSERT_EQ(database->ask(
                          fmt::format("UPDATE {} SET {} = 'brand_new' WHERE id = '{}' RETURNING 'changed'",
                                      table, column, id.to_string())),
                      "changed");
        }};
}

inline auto storages() {
    return testing::Values(StorageFactory{"sqlite", make_sqlite_storage_in_temp},
                           StorageFactory{"postgres", make_postgres_storage, [] {
                                              return test::postgres_url() ? nullptr : test::postgres_missing;
                                          }});
}

// The contract of every Storage. To add an implementation, add it to storages().
class StorageConformance : public testing::TestWithParam<StorageFactory> {
protected:
    void SetUp() override {
        if (const char* missing = GetParam().missing()) GTEST_SKIP() << missing;
        storage::StorageEvents events;
        events.alert_changed = [this](const AlertChange& change) {
            MutexLock lock(mutex_);
            changes_.push_back(change);
        };
        events.user_changed = [this](std::optional<Uuid> user) {
            MutexLock lock(mutex_);
            if (marker_ && user == marker_) {
                ++markers_heard_;
                heard_.notify_all();
            } else {
                user_changes_.push_back(user);
            }
        };
        events.around = [this](std::string_view method, const std::function<void()>& call) {
            {
                MutexLock lock(mutex_);
                calls_.emplace_back(method);
            }
            call();
        };
        events.alert_expired = [this](const Uuid& user, const Uuid& alert) {
            MutexLock lock(mutex_);
            expired_.emplace_back(user, alert);
        };
        events.row_skipped = [this](std::string_view method) {
            MutexLock lock(mutex_);
            skipped_.emplace_back(method);
        };
        made_ = GetParam().create(std::move(events));
        storage_ = made_.storage.get();
        user_ = add_user("ann@example.com");
    }

    Uuid add_user(const std::string& email) {
        NewUser user{{make_uuid(now_), email, true, now_}, sha256(email), "whsec_" + email};
        EXPECT_TRUE(storage_->create_user(user));
        return user.user.id;
    }
    Alert new_alert(const std::string& target = "100") const {
        Alert alert;
        alert.id = make_uuid(now_);
        alert.user_id = user_;
        alert.ticker = "BTC";
        alert.target = Decimal::parse(target).value();
        alert.webhook_url = "https://example.com/hook";
        alert.created_at = now_;
        return alert;
    }
    Alert add_alert(const std::string& target = "100") {
        Alert alert = new_alert(target);
        EXPECT_TRUE(storage_->create_alert(alert, 1'000'000));
        return alert;
    }
    std::vector<Uuid> add_alerts(int count) {
        std::vector<Uuid> ids;
        for (int i = 1; i <= count; ++i) ids.push_back(add_alert(std::to_string(i)).id);
        return ids;
    }
    FiringGroup group(const std::vector<Uuid>& alerts, std::string_view price = "101.5") const {
        FiringGroup out{{"BTC", Decimal::parse(price).value(), now_, 1}, now_, {}};
        for (const Uuid& id : alerts) out.firings.push_back({id, make_uuid(now_)});
        return out;
    }
    std::vector<DeliveryTask> fire(const std::vector<Uuid>& alerts) {
        return storage_->fire(std::vector{group(alerts)});
    }
    // A delivery pending its first attempt.
    Uuid pending() { return fire({add_alert(std::to_string(++last_target_)).id}).at(0).delivery_id; }
    std::vector<ClaimedDelivery> claim(const Uuid& delivery, int attempt, Timestamp now,
                                       const std::string& owner = "sender-1") {
        return storage_->claim(std::vector{DeliveryTask{delivery, attempt}}, now, {owner, now + lease_});
    }
    static DeliveryOutcome outcome(const Uuid& delivery, int number, Timestamp at, DeliveryState next,
                                   std::optional<Timestamp> next_at = std::nullopt) {
        const bool ok = next == DeliveryState::delivered;
        DeliveryOutcome out{.delivery_id = delivery, .attempt_number = number};
        out.attempt =
            Attempt{delivery, number, at, 1500us, ok ? 200 : 503, ok ? "" : "the receiver answered 503"};
        out.next = next;
        out.next_attempt_at = next_at;
        out.reason = out.attempt->error;
        out.ended_at = at + 1500us;
        return out;
    }
    void record(const DeliveryOutcome& o) { storage_->record(std::vector{o}); }
    // By endpoint.
    void count_calls() {
        while (storage_->uncounted() > 0) storage_->count_calls();
    }
    std::vector<DeliveryView> deliveries_of(const Uuid& alert) {
        return storage_->deliveries(user_, {.alert_id = alert});
    }
    DeliveryView view(const Uuid& alert) { return deliveries_of(alert).at(0); }
    std::vector<ActiveAlert> active() {
        std::vector<ActiveAlert> out;
        storage_->load_active_alerts(
            [&](std::span<const ActiveAlert> piece) { out.insert(out.end(), piece.begin(), piece.end()); });
        return out;
    }
    // Waits until all changes so far have been reported. They are reported in commit order on a thread of the
    // storage's, so it makes one more change, to a user who exists only for that, and waits for it.
    void hear_all() {
        const Uuid marker = marker_user();
        ++markers_made_;
        ASSERT_TRUE(storage_->set_user_active(marker, true));
        MutexLock lock(mutex_);
        ASSERT_TRUE(
            heard_.wait_for(lock, 30s, [&]() REQUIRES(mutex_) { return markers_heard_ == markers_made_; }));
    }
    Uuid marker_user() {
        {
            MutexLock lock(mutex_);
            if (marker_) return *marker_;
        }
        const Uuid marker = add_user("marker@example.com");
        MutexLock lock(mutex_);
        return marker_.emplace(marker);
    }
    // The changes so far, as "+id", "-id" and "~id" (changed).
    std::vector<std::string> changes() {
        hear_all();
        MutexLock lock(mutex_);
        std::vector<std::string> out;
        for (const AlertChange& c : changes_) out.push_back(shown(c.kind, c.alert.id));
        return out;
    }
    std::vector<std::string> skipped() {
        MutexLock lock(mutex_);
        return skipped_;
    }
    // The calls since the last call of this.
    std::vector<std::string> take_calls() {
        MutexLock lock(mutex_);
        return std::exchange(calls_, {});
    }
    static std::string shown(AlertChange::Kind kind, const Uuid& id) {
        return (kind == AlertChange::Kind::created   ? "+"
                : kind == AlertChange::Kind::deleted ? "-"
                                                     : "~") +
               id.to_string();
    }
    // Runs it on that many threads, which start together.
    template <typename F>
    static void at_once(int threads, F f) {
        std::barrier gate(threads);
        std::vector<std::thread> all;
        for (int t = 0; t < threads; ++t) {
            all.emplace_back([&, t] {
                gate.arrive_and_wait();
                f(t);
            });
        }
        for (std::thread& t : all) t.join();
    }

    const Timestamp now_{std::chrono::seconds{1'700'000'000}};
    const Duration lease_ = 60s;
    Mutex mutex_;
    std::vector<AlertChange> changes_ GUARDED_BY(mutex_);
    std::vector<std::optional<Uuid>> user_changes_ GUARDED_BY(mutex_);
    std::vector<std::pair<Uuid, Uuid>> expired_ GUARDED_BY(mutex_);  // users and alerts
    std::vector<std::string> skipped_ GUARDED_BY(mutex_);
    std::vector<std::string> calls_ GUARDED_BY(mutex_);
    CondVar heard_;
    std::optional<Uuid> marker_ GUARDED_BY(mutex_);
    int markers_made_ = 0;
    int markers_heard_ GUARDED_BY(mutex_) = 0;
    MadeStorage made_;
    storage::Storage* storage_ = nullptr;
    Uuid user_;
    int last_target_ = 1'000'000;
};

inline void PrintTo(const StorageFactory& factory, std::ostream* out) {
    *out << factory.name;
}

}  // namespace pricewire::conformance
