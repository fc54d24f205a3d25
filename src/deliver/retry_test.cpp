#include "deliver/retry.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

#include "fakes/fake_http_client.hpp"
#include "fakes/log_capture.hpp"

namespace pricewire::deliver::retry_tests {
namespace {

using net::HttpError;
using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

const Timestamp now = from_micros(1'700'000'000'000'000);  // 2023-11-14T22:13:20Z

ClaimedDelivery claim(int round, Duration left = hours{24}) {
    ClaimedDelivery c;
    c.attempt = c.round = round;
    c.created_at = now;
    c.deadline = now + left;
    return c;
}

AttemptResult status(int code, std::string retry_after = {}) {
    AttemptResult r;
    r.status = code;
    r.retry_after = std::move(retry_after);
    return r;
}

AttemptResult failure(HttpError error, std::string text) {
    return {.error = error, .error_text = std::move(text)};
}

Attempt made_for(const ClaimedDelivery& c) {
    return {.delivery_id = c.id, .number = c.attempt, .started_at = now};
}

// "attempt 1 -> pending in 10s..20s, status 500: the receiver answered 500": what becomes of the delivery and
// within which bounds its next attempt lies, over many throws of the dice.
std::string run(const ClaimedDelivery& c, const AttemptResult& result, const RetryPolicy& policy = {}) {
    Rng rng(1);
    std::optional<Duration> least, most;
    DeliveryOutcome o;
    for (int i = 0; i < 4000; ++i) {
        o = decide(c, made_for(c), result, policy, now, rng);
        if (!o.next_attempt_at) continue;
        const Duration wait = *o.next_attempt_at - now;
        least = std::min(least.value_or(wait), wait);
        most = std::max(most.value_or(wait), wait);
    }
    std::string line = fmt::format("attempt {} -> {}", o.attempt->number, to_string(o.next));
    if (least) {
        const auto shown = [](Duration d) {
            const double s = static_cast<double>(d.count()) / 1e6;
            return s < 100 ? std::round(s * 10) / 10 : std::round(s);
        };
        line += fmt::format(" in {}..{} s", shown(*least), shown(*most));
    }
    if (o.attempt->status) line += fmt::format(", status {}", *o.attempt->status);
    if (o.disable_endpoint) line += ", endpoint disabled";
    if (!o.reason.empty()) line += ": " + o.reason;
    return line;
}

struct Case {
    std::string got;
    std::string wanted;
};
void check(const std::vector<Case>& table) {
    for (const Case& c : table) EXPECT_EQ(c.got, c.wanted);
}

TEST(Retry, OutcomesByAnswer) {
    check({
        {run(claim(1), status(200)), "attempt 1 -> delivered, status 200"},
        {run(claim(4), status(204)), "attempt 4 -> delivered, status 204"},
        {run(claim(2), status(299)), "attempt 2 -> delivered, status 299"},
        {run(claim(1), status(500)),
         "attempt 1 -> pending in 10..20 s, status 500: the receiver answered 500"},
        {run(claim(2), status(503)),
         "attempt 2 -> pending in 20..40 s, status 503: the receiver answered 503"},
        {run(claim(3), status(404)),
         "attempt 3 -> pending in 40..80 s, status 404: the receiver answered 404"},
        {run(claim(4), status(500)), "attempt 4 -> failed, status 500: the receiver answered 500"},
        {run(claim(5), status(500)), "attempt 5 -> failed, status 500: the receiver answered 500"},
        {run(claim(1), status(302)),
         "attempt 1 -> pending in 10..20 s, status 302: the receiver answered 302, a redirect; redirects are "
         "not followed"},
        {run(claim(1), status(101)),
         "attempt 1 -> pending in 10..20 s, status 101: the receiver answered 101"},
        {run(claim(1), status(410)),
         "attempt 1 -> failed, status 410, endpoint disabled: the receiver answered 410 Gone"},
        {run(claim(1), failure(HttpError::timeout, "no answer within 5s")),
         "attempt 1 -> pending in 10..20 s: no answer within 5s"},
        {run(claim(1), failure(HttpError::refused_address, "10.0.0.1 is a private address")),
         "attempt 1 -> pending in 10..20 s: 10.0.0.1 is a private address"},
        {run(claim(4), failure(HttpError::tls, "the certificate has expired")),
         "attempt 4 -> failed: the certificate has expired"},
        {run(claim(1), status(500), {.attempts = 1}),
         "attempt 1 -> failed, status 500: the receiver answered 500"},
        {run(claim(9), status(500), {.attempts = 20}),
         "attempt 9 -> pending in 300..600 s, status 500: the receiver answered 500"},
    });
}

TEST(Retry, AttemptsCountFromTheLastResendByTheUser) {
    ClaimedDelivery c = claim(1);
    c.attempt = 7;
    c.round = 3;
    EXPECT_EQ(run(c, status(500)), "attempt 7 -> pending in 40..80 s, status 500: the receiver answered 500");
    c.round = 4;
    EXPECT_EQ(run(c, status(500)), "attempt 7 -> failed, status 500: the receiver answered 500");
}

TEST(Retry, RetryAfterDelaysButNeverSpeedsUp) {
    const std::string r429 = ", status 429: the receiver answered 429";
    const std::string r503 = ", status 503: the receiver answered 503";
    check({
        {run(claim(1), status(429, "100")), "attempt 1 -> pending in 100..110 s" + r429},
        {run(claim(1), status(503, "100")), "attempt 1 -> pending in 100..110 s" + r503},
        {run(claim(1), status(503, " 1000 ")), "attempt 1 -> pending in 1000..1010 s" + r503},
        {run(claim(1), status(429, "0")), "attempt 1 -> pending in 10..20 s" + r429},
        {run(claim(1), status(429, "1")), "attempt 1 -> pending in 10..20 s" + r429},
        {run(claim(1), status(429, "Tue, 14 Nov 2023 22:15:00 GMT")),
         "attempt 1 -> pending in 100..110 s" + r429},
        {run(claim(1), status(429, "Tue, 14 Nov 2023 22:13:00 GMT")),
         "attempt 1 -> pending in 10..20 s" + r429},
        {run(claim(1), status(429, "soon")), "attempt 1 -> pending in 10..20 s" + r429},
        {run(claim(1, hours{48}), status(429, "86400")), "attempt 1 -> pending in 86400..86400 s" + r429},
        {run(claim(1, hours{48}), status(429, "999999999999999999999")),
         "attempt 1 -> pending in 86400..86400 s" + r429},
        {run(claim(1), status(500, "100")),
         "attempt 1 -> pending in 10..20 s, status 500: the receiver answered 500"},
        {run(claim(4), status(429, "100")), "attempt 4 -> failed" + r429},
        {run(claim(1, minutes{1}), status(429, "100")),
         "attempt 1 -> expired, status 429: not delivered within 24h, its alert's deliver_within; the last "
         "attempt: the receiver answered 429"},
    });
}

TEST(Retry, ARetryPastTheDeadlineExpiresAtOnce) {
    const std::string late = "not delivered within 24h, its alert's deliver_within; the last attempt: ";
    check({
        {run(claim(1, seconds{9}), status(500)),
         "attempt 1 -> expired, status 500: " + late + "the receiver answered 500"},
        {run(claim(1, seconds{9}), failure(HttpError::timeout, "no answer within 5s")),
         "attempt 1 -> expired: " + late + "no answer within 5s"},
        {run(claim(1, seconds{20}), status(500)),
         "attempt 1 -> pending in 10..20 s, status 500: the receiver answered 500"},
        {run(claim(4, seconds{9}), status(500)),
         "attempt 4 -> failed, status 500: the receiver answered 500"},
        {run(claim(1, seconds{-1}), status(200)), "attempt 1 -> delivered, status 200"},
    });
}

TEST(Retry, TheFirstRetriesComeSoonerThenTheBackOffStarts) {
    const RetryPolicy policy{.attempts = 9, .first_retries = {seconds{1}, seconds{5}, seconds{30}}};
    const std::string e = ", status 500: the receiver answered 500";
    check({
        {run(claim(1), status(500), policy), "attempt 1 -> pending in 0.9..1.1 s" + e},
        {run(claim(2), status(500), policy), "attempt 2 -> pending in 4.5..5.5 s" + e},
        {run(claim(3), status(500), policy), "attempt 3 -> pending in 27..33 s" + e},
        {run(claim(4), status(500), policy), "attempt 4 -> pending in 10..20 s" + e},
        {run(claim(5), status(500), policy), "attempt 5 -> pending in 20..40 s" + e},
        {run(claim(8), status(500), policy), "attempt 8 -> pending in 160..320 s" + e},
        {run(claim(9), status(500), policy), "attempt 9 -> failed" + e},
        {run(claim(1), status(429, "3"), policy),
         "attempt 1 -> pending in 3..3.3 s, status 429: the receiver answered 429"},
    });
}

TEST(Retry, AFixedBackOffIsKept) {
    Rng rng(1);
    const RetryPolicy fixed{.backoff = {seconds{10}, seconds{10}}};
    EXPECT_EQ(wait_after(1, fixed, rng), seconds{10});
    EXPECT_EQ(wait_after(1000, fixed, rng), seconds{10});
}

TEST(Retry, SaysWhyNoAttemptMayBeMade) {
    EXPECT_FALSE(ended_before(claim(1), now));
    EXPECT_FALSE(ended_before(claim(1, seconds{0}), now)) << "just in time";

    ClaimedDelivery c = claim(2, seconds{-1});
    c.id = make_uuid(now);
    auto o = ended_before(c, now);
    ASSERT_TRUE(o);
    EXPECT_EQ(o->delivery_id, c.id);
    EXPECT_EQ(o->attempt_number, 2);
    EXPECT_FALSE(o->attempt);
    EXPECT_EQ(o->next, DeliveryState::expired);
    EXPECT_EQ(
        o->reason,
        "not delivered within 24h, its alert's deliver_within; no further attempt could be made in time");

    c = claim(1);
    c.alert.endpoint_disabled_at = now - seconds{20};
    o = ended_before(c, now);
    ASSERT_TRUE(o);
    EXPECT_FALSE(o->attempt);
    EXPECT_EQ(o->next, DeliveryState::failed);
    EXPECT_EQ(
        o->reason,
        "no attempt was made: the URL was disabled at 2023-11-14T22:13:00Z; the list of endpoints says why");
}

TEST(Retry, WaitsAboutAMinuteIfNoAttemptIsPossibleForNow) {
    Rng rng(1);
    for (int i = 0; i < 100; ++i) {
        const DeliveryOutcome o = put_off(claim(1), "no key", wait_for_secret({}), now, rng);
        EXPECT_EQ(o.next, DeliveryState::pending);
        EXPECT_EQ(o.reason, "no key");
        EXPECT_FALSE(o.attempt) << "and spends nothing";
        EXPECT_GE(*o.next_attempt_at, now + seconds{45});
        EXPECT_LE(*o.next_attempt_at, now + seconds{60});
    }
    const DeliveryOutcome o = put_off(claim(1, seconds{30}), "no key", wait_for_secret({}), now, rng);
    EXPECT_EQ(o.next, DeliveryState::expired);
    EXPECT_EQ(o.reason, "not delivered within 24h, its alert's deliver_within; last reason: no key");
}

TEST(Retry, PausesAfterAFailureOfOurOwnGrowWithTheDeliverysAgeAndEndAtItsDeadline) {
    const auto pause = [](Duration age, Duration left = std::chrono::hours{1},
                          const RetryPolicy& policy = {}) {
        ClaimedDelivery c = claim(1);
        c.created_at = now - age;
        c.deadline = now + left;
        return wait_for_ourselves(c, policy, now);
    };
    EXPECT_EQ(pause(seconds{0}), seconds{1});
    EXPECT_EQ(pause(seconds{10}), seconds{5});
    EXPECT_EQ(pause(seconds{100}), seconds{50});
    EXPECT_EQ(pause(std::chrono::hours{24}), seconds{60});
    EXPECT_EQ(pause(seconds{-10}), seconds{1}) << "a clock that was set back";
    EXPECT_EQ(pause(seconds{100}, seconds{20}), seconds{20}) << "once more before the deadline";
    EXPECT_EQ(pause(seconds{100}, milliseconds{200}), seconds{1}) << "too late: it expires";
    EXPECT_EQ(pause(seconds{100}, seconds{20}, {.backoff = {milliseconds{10}, milliseconds{20}}}),
              milliseconds{20});
}

TEST(Retry, AStatusCountsWhateverBecameOfTheBodyWhichIsNoted) {
    Rng rng(1);
    const auto outcome = [&](int status) {
        AttemptResult result;
        result.status = status;
        result.body_error = "it did not end in time";
        return decide(claim(1), made_for(claim(1)), result, {}, now, rng);
    };
    DeliveryOutcome o = outcome(200);
    EXPECT_EQ(o.next, DeliveryState::delivered);
    EXPECT_EQ(o.attempt->status, 200);
    EXPECT_EQ(o.attempt->error, "the answer's body is not whole: it did not end in time");
    EXPECT_EQ(o.reason, "");
    o = outcome(500);
    EXPECT_EQ(o.next, DeliveryState::pending);
    EXPECT_EQ(o.reason, "the receiver answered 500");
    EXPECT_EQ(o.attempt->error,
              "the receiver answered 500; the answer's body is not whole: it did not end in time");
    EXPECT_TRUE(outcome(410).disable_endpoint);
}

TEST(Retry, KeepsTheAttemptsDetails) {
    net::HttpResult http = fakes::http_status(500);
    http.duration = milliseconds{123};
    http.body = std::string(5000, 'x');
    http.headers = {{"content-type", "text/plain"}, {"retry-after", "7"}};
    http.remote_ip = "203.0.113.7";
    http.times = {
        .dns = milliseconds{1}, .connect = milliseconds{2}, .tls = {}, .first_byte = milliseconds{3}};
    const AttemptResult result = attempt_result(std::move(http));
    EXPECT_EQ(result.retry_after, "7");

    Rng rng(1);
    ClaimedDelivery c = claim(2);
    c.id = make_uuid(now);
    Attempt made = made_for(c);
    made.request_headers = "{}";
    const DeliveryOutcome o = decide(c, made, result, {}, now + seconds{1}, rng);
    EXPECT_EQ(o.attempt->delivery_id, c.id);
    EXPECT_EQ(o.attempt->number, 2);
    EXPECT_EQ(o.attempt_number, 2);
    EXPECT_EQ(o.attempt->started_at, now);
    EXPECT_EQ(o.ended_at, now + milliseconds{123});
    EXPECT_EQ(o.attempt->duration, milliseconds{123});
    EXPECT_EQ(o.attempt->request_headers, "{}");
    EXPECT_EQ(o.attempt->answer, std::string(1024, 'x'));
    EXPECT_EQ(o.attempt->remote_ip, "203.0.113.7");
    EXPECT_EQ(
        o.attempt->times,
        (AttemptTimes{
            .dns = milliseconds{1}, .connect = milliseconds{2}, .tls = {}, .first_byte = milliseconds{3}}));
}

TEST(Retry, AnErrorWithoutTextStillSaysSomething) {
    const auto reason = failure_of({.error = HttpError::tls});
    ASSERT_TRUE(reason);
    EXPECT_FALSE(reason->empty());
}

// A delivery's whole life, as its user and its operator see it.
TEST(Retry, StateAndLogLineByLine) {
    fakes::LogCapture log(log::Level::debug);
    Rng rng(5);
    const RetryPolicy policy{.attempts = 4, .backoff = {seconds{10}, seconds{10}}};
    const std::string id = "00000000-0000-0000-0000-000000000000";
    std::vector<std::string> states;
    const auto tell = [&](const ClaimedDelivery& c, const DeliveryOutcome& o) {
        log_outcome(c, o, "https://example.com:443", log::Level::debug);
        states.push_back(fmt::format("{} {}", to_string(o.next),
                                     o.next_attempt_at ? format_rfc3339(*o.next_attempt_at) : "-"));
    };
    const auto attempt = [&](const ClaimedDelivery& c, const AttemptResult& r) {
        tell(c, decide(c, made_for(c), r, policy, now, rng));
    };
    AttemptResult slow = failure(HttpError::timeout, "no answer within 5s");
    slow.duration = seconds{5};
    attempt(claim(1), status(500));
    attempt(claim(2), slow);
    attempt(claim(3), status(200));
    attempt(claim(4), status(500));
    attempt(claim(1, seconds{1}), status(500));
    attempt(claim(1), status(410));
    tell(claim(3, seconds{-1}), *ended_before(claim(3, seconds{-1}), now));
    ClaimedDelivery gone = claim(1);
    gone.alert.endpoint_disabled_at = now;
    tell(gone, *ended_before(gone, now));
    tell(claim(1), put_off(claim(1), "no key", seconds{60}, from_micros(0), rng));
    states.back() = states.back().substr(0, 7);

    EXPECT_EQ(states, (std::vector<std::string>{
                          "pending 2023-11-14T22:13:30Z",
                          "pending 2023-11-14T22:13:30Z",
                          "delivered -",
                          "failed -",
                          "expired -",
                          "failed -",
                          "expired -",
                          "failed -",
                          "pending",
                      }));
    const std::string same = " delivery_id=" + id + " alert_id=" + id + " endpoint=https://example.com:443 ";
    const std::string debug = "debug webhook attempt delivery_id=" + id + " alert_id=" + id;
    // Alerts from before traces: each delivery has its own.
    const std::string trace = " trace_id=00000000000000000000000000000000";
    const std::vector<std::string> wanted{
        debug +
            " attempt=1 endpoint=https://example.com:443 status=500 ms=0 next=pending reason=the receiver "
            "answered 500",
        debug +
            " attempt=2 endpoint=https://example.com:443 status=none ms=5000 next=pending reason=no answer "
            "within 5s",
        debug + " attempt=3 endpoint=https://example.com:443 status=200 ms=0 next=delivered reason=",
        "warn a webhook could not be delivered; its attempts are used up" + same +
            "attempts=4 reason=the receiver answered 500",
        "warn a webhook could not be delivered in time" + same +
            "attempts=1 reason=not delivered within 24h, its alert's deliver_within; the last attempt: the "
            "receiver answered 500",
        "warn a receiver wants no more webhooks; its user's deliveries to this URL end" + same +
            "attempts=1 reason=the receiver answered 410 Gone",
        "warn a webhook could not be delivered in time" + same +
            "attempts=2 reason=not delivered within 24h, its alert's deliver_within; no further attempt "
            "could "
            "be made in time",
        "warn a webhook was not sent; its URL is disabled" + same +
            "attempts=0 reason=no attempt was made: the URL was disabled at 2023-11-14T22:13:20Z; the list "
            "of endpoints says why",
        debug + " attempt=1 endpoint=https://example.com:443 status=none ms=0 next=pending reason=no key",
    };
    const auto lines = log.lines();
    ASSERT_EQ(lines.size(), wanted.size());
    for (std::size_t i = 0; i < wanted.size(); ++i) EXPECT_EQ(lines[i], wanted[i] + trace);
}

TEST(Retry, LogsAttemptsAtTheGivenLevel) {
    fakes::LogCapture log(log::Level::info);
    Rng rng(5);
    ClaimedDelivery c = claim(1);
    c.alert.trace = TraceContext{"4bf92f3577b34da6a3ce929d0e0e4736", true, ""};
    const DeliveryOutcome delivered = decide(c, made_for(c), status(204), {}, now, rng);
    log_outcome(c, delivered, "https://example.com:443", log::Level::debug);
    EXPECT_TRUE(log.lines().empty());
    log_outcome(c, delivered, "https://example.com:443", log::Level::info);
    log_outcome(c, decide(c, made_for(c), status(410), {}, now, rng), "https://example.com:443",
                log::Level::debug);
    EXPECT_EQ(log.count("info webhook attempt "), 1U);
    EXPECT_EQ(log.count("warn a receiver wants no more webhooks"), 1U);
    EXPECT_EQ(log.count(" trace_id=4bf92f3577b34da6a3ce929d0e0e4736"), 2U);
}

ClaimedDelivery push(int round) {
    ClaimedDelivery c = claim(round);
    c.push = PushTarget{.subscription_id = make_uuid(now), .endpoint = "https://push.example/x"};
    return c;
}

TEST(RetryOfPushes, EveryAnswerOfAPushService) {
    const auto outcome = [](const AttemptResult& result, int round = 1) {
        Rng rng(1);
        const ClaimedDelivery c = push(round);
        const DeliveryOutcome o = decide(c, made_for(c), result, {}, now, rng);
        EXPECT_EQ(o.push_id, c.push->subscription_id);
        EXPECT_FALSE(o.disable_endpoint) << "that is about the webhook's URL";
        return fmt::format("{}{}{}", to_string(o.next), o.push_gone ? ", gone" : "",
                           o.reason.empty() ? "" : ": " + o.reason);
    };
    for (const int code : {200, 201, 202, 204}) EXPECT_EQ(outcome(status(code)), "delivered");
    EXPECT_EQ(outcome(status(404)),
              "failed, gone: the push service answered 404: the browser has ended its subscription");
    EXPECT_EQ(outcome(status(410)),
              "failed, gone: the push service answered 410 Gone: the browser has ended its subscription");
    EXPECT_EQ(outcome(status(413)), "failed: the push service answered 413: the message is too long for it");
    EXPECT_EQ(outcome(status(403)),
              "pending: the push service answered 403; does push.contact name an address that exists?");
    EXPECT_EQ(outcome(status(429)), "pending: the push service answered 429");
    EXPECT_EQ(outcome(status(503)), "pending: the push service answered 503");
    EXPECT_EQ(outcome(status(503), 4), "failed: the push service answered 503");
    EXPECT_EQ(outcome(failure(HttpError::timeout, "no answer within 5s")), "pending: no answer within 5s");
}

TEST(RetryOfPushes, WaitAsLongAsTheServiceAsks) {
    EXPECT_EQ(run(push(1), status(429, "120")),
              "attempt 1 -> pending in 120..130 s, status 429: the push service answered 429");
}

TEST(RetryOfPushes, EndWithTheirDeviceAndNotWithTheWebhooksUrl) {
    ClaimedDelivery c = push(1);
    c.alert.endpoint_disabled_at = now;
    EXPECT_FALSE(ended_before(c, now));
    c.push->endpoint.clear();
    EXPECT_EQ(ended_before(c, now)->reason, "no attempt was made: the device was removed");
    EXPECT_EQ(ended_before(c, now)->next, DeliveryState::failed);
    c = push(1);
    EXPECT_EQ(ended_before(c, c.deadline + seconds{1})->next, DeliveryState::expired);
}

TEST(RetryOfPushes, AreLoggedAsPushes) {
    fakes::LogCapture log;
    Rng rng(1);
    const auto tell = [&](const ClaimedDelivery& c, const DeliveryOutcome& outcome) {
        log_outcome(c, outcome, "https://push.example:443", log::Level::info);
    };
    const auto attempt = [&](const ClaimedDelivery& c, int code) {
        tell(c, decide(c, made_for(c), status(code), {}, now, rng));
    };
    attempt(push(1), 201);
    attempt(push(4), 500);
    attempt(push(1), 410);
    ClaimedDelivery gone = push(1);
    gone.push->endpoint.clear();
    tell(gone, *ended_before(gone, now));
    EXPECT_EQ(log.count("info push attempt "), 1U);
    EXPECT_EQ(log.count("warn a push could not be delivered; its attempts are used up "), 1U);
    EXPECT_EQ(log.count("info a browser wants no more pushes; its device is removed "), 1U);
    EXPECT_EQ(log.count("info a push was not sent; its device was removed "), 1U);
}

}  // namespace
}  // namespace pricewire::deliver::retry_tests
