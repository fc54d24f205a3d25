#pragma once

#include "ops/cli.hpp"
#include "ops/config.hpp"

namespace pricewire::app {

// 'pricewire users …': works beside a running Pricewire on the same database, which notices. Returns the exit
// code: 1 if there is no such user or the e-mail is taken, 2 if it is no e-mail address.
int run_users(const ops::Config& config, const ops::CommandLine& command);

}  // namespace pricewire::app
