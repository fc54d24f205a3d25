#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <vector>

#include "base/clock.hpp"
#include "base/mutex.hpp"
#include "net/local_error.hpp"

namespace pricewire::net {

// What this process has lacked, whichever part of it noticed. Each cause is logged when it begins and when it
// has ended, which is when nothing has failed for it during `quiet`. Thread-safe.
class LocalFailures {
public:
    // Longer than the longest pause between attempts that are put off.
    static constexpr Duration quiet = std::chrono::seconds{90};

    void failed(LocalCause cause, MonoTime now = std::chrono::steady_clock::now()) noexcept;
    // Ends what has ended; to be called now and then.
    void tick(MonoTime now = std::chrono::steady_clock::now());

    std::uint64_t count(LocalCause cause) const;
    // The causes that last and affect whatever is sent.
    std::vector<LocalCause> lasting() const;

private:
    struct Of {
        std::atomic<std::uint64_t> count = 0;
        bool lasts = false;
        MonoTime last{};
    };
    Of& of(LocalCause cause) { return all_[static_cast<std::size_t>(cause)]; }

    mutable Mutex mutex_;
    std::array<Of, local_causes.size()> all_;  // `lasts` and `last` are guarded by mutex_
};

// Those of the process: descriptors, memory and ports are its own.
LocalFailures& local_failures();
// For /health: throws Unusable while something lasts that affects whatever is sent.
void check_local_failures();

}  // namespace pricewire::net
