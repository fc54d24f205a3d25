#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "domain/market.hpp"

// Boards and source reports as stored in Redis: JSON with times in microseconds and with prices as strings,
// so that no reader turns them into doubles. Pure.
namespace pricewire::bus {

// {"feed":…,"time":<time of the price, 0 without one>,…}. The script in Redis compares boards by these two.
std::string board_json(const TickerBoard& board, std::string_view feed);
// nullopt if it is not a valid board.
std::optional<TickerBoard> parse_board(std::string_view json);

std::string sources_json(std::span<const SourceReport> sources);
std::optional<std::vector<SourceReport>> parse_sources(std::string_view json);

// Merges into `all`: of two reports on one source the better one wins, or the later one if equally good.
void merge_sources(std::vector<SourceReport>& all, std::vector<SourceReport> more);

}  // namespace pricewire::bus
