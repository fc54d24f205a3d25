#pragma once

#include <fmt/format.h>

#include <cstdio>
#include <string>

namespace pricewire::perf {

// One line of the table that tests/perf/run prints: what, how much, and what we want it to be.
inline void row(const std::string& what, const std::string& figure, const std::string& goal = "") {
    fmt::print("ROW\t{}\t{}\t{}\n", what, figure, goal);
    std::fflush(stdout);
}

}  // namespace pricewire::perf
