// Claims that the database has committed, and whose answers are lost.
#include "deliver/dispatcher_fixture.hpp"

namespace pricewire::deliver {
namespace {

class DispatcherLostClaimsTest : public DispatcherTest {
protected:
    void expect_all_sent_within_two_seconds(std::size_t count) {
        EXPECT_EQ(client_->open(), 0U);
        pass(seconds{2});
        EXPECT_EQ(client_->seen().size(), count);
        while (client_->open() > 0) client_->answer(0, fakes::http_status(200));
        settle();
        EXPECT_EQ(storage_.count(DeliveryState::delivered), count);
        pass(seconds{40});
        EXPECT_EQ(client_->seen().size(), count) << "each once";
        EXPECT_EQ(log_.count("deliveries whose claims were not answered"), 1U);
    }
    fakes::LogCapture log_;
};

TEST_F(DispatcherLostClaimsTest, WhatAClaimOfTasksHasTakenIsClaimedAgainSoon) {
    start();
    settle();
    const auto tasks = fire(3, "https://host{}.example.com/");
    storage_.lose_answers_of("claim", 1);
    hint(tasks);
    EXPECT_EQ(storage_.count(DeliveryState::delivering), 3U);
    expect_all_sent_within_two_seconds(3);
}

TEST_F(DispatcherLostClaimsTest, WhatAClaimOfWhatIsDueHasTakenIsClaimedAgainSoon) {
    start();
    settle();
    fire(3, "https://host{}.example.com/");
    storage_.lose_answers_of("claim_due", 1);
    pass(seconds{1});
    expect_all_sent_within_two_seconds(3);
}

TEST_F(DispatcherLostClaimsTest, SoIsWhatAnAnsweredClaimHasTakenIfTheNextQuestionFails) {
    start();
    settle();
    fire(3, "https://host{}.example.com/");
    storage_.lose_answers_of("next_due", 1, 1);
    const int claims = storage_.calls("claim_due");
    while (storage_.calls("claim_due") == claims) pass(milliseconds{50});
    EXPECT_EQ(storage_.count(DeliveryState::delivering), 3U);
    expect_all_sent_within_two_seconds(3);
}

TEST_F(DispatcherLostClaimsTest, WhatAClaimOfALaneHasTakenIsClaimedAgainSoon) {
    start_and_open_breaker();
    client_->script = [](const net::HttpRequest&) { return fakes::http_status(200); };
    storage_.lose_answers_of("claim_lane", 1);
    pass(seconds{43});
    EXPECT_GT(storage_.calls("claim_lane"), 1);
    EXPECT_EQ(log_.count("deliveries whose claims were not answered"), 1U);
    EXPECT_EQ(storage_.count(DeliveryState::delivered), 10U) << "long before the lease ends";
}

// The server may still be waiting for a lock, or be slow, when the sender has given the answer up.
TEST_F(DispatcherLostClaimsTest, WhatAClaimTakesLaterIsFoundToo) {
    SenderOptions options;
    options.owner = "one";
    start(options);
    settle();
    const Timestamp lease_until = clock_.now() + options.timeout + seconds{30};
    storage_.fail_calls_of("claim");
    hint(fire(3, "https://host{}.example.com/"));
    storage_.fail_calls_of("");
    pass(seconds{2});
    EXPECT_EQ(client_->open(), 3U) << "nothing was lost yet";
    while (client_->open() > 0) client_->answer(0, fakes::http_status(200));
    settle();
    storage_.claim(fire(3, "https://host{}.example.com/"), clock_.now(), {"one", lease_until});
    expect_all_sent_within_two_seconds(6);
}

TEST_F(DispatcherLostClaimsTest, WhatOtherClaimsHaveTakenAtTheSameMomentStaysClaimed) {
    start();
    settle();
    const auto first = fire(2, "https://host{}.example.com/");
    const auto second = fire(3, "https://host{}.example.com/");
    hint(first);
    ASSERT_EQ(client_->open(), 2U);
    storage_.lose_answers_of("claim", 1);
    hint(second);
    pass(seconds{2});
    EXPECT_EQ(client_->seen().size(), 5U) << "each once";
    EXPECT_EQ(log_.count("deliveries whose claims were not answered are claimed again deliveries=3"), 1U);
}

}  // namespace
}  // namespace pricewire::deliver
