#pragma once

#include <span>
#include <string>
#include <string_view>

#include "domain/member.hpp"
#include "ops/cli.hpp"
#include "ops/config.hpp"

namespace pricewire::app {

// The members as a table, one a line under a line of titles; those whose lease has ended come with how long ago. Pure.
std::string members_table(std::span<const Member> members);
// Who holds a ticker: checkers and feeds, the one in charge first. Pure.
std::string holders_text(std::span<const Member> members, std::string_view ticker, std::size_t redundancy);

// `pricewire cluster [TICKER]`. The exit code.
int run_cluster(const ops::Config& config, const ops::CommandLine& command);

}  // namespace pricewire::app
