// What a kill may repeat.
#include <gtest/gtest.h>

#include <algorithm>

#include "deliver/dispatcher_fixture.hpp"

namespace pricewire::deliver {
namespace {

class DispatcherExposure : public DispatcherTest {
protected:
    DispatcherExposure() { options_.exposed = 8; }
    // Answers `url` at once; everything else stays open.
    void answer_only(const std::string& url, Duration took = milliseconds{1}) {
        client_->script = [url, took](const net::HttpRequest& request) -> std::optional<net::HttpResult> {
            if (request.url != url) return std::nullopt;
            net::HttpResult result = fakes::http_status(200);
            result.duration = took;
            return result;
        };
    }
    SenderOptions options_;
    const std::string near_ = "https://near.example/hook";
};

TEST_F(DispatcherExposure, WhatIsAnsweredAndNotRecordedStopsNewAttempts) {
    fakes::LogCapture log;
    start(options_);
    answer_only(near_);
    settle();
    const auto tasks = fire(100, near_);
    std::vector<queue::QueuedTask> queued;
    for (const DeliveryTask& task : tasks) queued.push_back({task});
    dispatcher_->on_tasks(queued, true);
    dispatcher_->step();  // claims them, and starts two
    storage_.fail("disk full");
    pass(seconds{20}, seconds{1});
    EXPECT_GE(client_->seen().size(), 6U);
    EXPECT_LE(client_->seen().size(), 8U) << "a kill would repeat no more";
    EXPECT_EQ(dispatcher_->stats().unrecorded, client_->seen().size());
    storage_.heal();
    pass(seconds{10});
    EXPECT_EQ(storage_.count(DeliveryState::delivered), 100U);
    EXPECT_EQ(client_->seen().size(), 100U) << "each once";
}

TEST_F(DispatcherExposure, NoMoreAreUnderWayToNearEndpointsThanThat) {
    options_.exposed = 16;
    start(options_);
    hint(fire(300, near_));
    std::size_t most = 0;
    while (client_->open() > 0) {
        most = std::max(most, client_->open());
        EXPECT_LE(dispatcher_->stats().exposed, 16U);
        while (client_->open() > 0) client_->answer(0, fakes::http_status(200));
        pass(milliseconds{2}, milliseconds{1});
    }
    EXPECT_EQ(most, 12U) << "a user alone has three quarters";
    EXPECT_EQ(storage_.count(DeliveryState::delivered), 300U);
}

TEST_F(DispatcherExposure, EndpointsThatHangHoldNobodyUp) {
    start(options_);
    answer_only(near_);
    hint(fire(50, "https://hangs{}.example/hook"));
    EXPECT_LE(client_->open(), 8U);
    hint(fire(20, near_));
    pass(milliseconds{200}, milliseconds{5});
    EXPECT_EQ(storage_.count(DeliveryState::delivered), 20U);
    EXPECT_EQ(client_->open(), 50U) << "each is tried soon";
}

TEST_F(DispatcherExposure, AsManyAsBeforeGoToEndpointsFarAway) {
    start(options_);
    const std::string far = "https://far.example/hook";
    for (int round = 0; round < 8; ++round) {
        hint(fire(100, far));
        pass(milliseconds{40}, milliseconds{10});
        while (client_->open() > 0) {
            net::HttpResult late = fakes::http_status(200);
            late.duration = milliseconds{40};
            client_->answer(0, late);
        }
        settle();
    }
    hint(fire(100, far));
    EXPECT_EQ(client_->open(), 64U);
}

}  // namespace
}  // namespace pricewire::deliver
