#pragma once

#include <span>
#include <string>
#include <string_view>

#include "net/http_server.hpp"

namespace pricewire::api {

// One thing that is wrong with what was sent. `where` is "body", "query" or "path"; `field` may be empty,
// where the whole of it is meant. `type` is the machine's word for the rule, in the manner of pydantic.
struct Issue {
    std::string where;
    std::string field;
    std::string message;
    std::string type;
    friend bool operator==(const Issue&, const Issue&) = default;
};

net::ServerResponse json_response(int status, std::string body);
// {"error":"HTTPException","detail":…,"code":…}
net::ServerResponse error_response(int status, std::string_view detail);
// 503 with a Retry-After in seconds.
net::ServerResponse unavailable(std::string_view detail, int retry_after_seconds);
// 422 {"error":"ValidationError","detail":[{"loc":[…],"msg","type"}],"code":422}
net::ServerResponse validation_response(std::span<const Issue> issues);

}  // namespace pricewire::api
