#include "app/database_clock.hpp"

#include <fmt/format.h>

#include <chrono>
#include <ctime>
#include <exception>
#include <utility>

#include "base/log.hpp"

namespace pricewire::app {
namespace {

// The time does not waver by less.
constexpr Duration negligible = std::chrono::milliseconds{100};
// A clock that was too far off is corrected again when it is nearer by so much.
constexpr Duration nearer = std::chrono::seconds{10};
// The log says again how far it is off if that has changed by so much.
constexpr Duration told_again_after = std::chrono::seconds{1};

Duration size_of(Duration d) {
    return d < Duration::zero() ? -d : d;
}

std::string text_of(Duration ahead) {
    return fmt::format("{:.1f} s {}", static_cast<double>(size_of(ahead).count()) / 1e6,
                       ahead > Duration::zero() ? "ahead" : "behind");
}

}  // namespace

Duration since_boot() {
    timespec t{};
    clock_gettime(CLOCK_BOOTTIME, &t);
    return std::chrono::seconds{t.tv_sec} +
           std::chrono::duration_cast<Duration>(std::chrono::nanoseconds{t.tv_nsec});
}

Timestamp DatabaseClock::now() const {
    const Duration::rep zero = zero_.load();
    return zero == unknown ? own_.now() : Timestamp{Duration{zero} + since_boot_()};
}

// Whatever delays the answer, or this thread, makes `took` longer: the answer was given in the middle of it, give or take
// half, and says no more than that.
void DatabaseClock::learn(const std::function<Timestamp()>& ask) {
    const Duration asked = since_boot_();
    const Timestamp answer = ask();
    const Timestamp own = own_.now();
    const Duration answered = since_boot_();
    const Duration took = answered - asked;
    judge(own - answer - took / 2, took);
    if (own_is_ == Own::too_far) return zero_.store(unknown);
    const Duration said = answer.time_since_epoch() - asked - took / 2;
    Duration zero{zero_.load()};
    if (zero.count() == unknown) zero = own.time_since_epoch() - answered;
    zero_.store((size_of(said - zero) <= took / 2 + negligible ? zero : said).count());
}

// Nothing changes unless it is certain, however long the answer took.
void DatabaseClock::judge(Duration ahead, Duration took) {
    const Own before = own_is_;
    const Duration at_least = size_of(ahead) - took;
    const Duration at_most = size_of(ahead) + took;
    const bool is_right =
        before == Own::right ? at_least <= least : size_of(ahead) < least / 2 && took < least;
    if (at_least > most || (before == Own::too_far && at_most > most - nearer)) {
        own_is_ = Own::too_far;
    } else {
        own_is_ = is_right ? Own::right : Own::wrong;
    }
    const bool is_told = own_is_ == before && size_of(ahead - told_) < told_again_after + took;
    if (own_is_ == Own::right) {
        if (before != Own::right) log::info("this host's clock agrees with the database's again");
    } else if (own_is_ == Own::wrong && !is_told) {
        log::warn("this host's clock differs from the database's, which this process uses instead",
                  {{"clock", text_of(ahead)}});
        told_ = ahead;
    } else if (own_is_ == Own::too_far && before != Own::too_far) {
        log::error(
            "this host's clock differs from the database's by too much to be corrected; set whichever is "
            "wrong",
            {{"clock", text_of(ahead)}});
    }
}

TimeAsker::TimeAsker(std::function<Timestamp()> ask, DatabaseClock& clock, Duration every)
    : ask_(std::move(ask)), clock_(clock), every_(every) {
    clock_.learn(ask_);
    thread_ = std::thread([this] { run(); });
}

TimeAsker::~TimeAsker() {
    stop_.set();
    thread_.join();
}

void TimeAsker::run() {
    while (!stop_.wait_for(every_)) {
        try {
            clock_.learn(ask_);
        } catch (const std::exception& e) {
            log::debug("the database does not say what time it is", {{"reason", e.what()}});
        }
    }
}

}  // namespace pricewire::app
