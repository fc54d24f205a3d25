#include <fmt/format.h>

#include <atomic>
#include <cstdio>
#include <random>
#include <utility>

#include "alert/checker.hpp"
#include "api/api.hpp"
#include "api/health_endpoint.hpp"
#include "app/front.hpp"
#include "app/market_thread.hpp"
#include "app/options.hpp"
#include "app/parts.hpp"
#include "app/progress.hpp"
#include "app/roles.hpp"
#include "app/timed_storage.hpp"
#include "base/backoff.hpp"
#include "base/instance_lock.hpp"
#include "base/log.hpp"
#include "base/mutex.hpp"
#include "deliver/pruner.hpp"
#include "deliver/sender.hpp"
#include "history/bar_writer.hpp"
#include "metrics/instruments.hpp"
#include "metrics/sampler.hpp"
#include "net/file_limit.hpp"
#include "net/http_client.hpp"
#include "outbox/outbox.hpp"
#include "secrets/open_secrets.hpp"
#include "webhook/signature.hpp"

namespace pricewire::app {
namespace {

using namespace std::chrono_literals;

// Of a sender that shares the database: when one dies, the others have its deliveries this much later.
constexpr Duration sender_alive_for = 3s;
// Between tries to reach the database at the start.
constexpr BackoffPolicy database_backoff{200ms, 2s};

// Built from the flow's end to its beginning, so that whoever hands something over finds its taker there;
// stopped from its beginning to its end, so that what is under way arrives.
class Process {
public:
    Process(const ops::Config& config, const Roles& roles, ops::Shutdown& shutdown, Front& front,
            metrics::Instruments& instruments)
        : config_(config), roles_(roles), shutdown_(shutdown), front_(front), instruments_(instruments) {}
    // Where run() has thrown, nobody may find what is going.
    ~Process() {
        front_.stop(Duration::zero());
        listen_to_nothing();
        if (market_) market_->stop();
        if (bus_) bus_->unsubscribe_all();
    }
    Process(const Process&) = delete;
    Process& operator=(const Process&) = delete;

    int run() {
        const auto opened = open_database();
        if (!opened) {
            log::error(opened.error().message);
            return 1;
        }
        if (!*opened) return stopped_early();
        if (roles_.api || roles_.checker || roles_.sender) queue_ = open_queue(config_, roles_);
        if (roles_.api || roles_.checker || roles_.feed) bus_ = open_bus(config_, roles_);
        if (roles_.api || roles_.checker || roles_.sender) notices_ = open_notices(config_);
        // Whoever publishes connects now, not with the first firing.
        if (roles_.api || roles_.checker) queue_->publish({});
        if (roles_.sender) start_sending();
        if (roles_.checker) start_checking();
        if (roles_.feed) {
            bars_ = history::create_bar_writer(*storage_, clock_);
            market_ = create_market_thread(config_, *bus_, *bars_);
            instruments_.watch_feed(market_->meters(), [this] { return market_->sources(); });
        }
        if (roles_.api) {
            open_api();
        } else {
            health_ = api::create_health_endpoint(dependencies());
            front_.serve([this](net::ServerRequest&& request, net::HttpServer::Respond respond) {
                health_->handle(std::move(request), std::move(respond));
            });
        }
        start_sampling();
        if (market_) market_->start();
        say_listening();

        const int signal = shutdown_.wait();
        log::info("stopping: what is under way is finished", {{"signal", std::to_string(signal)}});
        stop();
        return 0;
    }

private:
    storage::StorageEvents events() {
        if (!roles_.api && !roles_.checker) return {};
        return {.alert_changed =
                    [this](const AlertChange& change) {
                        MutexLock lock(listeners_mutex_);
                        if (checker_listens_ != nullptr) checker_listens_->on_alert_change(change);
                    },
                .user_changed =
                    [this](std::optional<Uuid> user) {
                        MutexLock lock(listeners_mutex_);
                        if (api_listens_ != nullptr) api_listens_->on_user_changed(user);
                    },
                .alerts_unheard =
                    [this] {
                        MutexLock lock(listeners_mutex_);
                        if (checker_listens_ != nullptr) checker_listens_->on_alerts_unheard();
                    },
                .alerts_missed =
                    [this] {
                        MutexLock lock(listeners_mutex_);
                        if (checker_listens_ != nullptr) checker_listens_->on_alerts_missed();
                    }};
    }

