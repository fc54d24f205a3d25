#include "history/bar_writer.hpp"

#include <algorithm>
#include <future>
#include <map>
#include <thread>
#include <utility>
#include <variant>

#include "base/log.hpp"
#include "base/mailbox.hpp"
#include "domain/bars.hpp"

namespace pricewire::history {
namespace {

// Half a day of minutes for a dozen tickers, ten minutes for a thousand; beyond this the oldest unwritten bars are
// dropped. What is missing is filled from venues' candles.
constexpr std::size_t max_unwritten = 10'000;

class BarWriterImpl final : public BarWriter {
public:
    BarWriterImpl(storage::Storage& storage, const Clock& clock, const BarWriterOptions& options)
        : storage_(storage), clock_(clock), options_(options), thread_([this] { run(); }) {}
    ~BarWriterImpl() override { stop(); }

    void write(std::vector<Bar> bars) override {
        if (!bars.empty()) mailbox_.push(std::move(bars));
    }
    bool flush() override {
        std::promise<bool> stored;
        auto answer = stored.get_future();
        return mailbox_.push(std::move(stored)) && answer.get();
    }
    void stop() override {
        mailbox_.close();
        if (thread_.joinable()) thread_.join();
    }

private:
    using Key = std::pair<Timestamp, Ticker>;
    using Message = std::variant<std::vector<Bar>, std::promise<bool>>;

    void run() {
        std::vector<Message> batch;
        MonoTime next_prune = system_clock().mono();
        while (true) {
            const Duration wait = unwritten_.empty() ? options_.prune_every : options_.retry;
            const bool came = mailbox_.drain(batch, std::min(next_prune, system_clock().mono() + wait));
            for (const Message& message : batch) {
                const auto* bars = std::get_if<std::vector<Bar>>(&message);
                if (bars != nullptr) std::ranges::for_each(*bars, [this](const Bar& bar) { add(bar); });
            }
            store();
            for (Message& message : batch) {
                if (auto* waits = std::get_if<std::promise<bool>>(&message))
                    waits->set_value(unwritten_.empty());
            }
            if (!came && mailbox_.closed()) return;
            if (system_clock().mono() >= next_prune) {
                prune();
                next_prune = system_clock().mono() + options_.prune_every;
            }
        }
    }

    void add(const Bar& bar) {
        auto [at, inserted] = unwritten_.try_emplace({bar.start, bar.ticker}, bar);
        if (!inserted) append(at->second, bar);
        if (unwritten_.size() > max_unwritten) unwritten_.erase(unwritten_.begin());
    }

    void store() {
        if (unwritten_.empty()) return;
        std::vector<Bar> bars;
        for (const auto& [key, bar] : unwritten_) bars.push_back(bar);
        if (attempt("minute bars cannot be written; they are kept and written when the database is back",
                    [&] { storage_.upsert_bars(bars); })) {
            unwritten_.clear();
        }
    }

    void prune() {
        attempt("old minute bars cannot be removed; this is retried later", [&] {
            const Timestamp now = storage::earlier_time(storage_, clock_);
            while (storage_.prune_bars(now - options_.keep_minutes, now - options_.keep_hours,
                                       options_.prune_step) >= options_.prune_step) {
                if (mailbox_.closed()) return;
            }
        });
    }

    // Logs once that the database is unreachable, and once that it is back.
    template <typename F>
    bool attempt(std::string_view trouble, F&& f) {
        try {
            f();
        } catch (const storage::StorageError& e) {
            if (!std::exchange(in_trouble_, true)) log::error(trouble, {{"reason", e.what()}});
            return false;
        }
        if (std::exchange(in_trouble_, false)) log::info("minute bars are written again");
        return true;
    }

    storage::Storage& storage_;
    const Clock& clock_;
    const BarWriterOptions options_;
    Mailbox<Message> mailbox_;
    std::map<Key, Bar> unwritten_;  // this and the following belong to the thread
    bool in_trouble_ = false;
    std::thread thread_;
};

}  // namespace

std::unique_ptr<BarWriter> create_bar_writer(storage::Storage& storage, const Clock& clock,
                                             const BarWriterOptions& options) {
    return std::make_unique<BarWriterImpl>(storage, clock, options);
}

}  // namespace pricewire::history
