#include "app/checking.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "bus/in_process/in_process_bus.hpp"
#include "fakes/fake_sender.hpp"
#include "fakes/test_storage.hpp"
#include "queue/in_process/in_process_queue.hpp"
#include "rule/evidence.hpp"

namespace pricewire::app {
namespace {

using namespace std::chrono_literals;

class CheckingTest : public testing::Test {
protected:
    // A checker with its own bus, from which prices of seconds after `base_` come.
    class One {
    public:
        One(CheckingTest& test, Listeners& listeners)
            : test_(test), listeners_(listeners), bus_(bus::create_in_process_bus({"BTC"})) {
            bus_->publish_board({.ticker = "BTC", .quotes = {JudgedQuote{.quote = {.source = "kraken"}}}});
            checking_ = std::make_unique<Checking>(Checking::Uses{.config = test.config_,
                                                                  .storage = test.storage_,
                                                                  .queue = *test.queue_,
                                                                  .bus = *bus_,
                                                                  .listeners = listeners,
                                                                  .instruments = instruments_,
                                                                  .clock = system_clock(),
                                                                  .sender = test.sender_,
                                                                  .bars = test.bars_,
                                                                  .written = [](auto, auto) {}});
        }
        ~One() { listeners_.clear(); }
        void wait_until_ready() {
            while (!checking_->ready()) std::this_thread::yield();
        }
        void board(int second, const char* value) {
            const Timestamp time = test_.base_ + std::chrono::seconds{second};
            const Decimal price = *Decimal::parse(value);
            const Quote quote{
                .source = "kraken", .ticker = "BTC", .price = price, .time = time, .received_at = time};
            bus_->publish_board({.ticker = "BTC",
                                 .price = Price{"BTC", price, time, 1},
                                 .quotes = {JudgedQuote{.quote = quote}}});
        }
        void heard(int second) { bus_->publish_heard({test_.base_ + std::chrono::seconds{second}, {}}); }
        void price(int second, const char* value) {
            bus_->publish(
                {"BTC", *Decimal::parse(value), test_.base_ + std::chrono::seconds{second}, ++sequence_});
        }

    private:
        CheckingTest& test_;
        Listeners& listeners_;
        metrics::Instruments instruments_{{.name = "checker", .checker = true}, system_clock()};
        std::unique_ptr<bus::PriceBus> bus_;
        std::unique_ptr<Checking> checking_;
        std::uint64_t sequence_ = 0;
    };

    void SetUp() override {
        ASSERT_TRUE(storage_.create_user({{user_, "a@example.com", true, base_}, {}, "whsec_AAAA"}));
    }
    void create(const char* level, const std::function<void(Alert&)>& change = [](Alert&) {}) {
        Terms terms{.rules = {{.ticker = "BTC", .level = {.number = *Decimal::parse(level)}}}};
        terms.repeat = {.cooldown = 10s, .rearm = {Decimal::from_int(1), true}};
        Alert alert{.id = id_, .user_id = user_, .ticker = "BTC", .target = {}};
        alert.webhook_url = "https://example.com/";
        alert.created_at = alert.begun_at = base_;
        alert.terms = std::make_shared<const Terms>(std::move(terms));
        change(alert);
        ASSERT_TRUE(storage_.create_alert(alert, 10));
    }
    bool wait_for(std::int64_t firings, bool armed) {
        return storage_.wait_until([&] {
            const auto alert = storage_.active_alert(id_);
            if (!alert) return false;
            const AlertState& state = alert->ruled->state;
            return state.firings == firings && !state.rules.empty() && state.rules[0].armed == armed;
        });
    }
    // "2:100.2@40 1:101@2"
    std::string fired() {
        std::string out;
        for (const FiringView& f : storage_.firings(user_, id_, 100)) {
            out += (out.empty() ? "" : " ") + std::to_string(f.said.number) + ":" + f.price->to_string() +
                   "@" + std::to_string((*f.price_time - base_) / 1s);
        }
        return out;
    }

