// 'pricewire users' beside a running Pricewire whose registration is closed, on both storages.
#include <gtest/gtest.h>

#include <optional>
#include <string>

#include "scenarios/sides.hpp"
#include "support/deployment.hpp"

namespace pricewire::test {
namespace {

// What follows `name` in "name   value" lines.
std::string value_of(const std::string& output, const std::string& name) {
    const std::size_t at = ("\n" + output).find("\n" + name + " ");
    if (at == std::string::npos) return {};
    const std::size_t from = output.find_first_not_of(' ', at + name.size());
    return output.substr(from, output.find('\n', from) - from);
}

class UsersCommand : public testing::TestWithParam<Side> {
protected:
    void SetUp() override {
        if (!can_run(GetParam())) GTEST_SKIP() << why_not_run;
        deployment_.emplace(on(GetParam(), {.config = {{"PRICEWIRE_USERS_REGISTRATION", "closed"}}}));
    }
    // The status of a request with this key.
    int me(const std::string& key) {
        return deployment_->http().get(deployment_->api("/users/me"), {{"X-API-Key", key}}).status;
    }
    std::optional<Deployment> deployment_;
};
INSTANTIATE_TEST_SUITE_P(Sides, UsersCommand, both_sides(), name_of_side);

TEST_P(UsersCommand, MakesAccountsThatTheServerKnowsAtOnce) {
    deployment_->start_pricewire();
    EXPECT_EQ(deployment_->http()
                  .post(deployment_->api("/users/register"), R"({"email":"a@example.com"})",
                        {{"Content-Type", "application/json"}})
                  .status,
              403);

    const auto made = deployment_->run({"users", "create", "a@example.com"});
    EXPECT_EQ(made.code, 0) << made.output;
    const std::string key = value_of(made.output, "api_key");
    EXPECT_TRUE(key.starts_with("sk_live_")) << made.output;
    EXPECT_TRUE(value_of(made.output, "webhook_secret").starts_with("whsec_")) << made.output;
    EXPECT_EQ(me(key), 200);
    EXPECT_EQ(deployment_->pricewire_output().find(key), std::string::npos);

    const auto taken = deployment_->run({"users", "create", "A@example.com"});
    EXPECT_EQ(taken.code, 1);
    EXPECT_NE(taken.output.find("is already registered"), std::string::npos) << taken.output;
    for (const char* wrong : {"nobody", "a@b", "a b@example.com"}) {
        const auto invalid = deployment_->run({"users", "create", wrong});
        EXPECT_EQ(invalid.code, 2) << wrong;
        EXPECT_NE(invalid.output.find("not a valid e-mail address"), std::string::npos) << invalid.output;
    }

    const auto reset = deployment_->run({"users", "reset-key", "a@example.com"});
    EXPECT_EQ(reset.code, 0) << reset.output;
    EXPECT_EQ(me(value_of(reset.output, "api_key")), 200);
    deployment_->wait_until("the old key to stop working", [&] { return me(key) == 401; });
    EXPECT_EQ(deployment_->run({"users", "reset-key", "b@example.com"}).code, 1);
    EXPECT_NE(deployment_->run({"users", "list"}).output.find("a@example.com"), std::string::npos);
    EXPECT_EQ(deployment_->stop_pricewire(), 0);
}

// Its secret is sealed under the key that the first start will use.
TEST_P(UsersCommand, MakesTheFirstAccountBeforeAnyStart) {
    if (GetParam() == Side::embedded) {
        EXPECT_EQ(deployment_->run({"users", "list"}).code, 1) << "there is no database yet";
    }
    const auto made = deployment_->run({"users", "create", "first@example.com"});
    ASSERT_EQ(made.code, 0) << made.output;
    const Account account{value_of(made.output, "api_key"), value_of(made.output, "webhook_secret")};
    deployment_->start_pricewire();
    EXPECT_EQ(deployment_->http()
                  .post(deployment_->receiver_url() + "/_receiver/secrets", account.webhook_secret)
                  .status,
              204);
    const std::string alert = deployment_->create_alert(account, "BTC", "gt", "1");
    deployment_->wait_until("a webhook with a good signature", [&] {
        for (const Received& one : deployment_->received()) {
            if (one.alert_id == alert) return one.signature_ok;
        }
        return false;
    });
    EXPECT_EQ(deployment_->stop_pricewire(), 0);
}

}  // namespace
}  // namespace pricewire::test
