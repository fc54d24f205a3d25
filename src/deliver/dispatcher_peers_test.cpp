// Senders that share a database; the other one is played by the test.
#include <algorithm>

#include "deliver/dispatcher_fixture.hpp"

namespace pricewire::deliver {
namespace {

class DispatcherPeersTest : public DispatcherTest {
protected:
    static SenderOptions shared() {
        SenderOptions options;
        options.owner = "one";
        options.alive_for = seconds{3};
        return options;
    }
    void other_claims(const std::vector<DeliveryTask>& tasks) {
        storage_.claim(tasks, clock_.now(), {"other", clock_.now() + seconds{35}});
    }
    fakes::LogCapture log_;
};

TEST_F(DispatcherPeersTest, ASenderThatIsAloneReportsAndChecksNothing) {
    start();
    pass(seconds{10});
    EXPECT_EQ(storage_.calls("keep_alive") + storage_.calls("release_dead"), 0);
}

TEST_F(DispatcherPeersTest, ALiveSenderKeepsItsClaims) {
    start(shared());
    hint(fire(3));
    for (int i = 0; i < 100; ++i) {
        pass(milliseconds{250});
        ASSERT_EQ(storage_.release_dead(clock_.now()), 0U);
    }
    EXPECT_EQ(storage_.count(DeliveryState::delivering), 3U);
    EXPECT_LT(storage_.calls("keep_alive"), 30) << "every second";
}

TEST_F(DispatcherPeersTest, ADeadSendersClaimsAreTakenOverWithinFiveSeconds) {
    start(shared());
    settle();
    const auto tasks = fire(20, "https://host{}.example.com/");
    storage_.keep_alive("other", clock_.now(), seconds{3});
    other_claims(tasks);
    pass(milliseconds{2900});
    EXPECT_EQ(client_->seen().size(), 0U);
    pass(milliseconds{2100});
    EXPECT_EQ(client_->open(), 20U);
    EXPECT_EQ(log_.count("a sender has died"), 1U);
    while (client_->open() > 0) client_->answer(0, fakes::http_status(200));
    settle();
    EXPECT_EQ(storage_.count(DeliveryState::delivered), 20U);
}

TEST_F(DispatcherPeersTest, AnOwnerThatNeverReportedKeepsItsClaimsUntilTheirLeasesEnd) {
    start(shared());
    settle();
    other_claims(fire(5));
    pass(seconds{30});
    EXPECT_EQ(client_->seen().size(), 0U);
    pass(seconds{10});
    EXPECT_GT(client_->seen().size(), 0U);
}

TEST_F(DispatcherPeersTest, WithoutTheDatabaseItStartsNothingAndLosesNothing) {
    SenderOptions options = shared();
    options.concurrency = 4;
    start(options);
    hint(fire(12, "https://host{}.example.com/"));
    const std::size_t begun = client_->seen().size();
    ASSERT_LT(begun, 12U);
    storage_.fail();
    pass(seconds{4});
    while (client_->open() > 0) client_->answer(0, fakes::http_status(200));
    pass(seconds{2});
    EXPECT_EQ(client_->seen().size(), begun) << "others may have the rest";
    storage_.heal();
    for (int i = 0; i < 20; ++i) {
        pass(milliseconds{500});
        while (client_->open() > 0) client_->answer(0, fakes::http_status(200));
    }
    EXPECT_EQ(storage_.count(DeliveryState::delivered), 12U);
    EXPECT_EQ(client_->seen().size(), 12U)
        << "each once: what had ended was written before it was given back";
    EXPECT_EQ(log_.count("did not report in time that it is alive"), 1U);
}

TEST_F(DispatcherPeersTest, DeliveriesThatOthersTookOverStayTheirs) {
    SenderOptions options = shared();
    options.concurrency = 4;
    start(options);
    const auto tasks = fire(12, "https://host{}.example.com/");
    hint(tasks);
    const std::size_t begun = client_->seen().size();
    storage_.fail();
    pass(seconds{4});
    storage_.heal();
    storage_.keep_alive("other", clock_.now(), seconds{60});
    EXPECT_GT(storage_.release_dead(clock_.now()), 0U);
    other_claims(tasks);
    for (int i = 0; i < 10; ++i) {
        pass(milliseconds{500});
        while (client_->open() > 0) client_->answer(0, fakes::http_status(200));
    }
    EXPECT_EQ(client_->seen().size(), begun);
    EXPECT_EQ(storage_.count(DeliveryState::delivered), begun)
        << "those under way are written, by their number";
    EXPECT_EQ(storage_.count(DeliveryState::delivering), 12U - begun) << "and the other keeps the rest";
}

TEST_F(DispatcherPeersTest, ReportsWhileItStops) {
    start(shared());
    hint(fire(2));
    dispatcher_->begin_stop();
    for (int i = 0; i < 20; ++i) {
        pass(milliseconds{500});
        ASSERT_EQ(storage_.release_dead(clock_.now()), 0U) << "its attempts are under way still";
    }
    dispatcher_->finish();
    EXPECT_EQ(storage_.count(DeliveryState::pending), 2U);
}

}  // namespace
}  // namespace pricewire::deliver
