#include "storage/postgres/changes.hpp"
#include "storage/postgres/rows.hpp"
#include "storage/postgres/store.hpp"

namespace pricewire::storage::postgres {
namespace {

// Of each piece of the snapshot; all of it may take as long as its reader needs.
constexpr Duration piece_within = std::chrono::seconds{65};
// A cursor is planned for its first rows otherwise, but all are read here.
constexpr const char* snapshot_settings =
    "SET LOCAL statement_timeout = '60s'; SET LOCAL idle_in_transaction_session_timeout = '60s'; "
    "SET LOCAL cursor_tuple_fraction = 1";

// Another patience for one transaction.
class Patience {
public:
    Patience(Connection& db, Duration patience) : db_(db), before_(db.patience()) {
        db.set_patience(patience);
    }
    ~Patience() { db_.set_patience(before_); }
    Patience(const Patience&) = delete;
    Patience& operator=(const Patience&) = delete;

private:
    Connection& db_;
    const Duration before_;
};

}  // namespace

std::expected<void, CreateAlertError> Store::create_alert(const Alert& alert, std::size_t limit) {
    return creator_.create(alert, limit);
}

std::optional<Alert> Store::alert(const Uuid& user_id, const Uuid& alert_id) {
    return pool_.read([&](Connection& db) {
        return first_row(db.run("alert_get", alert_id, user_id),
                         [](const Row& row) { return read_alert(row, 0); });
    });
}

std::vector<Alert> Store::alerts(const Uuid& user_id, const AlertFilter& filter) {
    std::optional<std::string_view> ticker;
    if (filter.ticker) ticker = filter.ticker->view();
    return pool_.read([&](Connection& db) {
        return all_rows(db.run("alert_list", user_id, filter.before.value_or(last_uuid()), filter.is_active,
                               ticker, filter.limit),
                        [](const Row& row) { return read_alert(row, 0); });
    });
}

bool Store::delete_alert(const Uuid& user_id, const Uuid& alert_id) {
    return pool_.transaction(Durability::power, [&](Connection& db) {
        const auto found = db.run("alert_lock", alert_id, user_id);
        if (found.empty()) return false;
        db.run("alert_delete", alert_id, system_clock().now());
        const Row row = found[0];
        if (!bool_at(row, 0)) return true;
        db.run("users_count", Array().add(user_id), Array().add(-1));
        const ActiveAlert active{alert_id, Ticker(text_at(row, 1)),
                                 parse_condition(text_at(row, 2)).value_or(Condition::gt),
                                 decimal_at(row, 3)};
        db.run("notify", to_payloads({AlertChange{AlertChange::Kind::deleted, active}}));
        return true;
    });
}

void Store::load_active_alerts(const std::function<void(std::span<const ActiveAlert>)>& piece) {
    std::vector<ActiveAlert> alerts;
    // Not tried again where it is lost: some pieces have been handed over by then. (A cursor that only reads
    // locks nothing, so there is nothing to lose against.)
    pool_.transaction(Durability::process, [&](Connection& db) {
        const Patience patience(db, piece_within);
        db.execute(snapshot_settings);
        db.execute(query("alerts_declare"));
        while (true) {
            alerts.clear();
            for (const Row& row : db.execute(query("alerts_fetch"))) alerts.push_back(read_active_alert(row));
            if (alerts.empty()) break;
            piece(alerts);
        }
    });
}

std::vector<UserEndpoint> Store::endpoints(const Uuid& user_id, std::size_t limit) {
    return pool_.read([&](Connection& db) {
        return all_rows(db.run("endpoints", user_id, limit), [](const Row& row) {
            return UserEndpoint{std::string(text_at(row, 0)), maybe_time_at(row, 1),
                                std::string(text_at(row, 2))};
        });
    });
}

bool Store::enable_endpoint(const Uuid& user_id, std::string_view webhook_url) {
    return pool_.statement(Durability::power, [&](Connection& db) {
        return changed(db.run("endpoint_enable", user_id, webhook_url)) == 1;
    });
}

}  // namespace pricewire::storage::postgres
