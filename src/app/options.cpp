#include "app/options.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace pricewire {
namespace {

constexpr std::string_view sqlite_prefix = "sqlite:";

RateLimit limit_of(const LimitSetting& setting) {
    return {setting.count, setting.period};
}

std::vector<net::Network> networks_of(const std::vector<std::string>& texts) {
    std::vector<net::Network> out;
    for (const std::string& text : texts) out.push_back(net::Network::parse(text).value());
    return out;
}

}  // namespace

std::vector<Ticker> tickers_of(const Config& config) {
    return {config.market.tickers.begin(), config.market.tickers.end()};
}

ConsolidationPolicy consolidation_of(const Config& config) {
    ConsolidationPolicy policy;
    policy.quote_ttl = config.market.quote_ttl;
    policy.aggregator_ttl = config.market.aggregator_ttl;
    for (const auto& [name, source] : config.sources) policy.weights[SourceName(name)] = source.weight;
    return policy;
}

FeedOptions feed_options_of(const Config& config) {
    FeedOptions options;
    options.tickers = tickers_of(config);
    // REST has to answer for a quiet ticker before its last trade is too old to count.
    options.session.quiet_after = std::min(options.session.quiet_after, config.market.quote_ttl / 2);
    for (const auto& [name, source] : config.sources) {
        if (!source.enabled) continue;
        SourceOptions out{.name = name,
                          .enabled = true,
                          .ws_url = source.ws_url,
                          .rest_url = source.rest_url,
                          .poll_interval = source.poll_interval,
                          .symbols = {}};
        if (const auto named = config.market.symbols.find(name); named != config.market.symbols.end()) {
            out.symbols = named->second;
        }
        options.sources.push_back(std::move(out));
    }
    return options;
}

net::UrlPolicy url_policy_of(const Config& config) {
    net::UrlPolicy policy;
    policy.allow_http = config.delivery.allow_http;
    policy.allow_ports.clear();
    for (const PortRange& range : config.delivery.allow_ports)
        policy.allow_ports.emplace_back(range.first, range.last);
    policy.guard = net::AddressGuard(networks_of(config.delivery.allow_networks));
    policy.dns_servers = config.delivery.dns_servers;
    return policy;
}

ApiOptions api_options_of(const Config& config) {
    ApiOptions options;
    options.tickers = tickers_of(config);
    options.register_limit = limit_of(config.limits.register_);
    options.user_limit = limit_of(config.limits.user);
    options.rates_limit = limit_of(config.limits.rates);
    options.alerts_per_user = config.limits.alerts_per_user;
    options.trusted_proxies = networks_of(config.http.trusted_proxies);
    options.url_policy = url_policy_of(config);
    return options;
}

SenderOptions sender_options_of(const Config& config) {
    SenderOptions options;
    options.retry.attempts = config.delivery.attempts;
    options.retry.backoff = {config.delivery.backoff_min, config.delivery.backoff_max};
    options.retry.first_retries = config.delivery.first_retries;
    options.timeout = config.delivery.timeout;
    options.verify_tls = config.delivery.tls_verify;
    options.urls = url_policy_of(config);
    options.concurrency = static_cast<std::size_t>(config.delivery.concurrency);
    options.per_endpoint = static_cast<std::size_t>(config.delivery.per_endpoint);
    options.breaker = {config.delivery.breaker_failures, config.delivery.breaker_pause_min,
                       config.delivery.breaker_pause_max};
    return options;
}

net::HttpClientOptions webhook_client_options_of(const Config& config) {
    net::HttpClientOptions options;
    options.max_connections = static_cast<std::size_t>(config.delivery.concurrency);
    options.max_connections_per_host = static_cast<std::size_t>(config.delivery.per_endpoint);
    options.user_agent = "Pricewire/" PRICEWIRE_VERSION;
    options.dns_servers = config.delivery.dns_servers;
    return options;
}

PrunerOptions pruner_options_of(const Config& config) {
    PrunerOptions options;
    options.keep = config.delivery.keep;
    return options;
}

std::filesystem::path sqlite_file_of(const Config& config) {
    return config.storage.database_url.substr(sqlite_prefix.size());
}

std::vector<std::string> not_built(const Config& config) {
    std::vector<std::string> out;
    if (!config.storage.database_url.starts_with(sqlite_prefix)) {
        out.emplace_back("storage.database_url: this build keeps its data in SQLite only (sqlite:PATH)");
    }
    if (!config.storage.redis_url.empty()) {
        out.emplace_back("storage.redis_url: this build has its cache in the process only; leave it empty");
    }
    if (!config.storage.rabbitmq_url.empty()) {
        out.emplace_back(
            "storage.rabbitmq_url: this build has its queue in the process only; leave it empty");
    }
    for (std::string& line : wrong_options(feed_options_of(config))) out.push_back(std::move(line));
    return out;
}

}  // namespace pricewire
