#include "alert/checker.hpp"

#include <pthread.h>

#include <algorithm>
#include <atomic>
#include <exception>
#include <iterator>
#include <random>
#include <string>
#include <thread>
#include <utility>
#include <variant>
#include <vector>

#include "alert/checker_core.hpp"
#include "alert/row_reader.hpp"
#include "base/log.hpp"
#include "base/mailbox.hpp"
#include "base/mutex.hpp"

namespace pricewire::alert {
namespace {

constexpr std::size_t most_overtaken = 100'000;  // messages; then prices wait for the end of a step
constexpr std::size_t moved_at_once = 1000;      // alerts, between which prices are judged
// For how long the one that held it may have judged nothing before this one learns of its share: its lease, and the lag that
// is excused before that ends (cluster::Lag), with room to spare.
constexpr Duration unheld_before = std::chrono::seconds{30};

class CheckerThread final : public Checker {
public:
    CheckerThread(CheckerOptions options, const Clock& clock)
        : options_(std::move(options)), clock_(clock), shard_(options_.share), thread_([this] { run(); }) {}
    ~CheckerThread() override { stop(); }

    void on_price(const Price& price) override { mailbox_.push(price); }
    void on_price_gone(const PriceGone& gone) override { mailbox_.push(gone); }
    void on_alert_change(const AlertChange& change) override { mailbox_.push(change); }
    void on_heard(std::string_view feed, const Heard& heard) override {
        mailbox_.push(Sign{std::string(feed), heard.time});
    }
    void on_passed_over(const PassedOver& firing) override { reader_->read_row(firing); }
    void on_behind() override { mailbox_.push(Behind{}); }
    void on_caught_up() override { mailbox_.push(CaughtUp{}); }
    void on_alerts_unheard() override { mailbox_.push(AlertsUnheard{}); }
    void on_alerts_missed() override { mailbox_.push(AlertsMissed{}); }
    void after_this(std::function<void()> done) override { mailbox_.push(std::move(done)); }
    void on_share(Share share) override { mailbox_.push(std::make_unique<Share>(std::move(share))); }
    std::string settled() const override {
        MutexLock lock(mutex_);
        return settled_;
    }
    std::uint64_t signs_of_life() override {
        if (waits()) {
            ++excused_;
        } else if (!is_asked_.exchange(true) && !mailbox_.try_push(Beat{})) {
            is_asked_ = false;
        }
        return excused_ + handled_;
    }
    bool waits() const override { return !ready_ || waits_; }
    std::optional<Timestamp> heard() const override {
        const std::int64_t at = heard_.load(std::memory_order_relaxed);
        return at == 0 ? std::nullopt : std::optional(from_micros(at));
    }
    bool ready() const override { return ready_; }
    std::size_t active_alerts() const override { return active_; }
    std::size_t backlog() const override { return mailbox_.size(); }

    void stop() override {
        mailbox_.close();
        if (thread_.joinable()) thread_.join();
        reader_->stop();
    }

private:
    struct Beat {};
    struct Behind {};
    struct CaughtUp {};
    struct AlertsUnheard {};
    struct AlertsMissed {};
    struct Sign {
        std::string feed;
        Timestamp time;
    };
    using Past = std::shared_ptr<const LinePast>;
    using Row = std::pair<PassedOver, std::optional<ActiveAlert>>;
    using Message =
        std::variant<Price, PriceGone, AlertChange, Behind, CaughtUp, AlertsUnheard, AlertsMissed,
                     std::function<void()>, Sign, Past, std::unique_ptr<Row>, std::unique_ptr<Share>, Beat>;

    void run() {
        pthread_setname_np(pthread_self(), "checker");  // for people, and for tests that stop it
        std::vector<Message> batch;
        while (true) {
            if (core_.load_at() && clock_.mono() >= *core_.load_at()) load();
            if (!ready_) {
                // Messages stay in the mailbox, whose bound then holds back their senders.
                if (mailbox_.wait_closed(*core_.load_at())) return;
                continue;
            }
            if (shard_.is_moving()) move();
            note_settled();
            const bool came = take(batch);
            // Every message that came before is in the batch.
            const Timestamp drained = clock_.now();
            if (!came) {
                if (mailbox_.closed()) return;
                core_.on_time(drained);
                continue;
            }
            for (Message& message : batch) handle_one(message);
            core_.on_batch_end(drained);
            active_ = core_.active_alerts();
        }
    }

