// Receivers whose answers are odd, cut off or endless, with the real program: what they say counts.
#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "scenarios/sides.hpp"
#include "support/deployment.hpp"
#include "support/hostile_receiver.hpp"

namespace pricewire::test {
namespace {

class OddAnswers : public ::testing::TestWithParam<Side> {};
INSTANTIATE_TEST_SUITE_P(Sides, OddAnswers, both_sides(), name_of_side);

struct Answer {
    Behaviour behaviour;
    const char* state;
    const char* attempts;
    const char* reason = "";
};

constexpr Answer answers[] = {
    {Behaviour::keeps_open, "delivered", "1:200 "},
    {Behaviour::drips_body, "delivered", "1:200 "},
    {Behaviour::ends_early, "delivered", "1:200 "},
    {Behaviour::huge_body, "delivered", "1:200 "},
    {Behaviour::negative_length, "delivered", "1:200 "},
    {Behaviour::garbage_chunks, "delivered", "1:200 "},
    {Behaviour::many_headers, "delivered", "1:200 "},
    {Behaviour::informs_first, "delivered", "1:200 "},
    {Behaviour::gone, "failed", "1:410 "},
    {Behaviour::endless_header_line, "failed", "1:0 ", "the answer's headers are too large"},
    {Behaviour::endless_headers, "failed", "1:0 ", "the answer's headers are too large"},
    {Behaviour::informational_flood, "failed", "1:0 ", "too many informational answers (1xx)"},
    {Behaviour::http09, "failed", "1:0 ", "the answer is not HTTP/1.1"},
};

TEST_P(OddAnswers, TheStatusCountsAndNothingElse) {
    if (!can_run(GetParam())) GTEST_SKIP() << why_not_run;
    Deployment deployment(on(GetParam(), {.sim = {"--paused"},
                                          .receiver = {},
                                          .config = {{"PRICEWIRE_DELIVERY_ATTEMPTS", "1"},
                                                     {"PRICEWIRE_DELIVERY_TIMEOUT", "20s"}}}));
    deployment.start_pricewire();
    const Account account = deployment.register_user("odd@example.com");
    const net::Headers key{{"X-API-Key", account.api_key}};
    std::vector<std::unique_ptr<HostileReceiver>> receivers;
    std::map<std::string, const Answer*> alerts;
    for (const Answer& answer : answers) {
        receivers.push_back(std::make_unique<HostileReceiver>(HostileOptions{.behaviour = answer.behaviour}));
        const auto created =
            deployment.http().post(deployment.api("/alerts/"),
                                   R"({"ticker":"BTC","condition":"gt","target_price":101,"webhook_url":")" +
                                       receivers.back()->url() + "\"}",
                                   key);
        ASSERT_EQ(created.status, 201) << created.body;
        alerts[json_member(created.body, "id").value()] = &answer;
    }
    deployment.wait_until("the stream",
                          [&] { return json_member(deployment.sim_status(), "clients") == "1"; });
    deployment.sim_post("price/BTCUSDT", "102");
    for (const auto& [alert, answer] : alerts) {
        std::string shown;
        deployment.wait_until(std::string(to_string(answer->behaviour)), [&] {
            const auto list =
                deployment.http().get(deployment.api("/alerts/" + alert + "/deliveries"), key).body;
            const auto id = json_member(list, "id");
            if (!id) return false;
            shown = deployment.http().get(deployment.api("/deliveries/" + *id), key).body;
            const auto state = json_member(shown, "status");
            return state == "delivered" || state == "failed";
        });
        EXPECT_EQ(json_member(shown, "status"), answer->state) << shown;
        EXPECT_EQ(attempts_in(shown), answer->attempts) << shown;
        EXPECT_NE(shown.find(answer->reason), std::string::npos) << shown;
        EXPECT_EQ(shown.find("memory"), std::string::npos) << shown;
    }
}

}  // namespace
}  // namespace pricewire::test
