// The firings of an alert.
#include <fmt/format.h>

#include <utility>
#include <vector>

#include "api/bodies.hpp"
#include "api/firing_json.hpp"
#include "api/gap_reasons.hpp"
#include "api/handlers.hpp"
#include "api/paging.hpp"
#include "api/query_values.hpp"
#include "base/json_writer.hpp"
#include "base/text.hpp"

namespace pricewire::api {
namespace {

struct Page {
    std::size_t limit = 100;
    std::optional<std::int64_t> before;  // the number of the last firing of the page before
};

Parsed<Page> parse_page(const QueryString& query) {
    Page out;
    std::vector<Issue> issues;
    read_limit(query, max_page, out.limit, issues);
    if (const auto text = query.find("cursor")) {
        out.before = parse_number<std::int64_t>(*text);
        if (!out.before) issues.push_back(bad_cursor());
    }
    if (!issues.empty()) return std::unexpected(std::move(issues));
    return out;
}

}  // namespace

net::ServerResponse list_firings(Services& services, Exchange& exchange) {
    const auto id = Uuid::parse(exchange.parameter);
    if (!id) return error_response(404, no_such_alert);
    const QueryString query(exchange.request.query);
    const auto page = parse_page(query);
    if (!page) return validation_response(page.error());
    storage::Alerts& storage = services.use.storage;
    const auto alert = storage.alert(exchange.user.id, *id);
    if (!alert) return error_response(404, no_such_alert);
    // One more than is shown tells whether there are more.
    std::vector<FiringView> firings = storage.firings(exchange.user.id, *id, page->limit + 1, page->before);
    const bool has_more = firings.size() > page->limit;
    if (has_more) firings.pop_back();
    std::vector<std::pair<FiringView*, Ticker>> explained;
    for (FiringView& firing : firings) explained.emplace_back(&firing, alert->ticker);
    tell_gap_reasons(services.use.storage, explained, services.use.clock.now());
    JsonWriter w;
    w.begin_array();
    for (const FiringView& firing : firings) write_firing(w, firing, alert->ticker);
    w.end_array();
    auto response = json_response(200, std::move(w).str());
    if (has_more) {
        add_next_link(response, fmt::format("/api/v1/alerts/{}/firings/", id->to_string()), query,
                      std::to_string(firings.back().said.number));
    }
    return response;
}

}  // namespace pricewire::api
