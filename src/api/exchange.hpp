#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "access/rate_limits.hpp"
#include "api/api.hpp"
#include "api/responses.hpp"
#include "api/static_files.hpp"
#include "base/trace_context.hpp"
#include "domain/user.hpp"

namespace pricewire::live {
class Live;
}

namespace pricewire::api {

struct Route;
class StreamSession;

// One request on its way through the API; one thread at a time.
struct Exchange {
    net::ServerRequest request;
    net::HttpServer::Respond respond;
    std::string request_id;
    // The trace it belongs to: the caller's, or, of a request that creates an alert, the alert's new one.
    std::optional<TraceContext> trace;
    MonoTime started;
    const Route* route = nullptr;
    std::string parameter;  // what stands for {…} in the route's path, decoded
    User user;              // where the route asks for a key
    bool authenticated = false;
    std::shared_ptr<StreamSession> session;  // where the request is a WebSocket's
    bool text_only = false;                  // an alert's URL is judged by its text alone
    // What it is about, for the log, where its path does not say it.
    std::optional<Uuid> alert_id;
    std::optional<Uuid> delivery_id;
    std::optional<access::RateLimit> limit;        // the limit that was asked
    std::optional<access::RateDecision> decision;  // and what it said
};

// The page runs its own scripts and styles, speaks to this server, and knows no other host.
// Swagger UI needs no more: it sets styles by script, which a policy does not see, and has its pictures in
// its stylesheet.
constexpr std::string_view site_policy =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

// What handlers work with.
struct Services {
    ApiDependencies use;
    ApiOptions options;
    live::Live* live = nullptr;           // there while requests are
    std::atomic<bool> had_prices{false};  // there was a price once, so silence is not the start any more
    StaticSite page{options.page, std::string(site_policy)};
    StaticSite reference{options.reference, std::string(site_policy)};
};

}  // namespace pricewire::api
