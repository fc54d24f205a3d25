#include "watch/watcher.hpp"

#include <algorithm>
#include <optional>
#include <set>
#include <thread>
#include <utility>

#include "base/log.hpp"
#include "base/mutex.hpp"

namespace pricewire::watch {
namespace {

using namespace std::chrono_literals;

// How often rows that another feed may have written or left behind are compared with the present states.
constexpr Duration compared_every = 1min;
// A ticker that came from another feed and is not heard by then is not traded just now, or not listed here.
constexpr Duration heard_within = 10s;
// A round that ends after a ticker is watched may have begun before.
constexpr std::uint64_t rounds_until_heard = 2;

std::map<Ticker, WatchState> by_ticker(std::vector<WatchState> states) {
    std::map<Ticker, WatchState> out;
    for (WatchState& state : states) out.emplace(state.ticker, std::move(state));
    return out;
}

class WatcherThread final : public Watcher {
public:
    WatcherThread(WatcherOptions options, WatcherUses uses, storage::Needs& needs, const Clock& clock)
        : every_(options.every),
          uses_(std::move(uses)),
          needs_(needs),
          clock_(clock),
          pinned_(options.pinned.begin(), options.pinned.end()),
          list_(options.pinned, options.limits, uses_.find),
          thread_([this] { run(); }) {}
    ~WatcherThread() override {
        {
            MutexLock lock(mutex_);
            is_stopping_ = true;
        }
        woken_.notify_all();
        thread_.join();
    }

    void poke() override {
        {
            MutexLock lock(mutex_);
            is_poked_ = true;
        }
        woken_.notify_all();
    }
    WatchCounts counts() const override {
        MutexLock lock(mutex_);
        return counts_;
    }
    std::string settled() const override {
        MutexLock lock(mutex_);
        return settled_;
    }

private:
    void run() {
        while (true) {
            attempt();
            MutexLock lock(mutex_);
            woken_.wait_for(lock, every_, [&]() REQUIRES(mutex_) { return is_poked_ || is_stopping_; });
            if (is_stopping_) return;
            is_poked_ = false;
        }
    }

    void attempt() {
        try {
            look();
        } catch (const storage::StorageError& e) {
            if (!std::exchange(in_trouble_, true)) {
                log::warn("which tickers are needed cannot be read; those that are watched stay so",
                          {{"reason", e.what()}});
            }
            return;
        }
        if (std::exchange(in_trouble_, false)) log::info("which tickers are needed is read again");
    }

    void look() {
        if (uses_.share) share_ = uses_.share();
        std::vector<NeededTicker> needed = needs_.needed_tickers(clock_.now());
        const std::set<Ticker> elsewhere = take_others(needed);
        const std::uint64_t listings = uses_.listings();
        const bool look_again = listings_ != listings;
        const WatchList::Changes changes = list_.update(needed, look_again, clock_.mono(), elsewhere);
        listings_ = listings;
        // First what makes room.
        for (const Ticker& ticker : changes.unwatch) uses_.unwatch(ticker);
        for (const WatchList::Watch& watch : changes.watch) uses_.watch(watch);
        if (uses_.elsewhere && std::exchange(elsewhere_, elsewhere) != elsewhere)
            uses_.elsewhere({elsewhere.begin(), elsewhere.end()});
        if (uses_.share) settle(changes);
        store(needed);
    }

    bool holds(const Ticker& ticker) const {
        return !share_.holds || pinned_.contains(ticker) || share_.holds(ticker);
    }
    // Those that only other feeds watch, which it takes out of `needed`.
    std::set<Ticker> take_others(std::vector<NeededTicker>& needed) const {
        std::set<Ticker> out;
        std::erase_if(needed, [&](const NeededTicker& need) {
            const bool is_other = !holds(need.ticker);
            if (is_other) out.insert(need.ticker);
            return is_other;
        });
        return out;
    }

    // A share is settled once all that has come to be watched is heard.
    void settle(const WatchList::Changes& changes) {
        if (std::exchange(view_, share_.view) != share_.view) settle_until_ = clock_.mono() + heard_within;
        const HeardRound round = uses_.heard();
        for (const WatchList::Watch& watch : changes.watch) awaited_[watch.ticker] = round.number;
        std::erase_if(awaited_, [&](const auto& awaited) {
            const auto& [ticker, since] = awaited;
            return !list_.is_watched(ticker) || (round.number >= since + rounds_until_heard &&
                                                 !std::ranges::binary_search(round.unheard, ticker));
        });
        const bool is_settled = awaited_.empty() || clock_.mono() >= settle_until_;
        MutexLock lock(mutex_);
        settled_ = is_settled ? view_ : "";
    }

