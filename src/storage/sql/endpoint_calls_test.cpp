#include "storage/sql/endpoint_calls.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace pricewire::storage::sql {
namespace {

constexpr Timestamp now{std::chrono::seconds{1'700'000'000}};

class EndpointTallyTest : public testing::Test {
protected:
    // Attempts to these, where there is room for two endpoints.
    bool add(const std::vector<std::string>& urls) {
        std::vector<DeliveryOutcome> outcomes;
        for (const std::string& url : urls) {
            DeliveryOutcome out{.delivery_id = make_uuid(now), .attempt_number = 1};
            out.attempt = Attempt{out.delivery_id, 1, now, Duration{1}, 200};
            out.next = DeliveryState::delivered;
            out.user_id = user_;
            out.webhook_url = url;
            outcomes.push_back(std::move(out));
        }
        std::vector<const DeliveryOutcome*> written;
        for (const DeliveryOutcome& out : outcomes) written.push_back(&out);
        return tally_.add(written, 2);
    }
    // "a 2" for two attempts to a.
    std::string counted() const {
        std::string out;
        for (const auto& [key, endpoint] : tally_.endpoints()) {
            std::int64_t count = 0;
            for (const auto& [calls, of_these] : endpoint.calls) count += of_these;
            out += (out.empty() ? "" : ", ") + key.second + " " + std::to_string(count);
        }
        return out;
    }

    const Uuid user_ = make_uuid(now);
    EndpointTally tally_;
};

TEST_F(EndpointTallyTest, OneThatIsFullGoesOnWithTheEndpointsThatItHas) {
    EXPECT_TRUE(add({"a", "b", "a"}));
    EXPECT_FALSE(add({"c", "b", "d"}));
    EXPECT_EQ(counted(), "a 2, b 2");
    EXPECT_TRUE(add({"a"}));
    EXPECT_EQ(counted(), "a 3, b 2");
}

TEST_F(EndpointTallyTest, WhatCouldNotBeWrittenComesBackThoughItHasFilledMeanwhile) {
    add({"a"});
    EndpointTally taken = tally_.take(10);
    EXPECT_EQ(counted(), "");
    EXPECT_TRUE(add({"b", "c", "c"}));
    tally_.add(taken);
    EXPECT_EQ(counted(), "a 1, b 1, c 2");
    EXPECT_FALSE(add({"d"}));
    EXPECT_TRUE(add({"a"}));
    tally_.take(2);
    EXPECT_EQ(counted(), "c 2");
    EXPECT_TRUE(add({"d"}));
}

}  // namespace
}  // namespace pricewire::storage::sql
