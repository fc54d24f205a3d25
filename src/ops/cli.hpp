#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "ops/config_keys.hpp"

namespace pricewire::ops {

// A command line, taken apart.
struct CommandLine {
    std::string command;                                     // "serve", "migrate", "users disable", …
    std::optional<std::string> config_file;                  // --config
    std::vector<std::pair<std::string, std::string>> flags;  // configuration keys: --http.listen VALUE
    bool status = false;                                     // migrate --status
    std::optional<int> to;                                   // migrate --to N
    std::string email;                                       // users disable EMAIL
    std::string role = "serve";                              // health ROLE
    // Set where there is nothing to run: help, version (exit code 0), or a mistake (2). Text to print with
    // it.
    std::optional<int> exit_code;
    std::string text;
};

// `arguments` without the program's name.
CommandLine parse_command_line(std::vector<std::string> arguments, const ConfigKeys& keys);

}  // namespace pricewire::ops
