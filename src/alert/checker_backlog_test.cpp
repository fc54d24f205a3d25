// What came before the snapshot was loaded: prices, and the changes among them.
#include <gtest/gtest.h>

#include <condition_variable>
#include <future>
#include <mutex>
#include <string>

#include "alert/checker.hpp"

namespace pricewire::alert {
namespace {

using namespace std::chrono_literals;

constexpr Timestamp start{std::chrono::seconds{1'700'000'000}};

// Made so many seconds after the start.
ActiveAlert above(std::uint8_t number, std::int64_t target, int second) {
    ActiveAlert alert{make_uuid(start + std::chrono::seconds{second}), "BTC", Condition::gt,
                      Decimal::from_int(target)};
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
                                              created(above(99, 1, 1000));
                                              price(2, 1000);  // fires 99, the last of all
                                          },
                                      .fire =
                                          [&](const FiringGroup& group) {
                                              std::lock_guard lock(mutex_);
                                              for (const Firing& firing : group.firings) {
                                                  if (firing.alert_id.bytes[15] == 99) {
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
    void price(std::int64_t value, int second) {
        checker_->on_price(
            {"BTC", Decimal::from_int(value), start + std::chrono::seconds{second}, ++sequence_});
    }
    void created(const ActiveAlert& alert) { checker_->on_alert_change({AlertChange::Kind::created, alert}); }
    void deleted(const ActiveAlert& alert) { checker_->on_alert_change({AlertChange::Kind::deleted, alert}); }

    ManualClock clock_{start + 24h};
    Checker* checker_ = nullptr;
    std::uint64_t sequence_ = 0;
    std::mutex mutex_;
    std::condition_variable came_;
    std::string said_;
    bool last_ = false;
};

TEST_F(CheckerBacklog, PricesFireTheAlertsOfTheirTimeAlone) {
    const ActiveAlert old = above(1, 100, 1);
    const ActiveAlert young = above(2, 100, 4);  // in the snapshot all the same
    EXPECT_EQ(fired(
                  [&] {
                      price(200, 2);
                      price(50, 3);
                      created(young);
                      price(60, 5);
                  },
                  {old, young},
                  [&] {
                      price(101, 6);
                      price(70, 7);
                  }),
              "1@200 2@101");
}

TEST_F(CheckerBacklog, AnAlertIsComparedWithThePriceOfTheMomentItWasCreated) {
    const ActiveAlert alert = above(1, 100, 2);
    EXPECT_EQ(fired(
                  [&] {
                      price(200, 1);
                      created(alert);
                      price(50, 3);
                  },
                  {alert}, [] {}),
              "1@200");
}

TEST_F(CheckerBacklog, DeletedAlertsDoNotFireHoweverTheyWereKnown) {
    const ActiveAlert one = above(1, 100, 1);
    const ActiveAlert two = above(2, 100, 1);
    const ActiveAlert three = above(3, 100, 1);
    EXPECT_EQ(fired(
                  [&] {
                      price(50, 2);
                      created(one);
                      created(two);
                      deleted(two);  // before the snapshot
                  },
                  {one, three},
                  [&] {
                      deleted(one);  // after it
                      deleted(three);
                      price(101, 3);
                      price(50, 4);
                  }),
              "");
}

}  // namespace
}  // namespace pricewire::alert
