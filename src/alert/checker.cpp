#include "alert/checker.hpp"

#include <atomic>
#include <condition_variable>
#include <map>
#include <mutex>
#include <optional>
#include <random>
#include <thread>
#include <tuple>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

#include "alert/matcher.hpp"
#include "alert/recent_prices.hpp"
#include "base/log.hpp"
#include "base/mailbox.hpp"
#include "base/uuid_time.hpp"

namespace pricewire::alert {
namespace {

class CheckerImpl final : public Checker {
public:
    CheckerImpl(CheckerOptions options, const Clock& clock)
        : options_(std::move(options)), clock_(clock), thread_([this] { run(); }) {}
    ~CheckerImpl() override { stop(); }

    void on_price(const Price& price) override { mailbox_.push(price); }
    void on_price_gone(const PriceGone& gone) override { mailbox_.push(gone); }
    void on_alert_change(const AlertChange& change) override { mailbox_.push(change); }
    void on_behind() override { mailbox_.push(Behind{}); }
    void on_caught_up() override { mailbox_.push(CaughtUp{}); }
    void on_alerts_unheard() override { mailbox_.push(AlertsUnheard{}); }
    void on_alerts_missed() override { mailbox_.push(AlertsMissed{}); }
    void after_this(std::function<void()> done) override { mailbox_.push(std::move(done)); }
    bool ready() const override { return ready_; }
    std::size_t active_alerts() const override { return active_; }
    std::size_t backlog() const override { return mailbox_.size(); }

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
    struct Behind {};
    struct CaughtUp {};
    struct AlertsUnheard {};
    struct AlertsMissed {};
    using Message = std::variant<Price, PriceGone, AlertChange, Behind, CaughtUp, AlertsUnheard, AlertsMissed,
                                 std::function<void()>>;

    void run() {
        if (!load_first()) return;
        std::vector<Message> batch;
        // What waited for the snapshot lies in the past.
        replaying_ = true;
        while (true) {
            if (!mailbox_.drain(batch, reload_at_)) {
                // Nothing came in time, or nothing comes any more.
                if (!reload_at_ || mailbox_.closed()) return;
                reload();
                continue;
            }
            for (Message& message : batch) {
                std::visit([this](auto& m) { handle(m); }, message);
            }
            waited_ = false;
            if (!behind_) catch_up();
            active_ = matcher_->size();
            if (reload_at_ && clock_.mono() >= *reload_at_) reload();
        }
    }

    // Loading.

    bool load_first() {
        for (int attempt = 1;; ++attempt) {
            try {
                options_.load([this](std::span<const ActiveAlert> alerts) { matcher_->load(alerts); });
                active_ = matcher_->size();
                ready_ = true;
                log::info("active alerts are loaded", {{"alerts", std::to_string(matcher_->size())}});
                return true;
            } catch (const std::exception& e) {
                // A piece that was loaded before the failure does no harm: ids are taken once.
                if (attempt == 1) {
                    log::error("active alerts cannot be loaded; no alert fires until they are",
                               {{"reason", e.what()}});
                }
            }
            std::unique_lock lock(mutex_);
            if (stop_asked_.wait_for(lock, options_.load_retry.equal_jitter(attempt, rng_),
                                     [&] { return stopping_; })) {
                return false;
            }
        }
    }

    // The snapshot takes the place of what is known. Alerts that are new to us are judged by the prices since
    // they were made, as those heard of late are.
    void reload() {
        auto fresh = std::make_unique<Matcher>();
        std::vector<ActiveAlert> unknown;
        try {
            options_.load([&](std::span<const ActiveAlert> alerts) {
                std::vector<ActiveAlert> known;
                for (const ActiveAlert& alert : alerts) {
                    (matcher_->contains(alert.id) ? known : unknown).push_back(alert);
                }
                fresh->load(known);
            });
        } catch (const std::exception& e) {
            if (++reload_failures_ == 1) {
                log::error(
                    "active alerts cannot be loaded again; those known so far are watched, newer ones wait",
                    {{"reason", e.what()}});
            }
            reload_at_ = clock_.mono() + options_.load_retry.equal_jitter(reload_failures_, rng_);
            return;
        }
        reload_failures_ = 0;
        reload_at_.reset();
        unheard_ = false;
        matcher_ = std::move(fresh);
        asleep_.clear();
        if (replaying_) {
            created_.insert(created_.end(), unknown.begin(), unknown.end());
        } else {
            add(unknown);
        }
        active_ = matcher_->size();
        call_done();
        log::info("active alerts are loaded again", {{"alerts", std::to_string(matcher_->size())}});
    }

    // Handling.

