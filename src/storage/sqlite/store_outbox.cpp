#include <algorithm>
#include <map>
#include <set>
#include <tuple>

#include "storage/sqlite/store.hpp"

namespace pricewire::storage::sqlite {
namespace {

// False if the delivery is not at the outcome's attempt; then nothing was changed.
bool record_delivery(Connection& db, const DeliveryOutcome& outcome) {
    const int made = outcome.attempt ? 1 : 0;
    std::optional<Timestamp> finished;
    if (is_final(outcome.next)) finished = outcome.ended_at;
    if (db.change("record_delivery", to_string(outcome.next), made, outcome.next_attempt_at, finished,
                  outcome.reason, outcome.delivery_id, outcome.attempt_number - 1) == 1)
        return true;
    // It may have been cancelled in the meantime: the attempt was made all the same.
    if (made == 0 || db.change("record_cancelled", outcome.delivery_id, outcome.attempt_number - 1) == 0)
        return false;
    if (outcome.next == DeliveryState::delivered)
        db.change("record_arrived", outcome.ended_at, outcome.reason, outcome.delivery_id);
    return true;
}

bool passed_over(const Claim& claim, const Uuid& user_id) {
    if (!claim.is_of_slots(user_id)) return true;
    return std::find(claim.except.begin(), claim.except.end(), user_id) != claim.except.end();
}

std::vector<Uuid> due(Connection& db, Timestamp now, std::size_t limit, const Claim& claim) {
    std::vector<Uuid> ids;
    if (limit == 0) return ids;
    const std::set<Uuid> except(claim.except.begin(), claim.except.end());
    db.each(
        [&](const Row& row) {
            const Uuid user = row.id(1);
            if (claim.is_of_slots(user) && !except.contains(user)) ids.push_back(row.id(0));
            return ids.size() < limit;
        },
        "due", now);
    return ids;
}

void record_attempt(Connection& db, const DeliveryOutcome& outcome) {
    const Attempt& a = *outcome.attempt;
    db.change("record_attempt", outcome.delivery_id, outcome.attempt_number, a.started_at, a.duration,
              a.status, a.error, a.remote_ip, a.request_headers, Bytes{a.answer}, a.times.dns,
              a.times.connect, a.times.tls, a.times.first_byte, sql::body_column(a));
    const int kept = static_cast<int>(max_kept_attempts);
    if (outcome.attempt_number > kept)
        db.change("drop_attempts", outcome.delivery_id, outcome.attempt_number - kept);
}

// Up to this many are fired one by one: putting them into a table first takes longer.
constexpr std::size_t few = 16;

// Not with RETURNING, for which SQLite makes a table each time.
void fire_one(Connection& db, const Firing& firing, const FiringGroup& group,
              const std::optional<Uuid>& board, Fired& out) {
    const auto found = db.first([](const Row& row) { return std::pair(row.id(0), row.flag(1)); },
                                "firing_user", firing.alert_id);
    if (!found) return;
    const auto& [user, has_devices] = *found;
    const auto [state, due_at, owner] = out.start_of(user, group.fired_at);
    db.change("firing_delivery", group.fired_at, sql::late_text(group), group.price.value, group.price.time,
              board, firing.delivery_id, firing.alert_id, state, due_at, owner);
    db.change("firing_alert", group.fired_at, group.price.value, sql::late_text(group), firing.delivery_id,
              firing.alert_id);
    out.add({firing.delivery_id, 1, user}, has_devices);
    --out.counts[user];
}

// Fires the alerts in the plain form of a group, set-based.
void fire_plain(Connection& db, const FiringGroup& group, const std::optional<Uuid>& board, Fired& out) {
    if (group.firings.size() <= few) {
        for (const Firing& firing : group.firings) fire_one(db, firing, group, board, out);
        return;
    }
    for (const Firing& firing : group.firings) db.change("firing_add", firing.alert_id, firing.delivery_id);
    db.each(
        [&](const Row& row) {
            out.add({row.id(0), 1, row.id(1)});
            --out.counts[out.tasks.back().user_id];
            return true;
        },
        "firing_deliveries", group.fired_at, sql::late_text(group), group.price.value, group.price.time,
        board);
    db.change("firing_alerts", group.fired_at, group.price.value, sql::late_text(group));
    db.change("firing_clear");
}

// Beside each delivery one for each device of its user; their tasks come last.
void write_pushes(Connection& db, Fired& out) {
    std::map<Uuid, std::vector<Uuid>> devices;  // by user
    for (const Uuid& user : out.users_with_devices) devices[user] = db.all(sql::read_id, "devices", user);
    if (devices.empty()) return;
    const std::size_t webhooks = out.tasks.size();
    for (std::size_t i = 0; i < webhooks; ++i) {
        const DeliveryTask task = out.tasks[i];
        const auto known = devices.find(task.user_id);
        if (known == devices.end()) continue;
        for (const Uuid& device : known->second) {
            const Uuid id = sql::push_delivery_id(task.delivery_id, device);
            db.change("push_delivery", id, device, task.delivery_id);
            out.tasks.push_back({id, 1, task.user_id, true});
        }
    }
}

// How many deliveries of webhooks a call may write.
std::size_t most_deliveries(std::span<const FiringGroup> groups) {
    std::size_t count = 0;
    for (const FiringGroup& group : groups)
        count += group.firings.size() + group.ruled.size() + group.expiries.size();
    return count;
}

}  // namespace

Fired::Start Fired::start_of(const Uuid& user, Timestamp fired_at) const {
    if (claim == nullptr || passed_over(*claim, user))
        return {to_string(DeliveryState::pending), fired_at, {}};
    return {to_string(DeliveryState::delivering), claim->lease_until, claim->owner};
}

std::optional<ClaimedDelivery> Store::claim_one(Connection& db, const char* method, const Uuid& id,
                                                std::optional<int> attempt, Timestamp now,
                                                const Claim& claim) {
    auto claimed = db.first(or_skip(method, sql::read_claimed), "claimable", id, now);
    if (!claimed) return std::nullopt;
    if (*claimed && attempt && *attempt != (*claimed)->attempt) return std::nullopt;
    if (*claimed && passed_over(claim, (*claimed)->alert.user_id)) return std::nullopt;
    db.change("claim", claim.lease_until, claim.owner, id);
    return std::move(*claimed);
}

std::vector<DeliveryTask> Store::fire(std::span<const FiringGroup> groups, ClaimOnFiring* on_firing) {
    const bool is_claimed = on_firing != nullptr && most_deliveries(groups) <= few;
    auto written = transaction("fire", Durability::power, [&](Connection& db) {
        Fired out;
        if (is_claimed) out.claim = &on_firing->claim;
        sql::Boards boards(groups);
        for (std::size_t g = 0; g < groups.size(); ++g) {
            const std::size_t before = out.tasks.size();
            if (!groups[g].firings.empty()) fire_plain(db, groups[g], boards.id(g), out);
            if (out.tasks.size() > before) boards.use(g);
        }
        fire_ruled(db, groups, boards, out);
        boards.write(db);
        sql::count_active(db, out.counts);
        write_pushes(db, out);
        if (is_claimed && !out.tasks.empty()) read_claimed(db, out.tasks, *on_firing);
        return out;
    });
    tell_expired(written.expired);
    return std::move(written.tasks);
}

// Webhooks are written claimed; of pushes, which follow them, those of few devices are claimed here.
void Store::read_claimed(Connection& db, std::span<const DeliveryTask> tasks, ClaimOnFiring& on_firing) {
    ++on_firing.tries;
    const auto pushes = tasks.subspan(webhooks_of(tasks).size());
    for (const DeliveryTask& task : webhooks_of(tasks)) {
        if (passed_over(on_firing.claim, task.user_id)) continue;
        auto claimed =
            db.first(or_skip("fire", sql::read_claimed), "claimable", task.delivery_id, Timestamp::max());
        if (claimed && *claimed) on_firing.claimed.push_back(std::move(**claimed));
    }
    for (const DeliveryTask& task : pushes.first(std::min(pushes.size(), few))) {
        auto claimed =
            claim_one(db, "fire", task.delivery_id, task.attempt, Timestamp::max(), on_firing.claim);
        if (claimed) on_firing.claimed.push_back(std::move(*claimed));
    }
    if (on_firing.before_commit && !on_firing.claimed.empty()) on_firing.before_commit(on_firing.claimed);
}

std::vector<ClaimedDelivery> Store::claim(std::span<const DeliveryTask> tasks, Timestamp now,
                                          const Claim& claim) {
    return transaction("claim", Durability::process, [&](Connection& db) {
        std::vector<ClaimedDelivery> out;
        for (const DeliveryTask& task : tasks) {
            auto claimed = claim_one(db, "claim", task.delivery_id, task.attempt, now, claim);
            if (claimed) out.push_back(std::move(*claimed));
        }
        return out;
    });
}

std::vector<ClaimedDelivery> Store::claim_due(Timestamp now, std::size_t limit, const Claim& claim) {
    return transaction("claim_due", Durability::process, [&](Connection& db) {
        std::vector<ClaimedDelivery> out;
        for (const Uuid& id : due(db, now, limit, claim)) {
            auto claimed = claim_one(db, "claim_due", id, std::nullopt, now, claim);
            if (claimed) out.push_back(std::move(*claimed));
        }
        return out;
    });
}

std::optional<Timestamp> Store::next_due(const std::optional<UserSlots>& slots) {
    return read("next_due", [&](Connection& db) {
        std::optional<Timestamp> out;
        db.each(
            [&](const Row& row) {
                if (!slots || slots->test(user_slot(row.id(1)))) out = row.time(0);
                return !out;
            },
            "next_due");
        return out;
    });
}

void Store::keep_alive(std::string_view owner, Timestamp now, Duration alive_for) {
    statement("keep_alive", Durability::process,
              [&](Connection& db) { db.change("sender_alive", owner, now + alive_for); });
}

std::size_t Store::release_dead(Timestamp now) {
    return transaction("release_dead", Durability::process, [&](Connection& db) {
        return release(db, db.all(sql::read_text, "senders_dead", now));
    });
}

std::vector<ClaimedDelivery> Store::claim_lane(std::string_view lane, std::size_t limit, const Claim& claim) {
    return transaction("claim_lane", Durability::process, [&](Connection& db) {
        std::vector<ClaimedDelivery> out;
        for (const Uuid& id : db.all(sql::read_id, "in_lane", lane, limit)) {
            auto claimed = claim_one(db, "claim_lane", id, std::nullopt, Timestamp::max(), claim);
            if (claimed) out.push_back(std::move(*claimed));
        }
        return out;
    });
}

std::vector<DisabledEndpoint> Store::record(std::span<const DeliveryOutcome> outcomes) {
    return transaction("record", Durability::process, [&](Connection& db) {
        std::vector<const DeliveryOutcome*> written;
        for (const DeliveryOutcome& outcome : outcomes) {
            if (!record_delivery(db, outcome)) continue;
            written.push_back(&outcome);
            if (outcome.attempt) record_attempt(db, outcome);
            if (outcome.disable_endpoint)
                db.change("disable_endpoint", outcome.ended_at, outcome.reason, outcome.delivery_id);
        }
        sql::EndpointTally tally;
        tally.add(written);
        sql::count_calls(db, tally);
        sql::note_pushes(db, written);
        return sql::count_refusals(db, written);
    });
}

std::size_t Store::prune_deliveries(Connection& db, Timestamp before, std::size_t limit) {
    const auto old = db.all([](const Row& row) { return std::pair(row.id(0), row.id(1)); },
                            "prunable_deliveries", sql::end_id_until(before), before, limit);
    for (const auto& [id, alert_id] : old) {
        db.change("prune_attempts", id);
        db.change("prune_link", alert_id, id);
        db.change("prune_delivery", id);
    }
    return old.size();
}

}  // namespace pricewire::storage::sqlite
