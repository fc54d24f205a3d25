#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "access/rate_limits.hpp"
#include "api/api.hpp"
#include "api/keys_under_way.hpp"
#include "api/last_days.hpp"
#include "api/responses.hpp"
#include "api/static_files.hpp"
#include "api/stream_places.hpp"
#include "base/trace_context.hpp"
#include "domain/user.hpp"

namespace pricewire::live {
class Live;
}

namespace pricewire::api {

struct Route;
class StreamSession;

// An alert that a request wants created, and what became of it.
struct PendingAlert {
    storage::AlertCreation creation;
    net::ServerResponse answer;  // if it is created
    bool is_decided = false;
};

// One request on its way through the API; one thread at a time.
struct Exchange {
    net::ServerRequest request;
    net::HttpServer::Respond respond;
    std::string request_id;
    // The caller's trace or, if the request creates an alert, the alert's new one.
    std::optional<TraceContext> trace;
    MonoTime started;
    const Route* route = nullptr;
    std::string parameter;  // the segment at {…} in the route's path, decoded
    User user;              // if the route requires a key
    bool authenticated = false;
    std::shared_ptr<StreamSession> session;  // if the request belongs to a WebSocket
    bool text_only = false;                  // check an alert's URL by its text alone
    // Set by a handler, which is called again once that is decided.
    std::optional<PendingAlert> new_alert;
    // The alert or delivery concerned, for the log, if the path does not name it.
    std::optional<Uuid> alert_id;
    std::optional<Uuid> delivery_id;
    std::optional<access::Admission> admission;    // the gate's answer
    std::optional<access::RateLimit> limit;        // the limit that applied
    std::optional<access::RateDecision> decision;  // and its decision
};

// The page may run its own scripts and styles and contact this server only. Swagger UI needs no more: it sets
// styles by script, which the policy does not restrict, and embeds its images in its stylesheet.
constexpr std::string_view site_policy =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

// The tickers that a stream may name. Lives as long as the API.
struct StreamTickers {
    const std::vector<Ticker>& pinned;
    // Whether another one can be watched; must not block. Empty: none can.
    std::function<bool(const Ticker&)> is_known = {};
};

// The context of all handlers.
struct Services {
    ApiDependencies use;
    ApiOptions options;
    live::Live* live = nullptr;  // set while requests are handled
    std::atomic<bool> had_prices{
        false};  // since the start; without one, 503 says that the process is starting
    KeysUnderWay keys_under_way;
    StreamPlaces stream_places{options.streams_per_address};
    StreamTickers stream_tickers{options.tickers};
    LastDays last_days{use.storage};
    StaticSite page{options.page, std::string(site_policy)};
    StaticSite reference{options.reference, std::string(site_policy)};
};

}  // namespace pricewire::api
