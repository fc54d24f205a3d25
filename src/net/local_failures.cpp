#include "net/local_failures.hpp"

#include "base/log.hpp"

namespace pricewire::net {

void LocalFailures::failed(LocalCause cause, MonoTime now) {
    Of& one = of(cause);
    one.count.fetch_add(1, std::memory_order_relaxed);
    MutexLock lock(mutex_);
    one.last = now;
    if (std::exchange(one.lasts, true)) return;
    const LocalCauseRow& row = row_of(cause);
    log::write(row.affects_all ? log::Level::error : log::Level::warn,
               "requests cannot be sent for a reason on this side; they are put off and tried again",
               {{"cause", std::string(row.name)}, {"reason", std::string(row.words)}});
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
        if (row.affects_all && all_[static_cast<std::size_t>(row.cause)].lasts) out.push_back(row.cause);
    }
    return out;
}

LocalFailures& local_failures() {
    static LocalFailures of_the_process;
    return of_the_process;
}

}  // namespace pricewire::net
