#pragma once

#include "app/front.hpp"
#include "app/roles.hpp"
#include "base/result.hpp"
#include "net/file_limit.hpp"
#include "ops/config.hpp"

namespace pricewire::app {

// Divides the files that this process may open, before any thread starts, and logs where they are few. Error: too few.
Result<net::FileShares> share_files(const ops::Config& config, const Roles& roles);
// Prints the addresses to stdout, for the person who started the process, and logs the start.
void report_start(const ops::Config& config, const Roles& roles, const Front& front);

}  // namespace pricewire::app
