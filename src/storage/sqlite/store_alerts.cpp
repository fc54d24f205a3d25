#include "storage/sqlite/store.hpp"

namespace pricewire::storage::sqlite {
namespace {

constexpr std::size_t snapshot_piece = 10'000;

template <typename Read, typename... Values>
void pass_on(Connection& db, const std::function<void(std::span<const ActiveAlert>)>& piece, Read read_one,
             std::string_view query, const Values&... values) {
    std::vector<ActiveAlert> alerts;
    alerts.reserve(snapshot_piece);
    db.each(
        [&](const Row& row) {
            if (const auto alert = read_one(row)) alerts.push_back(*alert);
            if (alerts.size() == snapshot_piece) {
                piece(alerts);
                alerts.clear();
            }
            return true;
        },
        query, values...);
    piece(alerts);
}

}  // namespace

CreateAlertResult Store::create_alert(const Alert& alert, std::size_t limit,
                                      const IdempotentRequest* request) {
    return statement("create_alert", Durability::power,
                     [&](Connection& db) { return create_all(db, {&alert, 1}, limit, request, {}).front(); });
}

std::vector<CreateAlertResult> Store::create_alerts(std::span<const Alert> alerts, std::size_t limit,
                                                    const IdempotentRequest* request,
                                                    const Alerts::AnswerOf& answer) {
    return statement("create_alerts", Durability::power,
                     [&](Connection& db) { return create_all(db, alerts, limit, request, answer); });
}

void Store::create_each(std::span<AlertCreation> creations) {
    write("create_each", [&] {
        std::vector<std::function<void(Connection&)>> calls;
        for (AlertCreation& c : creations)
            calls.emplace_back([&c](Connection& db) {
                std::optional<rule::ComparedTickers> compared;
                c.result = create_one(db, c.alert, c.limit, compared);
            });
        const auto errors = db_.writer.run_each(Durability::power, std::move(calls));
        for (std::size_t i = 0; i < errors.size(); ++i) creations[i].error = errors[i];
        sql::throw_if_all_failed(creations);
    });
}

std::vector<CreateAlertResult> Store::create_all(Connection& db, std::span<const Alert> alerts,
                                                 std::size_t limit, const IdempotentRequest* request,
                                                 const Alerts::AnswerOf& answer) {
    std::vector<CreateAlertResult> results(alerts.size(), std::unexpected(CreateAlertError::key_used));
    if (alerts.empty()) return results;
    const Uuid& user_id = alerts.front().user_id;
    if (request != nullptr && !sql::take_key(db, user_id, *request)) return results;
    std::optional<rule::ComparedTickers> compared;
    for (std::size_t i = 0; i < alerts.size(); ++i) results[i] = create_one(db, alerts[i], limit, compared);
    if (request != nullptr) sql::settle_key(db, user_id, *request, results, answer);
    return results;
}

CreateAlertResult Store::create_one(Connection& db, const Alert& given, std::size_t limit,
                                    std::optional<rule::ComparedTickers>& compared) {
    const Alert alert = sql::unbegun(given);
    if (db.first([](const Row&) { return true; }, "endpoint_disabled", alert.user_id, alert.webhook_url))
        return std::unexpected(CreateAlertError::endpoint_disabled);
    const bool full = db.first(
                            [&](const Row& row) {
                                // A user deleted in the meantime has no room at all.
                                return row.flag(1) || static_cast<std::size_t>(row.number(0)) >= limit;
                            },
                            "alerts_active_count", alert.user_id)
                          .value_or(limit == 0);
    std::optional<std::string_view> body, type, plain_condition;
    if (alert.custom) {
        body = alert.custom->body;
        type = alert.custom->content_type;
    }
    std::optional<std::string> trace;
    if (alert.trace) trace = to_text(*alert.trace);
    const sql::RuleColumns said = sql::rule_columns(alert);
    if (said.plain_condition) plain_condition = to_string(*said.plain_condition);
    if (db.change("alert_insert", alert.id, alert.user_id, alert.ticker.view(), to_string(said.condition),
                  said.target, alert.webhook_url, alert.created_at, to_string(alert.format), body, type,
                  alert.note, alert.deliver_within, trace, alert.recover, alert.message, said.rule, said.key,
                  plain_condition, said.plain_target) == 0)
        return std::unexpected(CreateAlertError::duplicate);
    const auto remove = [&](CreateAlertError why) {
        db.change("alert_remove", alert.id);
        return std::unexpected(why);
    };
    if (full) return remove(CreateAlertError::limit_reached);
    if (alert.terms && rule::has_ratios(*alert.terms)) {
        if (!compared) compared = sql::compared_by(db, alert.user_id, alert.id);
        if (!compared->take(*alert.terms)) return remove(CreateAlertError::ratios_full);
    }
    if (alert.terms) put_states(db, std::vector{&alert});
    db.notify({AlertChange{AlertChange::Kind::created, sql::active_part(alert)}});
    return {};
}

void Store::load_active_alerts(const std::function<void(std::span<const ActiveAlert>)>& piece) {
    read("load_active_alerts", [&](Connection& db) {
        pass_on(db, piece, or_skip("load_active_alerts", sql::read_active_alert), "alerts_load_active");
    });
}

void Store::load_alerts_of(std::span<const Ticker> tickers,
                           const std::function<void(std::span<const ActiveAlert>)>& piece) {
    read("load_alerts_of", [&](Connection& db) {
        const auto read_one = or_skip("load_alerts_of", sql::read_active_alert);
        for (const Ticker& ticker : tickers) pass_on(db, piece, read_one, "alerts_load_of", ticker.view());
    });
}

}  // namespace pricewire::storage::sqlite
