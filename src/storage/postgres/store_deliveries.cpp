#include <algorithm>

#include "storage/postgres/rows.hpp"
#include "storage/postgres/store.hpp"

namespace pricewire::storage::postgres {
namespace {

// An id is made with the clock that tells its row's time, and is at most a second ahead of it, where many are
// made at once (make_uuid).
constexpr Duration id_slack = std::chrono::seconds{2};

// The first id of a moment's millisecond: ids are version 7 and begin with 48 bits of those, so that a range
// of times is a range of ids.
Uuid first_id_of(Timestamp time) {
    constexpr std::int64_t end = std::int64_t{1} << 48;
    const auto ms = std::chrono::floor<std::chrono::milliseconds>(time).time_since_epoch().count();
    Uuid id;
    if (ms >= end) return last_uuid();
    for (int i = 0; i < 6; ++i)
        id.bytes[static_cast<std::size_t>(i)] =
            static_cast<std::uint8_t>(std::max<std::int64_t>(ms, 0) >> (8 * (5 - i)));
    return id;
}

DeliveryView read_view(const Row& row) {
    DeliveryView view;
    view.id = uuid_at(row, 0);
    view.alert_id = uuid_at(row, 1);
    view.ticker = Ticker(text_at(row, 2));
    view.webhook_url = text_at(row, 3);
    view.kind = parse_delivery_kind(text_at(row, 4)).value_or(DeliveryKind::alert);
    view.state = parse_delivery_state(text_at(row, 5)).value_or(DeliveryState::pending);
    view.attempts = static_cast<int>(number_at(row, 6));
    view.created_at = time_at(row, 7);
    view.deadline = time_at(row, 8);
    if (view.state == DeliveryState::pending) view.next_attempt_at = maybe_time_at(row, 9);
    view.finished_at = maybe_time_at(row, 10);
    view.reason = text_at(row, 11);
    if (!null_at(row, 12)) view.last_status = static_cast<int>(number_at(row, 12));
    return view;
}

struct Mendable {
    DeliveryState state;
    int attempts;
};
// Locks it. Nullopt where there is no such delivery of that user, or the user is deleted.
std::optional<Mendable> mendable(Connection& db, const Uuid& user_id, const Uuid& delivery_id) {
    return first_row(db.run("delivery_lock", delivery_id, user_id), [](const Row& row) {
        return Mendable{parse_delivery_state(text_at(row, 0)).value_or(DeliveryState::pending),
                        static_cast<int>(number_at(row, 1))};
    });
}

}  // namespace

std::vector<DeliveryView> Store::deliveries(const Uuid& user_id, const DeliveryFilter& filter) {
    const Timestamp since = filter.since.value_or(Timestamp::min());
    const Timestamp until = filter.until.value_or(Timestamp::max());
    Uuid from;
    Uuid before = filter.before.value_or(last_uuid());
    if (filter.since && since > Timestamp::min() + id_slack) from = first_id_of(since - id_slack);
    if (filter.until && until < Timestamp::max() - id_slack)
        before = std::min(before, first_id_of(until + id_slack));
    std::optional<std::string_view> state;
    if (filter.state) state = to_string(*filter.state);
    return pool_.read([&](Connection& db) {
        if (filter.alert_id) {
            return all_rows(db.run("delivery_list_of_alert", user_id, from, before, since, until, state,
                                   filter.limit, *filter.alert_id),
                            read_view);
        }
        const bool missed =
            filter.state && is_final(*filter.state) && *filter.state != DeliveryState::delivered;
        return all_rows(db.run(missed ? "delivery_list_missed" : "delivery_list", user_id, from, before,
                               since, until, state, filter.limit),
                        read_view);
    });
}

std::optional<DeliveryView> Store::delivery(const Uuid& user_id, const Uuid& delivery_id) {
    return pool_.read(
        [&](Connection& db) { return first_row(db.run("delivery_get", delivery_id, user_id), read_view); });
}

std::vector<Attempt> Store::attempts_of(const Uuid& delivery_id) {
    return pool_.read([&](Connection& db) {
        return all_rows(db.run("attempts_of", delivery_id), [&](const Row& row) {
            Attempt attempt;
            attempt.delivery_id = delivery_id;
            attempt.number = static_cast<int>(number_at(row, 0));
            attempt.started_at = time_at(row, 1);
            attempt.duration = Duration{number_at(row, 2)};
            if (!null_at(row, 3)) attempt.status = static_cast<int>(number_at(row, 3));
            attempt.error = text_at(row, 4);
            attempt.remote_ip = text_at(row, 5);
            attempt.request_headers = text_at(row, 6);
            attempt.answer = bytes_at(row, 7);
            attempt.times = {maybe_duration_at(row, 8), maybe_duration_at(row, 9), maybe_duration_at(row, 10),
                             maybe_duration_at(row, 11)};
            return attempt;
        });
    });
}

std::expected<DeliveryTask, RetryError> Store::retry_delivery(const Uuid& user_id, const Uuid& delivery_id,
                                                              Timestamp now) {
    return pool_.transaction(Durability::power,
                             [&](Connection& db) -> std::expected<DeliveryTask, RetryError> {
                                 const auto found = mendable(db, user_id, delivery_id);
                                 if (!found) return std::unexpected(RetryError::not_found);
                                 if (found->state == DeliveryState::delivering)
                                     return std::unexpected(RetryError::under_way);
                                 db.run("deliveries_begin_anew", Array().add(delivery_id), now);
                                 return DeliveryTask{delivery_id, found->attempts + 1};
                             });
}

std::expected<void, CancelError> Store::cancel_delivery(const Uuid& user_id, const Uuid& delivery_id,
                                                        Timestamp now) {
    return pool_.transaction(Durability::power, [&](Connection& db) -> std::expected<void, CancelError> {
        const auto found = mendable(db, user_id, delivery_id);
        if (!found) return std::unexpected(CancelError::not_found);
        if (is_final(found->state)) return std::unexpected(CancelError::final);
        db.run("delivery_cancel", delivery_id, now);
        return {};
    });
}

std::vector<DeliveryTask> Store::recover_deliveries(const Uuid& user_id, Timestamp since, Timestamp now,
                                                    std::size_t limit) {
    const Uuid from = since > Timestamp::min() + id_slack ? first_id_of(since - id_slack) : Uuid{};
    return pool_.transaction(Durability::power, [&](Connection& db) {
        auto tasks =
            all_rows(db.run("deliveries_lock_failed", user_id, from, since, limit), [](const Row& row) {
                return DeliveryTask{uuid_at(row, 0), static_cast<int>(number_at(row, 1)) + 1};
            });
        Array ids;
        for (const DeliveryTask& task : tasks) ids.add(task.delivery_id);
        if (!tasks.empty()) db.run("deliveries_begin_anew", ids, now);
        return tasks;
    });
}

bool Store::add_test_delivery(const Uuid& user_id, const Uuid& alert_id, const Uuid& delivery_id,
                              Decimal price, Timestamp now) {
    return pool_.statement(Durability::power, [&](Connection& db) {
        return changed(db.run("test_insert", delivery_id, now, price, alert_id, user_id)) == 1;
    });
}

std::size_t Store::prune(Timestamp before, std::size_t limit) {
    return pool_.transaction(Durability::process, [&](Connection& db) {
        std::size_t removed =
            changed(db.run("prune_deliveries", first_id_of(before + id_slack), before, limit));
        for (const char* rest : {"prune_alerts", "prune_endpoints", "prune_users"}) {
            if (removed < limit) removed += changed(db.run(rest, limit - removed));
        }
        return removed;
    });
}

}  // namespace pricewire::storage::postgres