    // Writes what has changed since the last time, and now and then corrects all rows. Two feeds that are configured
    // differently write only what has changed for each, so that they do not undo each other's rows all the time.
    void store(std::span<const NeededTicker> needed) {
        auto now = by_ticker(list_.unwatched());
        count(now);
        const bool compare = !compared_at_ || clock_.mono() - *compared_at_ >= compared_every;
        const auto before = compare ? by_ticker(needs_.watch_states()) : stored_;
        std::vector<WatchState> put;
        std::vector<Ticker> remove;
        for (const auto& [ticker, state] : now) {
            const auto there = before.find(ticker);
            if (there != before.end() && there->second.why == state.why &&
                there->second.reason == state.reason)
                continue;
            put.push_back(state);
            put.back().since = clock_.now();
        }
        for (const auto& [ticker, state] : before) {
            if (!now.contains(ticker) && holds(ticker)) remove.push_back(ticker);
        }
        needs_.set_watch_states(put, remove);
        log_changes(now, needed);
        stored_ = std::move(now);
        if (compare) compared_at_ = clock_.mono();
    }

    // Once for each ticker of active alerts, and once when it is over.
    void log_changes(const std::map<Ticker, WatchState>& now, std::span<const NeededTicker> needed) {
        for (const NeededTicker& need : needed) {
            const auto state = now.find(need.ticker);
            if (!need.by_alert || state == now.end()) continue;
            const auto [logged, fresh] = logged_.try_emplace(need.ticker, state->second.why);
            if (!fresh && std::exchange(logged->second, state->second.why) == state->second.why) continue;
            if (!lines_.take(clock_.mono())) continue;
            log::warn("active alerts of a ticker cannot fire, since no prices of it come",
                      {{"ticker", std::string(need.ticker.view())},
                       {"state", std::string(to_string(state->second.why))},
                       {"reason", state->second.reason}});
        }
        std::erase_if(logged_, [&](const auto& logged) {
            const Ticker& ticker = logged.first;
            if (now.contains(ticker)) return false;
            if (list_.is_watched(ticker) && lines_.take(clock_.mono()))
                log::info("a ticker is watched again", {{"ticker", std::string(ticker.view())}});
            return true;
        });
    }

    void count(const std::map<Ticker, WatchState>& unwatched) {
        WatchCounts counts{.watched = list_.watched()};
        for (const auto& [ticker, state] : unwatched) ++counts.unwatched[static_cast<std::size_t>(state.why)];
        MutexLock lock(mutex_);
        counts_ = counts;
    }

    const Duration every_;
    const WatcherUses uses_;
    storage::Needs& needs_;
    const Clock& clock_;

    mutable Mutex mutex_;
    CondVar woken_;
    bool is_poked_ GUARDED_BY(mutex_) = false;
    bool is_stopping_ GUARDED_BY(mutex_) = false;
    WatchCounts counts_ GUARDED_BY(mutex_);
    std::string settled_ GUARDED_BY(mutex_);

    // Used by the thread only.
    const std::set<Ticker> pinned_;
    FeedShare share_;
    std::set<Ticker> elsewhere_;
    std::map<Ticker, std::uint64_t> awaited_;  // since which round
    std::string view_;
    MonoTime settle_until_{};
    WatchList list_;
    std::optional<std::uint64_t> listings_;
    std::map<Ticker, WatchState> stored_;
    std::optional<MonoTime> compared_at_;
    std::map<Ticker, Unwatchable> logged_;
    log::LineBudget lines_{"tickers that cannot be watched", 20};
    bool in_trouble_ = false;
    std::thread thread_;
};

}  // namespace

std::unique_ptr<Watcher> start_watcher(WatcherOptions options, WatcherUses uses, storage::Needs& needs,
                                       const Clock& clock) {
    return std::make_unique<WatcherThread>(std::move(options), std::move(uses), needs, clock);
}

}  // namespace pricewire::watch
