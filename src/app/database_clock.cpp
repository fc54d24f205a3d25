#include "app/database_clock.hpp"

#include <fmt/format.h>

#include <chrono>
#include <exception>
#include <utility>

#include "base/log.hpp"

namespace pricewire::app {
namespace {

constexpr Duration every = std::chrono::seconds{2};
// An answer that takes longer does not say when it was given.
constexpr Duration longest_answer = std::chrono::milliseconds{200};
constexpr int most_tries = 5;  // at the start
// The time does not waver by how long answers take.
constexpr Duration negligible = std::chrono::milliseconds{100};
// The log says again how far it is off if that has changed by so much.
constexpr Duration told_again_after = std::chrono::seconds{1};

Duration size_of(Duration d) {
    return d < Duration::zero() ? -d : d;
}

std::string text_of(Duration behind) {
    return fmt::format("{:.1f} s {}", static_cast<double>(size_of(behind).count()) / 1e6,
                       behind > Duration::zero() ? "behind" : "ahead");
}

}  // namespace

DatabaseClock::DatabaseClock(storage::Members* database, const Clock& own) : database_(database), own_(own) {
    if (database_ == nullptr) return;
    for (int tries = 0; tries < most_tries && !measure(); ++tries) {
    }
    thread_ = std::thread([this] { run(); });
}

DatabaseClock::~DatabaseClock() {
    {
        MutexLock lock(mutex_);
        is_stopping_ = true;
    }
    woken_.notify_all();
    if (thread_.joinable()) thread_.join();
}

void DatabaseClock::run() {
    while (true) {
        {
            MutexLock lock(mutex_);
            woken_.wait_for(lock, every, [&]() REQUIRES(mutex_) { return is_stopping_; });
            if (is_stopping_) return;
        }
        measure();
    }
}

// False if the answer says too little. While the database is away the last correction counts.
bool DatabaseClock::measure() {
    try {
        const MonoTime asked = own_.mono();
        const Timestamp time = database_->database_time();
        const auto took = std::chrono::duration_cast<Duration>(own_.mono() - asked);
        if (took > longest_answer) return false;
        correct(time + took / 2 - own_.now());
    } catch (const std::exception& e) {
        log::debug("the database's time is not known", {{"reason", e.what()}});
    }
    return true;
}

void DatabaseClock::correct(Duration behind) {
    const bool is_too_far = size_of(behind) > most;
    if (is_too_far && !std::exchange(too_far_, is_too_far)) {
        log::error("this host's clock is too far from the database's to be corrected; set it",
                   {{"clock", text_of(behind)}});
    }
    too_far_ = is_too_far;
    const Duration next = is_too_far || size_of(behind) < least ? Duration::zero() : behind;
    const Duration before{behind_.load()};
    if (size_of(next - before) < negligible) return;
    behind_.store(next.count());
    const bool is_known = told_ != Duration::zero() && size_of(next - told_) < told_again_after;
    if (next == Duration::zero() || is_known) return;
    told_ = next;
    log::warn("this host's clock is wrong; deliveries go by the database's", {{"clock", text_of(next)}});
}

}  // namespace pricewire::app
