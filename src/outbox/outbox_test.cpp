#include "outbox/outbox.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <atomic>

#include <stdexcept>
#include <string>
#include <vector>

#include "base/crypto.hpp"
#include "base/mutex.hpp"
#include "fakes/log_capture.hpp"
#include "fakes/test_storage.hpp"
#include "queue/in_process/in_process_queue.hpp"

namespace pricewire::outbox {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

const OutboxOptions quick{.backoff = {milliseconds{1}, milliseconds{5}}};

class OutboxTest : public testing::Test {
protected:
    void SetUp() override {
        ASSERT_TRUE(storage_.create_user({{user_, "a@example.com", true, now_}, {}, "whsec_AAAA"}));
        queue_->consume([this](std::span<const queue::QueuedTask> tasks) {
            MutexLock lock(mutex_);
            for (const queue::QueuedTask& t : tasks) published_.push_back(t.task);
        });
    }
    void TearDown() override { queue_->consume({}); }

    FiringGroup group(int alerts) {
        FiringGroup g = storage_.add_alerts(
            alerts, {.user_id = user_, .webhook_url = "https://example.com/", .created_at = now_});
        g.price.value = Decimal::from_int(70'001);
        return g;
    }
    // Firings claim for "sender".
    OutboxOptions claiming() const {
        OutboxOptions options = quick;
        options.claim = [this] { return std::optional(storage::Claim{"sender", now_ + seconds{30}}); };
        options.claimed = [](auto, auto) {};
        return options;
    }
    std::vector<DeliveryTask> published() {
        MutexLock lock(mutex_);
        return published_;
    }
    std::size_t written() { return storage_.count(DeliveryState::pending); }

    const Timestamp now_ = system_clock().now();
    const Uuid user_ = make_uuid(now_);
    fakes::TestStorage storage_;
    std::unique_ptr<queue::DeliveryQueue> queue_ = queue::create_in_process_queue();
    Mutex mutex_;
    std::vector<DeliveryTask> published_ GUARDED_BY(mutex_);
};

TEST_F(OutboxTest, WritesFiringsAndThenPublishesTheTasks) {
    const auto outbox = start_outbox(storage_, *queue_, quick);
    EXPECT_TRUE(outbox->push(group(3)));
    EXPECT_TRUE(outbox->push(group(2)));
    EXPECT_EQ(outbox->stop(seconds{30}), 0U);
    EXPECT_EQ(written(), 5U);
    EXPECT_EQ(outbox->written(), 5U);
    EXPECT_EQ(outbox->pending(), 0U);
    ASSERT_EQ(published().size(), 5U);
    EXPECT_EQ(published()[0].attempt, 1);
}

TEST_F(OutboxTest, PublishesNothingForADeletedAlert) {
    const auto outbox = start_outbox(storage_, *queue_, quick);
    FiringGroup g = group(2);
    ASSERT_TRUE(storage_.delete_alert(user_, g.firings[0].alert_id));
    const Uuid kept = g.firings[1].delivery_id;
    outbox->push(g);
    outbox->push(g);
    outbox->stop(seconds{30});
    ASSERT_EQ(published().size(), 1U);
    EXPECT_EQ(published()[0].delivery_id, kept);
}

TEST_F(OutboxTest, LogsEachFiredAlertWithItsDelivery) {
    fakes::LogCapture log;
    const auto outbox = start_outbox(storage_, *queue_, quick);
    FiringGroup g = group(3);
    ASSERT_TRUE(storage_.delete_alert(user_, g.firings[0].alert_id));
    FiringGroup again = g;
    for (Firing& firing : again.firings) firing.delivery_id = make_uuid(now_);
    outbox->push(g);
    outbox->push(again);
    outbox->stop(seconds{30});
    const auto line = [](const Firing& f) {
        return "info alert fired alert_id=" + f.alert_id.to_string() +
               " delivery_id=" + f.delivery_id.to_string() + " ticker=BTC price=70001";
    };
    EXPECT_EQ(log.lines(), (std::vector<std::string>{line(g.firings[1]), line(g.firings[2])}));
}

TEST_F(OutboxTest, LogsManyFiringsInOneLineAndEachAtDebugLevel) {
    {
        fakes::LogCapture log;
        const auto outbox = start_outbox(storage_, *queue_, quick);
        outbox->push(group(21));
        outbox->stop(seconds{30});
        EXPECT_EQ(log.lines(),
                  std::vector<std::string>{"info alerts fired alerts=21 ticker=BTC price=70001"});
    }
    fakes::LogCapture log(log::Level::debug);
    const auto outbox = start_outbox(storage_, *queue_, quick);
    outbox->push(group(21));
    outbox->stop(seconds{30});
    EXPECT_EQ(log.count("info alerts fired alerts=21"), 1U);
    EXPECT_EQ(log.count("debug alert fired alert_id="), 21U);
}

TEST_F(OutboxTest, KeepsFiringsWhileTheDatabaseIsUnreachableAndLogsItOnce) {
    fakes::LogCapture log;
    const auto outbox = start_outbox(storage_, *queue_, quick);
    std::vector<FiringGroup> groups;
    for (int i = 0; i < 20; ++i) groups.push_back(group(2));
    storage_.fail("disk full");
    for (FiringGroup& g : groups) outbox->push(std::move(g));
    ASSERT_TRUE(storage_.wait_until([&] { return storage_.calls("fire") >= 5; }));
    EXPECT_EQ(outbox->pending(), 40U);
    EXPECT_EQ(published().size(), 0U);
    storage_.heal();
    ASSERT_TRUE(storage_.wait_until([&] { return outbox->pending() == 0; }));
    EXPECT_EQ(written(), 40U);
    EXPECT_EQ(published().size(), 40U);
    EXPECT_EQ(log.count("firings cannot be written; they are kept"), 1U);
    EXPECT_EQ(log.count("disk full"), 1U);
    EXPECT_EQ(log.count("firings are written again"), 1U);
}

TEST_F(OutboxTest, FiringsAreBatchedDuringACommit) {
    const auto outbox = start_outbox(storage_, *queue_, quick);
    std::vector<FiringGroup> groups;
    for (int i = 0; i < 101; ++i) groups.push_back(group(1));
    storage_.fail();
    outbox->push(std::move(groups[0]));
    ASSERT_TRUE(storage_.wait_until([&] { return storage_.calls("fire") > 0; }));
    for (std::size_t i = 1; i < groups.size(); ++i) outbox->push(std::move(groups[i]));
    storage_.heal();
    EXPECT_EQ(outbox->stop(seconds{30}), 0U);
    EXPECT_EQ(written(), 101U);
    EXPECT_EQ(outbox->commits(), 2U) << "one for the first, one for the hundred that gathered behind it";
}

TEST_F(OutboxTest, NotesAreSettledInOrderWithFirings) {
    const auto outbox = start_outbox(storage_, *queue_, quick);
    std::vector<FiringGroup> groups{group(2), {}, {}};
    groups[1].notes.resize(1);
    groups[2].expiries.resize(1);
    storage_.fail();
    for (FiringGroup& g : groups) outbox->push(std::move(g));
    EXPECT_EQ(outbox->taken(), 4U);
    EXPECT_EQ(outbox->settled(), 0U);
    storage_.heal();
    EXPECT_EQ(outbox->stop(seconds{30}), 0U);
    EXPECT_EQ(outbox->settled(), 4U);
    EXPECT_EQ(written(), 2U);
}

TEST_F(OutboxTest, LimitsTheFiringsOfOneTransaction) {
    OutboxOptions options = quick;
    options.max_firings_per_commit = 10;
    const auto outbox = start_outbox(storage_, *queue_, options);
    std::vector<FiringGroup> groups;
    groups.push_back(group(1));
    for (int i = 0; i < 5; ++i) groups.push_back(group(4));
    groups.push_back(group(25));
    storage_.fail();
    outbox->push(std::move(groups[0]));
    ASSERT_TRUE(storage_.wait_until([&] { return storage_.calls("fire") > 0; }));
    for (std::size_t i = 1; i < groups.size(); ++i) outbox->push(std::move(groups[i]));
    storage_.heal();
    outbox->stop(seconds{30});
    EXPECT_EQ(written(), 46U);
    EXPECT_EQ(outbox->commits(), 5U) << "1, 4+4, 4+4, 4, and 25 alone";
}

TEST_F(OutboxTest, ManyOfOnePriceAreWrittenInPartsThatGrow) {
    struct Commit {
        std::size_t firings, tasks, notes;
        bool operator==(const Commit&) const = default;
    };
    std::vector<Commit> commits;
    OutboxOptions options = quick;
    options.first_of_many = 3;
    options.written = [&](std::span<const FiringGroup> groups, std::span<const DeliveryTask> written) {
        Commit& commit = commits.emplace_back();
        commit.tasks = written.size();
        for (const FiringGroup& g : groups) {
            commit.firings += g.firings.size();
            commit.notes += g.notes.size();
            EXPECT_EQ(g.price.value, Decimal::from_int(70'001));
        }
    };
    const auto outbox = start_outbox(storage_, *queue_, options);
    FiringGroup many = group(12), more = group(60);
    many.notes.resize(1);
    more.notes.resize(1);
    std::vector<Uuid> fired;
    for (const FiringGroup* g : {&many, &more}) {
        for (const Firing& firing : g->firings) fired.push_back(firing.delivery_id);
    }
    outbox->push(many);
    ASSERT_TRUE(storage_.wait_until([&] { return outbox->pending() == 0; }));
    outbox->push(more);
    outbox->stop(seconds{30});
    EXPECT_EQ(outbox->pending(), 0U);
    EXPECT_EQ(commits, (std::vector<Commit>{{12, 12, 1}, {3, 3, 0}, {12, 12, 0}, {45, 45, 1}}))
        << "notes come after all firings";
    std::vector<Uuid> told;
    for (const DeliveryTask& task : published()) told.push_back(task.delivery_id);
    EXPECT_EQ(told, fired);
}

TEST_F(OutboxTest, PartsHaveAMost) {
    std::vector<std::size_t> commits;
    OutboxOptions options = quick;
    options.first_of_many = 3;
    options.most_of_many = 10;
    options.written = [&](auto, std::span<const DeliveryTask> written) { commits.push_back(written.size()); };
    const auto outbox = start_outbox(storage_, *queue_, options);
    outbox->push(group(45));
    outbox->stop(seconds{30});
    EXPECT_EQ(outbox->pending(), 0U);
    EXPECT_EQ(commits, (std::vector<std::size_t>{3, 10, 10, 10, 10, 2}));
}

TEST_F(OutboxTest, ALostAnswerFiresNothingTwice) {
    const auto outbox = start_outbox(storage_, *queue_, quick);
    storage_.lose_answers_of("fire", 1);
    outbox->push(group(4));
    EXPECT_EQ(outbox->stop(seconds{30}), 0U);
    EXPECT_EQ(storage_.calls("fire"), 2);
    EXPECT_EQ(storage_.all_deliveries().size(), 4U);
    EXPECT_EQ(published().size(), 0U) << "those are for the sender's look into the database";
}

TEST_F(OutboxTest, WhatALostAnswerHasClaimedIsReleasedAndPublished) {
    OutboxOptions options = quick;
    std::atomic<int> claims = 0;
    options.claim = [&] {
        ++claims;
        return std::optional(storage::Claim{"sender", now_ + seconds{30}});
    };
    options.claimed = [](auto, auto) { ADD_FAILURE() << "the sender knows of a claim only by an answer"; };
    std::size_t reported = 0;
    options.written = [&](auto, std::span<const DeliveryTask> tasks) { reported = tasks.size(); };
    const auto outbox = start_outbox(storage_, *queue_, options);
    storage_.lose_answers_of("fire", 1);
    outbox->push(group(3));
    EXPECT_EQ(outbox->stop(seconds{30}), 0U);
    EXPECT_EQ(claims, 1) << "a retry claims nothing";
    EXPECT_EQ(written(), 3U);
    EXPECT_EQ(published().size(), 3U);
    EXPECT_EQ(reported, 3U);
}

TEST_F(OutboxTest, TellsWhatIsComingBeforeTheCommitAndWhatDoesNotCome) {
    std::string told;  // by one thread after the other
    OutboxOptions options = claiming();
    options.coming = [&](const std::vector<ClaimedDelivery>& coming, Timestamp lease_until) {
        EXPECT_EQ(lease_until, now_ + seconds{30});
        EXPECT_EQ(storage_.count(DeliveryState::delivering), 0U) << "it is not committed";
        told += fmt::format("{} coming ", coming.size());
    };
    options.not_coming = [&] { told += "not coming "; };
    options.claimed = [&](const auto& claimed, Timestamp) {
        told += fmt::format("{} claimed ", claimed.size());
    };
    const auto outbox = start_outbox(storage_, *queue_, options);
    outbox->push(group(1));
    ASSERT_TRUE(storage_.wait_until([&] { return outbox->settled() == 1; }));
    storage_.release_claims("sender");
    storage_.lose_answers_of("fire", 1);
    outbox->push(group(2));
    EXPECT_EQ(outbox->stop(seconds{30}), 0U);
    EXPECT_EQ(told, "1 coming 1 claimed 2 coming not coming ");
}

TEST_F(OutboxTest, ALostClaimIsReleasedAgainIfTheAnswerToThatIsLostToo) {
    fakes::LogCapture log;
    const auto outbox = start_outbox(storage_, *queue_, claiming());
    storage_.lose_answers_of("fire", 1);
    storage_.lose_answers_of("release_claim", 2);
    outbox->push(group(1));
    ASSERT_TRUE(storage_.wait_until([&] { return outbox->settled() == 1; }));
    EXPECT_EQ(storage_.calls("release_claim"), 3);
    EXPECT_EQ(storage_.count(DeliveryState::pending), 1U) << "for the sender's look into the database";
    EXPECT_EQ(log.count("deliveries may wait for half a minute"), 0U);
}

TEST_F(OutboxTest, ALostClaimThatCannotBeReleasedWaitsForTheEndOfItsLease) {
    fakes::LogCapture log;
    const auto outbox = start_outbox(storage_, *queue_, claiming());
    storage_.lose_answers_of("fire", 1);
    storage_.fail_calls_of("release_claim");
    outbox->push(group(1));
    EXPECT_EQ(outbox->stop(seconds{30}), 0U);
    EXPECT_EQ(storage_.next_due(), now_ + seconds{30});
    EXPECT_EQ(log.count("deliveries may wait for half a minute"), 1U);
}

TEST_F(OutboxTest, HandsWhatAFiringHasClaimedToTheSenderAndPublishesTheRest) {
    const Uuid bob = make_uuid(now_);
    ASSERT_TRUE(storage_.create_user({{bob, "b@example.com", true, now_}, sha256("bob"), "whsec_AAAA"}));
    FiringGroup both = group(2);
    const FiringGroup bobs =
        storage_.add_alerts(1, {.user_id = bob, .webhook_url = "https://example.com/", .created_at = now_});
    both.firings.push_back(bobs.firings[0]);
    std::vector<Uuid> claimed;
    bool offers = true;
    OutboxOptions options = quick;
    options.claim = [&]() -> std::optional<storage::Claim> {
        if (!offers) return std::nullopt;
        return storage::Claim{"sender", now_ + seconds{30}, {bob}};
    };
    options.claimed = [&](std::vector<ClaimedDelivery> deliveries, Timestamp lease_until) {
        EXPECT_EQ(storage_.count(DeliveryState::delivering), deliveries.size()) << "after the commit";
        EXPECT_EQ(lease_until, now_ + seconds{30});
        for (const ClaimedDelivery& delivery : deliveries) claimed.push_back(delivery.id);
    };
    const auto outbox = start_outbox(storage_, *queue_, options);
    outbox->push(both);
    ASSERT_TRUE(storage_.wait_until([&] { return outbox->settled() == 3; }));
    offers = false;
    const FiringGroup later = group(1);
    outbox->push(later);
    EXPECT_EQ(outbox->stop(seconds{30}), 0U);
    EXPECT_EQ(claimed, (std::vector{both.firings[0].delivery_id, both.firings[1].delivery_id}));
    ASSERT_EQ(published().size(), 2U);
    EXPECT_EQ(published()[0].delivery_id, bobs.firings[0].delivery_id);
    EXPECT_EQ(published()[1].delivery_id, later.firings[0].delivery_id);
}

TEST_F(OutboxTest, StopGivesUpAtItsDeadlineAndLogsTheConsequence) {
    fakes::LogCapture log;
    const auto outbox = start_outbox(storage_, *queue_, quick);
    FiringGroup g = group(7);
    storage_.fail();
    outbox->push(std::move(g));
    EXPECT_EQ(outbox->stop(milliseconds{20}), 7U);
    EXPECT_EQ(log.count("their alerts stay active and fire again after the next start"), 1U);
    EXPECT_FALSE(outbox->push(FiringGroup{.firings = {Firing{}}})) << "stopped";
    EXPECT_EQ(outbox->pending(), 7U);
    storage_.heal();
    EXPECT_EQ(written(), 0U);
}

TEST_F(OutboxTest, AQueueThatThrowsLosesNothing) {
    class BrokenQueue : public queue::DeliveryQueue {
        void publish(std::span<const DeliveryTask>) override { throw std::runtime_error("broker away"); }
        void consume(std::function<void(std::span<const queue::QueuedTask>)>) override {}
        void done(std::span<const std::uint64_t>) override {}
        void ping() override {}
    } broken;
    fakes::LogCapture log;
    const auto outbox = start_outbox(storage_, broken, quick);
    outbox->push(group(1));
    ASSERT_TRUE(storage_.wait_until([&] { return outbox->commits() == 1; }));
    outbox->push(group(1));
    EXPECT_EQ(outbox->stop(seconds{30}), 0U);
    EXPECT_EQ(written(), 2U);
    EXPECT_EQ(log.count("broker away"), 1U);
}

TEST_F(OutboxTest, ReportsEachCommitWithItsGroupsAndDeliveries) {
    std::vector<std::pair<std::size_t, std::size_t>> commits;  // firings, deliveries
    OutboxOptions options = quick;
    options.written = [&](std::span<const FiringGroup> groups, std::span<const DeliveryTask> written) {
        std::size_t firings = 0;
        for (const FiringGroup& g : groups) firings += g.firings.size();
        commits.emplace_back(firings, written.size());
    };
    const auto outbox = start_outbox(storage_, *queue_, options);
    const FiringGroup g = group(3);
    storage_.fail();
    outbox->push(g);
    ASSERT_TRUE(storage_.wait_until([&] { return storage_.calls("fire") > 1; }));
    EXPECT_TRUE(commits.empty()) << "what failed is no commit";
    storage_.heal();
    outbox->push(g);
    outbox->stop(seconds{30});
    EXPECT_EQ(commits, (std::vector<std::pair<std::size_t, std::size_t>>{{3, 3}, {3, 0}}));
}

}  // namespace
}  // namespace pricewire::outbox
