#include "watch/demand.hpp"

#include <set>
#include <thread>
#include <utility>

#include "base/log.hpp"
#include "base/mutex.hpp"
#include "watch/looks.hpp"

namespace pricewire::watch {
namespace {

using namespace std::chrono_literals;

// Longer than a look is written for, and than a client waits before it looks again.
constexpr Duration needed_for = 100s;

class DemandThread final : public Demand {
public:
    DemandThread(DemandOptions options, storage::Needs& needs, const Clock& clock)
        : options_(std::move(options)),
          pinned_(options_.pinned.begin(), options_.pinned.end()),
          needs_(needs),
          clock_(clock),
          looks_(options_.most_per_user),
          thread_([this] { run(); }) {}
    ~DemandThread() override {
        {
            MutexLock lock(mutex_);
            is_stopping_ = true;
        }
        woken_.notify_all();
        thread_.join();
    }

    bool look(const Ticker& ticker, std::string_view who) override {
        if (pinned_.contains(ticker)) return true;
        bool is_new = false;
        {
            MutexLock lock(mutex_);
            if (!looks_.look(ticker, who, clock_.mono())) return false;
            is_new = looks_.any_new();
        }
        if (is_new) woken_.notify_all();
        return true;
    }

    std::optional<WatchState> unwatched(const Ticker& ticker) const override {
        const auto states = unwatched();
        const WatchState* const state = find_state(*states, ticker);
        return state == nullptr ? std::nullopt : std::optional(*state);
    }
    std::shared_ptr<const std::vector<WatchState>> unwatched() const override {
        MutexLock lock(mutex_);
        return states_;
    }

private:
    void run() {
        while (true) {
            const bool works = attempt();
            MutexLock lock(mutex_);
            // While the database is away, what is new waits too.
            woken_.wait_for(lock, options_.every,
                            [&]() REQUIRES(mutex_) { return is_stopping_ || (works && looks_.any_new()); });
            if (is_stopping_) return;
        }
    }

    bool attempt() {
        std::vector<Ticker> looked;
        {
            MutexLock lock(mutex_);
            looked = looks_.take(clock_.mono());
        }
        try {
            const Timestamp now = clock_.now();
            if (!looked.empty()) needs_.need_tickers(looked, now, now + needed_for);
            looked.clear();
            show(needs_.watch_states());
            if (options_.also) options_.also();
        } catch (const storage::StorageError& e) {
            MutexLock lock(mutex_);
            looks_.give_back(looked);
            if (!std::exchange(in_trouble_, true)) {
                log::warn("which tickers users look at cannot be written; feeds learn of them later",
                          {{"reason", e.what()}});
            }
            return false;
        }
        if (std::exchange(in_trouble_, false)) log::info("which tickers users look at is written again");
        return true;
    }

    void show(std::vector<WatchState> states) {
        MutexLock lock(mutex_);
        if (*states_ != states) states_ = std::make_shared<const std::vector<WatchState>>(std::move(states));
    }

    const DemandOptions options_;
    const std::set<Ticker> pinned_;
    storage::Needs& needs_;
    const Clock& clock_;

    mutable Mutex mutex_;
    CondVar woken_;
    bool is_stopping_ GUARDED_BY(mutex_) = false;
    Looks looks_ GUARDED_BY(mutex_);
    std::shared_ptr<const std::vector<WatchState>> states_ GUARDED_BY(mutex_) =
        std::make_shared<const std::vector<WatchState>>();
    bool in_trouble_ = false;  // the thread's own
    std::thread thread_;
};

}  // namespace

std::unique_ptr<Demand> start_demand(DemandOptions options, storage::Needs& needs, const Clock& clock) {
    return std::make_unique<DemandThread>(std::move(options), needs, clock);
}

}  // namespace pricewire::watch
