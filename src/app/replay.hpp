#pragma once

#include "ops/cli.hpp"

namespace pricewire::app {

// Prints the quotes in a recording of a venue's stream, a JSON object a line, and {"reason":…} for what gave none.
// Returns the exit code: 2 if the venue, the file or an option is not valid.
int run_replay(const ops::CommandLine& command);

}  // namespace pricewire::app
