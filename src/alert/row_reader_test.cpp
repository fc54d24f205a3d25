#include "alert/row_reader.hpp"

#include <gtest/gtest.h>

#include <future>
#include <stdexcept>

#include "base/mutex.hpp"

namespace pricewire::alert {
namespace {

using namespace std::chrono_literals;

const Timestamp now{std::chrono::seconds{1'700'000'000}};

class RowReaderTest : public testing::Test {
protected:
    void start(std::function<std::vector<Stretch>(Ticker, Timestamp)> past,
               std::function<std::optional<ActiveAlert>(const Uuid&)> row = {}) {
        reader_ = start_row_reader(
            {.past = std::move(past),
             .row = std::move(row),
             .take_past =
                 [this](const std::shared_ptr<const LinePast>& p) {
                     say(std::string(p->ticker.view()) + " " + std::to_string(p->stretches.size()));
                 },
             .take_row =
                 [this](const PassedOver& firing, const auto& found) {
                     say(std::to_string(firing.number) + (found ? " row" : " none"));
                 }},
            {1ms, 5ms});
    }
    void say(std::string what) {
        MutexLock lock(mutex_);
        said_.push_back(std::move(what));
        changed_.notify_all();
    }
    std::vector<std::string> wait_for(std::size_t count) {
        MutexLock lock(mutex_);
        changed_.wait_for(lock, 30s, [&]() REQUIRES(mutex_) { return said_.size() >= count; });
        return said_;
    }
    Mutex mutex_;
    CondVar changed_;
    std::vector<std::string> said_ GUARDED_BY(mutex_);
    std::unique_ptr<RowReader> reader_;
};

TEST_F(RowReaderTest, ReadsRowsFirstAndThenWhatIsShort) {
    std::promise<void> let;
    start(
        [&](Ticker ticker, Timestamp) {
            if (ticker == "BTC") let.get_future().wait();
            return std::vector<Stretch>(2);
        },
        [](const Uuid& id) { return id.is_nil() ? std::nullopt : std::optional(ActiveAlert{}); });
    reader_->read_past({"BTC", now});
    reader_->read_past({"ETH", now - 24h});
    reader_->read_past({"SOL", now - 1h});
    reader_->read_row({{}, 1, 3});
    reader_->read_row({make_uuid(now), 1, 4});
    let.set_value();
    EXPECT_EQ(wait_for(5).back(), "ETH 2");
}

TEST_F(RowReaderTest, TriesAgainWhatHasThrown) {
    int tries = 0;
    start([&](Ticker, Timestamp) -> std::vector<Stretch> {
        if (++tries < 4) throw std::runtime_error("the database is away");
        return {};
    });
    reader_->read_past({"BTC", now});
    EXPECT_EQ(wait_for(1), (std::vector<std::string>{"BTC 0"}));
    reader_->stop();
    EXPECT_EQ(tries, 4);
}

TEST_F(RowReaderTest, StopsWhileNothingCanBeRead) {
    std::promise<void> tried;
    start([&, threw = false](Ticker, Timestamp) mutable -> std::vector<Stretch> {
        if (!std::exchange(threw, true)) tried.set_value();
        throw std::runtime_error("the database is away");
    });
    reader_->read_past({"BTC", now});
    tried.get_future().wait();
    reader_->stop();
    MutexLock lock(mutex_);
    EXPECT_TRUE(said_.empty());
}

}  // namespace
}  // namespace pricewire::alert
