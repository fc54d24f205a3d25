#include "api/api.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <exception>
#include <new>

#include "api/access_log.hpp"
#include "api/client_address.hpp"
#include "api/compression.hpp"
#include "api/creations.hpp"
#include "api/delivery_json.hpp"
#include "api/firing_json.hpp"
#include "api/gap_reasons.hpp"
#include "api/handlers.hpp"
#include "api/health_probe.hpp"
#include "api/known_keys.hpp"
#include "api/limits.hpp"
#include "api/media_type.hpp"
#include "api/query_string.hpp"
#include "api/routes.hpp"
#include "api/stream.hpp"
#include "api/watching.hpp"
#include "api/worker_pool.hpp"
#include "base/crypto.hpp"
#include "base/log.hpp"
#include "base/text.hpp"
#include "catcher/catcher.hpp"
#include "net/local_failures.hpp"
#include "watch/watch_list.hpp"

namespace pricewire::api {
namespace {

using ExchangePtr = std::unique_ptr<Exchange>;

constexpr std::string_view storage_gone =
    "The database cannot be reached right now. Nothing was changed; try again shortly.";
constexpr std::string_view registration_is_closed =
    "Registration is closed on this server. Whoever runs it can create an account for you.";
constexpr std::string_view storage_broken =
    "The database cannot store or find this right now. Nothing was changed; try again shortly.";
constexpr std::string_view too_new =
    "This needs something that a newer version of Pricewire has stored and this one does not know. "
    "Nothing was changed; try again shortly.";
constexpr std::string_view out_of_memory =
    "The server is out of memory right now. Nothing was changed; try again shortly.";
constexpr std::string_view too_busy = "Too many requests are waiting right now; try again shortly.";

bool is_request_id(std::string_view text) {
    return !text.empty() && text.size() <= 128 && std::all_of(text.begin(), text.end(), [](char c) {
        return is_alphanumeric(c) || c == '-' || c == '_' || c == '.';
    });
}

// The form of keys that register_user creates: "sk_live_" and the 43 characters of 32 bytes. Anything else is
// invalid without a lookup.
bool is_api_key(std::string_view text) {
    constexpr std::string_view prefix = "sk_live_";
    return text.size() == prefix.size() + 43 && text.starts_with(prefix);
}

class ApiImpl final : public Api {
public:
    ApiImpl(ApiDependencies dependencies, ApiOptions options)
        : services_{std::move(dependencies), std::move(options)},
          health_(
              {
                  {"database", true, [this] { services_.use.storage.ping(); }},
                  {"outgoing", false, net::check_local_failures},
                  {"cache", false, [this] { services_.use.bus.ping(); }},
                  {"queue", false,
                   [this] {
                       if (services_.use.ping_queue) services_.use.ping_queue();
                   }},
                  {"master_key", false, [this] { services_.use.secrets.check(); }},
              },
              services_.options.ping_timeout),
          creations_(services_.use.storage, services_.use.clock,
                     {.capacity = services_.options.worker_queue,
                      .wait = services_.options.worker_wait,
                      .decided = [this](ExchangePtr x) { advance(std::move(x), Where::creator); },
                      .too_late = [this](ExchangePtr x) { finish(*x, unavailable(too_busy, 1)); }}),
          resolvers_(services_.options.resolvers, services_.options.resolver_queue),
          workers_(services_.options.workers, services_.options.worker_queue) {
        std::array<std::uint8_t, 6> random{};
        random_bytes(random);
        request_id_prefix_ = hex_encode(random);
        ApiOptions& o = services_.options;
        if (o.on_demand) {
            services_.stream_tickers.is_known = [this](const Ticker& t) { return is_known(services_, t); };
        }
        live_ = live::start_live(
            {.tickers = o.tickers,
             .demand = live_demand(),
             .watched_per_client = watch::most_looked_at(room_beside_pinned(o))},
            {.alert = [this](const Alert& alert) { return alert_json(alert, services_); },
             .delivery =
                 [this](const DeliveryView& d) { return delivery_json(d, services_.options.attempts); },
             .firing = [](const FiringView& firing,
                          const Ticker& ticker) { return firing_json(firing, ticker); },
             .quotes =
                 [this](const TickerBoard& board) {
                     return quotes_json(board, services_.use.stream_clock.now());
                 },
             .why_unpriced =
                 [](const Ticker&, const WatchState* state, const std::optional<TickerBoard>& board) {
                     return reason_unpriced(state, board);
                 },
             .caught = [this](const Uuid& user) { return caught_events(services_, user); },
             .explain =
                 [this](std::span<DeliveryView> deliveries) {
                     tell_gap_reasons(services_.use.storage, deliveries, services_.use.clock.now());
                 }},
            services_.use.storage, services_.use.bus, services_.use.stream_clock);
        services_.live = live_.get();
        services_.use.notices.subscribe(
            {.notices = [this](std::span<const DeliveryNotice> notices) { live_->on_notices(notices); },
             .missed = [this](Timestamp since) { live_->on_missed(since); }});
        if (!services_.use.vet_webhook_url) {
            const auto deadline =
                static_cast<int>(std::chrono::ceil<std::chrono::milliseconds>(o.resolve_timeout).count());
            services_.use.vet_webhook_url = [&o, deadline](std::string_view text) {
                return net::vet_webhook_url(text, o.url_policy, deadline);
            };
        }
    }

