#include "net/local_failures.hpp"

#include "base/log.hpp"
#include "base/unusable.hpp"

namespace pricewire::net {

void LocalFailures::failed(LocalCause cause, MonoTime now) noexcept {
    Of& one = of(cause);
    one.count.fetch_add(1, std::memory_order_relaxed);
    MutexLock lock(mutex_);
    one.last = now;
    if (std::exchange(one.lasts, true)) return;
    const LocalCauseRow& row = row_of(cause);
    try {
        log::write(row.health.empty() ? log::Level::warn : log::Level::error,
                   "requests cannot be sent for a reason on this side; they are put off and tried again",
                   {{"cause", std::string(row.name)}, {"reason", std::string(row.words)}});
    } catch (const std::exception&) {
        one.lasts = false;  // no memory for the line: the next failure is logged
    }
}

void LocalFailures::tick(MonoTime now) {
    MutexLock lock(mutex_);
    for (const LocalCauseRow& row : local_causes) {
        Of& one = of(row.cause);
        if (!one.lasts || now - one.last < quiet) continue;
        one.lasts = false;
        log::info("requests no longer fail for this reason on this side", {{"cause", std::string(row.name)}});
    }
}

std::uint64_t LocalFailures::count(LocalCause cause) const {
    return all_[static_cast<std::size_t>(cause)].count.load(std::memory_order_relaxed);
}

std::vector<LocalCause> LocalFailures::lasting() const {
    std::vector<LocalCause> out;
    MutexLock lock(mutex_);
    for (const LocalCauseRow& row : local_causes) {
        if (!row.health.empty() && all_[static_cast<std::size_t>(row.cause)].lasts) out.push_back(row.cause);
    }
    return out;
}

LocalFailures& local_failures() {
    static LocalFailures of_the_process;
    return of_the_process;
}

void check_local_failures() {
    local_failures().tick();
    const auto lasting = local_failures().lasting();
    if (lasting.empty()) return;
    const LocalCauseRow& row = row_of(lasting.front());
    throw Unusable("requests cannot be sent: " + std::string(row.words), row.health);
}

}  // namespace pricewire::net
