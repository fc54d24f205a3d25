#include "fakes/test_storage.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <chrono>
#include <fstream>
#include <iterator>
#include <utility>

#include "storage/sqlite/migrate.hpp"

namespace pricewire::fakes {
namespace {

using namespace std::chrono_literals;

// In memory if possible, where a commit costs no disk.
std::filesystem::path new_directory() {
    const std::filesystem::path memory = "/dev/shm";
    const auto parent = access(memory.c_str(), W_OK) == 0 ? memory : std::filesystem::temp_directory_path();
    std::string name = parent / "pricewire-XXXXXX";
    if (mkdtemp(name.data()) == nullptr) throw std::runtime_error("no temporary directory");
    return name;
}

// A database with an up-to-date schema and nothing in it: migrating costs more than most tests.
const std::string& empty_database() {
    static const std::string bytes = [] {
        const auto directory = new_directory();
        const auto file = directory / "empty.db";
        if (const auto migrated = storage::sqlite_migrate(file); !migrated)
            throw std::runtime_error(migrated.error().message);
        std::ifstream in(file, std::ios::binary);
        std::string out{std::istreambuf_iterator<char>(in), {}};
        std::filesystem::remove_all(directory);
        return out;
    }();
    return bytes;
}

}  // namespace

TestPlace::TestPlace() : directory_(new_directory()) {
    std::ofstream(file(), std::ios::binary) << empty_database();
    std::filesystem::permissions(file(),
                                 std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
}

TestPlace::~TestPlace() {
    std::error_code ignored;
    std::filesystem::remove_all(directory_, ignored);
}

storage::StorageEvents TestPlace::with_faults(storage::StorageEvents events) {
    events.around = [this](std::string_view method, const std::function<void()>& call) {
        around(method, call);
    };
    return events;
}

void TestPlace::around(std::string_view method, const std::function<void()>& call) {
    {
        MutexLock lock(mutex_);
        ++calls_[std::string(method)];
        ++changes_;
        changed_.notify_all();
        if (failure_) throw storage::StorageError(*failure_);
        if (method == failing_method_) throw storage::StorageError("the database is away");
    }
    try {
        call();
    } catch (...) {
        changed();
        throw;
    }
    changed();
    MutexLock lock(mutex_);
    const auto lost = lost_answers_.find(method);
    if (lost == lost_answers_.end() || lost->second.before-- > 0) return;
    if (--lost->second.count == 0) lost_answers_.erase(lost);
    throw storage::StorageError("the connection was lost before the answer came");
}

void TestPlace::changed() {
    MutexLock lock(mutex_);
    ++changes_;
    changed_.notify_all();
}

TestStorage::TestStorage(storage::StorageEvents events)
    : Store({.file = file()}, with_faults(std::move(events))),
      look_(file(), storage::sqlite::Connection::Mode::read, 5s) {}

void TestStorage::fail(std::string reason, storage::Trouble trouble) {
    MutexLock lock(mutex_);
    failure_.emplace(std::move(reason), trouble);
}

void TestStorage::heal() {
    MutexLock lock(mutex_);
    failure_.reset();
}

void TestStorage::lose_answers_of(std::string method, int count, int before) {
    MutexLock lock(mutex_);
    lost_answers_[std::move(method)] = {count, before};
}

void TestStorage::fail_calls_of(std::string method) {
    MutexLock lock(mutex_);
    failing_method_ = std::move(method);
}

bool TestStorage::wait_until(const std::function<bool()>& holds) {
    const auto deadline = std::chrono::steady_clock::now() + 30s;
    while (true) {
        std::uint64_t seen = 0;
        {
            MutexLock lock(mutex_);
            seen = changes_;
        }
        if (holds()) return true;
        MutexLock lock(mutex_);
        // The pause covers conditions that change without a call of this storage.
        changed_.wait_for(lock, 20ms, [&]() REQUIRES(mutex_) { return changes_ != seen; });
        if (std::chrono::steady_clock::now() > deadline) return false;
    }
}

FiringGroup TestStorage::add_alerts(int count, const Alert& like, int urls) {
    const Timestamp at = like.created_at;
    FiringGroup group{.price = {.ticker = "BTC", .value = *Decimal::parse("70100.5")}, .fired_at = at};
    for (int i = 0; i < count; ++i) {
        Alert alert = like;
        alert.id = make_uuid(at);
        alert.ticker = "BTC";
        alert.target = Decimal::from_int(++targets_);
        alert.webhook_url = fmt::format(fmt::runtime(like.webhook_url), targets_ % urls);
        if (!create_alert(alert, 1'000'000)) throw std::runtime_error("the alert was refused");
        group.firings.push_back({alert.id, make_uuid(at)});
    }
    return group;
}

std::size_t TestStorage::count(DeliveryState state) {
    MutexLock lock(look_mutex_);
    SQLite::Statement count(look_.database(), "SELECT count(*) FROM deliveries WHERE state = ?");
    count.bind(1, std::string(to_string(state)));
    count.executeStep();
    return static_cast<std::size_t>(count.getColumn(0).getInt64());
}

std::vector<DeliveryView> TestStorage::all_deliveries() {
    MutexLock lock(look_mutex_);
    SQLite::Statement users(look_.database(), "SELECT DISTINCT user_id FROM deliveries");
    std::vector<DeliveryView> out;
    while (users.executeStep()) {
        const auto some = look_.all(storage::sql::read_delivery, "delivery_list",
                                    storage::sqlite::Row(users).id(0), Uuid{}, storage::sql::last_uuid(),
                                    Timestamp::min(), Timestamp::max(), std::optional<int>{}, 1'000'000);
        out.insert(out.end(), some.begin(), some.end());
    }
    std::sort(out.begin(), out.end(), [](const auto& a, const auto& b) { return a.id < b.id; });
    return out;
}

void TestStorage::write_unknown(const char* table, const char* column, const Uuid& id) {
    storage::sqlite::Connection db(file(), storage::sqlite::Connection::Mode::write, 5s);
    SQLite::Statement update(db.database(),
                             fmt::format("UPDATE {} SET {} = 'brand_new' WHERE id = ?", table, column));
    update.bind(1, id.bytes.data(), static_cast<int>(id.bytes.size()));
    if (update.exec() != 1) throw std::runtime_error("there is no such row");
}

int TestStorage::calls(const std::string& method) {
    MutexLock lock(mutex_);
    return calls_[method];
}

}  // namespace pricewire::fakes
