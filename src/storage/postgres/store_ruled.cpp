#include <algorithm>
#include <map>
#include <unordered_map>

#include "storage/postgres/pushed.hpp"
#include "storage/postgres/store.hpp"

// What alerts with terms do, set-based. One statement can change an alert only once, so each round has at most one step
// of each alert: its first, then its second.
namespace pricewire::storage::postgres {
namespace {

// Steps per statement, which have texts of a thousand bytes each.
constexpr std::size_t max_steps_at_once = 5'000;

template <typename Step>
struct At {
    const Step* step;
    std::size_t group;
};

struct Round {
    std::vector<At<RuledFiring>> firings;
    std::vector<At<StateNote>> notes;
    std::vector<At<Expiry>> expiries;
};

class Rounds {
public:
    explicit Rounds(std::span<const FiringGroup> groups) {
        for (std::size_t g = 0; g < groups.size(); ++g) {
            for (const RuledFiring& step : groups[g].ruled) next(step.alert_id).firings.push_back({&step, g});
            for (const StateNote& step : groups[g].notes) next(step.alert_id).notes.push_back({&step, g});
            for (const Expiry& step : groups[g].expiries) next(step.alert_id).expiries.push_back({&step, g});
        }
    }
    const std::vector<Round>& all() const { return rounds_; }
    // If it is the only step.
    const At<RuledFiring>* only_firing() const {
        if (rounds_.size() != 1) return nullptr;
        const Round& round = rounds_[0];
        const bool is_only = round.firings.size() == 1 && round.notes.empty() && round.expiries.empty();
        return is_only ? &round.firings[0] : nullptr;
    }
    Array alerts() const {
        Array out;
        for (const auto& [id, steps] : steps_) out.add(id);
        return out;
    }

private:
    Round& next(const Uuid& alert_id) {
        const std::size_t round = steps_[alert_id]++;
        if (round == rounds_.size()) rounds_.emplace_back();
        return rounds_[round];
    }

    std::vector<Round> rounds_;
    std::map<Uuid, std::size_t> steps_;
};

// What a transaction has written.
struct Ruled {
    std::span<const FiringGroup> groups;
    sql::Boards boards;
    std::vector<DeliveryTask> tasks = {};
    std::vector<DeliveryTask> pushes = {};
    std::map<Uuid, int> counts = {};
    std::map<Uuid, AlertChange> changes = {};         // the last of each alert
    std::vector<std::pair<Uuid, Uuid>> expired = {};  // users and alerts

