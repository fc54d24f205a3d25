#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "api/query_string.hpp"
#include "api/responses.hpp"
#include "base/clock.hpp"

// Values of query parameters. Errors are added to the issues.
namespace pricewire::api {

// A number of rows from 1 to `most`; unchanged if missing.
void read_limit(const QueryString& query, std::size_t most, std::size_t& limit, std::vector<Issue>& issues);

// true or false; nullopt if missing or invalid.
std::optional<bool> read_bool(const QueryString& query, const char* name, std::vector<Issue>& issues);

// A date and time; nullopt if missing or invalid.
std::optional<Timestamp> read_time(const QueryString& query, const char* name, std::vector<Issue>& issues);

}  // namespace pricewire::api