    void handle(const Price& price) {
        if (const auto ceased = recent_.add(price, clock_.now())) {
            match_past(price, *ceased);
        } else if (!replaying_) {
            match(price);
        } else {
            match_held(price.ticker, price.time);
            held_.emplace(price.ticker, price);
        }
    }
    void handle(const PriceGone& gone) {
        if (!recent_.add(gone, clock_.now())) match_held(gone.ticker, gone.time);
    }
    void handle(const AlertChange& change) {
        const ActiveAlert& alert = change.alert;
        if (change.kind == AlertChange::Kind::deleted) {
            matcher_->remove(alert.id);
            std::erase_if(asleep_, [&](const auto& sleeper) { return sleeper.second.id == alert.id; });
            std::erase_if(created_, [&](const ActiveAlert& waiting) { return waiting.id == alert.id; });
            return;
        }
        if (matcher_->contains(alert.id)) return;
        if (replaying_) {
            created_.push_back(alert);
        } else {
            add({&alert, 1});
        }
    }
    // Alerts that are not known yet. What the prices since they were made have fired is handed over together.
    void add(std::span<const ActiveAlert> alerts) {
        std::map<std::tuple<Timestamp, std::uint64_t, Ticker>, std::pair<Price, std::vector<Uuid>>> fired;
        for (const ActiveAlert& alert : alerts) {
            if (const auto price = recent_.first_since(alert, made_at(alert.id))) {
                auto& group = fired[{price->time, price->sequence, price->ticker}];
                group.first = *price;
                group.second.push_back(alert.id);
            } else {
                matcher_->load({&alert, 1});
            }
        }
        for (auto& [when, group] : fired) {
            fired_.swap(group.second);
            hand_over(group.first);
        }
    }
    void handle(const Behind&) {
        behind_ = true;
        replaying_ = true;
    }
    void handle(const CaughtUp&) {
        behind_ = false;
        if (!waited_) catch_up();
    }
    void handle(const AlertsUnheard&) { unheard_ = true; }
    void handle(const AlertsMissed&) { reload_at_ = clock_.mono(); }
    void handle(std::function<void()>& done) {
        done_ = std::move(done);
        call_done();
    }
    void call_done() {
        if (!done_ || replaying_ || unheard_ || reload_at_) return;
        std::exchange(done_, {})();
    }

    // What is left of the past: the last price of each ticker is in effect still.
    void catch_up() {
        if (!std::exchange(replaying_, false)) return;
        wake_those_made_before(Timestamp::max());
        for (const auto& [ticker, price] : std::exchange(held_, {})) match(price);
        add(std::exchange(created_, {}));
        call_done();
    }

    void match(const Price& price) {
        fired_.clear();
        matcher_->on_price(price.ticker, price.value, fired_);
        if (!fired_.empty()) hand_over(price);
    }
    void match_held(Ticker ticker, Timestamp until) {
        const auto held = held_.find(ticker);
        if (held == held_.end()) return;
        match_past(held->second, until);
        held_.erase(held);
    }
    // The price was in effect until then.
    void match_past(const Price& price, Timestamp until) {
        if (replaying_) wake_those_made_before(until);
        const auto younger = matcher_->take_younger(price.ticker, price.value, until);
        match(price);
        if (replaying_) {
            // Until the past has come to their time: the next price would only find them too young again.
            for (const ActiveAlert& alert : younger) asleep_.emplace(made_at(alert.id), alert);
        } else {
            matcher_->load(younger);
        }
    }
    void wake_those_made_before(Timestamp moment) {
        const auto end = asleep_.lower_bound(moment);
        for (auto sleeper = asleep_.begin(); sleeper != end; ++sleeper) matcher_->load({&sleeper->second, 1});
        asleep_.erase(asleep_.begin(), end);
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
    // What follows is the thread's own.
    std::unique_ptr<Matcher> matcher_ = std::make_unique<Matcher>();
    RecentPrices recent_;
    // While replaying: the last price of each ticker, not matched yet; and what waits for the end of it.
    std::unordered_map<Ticker, Price> held_;
    std::vector<ActiveAlert> created_;
    std::multimap<Timestamp, ActiveAlert> asleep_;  // by their making, which is later than the prices so far
    std::function<void()> done_;
    bool waited_ = true;   // the batch at hand waited for the snapshot
    bool behind_ = false;  // as the bus says
    bool unheard_ = false;
    bool replaying_ = false;
    std::vector<Uuid> fired_;
    std::optional<MonoTime> reload_at_;
    int reload_failures_ = 0;
    Rng rng_{std::random_device{}()};
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

}  // namespace pricewire::alert
