#include <random>
#include <utility>

#include "api/api.hpp"
#include "api/health_endpoint.hpp"
#include "app/check.hpp"
#include "app/checking.hpp"
#include "app/database_clock.hpp"
#include "app/feed_past.hpp"
#include "app/file_shares.hpp"
#include "app/front.hpp"
#include "app/known_past.hpp"
#include "app/list_sources.hpp"
#include "app/listeners.hpp"
#include "app/market_thread.hpp"
#include "app/options.hpp"
#include "app/parts.hpp"
#include "app/past_places.hpp"
#include "app/push_key.hpp"
#include "app/report.hpp"
#include "app/report_start.hpp"
#include "app/roles.hpp"
#include "app/sending.hpp"
#include "app/sharding.hpp"
#include "app/timed_storage.hpp"
#include "app/tracing.hpp"
#include "app/watching.hpp"
#include "base/backoff.hpp"
#include "base/instance_lock.hpp"
#include "base/log.hpp"
#include "catcher/catching_client.hpp"
#include "deliver/pruner.hpp"
#include "deliver/sender.hpp"
#include "directory/book.hpp"
#include "directory/discovery.hpp"
#include "history/bar_writer.hpp"
#include "metrics/instruments.hpp"
#include "metrics/sampler.hpp"
#include "net/http_client.hpp"
#include "net/local_failures.hpp"
#include "ops/own_process.hpp"
#include "past/past.hpp"
#include "push/server_key.hpp"
#include "recover/runner.hpp"
#include "secrets/open_secrets.hpp"
#include "storage/open.hpp"
#include "watch/demand.hpp"
#include "webhook/signature.hpp"

