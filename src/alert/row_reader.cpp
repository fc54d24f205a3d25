#include "alert/row_reader.hpp"

#include <algorithm>
#include <exception>
#include <random>
#include <set>
#include <thread>
#include <utility>
#include <variant>

#include "base/log.hpp"
#include "base/mutex.hpp"

namespace pricewire::alert {
namespace {

class RowReaderThread final : public RowReader {
public:
    RowReaderThread(Uses uses, BackoffPolicy retry)
        : uses_(std::move(uses)), retry_(retry), thread_([this] { run(); }) {}
    ~RowReaderThread() override { stop(); }

    void read_past(const PastNeed& need) override {
        MutexLock lock(mutex_);
        pasts_.push_back(need);
        came_.notify_one();
    }
    void read_row(const PassedOver& firing) override {
        MutexLock lock(mutex_);
        rows_.insert(firing);
        came_.notify_one();
    }
    void stop() override {
        {
            MutexLock lock(mutex_);
            stopped_ = true;
        }
        came_.notify_one();
        if (thread_.joinable()) thread_.join();
    }

private:
    using Request = std::variant<PassedOver, PastNeed>;

    void run() {
        int failures = 0;
        while (const auto next = take_next()) {
            try {
                std::visit([this](const auto& request) { read(request); }, *next);
            } catch (const std::exception& e) {
                if (++failures == 1)
                    log::error("the past of alerts cannot be read; those that need it wait",
                               {{"reason", e.what()}});
                put_back(*next, retry_.equal_jitter(failures, rng_));
                continue;
            }
            if (std::exchange(failures, 0) > 0) log::info("the past of alerts is read again");
        }
    }

    // Waits for it; nullopt after stop().
    std::optional<Request> take_next() {
        MutexLock lock(mutex_);
        came_.wait(lock, [this]() REQUIRES(mutex_) { return stopped_ || !rows_.empty() || !pasts_.empty(); });
        if (stopped_) return std::nullopt;
        if (!rows_.empty()) return rows_.extract(rows_.begin()).value();
        const auto shortest = std::ranges::max_element(pasts_, {}, &PastNeed::from);
        const PastNeed need = *shortest;
        pasts_.erase(shortest);
        return need;
    }
    void put_back(const Request& request, Duration pause) {
        if (const auto* firing = std::get_if<PassedOver>(&request)) {
            read_row(*firing);
        } else {
            read_past(std::get<PastNeed>(request));
        }
        MutexLock lock(mutex_);
        came_.wait_until(lock, std::chrono::steady_clock::now() + pause,
                         [this]() REQUIRES(mutex_) { return stopped_; });
    }

    void read(const PassedOver& firing) { uses_.take_row(firing, uses_.row(firing.alert_id)); }
    void read(const PastNeed& need) {
        uses_.take_past(std::make_shared<const LinePast>(
            LinePast{need.ticker, need.from, uses_.past(need.ticker, need.from)}));
    }

    const Uses uses_;
    const BackoffPolicy retry_;
    Rng rng_{std::random_device{}()};
    Mutex mutex_;
    CondVar came_;
    std::set<PassedOver> rows_ GUARDED_BY(mutex_);
    std::vector<PastNeed> pasts_ GUARDED_BY(mutex_);
    bool stopped_ GUARDED_BY(mutex_) = false;
    std::thread thread_;
};

}  // namespace

std::unique_ptr<RowReader> start_row_reader(RowReader::Uses uses, BackoffPolicy retry) {
    return std::make_unique<RowReaderThread>(std::move(uses), retry);
}

}  // namespace pricewire::alert