    // Opens the database, and what seals its secrets. A database of others may come later, and may go while
    // it is asked. False where a signal has ended the wait.
    Result<bool> open_database() {
        if (!uses_postgres(config_)) return open_once();
        Rng rng(std::random_device{}());
        const std::string place = postgres_place_of(config_);
        std::string said;
        for (int tries = 1;; ++tries) {
            try {
                // Another process' migration may take its time.
                const ops::Shutdown::NothingToFinish nothing_to_finish;
                auto opened = open_once();
                if (tries > 1 && opened) log::info("the database is there", {{"database", place}});
                return opened;
            } catch (const storage::StorageError& e) {
                secrets_.reset();
                storage_.reset();
                // Why is for the operator's eyes alone: anybody can ask for /health.
                front_.starting("waiting for the database");
                if (std::exchange(said, e.what()) != e.what()) {
                    log::warn("waiting for the database; nothing is done until it is there",
                              {{"database", place}, {"reason", e.what()}});
                }
            }
            signal_ = shutdown_.wait_for(database_backoff.equal_jitter(tries, rng));
            if (signal_) return false;
        }
    }
    Result<bool> open_once() {
        storage_ = time_storage(open_storage(config_, events()),
                                [this](std::string_view method, Duration took, bool failed) {
                                    instruments_.stored(method, took, failed);
                                });
        if (!roles_.api && !roles_.sender) return true;
        // Before anything reads or writes a secret.
        auto secrets = secrets::open_secrets(key_places_of(config_), *storage_);
        if (!secrets) return std::unexpected(secrets.error());
        secrets_ = std::move(*secrets);
        return true;
    }

    int stopped_early() const {
        log::info("stopped while waiting for the database", {{"signal", std::to_string(*signal_)}});
        return 0;
    }

    void start_sending() {
        webhooks_ = net::create_http_client(webhook_client_options_of(config_));
        deliver::SenderOptions options = sender_options_of(config_);
        options.changed = [this](std::span<const DeliveryNotice> notices) { notices_->publish(notices); };
        if (uses_postgres(config_)) {
            options.owner = "sender-" + make_uuid(clock_.now()).to_string();
            options.alive_for = sender_alive_for;
        }
        options.settled = [this](const ClaimedDelivery& claimed, const DeliveryOutcome& outcome,
                                 net::HttpError error) { instruments_.settled(claimed, outcome, error); };
        sender_ = deliver::start_sender(options, *storage_, *queue_, *webhooks_, *secrets_, clock_);
        instruments_.watch(*sender_);
        pruner_ = deliver::start_pruner(*storage_, clock_, pruner_options_of(config_));
    }

    void start_checking() {
        outbox::OutboxOptions options;
        options.written = [this](std::span<const FiringGroup> groups, std::span<const DeliveryTask> tasks) {
            instruments_.committed(groups, tasks);
            std::vector<DeliveryNotice> notices;
            notices.reserve(tasks.size());
            for (const DeliveryTask& t : tasks) {
                notices.push_back({t.user_id, t.delivery_id, true});
            }
            notices_->publish(notices);
        };
        outbox_ = outbox::start_outbox(*storage_, *queue_, options);
        instruments_.watch(*outbox_);
        // Changes wait for the mutex until they have their taker: none is lost between the snapshot and it.
        MutexLock lock(listeners_mutex_);
        checker_ =
            alert::start_checker({.load = [this](const auto& piece) { storage_->load_active_alerts(piece); },
                                  .fire = [this](FiringGroup group) { outbox_->push(std::move(group)); }},
                                 clock_);
        checker_listens_ = checker_.get();
        lock.unlock();
        instruments_.watch(*checker_);
        bus_->subscribe({.resume = true,
                         .price = [this](const Price& price) { checker_->on_price(price); },
                         .gone = [this](const PriceGone& gone) { checker_->on_price_gone(gone); },
                         .behind = [this] { checker_->on_behind(); },
                         .caught_up = [this] { checker_->on_caught_up(); },
                         .position =
                             [this](bus::BusPosition position) {
                                 checker_->after_this([this, position] {
                                     progress_.note(position, outbox_->taken());
                                     if (const auto done = progress_.done(outbox_->settled())) {
                                         bus_->processed(*done);
                                     }
                                 });
                             }});
    }

