#pragma once

#include <fmt/format.h>

#include <cstdio>
#include <string>

namespace pricewire::perf {

// One row of the table that tests/perf/run prints: what is measured, the figure, and the goal.
inline void row(const std::string& what, const std::string& figure, const std::string& goal = "") {
    fmt::print("ROW\t{}\t{}\t{}\n", what, figure, goal);
    std::fflush(stdout);
}

}  // namespace pricewire::perf
