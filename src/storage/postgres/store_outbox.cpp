#include <algorithm>
#include <future>
#include <map>
#include <set>
#include <tuple>
#include <unordered_map>

#include "storage/postgres/rows.hpp"
#include "storage/postgres/store.hpp"

namespace pricewire::storage::postgres {
namespace {

// Firings in one statement at most: so many take well under a statement's time, on a slow machine too, and
// all of a call's are one transaction.
constexpr std::size_t max_fired_at_once = 20'000;
// A backend works on one core: so many firings are done sooner by two, in a transaction each.
constexpr std::size_t worth_two_backends = 10'000;

struct Fired {
    Uuid alert_id;
    Uuid delivery_id;
    std::size_t group;  // its place
};

// Each alert once, by its first firing, in the order of their ids: see "fire" in the queries.
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

// Fires them; adds the deliveries it wrote with their users, and how many alerts each user has less.
void fire_some(Connection& db, std::span<const Fired> fired, std::span<const FiringGroup> groups,
               std::unordered_map<Uuid, Uuid>& written, std::map<Uuid, int>& less) {
    Array alerts, deliveries, times, prices;
    for (const Fired& f : fired) {
        alerts.add(f.alert_id);
        deliveries.add(f.delivery_id);
        times.add(groups[f.group].fired_at);
        prices.add(groups[f.group].price.value);
    }
    for (const Row& row : db.run("fire", alerts, deliveries, times, prices)) {
        const Uuid user = uuid_at(row, 1);
        written.emplace(uuid_at(row, 0), user);
        --less[user];
    }
}

// The deliveries it wrote, and whose they are.
std::unordered_map<Uuid, Uuid> fire_in_one(Pool& pool, std::span<const Fired> all,
                                           std::span<const FiringGroup> groups) {
    return pool.transaction(Durability::power, [&](Connection& db) {
        std::unordered_map<Uuid, Uuid> written;
        std::map<Uuid, int> less;
        for (std::size_t from = 0; from < all.size(); from += max_fired_at_once) {
            const auto some = all.subspan(from, std::min(max_fired_at_once, all.size() - from));
            fire_some(db, some, groups, written, less);
        }
        // Users after all alerts: see the table.
        Array users, counts;
        for (const auto& [user, count] : less) users.add(user), counts.add(count);
        if (!less.empty()) db.run("users_count", users, counts);
        return written;
    });
}

ClaimedDelivery read_claimed(const Row& row) {
    ClaimedDelivery out;
    out.id = uuid_at(row, 0);
    out.attempt = static_cast<int>(number_at(row, 1)) + 1;
    out.round = out.attempt - static_cast<int>(number_at(row, 2));
    out.kind = parse_delivery_kind(text_at(row, 3)).value_or(DeliveryKind::alert);
    out.created_at = time_at(row, 4);
    out.deadline = time_at(row, 5);
    out.secrets = read_secrets(row, 7);
    out.alert = read_alert(row, 10);
    if (out.kind == DeliveryKind::test) {
        out.alert.triggered_at = out.created_at;
        out.alert.triggered_price = decimal_at(row, 6);
    }
    return out;
}

void record_some(Connection& db, std::span<const DeliveryOutcome* const> outcomes) {
    Array id, number, made, next, due, ended, reason, disable, started, duration, status, error, ip, headers,
        answer, dns, connect, tls, first_byte;
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
    }
    db.run("record", id, number, made, next, due, ended, reason, disable, started, duration, status, error,
           ip, headers, answer, dns, connect, tls, first_byte);
}

}  // namespace

std::vector<DeliveryTask> Store::fire(std::span<const FiringGroup> groups) {
    const std::vector<Fired> all = in_lock_order(groups);
    std::vector<std::span<const Fired>> parts{all};
    if (all.size() >= worth_two_backends && pool_.size() > 1) {
        parts = {std::span(all).first(all.size() / 2), std::span(all).subspan(all.size() / 2)};
    }
    std::vector<std::future<std::unordered_map<Uuid, Uuid>>> others;
    for (const auto& part : std::span(parts).subspan(1)) {
        others.push_back(std::async(std::launch::async,
                                    [this, part, groups] { return fire_in_one(pool_, part, groups); }));
    }
    // Where this throws, the others' futures wait for their ends.
    std::unordered_map<Uuid, Uuid> written = fire_in_one(pool_, parts.front(), groups);
    for (auto& other : others) written.merge(other.get());
    std::vector<DeliveryTask> tasks;
    for (const FiringGroup& group : groups) {
        for (const Firing& firing : group.firings) {
            const auto user = written.find(firing.delivery_id);
            if (user != written.end()) tasks.push_back({firing.delivery_id, 1, user->second});
        }
    }
    return tasks;
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
    return pool_.statement(Durability::process, [&](Connection& db) {
        return all_rows(db.run("claim", ids, attempts, now, claim.lease_until, claim.owner), read_claimed);
    });
}

