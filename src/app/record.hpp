#pragma once

#include <string>

#include "ops/config.hpp"
#include "ops/shutdown.hpp"

namespace pricewire::app {

// `pricewire feed --record FOLDER`: the feed's role, with every frame written into FOLDER. Where the configuration
// has no servers that a feed could hand its prices to, it records and does nothing else. As run_roles().
int run_recording_feed(const ops::Config& config, const std::string& folder, ops::Shutdown& shutdown);

}  // namespace pricewire::app
