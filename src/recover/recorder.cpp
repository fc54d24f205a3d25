#include "recover/recorder.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <deque>
#include <exception>
#include <optional>
#include <set>
#include <thread>
#include <utility>

#include "base/log.hpp"
#include "base/mailbox.hpp"
#include "base/mutex.hpp"
#include "recover/judged.hpp"

namespace pricewire::recover {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t most_waiting = 1000;       // signs of life: a quarter of an hour and more
constexpr std::size_t most_unwritten = 100'000;  // spans
constexpr Duration prune_every = 1h;
constexpr std::size_t prune_step = 1000;
constexpr std::size_t most_named = 10;

std::string names_of(const std::vector<Ticker>& tickers) {
    std::string out;
    for (std::size_t i = 0; i < std::min(tickers.size(), most_named); ++i) {
        if (i > 0) out += ", ";
        out += tickers[i].view();
    }
    if (tickers.size() > most_named) out += fmt::format(" and {} more", tickers.size() - most_named);
    return out;
}

class RecorderThread final : public Recorder {
public:
    RecorderThread(storage::Storage& storage, const Clock& clock, RecorderOptions options)
        : storage_(storage), clock_(clock), options_(std::move(options)), thread_([this] { run(); }) {}
    ~RecorderThread() override { stop(); }

    void heard(std::string feed, Heard heard) override {
        mailbox_.try_push({std::move(feed), std::move(heard)});
    }
    void missed(Ticker ticker, Timestamp from, Timestamp to) override {
        MutexLock lock(mutex_);
        if (missed_.size() >= most_unwritten) {
            if (missed_lines_.take(clock_.mono())) log_forgotten(missed_.size());
            return;
        }
        missed_.push_back({.ticker = ticker,
                           .from = from,
                           .to = to,
                           .reason = "a checker had ended, and others took over its alerts too late",
                           .state = BlindState::waiting,
                           .told_until = {},
                           .unknown = to - from});
    }
    void stop() override {
        mailbox_.close();
        if (thread_.joinable()) thread_.join();
    }
    std::optional<Timestamp> judged() const override {
        const std::int64_t at = reached_.load(std::memory_order_relaxed);
        return at == 0 ? std::nullopt : std::optional(from_micros(at));
    }
    std::size_t blind_tickers() const override { return blind_.load(std::memory_order_relaxed); }
    std::uint64_t blind_seconds() const override { return seconds_.load(std::memory_order_relaxed); }

private:
    using Sign = std::pair<std::string, Heard>;

    void run() {
        std::vector<Sign> signs;
        MonoTime write_at = clock_.mono();
        while (true) {
            const bool came = mailbox_.drain(signs, clock_.mono() + options_.write_every);
            const bool is_last = !came && mailbox_.closed();
            for (auto& [feed, heard] : signs) take(std::move(feed), std::move(heard));
            signs.clear();
            if (clock_.mono() >= write_at || is_last) {
                write();
                write_at = clock_.mono() + options_.write_every;
            }
            if (is_last) return;
        }
    }

    void take(std::string feed, Heard heard) {
        if (judged_) return judged_->on_heard(feed, heard);
        waiting_.emplace_back(std::move(feed), std::move(heard));
        if (waiting_.size() > most_waiting) waiting_.pop_front();
    }

    void write() {
        try {
            if (!judged_) load();
            take_changes();
            // Spans first: if nothing more is written after them they are too long, but none is missing.
            if (!spans_.empty()) {
                storage_.save_blind(spans_);
                spans_.clear();
            }
            if (const auto until = to_note();
                until && until != written_ && (!options_.store_bars || options_.store_bars())) {
                storage_.note_judged(*until, clock_.now());
                written_ = until;
            }
            prune();
            if (std::exchange(failing_, false)) log::info("blind times are stored again");
        } catch (const std::exception& e) {
            if (!std::exchange(failing_, true))
                log::warn("blind times cannot be stored; they are stored when the database is back",
                          {{"reason", e.what()}});
        }
    }

    std::optional<Timestamp> to_note() {
        const auto until = judged_->until();
        if (!until) return std::nullopt;
        reached_.store(to_micros(*until), std::memory_order_relaxed);
        return options_.at_most ? options_.at_most(*until) : until;
    }

    void load() {
        auto until = storage_.judged_until();
        const Timestamp now = clock_.now();
        // Nothing is missed before the very first start. Stored at once, so that what follows counts as missed even if
        // this process is killed before the first sign of life.
        if (!until) storage_.note_judged(now, now);
        // One in the future was written by a wrong clock.
        until = std::min(until.value_or(now), now);
        judged_.emplace(options_.limit, until, storage_.open_blind());
        for (const auto& [feed, heard] : std::exchange(waiting_, {})) judged_->on_heard(feed, heard);
    }

