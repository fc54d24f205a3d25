#include "storage/sqlite/rows.hpp"
#include "storage/sqlite/store.hpp"

namespace pricewire::storage::sqlite {
namespace {

constexpr std::size_t snapshot_piece = 10'000;

UserEndpoint read_endpoint(SQLite::Statement& s) {
    return {std::string(text_at(s, 0)), maybe_time_at(s, 1), std::string(text_at(s, 2))};
}

}  // namespace

Alert read_alert(SQLite::Statement& s, int column) {
    Alert alert;
    alert.id = uuid_at(s, column);
    alert.user_id = uuid_at(s, column + 1);
    alert.ticker = Ticker(text_at(s, column + 2));
    alert.condition = parse_condition(text_at(s, column + 3)).value_or(Condition::gt);
    alert.target = decimal_at(s, column + 4);
    alert.webhook_url = text_at(s, column + 5);
    alert.is_active = s.getColumn(column + 6).getInt() != 0;
    alert.created_at = time_at(s, column + 7);
    alert.triggered_at = maybe_time_at(s, column + 8);
    if (!s.isColumnNull(column + 9)) alert.triggered_price = decimal_at(s, column + 9);
    alert.format = parse_payload_format(text_at(s, column + 10)).value_or(PayloadFormat::json);
    if (!s.isColumnNull(column + 11)) {
        alert.custom =
            WebhookTemplate{std::string(text_at(s, column + 11)), std::string(text_at(s, column + 12))};
    }
    alert.note = text_at(s, column + 13);
    alert.deliver_within = Duration{s.getColumn(column + 14).getInt64()};
    alert.endpoint_disabled_at = maybe_time_at(s, column + 15);
    if (!s.isColumnNull(column + 16)) alert.trace = parse_trace_text(text_at(s, column + 16));
    return alert;
}

std::expected<void, CreateAlertError> Store::create_alert(const Alert& alert, std::size_t limit) {
    return writer_.run(
        Durability::power, [&](Connection& db, Events& events) -> std::expected<void, CreateAlertError> {
            if (first_row(with(db.statement("endpoint_disabled"), alert.user_id, alert.webhook_url),
                          [](SQLite::Statement&) { return true; }))
                return std::unexpected(CreateAlertError::endpoint_disabled);
            const bool full =
                first_row(with(db.statement("alerts_active_count"), alert.user_id),
                          [&](SQLite::Statement& s) {
                              // A user who was deleted while this was on its way has room for none.
                              const bool gone = s.getColumn(1).getInt() != 0;
                              return gone || static_cast<std::size_t>(s.getColumn(0).getInt64()) >= limit;
                          })
                    .value_or(limit == 0);
            std::optional<std::string_view> body;
            std::optional<std::string_view> type;
            if (alert.custom) {
                body = alert.custom->body;
                type = alert.custom->content_type;
            }
            std::optional<std::string> trace;
            if (alert.trace) trace = to_text(*alert.trace);
            const int inserted =
                with(db.statement("alert_insert"), alert.id, alert.user_id, alert.ticker.view(),
                     to_string(alert.condition), alert.target, alert.webhook_url, alert.created_at,
                     to_string(alert.format), body, type, alert.note, alert.deliver_within, trace)
                    .exec();
            if (inserted == 0) return std::unexpected(CreateAlertError::duplicate);
            if (full) {
                with(db.statement("alert_remove"), alert.id).exec();
                return std::unexpected(CreateAlertError::limit_reached);
            }
            events.push_back(AlertChange{AlertChange::Kind::created, active_part(alert)});
            return {};
        });
}

std::optional<Alert> Store::alert(const Uuid& user_id, const Uuid& alert_id) {
    return readers_.run([&](Connection& db) {
        return first_row(with(db.statement("alert_get"), alert_id, user_id),
                         [](SQLite::Statement& s) { return read_alert(s, 0); });
    });
}

std::vector<Alert> Store::alerts(const Uuid& user_id, const AlertFilter& filter) {
    std::optional<int> is_active;
    if (filter.is_active) is_active = *filter.is_active ? 1 : 0;
    std::optional<std::string_view> ticker;
    if (filter.ticker) ticker = filter.ticker->view();
    return readers_.run([&](Connection& db) {
        return all_rows(with(db.statement("alert_list"), user_id, filter.before.value_or(last_uuid()),
                             is_active, ticker, row_count(filter.limit)),
                        [](SQLite::Statement& s) { return read_alert(s, 0); });
    });
}

bool Store::delete_alert(const Uuid& user_id, const Uuid& alert_id) {
    return writer_.run(Durability::power, [&](Connection& db, Events& events) {
        const auto found = first_row(with(db.statement("alert_get"), alert_id, user_id),
                                     [](SQLite::Statement& s) { return read_alert(s, 0); });
        if (!found) return false;
        with(db.statement("alert_delete"), system_clock().now(), alert_id, user_id).exec();
        if (found->is_active) {
            with(db.statement("alerts_count_less"), 1, user_id).exec();
            events.push_back(AlertChange{AlertChange::Kind::deleted, active_part(*found)});
        }
        return true;
    });
}

void Store::load_active_alerts(const std::function<void(std::span<const ActiveAlert>)>& piece) {
    readers_.run([&](Connection& db) {
        auto& select = db.statement("alerts_load_active");
        const Finish finish(select);
        std::vector<ActiveAlert> alerts;
        alerts.reserve(snapshot_piece);
        while (select.executeStep()) {
            alerts.push_back(read_active_alert(select));
            if (alerts.size() == snapshot_piece) {
                piece(alerts);
                alerts.clear();
            }
        }
        piece(alerts);
    });
}

std::vector<UserEndpoint> Store::endpoints(const Uuid& user_id, std::size_t limit) {
    return readers_.run([&](Connection& db) {
        // Both from one snapshot: an endpoint that is disabled in between would be in neither, or in both.
        const SQLite::Transaction snapshot(db.database());
        auto out =
            all_rows(with(db.statement("endpoints_disabled"), user_id, row_count(limit)), read_endpoint);
        const auto rest = all_rows(
            with(db.statement("endpoints_callable"), user_id, row_count(limit - out.size())), read_endpoint);
        out.insert(out.end(), rest.begin(), rest.end());
        return out;
    });
}

bool Store::enable_endpoint(const Uuid& user_id, std::string_view webhook_url) {
    return writer_.run(Durability::power, [&](Connection& db, Events&) {
        return with(db.statement("endpoint_enable"), user_id, webhook_url).exec() == 1;
    });
}

}  // namespace pricewire::storage::sqlite
