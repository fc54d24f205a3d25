#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "domain/market.hpp"

// Boards and the sources' reports as Redis holds them: JSON with prices as strings, so that no reader makes
// doubles of them, and times in microseconds. Pure.
namespace pricewire::bus {

// {"feed":…,"time":<the price's, 0 where there is none>,…}; the two are what Redis compares boards by.
std::string board_json(const TickerBoard& board, std::string_view feed);
// nullopt where it is none.
std::optional<TickerBoard> parse_board(std::string_view json);

std::string sources_json(std::span<const SourceReport> sources);
std::optional<std::vector<SourceReport>> parse_sources(std::string_view json);

// Into `all`: of two reports on one source the better counts, of two as good the later.
void merge_sources(std::vector<SourceReport>& all, std::vector<SourceReport> more);

}  // namespace pricewire::bus
