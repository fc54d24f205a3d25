#include "app/expiries.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <memory>
#include <string>
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
        Expiries worker(storage_, system_clock(), [&](const FiringGroup& group) {
            MutexLock lock(mutex);
            for (const Expiry& e : group.expiries) out.push_back(*rule::parse_evidence(e.evidence));
            changed.notify_all();
        });
        for (const Expiry& e : expiries) {
            FiringGroup group{{.ticker = "BTC"}, base_ + 2h, {}};
            group.expiries.push_back(e);
            worker.take(std::move(group));
        }
        MutexLock lock(mutex);
        EXPECT_TRUE(changed.wait_for(lock, 30s, [&] { return out.size() == expiries.size(); }));
        return out;
    }

    const Timestamp base_{std::chrono::sys_days{std::chrono::year{2025} / 1 / 2}};
    const Uuid user_ = make_uuid(base_);
    fakes::TestStorage storage_;
};

TEST_F(ExpiriesTest, SayHowCloseTheAlertCame) {
    bar(10min, "95");
    bar(70min, "99.5");
    bar(71min, "98");
    bar(3h, "99.9");  // after its life
    const auto all = passed_on({expiry()});
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
    storage_.fail();
    EXPECT_FALSE(passed_on({lost})[0].closest) << "no database";
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
        Expiries worker(storage_, clock, [&](const FiringGroup&) {
            if (passed_on++ == 0) all_came.get_future().wait();
        });
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