    void open_api() {
        auth_cache_ = open_auth_cache(config_);
        // What happened to users while nobody was there to forget them.
        auth_cache_->evict(std::nullopt);
        rate_limits_ = open_rate_limits(config_);
        api_ =
            api::create_api({.storage = *storage_,
                             .bus = *bus_,
                             .auth_cache = *auth_cache_,
                             .rate_limits = *rate_limits_,
                             .clock = clock_,
                             .secrets = *secrets_,
                             .notices = *notices_,
                             .make_webhook_secret = webhook::make_webhook_secret,
                             .hint = [this](std::span<const DeliveryTask> tasks) { queue_->publish(tasks); },
                             .ping_queue = [this] { queue_->ping(); },
                             .vet_webhook_url = {},
                             .answered = [this](const api::AnsweredRequest& r) { instruments_.answered(r); }},
                            api_options_of(config_));
        instruments_.watch(*api_);
        {
            MutexLock lock(listeners_mutex_);
            api_listens_ = api_.get();
        }
        front_.serve(api_->handler(), api_->upgrade_handler());
    }

    // What this process asks of others, as it is measured. A sender measures what waits in the database too.
    void start_sampling() {
        std::function<void()> backlog;
        if (sender_) backlog = [this] { instruments_.measure_backlog(*storage_); };
        sampler_ = std::make_unique<metrics::Sampler>(servers(), std::move(backlog));
        instruments_.watch(*sampler_);
    }

    std::vector<api::HealthDependency> servers() {
        std::vector<api::HealthDependency> out;
        // The feed's prices go over the bus; its bars can wait.
        out.push_back({"database", !roles_.feed, [this] { storage_->ping(); }});
        if (bus_) out.push_back({"cache", true, [this] { bus_->ping(); }});
        // Senders find in the database what the queue does not tell.
        if (queue_) out.push_back({"queue", false, [this] { queue_->ping(); }});
        return out;
    }

    // Of a process without the API.
    std::vector<api::HealthDependency> dependencies() {
        std::vector<api::HealthDependency> out = servers();
        if (checker_) {
            out.push_back({"alerts", true, [this] {
                               if (!checker_->ready())
                                   throw std::runtime_error("active alerts are not loaded");
                           }});
        }
        return out;
    }

    void say_listening() {
        const std::string listen = listen_of(config_, roles_);
        fmt::print("Pricewire {} is listening on http://{}:{}\n", PRICEWIRE_VERSION,
                   listen.substr(0, listen.rfind(':')), front_.port());
        if (front_.metrics_port() != 0) {
            const std::string& metrics = config_.metrics.listen;
            fmt::print("Its metrics are at http://{}:{}/metrics\n", metrics.substr(0, metrics.rfind(':')),
                       front_.metrics_port());
        }
        std::fflush(stdout);
        log::info("started", {{"role", std::string(roles_.name())},
                              {"version", PRICEWIRE_VERSION},
                              {"database", uses_postgres(config_) ? postgres_place_of(config_)
                                                                  : sqlite_file_of(config_).string()}});
    }

    void listen_to_nothing() {
        MutexLock lock(listeners_mutex_);
        api_listens_ = nullptr;
        checker_listens_ = nullptr;
    }

    void stop() {
        // One that has no snapshot takes nothing from its mailbox, and whoever waits for room there holds the
        // rest up. What came is read again by the next start.
        if (checker_ && !checker_->ready()) checker_->stop();
        front_.stop(5s);
        {
            MutexLock lock(listeners_mutex_);
            api_listens_ = nullptr;
        }
        // While the server still stands: a request that is being worked on answers into it.
        api_.reset();
        health_.reset();
        if (market_) market_->stop();
        if (bus_) bus_->unsubscribe_all();
        if (checker_) checker_->stop();
        if (outbox_) {
            if (const std::size_t lost = outbox_->stop(5s); lost > 0) {
                log::error("firings could not be written; their alerts stay active",
                           {{"firings", std::to_string(lost)}});
            }
        }
        if (sender_) sender_->stop(config_.delivery.timeout + 1s);
        if (pruner_) pruner_->stop();
        if (bars_) bars_->stop();
        // Last: a ping that hangs must not keep claims from being given back.
        sampler_.reset();
        listen_to_nothing();
        log::info("stopped");
    }