    const Timestamp base_ = std::chrono::floor<std::chrono::seconds>(system_clock().now()) - 100s;
    const Uuid user_ = make_uuid(base_);
    const Uuid id_ = make_uuid(base_);
    const ops::Config config_;
    Listeners listeners_, deaf_;
    deliver::Sender* sender_ = nullptr;
    history::BarWriter* bars_ = nullptr;
    fakes::TestStorage storage_{listeners_.events()};
    std::unique_ptr<queue::DeliveryQueue> queue_ = queue::create_in_process_queue();
};

TEST_F(CheckingTest, WhatDecidesWhetherAnAlertMayFireOutlivesTheProcess) {
    create("100");
    {
        One one(*this, listeners_);
        one.price(1, "99");
        one.price(2, "101");
        one.price(15, "98.9");
        ASSERT_TRUE(wait_for(1, true));
    }
    One one(*this, listeners_);
    one.price(40, "100.2");
    ASSERT_TRUE(wait_for(2, false));
    EXPECT_EQ(fired(), "2:100.2@40 1:101@2");
    EXPECT_NE(storage_.firings(user_, id_, 1)[0].board.find("kraken"), std::string::npos);
}

TEST_F(CheckingTest, EvidenceTellsOfTheTimeInWhichNothingRan) {
    storage_.note_judged(base_ - 5min, base_);
    create("100");
    One one(*this, listeners_);
    one.price(1, "101");
    ASSERT_TRUE(wait_for(1, false));
    const auto evidence = rule::parse_evidence(storage_.firings(user_, id_, 1)[0].said.evidence);
    ASSERT_TRUE(evidence);
    ASSERT_EQ(evidence->blind.size(), 1U);
    EXPECT_EQ(evidence->blind[0].from, base_ - 5min);
    EXPECT_EQ(evidence->blind[0].to, base_ + 1s);
}

TEST_F(CheckingTest, SourcesThatWereNotPublishedSinceThePriceAreOfAnEarlierTime) {
    create("100");
    One one(*this, listeners_);
    one.board(1, "99");
    one.price(2, "101");
    ASSERT_TRUE(wait_for(1, false));
    const FiringView firing = storage_.firings(user_, id_, 1)[0];
    EXPECT_EQ(firing.board_at, base_ + 1s);
    EXPECT_NE(firing.board.find(R"("price":99,"age_ms":0,)"), std::string::npos) << firing.board;
}

TEST_F(CheckingTest, AnExpiryTellsHowCloseTheAlertCame) {
    storage_.upsert_bars(std::vector<Bar>{{"BTC", std::chrono::floor<std::chrono::minutes>(base_) + 1min,
                                           Decimal::from_int(98), Decimal::from_int(99),
                                           Decimal::from_int(97), Decimal::from_int(97)}});
    create("100", [this](Alert& alert) {
        alert.state.expires_at = base_ + 90s;
        alert.notify_on_expiry = true;
    });
    One one(*this, listeners_);
    one.price(1, "97");
    one.heard(91);
    ASSERT_TRUE(storage_.wait_until([&] { return !storage_.all_deliveries().empty(); }));
    const auto claimed = storage_.claim_due(system_clock().now(), 10, {"sender", system_clock().now() + 10s});
    ASSERT_EQ(claimed.size(), 1U);
    EXPECT_EQ(claimed[0].kind, DeliveryKind::expired);
    EXPECT_NE(claimed[0].firing->evidence.find(R"("distance":1,)"), std::string::npos)
        << claimed[0].firing->evidence;
}

TEST_F(CheckingTest, WhatFiresIsClaimedForTheSenderOfTheSameProcess) {
    class ClaimingSender : public fakes::FakeSender {
    public:
        std::optional<storage::Claim> claim() override {
            return storage::Claim{"sender", system_clock().now() + 30s};
        }
        void take(std::vector<ClaimedDelivery> claimed, Timestamp) override { taken += claimed.size(); }
        void prepare(std::vector<ClaimedDelivery> coming, Timestamp) override { prepared += coming.size(); }
        std::atomic<std::size_t> prepared = 0, taken = 0;
    } sender;
    sender_ = &sender;
    create("100");
    One one(*this, listeners_);
    one.price(1, "99");
    one.price(2, "101");
    while (sender.taken == 0) std::this_thread::yield();
    EXPECT_EQ(storage_.count(DeliveryState::delivering), 1U);
    EXPECT_EQ(sender.prepared, 1U);
}

TEST_F(CheckingTest, WhatWasJudgedIsNotedOnceItIsInStoredBars) {
    class FakeBars : public history::BarWriter {
    public:
        void write(std::vector<Bar>) override {}
        bool flush() override {
            ++asked;
            return can_store;
        }
        void stop() override {}
        std::atomic<int> asked = 0;
        std::atomic<bool> can_store = false;
    } bars;
    bars_ = &bars;
    storage_.note_judged(base_, base_);
    One one(*this, listeners_);
    one.heard(10);
    while (bars.asked == 0) std::this_thread::yield();
    EXPECT_EQ(storage_.judged_until(), base_);
    bars.can_store = true;
    EXPECT_TRUE(storage_.wait_until([&] { return storage_.judged_until() == base_ + 10s; }));
}

TEST_F(CheckingTest, ASignOfLifeFromTheFutureCountsAsOfTheMomentAtWhichItComes) {
    storage_.note_judged(base_, base_);
    One one(*this, listeners_);
    one.heard(3600);
    ASSERT_TRUE(storage_.wait_until([&] { return storage_.judged_until() > base_; }));
    EXPECT_LE(*storage_.judged_until(), system_clock().now());
}

TEST_F(CheckingTest, OneThatWasAwayIsPassedOverAndGoesOnFromTheRow) {
    create("100");
    One away(*this, deaf_);
    away.wait_until_ready();
    One one(*this, listeners_);
    one.price(1, "99");
    one.price(2, "101");
    ASSERT_TRUE(wait_for(1, false));
    away.price(40, "101");  // fires it for the first time, as far as it knows
    away.price(50, "98.9");
    ASSERT_TRUE(wait_for(1, true));
    away.price(60, "101");
    ASSERT_TRUE(wait_for(2, false));
    EXPECT_EQ(fired(), "2:101@60 1:101@2");
}

}  // namespace
}  // namespace pricewire::app