namespace pricewire::app {
namespace {

using namespace std::chrono_literals;

// Between attempts to reach the database at the start.
constexpr BackoffPolicy database_backoff{200ms, 2s};

// Built from the end of the flow to its beginning, so that every part finds the part it hands over to;
// stopped from the beginning to the end, so that what is in progress arrives.
class Process {
public:
    Process(const ops::Config& config, const Roles& roles, const net::FileShares& files,
            ops::Shutdown& shutdown, Front& front, metrics::Instruments& instruments, DatabaseClock& clock,
            feed::FrameTap* tap)
        : config_(config),
          roles_(roles),
          files_(files),
          shutdown_(shutdown),
          front_(front),
          instruments_(instruments),
          clock_(clock),
          tap_(tap) {}
    // If run() has thrown, no thread may call into a part that is being destroyed.
    ~Process() {
        front_.stop(Duration::zero());
        listeners_.clear();
        watching_.reset();
        if (sending_) sending_->end();
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
        if (!*opened) {
            log::info("stopped while waiting for the database", {{"signal", std::to_string(*signal_)}});
            return 0;
        }
        // Processes with an API alone divide nothing.
        if (shared_ && (roles_.checker || roles_.feed || roles_.sender)) {
            sharding_ = std::make_unique<Sharding>(config_, roles_, *storage_, clock_);
            if (const auto* membership = sharding_->membership()) instruments_.watch(*membership);
        }
        if (roles_.api || roles_.checker || roles_.sender)
            queue_ = open_queue(config_, roles_, sharding_.get());
        if (roles_.api || roles_.checker || roles_.feed) bus_ = open_bus(config_, roles_, clock_);
        notices_ = open_notices(config_, clock_);
        if (roles_.api || roles_.sender) catcher_ = open_catcher(config_);
        // Connects now rather than at the first firing.
        if (roles_.api || roles_.checker) queue_->publish({});
        if (roles_.api || roles_.feed)
            directory_ = directory::create_book(*storage_, clock_, book_options_of(config_, roles_));
        tracing_.emplace(config_, *storage_, clock_, instruments_);
        if (roles_.feed) bars_ = history::create_bar_writer(*storage_, clock_);
        if (roles_.sender) start_sending();
        if (roles_.checker) start_checking();
        if (roles_.feed) prepare_feed();
        if (roles_.api) {
            open_api();
        } else {
            health_ = api::create_health_endpoint(dependencies());
            front_.serve([this](net::ServerRequest&& request, net::HttpServer::Respond respond) {
                health_->handle(std::move(request), std::move(respond));
            });
        }
        start_sampling();
        if (roles_.feed) start_feed();
        report_start(config_, roles_, front_);

        const int signal = shutdown_.wait();
        log::info("stopping; finishing what is in progress", {{"signal", std::to_string(signal)}});
        stop();
        return 0;
    }

private:
    // Opens the database and the box that seals its secrets. Waits for a PostgreSQL server that is not
    // available yet or goes away meanwhile. False if a signal ended the wait.
    Result<bool> open_database() {
        if (!shared_) return open_once();
        Rng rng(std::random_device{}());
        const std::string place = storage::place_of(config_.storage.database_url).value();
        std::string logged;
        for (int tries = 1;; ++tries) {
            try {
                // Another process's migration can take a long time.
                const ops::Shutdown::NothingToFinish nothing_to_finish;
                auto opened = open_once();
                if (tries > 1 && opened) log::info("the database is available", {{"database", place}});
                return opened;
            } catch (const storage::StorageError& e) {
                time_asker_.reset();
                push_key_.reset();
                secrets_.reset();
                storage_.reset();
                // Without the reason, which only the log shows: /health is public.
                front_.starting("waiting for the database");
                if (std::exchange(logged, e.what()) != e.what()) {
                    log::warn("waiting for the database", {{"database", place}, {"reason", e.what()}});
                }
            }
            signal_ = shutdown_.wait_for(database_backoff.equal_jitter(tries, rng));
            if (signal_) return false;
        }
    }
    Result<bool> open_once() {
        storage::StorageEvents events;
        if (roles_.api || roles_.checker) events = listeners_.events();
        events.around = timed_by([this](std::string_view method, Duration took, bool failed) {
            instruments_.stored(method, took, failed);
        });
        events.alert_expired = [this](const Uuid& user, const Uuid& alert) {
            if (expired_lines_.take(clock_.mono()))
                log::info("alert expired", {{"alert_id", alert.to_string()}});
            const DeliveryNotice notice{user, alert};
            if (notices_) notices_->publish({&notice, 1});
        };
        events.row_skipped = [this](std::string_view method) { instruments_.row_skipped(method); };
        // The other roles decide by the bars that they read.
        const bool is_api_alone = roles_.api && !roles_.feed && !roles_.checker && !roles_.sender;
        storage_ = open_storage(config_, std::move(events), is_api_alone);
        if (!shared_) {
            auto alone = InstanceLock::take_within(storage::file_of(config_.storage.database_url));
            if (!alone) return std::unexpected(alone.error());
            alone_.emplace(std::move(*alone));
        }
        if (shared_) time_asker_.emplace([this] { return storage_->database_time(); }, clock_);
        if (!roles_.api && !roles_.sender) return true;
        // Before anything reads or writes a secret.
        auto secrets = secrets::open_secrets(key_places_of(config_), *storage_);
        if (!secrets) return std::unexpected(secrets.error());
        secrets_ = std::move(*secrets);
        push_key_.emplace(*storage_, *secrets_);
        return true;
    }

    void start_sending() {
        webhooks_ = net::create_http_client(webhook_client_options_of(config_, files_));
        catching_ = catcher::create_catching_client(
            *webhooks_, *catcher_, url_policy_of(config_), clock_,
            [this](const catcher::CatcherAddress& address, const catcher::CaughtRequest& request) {
                const DeliveryNotice notice{address.user_id, request.id, true};
                notices_->publish({&notice, 1});
            });
        deliver::SenderOptions options = sender_options_of(config_, files_);
        options.changed = [this](std::span<const DeliveryNotice> notices) { notices_->publish(notices); };
        options.push_key = [this] { return push_key_->get(); };
        if (shared_) sending_ = std::make_unique<Sending>(*sharding_, *storage_, clock_, options);
        options.settled = [this](const auto& claimed, const auto& outcome, net::HttpError error) {
            instruments_.settled(claimed, outcome, error);
            tracing_->settled(claimed, outcome);
        };
        sender_ = deliver::start_sender(options, *storage_, *queue_, *catching_, *secrets_, clock_);
        if (sending_) sending_->begun(*sender_);
        instruments_.watch(*sender_);
        pruner_ = deliver::start_pruner(*storage_, clock_, pruner_options_of(config_));
    }

