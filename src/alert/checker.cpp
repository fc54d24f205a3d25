#include "alert/checker.hpp"

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <random>
#include <thread>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

#include "alert/matcher.hpp"
#include "base/log.hpp"
#include "base/mailbox.hpp"

namespace pricewire {
namespace {

class CheckerImpl final : public Checker {
public:
    CheckerImpl(CheckerOptions options, const Clock& clock)
        : options_(std::move(options)), clock_(clock), thread_([this] { run(); }) {}
    ~CheckerImpl() override { stop(); }

    void on_price(const Price& price) override { mailbox_.push(price); }
    void on_price_gone(Ticker ticker) override { mailbox_.push(PriceGone{ticker}); }
    void on_alert_change(const AlertChange& change) override { mailbox_.push(change); }
    bool ready() const override { return ready_; }
    std::size_t active_alerts() const override { return active_; }

    void stop() override {
        {
            std::lock_guard lock(mutex_);
            stopping_ = true;
        }
        stop_asked_.notify_all();
        mailbox_.close();
        if (thread_.joinable()) thread_.join();
    }

private:
    struct PriceGone {
        Ticker ticker;
    };
    using Message = std::variant<Price, PriceGone, AlertChange>;

    void run() {
        if (!load()) return;
        std::vector<Message> batch;
        bool first = true;
        while (mailbox_.drain(batch)) {
            if (std::exchange(first, false)) leave_to_their_changes(batch);
            for (const Message& message : batch) {
                std::visit([this](const auto& m) { handle(m); }, message);
            }
            active_ = matcher_.size();
        }
    }

    bool load() {
        Rng rng(std::random_device{}());
        for (int attempt = 1;; ++attempt) {
            try {
                options_.load([this](std::span<const ActiveAlert> alerts) { matcher_.load(alerts); });
                active_ = matcher_.size();
                ready_ = true;
                log::info("active alerts are loaded", {{"alerts", std::to_string(matcher_.size())}});
                return true;
            } catch (const std::exception& e) {
                // A piece that was loaded before the failure does no harm: ids are taken once.
                if (attempt == 1) {
                    log::error("active alerts cannot be loaded; no alert fires until they are",
                               {{"reason", e.what()}});
                }
            }
            std::unique_lock lock(mutex_);
            if (stop_asked_.wait_for(lock, options_.load_retry.equal_jitter(attempt, rng),
                                     [&] { return stopping_; })) {
                return false;
            }
        }
    }

    // Prices that came before the snapshot wait in the first batch, for the alerts of that time. An alert
    // that was created among them is in the snapshot too, and would be fired by prices older than itself: it
    // enters with its own change instead, in its place among the prices.
    void leave_to_their_changes(const std::vector<Message>& batch) {
        for (const Message& message : batch) {
            const auto* change = std::get_if<AlertChange>(&message);
            if (change != nullptr && change->kind == AlertChange::Kind::created) {
                matcher_.remove(change->alert.id);
            }
        }
    }

    void handle(const Price& price) {
        last_price_[price.ticker] = price;
        fired_.clear();
        matcher_.on_price(price.ticker, price.value, fired_);
        if (!fired_.empty()) hand_over(price);
    }
    void handle(const PriceGone& gone) {
        last_price_.erase(gone.ticker);
        matcher_.on_price_gone(gone.ticker);
    }
    void handle(const AlertChange& change) {
        if (change.kind == AlertChange::Kind::deleted) {
            matcher_.remove(change.alert.id);
            return;
        }
        if (!matcher_.add(change.alert)) return;
        fired_.assign(1, change.alert.id);
        hand_over(last_price_.at(change.alert.ticker));
    }

    void hand_over(const Price& price) {
        FiringGroup group{price, clock_.now(), {}};
        group.firings.reserve(fired_.size());
        for (const Uuid& id : fired_) group.firings.push_back({id, make_uuid(group.fired_at)});
        options_.fire(std::move(group));
    }

    const CheckerOptions options_;
    const Clock& clock_;
    Mailbox<Message> mailbox_;
    Matcher matcher_;  // the thread's own, as is what follows
    std::unordered_map<Ticker, Price> last_price_;
    std::vector<Uuid> fired_;
    std::atomic<bool> ready_ = false;
    std::atomic<std::size_t> active_ = 0;
    std::mutex mutex_;
    std::condition_variable stop_asked_;
    bool stopping_ = false;
    std::thread thread_;
};

}  // namespace

std::unique_ptr<Checker> start_checker(CheckerOptions options, const Clock& clock) {
    return std::make_unique<CheckerImpl>(std::move(options), clock);
}

}  // namespace pricewire
