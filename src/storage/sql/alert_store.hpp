#pragma once

#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "storage/sql/alert_columns.hpp"
#include "storage/sql/alert_rows.hpp"
#include "storage/sql/answers.hpp"
#include "storage/sql/bar_store.hpp"
#include "storage/sql/change.hpp"
#include "storage/sql/ratios.hpp"
#include "storage/sql/refusals.hpp"

namespace pricewire::storage::sql {

// Adds to the users' counts of active alerts. In a transaction, after alerts were locked.
template <typename Connection>
void count_active(Connection& db, const std::map<Uuid, int>& changes) {
    db.change_each("user_count", changes, [](const auto& user_and_change) { return user_and_change; });
}

// Alerts, in either database.
template <typename Db>
class AlertStore : public BarStore<Db> {
public:
    using Connection = typename Db::Connection;

    std::optional<Alert> alert(const Uuid& user_id, const Uuid& alert_id) override {
        return read("alert",
                    [&](Connection& db) { return db.first(read_alert, "alert_get", alert_id, user_id); });
    }
    std::vector<Alert> alerts(const Uuid& user_id, const AlertFilter& filter) override {
        std::optional<std::string_view> ticker;
        if (filter.ticker) ticker = filter.ticker->view();
        const auto row = with_id(or_skip("alerts", read_alert));
        return read("alerts", [&](Connection& db) {
            return page(
                filter.limit, filter.before.value_or(last_uuid()), [&](const Uuid& before, auto limit) {
                    if (filter.status)
                        return db.all(row, "alert_list_of_status", user_id, before, filter.is_active, ticker,
                                      limit, to_string(*filter.status), filter.now);
                    return db.all(row, "alert_list", user_id, before, filter.is_active, ticker, limit);
                });
        });
    }
    std::vector<Alert> changed_alerts(const Uuid& user_id, Timestamp since, std::size_t limit) override {
        return read("changed_alerts", [&](Connection& db) {
            return present(
                db.all(or_skip("changed_alerts", read_alert), "alert_list_changed", user_id, since, limit));
        });
    }
    std::vector<Uuid> deleted_alerts(const Uuid& user_id, Timestamp since, std::size_t limit) override {
        return read("deleted_alerts",
                    [&](Connection& db) { return db.all(read_id, "alerts_deleted", user_id, since, limit); });
    }
    bool delete_alert(const Uuid& user_id, const Uuid& alert_id,
                      Timestamp now = system_clock().now()) override {
        return transaction("delete_alert", Durability::power, [&](Connection& db) {
            const auto found = db.all(read_locked, "alert_lock", alert_id, user_id);
            delete_locked(db, user_id, found, now);
            return !found.empty();
        });
    }
    std::vector<UserEndpoint> endpoints(const Uuid& user_id, std::size_t limit,
                                        const std::optional<UserEndpoint>& after = {}) override {
        const bool enabled = after && !after->disabled_at;
        const std::string_view url = after ? std::string_view(after->webhook_url) : "";
        return read("endpoints", [&](Connection& db) {
            return db.all(read_endpoint, "endpoints", user_id, limit, enabled, url);
        });
    }
    std::optional<UserEndpoint> endpoint(const Uuid& user_id, std::string_view webhook_url) override {
        return read("endpoint", [&](Connection& db) {
            return db.first(read_endpoint, "endpoint_get", user_id, webhook_url);
        });
    }
    bool enable_endpoint(const Uuid& user_id, std::string_view webhook_url) override {
        return transaction("enable_endpoint", Durability::power, [&](Connection& db) {
            if (db.change("endpoint_enable", user_id, webhook_url) == 0) return false;
            forget_refusals(db, std::vector{EndpointKey{user_id, webhook_url}});
            return true;
        });
    }