    ~ApiImpl() override {
        // Their tasks use the gate, whose answers go to them: those that come later find no room.
        workers_.stop();
        resolvers_.stop();
        services_.use.gate = nullptr;
        services_.use.notices.unsubscribe();
    }

    void handle(net::ServerRequest&& request, net::HttpServer::Respond respond) override {
        advance(begin(std::move(request), std::move(respond)), Where::server);
    }

    net::WsHandler upgrade(const net::ServerRequest& request, std::shared_ptr<net::WsPeer> peer) override {
        const RouteMatch match = find_route(request.method, request.path);
        if (match.route == nullptr || match.route->handler != open_stream) {
            return {.refusal = error_response(404, "There is no WebSocket here; /api/v1/stream is one")};
        }
        return open_session(request, std::move(peer), *live_, services_.stream_tickers,
                            [this, request](std::shared_ptr<StreamSession> session, std::string key) {
                                authenticate(request, std::move(session), std::move(key));
                            });
    }

    void on_user_changed(std::optional<Uuid> user_id) override {
        services_.use.auth_cache.evict(user_id);
        live_->on_user_changed(user_id);
    }

    std::size_t stream_clients() const override { return live_->clients(); }

private:
    ExchangePtr begin(net::ServerRequest&& request, net::HttpServer::Respond respond) {
        auto x = std::make_unique<Exchange>();
        x->request = std::move(request);
        x->respond = std::move(respond);
        x->started = services_.use.clock.mono();
        const std::string* id = x->request.header("x-request-id");
        x->request_id = id != nullptr && is_request_id(*id) ? *id : next_request_id();
        x->trace = trace_of(x->request);
        warn_of_unknown_proxy(x->request);
        return x;
    }

    live::LiveDemand live_demand() {
        live::LiveDemand out;
        out.on_demand = services_.options.on_demand;
        out.is_listed = [this](const Ticker& ticker) { return is_known(services_, ticker); };
        if (watch::Demand* demand = services_.use.demand) {
            out.look = [demand](const Ticker& ticker, const Uuid& user) {
                return demand->look(ticker, user.to_string());
            };
            out.unwatched = [demand] { return demand->unwatched(); };
        }
        return out;
    }

