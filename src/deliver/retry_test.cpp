#include "deliver/retry.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace pricewire {
namespace {

using net::HttpError;
using std::chrono::milliseconds;
using std::chrono::seconds;

const Timestamp now = from_micros(1'700'000'000'000'000);

std::string show(const DeliveryOutcome& o, const RetryPolicy& policy) {
    std::string line = fmt::format("attempt {} -> {}", o.attempt->number, to_string(o.next));
    if (o.next_attempt_at) {
        const Duration wait = *o.next_attempt_at - now;
        const Duration top = policy.backoff.ceiling(o.attempt->number + 1);
        const bool within = wait >= std::max(policy.backoff.min, top / 2) && wait <= top;
        line += within ? fmt::format(" in {}..{}", format_duration(std::max(policy.backoff.min, top / 2)),
                                     format_duration(top))
                       : fmt::format(" OUT OF BOUNDS {}", format_duration(wait));
    }
    if (o.attempt->status) line += fmt::format(" status {}", *o.attempt->status);
    if (!o.attempt->error.empty()) line += fmt::format(": {}", o.attempt->error);
    return line;
}

std::string run(int number, const AttemptResult& result, const RetryPolicy& policy = {}) {
    Rng rng(1);
    return show(decide({.number = number, .started_at = now}, result, policy, now, rng), policy);
}

AttemptResult status(int code) {
    return {.status = code};
}

TEST(Retry, Table) {
    const std::vector<std::pair<std::string, std::string>> table{
        {run(1, status(200)), "attempt 1 -> delivered status 200"},
        {run(4, status(204)), "attempt 4 -> delivered status 204"},
        {run(2, status(299)), "attempt 2 -> delivered status 299"},
        {run(1, status(500)), "attempt 1 -> pending in 10s..20s status 500: the receiver answered 500"},
        {run(2, status(503)), "attempt 2 -> pending in 20s..40s status 503: the receiver answered 503"},
        {run(3, status(404)), "attempt 3 -> pending in 40s..80s status 404: the receiver answered 404"},
        {run(4, status(500)), "attempt 4 -> failed status 500: the receiver answered 500"},
        {run(5, status(500)), "attempt 5 -> failed status 500: the receiver answered 500"},
        {run(1, status(302)),
         "attempt 1 -> pending in 10s..20s status 302: the receiver answered 302, a redirect; redirects are "
         "not "
         "followed"},
        {run(1, status(101)), "attempt 1 -> pending in 10s..20s status 101: the receiver answered 101"},
        {run(1, {.error = HttpError::timeout, .error_text = "no answer within 5s"}),
         "attempt 1 -> pending in 10s..20s: no answer within 5s"},
        {run(1, {.error = HttpError::refused_address, .error_text = "10.0.0.1 is a private address"}),
         "attempt 1 -> pending in 10s..20s: 10.0.0.1 is a private address"},
        {run(4, {.error = HttpError::refused_address, .error_text = "10.0.0.1 is a private address"}),
         "attempt 4 -> failed: 10.0.0.1 is a private address"},
        {run(1, status(500), {.attempts = 1}), "attempt 1 -> failed status 500: the receiver answered 500"},
        {run(9, status(500), {.attempts = 20}),
         "attempt 9 -> pending in 5m..10m status 500: the receiver answered 500"},
    };
    for (const auto& [got, wanted] : table) EXPECT_EQ(got, wanted);
}

TEST(Retry, AnErrorWithoutTextStillSaysSomething) {
    const auto failure = failure_of({.error = HttpError::tls});
    ASSERT_TRUE(failure);
    EXPECT_FALSE(failure->empty());
}

TEST(Retry, WaitsAreSpreadOverTheirBoundsAndNeverShorterThanTheMinimum) {
    Rng rng(7);
    const RetryPolicy policy;
    for (int number = 1; number <= 12; ++number) {
        const Duration top = policy.backoff.ceiling(number + 1);
        const Duration bottom = std::max<Duration>(policy.backoff.min, top / 2);
        Duration least = top, most{};
        for (int i = 0; i < 2000; ++i) {
            const Duration wait = wait_after(number, policy, rng);
            least = std::min(least, wait);
            most = std::max(most, wait);
        }
        EXPECT_GE(least, bottom);
        EXPECT_LE(most, top);
        EXPECT_LT(least, bottom + (top - bottom) / 20) << "reaches down";
        EXPECT_GT(most, top - (top - bottom) / 20) << "reaches up";
    }
    const RetryPolicy fixed{.backoff = {seconds{10}, seconds{10}}};
    EXPECT_EQ(wait_after(1, fixed, rng), seconds{10});
}

TEST(Retry, KeepsWhatTheAttemptWas) {
    Rng rng(1);
    const Uuid id = make_uuid(now);
    const DeliveryOutcome o =
        decide({.delivery_id = id, .number = 2, .started_at = now},
               {.status = 500, .duration = milliseconds{123}}, {}, now + seconds{1}, rng);
    EXPECT_EQ(o.attempt->delivery_id, id);
    EXPECT_EQ(o.attempt->number, 2);
    EXPECT_EQ(o.attempt->started_at, now);
    EXPECT_EQ(o.attempt->duration, milliseconds{123});
}

}  // namespace
}  // namespace pricewire