    std::optional<StoredAnswer> stored_answer(const Uuid& user_id, std::string_view key,
                                              Timestamp now) override {
        return read("stored_answer", [&](Connection& db) {
            return db.first(read_answer, "answer_get", user_id, key, now - keep_answers);
        });
    }
    std::optional<Timestamp> key_room_at(const Uuid& user_id, Timestamp now, std::size_t most) override {
        const auto room_at = [](const auto& row) { return row.time(0) + keep_answers; };
        return read("key_room_at", [&](Connection& db) {
            return db.first(room_at, "answers_oldest_kept", user_id, now - keep_answers, most - 1);
        });
    }
    std::expected<Alert, ChangeAlertError> change_alert(const Uuid& user_id, const Uuid& alert_id,
                                                        const AlertEdit& edit,
                                                        const EditOptions& options) override {
        using Result = std::expected<Alert, ChangeAlertError>;
        return transaction("change_alert", Durability::power, [&](Connection& db) -> Result {
            // Locked first, so that the row read next is the latest one.
            db.first([](const auto&) { return true; }, "alert_lock", alert_id, user_id);
            const auto before = db.first(read_alert, "alert_get", alert_id, user_id);
            if (!before) return std::unexpected(ChangeAlertError::not_found);
            if (options.if_revision && *options.if_revision != before->state.revision)
                return std::unexpected(ChangeAlertError::stale);
            Alert wanted = *before;
            if (!edit(wanted)) return std::unexpected(ChangeAlertError::refused);
            const EditedAlert change = edited(*before, wanted, options.now);
            if (const auto why = refusal(db, change, options.limit)) return std::unexpected(*why);
            write_edit(db, *before, change, options.now);
            return change.after;
        });
    }
    std::size_t delete_alerts_of(const Uuid& user_id, Ticker ticker, bool dry_run,
                                 Timestamp now = system_clock().now()) override {
        if (dry_run) {
            return read("delete_alerts_of", [&](Connection& db) {
                return static_cast<std::size_t>(*db.first([](const auto& row) { return row.number(0); },
                                                          "alerts_count_of", user_id, ticker.view()));
            });
        }
        return write("delete_alerts_of", [&] {
            std::size_t deleted = 0;
            Uuid after{};
            const auto began = std::chrono::steady_clock::now();
            while (true) {
                const Timestamp at =
                    now + std::chrono::duration_cast<Duration>(std::chrono::steady_clock::now() - began);
                const auto step = [&](Connection& db) { return delete_some(db, user_id, ticker, at, after); };
                const std::size_t count = db_.transaction(Durability::power, step);
                deleted += count;
                if (count < max_deleted_at_once) return deleted;
            }
        });
    }
    std::vector<FiringView> firings(const Uuid& user_id, const Uuid& alert_id, std::size_t limit,
                                    std::optional<std::int64_t> before = {}) override {
        const auto view = [](const auto& row) { return read_firing_view(row, 0); };
        const std::int64_t end = before.value_or(std::numeric_limits<std::int64_t>::max());
        return read("firings", [&](Connection& db) {
            const auto read_one = or_skip("firings", view);
            auto found = present(db.all(read_one, "firings_of_rules", alert_id, user_id, end, limit));
            if (found.empty() && end > 1 && limit > 0)
                found = present(db.all(read_one, "firing_of_plain", alert_id, user_id));
            return found;
        });
    }
    std::optional<ActiveAlert> active_alert(const Uuid& alert_id) override {
        return read("active_alert",
                    [&](Connection& db) { return db.first(read_active_alert, "alert_active", alert_id); });
    }

protected:
    using BarStore<Db>::BarStore;
    using StoreBase<Db>::db_;
    using StoreBase<Db>::or_skip;
    using StoreBase<Db>::page;
    using StoreBase<Db>::present;
    using StoreBase<Db>::read;
    using StoreBase<Db>::transaction;
    using StoreBase<Db>::with_id;
    using StoreBase<Db>::write;

    // Writes the states of alerts with terms. A row's last firing stays what it was.
    template <typename Alerts>
    static void put_states(Connection& db, const Alerts& alerts) {
        db.change_each("state_put", alerts, [](const Alert* a) {
            std::optional<std::string_view> ended;
            if (a->ended) ended = to_string(*a->ended);
            std::optional<std::string> late;
            if (a->late) late = to_text(*a->late);
            const AlertState& state = a->state;
            return std::tuple(
                a->id, a->user_id, state.firings, times_of(*a->terms), to_text(state.rules), a->begun_at,
                state.muted_until, state.snoozed_until, state.starts_at, state.expires_at,
                a->notify_on_expiry, ended, a->triggered_at, a->triggered_price, late,
                a->is_active ? other_tickers(*a->terms) : std::string(), ratio_pairs(*a->terms));
        });
    }

private:
    static constexpr std::size_t max_deleted_at_once = 5'000;

    // An alert as its deletion is reported, and whether it was active.
    using Locked = std::pair<ActiveAlert, bool>;
    static constexpr auto read_locked = [](const auto& row) {
        return Locked(read_plain_active(row), row.flag(4));
    };

