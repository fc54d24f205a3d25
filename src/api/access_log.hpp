#pragma once

#include "api/exchange.hpp"
#include "base/clock.hpp"
#include "base/log.hpp"

namespace pricewire::api {

// One line for a request once it is answered: method, route, status, ms, client, and the ids it is about.
// At info what changed something and what was refused or failed, of the latter so many a second at most; at
// debug what was only read, as prices are, by the hundred thousand. Never a path, a query, a header or a
// body: any of these may hold a secret. Thread-safe.
class AccessLog {
public:
    void write(const Exchange& x, int status, const Clock& clock,
               const std::vector<net::Network>& trusted_proxies);

private:
    log::LineBudget refused_{"requests that were refused", 100};
};

// The trace that a request says it belongs to.
std::optional<TraceContext> trace_of(const net::ServerRequest& request);

// Names the request in every line of this thread while it lives.
class RequestScope {
public:
    explicit RequestScope(const Exchange& x)
        : scope_({{"request_id", x.request_id}, {"trace_id", x.trace ? x.trace->id : std::string_view{}}}) {}

private:
    const log::Scope scope_;
};

}  // namespace pricewire::api