    void warn_of_unknown_proxy(const net::ServerRequest& request) {
        if (warned_of_proxy_.load(std::memory_order_relaxed) ||
            !from_unknown_proxy(request, services_.options.trusted_proxies) ||
            warned_of_proxy_.exchange(true)) {
            return;
        }
        log::warn(
            "a proxy passes requests on and is not trusted, so all its clients share the limits of one "
            "address; set http.trusted_proxies if it is yours",
            {{"proxy", request.peer.to_string()}});
    }

    // Checks a WebSocket's key like that of any request: the same errors, the same limits.
    void authenticate(net::ServerRequest request, std::shared_ptr<StreamSession> session, std::string key) {
        std::erase_if(request.headers, [](const auto& h) { return h.first == "x-api-key"; });
        request.headers.emplace_back("x-api-key", std::move(key));
        auto x = begin(std::move(request), [session](net::ServerResponse answer) {
            if (answer.status >= 400) session->refuse(answer);
        });
        x->session = std::move(session);
        advance(std::move(x), Where::server);
    }

    // Processes the request as far as possible on this thread, which belongs to `here`, then answers it or
    // hands it over. The only place where exceptions become responses.
    void advance(ExchangePtr x, Where here) {
        net::ServerResponse response;
        std::optional<Where> next;
        try {
            const RequestScope scope(*x);
            next = step(*x, here, response);
        } catch (const storage::UnknownValue& e) {
            // The database is fine, and a replica of a newer version can answer.
            const RequestScope scope(*x);
            log::error("a request needs a row of a newer version and was answered 503",
                       {{"reason", e.what()}});
            response = unavailable(too_new, 1);
        } catch (const storage::StorageError& e) {
            const RequestScope scope(*x);
            // The storage itself logs a trouble that lasts.
            if (storage::lasts(e.trouble())) {
                response = unavailable(storage_broken, 1);
            } else {
                response = unavailable(storage_gone, 1);
                storage_failed(e);
            }
        } catch (const catcher::CatcherUnavailable&) {
            response = unavailable("The catcher does not work right now; try again shortly.", 1);
        } catch (const std::bad_alloc&) {
            const RequestScope scope(*x);
            if (lack_lines_.take(system_clock().mono()))
                log::error("a request found no memory and was answered 503");
            response = unavailable(out_of_memory, 1);
        } catch (const std::exception& e) {
            const RequestScope scope(*x);
            log::error("a request failed and was answered 500", {{"reason", e.what()}});
            response = error_response(500, "Internal Server Error");
        }
        if (next) {
            hand_over(std::move(x), *next);
        } else {
            finish(*x, std::move(response));
        }
    }

    // The threads that must continue, or nullopt if `out` is the response.
    std::optional<Where> step(Exchange& x, Where here, net::ServerResponse& out) {
        if (x.route == nullptr && !find(x, out)) return std::nullopt;
        const Route& route = *x.route;
        // First, so that it cannot be found out which addresses are registered.
        if (route.access == Access::sign_up && !services_.options.registration_open) {
            out = error_response(403, registration_is_closed);
            return std::nullopt;
        }
        // What is sent to the catcher changes nothing but what it shows.
        if (auto refused = refuse_media_type(x.request); refused && route.handler != catch_request) {
            out = std::move(*refused);
            return std::nullopt;
        }
        if (route.access == Access::key && !x.authenticated) {
            const std::string* key = x.request.header("x-api-key");
            if (key == nullptr || key->empty()) return refuse_key(out, "Missing API Key in headers");
            if (!is_api_key(*key)) return refuse_key(out, invalid_key);
            if (!x.admission && services_.use.gate) return Where::gate;
            const Sha256 hash = sha256(*key);
            // Before the lookup, so that invented keys cannot keep the storage busy.
            if (route.limit == Limit::rates_by_ip && !within_limit(services_, x, out)) return std::nullopt;
            auto user =
                x.admission && here == Where::server ? x.admission->user : services_.use.auth_cache.get(hash);
            if (!user) {
                // The gate's thread must not wait for the limits.
                if (x.admission && here == Where::server) return Where::storage;
                // Asked on either thread: what one failed look-up used up the next one, which may have been
                // queued behind it, has to find.
                if (!known_keys_.has(hash) && !may_look_up(services_, x, out)) return std::nullopt;
                if (here == Where::server) return Where::storage;
                user = look_up(hash);
                if (!user) count_failed_key(services_, x);
            }
            if (!user) return refuse_key(out, invalid_key);
            x.user = std::move(*user);
            x.authenticated = true;
        }
        if (route.limit != Limit::none && !within_limit(services_, x, out)) return std::nullopt;
        // Which of two values is meant cannot be known.
        if (const auto name = route.reads_query ? QueryString(x.request.query).repeated() : std::nullopt) {
            const Issue issue{{"query", *name}, "Field is given twice", "duplicate"};
            out = validation_response({&issue, 1});
            return std::nullopt;
        }
        if (!may_run(x, here)) return route.where;
        out = route.handler(services_, x);
        if (x.new_alert && !x.new_alert->is_decided) return Where::creator;
        if (here != Where::server) storage_answered();
        return std::nullopt;
    }