    void on_fired(std::span<const FiringGroup> groups, std::span<const DeliveryTask> tasks) {
        instruments_.committed(groups, tasks);
        tracing_->committed(groups, tasks);
        std::vector<DeliveryNotice> notices;
        notices.reserve(tasks.size());
        for (const DeliveryTask& t : tasks) notices.push_back({t.user_id, t.delivery_id, true});
        notices_->publish(notices);
    }

    void start_checking() {
        checking_ = std::make_unique<Checking>(
            Checking::Uses{.config = config_,
                           .storage = *storage_,
                           .queue = *queue_,
                           .bus = *bus_,
                           .listeners = listeners_,
                           .instruments = instruments_,
                           .clock = clock_,
                           .sender = sender_.get(),
                           .bars = bars_.get(),
                           .sharding = sharding_.get(),
                           .written = [this](auto groups, auto tasks) { on_fired(groups, tasks); }});
    }

    // All of a feed except the prices, which start_feed() starts when everything else runs.
    void prepare_feed() {
        market_ = create_market_thread(
            config_, *bus_, *bars_, clock_, feed::venue_types(), tap_,
            {.compared = [this](auto comparisons) { discovery_->compared(std::move(comparisons)); },
             .doubted = [this](SourceName source) { discovery_->doubt(source); }});
        instruments_.watch_feed(
            market_->meters(), market_->rate_meters(), [this] { return market_->sources(); },
            tickers_of(config_));
        lists_ = net::create_http_client(list_client_options());
        discovery_ =
            directory::start_discovery(list_sources_of(config_), *lists_, *storage_, *directory_, clock_);
        instruments_.watch(*discovery_);
        past_ = std::make_unique<FeedPast>(config_, *storage_, clock_, feed_name());
        instruments_.watch(past_->backfill());
        if (config_.market.recover > Duration::zero()) start_recovering();
    }
    void start_feed() {
        market_->start();
        watching_ = std::make_unique<Watching>(
            config_, watcher_uses(config_, *directory_, *market_, past_->backfill()), *market_, *storage_,
            sharding_.get(), clock_);
        instruments_.watch(watching_->watcher());
        listeners_.set_watcher(&watching_->watcher());
    }

    // The owner of what this process claims. An embedded database has no other process that could claim anything.
    std::string feed_name() const { return shared_ ? "feed-" + make_uuid(clock_.now()).to_string() : "feed"; }

    void start_recovering() {
        recover::RunnerOptions options = runner_options_of(config_);
        options.owner = feed_name();
        options.places = [this](Ticker ticker) {
            return past_places_of(config_, *directory_->current(), ticker);
        };
        options.known = [this](Ticker ticker, Timestamp from, Timestamp to) {
            return known_past(*storage_, *storage_, ticker, from, to, std::nullopt);
        };
        options.written = [this](std::span<const FiringGroup> groups, std::span<const DeliveryTask> tasks) {
            try {
                if (queue_) queue_->publish(tasks);
            } catch (const std::exception& e) {
                log::debug("senders find late firings in the database", {{"reason", e.what()}});
            }
            on_fired(groups, tasks);
        };
        recovery_ = recover::start_runner(*storage_, past_->past(), clock_, std::move(options));
        instruments_.watch(*recovery_);
    }

