#pragma once

#include <time.h>

namespace pricewire::perf {

// The CPU time of this thread since its start, whatever else the machine does.
inline double cpu_seconds() {
    timespec used{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
    return static_cast<double>(used.tv_sec) + static_cast<double>(used.tv_nsec) / 1e9;
}

}  // namespace pricewire::perf
