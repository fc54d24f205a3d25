#include <map>
#include <optional>

#include "storage/sqlite/store.hpp"

// What alerts with terms do, one after the other, by conditional updates.
namespace pricewire::storage::sqlite {
namespace {

// The tickers of alerts that have fired for the last time; of others what has become of them is read.
using Changed = std::map<Uuid, std::optional<Ticker>>;

// Writes the alert's own row if it ends, or if this is its first delivery.
void note_delivery(Connection& db, const Uuid& alert_id, bool ends, const std::optional<Uuid>& delivery_id) {
    db.change("ruled_alert", alert_id, ends ? 0 : 1, delivery_id);
}

struct Firable {
    Uuid user_id;
    Ticker ticker;
    bool is_last;
    bool is_first;  // with a delivery
    bool has_devices;
};
constexpr auto read_firable = [](const Row& row) {
    return Firable{row.id(0), Ticker(row.text(1)), row.flag(2), row.flag(3), row.flag(4)};
};

bool fire_one(Connection& db, const FiringGroup& group, const RuledFiring& f,
              const std::optional<Uuid>& board, Fired& out, Changed& changed) {
    const auto found = db.first(read_firable, "ruled_firable", f.alert_id, f.revision, f.number, f.time);
    if (!found) return false;
    const auto late = sql::late_text(group);
    const int ends = found->is_last ? 1 : 0;
    db.change("ruled_state", f.alert_id, f.number, f.after.muted_until, to_text(f.after.rules),
              group.fired_at, f.value, late, ends);
    const std::optional<std::int64_t> number = f.number;
    const auto [state, due_at, owner] = out.start_of(found->user_id, group.fired_at);
    db.change("ruled_delivery", f.delivery_id, f.alert_id, "ruled", group.fired_at, late, number, f.value,
              f.time, board, f.level, to_string(f.condition), f.evidence, state, due_at, owner,
              group.fired_at);
    if (found->is_last || found->is_first) note_delivery(db, f.alert_id, found->is_last, f.delivery_id);
    out.add({f.delivery_id, 1, found->user_id}, found->has_devices);
    changed[f.alert_id] = found->is_last ? std::optional(found->ticker) : std::nullopt;
    if (found->is_last) --out.counts[found->user_id];
    return true;
}

void write_note(Connection& db, const StateNote& note, Changed& changed) {
    const auto found =
        db.first([](const Row& row) { return std::pair(parse_rule_states(row.text(0)), row.time(1)); },
                 "ruled_note_lock", note.alert_id, note.revision, note.firings);
    if (!found || !found->first) return;
    const auto& [stored, begun_at] = *found;
    const auto rules = sql::merged(*stored, note.rules, begun_at);
    if (!rules || *rules == *stored) return;
    db.change("ruled_note", note.alert_id, to_text(*rules));
    if (note.rearmed) changed[note.alert_id].reset();
}

bool expire_one(Connection& db, const FiringGroup& group, const Expiry& e, const std::optional<Uuid>& board,
                Fired& out, Changed& changed) {
    const auto told = db.first([](const Row& row) { return std::pair(row.id(0), row.flag(1)); },
                               "ruled_expiry", e.alert_id, e.revision, e.expires_at);
    if (!told) return false;
    const auto& [user, notify] = *told;
    std::optional<Uuid> delivery;
    if (notify) {
        delivery = e.delivery_id.value_or(make_uuid(group.fired_at));
        const auto [price, time] = sql::price_in_effect(group);
        const std::optional<std::string_view> none;
        const auto [state, due_at, owner] = out.start_of(user, group.fired_at);
        db.change("ruled_delivery", *delivery, e.alert_id, to_string(DeliveryKind::expired), group.fired_at,
                  none, std::optional<std::int64_t>(), price, time, board, std::optional<Decimal>(), none,
                  e.evidence, state, due_at, owner, e.expires_at);
        out.add({*delivery, 1, user});
    }
    note_delivery(db, e.alert_id, true, delivery);
    db.change("alert_changed", e.alert_id, group.fired_at);
    --out.counts[user];
    out.expired.emplace_back(user, e.alert_id);
    changed[e.alert_id].reset();
    return notify;
}

}  // namespace

void Store::fire_ruled(Connection& db, std::span<const FiringGroup> groups, sql::Boards& boards, Fired& out) {
    Changed changed;
    for (std::size_t g = 0; g < groups.size(); ++g) {
        bool any = false;
        for (const RuledFiring& firing : groups[g].ruled)
            any |= fire_one(db, groups[g], firing, boards.id(g), out, changed);
        for (const StateNote& note : groups[g].notes) write_note(db, note, changed);
        for (const Expiry& expiry : groups[g].expiries)
            any |= expire_one(db, groups[g], expiry, boards.id(g), out, changed);
        if (any) boards.use(g);
    }
    std::vector<Change> changes;
    // One that cannot be read is no longer matched, as after a start; the firings of others are written.
    const auto read_active = or_skip("fire", sql::read_active_alert);
    const auto is_gone = [&](ActiveAlert alert) {
        changes.push_back(AlertChange{AlertChange::Kind::deleted, std::move(alert)});
    };
    for (const auto& [id, ended] : changed) {
        if (ended) {
            is_gone({id, *ended, Condition::lt, Decimal{}});
        } else if (auto active = db.first(read_active, "alert_active", id); active && *active) {
            changes.push_back(AlertChange{AlertChange::Kind::changed, std::move(**active)});
        } else {
            is_gone(*db.first(sql::read_plain_active, "alert_part", id));
        }
    }
    db.notify(changes);
}

}  // namespace pricewire::storage::sqlite
