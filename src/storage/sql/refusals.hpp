#pragma once

#include <fmt/format.h>

#include <compare>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "domain/delivery.hpp"
#include "storage/outbox.hpp"

// Runs of answers with which URLs refuse a user's webhooks.
namespace pricewire::storage::sql {

struct EndpointKey {
    Uuid user_id;
    std::string_view webhook_url;
    friend auto operator<=>(const EndpointKey&, const EndpointKey&) = default;
};

// What an endpoint has answered, in a batch of outcomes.
struct EndpointAnswers {
    bool other = false;  // something that is no refusal: what was counted before does not count any more
    int refusals = 0;    // since then
    int status = 0;      // of these; 0 if they differ
    Timestamp last_at;
};
using AnswersByEndpoint = std::map<EndpointKey, EndpointAnswers>;

// Attempts without an answer say nothing. The outcomes must outlive the result.
inline AnswersByEndpoint answers_in(std::span<const DeliveryOutcome* const> outcomes) {
    AnswersByEndpoint out;
    for (const DeliveryOutcome* o : outcomes) {
        if (!o->attempt || !o->attempt->status || o->webhook_url.empty()) continue;
        const int status = *o->attempt->status;
        EndpointAnswers& answers = out[{o->user_id, o->webhook_url}];
        if (!is_refusal(status)) {
            answers = {.other = true};
            continue;
        }
        answers.status = answers.refusals == 0 || answers.status == status ? status : 0;
        ++answers.refusals;
        answers.last_at = o->ended_at;
    }
    return out;
}

// user_id, webhook_url, last_at, status.
inline constexpr auto read_refusing = [](const auto& row) {
    const auto status = row.number(3);
    return DisabledEndpoint{
        row.id(0), std::string(row.text(1)), row.time(2),
        status != 0 ? fmt::format("the receiver answered {} to {} webhooks in a row", status, max_refusals)
                    : fmt::format("the receiver answered 401, 403, 404 or 405 to {} webhooks in a row",
                                  max_refusals)};
};

inline constexpr auto endpoint_columns = [](const EndpointKey& e) {
    return std::tie(e.user_id, e.webhook_url);
};

template <typename Connection>
void forget_refusals(Connection& db, const std::vector<EndpointKey>& endpoints) {
    db.change_each("refusals_forget", endpoints, endpoint_columns);
}

// Counts the refusals among the outcomes that were written; disables the URLs that have refused too often, and
// returns these. In the outcomes' transaction.
template <typename Connection>
std::vector<DisabledEndpoint> count_refusals(Connection& db,
                                             std::span<const DeliveryOutcome* const> written) {
    std::vector<EndpointKey> all, reset;
    std::vector<std::pair<EndpointKey, EndpointAnswers>> refused;
    for (const auto& [endpoint, answers] : answers_in(written)) {
        all.push_back(endpoint);
        if (answers.other) reset.push_back(endpoint);
        if (answers.refusals > 0) refused.emplace_back(endpoint, answers);
    }
    const auto any = [&] { return *db.first([](const auto& row) { return row.flag(0); }, "refusals_any"); };
    if (all.empty() || (refused.empty() && !any())) return {};
    db.change_each("refusals_lock", all, endpoint_columns);
    forget_refusals(db, reset);
    if (refused.empty()) return {};
    db.change_each("refusals_add", refused, [](const auto& r) {
        const auto& [endpoint, answers] = r;
        return std::tie(endpoint.user_id, endpoint.webhook_url, answers.refusals, answers.status,
                        answers.last_at);
    });
    std::vector<DisabledEndpoint> disabled = db.all(read_refusing, "refusals_many");
    db.change_each("refusals_disable", disabled, [](const DisabledEndpoint& d) {
        return std::tie(d.user_id, d.webhook_url, d.disabled_at, d.reason);
    });
    std::vector<EndpointKey> gone;
    for (const DisabledEndpoint& d : disabled) gone.push_back({d.user_id, d.webhook_url});
    forget_refusals(db, gone);
    return disabled;
}

}  // namespace pricewire::storage::sql
