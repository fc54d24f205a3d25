#pragma once

#include <span>
#include <string>
#include <string_view>

#include "api/exchange.hpp"

namespace pricewire::api {

enum class Access { open, key };
enum class Limit { none, register_by_ip, rates_by_ip, user, history };
// Which thread may run the handler.
enum class Where {
    server,    // the server's own: it never waits
    storage,   // one that may wait for the storage
    resolver,  // one that may wait for name servers too
    health,    // the health probe's
};

using Handler = net::ServerResponse (*)(Services&, Exchange&);

struct Route {
    std::string_view method;
    std::string_view path;  // without trailing slash; one "{}" may stand for one segment
    std::string_view name;  // in the log and in buckets of limits
    Access access;
    Limit limit;
    Where where;
    Handler handler;
};

struct RouteMatch {
    const Route* route = nullptr;
    std::string parameter;  // decoded
    std::string allow;      // where only the method does not fit: those that do
};

std::span<const Route> all_routes();

// `path` is as sent. HEAD is answered as GET.
RouteMatch find_route(std::string_view method, std::string_view path);

}  // namespace pricewire::api
