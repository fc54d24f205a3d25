#include "app/expiries.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "base/mutex.hpp"
#include "fakes/test_storage.hpp"
#include "rule/evidence.hpp"
#include "support/eventually.hpp"

namespace pricewire::app {
namespace {

using namespace std::chrono_literals;

Decimal number(const char* text) {
    return *Decimal::parse(text);
}

class ExpiriesTest : public testing::Test {
protected:
    void SetUp() override {
        ASSERT_TRUE(storage_.create_user({{user_, "a@example.com", true, base_}, {}, "whsec_AAAA"}));
    }
    // "BTC rises above 100", from base_ on for two hours.
    Expiry expiry() {
        Alert alert{.id = make_uuid(base_), .user_id = user_, .ticker = "BTC"};
        alert.webhook_url = "https://example.com/" + alert.id.to_string();
        alert.created_at = base_;
        alert.terms = std::make_shared<const Terms>(
            Terms{.rules = {{.ticker = "BTC", .level = {.number = number("100")}}}});
        alert.state.expires_at = base_ + 2h;
        EXPECT_TRUE(storage_.create_alert(alert, 1000));
        return {.alert_id = alert.id,
                .expires_at = base_ + 2h,
                .at = base_ + 2h,
                .delivery_id = make_uuid(base_),
                .evidence = rule::to_json({.left_out = 3})};
    }
    void bar(Duration after, const char* high) {
        const Bar bar{"BTC", base_ + after, number("90"), number(high), number("90"), number("90")};
        storage_.upsert_bars({&bar, 1});
    }
    // What comes of these, each in a group of its own.
    std::vector<rule::Evidence> passed_on(const std::vector<Expiry>& expiries) {
        Mutex mutex;
        CondVar changed;
        std::vector<rule::Evidence> out;
        Expiries worker({.storage = storage_,
                         .clock = system_clock(),
                         .judged = [this] { return std::optional(judged_.load()); },
                         .done =
                             [&](const FiringGroup& group) {
                                 MutexLock lock(mutex);
                                 for (const Expiry& e : group.expiries)
                                     out.push_back(*rule::parse_evidence(e.evidence));
                                 changed.notify_all();
                             }});
        for (const Expiry& e : expiries) {
            FiringGroup group{{.ticker = "BTC"}, base_ + 2h, {}};
            group.expiries.push_back(e);
            worker.take(std::move(group));
        }
        MutexLock lock(mutex);
        EXPECT_TRUE(changed.wait_for(lock, 30s, [&] { return out.size() == expiries.size(); }));
        return out;
    }

    BlindSpan span(Timestamp from, std::optional<Timestamp> to) {
        return {.ticker = "BTC",
                .from = from,
                .to = to,
                .reason = "nothing ran",
                .state = to ? BlindState::waiting : BlindState::open,
                .told_until = {},
                .unknown = to ? *to - from : Duration::zero()};
    }
    void save(const BlindSpan& one) { storage_.save_blind({&one, 1}); }

