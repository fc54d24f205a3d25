#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <map>
#include <mutex>
#include <thread>

#include "alert/checker.hpp"
#include "api/api.hpp"
#include "app/options.hpp"
#include "app/roles.hpp"
#include "app/secrets.hpp"
#include "base/log.hpp"
#include "bus/in_process/in_process_bus.hpp"
#include "cache/in_process/in_process_auth_cache.hpp"
#include "cache/in_process/in_process_rate_limits.hpp"
#include "deliver/payload.hpp"
#include "deliver/pruner.hpp"
#include "deliver/sender.hpp"
#include "deliver/signature.hpp"
#include "history/bar_writer.hpp"
#include "net/event_loop.hpp"
#include "net/file_limit.hpp"
#include "net/http_client.hpp"
#include "net/http_server.hpp"
#include "ops/instance_lock.hpp"
#include "outbox/outbox.hpp"
#include "price/market.hpp"
#include "queue/in_process/in_process_queue.hpp"
#include "storage/sqlite/sqlite_storage.hpp"

namespace pricewire {
namespace {

using namespace std::chrono_literals;

constexpr Duration bars_every = 5s;

SourceCondition condition_of(SourceState state) {
    switch (state) {
        case SourceState::streaming:
        case SourceState::polling:
            return SourceCondition::ok;
        case SourceState::refused:
        case SourceState::silent:
            return SourceCondition::down;
        case SourceState::disabled:
        case SourceState::connecting:
        case SourceState::polling_fallback:
            return SourceCondition::degraded;
    }
    return SourceCondition::down;
}

SourceReport report_of(const SourceStatus& status) {
    return {.name = status.name,
            .condition = condition_of(status.state),
            .detail = status.detail.empty() ? std::string(to_string(status.state))
                                            : fmt::format("{}: {}", to_string(status.state), status.detail),
            .last_quote_at = status.last_quote_at};
}

HealthStatus health_of(SourceCondition condition) {
    switch (condition) {
        case SourceCondition::ok:
            return HealthStatus::ok;
        case SourceCondition::degraded:
            return HealthStatus::degraded;
        case SourceCondition::down:
            return HealthStatus::down;
    }
    return HealthStatus::down;
}

SourceHealth health_of(const SourceReport& report, Timestamp now) {
    SourceHealth health{.name = std::string(report.name.view()),
                        .status = health_of(report.condition),
                        .detail = report.detail,
                        .last_quote_age = {}};
    // The report may be a moment older than the clock of this look, or a feed elsewhere ahead of it.
    if (report.last_quote_at) health.last_quote_age = std::max(Duration{}, now - *report.last_quote_at);
    return health;
}

// The market's thread: feed, consolidation and bars, on one event loop.
class MarketThread {
public:
    MarketThread(const Config& config, PriceBus& bus, BarWriter& bars)
        : bus_(bus),
          bars_(bars),
          loop_(net::create_event_loop()),
          http_(net::create_http_client({.user_agent = "Pricewire/" PRICEWIRE_VERSION})),
          market_(tickers_of(config), consolidation_of(config),
                  {.price = [this](const Price& price) { bus_.publish(price); },
                   .price_gone = [this](Ticker ticker) { on_price_gone(ticker); },
                   .board = [this](const TickerBoard& board) { bus_.publish_board(board); }}),
          feed_(create_feed(
              *loop_, *http_, system_clock(), feed_options_of(config),
              [this](std::span<const Quote> quotes) { market_.on_quotes(quotes, system_clock().now()); })) {
        // Before anybody can ask, so that no source is unknown to the first who does.
        publish_sources();
    }

    void start() {
        loop_->post([this] {
            feed_->start();
            every_second();
            every_few_seconds();
        });
        thread_ = std::thread([this] { loop_->run(); });
    }

    void stop() {
        loop_->post([this] {
            feed_->stop();
            bars_.write(market_.take_bars());
            loop_->stop();
        });
        if (thread_.joinable()) thread_.join();
    }

private:
    void on_price_gone(Ticker ticker) {
        bus_.publish_gone(ticker);
        // A price that comes and goes is said once a minute, not at every trade.
        const MonoTime now = system_clock().mono();
        const auto [last, first] = gone_logged_.try_emplace(ticker, now);
        if (!first && now - last->second < 1min) return;
        last->second = now;
        log::warn("no source has a price that counts; alerts of this ticker wait",
                  {{"ticker", std::string(ticker.view())}});
    }
    void publish_sources() {
        std::vector<SourceReport> reports;
        for (const SourceStatus& status : feed_->statuses()) reports.push_back(report_of(status));
        bus_.publish_sources(reports);
    }
    void every_second() {
        market_.refresh(system_clock().now());
        publish_sources();
        loop_->after(1s, [this] { every_second(); });
    }
    void every_few_seconds() {
        bars_.write(market_.take_bars());
        loop_->after(bars_every, [this] { every_few_seconds(); });
    }