    void change(AlertChange::Kind kind, const Uuid& id, std::string_view ticker) {
        changes.insert_or_assign(id, AlertChange{kind, {id, Ticker(ticker), Condition::lt, Decimal{}}});
    }
};

template <typename Step, typename Write>
void in_pieces(const std::vector<At<Step>>& steps, Write write) {
    for (std::size_t from = 0; from < steps.size(); from += max_steps_at_once)
        write(std::span(steps).subspan(from, std::min(max_steps_at_once, steps.size() - from)));
}

void write_firings(Connection& db, std::span<const At<RuledFiring>> firings, Ruled& out) {
    Array alert, delivery, revision, number, time, value, level, condition, evidence, not_before, rules,
        fired_at, late, board;
    std::unordered_map<Uuid, std::size_t> group_of;
    for (const auto& [f, g] : firings) {
        alert.add(f->alert_id);
        delivery.add(f->delivery_id);
        revision.add(f->revision);
        number.add(f->number);
        time.add(f->time);
        value.add(f->value);
        level.add(f->level);
        condition.add(to_string(f->condition));
        evidence.add(f->evidence);
        not_before.add(f->after.muted_until);
        rules.add(to_text(f->after.rules));
        fired_at.add(out.groups[g].fired_at);
        late.add(sql::late_text(out.groups[g]));
        board.add(out.boards.id(g));
        group_of.emplace(f->delivery_id, g);
    }
    for (const Row row : db.run("ruled_fire", alert, delivery, revision, number, time, value, level,
                                condition, evidence, not_before, rules, fired_at, late, board)) {
        const Uuid delivery_id = row.id(0);
        const Uuid user = row.id(1);
        const bool ends = row.flag(4);
        out.tasks.push_back({delivery_id, 1, user});
        if (ends) --out.counts[user];
        out.change(ends ? AlertChange::Kind::deleted : AlertChange::Kind::changed, row.id(2), row.text(3));
        out.boards.use(group_of.at(delivery_id));
    }
}

// Runs a statement with the values of a firing.
template <typename Run>
auto fire_one(Run run, const RuledFiring& f, const FiringGroup& group, const std::optional<Uuid>& board) {
    return run(f.alert_id, f.delivery_id, f.revision, f.number, f.time, f.value, f.level,
               to_string(f.condition), f.evidence, f.after.muted_until, to_text(f.after.rules),
               group.fired_at, sql::late_text(group), board, group.board, group.board_at);
}

void write_notes(Connection& db, std::span<const At<StateNote>> notes, Ruled& out) {
    Array alert, revision, firings;
    for (const auto& [n, g] : notes) {
        alert.add(n->alert_id);
        revision.add(n->revision);
        firings.add(n->firings);
    }
    Array changed, texts;
    for (const Row row : db.run("ruled_notes_lock", alert, revision, firings)) {
        const StateNote& n = *notes[static_cast<std::size_t>(row.number(0) - 1)].step;
        const auto stored = parse_rule_states(row.text(2));
        const auto rules = stored ? sql::merged(*stored, n.rules, row.time(3)) : std::nullopt;
        if (!rules || *rules == *stored) continue;
        changed.add(n.alert_id);
        texts.add(to_text(*rules));
        if (n.rearmed) out.change(AlertChange::Kind::changed, n.alert_id, row.text(1));
    }
    if (changed.size() > 0) db.run("ruled_notes", changed, texts);
}

void write_expiries(Connection& db, std::span<const At<Expiry>> expiries, Ruled& out) {
    Array alert, delivery, revision, expires_at, evidence, fired_at, price, price_time, board;
    std::unordered_map<Uuid, std::size_t> group_of;
    for (const auto& [e, g] : expiries) {
        const FiringGroup& group = out.groups[g];
        const Uuid id = e->delivery_id.value_or(make_uuid(group.fired_at));
        const auto [value, value_time] = sql::price_in_effect(group);
        alert.add(e->alert_id);
        delivery.add(id);
        revision.add(e->revision);
        expires_at.add(e->expires_at);
        evidence.add(e->evidence);
        fired_at.add(group.fired_at);
        price.add(value);
        price_time.add(value_time);
        board.add(out.boards.id(g));
        group_of.emplace(id, g);
    }
    for (const Row row : db.run("ruled_expire", alert, delivery, revision, expires_at, evidence, fired_at,
                                price, price_time, board)) {
        const Uuid user = row.id(1);
        --out.counts[user];
        out.change(AlertChange::Kind::deleted, row.id(2), row.text(3));
        out.expired.emplace_back(user, row.id(2));
        if (!row.flag(4)) continue;
        out.tasks.push_back({row.id(0), 1, user});
        out.boards.use(group_of.at(row.id(0)));
    }
}

}  // namespace

void Store::fire_ruled(std::span<const FiringGroup> groups, const sql::Boards& boards,
                       std::vector<DeliveryTask>& tasks, std::vector<DeliveryTask>& pushes,
                       ClaimOnFiring* on_firing) {
    const Rounds rounds(groups);
    if (rounds.all().empty()) return;
    if (const auto* only = rounds.only_firing()) {
        // If the answer to an attempt was lost, the row is no longer at k - 1.
        const auto written = db_.repeatable_statement(Durability::power, [&](Connection& db) {
            const auto run = [&](const auto&... values) {
                return on_firing == nullptr
                           ? db.first(read_fired, "ruled_fire_one", values...)
                           : fire_and_claim(db, *on_firing, "ruled_fire_and_claim", values...);
            };
            return fire_one(run, *only->step, groups[only->group], boards.id(only->group));
        });
        if (!written) return;
        const Uuid& id = only->step->delivery_id;
        tasks.push_back({id, 1, written->first});
        return add_pushes(pushes, id, written->first, written->second);
    }
    const auto written = db_.transaction(Durability::power, [&](Connection& db) {
        Ruled out{groups, boards};
        db.run("ruled_lock", rounds.alerts());
        for (const Round& round : rounds.all()) {
            in_pieces(round.firings, [&](auto some) { write_firings(db, some, out); });
            in_pieces(round.notes, [&](auto some) { write_notes(db, some, out); });
            in_pieces(round.expiries, [&](auto some) { write_expiries(db, some, out); });
        }
        // Users after all alerts: see the table.
        sql::count_active(db, out.counts);
        out.boards.write(db);
        std::vector<std::pair<Uuid, Uuid>> deliveries;
        for (const DeliveryTask& task : out.tasks) deliveries.emplace_back(task.delivery_id, task.user_id);
        out.pushes = write_pushes(db, deliveries);
        std::vector<Change> changes;
        for (const auto& [id, change] : out.changes) changes.push_back(change);
        if (!changes.empty()) db.notify(changes);
        return out;
    });
    tasks.insert(tasks.end(), written.tasks.begin(), written.tasks.end());
    pushes.insert(pushes.end(), written.pushes.begin(), written.pushes.end());
    tell_expired(written.expired);
}

}  // namespace pricewire::storage::postgres
