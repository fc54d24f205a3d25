#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "ops/config_keys.hpp"

namespace pricewire::ops {

// A parsed command line.
struct CommandLine {
    std::string command;                                     // "serve", "migrate", "users disable", …
    std::optional<std::string> config_file;                  // --config
    std::vector<std::pair<std::string, std::string>> flags;  // configuration keys: --http.listen VALUE
    bool status = false;                                     // migrate --status
    std::optional<int> to;                                   // migrate --to N
    bool fresh = false;                                      // migrate --new
    std::string email;                                       // users create EMAIL, …
    std::string role = "serve";                              // health ROLE, check-config ROLE
    std::optional<std::string> record;                       // feed --record DIR
    std::string ticker;                                      // cluster TICKER
    std::string venue;                                       // replay VENUE FILE
    std::string file;
    std::string symbols;  // replay --symbols
    std::string at;       // replay --at
    // Set if there is nothing to run: 0 for help and version, 2 for an error; with the text to print.
    std::optional<int> exit_code;
    std::string text;
};

// `arguments` without the program's name.
CommandLine parse_command_line(std::vector<std::string> arguments, const ConfigKeys& keys);

}  // namespace pricewire::ops