    void open_api() {
        access_ = open_access(config_);
        // Drop entries of users that changed while no process was listening.
        access_.keys->evict(std::nullopt);
        watch::DemandOptions looks = demand_options_of(config_);
        looks.also = [this] { directory_->current(); };
        demand_ = watch::start_demand(std::move(looks), *storage_, clock_);
        api_ =
            api::create_api({.storage = *storage_,
                             .bus = *bus_,
                             .auth_cache = *access_.keys,
                             .rate_limits = *access_.limits,
                             .clock = clock_,
                             .secrets = *secrets_,
                             .notices = *notices_,
                             .make_webhook_secret = webhook::make_webhook_secret,
                             .hint = [this](std::span<const DeliveryTask> tasks) { queue_->publish(tasks); },
                             .ping_queue = [this] { queue_->ping(); },
                             .vet_webhook_url = {},
                             .answered = [this](const api::AnsweredRequest& r) { instruments_.answered(r); },
                             .directory = directory_.get(),
                             .demand = demand_.get(),
                             .catcher = catcher_.get(),
                             .push_key = public_push_key(),
                             .gate = std::move(access_.gate),
                             .stream_clock = clock_},
                            api_options_of(config_));
        instruments_.watch(*api_);
        listeners_.set_api(api_.get());
        front_.serve(api_->handler(), api_->upgrade_handler());
    }

    std::function<Result<std::string>()> public_push_key() {
        if (!config_.push.enabled) return {};
        return [this]() -> Result<std::string> {
            const auto key = push_key_->get();
            if (!key) return std::unexpected(key.error());
            return push::public_key_text(*key);
        };
    }

    // Measures the servers that this process uses and, in a sender, the backlog in the database; in an API, the alerts
    // that wait for a price.
    void start_sampling() {
        // Not asked when it is measured: stop() destroys the API while the sampler still runs.
        const auto measure = [this, in_sender = sender_ != nullptr, in_api = api_ != nullptr] {
            if (in_sender) instruments_.measure_backlog(*storage_);
            if (in_api) instruments_.measure_blind(*storage_, [this](auto& t) { return bus_->has_price(t); });
        };
        sampler_ = std::make_unique<metrics::Sampler>(
            servers(), sender_ || api_ ? std::function<void()>(measure) : nullptr);
        instruments_.watch(*sampler_);
    }

    std::vector<api::HealthDependency> servers() {
        std::vector<api::HealthDependency> out;
        // The feed publishes prices on the bus; its bars can wait.
        out.push_back({"database", !roles_.feed, [this] { storage_->ping(); }});
        out.push_back({"outgoing", false, net::check_local_failures});
        if (bus_) out.push_back({"cache", true, [this] { bus_->ping(); }});
        // Senders find in the database what the queue loses.
        if (queue_) out.push_back({"queue", false, [this] { queue_->ping(); }});
        if (secrets_) out.push_back({"master_key", false, [this] { secrets_->check(); }});
        return out;
    }

    // Of the health endpoint in a process without the API.
    std::vector<api::HealthDependency> dependencies() {
        std::vector<api::HealthDependency> out = servers();
        if (checking_) {
            out.push_back({"alerts", true, [this] {
                               if (!checking_->ready())
                                   throw std::runtime_error("active alerts are not loaded");
                           }});
        }
        if (sharding_) out.push_back({"membership", false, [this] { sharding_->check(); }});
        return out;
    }

    void stop() {
        // First, so that the others take over while this process finishes what is in progress.
        if (sending_) sending_->resign();
        if (sharding_) sharding_->stop();
        // Tasks for those who have taken over.
        if (sending_) queue_->consume({});
        if (checking_) checking_->stop_if_not_ready();
        front_.stop(5s);
        listeners_.set_api(nullptr);
        // Before the server is destroyed: requests in progress answer through it.
        api_.reset();
        health_.reset();
        if (discovery_) discovery_->stop();
        if (recovery_) recovery_->stop();
        if (market_) market_->stop();
        if (bus_) bus_->unsubscribe_all();
        if (checking_) checking_->stop();
        if (sender_) sender_->stop(config_.delivery.timeout + 1s);
        if (pruner_) pruner_->stop();
        if (past_) past_->stop();
        if (bars_) bars_->stop();
        // Last: a hanging ping must not delay the release of claims.
        sampler_.reset();
        listeners_.clear();
        log::info("stopped");
    }

