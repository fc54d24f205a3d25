#pragma once

#include <fmt/format.h>

#include <cstdio>
#include <string>
#include <vector>

namespace pricewire::app {

// Prints a line for the person who runs the command, to stderr; returns `code`.
inline int report(const std::string& line, int code) {
    fmt::print(stderr, "pricewire: {}\n", line);
    return code;
}
inline int report(const std::vector<std::string>& lines, int code) {
    for (const std::string& line : lines) report(line, code);
    return code;
}

}  // namespace pricewire::app
