#pragma once

#include <fmt/format.h>

#include <compare>
#include <map>
#include <span>
#include <string>
#include <string_view>

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

}  // namespace pricewire::storage::sql