    const ops::Config& config_;
    const bool shared_ = storage::is_shared(config_.storage.database_url);
    const Roles roles_;
    const net::FileShares files_;
    ops::Shutdown& shutdown_;
    Front& front_;
    metrics::Instruments& instruments_;
    DatabaseClock& clock_;
    feed::FrameTap* const tap_;  // may be null
    std::optional<int> signal_;
    log::LineBudget expired_lines_{"alerts that expired", 200};

    Listeners listeners_;

    // In the order of construction; each uses those above.
    std::optional<InstanceLock> alone_;  // destroyed after storage_
    std::unique_ptr<storage::Storage> storage_;
    std::optional<TimeAsker> time_asker_;
    std::unique_ptr<secrets::SecretBox> secrets_;
    std::optional<PushKey> push_key_;
    std::unique_ptr<Sharding> sharding_;  // if the database is shared
    std::optional<Tracing> tracing_;
    std::unique_ptr<queue::DeliveryQueue> queue_;
    std::unique_ptr<bus::PriceBus> bus_;
    std::unique_ptr<bus::DeliveryNotices> notices_;
    std::unique_ptr<catcher::Catcher> catcher_;
    std::unique_ptr<net::HttpClient> webhooks_;
    std::unique_ptr<net::HttpClient> catching_;  // sends by webhooks_
    std::unique_ptr<Sending> sending_;           // if the database is shared
    std::unique_ptr<deliver::Sender> sender_;
    std::unique_ptr<deliver::Pruner> pruner_;
    std::unique_ptr<history::BarWriter> bars_;
    std::unique_ptr<Checking> checking_;
    std::unique_ptr<directory::Book> directory_;
    std::unique_ptr<net::HttpClient> lists_;
    std::unique_ptr<directory::Discovery> discovery_;
    std::unique_ptr<FeedPast> past_;
    std::unique_ptr<recover::Runner> recovery_;
    std::unique_ptr<MarketThread> market_;
    std::unique_ptr<Watching> watching_;
    std::unique_ptr<watch::Demand> demand_;
    Access access_;
    std::unique_ptr<api::Api> api_;
    std::unique_ptr<api::HealthEndpoint> health_;
    std::unique_ptr<metrics::Sampler> sampler_;
};

}  // namespace

int run_roles(const ops::Config& config, const Roles& roles, ops::Shutdown& shutdown, feed::FrameTap* tap) {
    if (const auto wrong = wrong_for(config, roles); !wrong.empty()) return report(wrong, 2);
    std::optional<InstanceLock> alone;
    if (const std::string& url = config.storage.database_url; !storage::is_shared(url)) {
        auto lock = InstanceLock::take(storage::file_of(url).string() + ".lock");
        if (!lock) {
            log::error(lock.error().message);
            return 1;
        }
        alone.emplace(std::move(*lock));
    }
    if (const auto enough = ops::check_threads(threads_of(config)); !enough) {
        log::error(enough.error().message);
        return 1;
    }
    try {
        const auto files = share_files(config, roles);
        if (!files) {
            log::error(files.error().message);
            return 1;
        }
        FrontOptions options;
        options.server = server_options_of(config, roles, *files);
        options.listen_key = roles.api ? "http.listen" : "health.listen";
        options.metrics_listen = config.metrics.listen;
        DatabaseClock clock(system_clock());
        metrics::Instruments instruments(
            {.name = std::string(roles.name()), .checker = roles.checker, .sender = roles.sender}, clock);
        options.server.error_response = [&instruments](int status, std::string_view detail) {
            instruments.refused_by_server(status);
            return api::api_error_response(status, detail);
        };
        options.server.cut = [&instruments](std::string_view reason) { instruments.cut(reason); };
        const auto front = Front::listen(options, instruments.registry());
        if (!front) {
            log::error(front.error().message);
            return 1;
        }
        return Process(config, roles, *files, shutdown, **front, instruments, clock, tap).run();
    } catch (const std::exception& e) {
        log::error("fatal error; exiting", {{"reason", e.what()}});
        return 1;
    }
}

}  // namespace pricewire::app