    static bool find(Exchange& x, net::ServerResponse& out) {
        RouteMatch match = find_route(x.request.method, x.request.path);
        x.route = match.route;
        x.parameter = std::move(match.parameter);
        if (x.route != nullptr) return true;
        if (match.allow.empty()) {
            out = error_response(404, "Not Found");
            return false;
        }
        if (x.request.method == "OPTIONS") {
            out.status = 204;
        } else {
            out = error_response(405, "Method Not Allowed");
        }
        out.headers.emplace_back("Allow", std::move(match.allow));
        return false;
    }

    static std::nullopt_t refuse_key(net::ServerResponse& out, std::string_view detail) {
        out = unauthorized(detail);
        return std::nullopt;
    }

    std::optional<User> look_up(const Sha256& hash) {
        // Read first: a user who is disabled during the lookup must not be cached as active.
        const std::uint64_t generation = services_.use.auth_cache.generation();
        auto user = services_.use.storage.user_by_key_hash(hash);
        storage_answered();
        if (!user || !user->is_active) {
            known_keys_.remove(hash);
            return std::nullopt;
        }
        known_keys_.add(hash);
        services_.use.auth_cache.put(hash, *user, generation);
        return user;
    }

    void storage_failed(const storage::StorageError& e) {
        if (storage_was_gone_.exchange(true)) return;
        log::error("the database cannot be reached; requests that need it are answered 503",
                   {{"reason", e.what()}});
    }

    void storage_answered() {
        if (storage_was_gone_.load(std::memory_order_relaxed) && storage_was_gone_.exchange(false)) {
            log::info("the database can be reached again");
        }
    }

    static bool may_run(const Exchange& x, Where here) {
        switch (x.route->where) {
            case Where::server:
                return true;
            case Where::storage:
                return here != Where::server;
            case Where::resolver:
                return here == Where::resolver || here == Where::creator ||
                       (here == Where::storage && x.text_only);
            case Where::creator:
            case Where::gate:
                return false;
            case Where::health:
                return false;
        }
        return false;
    }