    const ops::Config& config_;
    const Roles roles_;
    ops::Shutdown& shutdown_;
    Front& front_;
    metrics::Instruments& instruments_;
    const Clock& clock_ = system_clock();
    std::optional<int> signal_;

    // Who hears of changes in the storage. Set under the mutex, which its thread alone takes later on.
    Mutex listeners_mutex_;
    alert::Checker* checker_listens_ GUARDED_BY(listeners_mutex_) = nullptr;
    api::Api* api_listens_ GUARDED_BY(listeners_mutex_) = nullptr;

    // In the order of their making; each uses those above.
    std::unique_ptr<storage::Storage> storage_;
    std::unique_ptr<secrets::SecretBox> secrets_;
    std::unique_ptr<queue::DeliveryQueue> queue_;
    std::unique_ptr<bus::PriceBus> bus_;
    std::unique_ptr<bus::DeliveryNotices> notices_;
    std::unique_ptr<net::HttpClient> webhooks_;
    std::unique_ptr<deliver::Sender> sender_;
    std::unique_ptr<deliver::Pruner> pruner_;
    std::unique_ptr<outbox::Outbox> outbox_;
    Progress progress_;  // the checker thread's
    std::unique_ptr<alert::Checker> checker_;
    std::unique_ptr<history::BarWriter> bars_;
    std::unique_ptr<MarketThread> market_;
    std::unique_ptr<access::AuthCache> auth_cache_;
    std::unique_ptr<access::RateLimits> rate_limits_;
    std::unique_ptr<api::Api> api_;
    std::unique_ptr<api::HealthEndpoint> health_;
    std::unique_ptr<metrics::Sampler> sampler_;
};

}  // namespace

std::optional<Roles> roles_of(std::string_view command) {
    if (command == "serve") return Roles{.api = true, .feed = true, .checker = true, .sender = true};
    if (command == "api") return Roles{.api = true};
    if (command == "feed") return Roles{.feed = true};
    if (command == "checker") return Roles{.checker = true};
    if (command == "sender") return Roles{.sender = true};
    return std::nullopt;
}

int run_roles(const ops::Config& config, const Roles& roles, ops::Shutdown& shutdown) {
    const auto wrong = wrong_for(config, roles);
    for (const std::string& line : wrong) fmt::print(stderr, "pricewire: {}\n", line);
    if (!wrong.empty()) return 2;
    std::optional<InstanceLock> alone;
    if (!uses_postgres(config)) {
        auto lock = InstanceLock::take(sqlite_file_of(config).string() + ".lock");
        if (!lock) {
            log::error(lock.error().message);
            return 1;
        }
        alone.emplace(std::move(*lock));
    }
    try {
        // Before threads: each attempt under way and each connection to the API takes a file.
        net::raise_file_limit();
        FrontOptions options;
        options.server.listen = listen_of(config, roles);
        options.server.threads = roles.api ? config.http.threads : 1;
        options.listen_key = roles.api ? "http.listen" : "health.listen";
        options.metrics_listen = config.metrics.listen;
        metrics::Instruments instruments(
            {.name = std::string(roles.name()), .checker = roles.checker, .sender = roles.sender},
            system_clock());
        options.server.error_response = [&instruments](int status, std::string_view detail) {
            instruments.refused_by_server(status);
            return api::api_error_response(status, detail);
        };
        const auto front = Front::listen(options, instruments.registry());
        if (!front) {
            log::error(front.error().message);
            return 1;
        }
        return Process(config, roles, shutdown, **front, instruments).run();
    } catch (const std::exception& e) {
        log::error("Pricewire cannot go on", {{"reason", e.what()}});
        return 1;
    }
}

}  // namespace pricewire::app
