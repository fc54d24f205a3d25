#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "access/auth_cache.hpp"
#include "access/gate.hpp"
#include "access/rate_limits.hpp"
#include "api/static_files.hpp"
#include "base/clock.hpp"
#include "bus/delivery_notices.hpp"
#include "bus/price_bus.hpp"
#include "directory/book.hpp"
#include "domain/market.hpp"
#include "net/http_server.hpp"
#include "net/webhook_url.hpp"
#include "secrets/secret_box.hpp"
#include "storage/storage.hpp"
#include "watch/demand.hpp"

namespace pricewire::catcher {
class Catcher;
}

namespace pricewire::api {

struct ApiOptions {
    std::vector<Ticker> tickers;                 // always watched, in the configured order
    bool on_demand = true;                       // alerts may also name other tickers that a venue lists
    std::size_t max_tickers = 1000;              // that can be watched, pinned ones included
    std::optional<std::vector<Ticker>> watched;  // of `tickers`, those that a source has; unset: all of them
    bool registration_open = true;               // false: registering answers 403
    access::RateLimit register_limit{2, std::chrono::seconds{10}};
    access::RateLimit user_limit{5, std::chrono::seconds{10}};
    access::RateLimit rates_limit{5, std::chrono::seconds{10}};
    access::RateLimit history_limit{30, std::chrono::seconds{10}};
    access::RateLimit preview_limit{5, std::chrono::seconds{10}};
    access::RateLimit failed_keys_limit{30, std::chrono::minutes{1}};  // by address
    std::size_t alerts_per_user = 1000;
    std::size_t kept_keys = storage::max_kept_keys;  // Idempotency-Keys of a user within 24 h
    int attempts = 4;                                // that a delivery gets
    std::vector<net::Network> trusted_proxies;
    // Of a client behind a trusted proxy; at least 1. The server counts those of the others.
    std::size_t streams_per_address = 128;
    net::UrlPolicy url_policy;

    std::span<const StaticFile> page;       // served at "/"; empty: a plain page with links
    std::span<const StaticFile> reference;  // served at "/docs"; empty: the document as plain HTML

    int workers = 4;                                 // threads that may wait for the storage
    std::size_t worker_queue = 1024;                 // requests waiting for a worker; more get 503
    Duration worker_wait = std::chrono::seconds{5};  // maximum wait for a worker; then 503
    // Threads that resolve the host names of new alerts' URLs. If all are busy, an alert is accepted on its
    // URL's text alone, like one whose name does not resolve: a slow name server must not keep other users
    // from creating alerts, and the sender checks every address again when it connects.
    int resolvers = 4;
    std::size_t resolver_queue = 16;
    Duration resolve_timeout = std::chrono::seconds{1};
    Duration ping_timeout = std::chrono::seconds{1};  // for /health; then the dependency is down
};

// A request that was answered.
struct AnsweredRequest {
    std::string_view route;   // its name in the route table, of static storage; "none" if no route matched
    std::string_view method;  // as sent; valid during the call
    int status = 0;
    Duration took{};
};

// What the API uses. References and functions outlive it; functions are thread-safe.
struct ApiDependencies {
    storage::Storage& storage;
    bus::PriceBus& bus;
    access::AuthCache& auth_cache;
    access::RateLimits& rate_limits;
    const Clock& clock;
    secrets::SecretBox& secrets;
    // Notifies the live stream of changed deliveries; handlers publish here. The API is its subscriber.
    bus::DeliveryNotices& notices;
    std::function<NewWebhookSecret(SignatureScheme)> make_webhook_secret;
    // Notifies the senders of due deliveries; may be lost. Empty: they find them in the database.
    std::function<void(std::span<const DeliveryTask>)> hint;
    std::function<void()> ping_queue;  // throws if it cannot be reached
    // Replaces net::vet_webhook_url(text, url_policy, resolve_timeout) if set. May block.
    std::function<Result<net::WebhookUrl>(std::string_view text)> vet_webhook_url;
    // Called for every request, on the thread that answers it. Must not throw; may be empty.
    std::function<void(const AnsweredRequest&)> answered;
    // What the venues list. Null: no list is known, and alerts may name ApiOptions::tickers alone.
    directory::Book* directory = nullptr;
    // What users look at, and what of it has no prices. Null: every ticker has.
    watch::Demand* demand = nullptr;
    // Null: there is no catcher.
    catcher::Catcher* catcher = nullptr;
    // The public half of the server's key for pushes, as browsers take it. Empty: this server sends none.
    std::function<Result<std::string>()> push_key{};
    // Asks `auth_cache` and `rate_limits`, which outlive it, without blocking. Null: they never block.
    std::unique_ptr<access::Gate> gate = nullptr;
    // Of the live stream, which waits by it on threads of its own: never one that stands still.
    const Clock& stream_clock = system_clock();
};

// The REST interface and the live stream; openapi.yaml describes them. Thread-safe.
class Api {
public:
    // Waits for requests in progress; queued requests are dropped, which answers them with 500. To be
    // destroyed after the server was stopped, but before the server, whose connections carry the responses.
    virtual ~Api() = default;
    // Answers at once if nothing can block (such as GET /rates with a known key), else from its own threads.
    virtual void handle(net::ServerRequest&& request, net::HttpServer::Respond respond) = 0;
    // Opens the live stream at /api/v1/stream; rejects every other upgrade.
    virtual net::WsHandler upgrade(const net::ServerRequest& request, std::shared_ptr<net::WsPeer> peer) = 0;
    // To be called for StorageEvents::user_changed. The user's keys are looked up again from the next request
    // on.
    virtual void on_user_changed(std::optional<Uuid> user_id) = 0;
    // The number of clients of the live stream, as of a moment ago. Any thread.
    virtual std::size_t stream_clients() const = 0;

    net::HttpServer::UpgradeHandler upgrade_handler() {
        return [this](const net::ServerRequest& request, std::shared_ptr<net::WsPeer> peer) {
            return upgrade(request, std::move(peer));
        };
    }
    net::HttpServer::Handler handler() {
        return [this](net::ServerRequest&& request, net::HttpServer::Respond respond) {
            handle(std::move(request), std::move(respond));
        };
    }
};

std::unique_ptr<Api> create_api(ApiDependencies dependencies, ApiOptions options);

// Whether requests to that path may have a body larger than those to all others, for ServerOptions::takes_large_body.
bool takes_large_body(std::string_view path);

// An error in the API's format, for ServerOptions::error_response.
net::ServerResponse api_error_response(int status, std::string_view detail);

}  // namespace pricewire::api
