// What came before the snapshot was loaded: prices, and the changes among them.
#include <gtest/gtest.h>

#include <condition_variable>
#include <future>
#include <mutex>
#include <string>

#include "alert/checker.hpp"

namespace pricewire {
namespace {

using namespace std::chrono_literals;

ActiveAlert above(std::uint8_t number, std::int64_t target) {
    ActiveAlert alert{{}, "BTC", Condition::gt, Decimal::from_int(target)};
    alert.id.bytes[15] = number;
    return alert;
}

class CheckerBacklog : public ::testing::Test {
protected:
    // Plays `before`, takes the snapshot, plays `after`, all before the checker handles its first message;
    // then waits until a last price has fired what is left. "1@200 2@101": alert 1 at price 200, 2 at 101.
    std::string fired(const std::function<void()>& before, std::vector<ActiveAlert> snapshot,
                      const std::function<void()>& after) {
        std::promise<Checker*> started;
        auto checker = start_checker({.load =
                                          [&](const auto& piece) {
                                              checker_ = started.get_future().get();
                                              before();
                                              piece(snapshot);
                                              after();
                                              created(above(99, 1));
                                              price(2);  // fires 99, the last of all
                                          },
                                      .fire =
                                          [&](const FiringGroup& group) {
                                              std::lock_guard lock(mutex_);
                                              for (const Firing& firing : group.firings) {
                                                  if (firing.alert_id == above(99, 1).id) {
                                                      last_ = true;
                                                  } else {
                                                      said_ += (said_.empty() ? "" : " ") +
                                                               std::to_string(firing.alert_id.bytes[15]) +
                                                               "@" + group.price.value.to_string();
                                                  }
                                              }
                                              came_.notify_all();
                                          }},
                                     clock_);
        started.set_value(checker.get());
        std::unique_lock lock(mutex_);
        EXPECT_TRUE(came_.wait_for(lock, 30s, [&] { return last_; }));
        lock.unlock();
        checker->stop();
        return said_;
    }
    void price(std::int64_t value) {
        checker_->on_price({"BTC", Decimal::from_int(value), clock_.now(), ++sequence_});
    }
    void gone() { checker_->on_price_gone("BTC"); }
    void created(const ActiveAlert& alert) { checker_->on_alert_change({AlertChange::Kind::created, alert}); }
    void deleted(const ActiveAlert& alert) { checker_->on_alert_change({AlertChange::Kind::deleted, alert}); }

    ManualClock clock_;
    Checker* checker_ = nullptr;
    std::uint64_t sequence_ = 0;
    std::mutex mutex_;
    std::condition_variable came_;
    std::string said_;
    bool last_ = false;
};

TEST_F(CheckerBacklog, PricesFireTheAlertsOfTheirTimeAlone) {
    // 1 is old; 2 is created after the price of 200, and is in the snapshot all the same.
    EXPECT_EQ(fired(
                  [&] {
                      price(200);
                      price(50);
                      created(above(2, 100));
                      price(60);
                  },
                  {above(1, 100), above(2, 100)},
                  [&] {
                      price(101);
                      gone();
                  }),
              "1@200 2@101");
}

TEST_F(CheckerBacklog, AnAlertIsComparedWithThePriceOfTheMomentItWasCreated) {
    EXPECT_EQ(fired(
                  [&] {
                      price(200);
                      created(above(1, 100));
                      price(50);
                  },
                  {above(1, 100)}, [&] { gone(); }),
              "1@200");
}

TEST_F(CheckerBacklog, DeletedAlertsDoNotFireHoweverTheyWereKnown) {
    EXPECT_EQ(fired(
                  [&] {
                      price(50);
                      created(above(1, 100));
                      created(above(2, 100));
                      deleted(above(2, 100));  // before the snapshot
                  },
                  {above(1, 100), above(3, 100)},
                  [&] {
                      deleted(above(1, 100));  // after it
                      deleted(above(3, 100));
                      price(101);
                      gone();
                  }),
              "");
}

}  // namespace
}  // namespace pricewire