    void delete_locked(Connection& db, const Uuid& user_id, const std::vector<Locked>& alerts,
                       Timestamp now) {
        const auto id = [](const Locked& locked) { return std::tie(locked.first.id); };
        db.change_each("alert_delete", alerts, id, now);
        db.change_each("state_forget", alerts, id);
        std::vector<Change> changes;
        for (const auto& [alert, was_active] : alerts) {
            if (was_active) changes.push_back(AlertChange{AlertChange::Kind::deleted, alert});
        }
        if (changes.empty()) return;
        count_active(db, {{user_id, -static_cast<int>(changes.size())}});
        db.notify(changes);
    }
    // Deletes the next ones after an id, which is set to the last of them.
    std::size_t delete_some(Connection& db, const Uuid& user_id, Ticker ticker, Timestamp now, Uuid& after) {
        const auto found =
            db.all(read_locked, "alerts_lock_of", user_id, after, ticker.view(), max_deleted_at_once);
        delete_locked(db, user_id, found, now);
        if (!found.empty()) after = found.back().first.id;
        return found.size();
    }

    static std::optional<ChangeAlertError> refusal(Connection& db, const EditedAlert& change,
                                                   std::size_t limit) {
        const Alert& after = change.after;
        const auto there = [](const auto&) { return true; };
        if ((change.other_url || change.switched_on) &&
            db.first(there, "endpoint_disabled", after.user_id, after.webhook_url))
            return ChangeAlertError::endpoint_disabled;
        const RuleColumns said = rule_columns(after);
        if (after.is_active && (change.other_identity || change.switched_on) &&
            db.first(there, "alert_identical", after.user_id, after.ticker.view(),
                     to_string(said.same_condition()), said.same_target(), after.webhook_url, said.key,
                     after.id))
            return ChangeAlertError::duplicate;
        const bool is_compared = after.is_active && (change.is_new_rule || change.switched_on) &&
                                 after.terms && rule::has_ratios(*after.terms);
        if (!change.switched_on && !is_compared) return std::nullopt;
        const auto is_full = [&](const auto& row) {
            return row.flag(1) || static_cast<std::size_t>(row.number(0)) >= limit;
        };
        // Locks the user, too.
        const bool full = db.first(is_full, "alerts_active_count", after.user_id).value_or(true);
        if (full && change.switched_on) return ChangeAlertError::limit_reached;
        if (is_compared && !compared_by(db, after.user_id, after.id).take(*after.terms))
            return ChangeAlertError::ratios_full;
        return std::nullopt;
    }

    static void write_edit(Connection& db, const Alert& before, const EditedAlert& change, Timestamp now) {
        const Alert& after = change.after;
        if (!before.terms && after.terms) {
            if (before.triggered_at) {
                for (const char* adopt : {"delivery_adopt", "pushes_adopt"})
                    db.change(adopt, after.id, before.triggered_price, before.target,
                              to_string(before.condition));
            }
            db.change("tests_adopt", after.id);
        }
        if (change.is_new_rule)
            db.change("rule_replaced", after.id, before.state.revision, canonical_of(before), now);
        const RuleColumns said = rule_columns(after);
        std::optional<std::string_view> body, type, plain_condition;
        if (after.custom) body = after.custom->body;
        if (after.custom) type = after.custom->content_type;
        if (said.plain_condition) plain_condition = to_string(*said.plain_condition);
        db.change("alert_edit", after.id, after.ticker.view(), to_string(said.condition), said.target,
                  after.webhook_url, after.is_active, to_string(after.format), body, type, after.note,
                  after.deliver_within, after.recover, after.message, said.rule, said.key, plain_condition,
                  said.plain_target, after.state.revision, now);
        if (after.terms) put_states(db, std::vector{&after});
        if (after.is_active != before.is_active)
            count_active(db, {{after.user_id, after.is_active ? 1 : -1}});
        if (change.other_state) db.notify(changes_of(before, after));
    }
    static std::vector<Change> changes_of(const Alert& before, const Alert& after) {
        using Kind = AlertChange::Kind;
        std::vector<Change> out;
        if (before.is_active && (!before.terms || !after.is_active))
            out.push_back(AlertChange{Kind::deleted, last_part(before)});
        if (after.is_active)
            out.push_back(AlertChange{before.is_active ? Kind::changed : Kind::created, active_part(after)});
        return out;
    }
};

}  // namespace pricewire::storage::sql
