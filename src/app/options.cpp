#include "app/options.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "api/health_endpoint.hpp"
#include "deliver/endpoints.hpp"
#include "net/allowed_hosts.hpp"
#include "secrets/key_file.hpp"
#include "storage/open.hpp"

namespace pricewire::app {
namespace {

access::RateLimit limit_of(const ops::LimitSetting& setting) {
    return {setting.count, setting.period};
}

std::vector<net::Network> networks_of(const std::vector<std::string>& texts) {
    std::vector<net::Network> out;
    for (const std::string& text : texts) out.push_back(net::Network::parse(text).value());
    return out;
}

}  // namespace

std::vector<Ticker> tickers_of(const ops::Config& config) {
    return {config.market.tickers.begin(), config.market.tickers.end()};
}

price::ConsolidationPolicy consolidation_of(const ops::Config& config, feed::VenueTypes venues) {
    price::ConsolidationPolicy policy;
    policy.quote_ttl = config.market.quote_ttl;
    policy.aggregator_ttl = config.market.aggregator_ttl;
    for (const auto& [name, source] : config.sources) {
        const feed::VenueType* venue = feed::find_venue_type(name, venues);
        if (venue == nullptr) continue;
        policy.sources[venue->name] = {
            .weight = source.weight, .owner = venue->owner, .figures_ttl = venue->figures_ttl};
        if (source.enabled && venue->kind == SourceKind::exchange) ++policy.exchanges;
    }
    return policy;
}

ops::ConfigKeys config_keys(feed::VenueTypes venues) {
    std::vector<ops::SourceDefaults> sources;
    for (const feed::VenueType* venue : venues) {
        sources.push_back({.name = std::string(venue->name.view()),
                           .settings = {.enabled = venue->off_reason.empty(),
                                        .ws_url = std::string(venue->stream.url),
                                        .rest_url = std::string(venue->rest.url),
                                        .poll_interval = venue->rest.poll_interval,
                                        .weight = venue->weight},
                           .least_poll = venue->rest.least_interval,
                           .least_poll_reason = std::string(venue->rest.least_interval_reason),
                           .has_api_key = venue->rest.key_header != nullptr,
                           .least_poll_with_key = venue->rest.least_interval_with_key,
                           .is_aggregator = venue->kind == SourceKind::aggregator,
                           .figures_ttl = venue->figures_ttl});
    }
    return ops::ConfigKeys(std::move(sources));
}

feed::FeedOptions feed_options_of(const ops::Config& config, feed::VenueTypes venues) {
    feed::FeedOptions options;
    options.venues = venues;
    options.tickers = tickers_of(config);
    options.references = {price::DollarRates::references.begin(), price::DollarRates::references.end()};
    // REST must replace a quiet ticker's last trade before that is too old to count.
    options.session.quiet_after = std::min(options.session.quiet_after, config.market.quote_ttl / 2);
    for (const auto& [name, source] : config.sources) {
        if (!source.enabled) continue;
        feed::SourceOptions out{.name = name,
                                .enabled = true,
                                .ws_url = source.ws_url,
                                .rest_url = source.rest_url,
                                .poll_interval = source.poll_interval,
                                .api_key = source.api_key,
                                .symbols = {}};
        if (const auto named = config.market.symbols.find(name); named != config.market.symbols.end()) {
            out.symbols = named->second;
        }
        options.sources.push_back(std::move(out));
    }
    return options;
}

net::UrlPolicy url_policy_of(const ops::Config& config) {
    net::UrlPolicy policy;
    policy.allow_http = config.delivery.allow_http;
    policy.allow_ports.clear();
    for (const ops::PortRange& range : config.delivery.allow_ports)
        policy.allow_ports.emplace_back(range.first, range.last);
    policy.guard = net::AddressGuard(networks_of(config.delivery.allow_networks));
    policy.dns_servers = config.delivery.dns_servers;
    return policy;
}

api::ApiOptions api_options_of(const ops::Config& config) {
    api::ApiOptions options;
    options.page = api::embedded_page();
    options.reference = api::embedded_reference();
    options.tickers = tickers_of(config);
    options.on_demand = config.market.on_demand;
    options.watched = tickers_with_a_source(feed_options_of(config));
    options.max_tickers = static_cast<std::size_t>(config.market.max_tickers);
    options.registration_open = config.users.registration == "open";
    options.register_limit = limit_of(config.limits.register_);
    options.user_limit = limit_of(config.limits.user);
    options.rates_limit = limit_of(config.limits.rates);
    options.history_limit = limit_of(config.limits.history);
    options.preview_limit = limit_of(config.limits.preview);
    options.failed_keys_limit = limit_of(config.limits.failed_keys);
    options.alerts_per_user = config.limits.alerts_per_user;
    options.attempts = config.delivery.attempts;
    options.trusted_proxies = networks_of(config.http.trusted_proxies);
    // Half of the connections, as in the server.
    const auto per_address = static_cast<std::size_t>(config.http.connections_per_address);
    options.streams_per_address = per_address == 0 ? std::numeric_limits<std::size_t>::max()
                                                   : std::max<std::size_t>(1, per_address / 2);
    options.url_policy = url_policy_of(config);
    return options;
}

net::FileNeeds file_needs_of(const ops::Config& config, const Roles& roles) {
    const auto number = [](int n) { return static_cast<std::size_t>(n); };
    net::FileNeeds needs;
    // Standard streams, the lock, event loops and clients (a few descriptors each), what libraries open for a
    // moment, and connections that are being refused.
    needs.fixed = 48 + 3 * number(config.http.threads);
    // SQLite: a file, its log and their index for each reader and the writer.
    needs.fixed += storage::is_shared(config.storage.database_url) ? number(config.storage.pool) + 4 : 24;
    if (!config.storage.replica_url.empty()) needs.fixed += number(config.storage.pool);
    if (!config.storage.redis_url.empty()) needs.fixed += 25;
    if (!config.storage.rabbitmq_url.empty()) needs.fixed += 8;
    if (!config.metrics.listen.empty()) needs.fixed += 32;
    if (roles.api) needs.fixed += 32;  // names of webhooks' hosts that are looked up
    if (roles.feed) {
        // Two streams while one replaces the other, a request, one about the past, and a recording; symbol lists.
        needs.fixed += 44 + 5 * static_cast<std::size_t>(std::ranges::count_if(
                                    config.sources, [](const auto& s) { return s.second.enabled; }));
    }
    if (roles.sender) {
        needs.outgoing = number(config.delivery.concurrency);
        needs.idle = net::HttpClientOptions().max_idle_connections;
    }
    needs.incoming = net::ServerOptions().max_connections;
    return needs;
}

std::size_t threads_of(const ops::Config& config) {
    return 48 + static_cast<std::size_t>(config.http.threads);
}

net::ServerOptions server_options_of(const ops::Config& config, const Roles& roles,
                                     const net::FileShares& files) {
    net::ServerOptions options;
    // Beyond max_connections the server may hold three times the reserve.
    options.health_reserve = std::clamp<std::size_t>(files.incoming / 16, 1, options.health_reserve);
    options.max_connections = files.incoming - std::min(files.incoming - 1, 3 * options.health_reserve);
    options.listen = listen_of(config, roles);
    options.threads = roles.api ? config.http.threads : 1;
    options.max_connections_per_address = static_cast<std::size_t>(config.http.connections_per_address);
    options.proxies = networks_of(config.http.trusted_proxies);
    std::vector<std::string> names = config.http.allowed_hosts;
    // A name in the address to listen at is the server's own.
    names.push_back(options.listen.substr(0, options.listen.rfind(':')));
    options.is_own_host = [hosts = net::AllowedHosts(names)](std::string_view host) {
        return hosts.allows(host);
    };
    options.is_health = api::is_health_path;
    if (roles.api) options.takes_large_body = api::takes_large_body;
    return options;
}

deliver::SenderOptions sender_options_of(const ops::Config& config, const net::FileShares& files) {
    deliver::SenderOptions options;
    options.retry.attempts = config.delivery.attempts;
    options.attempts_by_user = limit_of(config.limits.attempts);
    options.retry.backoff = {config.delivery.backoff_min, config.delivery.backoff_max};
    options.retry.first_retries = config.delivery.first_retries;
    options.timeout = config.delivery.timeout;
    options.verify_tls = config.delivery.tls_verify;
    options.push_contact = config.push.contact;
    if (!config.tracing.endpoint.empty()) options.traced_percent = config.tracing.percent;
    options.urls = url_policy_of(config);
    // Whether one is an address of the catcher is found out when it is sent.
    options.urls.keeps = [](std::string_view) { return true; };
    // What the client could not open at once would time out while it waits.
    options.concurrency = files.outgoing;
    options.per_endpoint = static_cast<std::size_t>(config.delivery.per_endpoint);
    options.breaker = {config.delivery.breaker_failures, config.delivery.breaker_pause_min,
                       config.delivery.breaker_pause_max};
    return options;
}

net::HttpClientOptions webhook_client_options_of(const ops::Config& config, const net::FileShares& files) {
    return {.max_connections = files.outgoing,
            // More than the sender starts there: no request waits for another user's within its time-out.
            .max_connections_per_host =
                2 * deliver::attempts_per_host(static_cast<std::size_t>(config.delivery.per_endpoint)),
            .max_idle_connections = files.idle,
            .user_agent = "Pricewire/" PRICEWIRE_VERSION,
            .dns_servers = config.delivery.dns_servers};
}

net::HttpClientOptions list_client_options() {
    return {.max_connections = 4, .max_idle_connections = 0, .user_agent = "Pricewire/" PRICEWIRE_VERSION};
}

net::HttpClientOptions past_client_options() {
    return {
        .max_connections = 32, .max_connections_per_host = 32, .user_agent = "Pricewire/" PRICEWIRE_VERSION};
}

recover::RecorderOptions recorder_options_of(const ops::Config& config) {
    return {.limit = config.market.quote_ttl,
            .always = tickers_of(config),
            .is_asked_back = config.market.recover > Duration::zero()};
}

recover::RunnerOptions runner_options_of(const ops::Config& config) {
    recover::RunnerOptions options;
    options.recover = config.market.recover;
    options.policy = consolidation_of(config, feed::venue_types());
    return options;
}

deliver::PrunerOptions pruner_options_of(const ops::Config& config) {
    return {.keep = config.delivery.keep};
}

secrets::KeyPlaces key_places_of(const ops::Config& config) {
    secrets::KeyPlaces places;
    if (!config.security.master_key.empty())
        places.configured = secrets::parse_master_key(config.security.master_key).value();
    for (const std::string& key : config.security.previous_master_keys)
        places.previous.push_back(secrets::parse_master_key(key).value());
    places.key_file = config.security.master_key_file;
    if (storage::is_shared(config.storage.database_url)) return places;
    const auto database = storage::file_of(config.storage.database_url);
    if (places.key_file.empty()) places.key_file = secrets::key_file_of(database);
    places.database_lock = database.string() + ".lock";
    return places;
}

Result<void> check_not_lost(const ops::Config& config) {
    if (storage::is_shared(config.storage.database_url)) return {};
    const auto database = storage::file_of(config.storage.database_url);
    // The database is made before its key file, and an empty file is what is left of a truncated one.
    const auto holds_something = [](const std::filesystem::path& file) {
        std::error_code error;
        const auto size = std::filesystem::file_size(file, error);
        return !error && size > 0;
    };
    if (holds_something(database)) return {};
    const std::filesystem::path log = database.string() + "-wal";
    const auto key_file = key_places_of(config).key_file;
    const auto& left = holds_something(log) ? log : key_file;
    if (!holds_something(left)) return {};
    return fail(
        fmt::format("the database {0} is missing or empty, but {1} is there, so it was moved, deleted or "
                    "never restored: put it back (from a backup, if it is lost); to begin with an empty "
                    "database instead, run 'pricewire migrate --new' first",
                    database.string(), left.string()));
}

std::string listen_of(const ops::Config& config, const Roles& roles) {
    if (roles.api) return config.http.listen;
    if (!config.health.listen.empty()) return config.health.listen;
    return roles.feed ? "127.0.0.1:8001" : roles.checker ? "127.0.0.1:8002" : "127.0.0.1:8003";
}

}  // namespace pricewire::app
