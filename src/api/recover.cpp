// Retrying what did not arrive in a time.
#include <string>

#include "api/bodies.hpp"
#include "api/handlers.hpp"
#include "api/hint.hpp"
#include "base/json_writer.hpp"
#include "base/log.hpp"

namespace pricewire::api {
namespace {

// A recovery commits at most `recover_step` deliveries at a time, so that it does not delay firings.
constexpr std::size_t recover_step = 1000;
constexpr std::size_t max_recovered = 10'000;

struct Recovered {
    std::size_t recovered = 0;
    std::size_t used_up = 0;
    std::size_t endpoint_disabled = 0;
    std::optional<Timestamp> next_since;  // where to continue; nullopt if there are no more
};

net::ServerResponse recovered_response(const Recovered& r, bool dry_run) {
    JsonWriter w;
    w.begin_object();
    if (dry_run) w.field("dry_run", true);
    w.field(dry_run ? "would_recover" : "recovered", r.recovered)
        .field("more", r.next_since.has_value())
        .field("next_since", r.next_since)
        .key("passed_over")
        .begin_object()
        .field("retries_used_up", r.used_up)
        .field("endpoint_disabled", r.endpoint_disabled)
        .end_object()
        .end_object();
    return json_response(dry_run ? 200 : 202, std::move(w).str());
}

// Recovers step by step. Losing the database is no error once something has changed.
void recover(Services& services, const Exchange& exchange, const RecoverBody& body, Recovered& out) {
    const Timestamp since = body.since;
    storage::Deliveries& storage = services.use.storage;
    std::optional<Uuid> last;
    std::size_t looked_at = 0;
    try {
        do {
            const storage::Recovery step = storage.recover_deliveries(
                exchange.user.id, since, services.use.clock.now(), recover_step, last, body.filter);
            if (!body.filter.dry_run) hint_sender(services, exchange, step.tasks);
            out.recovered += step.tasks.size();
            out.used_up += step.used_up;
            out.endpoint_disabled += step.endpoint_disabled;
            looked_at += recover_step;
            last = step.last;
        } while (last && looked_at < max_recovered);
        if (last) {
            // Read again, since it may have been pruned.
            const auto delivery = storage.delivery(exchange.user.id, *last);
            out.next_since = delivery ? delivery->created_at : since;
        }
    } catch (const storage::StorageError& e) {
        if (out.recovered == 0) throw;
        log::warn(
            "the database became unavailable during a recovery of deliveries; the client is told to continue",
            {{"recovered", std::to_string(out.recovered)}, {"reason", e.what()}});
        out.next_since = since;
    }
}

}  // namespace

net::ServerResponse recover_deliveries(Services& services, Exchange& exchange) {
    auto body = parse_recover_body(exchange.request.body);
    if (!body) return validation_response(body.error());
    if (auto& url = body->filter.webhook_url) url = stored_url(*url, services.options.url_policy);
    Recovered recovered;
    recover(services, exchange, *body, recovered);
    return recovered_response(recovered, body->filter.dry_run);
}

}  // namespace pricewire::api
