#pragma once

#include <cstddef>
#include <optional>
#include <string_view>
#include <vector>

#include "api/query_string.hpp"
#include "api/responses.hpp"
#include "base/uuid.hpp"

// Pages of listings in descending order of ids (newest first).
namespace pricewire::api {

constexpr std::size_t max_page = 1000;

// That `cursor` is not one of ours.
Issue bad_cursor();
// Reads `limit` and `cursor` from a query; missing ones are left unchanged.
void read_page(const QueryString& query, std::size_t& limit, std::optional<Uuid>& before,
               std::vector<Issue>& issues);

// Links to the page after the one that ends with `last`: the same query with another cursor. `path` is
// trusted.
void add_next_link(net::ServerResponse& response, std::string_view path, const QueryString& query,
                   const Uuid& last);
// The same for a cursor of another form.
void add_next_link(net::ServerResponse& response, std::string_view path, const QueryString& query,
                   std::string_view cursor);

}  // namespace pricewire::api
