#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "api/query_string.hpp"
#include "api/responses.hpp"
#include "base/clock.hpp"

// Values of a query's parameters. What is wrong with one is added to the issues.
namespace pricewire::api {

// A number of rows from 1 to `most`; what is not there stays as it is.
void read_limit(const QueryString& query, std::size_t most, std::size_t& limit, std::vector<Issue>& issues);

// A date and time; nullopt where there is none, or a wrong one.
std::optional<Timestamp> read_time(const QueryString& query, const char* name, std::vector<Issue>& issues);

}  // namespace pricewire::api
