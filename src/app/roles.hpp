#pragma once

#include "ops/config.hpp"
#include "ops/shutdown.hpp"

namespace pricewire {

// All roles in one process on the embedded implementations, until a signal comes. Returns the exit code: 0
// after a clean stop, 1 where something needed is not to be had, 2 where the configuration asks for what this
// build has not.
int serve(const Config& config, Shutdown& shutdown);

}  // namespace pricewire