    // Throws: what is not a span yet stays in gaps_.
    void take_changes() {
        Judged::Changes changes = judged_->take_changes();
        gaps_.insert(gaps_.end(), changes.gaps.begin(), changes.gaps.end());
        for (BlindSpan& span : changes.spans) add(std::move(span));
        take_missed();
        blind_.store(judged_->blind(), std::memory_order_relaxed);
        while (!gaps_.empty()) {
            expand(gaps_.front());
            gaps_.erase(gaps_.begin());
        }
    }
    void take_missed() {
        std::vector<BlindSpan> missed;
        {
            MutexLock lock(mutex_);
            missed.swap(missed_);
        }
        if (missed.empty()) return;
        std::vector<Ticker> tickers;
        for (const BlindSpan& span : missed) tickers.push_back(span.ticker);
        log::warn("alerts were taken over so late that not all prices are known any more",
                  {{"tickers", names_of(tickers)}});
        for (BlindSpan& span : missed) add(std::move(span));
    }
    static void log_forgotten(std::size_t waiting) {
        log::error("too many blind times wait for the database; further ones are forgotten",
                   {{"waiting", std::to_string(waiting)}});
    }
    void expand(const Judged::Gap& gap) {
        // Another checker may have judged what this one has missed.
        const Timestamp from = std::max(gap.from, storage_.judged_until().value_or(gap.from));
        if (gap.to - from <= options_.limit) return;
        std::set<Ticker> tickers(options_.always.begin(), options_.always.end());
        for (const NeededTicker& needed : storage_.needed_tickers(clock_.now()))
            tickers.insert(needed.ticker);
        for (const Ticker ticker : gap.except) tickers.erase(ticker);
        log::warn("no price was judged for a while",
                  {{"from", format_rfc3339(from)},
                   {"to", format_rfc3339(gap.to)},
                   {"reason", gap.reason},
                   {"tickers", names_of({tickers.begin(), tickers.end()})}});
        for (const Ticker ticker : tickers) {
            add({.ticker = ticker,
                 .from = from,
                 .to = gap.to,
                 .reason = gap.reason,
                 .state = BlindState::waiting,
                 .told_until = {},
                 .unknown = gap.to - from});
        }
    }
    void add(BlindSpan span) {
        if (span.to) seconds_.fetch_add(static_cast<std::uint64_t>((*span.to - span.from) / 1s));
        if (span.to && !options_.is_asked_back) span.state = BlindState::lost;
        if (!span.to && lines_.take(clock_.mono())) {
            log::warn("no exchange of a ticker is heard; its alerts wait",
                      {{"ticker", std::string(span.ticker.view())}, {"since", format_rfc3339(span.from)}});
        }
        if (spans_.size() < most_unwritten) {
            spans_.push_back(std::move(span));
        } else if (forgotten_lines_.take(clock_.mono())) {
            log_forgotten(spans_.size());
        }
    }

    void prune() {
        if (clock_.mono() < prune_at_) return;
        const Timestamp now = storage::earlier_time(storage_, clock_);
        while (storage_.prune_blind(now - options_.kept, prune_step) == prune_step) {
        }
        prune_at_ = clock_.mono() + prune_every;
    }

    storage::Storage& storage_;
    const Clock& clock_;
    const RecorderOptions options_;
    Mailbox<Sign> mailbox_{most_waiting};
    std::atomic<std::size_t> blind_ = 0;
    std::atomic<std::uint64_t> seconds_ = 0;
    std::atomic<std::int64_t> reached_ = 0;  // judged(); 0: unset
    Mutex mutex_;
    std::vector<BlindSpan> missed_ GUARDED_BY(mutex_);
    log::AtMostEvery missed_lines_ GUARDED_BY(mutex_){1min};

    // Used by the thread only.
    std::deque<Sign> waiting_;      // for what is stored
    std::optional<Judged> judged_;  // once what is stored is loaded
    std::vector<Judged::Gap> gaps_;
    std::vector<BlindSpan> spans_;  // not stored yet
    std::optional<Timestamp> written_;
    MonoTime prune_at_{};
    log::LineBudget lines_{"tickers that are not heard", 20};
    log::AtMostEvery forgotten_lines_{1min};
    bool failing_ = false;
    std::thread thread_;
};

}  // namespace

std::unique_ptr<Recorder> start_recorder(storage::Storage& storage, const Clock& clock,
                                         RecorderOptions options) {
    return std::make_unique<RecorderThread>(storage, clock, std::move(options));
}

}  // namespace pricewire::recover
