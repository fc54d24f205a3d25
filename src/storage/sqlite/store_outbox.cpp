#include <unordered_map>

#include "storage/sqlite/rows.hpp"
#include "storage/sqlite/store.hpp"

namespace pricewire::storage::sqlite {
namespace {

std::optional<ClaimedDelivery> claim_one(Connection& db, const Uuid& id, std::optional<int> attempt,
                                         Timestamp now, const Claim& claim) {
    auto claimed = first_row(with(db.statement("claimable"), id, now), [&](SQLite::Statement& s) {
        ClaimedDelivery out;
        out.id = id;
        out.attempt = s.getColumn(0).getInt() + 1;
        out.round = out.attempt - s.getColumn(1).getInt();
        out.kind = parse_delivery_kind(text_at(s, 2)).value_or(DeliveryKind::alert);
        out.created_at = time_at(s, 3);
        out.deadline = time_at(s, 4);
        out.secrets = read_secrets(s, 6);
        out.alert = read_alert(s, 9);
        if (out.kind == DeliveryKind::test) {
            out.alert.triggered_at = out.created_at;
            out.alert.triggered_price = decimal_at(s, 5);
        }
        return out;
    });
    if (!claimed || (attempt && *attempt != claimed->attempt)) return std::nullopt;
    with(db.statement("claim"), claim.lease_until, claim.owner, id).exec();
    return claimed;
}

std::size_t release(Connection& db, std::string_view owner) {
    with(db.statement("sender_forget"), owner).exec();
    return static_cast<std::size_t>(with(db.statement("release"), owner).exec());
}

// False where the outcome is of an attempt that the delivery is not at: then it changed nothing.
bool record_delivery(Connection& db, const DeliveryOutcome& outcome) {
    const int made = outcome.attempt ? 1 : 0;
    std::optional<Timestamp> finished;
    if (is_final(outcome.next)) finished = outcome.ended_at;
    if (with(db.statement("record_delivery"), to_string(outcome.next), made, outcome.next_attempt_at,
             finished, outcome.reason, outcome.delivery_id, outcome.attempt_number - 1)
            .exec() == 1)
        return true;
    // Cancelled meanwhile: the attempt was made all the same.
    if (made == 0 ||
        with(db.statement("record_cancelled"), outcome.delivery_id, outcome.attempt_number - 1).exec() == 0)
        return false;
    if (outcome.next == DeliveryState::delivered)
        with(db.statement("record_arrived"), outcome.ended_at, outcome.reason, outcome.delivery_id).exec();
    return true;
}

void record_attempt(Connection& db, const DeliveryOutcome& outcome) {
    const Attempt& a = *outcome.attempt;
    with(db.statement("record_attempt"), outcome.delivery_id, outcome.attempt_number, a.started_at,
         a.duration, a.status, a.error, a.remote_ip, a.request_headers, Bytes{a.answer}, a.times.dns,
         a.times.connect, a.times.tls, a.times.first_byte)
        .exec();
}

}  // namespace

std::vector<DeliveryTask> Store::fire(std::span<const FiringGroup> groups) {
    return writer_.run(Durability::power, [&](Connection& db, Events&) {
        std::vector<DeliveryTask> tasks;
        std::unordered_map<Uuid, std::int64_t> fired_of;
        for (const FiringGroup& group : groups) {
            for (const Firing& firing : group.firings) {
                with(db.statement("firing_add"), firing.alert_id, firing.delivery_id).exec();
            }
            auto& insert = with(db.statement("firing_deliveries"), group.fired_at);
            const Finish finish(insert);
            while (insert.executeStep()) {
                tasks.push_back({uuid_at(insert, 0), 1, uuid_at(insert, 1)});
                ++fired_of[tasks.back().user_id];
            }
            with(db.statement("firing_alerts"), group.fired_at, group.price.value).exec();
            db.statement("firing_clear").exec();
        }
        for (const auto& [user_id, count] : fired_of)
            with(db.statement("alerts_count_less"), count, user_id).exec();
        return tasks;
    });
}

std::vector<ClaimedDelivery> Store::claim(std::span<const DeliveryTask> tasks, Timestamp now,
                                          const Claim& claim) {
    return writer_.run(Durability::process, [&](Connection& db, Events&) {
        std::vector<ClaimedDelivery> out;
        for (const DeliveryTask& task : tasks) {
            auto claimed = claim_one(db, task.delivery_id, task.attempt, now, claim);
            if (claimed) out.push_back(std::move(*claimed));
        }
        return out;
    });
}

std::vector<ClaimedDelivery> Store::claim_due(Timestamp now, std::size_t limit, const Claim& claim) {
    return writer_.run(Durability::process, [&](Connection& db, Events&) {
        const auto due = all_rows(with(db.statement("due"), now, row_count(limit)),
                                  [](SQLite::Statement& s) { return uuid_at(s, 0); });
        std::vector<ClaimedDelivery> out;
        for (const Uuid& id : due) {
            auto claimed = claim_one(db, id, std::nullopt, now, claim);
            if (claimed) out.push_back(std::move(*claimed));
        }
        return out;
    });
}

std::optional<Timestamp> Store::next_due() {
    return readers_.run([](Connection& db) {
        return first_row(db.statement("next_due"), [](SQLite::Statement& s) { return maybe_time_at(s, 0); })
            .value_or(std::nullopt);
    });
}

DeliveryBacklog Store::backlog(Timestamp now, std::size_t most) {
    return readers_.run([&](Connection& db) {
        return first_row(with(db.statement("backlog"), now, row_count(most)),
                         [](SQLite::Statement& s) {
                             return DeliveryBacklog{
                                 .due = static_cast<std::size_t>(s.getColumn(0).getInt64()),
                                 .unfinished = static_cast<std::size_t>(s.getColumn(1).getInt64()),
                                 .oldest_due = maybe_time_at(s, 2)};
                         })
            .value();
    });
}

std::size_t Store::release_claims(std::string_view owner) {
    return writer_.run(Durability::process, [&](Connection& db, Events&) { return release(db, owner); });
}

void Store::keep_alive(std::string_view owner, Timestamp until) {
    writer_.run(Durability::process,
                [&](Connection& db, Events&) { with(db.statement("sender_alive"), owner, until).exec(); });
}

std::size_t Store::release_dead(Timestamp now) {
    return writer_.run(Durability::process, [&](Connection& db, Events&) {
        const auto dead = all_rows(with(db.statement("senders_dead"), now),
                                   [](SQLite::Statement& s) { return std::string(text_at(s, 0)); });
        std::size_t released = 0;
        for (const std::string& owner : dead) released += release(db, owner);
        return released;
    });
}

void Store::defer(std::span<const Deferral> deferrals) {
    writer_.run(Durability::process, [&](Connection& db, Events&) {
        for (const Deferral& d : deferrals)
            with(db.statement("defer"), d.until, d.lane, d.delivery_id, d.attempt_number - 1).exec();
    });
}

std::size_t Store::wake(std::string_view lane, Timestamp now, std::size_t limit) {
    return writer_.run(Durability::process, [&](Connection& db, Events&) {
        return static_cast<std::size_t>(with(db.statement("wake"), lane, now, row_count(limit)).exec());
    });
}

void Store::record(std::span<const DeliveryOutcome> outcomes) {
    writer_.run(Durability::process, [&](Connection& db, Events&) {
        for (const DeliveryOutcome& outcome : outcomes) {
            if (!record_delivery(db, outcome)) continue;
            if (outcome.attempt) record_attempt(db, outcome);
            if (outcome.disable_endpoint)
                with(db.statement("disable_endpoint"), outcome.ended_at, outcome.reason, outcome.delivery_id)
                    .exec();
        }
    });
}

void Store::save_breakers(std::span<const Breaker> breakers) {
    writer_.run(Durability::process, [&](Connection& db, Events&) {
        for (const Breaker& b : breakers) {
            if (b.state == BreakerState::closed) {
                with(db.statement("breaker_remove"), b.endpoint).exec();
            } else {
                with(db.statement("breaker_put"), b.endpoint, to_string(b.state), b.failures, b.retry_at,
                     b.reason, b.changed_at)
                    .exec();
            }
        }
    });
}

std::vector<Breaker> Store::breakers() {
    return readers_.run([](Connection& db) {
        return all_rows(db.statement("breakers_all"), [](SQLite::Statement& s) {
            return Breaker{
                std::string(text_at(s, 0)), parse_breaker_state(text_at(s, 1)).value_or(BreakerState::open),
                s.getColumn(2).getInt(),    maybe_time_at(s, 3),
                std::string(text_at(s, 4)), time_at(s, 5)};
        });
    });
}

}  // namespace pricewire::storage::sqlite
