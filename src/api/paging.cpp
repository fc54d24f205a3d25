#include "api/paging.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string>

#include "api/query_values.hpp"
#include "base/crypto.hpp"

namespace pricewire::api {
namespace {

// A cursor is the id of the last row of a page, encoded so that clients do not rely on its form.
std::string make_cursor(const Uuid& id) {
    return base64url_encode(id.bytes);
}

std::optional<Uuid> id_in_cursor(std::string_view text) {
    const auto bytes = base64url_decode(text);
    if (!bytes || bytes->size() != 16) return std::nullopt;
    Uuid id;
    std::copy(bytes->begin(), bytes->end(), id.bytes.begin());
    return id;
}

}  // namespace

Issue bad_cursor() {
    return {{"query", "cursor"}, "Input should be a cursor from a Link header", "value_error"};
}

void read_page(const QueryString& query, std::size_t& limit, std::optional<Uuid>& before,
               std::vector<Issue>& issues) {
    read_limit(query, max_page, limit, issues);
    if (const auto text = query.find("cursor")) {
        before = id_in_cursor(*text);
        if (!before) issues.push_back(bad_cursor());
    }
}

void add_next_link(net::ServerResponse& response, std::string_view path, const QueryString& query,
                   const Uuid& last) {
    add_next_link(response, path, query, make_cursor(last));
}

void add_next_link(net::ServerResponse& response, std::string_view path, const QueryString& query,
                   std::string_view cursor) {
    response.headers.emplace_back("Link",
                                  fmt::format("<{}?{}>; rel=\"next\"", path, query.with("cursor", cursor)));
}

}  // namespace pricewire::api