    PriceBus& bus_;
    BarWriter& bars_;
    std::unique_ptr<net::EventLoop> loop_;
    std::unique_ptr<net::HttpClient> http_;
    Market market_;
    std::unique_ptr<Feed> feed_;
    std::map<Ticker, MonoTime> gone_logged_;
    std::thread thread_;
};

Result<WebhookKeyInfo> key_info(std::string_view secret) {
    const auto scheme = scheme_of(secret);
    if (!scheme) return std::unexpected(scheme.error());
    if (*scheme == SignatureScheme::v1) return WebhookKeyInfo{.scheme = *scheme, .public_key = {}};
    auto key = public_key_of(secret);
    if (!key) return std::unexpected(key.error());
    return WebhookKeyInfo{.scheme = *scheme, .public_key = std::move(*key)};
}

// Built from the flow's end to its beginning, so that whoever hands something over finds its taker there;
// stopped from its beginning to its end, so that what is under way arrives.
int run(const Config& config, Shutdown& shutdown) {
    // Before threads: each attempt under way and each connection to the API takes a file.
    net::raise_file_limit();
    const Clock& clock = system_clock();
    Checker* checker_for_events = nullptr;
    Api* api_for_events = nullptr;
    std::mutex events_mutex;  // taken by the storage's writer alone once everything is wired
    const StorageEvents events{.alert_changed =
                                   [&](const AlertChange& change) {
                                       std::lock_guard lock(events_mutex);
                                       if (checker_for_events != nullptr)
                                           checker_for_events->on_alert_change(change);
                                   },
                               .user_changed =
                                   [&](std::optional<Uuid> user) {
                                       std::lock_guard lock(events_mutex);
                                       if (api_for_events != nullptr) api_for_events->on_user_changed(user);
                                   }};
    const auto storage = create_sqlite_storage({.file = sqlite_file_of(config)}, events);
    // Before anything reads or writes a secret.
    const auto secrets = open_secrets(config, sqlite_file_of(config), *storage);
    if (!secrets) {
        log::error(secrets.error().message);
        return 1;
    }
    const auto queue = create_in_process_queue();
    const auto bus = create_in_process_bus(tickers_of(config));
    const auto auth_cache = create_in_process_auth_cache(clock);
    const auto rate_limits = create_in_process_rate_limits();

    const auto webhooks = net::create_http_client(webhook_client_options_of(config));
    const auto sender =
        start_sender(sender_options_of(config), *storage, *queue, *webhooks, **secrets, clock);
    const auto pruner = start_pruner(*storage, clock, pruner_options_of(config));
    const auto outbox = start_outbox(*storage, *queue);
    const auto checker =
        start_checker({.load = [&](const auto& piece) { storage->load_active_alerts(piece); },
                       .fire = [&](FiringGroup group) { outbox->push(std::move(group)); }},
                      clock);
    bus->subscribe({.price = [&](const Price& price) { checker->on_price(price); },
                    .gone = [&](Ticker ticker) { checker->on_price_gone(ticker); },
                    .behind = {},
                    .caught_up = {},
                    .position = {}});
    const auto bars = create_bar_writer(*storage, clock);
    MarketThread market(config, *bus, *bars);

    auto api = create_api({.storage = *storage,
                           .bus = *bus,
                           .auth_cache = *auth_cache,
                           .rate_limits = *rate_limits,
                           .clock = clock,
                           .secrets = **secrets,
                           .make_webhook_secret = make_webhook_secret,
                           .webhook_key_info = key_info,
                           .hint = [&](std::span<const DeliveryTask> tasks) { queue->publish(tasks); },
                           .ping_queue = [&] { queue->ping(); },
                           .source_health =
                               [&] {
                                   std::vector<SourceHealth> out;
                                   for (const SourceReport& s : bus->sources())
                                       out.push_back(health_of(s, clock.now()));
                                   return out;
                               },
                           .vet_webhook_url = {},
                           .check_payload = check_payload},
                          api_options_of(config));
    {
        std::lock_guard lock(events_mutex);
        checker_for_events = checker.get();
        api_for_events = api.get();
    }

    net::ServerOptions server_options;
    server_options.listen = config.http.listen;
    server_options.threads = config.http.threads;
    server_options.error_response = api_error_response;
    auto server = net::create_http_server(server_options, api->handler());
    if (!server) {
        log::error(server.error().message + "; set http.listen to another address");
        return 1;
    }
    market.start();
    const std::string host = config.http.listen.substr(0, config.http.listen.rfind(':'));
    fmt::print("Pricewire {} is listening on http://{}:{}\n", PRICEWIRE_VERSION, host, (*server)->port());
    std::fflush(stdout);
    log::info("started", {{"version", PRICEWIRE_VERSION}, {"database", sqlite_file_of(config).string()}});

    const int signal = shutdown.wait();
    log::info("stopping: requests and deliveries under way are finished",
              {{"signal", std::to_string(signal)}});
    (*server)->stop(5s);
    {
        std::lock_guard lock(events_mutex);
        api_for_events = nullptr;
    }
    // While the server still stands: a request that is being worked on answers into it.
    api.reset();
    market.stop();
    bus->unsubscribe_all();
    checker->stop();
    if (const std::size_t lost = outbox->stop(5s); lost > 0) {
        log::error("firings could not be written; their alerts stay active",
                   {{"firings", std::to_string(lost)}});
    }
    sender->stop(config.delivery.timeout + 1s);
    pruner->stop();
    bars->stop();
    {
        std::lock_guard lock(events_mutex);
        checker_for_events = nullptr;
    }
    log::info("stopped");
    return 0;
}

}  // namespace

int serve(const Config& config, Shutdown& shutdown) {
    const auto missing = not_built(config);
    for (const std::string& line : missing) fmt::print(stderr, "pricewire: {}\n", line);
    if (!missing.empty()) return 2;
    const auto lock = InstanceLock::take(sqlite_file_of(config).string() + ".lock");
    if (!lock) {
        log::error(lock.error().message);
        return 1;
    }
    try {
        return run(config, shutdown);
    } catch (const std::exception& e) {
        log::error("Pricewire cannot go on", {{"reason", e.what()}});
        return 1;
    }
}

}  // namespace pricewire
