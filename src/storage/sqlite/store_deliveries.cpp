#include <algorithm>

#include "storage/sqlite/rows.hpp"
#include "storage/sqlite/store.hpp"

namespace pricewire::storage::sqlite {
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

DeliveryView read_view(SQLite::Statement& s) {
    DeliveryView view;
    view.id = uuid_at(s, 0);
    view.alert_id = uuid_at(s, 1);
    view.ticker = Ticker(text_at(s, 2));
    view.webhook_url = text_at(s, 3);
    view.kind = parse_delivery_kind(text_at(s, 4)).value_or(DeliveryKind::alert);
    view.state = parse_delivery_state(text_at(s, 5)).value_or(DeliveryState::pending);
    view.attempts = s.getColumn(6).getInt();
    view.created_at = time_at(s, 7);
    view.deadline = time_at(s, 8);
    if (view.state == DeliveryState::pending) view.next_attempt_at = maybe_time_at(s, 9);
    view.finished_at = maybe_time_at(s, 10);
    view.reason = text_at(s, 11);
    if (!s.isColumnNull(12)) view.last_status = s.getColumn(12).getInt();
    return view;
}

const char* listing(const DeliveryFilter& filter) {
    if (filter.alert_id) return "delivery_list_of_alert";
    if (filter.state && is_final(*filter.state) && *filter.state != DeliveryState::delivered)
        return "delivery_list_missed";
    return "delivery_list";
}

struct Mendable {
    DeliveryState state;
    int attempts;
};
// Nullopt where there is no such delivery of that user, or the user is deleted.
std::optional<Mendable> mendable(Connection& db, const Uuid& user_id, const Uuid& delivery_id) {
    return first_row(with(db.statement("delivery_mendable"), delivery_id, user_id), [](SQLite::Statement& s) {
        return Mendable{parse_delivery_state(text_at(s, 0)).value_or(DeliveryState::pending),
                        s.getColumn(1).getInt()};
    });
}

DeliveryTask begin_anew(Connection& db, const Uuid& id, int attempts, Timestamp now) {
    with(db.statement("delivery_begin_anew"), now, id).exec();
    return {id, attempts + 1};
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
    return readers_.run([&](Connection& db) {
        auto& select = with(db.statement(listing(filter)), user_id, from, before, since, until, state,
                            row_count(filter.limit));
        if (filter.alert_id) bind_one(select, 8, *filter.alert_id);
        return all_rows(select, read_view);
    });
}

std::optional<DeliveryView> Store::delivery(const Uuid& user_id, const Uuid& delivery_id) {
    return readers_.run([&](Connection& db) {
        return first_row(with(db.statement("delivery_get"), delivery_id, user_id), read_view);
    });
}

std::vector<Attempt> Store::attempts_of(const Uuid& delivery_id) {
    return readers_.run([&](Connection& db) {
        return all_rows(with(db.statement("attempts_of"), delivery_id), [&](SQLite::Statement& s) {
            Attempt attempt;
            attempt.delivery_id = delivery_id;
            attempt.number = s.getColumn(0).getInt();
            attempt.started_at = time_at(s, 1);
            attempt.duration = Duration{s.getColumn(2).getInt64()};
            if (!s.isColumnNull(3)) attempt.status = s.getColumn(3).getInt();
            attempt.error = text_at(s, 4);
            attempt.remote_ip = text_at(s, 5);
            attempt.request_headers = text_at(s, 6);
            attempt.answer = bytes_at(s, 7);
            attempt.times = {maybe_duration_at(s, 8), maybe_duration_at(s, 9), maybe_duration_at(s, 10),
                             maybe_duration_at(s, 11)};
            return attempt;
        });
    });
}

std::expected<DeliveryTask, RetryError> Store::retry_delivery(const Uuid& user_id, const Uuid& delivery_id,
                                                              Timestamp now) {
    return writer_.run(Durability::power,
                       [&](Connection& db, Events&) -> std::expected<DeliveryTask, RetryError> {
                           const auto found = mendable(db, user_id, delivery_id);
                           if (!found) return std::unexpected(RetryError::not_found);
                           if (found->state == DeliveryState::delivering)
                               return std::unexpected(RetryError::under_way);
                           return begin_anew(db, delivery_id, found->attempts, now);
                       });
}

std::expected<void, CancelError> Store::cancel_delivery(const Uuid& user_id, const Uuid& delivery_id,
                                                        Timestamp now) {
    return writer_.run(Durability::power, [&](Connection& db, Events&) -> std::expected<void, CancelError> {
        const auto found = mendable(db, user_id, delivery_id);
        if (!found) return std::unexpected(CancelError::not_found);
        if (is_final(found->state)) return std::unexpected(CancelError::final);
        with(db.statement("delivery_cancel"), now, delivery_id).exec();
        return {};
    });
}

std::vector<DeliveryTask> Store::recover_deliveries(const Uuid& user_id, Timestamp since, Timestamp now,
                                                    std::size_t limit) {
    const Uuid from = since > Timestamp::min() + id_slack ? first_id_of(since - id_slack) : Uuid{};
    return writer_.run(Durability::power, [&](Connection& db, Events&) {
        auto tasks = all_rows(
            with(db.statement("deliveries_failed_since"), user_id, from, since, row_count(limit)),
            [](SQLite::Statement& s) { return DeliveryTask{uuid_at(s, 0), s.getColumn(1).getInt()}; });
        for (DeliveryTask& task : tasks) task = begin_anew(db, task.delivery_id, task.attempt, now);
        return tasks;
    });
}

bool Store::add_test_delivery(const Uuid& user_id, const Uuid& alert_id, const Uuid& delivery_id,
                              Decimal price, Timestamp now) {
    return writer_.run(Durability::power, [&](Connection& db, Events&) {
        return with(db.statement("test_insert"), delivery_id, now, price, alert_id, user_id).exec() == 1;
    });
}

std::size_t Store::prune(Timestamp before, std::size_t limit) {
    return writer_.run(Durability::process, [&](Connection& db, Events&) {
        struct Old {
            Uuid id;
            Uuid alert_id;
        };
        const auto old = all_rows(with(db.statement("prunable_deliveries"), first_id_of(before + id_slack),
                                       before, row_count(limit)),
                                  [](SQLite::Statement& s) { return Old{uuid_at(s, 0), uuid_at(s, 1)}; });
        for (const Old& delivery : old) {
            with(db.statement("prune_attempts"), delivery.id).exec();
            with(db.statement("prune_link"), delivery.alert_id, delivery.id).exec();
            with(db.statement("prune_delivery"), delivery.id).exec();
        }
        std::size_t removed = old.size();
        for (const char* rest : {"prune_alerts", "prune_endpoints", "prune_users"}) {
            if (removed < limit)
                removed +=
                    static_cast<std::size_t>(with(db.statement(rest), row_count(limit - removed)).exec());
        }
        return removed;
    });
}

}  // namespace pricewire::storage::sqlite