    bool take(std::vector<Message>& batch) {
        if (overtaken_.empty()) return mailbox_.drain(batch, wake_at());
        // With all that came meanwhile: what time decides counts on it.
        mailbox_.drain(batch, clock_.mono());
        overtaken_.insert(overtaken_.end(), std::move_iterator(batch.begin()),
                          std::move_iterator(batch.end()));
        batch = std::exchange(overtaken_, {});
        return true;
    }
    void handle_one(Message& message) {
        handled_.store(handled_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
        std::visit([this](auto& m) { handle(m); }, message);
    }
    // In the middle of a step, which may be millions of alerts. Changes of its own alerts keep their places behind what is
    // being loaded; another checker judges them until the step is over. As anywhere on this thread, an exception ends the
    // process: what it has drained would be lost.
    void judge_meanwhile(const Shard::Step& step) noexcept {
        std::vector<Message> batch;
        if (overtaken_.size() >= most_overtaken || !mailbox_.drain(batch, clock_.mono())) return;
        const Timestamp drained = clock_.now();
        for (Message& message : batch) {
            if (may_overtake(message, step)) {
                handle_one(message);
            } else {
                overtaken_.push_back(std::move(message));
            }
        }
        core_.on_batch_end(drained);
    }
    static bool may_overtake(const Message& message, const Shard::Step& step) {
        const auto is_of_step = [&](const ActiveAlert& alert) {
            return std::ranges::find(step.tickers, alert.ticker) != step.tickers.end();
        };
        if (const auto* change = std::get_if<AlertChange>(&message)) return !is_of_step(change->alert);
        // A row must not come behind a later change of its alert.
        if (const auto* row = std::get_if<std::unique_ptr<Row>>(&message))
            return (*row)->second && !is_of_step(*(*row)->second);
        return std::holds_alternative<Price>(message) || std::holds_alternative<PriceGone>(message) ||
               std::holds_alternative<Sign>(message) || std::holds_alternative<Past>(message) ||
               std::holds_alternative<Behind>(message) || std::holds_alternative<CaughtUp>(message);
    }

    std::optional<MonoTime> wake_at() const {
        auto load_at = core_.load_at();
        if (shard_.is_moving()) load_at = std::min(load_at.value_or(move_at_), move_at_);
        const Timestamp now = clock_.now();
        const auto next = core_.next_time(now);
        if (!next) return load_at;
        const MonoTime at = clock_.mono() + (*next - now);
        return load_at ? std::min(at, *load_at) : at;
    }

    // While it lives, the thread waits for others.
    struct Wait {
        explicit Wait(std::atomic<bool>& waits) : waits_(waits), before_(waits.exchange(true)) {}
        ~Wait() { waits_ = before_; }
        Wait(const Wait&) = delete;
        Wait& operator=(const Wait&) = delete;
        std::atomic<bool>& waits_;
        const bool before_;  // one within another
    };

    void load() {
        const Wait wait(waits_);
        try {
            if (!ready_ && options_.before) core_.begin(options_.before());
            options_.load([this](std::span<const ActiveAlert> alerts) {
                if (shard_.is_all()) return core_.on_snapshot_piece(alerts);
                std::vector<ActiveAlert> held;
                for (const ActiveAlert& alert : alerts) {
                    if (shard_.holds(alert.ticker)) held.push_back(alert);
                }
                core_.on_snapshot_piece(held);
            });
        } catch (const std::exception& e) {
            if (core_.on_snapshot_failed(clock_.mono()) > 1) return;
            log::error(ready_
                           ? "active alerts cannot be reloaded; known alerts are still checked, new ones wait"
                           : "active alerts cannot be loaded; no alert fires until they are",
                       {{"reason", e.what()}});
            return;
        }
        core_.on_snapshot(clock_.now());
        shard_.on_loaded();
        let_report();
        active_ = core_.active_alerts();
        log::info(ready_.exchange(true) ? "active alerts are reloaded" : "active alerts are loaded",
                  {{"alerts", std::to_string(active_)}});
    }

    // Takes one step of what a change of the share has left to do: prices that wait are judged before the next one.
    void move() {
        if (clock_.mono() < move_at_) return;
        const Wait wait(waits_);
        try {
            if (shard_.needs_plan()) shard_.plan(options_.tickers());
            if (const Shard::Step* const step = shard_.step(); step != nullptr) {
                options_.load_of(step->tickers, [&](std::span<const ActiveAlert> alerts) {
                    while (!alerts.empty()) {
                        const auto some = alerts.first(std::min(alerts.size(), moved_at_once));
                        alerts = alerts.subspan(some.size());
                        take_moved(*step, some);
                        judge_meanwhile(*step);
                    }
                });
                note_missed(*step);
                shard_.done();
            }
        } catch (const std::exception& e) {
            move_at_ = clock_.mono() + options_.load_retry.equal_jitter(++move_failures_, rng_);
            if (move_failures_ == 1) {
                log::error("alerts of other tickers cannot be loaded; those that were held are still checked",
                           {{"reason", e.what()}});
            }
            return;
        }
        move_failures_ = 0;
        active_ = core_.active_alerts();
        if (shard_.is_moving()) return;
        log::info("this checker holds its share of the alerts", {{"alerts", std::to_string(active_)}});
        let_report();
    }
    void take_moved(const Shard::Step& step, std::span<const ActiveAlert> alerts) {
        if (step.came) return core_.on_alerts_came(alerts, clock_.now());
        for (const ActiveAlert& alert : alerts)
            core_.on_alert_change({AlertChange::Kind::deleted, alert}, clock_.now());
    }
    void note_missed(const Shard::Step& step) {
        if (!step.came || !options_.missed) return;
        for (const Ticker& ticker : step.tickers) {
            const auto known = core_.forgot_before(ticker);
            if (known && *known > moves_from_ && !shard_.is_kept(ticker))
                options_.missed(ticker, moves_from_, *known);
        }
    }
    void let_report() {
        if (shard_.is_moving() || !done_) return;
        core_.after_this(std::exchange(done_, {}));
    }
    void note_settled() {
        const std::string_view view =
            !shard_.is_moving() && core_.knows_all() ? std::string_view(shard_.view()) : std::string_view();
        if (view == noted_) return;
        noted_ = view;
        MutexLock lock(mutex_);
        settled_ = noted_;
    }

    void handle(const Price& price) { core_.on_price(price, clock_.now()); }
    void handle(const PriceGone& gone) { core_.on_price_gone(gone, clock_.now()); }
    void handle(const AlertChange& change) {
        if (change.kind == AlertChange::Kind::deleted || shard_.holds(change.alert.ticker))
            core_.on_alert_change(change, clock_.now());
    }
    void handle(const Beat&) { is_asked_ = false; }
    void handle(const Behind&) { core_.on_behind(); }
    void handle(const CaughtUp&) { core_.on_caught_up(clock_.now()); }
    void handle(const AlertsUnheard&) { core_.on_alerts_unheard(); }
    void handle(const AlertsMissed&) { core_.on_alerts_missed(clock_.mono()); }
    void handle(const Sign& sign) {
        core_.on_heard(sign.feed, sign.time, clock_.now());
        heard_ = std::max(heard_.load(std::memory_order_relaxed), to_micros(sign.time));
    }
    void handle(const Past& past) { core_.on_past(past, clock_.now()); }
    void handle(const std::unique_ptr<Row>& row) {
        auto& [firing, stored] = *row;
        if (stored && !shard_.holds(stored->ticker)) stored.reset();
        core_.on_passed_over(firing, stored, clock_.now());
    }
    void handle(std::function<void()>& done) {
        if (!shard_.is_moving()) return core_.after_this(std::move(done));
        done_ = std::move(done);
    }
    void handle(std::unique_ptr<Share>& share) {
        if (!shard_.is_moving()) moves_from_ = clock_.now() - unheld_before;
        shard_.change(std::move(*share));
    }

    const CheckerOptions options_;
    const Clock& clock_;
    Mailbox<Message> mailbox_;
    std::vector<Message> overtaken_;  // in judge_meanwhile(); the thread's own
    const std::unique_ptr<RowReader> reader_ =
        start_row_reader({.past = options_.past,
                          .row = options_.row,
                          .take_past = [this](Past past) { mailbox_.push(std::move(past)); },
                          .take_row =
                              [this](const PassedOver& firing, std::optional<ActiveAlert> row) {
                                  mailbox_.push(std::make_unique<Row>(firing, std::move(row)));
                              }},
                         options_.load_retry);
    CheckerCore core_{{[this](FiringGroup group) {
                           const Wait wait(waits_);
                           options_.fire(std::move(group));
                       },
                       [this](const PastNeed& need) { reader_->read_past(need); }},
                      options_.load_retry,
                      Rng{std::random_device{}()}};  // the thread's own
    Shard shard_;                                    // the thread's own, as are these
    Timestamp moves_from_{};                         // since when what comes may not have been judged
    MonoTime move_at_{};
    int move_failures_ = 0;
    Rng rng_{std::random_device{}()};
    std::function<void()> done_;  // waits for the shard

    std::string noted_;  // what is in settled_, so that prices take no lock
    mutable Mutex mutex_;
    std::string settled_ GUARDED_BY(mutex_);
    std::atomic<bool> ready_ = false;
    std::atomic<bool> waits_ = false;
    std::atomic<bool> is_asked_ = false;      // for a sign of life
    std::atomic<std::uint64_t> handled_ = 0;  // messages
    std::uint64_t excused_ = 0;               // used by signs_of_life() alone
    std::atomic<std::int64_t> heard_ = 0;     // 0: none
    std::atomic<std::size_t> active_ = 0;
    std::thread thread_;
};

}  // namespace

std::unique_ptr<Checker> start_checker(CheckerOptions options, const Clock& clock) {
    return std::make_unique<CheckerThread>(std::move(options), clock);
}

}  // namespace pricewire::alert