std::vector<ClaimedDelivery> Store::claim_due(Timestamp now, std::size_t limit, const Claim& claim) {
    return pool_.statement(Durability::process, [&](Connection& db) {
        return all_rows(db.run("claim_due", now, limit, claim.lease_until, claim.owner), read_claimed);
    });
}

std::optional<Timestamp> Store::next_due() {
    return pool_.read([](Connection& db) { return maybe_time_at(db.run("next_due")[0], 0); });
}

DeliveryBacklog Store::backlog(Timestamp now, std::size_t most) {
    return pool_.read([&](Connection& db) {
        const auto rows = db.run("backlog", now, most);
        return DeliveryBacklog{.due = static_cast<std::size_t>(number_at(rows[0], 0)),
                               .unfinished = static_cast<std::size_t>(number_at(rows[0], 1)),
                               .oldest_due = maybe_time_at(rows[0], 2)};
    });
}

std::size_t Store::release_claims(std::string_view owner) {
    return pool_.transaction(Durability::process, [&](Connection& db) {
        db.run("sender_forget", owner);
        return changed(db.run("release", Array().add(owner)));
    });
}

void Store::keep_alive(std::string_view owner, Timestamp until) {
    pool_.statement(Durability::process, [&](Connection& db) { db.run("sender_alive", owner, until); });
}

std::size_t Store::release_dead(Timestamp now) {
    return pool_.transaction(Durability::process, [&](Connection& db) -> std::size_t {
        Array dead;
        for (const Row& row : db.run("senders_dead", now)) dead.add(text_at(row, 0));
        return dead.size() == 0 ? 0 : changed(db.run("release", dead));
    });
}

void Store::defer(std::span<const Deferral> deferrals) {
    Array ids, attempts, until, lanes;
    std::set<std::pair<Uuid, int>> seen;
    for (const Deferral& d : deferrals) {
        if (!seen.insert({d.delivery_id, d.attempt_number}).second) continue;
        ids.add(d.delivery_id);
        attempts.add(d.attempt_number);
        until.add(d.until);
        lanes.add(d.lane);
    }
    if (seen.empty()) return;
    pool_.statement(Durability::process,
                    [&](Connection& db) { db.run("defer", ids, attempts, until, lanes); });
}

std::size_t Store::wake(std::string_view lane, Timestamp now, std::size_t limit) {
    return pool_.statement(Durability::process,
                           [&](Connection& db) { return changed(db.run("wake", lane, now, limit)); });
}

void Store::record(std::span<const DeliveryOutcome> outcomes) {
    if (outcomes.empty()) return;
    // One statement cannot change a row twice: what is said of a delivery again goes into the next one.
    std::vector<std::vector<const DeliveryOutcome*>> rounds;
    std::unordered_map<Uuid, std::size_t> said;
    for (const DeliveryOutcome& outcome : outcomes) {
        const std::size_t round = said[outcome.delivery_id]++;
        if (round == rounds.size()) rounds.emplace_back();
        rounds[round].push_back(&outcome);
    }
    pool_.transaction(Durability::process, [&](Connection& db) {
        for (const auto& round : rounds) record_some(db, round);
    });
}

void Store::save_breakers(std::span<const Breaker> breakers) {
    std::map<std::string_view, const Breaker*> last;
    for (const Breaker& b : breakers) last[b.endpoint] = &b;
    Array closed, endpoint, state, failures, retry_at, reason, changed_at;
    for (const auto& [name, b] : last) {
        if (b->state == BreakerState::closed) {
            closed.add(name);
            continue;
        }
        endpoint.add(name);
        state.add(to_string(b->state));
        failures.add(b->failures);
        retry_at.add(b->retry_at);
        reason.add(b->reason);
        changed_at.add(b->changed_at);
    }
    if (last.empty()) return;
    pool_.transaction(Durability::process, [&](Connection& db) {
        if (closed.size() > 0) db.run("breakers_remove", closed);
        if (endpoint.size() > 0)
            db.run("breakers_put", endpoint, state, failures, retry_at, reason, changed_at);
    });
}

std::vector<Breaker> Store::breakers() {
    return pool_.read([](Connection& db) {
        return all_rows(db.run("breakers_all"), [](const Row& row) {
            return Breaker{std::string(text_at(row, 0)),
                           parse_breaker_state(text_at(row, 1)).value_or(BreakerState::open),
                           static_cast<int>(number_at(row, 2)),
                           maybe_time_at(row, 3),
                           std::string(text_at(row, 4)),
                           time_at(row, 5)};
        });
    });
}

}  // namespace pricewire::storage::postgres
