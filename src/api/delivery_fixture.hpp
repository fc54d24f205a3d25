#pragma once

#include "api/api_fixture.hpp"

namespace pricewire::api {

// Deliveries of two users and a scripted sender.
class DeliveryFixture : public ApiTest {
protected:
    std::string create(const Account& account, const std::string& target = "70000",
                       const std::string& url = "https://hooks.example.com/a?key=1") {
        const Answer answer =
            call_as(account, "POST", "/api/v1/alerts", alert_body(target, "BTC", "gt", url));
        EXPECT_EQ(answer.status, 201) << answer.body;
        return member(answer.body, "id");
    }
    // The delivery of a new alert.
    std::string fired(const Account& account, const std::string& target = "70000",
                      const std::string& url = "https://hooks.example.com/a") {
        return fire(create(account, target, url), "70000.5");
    }
    void claim(const std::string& id, int number) {
        const DeliveryTask task{*Uuid::parse(id), number};
        ASSERT_EQ(storage_.claim({&task, 1}, clock_.now(), {"test", clock_.now() + 30s}).size(), 1u);
    }
    void record(const std::string& id, int number, DeliveryState next, std::optional<Attempt> attempt = {},
                bool disable = false) {
        DeliveryOutcome outcome{
            .delivery_id = *Uuid::parse(id), .attempt_number = number, .attempt = std::move(attempt)};
        if (outcome.attempt) {
            outcome.attempt->delivery_id = outcome.delivery_id;
            outcome.attempt->number = number;
        }
        outcome.next = next;
        if (next == DeliveryState::pending) outcome.next_attempt_at = clock_.now() + 10s;
        if (next != DeliveryState::delivered) outcome.reason = "503 Service Unavailable";
        outcome.ended_at = clock_.now();
        outcome.disable_endpoint = disable;
        storage_.record({&outcome, 1});
    }
    Breaker open_breaker(const std::string& email, std::string endpoint, int failures) {
        return {storage_.user_by_email(email)->id,
                std::move(endpoint),
                BreakerState::open,
                failures,
                clock_.now() + 60s,
                "no answer",
                clock_.now()};
    }
    void end(const std::string& id, DeliveryState state, bool disable = false) {
        claim(id, 1);
        Attempt attempt;
        attempt.started_at = clock_.now();
        attempt.status = state == DeliveryState::delivered ? 200 : 503;
        record(id, 1, state, attempt, disable);
    }

    Account ann_ = register_user("ann@example.com");
    Account bob_ = register_user("bob@example.com");
};

}  // namespace pricewire::api
