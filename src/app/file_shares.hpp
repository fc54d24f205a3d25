#pragma once

#include "app/roles.hpp"
#include "base/result.hpp"
#include "net/file_limit.hpp"
#include "ops/config.hpp"

namespace pricewire::app {

// Divides the files that this process may open, before any thread starts, and logs where they are few. Error: too few.
Result<net::FileShares> share_files(const ops::Config& config, const Roles& roles);

}  // namespace pricewire::app
