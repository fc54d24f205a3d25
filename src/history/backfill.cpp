#include "history/backfill.hpp"

#include <atomic>
#include <thread>
#include <utility>
#include <variant>

#include "base/log.hpp"
#include "base/mailbox.hpp"
#include "history/backfill_core.hpp"

namespace pricewire::history {
namespace {

using namespace std::chrono_literals;

struct Watch {
    Ticker ticker;
    std::vector<past::Place> places;
    bool is_needed;
};
struct Unwatch {
    Ticker ticker;
};
struct Told {
    Ticker ticker;
    Duration interval;
    past::PastBars bars;
};
using Message = std::variant<Watch, Unwatch, Told>;

class BackfillImpl final : public Backfill {
public:
    BackfillImpl(past::Past& past, storage::Bars& storage, const Clock& clock, const BackfillOptions& options)
        : past_(past), storage_(storage), clock_(clock), options_(options), thread_([this] { run(); }) {}
    ~BackfillImpl() override { stop(); }

    void watch(Ticker ticker, std::vector<past::Place> places, bool is_needed) override {
        mailbox_->push(Watch{ticker, std::move(places), is_needed});
    }
    void unwatch(Ticker ticker) override { mailbox_->push(Unwatch{ticker}); }
    BackfillFigures figures() const override { return {waiting_, under_way_, bars_, failures_}; }
    void stop() override {
        mailbox_->close();
        if (thread_.joinable()) thread_.join();
    }

private:
    void run() {
        std::vector<Message> batch;
        while (true) {
            const bool came = mailbox_->drain(batch, system_clock().mono() + 1s);
            for (Message& message : batch) std::visit([this](auto& m) { take(m); }, message);
            if (!came && mailbox_->closed()) return;
            while (const auto next = core_.next(clock_.now())) begin(*next);
            waiting_ = core_.waiting(clock_.now());
            under_way_ = core_.under_way();
            report();
        }
    }

    void take(Watch& m) {
        core_.watch(m.ticker, std::move(m.places),
                    m.is_needed ? BackfillCore::Reason::needed : BackfillCore::Reason::pinned, clock_.now());
    }
    void take(Unwatch& m) { core_.unwatch(m.ticker); }
    void take(Told& m) {
        std::vector<Bar> bars;
        for (const past::CombinedBar& bar : m.bars.bars) bars.push_back(bar_of(m.ticker, bar));
        bool is_ours = false;
        const bool is_stored = stored([&] {
            storage_.add_history(m.ticker, m.interval, bars);
            is_ours = claim(m.ticker, Timestamp::max()).has_value();
        });
        // Without the claim another process does the rest.
        if (!is_stored || !is_ours) return core_.not_before(m.ticker, clock_.now() + options_.retry);
        bars_ += bars.size();
        if (core_.answered(m.ticker, m.bars) == BackfillCore::Next::ask) return ask(m.ticker);
        end(m.ticker);
    }

    void begin(const BackfillCore::Claim& next) {
        std::optional<storage::Filled> filled, others;
        const bool is_known = stored([&] {
            filled = claim(next.ticker, next.behind);
            if (!filled) others = storage_.filled(next.ticker);
        });
        if (!is_known || !filled) {
            // Another process does it, or did it lately.
            const Timestamp soon = clock_.now() + options_.retry;
            return core_.not_before(next.ticker, others ? std::max(others->next_at, soon) : soon);
        }
        core_.claimed(next.ticker, filled->until, clock_.now());
        ask(next.ticker);
    }
    // Throws.
    std::optional<storage::Filled> claim(Ticker ticker, Timestamp behind) {
        const Timestamp now = clock_.now();
        return storage_.claim_fill(ticker, options_.owner, now, now + options_.lease, behind);
    }
    void ask(Ticker ticker) {
        auto asking = core_.asking(ticker);
        if (!asking) return end(ticker);
        if (mailbox_->closed()) return;
        const Duration interval = asking->interval;
        past_.bars(std::move(*asking), [mailbox = mailbox_, ticker, interval](past::PastBars bars) {
            mailbox->push(Told{ticker, interval, std::move(bars)});
        });
    }
    void end(Ticker ticker) {
        const BackfillCore::Outcome outcome = core_.ended(ticker, clock_.now());
        stored([&] { storage_.finish_fill(ticker, options_.owner, {outcome.until, outcome.next_at}); });
        note(ticker, outcome);
    }

    void note(Ticker ticker, const BackfillCore::Outcome& outcome) {
        const std::string name(ticker.view());
        if (!outcome.why.empty()) {
            ++failures_;
            if (failure_lines_.take(system_clock().mono()))
                log::warn("the history of a ticker cannot be loaded now; this is tried again",
                          {{"ticker", name},
                           {"reason", outcome.why},
                           {"again_at", format_rfc3339(outcome.next_at)}});
        } else if (outcome.is_first) {
            ++loaded_;
            loaded_bars_ += outcome.bars;
        }
    }
    // Progress of what is loaded for the first time, at most once in some seconds.
    void report() {
        if (loaded_ == 0 || !progress_lines_.take(system_clock().mono())) return;
        log::info("history of tickers was loaded from their venues",
                  {{"tickers", std::to_string(std::exchange(loaded_, 0))},
                   {"bars", std::to_string(std::exchange(loaded_bars_, 0))},
                   {"waiting", std::to_string(waiting_ + under_way_)}});
    }

    template <typename F>
    bool stored(F&& f) {
        try {
            f();
        } catch (const storage::StorageError& e) {
            if (!std::exchange(in_trouble_, true))
                log::error("history cannot be stored; it is loaded again when the database is back",
                           {{"reason", e.what()}});
            return false;
        }
        if (std::exchange(in_trouble_, false)) log::info("history is stored again");
        return true;
    }

    past::Past& past_;
    storage::Bars& storage_;
    const Clock& clock_;
    const BackfillOptions options_;
    // Shared with answers, which may come later than the end of this object.
    const std::shared_ptr<Mailbox<Message>> mailbox_ = std::make_shared<Mailbox<Message>>();
    std::atomic<std::size_t> waiting_ = 0, under_way_ = 0;
    std::atomic<std::uint64_t> bars_ = 0, failures_ = 0;
    BackfillCore core_;  // this and the following belong to the thread
    bool in_trouble_ = false;
    log::AtMostEvery failure_lines_{1min};
    log::AtMostEvery progress_lines_{5s};
    std::size_t loaded_ = 0, loaded_bars_ = 0;
    std::thread thread_;
};

}  // namespace

std::unique_ptr<Backfill> start_backfill(past::Past& past, storage::Bars& storage, const Clock& clock,
                                         const BackfillOptions& options) {
    return std::make_unique<BackfillImpl>(past, storage, clock, options);
}

}  // namespace pricewire::history
