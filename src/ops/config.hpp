#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/clock.hpp"

namespace pricewire::ops {

struct LimitSetting {
    std::uint32_t count = 5;
    Duration period = std::chrono::seconds{10};
};

struct PortRange {
    std::uint16_t first = 0;
    std::uint16_t last = 0;
};

struct SourceSettings {
    bool enabled = true;
    std::string ws_url;  // empty: no stream
    std::string rest_url;
    Duration poll_interval{};
    int weight = 1;  // of an exchange in the median, 1 to 100
    std::string api_key;
};

// A source that can be configured, under sources.<name>.
struct SourceDefaults {
    std::string name;
    SourceSettings settings;  // empty ws_url: the source has no stream and no key for one
    Duration least_poll{};    // minimum poll_interval at the host of the default rest_url; 0: none
    std::string least_poll_reason;
    bool has_api_key = false;        // there is a key for one
    Duration least_poll_with_key{};  // in place of least_poll
    bool is_aggregator = false;      // its prices count for market.aggregator_ttl, else for market.quote_ttl
    Duration figures_ttl{};          // for this long if that is longer
};

// The effective configuration. Immutable once loaded. config/pricewire.toml documents every key; members have
// the names of their keys.
struct Config {
    struct {
        std::string listen = "127.0.0.1:8000";
        std::vector<std::string> trusted_proxies;  // CIDR
        std::vector<std::string> allowed_hosts;    // net::AllowedHosts' patterns
        int connections_per_address = 256;         // 0: no limit
        int threads = 2;
    } http;
    struct {
        std::string database_url = "sqlite:data/pricewire.db";
        std::string redis_url;
        std::string redis_prefix = "pricewire:";  // of every key and stream in Redis
        std::string rabbitmq_url;
        std::string rabbitmq_queue = "pricewire_deliveries";
        std::string rabbitmq_ca_file;  // PEM; empty: the system's authorities
        int pool = 8;                  // PostgreSQL connections, not counting the one that listens
        std::string replica_url;       // for what need not be the newest; empty: none
        Duration replica_lag = std::chrono::seconds{5};  // beyond, it is not read from
    } storage;
    struct {
        int redundancy = 2;  // how many processes of a role hold each of its shares
    } cluster;
    struct {
        std::string listen;  // empty: the role's default port, see app::listen_of()
    } health;
    struct {
        std::string listen;  // empty: http.listen or health.listen serves /metrics
    } metrics;
    struct {
        std::vector<std::string> tickers{"BTC", "ETH", "DOGE", "SOL", "BNB"};
        Duration quote_ttl = std::chrono::seconds{15};
        Duration aggregator_ttl = std::chrono::minutes{3};
        // source → ticker → symbol, if the source's rule does not yield it
        std::map<std::string, std::map<std::string, std::string>> symbols;
        bool on_demand = true;   // other tickers that a venue lists are watched while somebody needs them
        int max_tickers = 1000;  // watched at a time, pinned ones included
        Duration recover = std::chrono::hours{24};  // how much missed time is asked back; 0: none
    } market;
    std::map<std::string, SourceSettings> sources;  // by name; filled by ConfigKeys::defaults()
    struct {
        std::string registration = "open";  // closed: only 'pricewire users create' makes accounts
    } users;
    struct {
        LimitSetting register_{2, std::chrono::seconds{10}};
        LimitSetting user{5, std::chrono::seconds{10}};
        LimitSetting rates{5, std::chrono::seconds{10}};
        LimitSetting history{30, std::chrono::seconds{10}};
        LimitSetting preview{5, std::chrono::seconds{10}};
        LimitSetting failed_keys{30, std::chrono::minutes{1}};
        std::uint32_t alerts_per_user = 1000;
        LimitSetting attempts{10'000, std::chrono::minutes{10}};
    } limits;
    struct {
        int attempts = 4;
        Duration backoff_min = std::chrono::seconds{10};
        Duration backoff_max = std::chrono::seconds{600};
        Duration timeout = std::chrono::seconds{5};
        bool tls_verify = true;
        bool allow_http = false;
        std::vector<PortRange> allow_ports{{80, 80}, {443, 443}, {8443, 8443}};
        std::vector<std::string> allow_networks;  // CIDR
        int concurrency = 4096;
        int per_endpoint = 64;
        std::vector<Duration> first_retries;  // waits after the first failures, before the back-off
        int breaker_failures = 10;            // consecutive; 0: no breaker
        Duration breaker_pause_min = std::chrono::seconds{5};
        Duration breaker_pause_max = std::chrono::seconds{60};
        Duration keep = std::chrono::hours{30 * 24};  // how long ended deliveries are kept
        std::vector<std::string> dns_servers;         // address or address:port; empty: the system's
    } delivery;
    struct {
        bool enabled = true;
        std::string contact;  // "mailto:…" or "https://…"
    } push;
    struct {
        std::string endpoint;  // of an OTLP receiver; empty: nothing is traced
        int percent = 100;     // of alerts
    } tracing;
    struct {
        std::string master_key;                         // 32 bytes in base64; empty: the key file's
        std::string master_key_file;                    // empty: beside the embedded database
        std::vector<std::string> previous_master_keys;  // only for opening
    } security;
    struct {
        std::string level = "info";
        std::string format = "text";
    } log;
};

}  // namespace pricewire::ops
