#include <algorithm>
#include <future>
#include <map>
#include <set>
#include <tuple>
#include <unordered_map>

#include "storage/postgres/pushed.hpp"
#include "storage/postgres/store.hpp"

namespace pricewire::storage::postgres {
namespace {

// Firings per statement: this many take well under the statement timeout on a slow machine. All of a call's
// are one transaction.
constexpr std::size_t max_fired_at_once = 20'000;
// Up to this many are fired by one statement, without the round trips of a transaction of several.
constexpr std::size_t few = 100;
// A backend uses one core: from this many firings on, two are faster, with a transaction each.
constexpr std::size_t worth_two_backends = 10'000;
// Endpoints counted in one transaction, so that it takes no longer than a claim.
constexpr std::size_t counted_at_once = 500;
// Endpoints whose attempts wait to be counted; some MB.
constexpr std::size_t most_uncounted = 10'000;

struct Fired {
    Uuid alert_id;
    Uuid delivery_id;
    std::size_t group;  // its place
};

// Each alert once, by its first firing, in the order of ids: see "fire" in the queries.
std::vector<Fired> in_lock_order(std::span<const FiringGroup> groups) {
    std::vector<Fired> out;
    for (std::size_t g = 0; g < groups.size(); ++g) {
        for (const Firing& firing : groups[g].firings)
            out.push_back({firing.alert_id, firing.delivery_id, g});
    }
    std::sort(out.begin(), out.end(), [](const Fired& a, const Fired& b) {
        return std::tie(a.alert_id, a.group) < std::tie(b.alert_id, b.group);
    });
    const auto same = [](const Fired& a, const Fired& b) { return a.alert_id == b.alert_id; };
    out.erase(std::unique(out.begin(), out.end(), same), out.end());
    return out;
}

// What was written for alerts in the plain form: the deliveries with their users, and the change of each user's active
// alerts.
struct Written {
    std::unordered_map<Uuid, Uuid> deliveries;
    std::map<Uuid, int> less;
    std::vector<DeliveryTask> pushes;
};

// The parameters of "fire".
struct FireColumns {
    Array alerts, deliveries, places;
    // Each group once: its place among those of this statement.
    Array times, prices, price_times, late, ids;
    Array boards, board_times;  // of "fire_few"
    bool any_late = false;
    FireColumns(std::span<const Fired> fired, std::span<const FiringGroup> groups,
                const sql::Boards& ids_of) {
        std::unordered_map<std::size_t, std::size_t> place_of;
        for (const Fired& f : fired) {
            const auto [place, is_new] = place_of.try_emplace(f.group, place_of.size() + 1);
            alerts.add(f.alert_id);
            deliveries.add(f.delivery_id);
            places.add(place->second);
            if (is_new) add(groups[f.group], ids_of.id(f.group));
        }
    }

private:
    void add(const FiringGroup& group, const std::optional<Uuid>& id) {
        times.add(group.fired_at);
        prices.add(group.price.value);
        price_times.add(group.price.time);
        late.add(sql::late_text(group));
        any_late |= group.late.has_value();
        ids.add(id);
        boards.add(group.board);
        board_times.add(group.board_at);
    }
};

void fire_some(Connection& db, std::span<const Fired> fired, std::span<const FiringGroup> groups,
               const sql::Boards& boards, Written& out) {
    const FireColumns c(fired, groups, boards);
    for (const Row row :
         db.run("fire", c.alerts, c.deliveries, c.places, c.times, c.prices, c.price_times, c.late, c.ids)) {
        const Uuid user = row.id(1);
        out.deliveries.emplace(row.id(0), user);
        --out.less[user];
    }
    if (c.any_late) db.run("fire_late", c.deliveries);
}

// A delivery that a statement wrote, with those to its user's devices, which the statement names.
void add_written(Written& out, const Uuid& delivery, const Uuid& user, std::string_view devices) {
    out.deliveries.emplace(delivery, user);
    add_pushes(out.pushes, delivery, user, devices);
}

// Runs a statement that fires one.
template <typename Run>
Written fire_one(Run run, const Fired& fired, const FiringGroup& group, const std::optional<Uuid>& board) {
    Written out;
    if (const auto found = run(fired.alert_id, fired.delivery_id, group.fired_at, group.price.value,
                               group.price.time, board, group.board, group.board_at))
        add_written(out, fired.delivery_id, found->first, found->second);
    return out;
}

Written fire_few(Connection& db, std::span<const Fired> fired, std::span<const FiringGroup> groups,
                 const sql::Boards& boards) {
    const FireColumns c(fired, groups, boards);
    Written out;
    for (const Row row : db.run("fire_few", c.alerts, c.deliveries, c.places, c.times, c.prices,
                                c.price_times, c.late, c.ids, c.boards, c.board_times))
        add_written(out, row.id(0), row.id(1), row.text(2));
    return out;
}

Written fire_in_one(Pool& pool, std::span<const Fired> all, std::span<const FiringGroup> groups,
                    sql::Boards boards) {
    return pool.transaction(Durability::power, [&](Connection& db) {
        Written written;
        for (std::size_t from = 0; from < all.size(); from += max_fired_at_once) {
            const auto some = all.subspan(from, std::min(max_fired_at_once, all.size() - from));
            fire_some(db, some, groups, boards, written);
        }
        // Users after all alerts: see the table.
        sql::count_active(db, written.less);
        for (const Fired& f : all) {
            if (written.deliveries.contains(f.delivery_id)) boards.use(f.group);
        }
        boards.write(db);
        written.pushes = write_pushes(db, written.deliveries);
        return written;
    });
}

bool has_one_step(std::span<const FiringGroup> groups) {
    std::size_t steps = 0;
    for (const FiringGroup& g : groups)
        steps += g.firings.size() + g.ruled.size() + g.notes.size() + g.expiries.size();
    return steps == 1;
}

bool is_refused(const DeliveryOutcome& outcome) {
    return outcome.attempt && outcome.attempt->status && is_refusal(*outcome.attempt->status);
}

// Of each delivery the last max_kept_attempts are kept.
bool drops_attempts(const DeliveryOutcome& outcome) {
    return outcome.attempt && outcome.attempt_number > static_cast<int>(max_kept_attempts);
}
void drop_attempts(Connection& db, std::span<const DeliveryOutcome* const> written) {
    Array id, number;
    for (const DeliveryOutcome* o : written) {
        if (!drops_attempts(*o)) continue;
        id.add(o->delivery_id);
        number.add(o->attempt_number - static_cast<int>(max_kept_attempts));
    }
    if (id.size() > 0) db.run("drop_attempts", id, number);
}

// Those that were not ignored. `none_refused`: as $22 of the statement.
std::vector<const DeliveryOutcome*> record_some(Connection& db,
                                                std::span<const DeliveryOutcome* const> outcomes,
                                                bool none_refused) {
    Array id, number, made, next, due, ended, reason, disable, started, duration, status, error, ip, headers,
        answer, dns, connect, tls, first_byte, body, url;
    const Attempt none;
    for (const DeliveryOutcome* o : outcomes) {
        const Attempt& a = o->attempt ? *o->attempt : none;
        id.add(o->delivery_id);
        number.add(o->attempt_number);
        made.add(o->attempt.has_value());
        next.add(to_string(o->next));
        due.add(o->next_attempt_at);
        ended.add(o->ended_at);
        reason.add(o->reason);
        disable.add(o->disable_endpoint);
        started.add(a.started_at);
        duration.add(a.duration);
        status.add(a.status);
        error.add(a.error);
        ip.add(a.remote_ip);
        headers.add(a.request_headers);
        answer.add(Bytes{a.answer});
        dns.add(a.times.dns);
        connect.add(a.times.connect);
        tls.add(a.times.tls);
        first_byte.add(a.times.first_byte);
        body.add(sql::body_column(a));
        url.add(o->webhook_url.empty() ? std::nullopt : std::optional<std::string_view>(o->webhook_url));
    }
    std::vector<const DeliveryOutcome*> written;
    for (const Row row :
         db.run("record", id, number, made, next, due, ended, reason, disable, started, duration, status,
                error, ip, headers, answer, dns, connect, tls, first_byte, body, url, none_refused))
        written.push_back(outcomes[static_cast<std::size_t>(row.number(0) - 1)]);
    drop_attempts(db, written);
    return written;
}

}  // namespace

std::vector<DeliveryTask> Store::fire(std::span<const FiringGroup> groups, ClaimOnFiring* on_firing) {
    // Of several, those with terms are a transaction of their own: there would be two claims, and one may fail.
    if (!has_one_step(groups)) on_firing = nullptr;
    return write("fire", [&] {
        const sql::Boards boards(groups);
        std::vector<DeliveryTask> tasks, pushes;
        fire_plain(groups, boards, tasks, pushes, on_firing);
        fire_ruled(groups, boards, tasks, pushes, on_firing);
        tasks.insert(tasks.end(), pushes.begin(), pushes.end());
        return tasks;
    });
}

void Store::fire_plain(std::span<const FiringGroup> groups, const sql::Boards& boards,
                       std::vector<DeliveryTask>& tasks, std::vector<DeliveryTask>& pushes,
                       ClaimOnFiring* on_firing) {
    const std::vector<Fired> all = in_lock_order(groups);
    if (all.empty()) return;
    std::vector<std::span<const Fired>> parts{all};
    if (all.size() >= worth_two_backends && db_.size() > 1) {
        parts = {std::span(all).first(all.size() / 2), std::span(all).subspan(all.size() / 2)};
    }
    std::vector<std::future<Written>> others;
    for (const auto& part : std::span(parts).subspan(1)) {
        others.push_back(std::async(std::launch::async, [this, part, groups, &boards] {
            return fire_in_one(db_, part, groups, boards);
        }));
    }
    const bool any_late =
        std::ranges::any_of(groups, [](const FiringGroup& g) { return g.late.has_value(); });
    // If the answer to an attempt was lost, the sender finds its deliveries in the database: see Outbox.
    const auto few_at_once = [&](Connection& db) {
        if (all.size() > 1) return fire_few(db, all, groups, boards);
        const auto run = [&](const auto&... values) {
            return on_firing == nullptr ? db.first(read_fired, "fire_one", values...)
                                        : fire_and_claim(db, *on_firing, "fire_and_claim", values...);
        };
        return fire_one(run, all[0], groups[all[0].group], boards.id(all[0].group));
    };
    // If this throws, the others' futures wait for their end.
    Written written = all.size() <= few && !any_late
                          ? db_.repeatable_statement(Durability::power, few_at_once)
                          : fire_in_one(db_, parts.front(), groups, boards);
    for (auto& other : others) {
        Written more = other.get();
        written.deliveries.merge(more.deliveries);
        written.pushes.insert(written.pushes.end(), more.pushes.begin(), more.pushes.end());
    }
    pushes = std::move(written.pushes);
    for (const FiringGroup& group : groups) {
        for (const Firing& firing : group.firings) {
            const auto user = written.deliveries.find(firing.delivery_id);
            if (user != written.deliveries.end()) tasks.push_back({firing.delivery_id, 1, user->second});
        }
    }
}

std::vector<ClaimedDelivery> Store::claim(std::span<const DeliveryTask> tasks, Timestamp now,
                                          const Claim& claim) {
    Array ids, attempts;
    std::set<std::pair<Uuid, int>> seen;
    for (const DeliveryTask& task : tasks) {
        if (!seen.insert({task.delivery_id, task.attempt}).second) continue;
        ids.add(task.delivery_id);
        attempts.add(task.attempt);
    }
    if (seen.empty()) return {};
    return statement("claim", Durability::process, [&](Connection& db) {
        const auto read = or_skip("claim", sql::read_claimed);
        if (seen.size() == 1) {
            const auto& [id, attempt] = *seen.begin();
            return present(db.all(read, "claim_one", id, attempt, now, claim.lease_until, claim.owner,
                                  ids_of(claim.except), numbers_of(claim.slots)));
        }
        return present(db.all(read, "claim", ids, attempts, now, claim.lease_until, claim.owner,
                              ids_of(claim.except), numbers_of(claim.slots)));
    });
}

std::vector<ClaimedDelivery> Store::claim_due(Timestamp now, std::size_t limit, const Claim& claim) {
    return statement("claim_due", Durability::process, [&](Connection& db) {
        const auto read = or_skip("claim_due", sql::read_claimed);
        const Array except = ids_of(claim.except);
        if (!claim.slots)
            return present(db.all(read, "claim_due", now, limit, claim.lease_until, claim.owner, except));
        return present(db.all(read, "claim_due_of", now, limit, claim.lease_until, claim.owner, except,
                              numbers_of(claim.slots)));
    });
}

std::optional<Timestamp> Store::next_due(const std::optional<UserSlots>& slots) {
    return read("next_due", [&](Connection& db) {
        const auto time = [](const Row& row) { return sql::maybe_time(row, 0); };
        return slots ? *db.first(time, "next_due_of", numbers_of(slots)) : *db.first(time, "next_due");
    });
}

std::vector<ClaimedDelivery> Store::claim_lane(std::string_view lane, std::size_t limit, const Claim& claim) {
    return statement("claim_lane", Durability::process, [&](Connection& db) {
        return present(db.all(or_skip("claim_lane", sql::read_claimed), "claim_lane", lane, limit,
                              claim.lease_until, claim.owner));
    });
}

void Store::keep_alive(std::string_view owner, Timestamp, Duration alive_for) {
    statement("keep_alive", Durability::process,
              [&](Connection& db) { db.change("sender_alive", owner, alive_for); });
}

std::size_t Store::release_dead(Timestamp) {
    return transaction("release_dead", Durability::process,
                       [&](Connection& db) { return release(db, db.all(sql::read_text, "senders_dead")); });
}

std::size_t Store::prune_deliveries(Connection& db, Timestamp before, std::size_t limit) {
    return db.change("prune_deliveries", sql::end_id_until(before), before, limit);
}

void Store::prune_parts(Timestamp before, Timestamp now) {
    // Each run of a process is a member of its own.
    forget_members();
    db_.statement(Durability::process, [&](Connection& db) {
        return db.change("attempts_rotate", now, sql::end_id_until(before));
    });
}

std::vector<DisabledEndpoint> Store::record(std::span<const DeliveryOutcome> outcomes) {
    if (outcomes.empty()) return {};
    std::vector<const DeliveryOutcome*> written;
    std::vector<DisabledEndpoint> disabled = record(outcomes, written);
    MutexLock lock(tally_mutex_);
    if (!tally_.add(written, most_uncounted) && !std::exchange(is_tally_full_, true)) {
        log::error("too many endpoints wait to be counted; attempts to further ones are not",
                   {{"waiting", std::to_string(tally_.size())}});
    }
    return disabled;
}

std::vector<DisabledEndpoint> Store::record(std::span<const DeliveryOutcome> outcomes,
                                            std::vector<const DeliveryOutcome*>& written) {
    // One statement cannot change a row twice: a second outcome of a delivery goes into the next statement. That locks in
    // the order of keys too, but after all that the first has locked, so two senders may deadlock, which is rare: the one
    // that PostgreSQL aborts is retried.
    std::vector<std::vector<const DeliveryOutcome*>> rounds;
    std::unordered_map<Uuid, std::size_t> said;
    for (const DeliveryOutcome& outcome : outcomes) {
        const std::size_t round = said[outcome.delivery_id]++;
        if (round == rounds.size()) rounds.emplace_back();
        rounds[round].push_back(&outcome);
    }
    const bool any_refused = std::ranges::any_of(outcomes, is_refused);
    const bool any_push = std::ranges::any_of(outcomes, [](const auto& o) { return o.push_id.has_value(); });
    const bool any_drops = std::ranges::any_of(outcomes, drops_attempts);
    if (rounds.size() == 1 && !any_refused && !any_push && !any_drops) {
        // If its answer was lost, all of it may have been written. Written again, what was attempted or has ended is
        // ignored. What was put off is put off again; if a sender has claimed it meanwhile, another may do so too, and its
        // webhook comes twice, with the same id.
        return statement("record", Durability::process, [&](Connection& db) {
            written = record_some(db, rounds.front(), true);
            return std::vector<DisabledEndpoint>();
        });
    }
    return transaction("record", Durability::process, [&](Connection& db) {
        written.clear();
        for (const auto& round : rounds) {
            const auto some = record_some(db, round, false);
            written.insert(written.end(), some.begin(), some.end());
        }
        sql::note_pushes(db, written);
        return sql::count_refusals(db, written);
    });
}

std::size_t Store::uncounted() {
    MutexLock lock(tally_mutex_);
    return tally_.size();
}

void Store::count_calls() {
    const auto some = [&] {
        MutexLock lock(tally_mutex_);
        return tally_.take(counted_at_once);
    }();
    try {
        transaction("count_calls", Durability::process, [&](Connection& db) { sql::count_calls(db, some); });
    } catch (...) {
        MutexLock lock(tally_mutex_);
        tally_.add(some);
        throw;
    }
    MutexLock lock(tally_mutex_);
    is_tally_full_ = false;
}

}  // namespace pricewire::storage::postgres
