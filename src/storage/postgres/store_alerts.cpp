#include "storage/postgres/store.hpp"

namespace pricewire::storage::postgres {
namespace {

// For each piece of the snapshot; the whole may take as long as its reader needs.
constexpr Duration piece_within = std::chrono::seconds{65};
// By default a cursor is planned for its first rows, but all rows are read here.
constexpr const char* snapshot_settings =
    "SET LOCAL statement_timeout = '60s'; SET LOCAL idle_in_transaction_session_timeout = '60s'; "
    "SET LOCAL cursor_tuple_fraction = 1; SET LOCAL enable_seqscan = on";

// Replaces the patience for one transaction.
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

CreateAlertResult Store::create_alert(const Alert& alert, std::size_t limit,
                                      const IdempotentRequest* request) {
    return write("create_alert", [&] { return creator_.create({&alert, 1}, limit, request, {}).front(); });
}

std::vector<CreateAlertResult> Store::create_alerts(std::span<const Alert> alerts, std::size_t limit,
                                                    const IdempotentRequest* request,
                                                    const Alerts::AnswerOf& answer) {
    return write("create_alerts", [&] {
        if (alerts.empty()) return std::vector<CreateAlertResult>();
        return creator_.create(alerts, limit, request, answer);
    });
}

void Store::create_each(std::span<AlertCreation> creations) {
    write("create_each", [&] {
        creator_.create_each(creations);
        sql::throw_if_all_failed(creations);
    });
}

void Store::load_active_alerts(const std::function<void(std::span<const ActiveAlert>)>& piece) {
    load_alerts("load_active_alerts", piece, [](Connection& db) { db.execute(query("alerts_declare")); });
}

void Store::load_alerts_of(std::span<const Ticker> tickers,
                           const std::function<void(std::span<const ActiveAlert>)>& piece) {
    Array names;
    for (const Ticker& ticker : tickers) names.add(ticker.view());
    // Planned for these tickers: few of them need other joins than a million alerts do.
    load_alerts("load_alerts_of", piece, [&](Connection& db) {
        db.execute("SET LOCAL plan_cache_mode = force_custom_plan");
        db.run("alerts_declare_of", names);
    });
}

template <typename Declare>
void Store::load_alerts(const char* method, const std::function<void(std::span<const ActiveAlert>)>& piece,
                        Declare declare) {
    const auto read_one = or_skip(method, sql::read_active_alert);
    // Not retried: some pieces have been passed on by then. (A cursor that only reads takes no locks, so it
    // cannot lose against another transaction.)
    transaction(method, Durability::process, [&](Connection& db) {
        const Patience patience(db, piece_within);
        db.execute(snapshot_settings);
        declare(db);
        while (true) {
            const pqxx::result rows = db.execute(query("alerts_fetch"));
            if (rows.empty()) break;
            std::vector<ActiveAlert> alerts;
            alerts.reserve(rows.size());
            for (const Row row : rows) {
                if (const auto alert = read_one(row)) alerts.push_back(*alert);
            }
            piece(alerts);
        }
    });
}

}  // namespace pricewire::storage::postgres
