#pragma once

#include <span>
#include <string>
#include <string_view>

#include "api/exchange.hpp"

namespace pricewire::api {

enum class Access {
    open,
    sign_up,  // as long as registration is open
    key,
};
enum class Limit { none, register_by_ip, rates_by_ip, user, history, preview };
// The threads that may run a handler.
enum class Where {
    server,    // the server's, or the gate's: it must not block
    storage,   // may wait for the storage
    resolver,  // may wait for name servers as well
    creator,   // that of Creations, once Exchange::new_alert is decided
    gate,      // none, until Exchange::admission is known
    health,    // the health probe's
};

using Handler = net::ServerResponse (*)(Services&, Exchange&);

struct Route {
    std::string_view method;
    std::string_view path;  // without trailing slash; "{}" matches one segment
    std::string_view name;  // in metrics and in buckets of limits
    Access access;
    Limit limit;
    Where where;
    Handler handler;
    bool reads_query = false;  // a parameter that is given twice is refused
};

struct RouteMatch {
    const Route* route = nullptr;
    std::string parameter;  // decoded
    std::string allow;      // if only the method does not match: the methods that do
};

std::span<const Route> all_routes();

// `path` as sent. HEAD matches GET.
RouteMatch find_route(std::string_view method, std::string_view path);

}  // namespace pricewire::api
