#pragma once

#include "api/exchange.hpp"
#include "base/clock.hpp"
#include "base/log.hpp"

namespace pricewire::api {

// One line per answered request: method, route, status, ms, client, and the ids it concerns. At info requests
// that changed something, were rejected or failed, the latter with a limit per second; at debug requests that
// only read. Never a path, query, header or body, since any of these may contain a secret. Thread-safe.
class AccessLog {
public:
    void write(const Exchange& x, int status, const Clock& clock,
               const std::vector<net::Network>& trusted_proxies);

private:
    log::LineBudget refused_{"requests that were refused", 100};
};

// The trace named by the request's headers.
std::optional<TraceContext> trace_of(const net::ServerRequest& request);

// Adds the request's ids to every log line of this thread during its lifetime.
class RequestScope {
public:
    explicit RequestScope(const Exchange& x)
        : scope_({{"request_id", x.request_id}, {"trace_id", x.trace ? x.trace->id : std::string_view{}}}) {}

private:
    const log::Scope scope_;
};

}  // namespace pricewire::api