    const Timestamp base_{std::chrono::sys_days{std::chrono::year{2025} / 1 / 2}};
    const Uuid user_ = make_uuid(base_);
    fakes::TestStorage storage_;
    std::atomic<Timestamp> judged_ = base_ + 2h;
};

TEST_F(ExpiriesTest, SayHowCloseTheAlertCameAndWhenItWasBlind) {
    bar(10min, "95");
    bar(70min, "99.5");
    bar(71min, "98");
    bar(3h, "99.9");  // after its life
    BlindSpan lost = span(base_ - 1min, base_ + 3min);
    lost.state = BlindState::lost;
    save(lost);
    const auto all = passed_on({expiry()});
    EXPECT_EQ(all[0].blind, (std::vector<rule::BlindGap>{{{}, base_, base_ + 3min, "nothing ran"}}));
    ASSERT_TRUE(all[0].closest);
    EXPECT_EQ(all[0].closest->price, number("99.5"));
    EXPECT_EQ(all[0].closest->distance, number("0.5"));
    EXPECT_EQ(all[0].closest->time, base_ + 70min);
    EXPECT_EQ(all[0].left_out, 3) << "what the checker has written stays";
}

TEST_F(ExpiriesTest, ArePassedOnWithoutItWhereItIsNotKnown) {
    EXPECT_FALSE(passed_on({expiry()})[0].closest) << "no bars";
    bar(10min, "95");
    Expiry unknown = expiry();
    unknown.alert_id = make_uuid(base_);
    EXPECT_FALSE(passed_on({unknown})[0].closest) << "another checker was first";
    const Expiry lost = expiry();
    storage_.fail_calls_of("active_alert");
    EXPECT_FALSE(passed_on({lost})[0].closest) << "it cannot be read";
}

// Each waits for what is named, which then comes to be; it is not passed on before.
class ExpiriesWait : public ExpiriesTest {
protected:
    void expect_waits_for(const char* what, const std::function<void()>& come) {
        std::atomic<int> passed = 0;
        Expiries worker(
            {.storage = storage_,
             .clock = system_clock(),
             .judged = [this] { return std::optional(judged_.load()); },
             .done = [&](const FiringGroup& group) { passed += static_cast<int>(group.expiries.size()); }});
        FiringGroup group{{.ticker = "BTC"}, base_ + 2h, {}};
        group.expiries.push_back(expiry());
        const int before = storage_.calls("unresolved_blind");
        worker.take(std::move(group));
        ASSERT_TRUE(test::eventually([&] { return storage_.calls("unresolved_blind") >= before + 2; }));
        EXPECT_EQ(passed, 0) << what;
        come();
        EXPECT_TRUE(test::eventually([&] { return passed == 1; })) << what;
    }
};

TEST_F(ExpiriesWait, UntilPricesOfBeforeTheEndAreJudged) {
    judged_ = base_ + 2h - 1us;
    expect_waits_for("the feeds' signs of life", [this] { judged_ = base_ + 2h; });
}

TEST_F(ExpiriesWait, UntilMissedPricesAreAskedBack) {
    save(span(base_ + 1h, base_ + 3h));
    expect_waits_for("a blind time that has ended", [this] {
        auto claimed = storage_.claim_blind(base_ + 4h, 10, "feed", base_ + 5h);
        ASSERT_EQ(claimed.size(), 1U);
        claimed[0].state = BlindState::recovered;
        EXPECT_TRUE(storage_.finish_blind(claimed[0], "feed", std::nullopt));
    });
    save(span(base_ + 90min, std::nullopt));
    expect_waits_for("one that lasts", [this] {
        auto ended = span(base_ + 90min, base_ + 3h);
        ended.state = BlindState::lost;
        save(ended);
    });
}

TEST_F(ExpiriesWait, AllOfThemWhereTheDatabaseFailsBetweenTwo) {
    save(span(base_ + 1h, base_ + 3h));
    std::atomic<int> passed = 0;
    Expiries worker(
        {.storage = storage_,
         .clock = system_clock(),
         .judged = [this] { return std::optional(judged_.load()); },
         .done = [&](const FiringGroup& group) { passed += static_cast<int>(group.expiries.size()); }});
    FiringGroup group{{.ticker = "BTC"}, base_ + 2h, {}};
    for (int i = 0; i < 3; ++i) group.expiries.push_back(expiry());
    storage_.lose_answers_of("active_alert", 1, 1);
    const int before = storage_.calls("unresolved_blind");
    worker.take(std::move(group));
    ASSERT_TRUE(test::eventually([&] { return storage_.calls("unresolved_blind") >= before + 3; }));
    auto claimed = storage_.claim_blind(base_ + 4h, 10, "feed", base_ + 5h);
    ASSERT_EQ(claimed.size(), 1U);
    claimed[0].state = BlindState::lost;
    EXPECT_TRUE(storage_.finish_blind(claimed[0], "feed", std::nullopt));
    EXPECT_TRUE(test::eventually([&] { return passed == 3; })) << passed;
}

TEST_F(ExpiriesWait, ForNoBlindTimeOfAfterTheEndOrOfAnotherTicker) {
    save(span(base_ + 2h, std::nullopt));
    auto other = span(base_ + 1h, std::nullopt);
    other.ticker = "ETH";
    save(other);
    EXPECT_EQ(passed_on({expiry()}).size(), 1U);
}

TEST_F(ExpiriesTest, WaitForTheDatabase) {
    const Expiry lost = expiry();
    storage_.fail();
    std::jthread heals([this] {
        test::eventually([this] { return storage_.calls("unresolved_blind") > 0; });
        storage_.heal();
    });
    EXPECT_EQ(passed_on({lost}).size(), 1U);
}

// Time passes whenever it is looked at.
class LookedAtClock : public Clock {
public:
    Timestamp now() const override { return system_clock().now(); }
    MonoTime mono() const override { return MonoTime{} + 100ms * ++looks_; }

private:
    mutable std::atomic<int> looks_ = 0;
};

TEST_F(ExpiriesTest, ThatComeTogetherHaveTwoSecondsInAll) {
    bar(10min, "95");
    const LookedAtClock clock;
    std::promise<void> all_came;
    std::atomic<int> passed_on = 0;
    {
        Expiries worker({.storage = storage_,
                         .clock = clock,
                         .judged = [this] { return std::optional(judged_.load()); },
                         .done =
                             [&](const FiringGroup&) {
                                 if (passed_on++ == 0) all_came.get_future().wait();
                             }});
        for (int i = 0; i < 41; ++i) {
            FiringGroup group{{.ticker = "BTC"}, base_ + 2h, {}};
            group.expiries.push_back(expiry());
            worker.take(std::move(group));
        }
        all_came.set_value();
        EXPECT_TRUE(test::eventually([&] { return passed_on == 41; }));
    }
    const int looked_into = storage_.calls("active_alert");
    EXPECT_GE(looked_into, 2);
    EXPECT_LE(looked_into, 1 + 20) << "the first one came alone";
}

TEST_F(ExpiriesTest, AreAllPassedOnWhenManyComeAtOnce) {
    bar(10min, "95");
    std::vector<Expiry> many;
    for (int i = 0; i < 300; ++i) many.push_back(expiry());
    EXPECT_EQ(passed_on(many).size(), 300U);
}

}  // namespace
}  // namespace pricewire::app
