#include "ops/config_keys.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <set>
#include <utility>

#include "base/crypto.hpp"
#include "net/address_guard.hpp"

namespace pricewire::ops {
namespace {

using namespace std::chrono_literals;
using Set = std::function<Result<void>(Config&, const std::string&)>;

std::vector<std::string> split_list(std::string_view text) {
    std::vector<std::string> out;
    while (!text.empty()) {
        const std::size_t comma = std::min(text.find(','), text.size());
        std::string_view item = text.substr(0, comma);
        while (item.starts_with(' ')) item.remove_prefix(1);
        while (item.ends_with(' ')) item.remove_suffix(1);
        if (!item.empty()) out.emplace_back(item);
        text.remove_prefix(std::min(comma + 1, text.size()));
    }
    return out;
}

std::string join(const std::vector<std::string>& items) {
    return fmt::format("{}", fmt::join(items, ","));
}

Result<std::int64_t> parse_number(const std::string& text, std::int64_t low, std::int64_t high) {
    std::int64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size() || value < low || value > high) {
        return fail(fmt::format("a whole number from {} to {}", low, high));
    }
    return value;
}

template <typename T>
ConfigKey number(std::string name, std::int64_t low, std::int64_t high, std::string help, T&& member) {
    return {.name = std::move(name),
            .accepts = fmt::format("a whole number from {} to {}", low, high),
            .help = std::move(help),
            .is_text = false,
            .set = [=](Config& c, const std::string& text) -> Result<void> {
                const auto value = parse_number(text, low, high);
                if (!value) return std::unexpected(value.error());
                member(c) = static_cast<std::remove_reference_t<decltype(member(c))>>(*value);
                return {};
            },
            .get = [=](const Config& c) { return std::to_string(member(const_cast<Config&>(c))); }};
}

template <typename T>
ConfigKey flag(std::string name, std::string help, T&& member) {
    return {.name = std::move(name),
            .accepts = "true or false",
            .help = std::move(help),
            .is_text = false,
            .set = [=](Config& c, const std::string& text) -> Result<void> {
                if (text != "true" && text != "false" && text != "1" && text != "0")
                    return fail("true or false");
                member(c) = text == "true" || text == "1";
                return {};
            },
            .get = [=](const Config& c) { return member(const_cast<Config&>(c)) ? "true" : "false"; }};
}

template <typename T>
ConfigKey duration(std::string name, Duration low, Duration high, std::string help, T&& member) {
    const std::string accepts =
        fmt::format("a duration from {} to {}", format_duration(low), format_duration(high));
    return {.name = std::move(name),
            .accepts = accepts,
            .help = std::move(help),
            .set = [=](Config& c, const std::string& text) -> Result<void> {
                const auto value = parse_duration(text);
                if (!value || *value < low || *value > high) return fail(accepts);
                member(c) = *value;
                return {};
            },
            .get = [=](const Config& c) { return format_duration(member(const_cast<Config&>(c))); }};
}

template <typename T, typename Check>
ConfigKey text(std::string name, std::string accepts, std::string help, T&& member, Check&& good) {
    return {.name = std::move(name),
            .accepts = accepts,
            .help = std::move(help),
            .set = [=](Config& c, const std::string& value) -> Result<void> {
                if (!good(value)) return fail(accepts);
                member(c) = value;
                return {};
            },
            .get = [=](const Config& c) { return member(const_cast<Config&>(c)); }};
}

template <typename T, typename Check>
ConfigKey list(std::string name, std::string accepts, std::string help, T&& member, Check&& good) {
    return {.name = std::move(name),
            .accepts = accepts,
            .help = std::move(help),
            .is_list = true,
            .set = [=](Config& c, const std::string& value) -> Result<void> {
                const auto items = split_list(value);
                if (!std::all_of(items.begin(), items.end(), good)) return fail(accepts);
                member(c) = items;
                return {};
            },
            .get = [=](const Config& c) { return join(member(const_cast<Config&>(c))); }};
}

template <typename T>
ConfigKey limit(std::string name, std::string help, T&& member) {
    return {.name = std::move(name),
            .accepts = "COUNT/DURATION such as 5/10s",
            .help = std::move(help),
            .set = [=](Config& c, const std::string& value) -> Result<void> {
                const auto bad = fail("COUNT/DURATION such as 5/10s, with a count from 1 to 1000000000");
                const std::size_t slash = value.find('/');
                if (slash == std::string::npos) return bad;
                const auto count = parse_number(value.substr(0, slash), 1, 1'000'000'000);
                const auto period = parse_duration(std::string_view(value).substr(slash + 1));
                if (!count || !period || period->count() <= 0) return bad;
                member(c) = {static_cast<std::uint32_t>(*count), *period};
                return {};
            },
            .get =
                [=](const Config& c) {
                    const LimitSetting& s = member(const_cast<Config&>(c));
                    return fmt::format("{}/{}", s.count, format_duration(s.period));
                }};
}

bool is_network(const std::string& value) {
    return net::Network::parse(value).has_value();
}

bool is_host_port(const std::string& value) {
    const std::size_t colon = value.rfind(':');
    return colon != std::string::npos && colon > 0 &&
           parse_number(value.substr(colon + 1), 0, 65535).has_value();
}

bool starts_with_any(const std::string& value, std::initializer_list<std::string_view> starts) {
    return std::any_of(starts.begin(), starts.end(),
                       [&](std::string_view s) { return value.starts_with(s) && value.size() > s.size(); });
}

Result<void> set_tickers(Config& c, const std::string& value) {
    const auto items = split_list(value);
    const auto good = [](const std::string& item) {
        return !item.empty() && item.size() <= 15 && std::all_of(item.begin(), item.end(), [](char ch) {
            return (ch >= 'A' && ch <= 'Z') || (ch >= '0' && ch <= '9');
        });
    };
    if (items.empty() || items.size() > 1000 || !std::all_of(items.begin(), items.end(), good) ||
        std::set<std::string>(items.begin(), items.end()).size() != items.size()) {
        return fail("1 to 1000 different tickers of 1 to 15 characters A-Z and 0-9");
    }
    c.market.tickers = items;
    return {};
}

// "coingecko.PEPE=pepe, binance.PEPE=PEPEUSDT"
Result<void> set_symbols(Config& c, const std::string& value) {
    decltype(c.market.symbols) symbols;
    for (const std::string& item : split_list(value)) {
        const std::size_t dot = item.find('.');
        const std::size_t equals = item.find('=');
        if (dot == std::string::npos || equals == std::string::npos || equals < dot ||
            equals + 1 == item.size()) {
            return fail("SOURCE.TICKER=SYMBOL, such as coingecko.PEPE=pepe");
        }
        const std::string source = item.substr(0, dot);
        if (!c.sources.contains(source))
            return fail(fmt::format("a known source, which '{}' is not", source));
        symbols[source][item.substr(dot + 1, equals - dot - 1)] = item.substr(equals + 1);
    }
    c.market.symbols = std::move(symbols);
    return {};
}

std::string get_symbols(const Config& c) {
    std::vector<std::string> items;
    for (const auto& [source, symbols] : c.market.symbols) {
        for (const auto& [ticker, symbol] : symbols)
            items.push_back(fmt::format("{}.{}={}", source, ticker, symbol));
    }
    return join(items);
}

Result<void> set_ports(Config& c, const std::string& value) {
    std::vector<PortRange> ranges;
    for (const std::string& item : split_list(value)) {
        const std::size_t dash = item.find('-');
        const auto first = parse_number(item.substr(0, dash), 1, 65535);
        const auto last = dash == std::string::npos ? first : parse_number(item.substr(dash + 1), 1, 65535);
        if (!first || !last || *first > *last) return fail("ports and port ranges such as 443,8000-8999");
        ranges.push_back({static_cast<std::uint16_t>(*first), static_cast<std::uint16_t>(*last)});
    }
    if (ranges.empty()) return fail("at least one port");
    c.delivery.allow_ports = std::move(ranges);
    return {};
}

std::string get_ports(const Config& c) {
    std::vector<std::string> items;
    for (const PortRange& r : c.delivery.allow_ports) {
        items.push_back(r.first == r.last ? fmt::format("{}", r.first)
                                          : fmt::format("{}-{}", r.first, r.last));
    }
    return join(items);
}

Result<void> set_first_retries(Config& c, const std::string& value) {
    std::vector<Duration> waits;
    for (const std::string& item : split_list(value)) {
        const auto wait = parse_duration(item);
        if (!wait || *wait < 100ms || *wait > 24h)
            return fail("durations such as 1s,5s,30s, from 100ms to 24h");
        waits.push_back(*wait);
    }
    if (waits.size() > 100) return fail("at most 100 durations");
    c.delivery.first_retries = std::move(waits);
    return {};
}

std::string get_first_retries(const Config& c) {
    std::vector<std::string> items;
    for (const Duration wait : c.delivery.first_retries) items.push_back(format_duration(wait));
    return join(items);
}

// An address, or an address and a port; IPv6 with a port is written [::1]:53.
bool is_name_server(const std::string& value) {
    if (net::IpAddress::parse(value)) return true;
    const std::size_t colon = value.rfind(':');
    if (colon == std::string::npos || !parse_number(value.substr(colon + 1), 1, 65535)) return false;
    std::string host = value.substr(0, colon);
    if (host.starts_with('[') && host.ends_with(']')) {
        host = host.substr(1, host.size() - 2);
    } else if (host.find(':') != std::string::npos) {
        return false;
    }
    return net::IpAddress::parse(host).has_value();
}

bool is_master_key(const std::string& value) {
    const auto bytes = base64_decode(value);
    return bytes && bytes->size() == 32;
}

bool is_name(const std::string& v) {
    return !v.empty() && v.size() <= 100 &&
           std::all_of(v.begin(), v.end(), [](unsigned char c) { return c > ' ' && c < 0x7f; });
}

void add_source(std::vector<ConfigKey>& keys, const SourceDefaults& defaults) {
    const std::string& source = defaults.name;
    const bool has_stream = !defaults.settings.ws_url.empty();
    const std::string prefix = "sources." + source + ".";
    const auto settings = [source](Config& c) -> SourceSettings& { return c.sources[source]; };
    keys.push_back(flag(prefix + "enabled", "whether " + source + " is asked for prices",
                        [=](Config& c) -> bool& { return settings(c).enabled; }));
    if (has_stream) {
        keys.push_back(text(
            prefix + "ws_url", "a ws:// or wss:// URL, or nothing", "its stream of trades",
            [=](Config& c) -> std::string& { return settings(c).ws_url; },
            [](const std::string& v) { return v.empty() || starts_with_any(v, {"ws://", "wss://"}); }));
    }
    keys.push_back(text(
        prefix + "rest_url",
        has_stream ? "an http:// or https:// URL, or nothing" : "an http:// or https:// URL",
        "its REST interface", [=](Config& c) -> std::string& { return settings(c).rest_url; },
        [=](const std::string& v) {
            return (has_stream && v.empty()) || starts_with_any(v, {"http://", "https://"});
        }));
    keys.push_back(duration(prefix + "poll_interval", 100ms, 1h, "how often REST is asked",
                            [=](Config& c) -> Duration& { return settings(c).poll_interval; }));
    keys.push_back(number(prefix + "weight", 1, 100, "its votes in the median, where it is an exchange",
                          [=](Config& c) -> int& { return settings(c).weight; }));
}

std::vector<ConfigKey> make_keys(std::span<const SourceDefaults> sources) {
    std::vector<ConfigKey> keys;
    keys.push_back(text(
        "http.listen", "host:port", "where the API listens",
        [](Config& c) -> std::string& { return c.http.listen; }, is_host_port));
    keys.push_back(list(
        "http.trusted_proxies", "networks such as 10.0.0.0/8", "proxies whose X-Forwarded-For counts",
        [](Config& c) -> std::vector<std::string>& { return c.http.trusted_proxies; }, is_network));
    keys.push_back(number("http.threads", 1, 64, "threads that serve connections",
                          [](Config& c) -> int& { return c.http.threads; }));
    keys.push_back(text(
        "storage.database_url", "sqlite:PATH or postgresql://…",
        "where users, alerts and deliveries are kept",
        [](Config& c) -> std::string& { return c.storage.database_url; },
        [](const std::string& v) {
            return starts_with_any(v, {"sqlite:", "postgresql://", "postgres://"});
        }));
    keys.push_back(text(
        "storage.redis_url", "redis://host:port, or nothing",
        "a Redis for cache and price bus; empty: in process",
        [](Config& c) -> std::string& { return c.storage.redis_url; },
        [](const std::string& v) { return v.empty() || starts_with_any(v, {"redis://", "rediss://"}); }));
    keys.push_back(text(
        "storage.rabbitmq_url", "amqp://user:password@host:port/, or nothing",
        "a RabbitMQ as delivery queue; empty: the database is the queue",
        [](Config& c) -> std::string& { return c.storage.rabbitmq_url; },
        [](const std::string& v) { return v.empty() || starts_with_any(v, {"amqp://", "amqps://"}); }));
    for (auto& key : keys) key.is_secret_url = key.name.starts_with("storage.");
    keys.push_back(text(
        "storage.redis_prefix", "1 to 100 characters without spaces",
        "what every key in Redis begins with, so that several Pricewires can share one",
        [](Config& c) -> std::string& { return c.storage.redis_prefix; }, is_name));
    keys.push_back(text(
        "storage.rabbitmq_queue", "1 to 100 characters without spaces", "the delivery queue's name",
        [](Config& c) -> std::string& { return c.storage.rabbitmq_queue; }, is_name));
    keys.push_back(text(
        "storage.rabbitmq_ca_file", "a path, or nothing",
        "authorities that an amqps:// broker's certificate is verified against; empty: the system's",
        [](Config& c) -> std::string& { return c.storage.rabbitmq_ca_file; },
        [](const std::string&) { return true; }));
    keys.push_back(number("storage.pool", 1, 200, "connections of a process to PostgreSQL",
                          [](Config& c) -> int& { return c.storage.pool; }));
    keys.push_back(text(
        "health.listen", "host:port, or nothing",
        "where feed, checker and sender answer /health; empty: 127.0.0.1:8001, :8002, :8003",
        [](Config& c) -> std::string& { return c.health.listen; },
        [](const std::string& v) { return v.empty() || is_host_port(v); }));
    keys.push_back(text(
        "metrics.listen", "host:port, or nothing",
        "where /metrics is answered, and nowhere else; empty: where the process answers everything else",
        [](Config& c) -> std::string& { return c.metrics.listen; },
        [](const std::string& v) { return v.empty() || is_host_port(v); }));
    keys.push_back({.name = "market.tickers",
                    .accepts = "tickers such as BTC,ETH",
                    .help = "what is watched",
                    .is_list = true,
                    .set = set_tickers,
                    .get = [](const Config& c) { return join(c.market.tickers); }});
    keys.push_back({.name = "market.symbols",
                    .accepts = "SOURCE.TICKER=SYMBOL, …",
                    .help = "a source's own symbol where its rule does not give it",
                    .is_list = true,
                    .set = set_symbols,
                    .get = get_symbols});
    keys.push_back(duration("market.quote_ttl", 1s, 10min, "how long an exchange's quote counts",
                            [](Config& c) -> Duration& { return c.market.quote_ttl; }));
    keys.push_back(duration("market.aggregator_ttl", 1s, 1h,
                            "how long an aggregator's figure counts, by its own time",
                            [](Config& c) -> Duration& { return c.market.aggregator_ttl; }));
    for (const SourceDefaults& source : sources) add_source(keys, source);
    keys.push_back(limit("limits.register", "registrations by IP",
                         [](Config& c) -> LimitSetting& { return c.limits.register_; }));
    keys.push_back(limit("limits.user", "requests by user and route",
                         [](Config& c) -> LimitSetting& { return c.limits.user; }));
    keys.push_back(limit("limits.rates", "requests for rates by IP",
                         [](Config& c) -> LimitSetting& { return c.limits.rates; }));
    keys.push_back(limit("limits.history", "requests for a ticker's history by user",
                         [](Config& c) -> LimitSetting& { return c.limits.history; }));
    keys.push_back(number("limits.alerts_per_user", 1, 100'000'000, "active alerts a user may have",
                          [](Config& c) -> std::uint32_t& { return c.limits.alerts_per_user; }));
    keys.push_back(number("delivery.attempts", 1, 100, "attempts before a delivery has failed",
                          [](Config& c) -> int& { return c.delivery.attempts; }));
    keys.push_back(duration("delivery.backoff_min", 1ms, 24h, "the first wait between attempts",
                            [](Config& c) -> Duration& { return c.delivery.backoff_min; }));
    keys.push_back(duration("delivery.backoff_max", 1ms, 24h * 7, "the longest wait between attempts",
                            [](Config& c) -> Duration& { return c.delivery.backoff_max; }));
    keys.push_back(duration("delivery.timeout", 100ms, 1min, "one attempt, in all",
                            [](Config& c) -> Duration& { return c.delivery.timeout; }));
    keys.push_back(flag("delivery.tls_verify", "whether a receiver's certificate must be valid",
                        [](Config& c) -> bool& { return c.delivery.tls_verify; }));
    keys.push_back(flag("delivery.allow_http", "whether a webhook may be plain http",
                        [](Config& c) -> bool& { return c.delivery.allow_http; }));
    keys.push_back({.name = "delivery.allow_ports",
                    .accepts = "ports and port ranges such as 443,8000-8999",
                    .help = "ports a webhook may have",
                    .is_list = true,
                    .set = set_ports,
                    .get = get_ports});
    keys.push_back(list(
        "delivery.allow_networks", "networks such as 10.1.2.0/24",
        "private networks a webhook may reach all the same",
        [](Config& c) -> std::vector<std::string>& { return c.delivery.allow_networks; }, is_network));
    keys.push_back(number("delivery.concurrency", 1, 100'000, "attempts under way at once",
                          [](Config& c) -> int& { return c.delivery.concurrency; }));
    keys.push_back(number("delivery.per_endpoint", 1, 10'000, "attempts under way at once to one endpoint",
                          [](Config& c) -> int& { return c.delivery.per_endpoint; }));
    keys.push_back({.name = "delivery.first_retries",
                    .accepts = "durations such as 1s,5s,30s, each from 100ms to 24h, or nothing",
                    .help = "waits after the first failed attempts; later ones follow the back-off",
                    .is_list = true,
                    .set = set_first_retries,
                    .get = get_first_retries});
    keys.push_back(number("delivery.breaker_failures", 0, 10'000,
                          "failures in a row that open an endpoint's circuit breaker; 0: none do",
                          [](Config& c) -> int& { return c.delivery.breaker_failures; }));
    keys.push_back(duration("delivery.breaker_pause_min", 100ms, 1h, "how long a breaker stays open at first",
                            [](Config& c) -> Duration& { return c.delivery.breaker_pause_min; }));
    keys.push_back(duration("delivery.breaker_pause_max", 100ms, 24h, "how long a breaker stays open at most",
                            [](Config& c) -> Duration& { return c.delivery.breaker_pause_max; }));
    keys.push_back(duration("delivery.keep", 1h, 24h * 3650, "how long deliveries that ended are kept",
                            [](Config& c) -> Duration& { return c.delivery.keep; }));
    keys.push_back(list(
        "delivery.dns_servers", "addresses such as 10.0.0.53 or 127.0.0.1:5353, or nothing",
        "name servers for webhooks' hosts; empty: the system's",
        [](Config& c) -> std::vector<std::string>& { return c.delivery.dns_servers; }, is_name_server));
    keys.push_back(text(
        "security.master_key", "32 bytes in base64, or nothing",
        "seals secrets in the database; empty: a key file beside the database, made when it is not there",
        [](Config& c) -> std::string& { return c.security.master_key; },
        [](const std::string& v) { return v.empty() || is_master_key(v); }));
    keys.back().is_secret = true;
    keys.push_back(text(
        "security.master_key_file", "a path, or nothing",
        "where the key file is; empty: beside the embedded database",
        [](Config& c) -> std::string& { return c.security.master_key_file; },
        [](const std::string&) { return true; }));
    keys.push_back(list(
        "security.previous_master_keys", "keys of 32 bytes in base64, or nothing",
        "earlier master keys, for what they sealed; drop them after 'pricewire rotate-master-key'",
        [](Config& c) -> std::vector<std::string>& { return c.security.previous_master_keys; },
        is_master_key));
    keys.back().is_secret = true;
    keys.push_back(text(
        "log.level", "debug, info, warn or error", "the least that is logged",
        [](Config& c) -> std::string& { return c.log.level; },
        [](const std::string& v) { return v == "debug" || v == "info" || v == "warn" || v == "error"; }));
    keys.push_back(text(
        "log.format", "text or json", "how a log line looks",
        [](Config& c) -> std::string& { return c.log.format; },
        [](const std::string& v) { return v == "text" || v == "json"; }));
    return keys;
}

}  // namespace

ConfigKeys::ConfigKeys(std::vector<SourceDefaults> sources)
    : sources_(std::move(sources)), keys_(make_keys(sources_)) {}

const ConfigKey* ConfigKeys::find(std::string_view name) const {
    const auto found =
        std::find_if(keys_.begin(), keys_.end(), [&](const ConfigKey& k) { return k.name == name; });
    return found == keys_.end() ? nullptr : &*found;
}

Config ConfigKeys::defaults() const {
    Config config;
    for (const SourceDefaults& source : sources_) config.sources[source.name] = source.settings;
    return config;
}

}  // namespace pricewire::ops