    void hand_over(ExchangePtr x, Where next) {
        if (next == Where::health) return check_health(std::move(x));
        if (next == Where::gate) return ask_gate(std::move(x));
        if (next == Where::creator) {
            if (!creations_.try_add(x)) finish(*x, unavailable(too_busy, 1));
            return;
        }
        WorkerPool& pool = next == Where::resolver ? resolvers_ : workers_;
        // Kept apart from the task, which owns it: a full queue returns the task unopened.
        Exchange* const exchange = x.get();
        const std::string owner = owner_of(*x);
        const MonoTime queued = services_.use.clock.mono();
        WorkerPool::Task task = [this, next, queued, x = std::move(x)]() mutable {
            const Duration waited = std::chrono::duration_cast<Duration>(services_.use.clock.mono() - queued);
            if (waited > services_.options.worker_wait) {
                finish(*x, unavailable(too_busy, 1));
            } else {
                // Others' slow names have taken the time that this one's could have had.
                if (next == Where::resolver && waited > services_.options.resolve_timeout / 2)
                    x->text_only = true;
                const Where here = x->text_only ? Where::storage : next;
                advance(std::move(x), here);
            }
        };
        if (pool.try_post(owner, task)) return;
        if (next == Where::resolver) {
            exchange->text_only = true;
            if (workers_.try_post(owner, task)) return;
        }
        finish(*exchange, unavailable(too_busy, 1));
    }

    void ask_gate(ExchangePtr x) {
        auto ask = ask_about(services_, *x, sha256(*x->request.header("x-api-key")));
        services_.use.gate->admit(std::move(ask),
                                  [this, x = std::move(x)](access::Admission admission) mutable {
                                      x->decision = admission.decision;
                                      x->admission = std::move(admission);
                                      advance(std::move(x), Where::server);
                                  });
    }

    // Who takes turns with others at the workers.
    std::string owner_of(const Exchange& x) const {
        if (x.authenticated) return x.user.id.to_string();
        return address_key(client_address(x.request, services_.options.trusted_proxies));
    }

    void check_health(ExchangePtr x) {
        health_.check([this, x = std::move(x)](const std::vector<PingResult>& pings) {
            finish(*x, health_response(pings, market_health(), services_.use.clock.now()));
        });
    }

    MarketHealth market_health() const {
        MarketHealth market{services_.use.bus.sources(), {}};
        for (const Ticker ticker : services_.options.tickers) {
            market.tickers.push_back(services_.use.bus.board(ticker).value_or(TickerBoard{.ticker = ticker}));
        }
        return market;
    }

    void finish(Exchange& x, net::ServerResponse response) {
        auto& headers = response.headers;
        headers.reserve(headers.size() + 6);
        headers.emplace_back("X-Request-Id", x.request_id);
        headers.emplace_back("X-Content-Type-Options", "nosniff");
        const bool has_cache_control = std::any_of(headers.begin(), headers.end(),
                                                   [](const auto& h) { return h.first == "Cache-Control"; });
        if (!has_cache_control) headers.emplace_back("Cache-Control", "no-store");
        add_limit_headers(response, x);
        if (services_.use.answered) {
            services_.use.answered(
                {.route = x.route == nullptr ? "none" : x.route->name,
                 .method = x.request.method,
                 .status = response.status,
                 .took = std::chrono::duration_cast<Duration>(services_.use.clock.mono() - x.started)});
        }
        compress(x.request, response);
        access_log_.write(x, response.status, services_.use.clock, services_.options.trusted_proxies);
        x.respond(std::move(response));
    }

    std::string next_request_id() {
        return fmt::format("{}-{:08x}", request_id_prefix_,
                           request_count_.fetch_add(1, std::memory_order_relaxed));
    }

    Services services_;
    std::unique_ptr<live::Live> live_;
    HealthProbe health_;
    AccessLog access_log_;
    KnownKeys known_keys_;
    std::string request_id_prefix_;
    std::atomic<std::uint64_t> request_count_{0};
    std::atomic<bool> storage_was_gone_{false};
    std::atomic<bool> warned_of_proxy_{false};
    log::LineBudget lack_lines_{"requests without memory", 1};
    // Last: requests that outlive the server's grace still use the others when these are destroyed.
    Creations creations_;
    WorkerPool resolvers_;
    WorkerPool workers_;
};

}  // namespace

std::unique_ptr<Api> create_api(ApiDependencies dependencies, ApiOptions options) {
    return std::make_unique<ApiImpl>(std::move(dependencies), std::move(options));
}

}  // namespace pricewire::api
