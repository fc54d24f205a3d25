#pragma once

#include <fmt/format.h>

#include <chrono>
#include <cstdio>
#include <string>

namespace pricewire::perf {

inline double seconds_since(std::chrono::steady_clock::time_point start) {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

// One row of the table that tests/perf/run prints: what is measured, the figure, and the goal.
inline void row(const std::string& what, const std::string& figure, const std::string& goal = "") {
    fmt::print("ROW\t{}\t{}\t{}\n", what, figure, goal);
    std::fflush(stdout);
}

}  // namespace pricewire::perf
