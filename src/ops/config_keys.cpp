#include "ops/config_keys.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <iterator>
#include <limits>
#include <optional>
#include <set>
#include <utility>

#include "base/crypto.hpp"
#include "base/text.hpp"
#include "net/address_guard.hpp"
#include "net/allowed_hosts.hpp"

namespace pricewire::ops {
namespace {

using namespace std::chrono_literals;

// A key's name and the member of Config that holds its value: they are spelled alike.
#define KEY(member) #member, [](auto& config) -> auto& { return config.member; }

std::optional<std::int64_t> number_between(std::string_view text, std::int64_t low, std::int64_t high) {
    const auto value = parse_number<std::int64_t>(text);
    return value && *value >= low && *value <= high ? value : std::nullopt;
}

// `parse` makes an optional value of text; `format` makes text of a value.
template <typename Member, typename Parse, typename Format>
ConfigKey key(std::string name, Member member, std::string accepts, std::string help, Parse parse,
              Format format) {
    if (name.ends_with('_')) name.pop_back();  // a member whose plain name is a keyword
    return {.name = std::move(name),
            .accepts = accepts,
            .help = std::move(help),
            .set = [=](Config& config, const std::string& text) -> Result<void> {
                auto value = parse(text);
                if (!value) return fail(accepts);
                member(config) = std::move(*value);
                return {};
            },
            .get = [=](const Config& config) -> std::string { return format(member(config)); }};
}

// A list of what `parse` accepts, with `min` to `max` items.
template <typename Member, typename Parse, typename Format>
ConfigKey list(std::string name, Member member, std::string accepts, std::string help, Parse parse,
               Format format, std::size_t min = 0,
               std::size_t max = std::numeric_limits<std::size_t>::max()) {
    using Item = typename decltype(parse(std::string()))::value_type;
    const auto parse_all = [=](const std::string& text) -> std::optional<std::vector<Item>> {
        std::vector<Item> out;
        for (const std::string_view item : split_list(text)) {
            auto value = parse(std::string(item));
            if (!value) return {};
            out.push_back(std::move(*value));
        }
        if (out.size() < min || out.size() > max) return {};
        return out;
    };
    const auto format_all = [=](const std::vector<Item>& items) {
        std::vector<std::string> out;
        std::ranges::transform(items, std::back_inserter(out), format);
        return fmt::format("{}", fmt::join(out, ","));
    };
    ConfigKey out = key(std::move(name), member, std::move(accepts), std::move(help), parse_all, format_all);
    out.is_list = true;
    return out;
}

template <typename Member>
ConfigKey number(std::string name, Member member, std::int64_t low, std::int64_t high, std::string help) {
    ConfigKey out = key(
        std::move(name), member, fmt::format("a whole number from {} to {}", low, high), std::move(help),
        [=](const std::string& text) { return number_between(text, low, high); },
        [](std::int64_t value) { return std::to_string(value); });
    out.is_text = false;
    return out;
}

template <typename Member>
ConfigKey flag(std::string name, Member member, std::string help) {
    const auto parse = [](const std::string& text) -> std::optional<bool> {
        if (text == "true" || text == "1") return true;
        if (text == "false" || text == "0") return false;
        return {};
    };
    ConfigKey out = key(std::move(name), member, "true or false", std::move(help), parse,
                        [](bool value) { return value ? "true" : "false"; });
    out.is_text = false;
    return out;
}

template <typename Member>
ConfigKey duration(std::string name, Member member, Duration low, Duration high, std::string help) {
    return key(
        std::move(name), member,
        fmt::format("a duration from {} to {}", format_duration(low), format_duration(high)), std::move(help),
        [=](const std::string& text) -> std::optional<Duration> {
            const auto value = parse_duration(text);
            if (!value || *value < low || *value > high) return {};
            return *value;
        },
        format_duration);
}

std::optional<LimitSetting> parse_limit(const std::string& text) {
    const std::size_t slash = text.find('/');
    if (slash == text.npos) return {};
    const auto count = number_between(std::string_view(text).substr(0, slash), 1, 1'000'000'000);
    const auto period = parse_duration(std::string_view(text).substr(slash + 1));
    if (!count || !period || period->count() <= 0) return {};
    return LimitSetting{static_cast<std::uint32_t>(*count), *period};
}

template <typename Member>
ConfigKey limit(std::string name, Member member, std::string help) {
    return key(std::move(name), member, "COUNT/DURATION such as 5/10s, with a count from 1 to 1000000000",
               std::move(help), parse_limit, [](const LimitSetting& limit) {
                   return fmt::format("{}/{}", limit.count, format_duration(limit.period));
               });
}

// A set of texts and its description.
struct Form {
    std::string accepts;
    std::function<bool(const std::string&)> contains;

    std::optional<std::string> operator()(const std::string& text) const {
        if (!contains(text)) return {};
        return text;
    }
};

Form or_nothing(const Form& form) {
    return {form.accepts + ", or nothing",
            [form](const std::string& text) { return text.empty() || form.contains(text); }};
}

Form starting_with(std::string accepts, std::vector<std::string_view> starts) {
    return {std::move(accepts), [starts = std::move(starts)](const std::string& text) {
                return std::ranges::any_of(starts, [&](std::string_view start) {
                    return text.starts_with(start) && text.size() > start.size();
                });
            }};
}

Form one_of(std::string accepts, std::set<std::string> texts) {
    return {std::move(accepts),
            [texts = std::move(texts)](const std::string& text) { return texts.contains(text); }};
}

template <typename Member>
ConfigKey text(std::string name, Member member, const Form& form, std::string help) {
    return key(std::move(name), member, form.accepts, std::move(help), form, std::identity());
}

template <typename Member>
ConfigKey texts(std::string name, Member member, const Form& form, std::string help, std::size_t min = 0,
                std::size_t max = std::numeric_limits<std::size_t>::max()) {
    return list(std::move(name), member, form.accepts, std::move(help), form, std::identity(), min, max);
}

ConfigKey secret(ConfigKey key) {
    key.is_secret = true;
    return key;
}

ConfigKey secret_url(ConfigKey key) {
    key.is_secret_url = true;
    return key;
}

// A name or an address; IPv6 with or without brackets.
bool is_host(std::string_view text) {
    if (text.starts_with('[') && text.ends_with(']')) text = text.substr(1, text.size() - 2);
    return !text.empty() && std::ranges::all_of(text, [](char c) {
        return is_alphanumeric(c) || std::string_view(".-_:%").contains(c) ||
               static_cast<unsigned char>(c) >= 0x80;
    });
}

bool is_host_port(const std::string& text) {
    const std::size_t colon = text.rfind(':');
    return colon != text.npos && is_host(std::string_view(text).substr(0, colon)) &&
           number_between(std::string_view(text).substr(colon + 1), 0, 65535);
}

// "user:password@host:port/path?query" of a URL, after its scheme.
bool is_rest_of_url(std::string_view text) {
    if (std::ranges::any_of(text, [](unsigned char c) { return c <= ' ' || c == 0x7f; })) return false;
    std::string_view authority = text.substr(0, text.find_first_of("/?#"));
    if (const std::size_t at = authority.rfind('@'); at != authority.npos) authority.remove_prefix(at + 1);
    const std::size_t colon = authority.rfind(':');
    const bool has_port = colon != authority.npos && !authority.ends_with(']');
    return is_host(authority.substr(0, has_port ? colon : authority.npos)) &&
           (!has_port || number_between(authority.substr(colon + 1), 1, 65535));
}

// It becomes the value of a header.
bool is_api_key(const std::string& text) {
    return text.size() >= 8 && text.size() <= 200 &&
           std::ranges::all_of(text, [](char c) { return is_alphanumeric(c) || c == '-' || c == '_'; });
}

bool is_name(const std::string& text) {
    return !text.empty() && text.size() <= 100 &&
           std::ranges::all_of(text, [](unsigned char c) { return c > ' ' && c < 0x7f; });
}

// An address with or without a port; IPv6 with a port is written [::1]:53.
bool is_name_server(const std::string& text) {
    if (net::IpAddress::parse(text)) return true;
    const std::size_t colon = text.rfind(':');
    if (colon == text.npos || !number_between(std::string_view(text).substr(colon + 1), 1, 65535))
        return false;
    std::string host = text.substr(0, colon);
    if (host.starts_with('[') && host.ends_with(']')) {
        host = host.substr(1, host.size() - 2);
    } else if (host.find(':') != host.npos) {
        return false;
    }
    return net::IpAddress::parse(host).has_value();
}

// Functions, since a ConfigKeys may be a global variable of another file.
Form host_port() {
    return {"host:port", is_host_port};
}
Form network() {
    return {"networks such as 10.0.0.0/8",
            [](const std::string& text) { return net::Network::parse(text).has_value(); }};
}
Form any_path() {
    return {"a path, or nothing", [](const std::string&) { return true; }};
}
Form plain_name() {
    return {"1 to 100 characters without spaces", is_name};
}
Form url(std::string accepts, std::vector<std::string_view> schemes) {
    return {std::move(accepts), [schemes = std::move(schemes)](const std::string& text) {
                return std::ranges::any_of(schemes, [&](std::string_view scheme) {
                    return text.starts_with(scheme) &&
                           is_rest_of_url(std::string_view(text).substr(scheme.size()));
                });
            }};
}
Form http_url() {
    return url("an http:// or https:// URL", {"http://", "https://"});
}

bool is_master_key(const std::string& text) {
    const auto bytes = base64_decode(text);
    return bytes && bytes->size() == 32;
}

// The tickers are checked together, since they must differ.
Result<void> set_tickers(Config& config, const std::string& text) {
    const auto items = split_list(text);
    const auto valid = [](std::string_view item) {
        return item.size() <= 15 &&
               std::ranges::all_of(item, [](char c) { return is_upper(c) || is_digit(c); });
    };
    if (items.empty() || items.size() > 1000 || !std::ranges::all_of(items, valid) ||
        std::set(items.begin(), items.end()).size() != items.size()) {
        return fail("1 to 1000 different tickers of 1 to 15 characters A-Z and 0-9");
    }
    config.market.tickers.assign(items.begin(), items.end());
    return {};
}

// "coingecko.PEPE=pepe, binance.PEPE=PEPEUSDT"
Result<void> set_symbols(Config& config, const std::string& text) {
    decltype(config.market.symbols) symbols;
    for (const std::string_view item : split_list(text)) {
        const std::size_t dot = item.find('.');
        const std::size_t equals = item.find('=');
        if (dot == item.npos || equals == item.npos || equals < dot || equals + 1 == item.size())
            return fail("SOURCE.TICKER=SYMBOL, such as coingecko.PEPE=pepe");
        const std::string source(item.substr(0, dot));
        if (!config.sources.contains(source))
            return fail(fmt::format("a known source; '{}' is unknown", source));
        symbols[source][std::string(item.substr(dot + 1, equals - dot - 1))] = item.substr(equals + 1);
    }
    config.market.symbols = std::move(symbols);
    return {};
}

std::string get_symbols(const Config& config) {
    std::vector<std::string> items;
    for (const auto& [source, symbols] : config.market.symbols) {
        for (const auto& [ticker, symbol] : symbols)
            items.push_back(fmt::format("{}.{}={}", source, ticker, symbol));
    }
    return fmt::format("{}", fmt::join(items, ","));
}

std::optional<PortRange> parse_ports(const std::string& text) {
    const std::size_t dash = text.find('-');
    const auto first = number_between(std::string_view(text).substr(0, dash), 1, 65535);
    const auto last =
        dash == text.npos ? first : number_between(std::string_view(text).substr(dash + 1), 1, 65535);
    if (!first || !last || *first > *last) return {};
    return PortRange{static_cast<std::uint16_t>(*first), static_cast<std::uint16_t>(*last)};
}

std::string format_ports(const PortRange& range) {
    return range.first == range.last ? fmt::format("{}", range.first)
                                     : fmt::format("{}-{}", range.first, range.last);
}

std::optional<Duration> parse_first_retry(const std::string& text) {
    const auto wait = parse_duration(text);
    if (!wait || *wait < 100ms || *wait > 24h) return {};
    return *wait;
}

void add_source(std::vector<ConfigKey>& keys, const SourceDefaults& defaults) {
    const std::string& source = defaults.name;
    const bool has_stream = !defaults.settings.ws_url.empty();
    const std::string prefix = "sources." + source + ".";
    const auto member = [&](auto SourceSettings::* setting) {
        return [source, setting](auto& config) -> auto& { return config.sources.at(source).*setting; };
    };
    keys.push_back(flag(prefix + "enabled", member(&SourceSettings::enabled), "use " + source + "'s prices"));
    if (has_stream) {
        keys.push_back(text(prefix + "ws_url", member(&SourceSettings::ws_url),
                            or_nothing(url("a ws:// or wss:// URL", {"ws://", "wss://"})),
                            "its stream of trades"));
    }
    keys.push_back(text(prefix + "rest_url", member(&SourceSettings::rest_url),
                        has_stream ? or_nothing(http_url()) : http_url(), "its REST interface"));
    keys.push_back(duration(prefix + "poll_interval", member(&SourceSettings::poll_interval), 100ms, 1h,
                            "interval between REST requests"));
    keys.push_back(number(prefix + "weight", member(&SourceSettings::weight), 1, 100,
                          "its votes in the median, if it is an exchange"));
    if (defaults.has_api_key) {
        keys.push_back(secret(text(prefix + "api_key", member(&SourceSettings::api_key),
                                   or_nothing({"8 to 200 letters, digits, '-' and '_'", is_api_key}),
                                   "identifies you to it, as its plans want")));
    }
}

std::vector<ConfigKey> keys_before_sources() {
    return {
        text(KEY(http.listen), host_port(), "where the API listens"),
        texts(KEY(http.trusted_proxies), network(), "proxies whose X-Forwarded-For is trusted"),
        texts(KEY(http.allowed_hosts),
              {"host names such as api.example.com or *.example.com, or *", net::AllowedHosts::is_pattern},
              "names that requests may be addressed to, besides addresses and localhost; *: any"),
        number(KEY(http.connections_per_address), 0, 1'000'000,
               "open connections per client address; 0: no limit"),
        number(KEY(http.threads), 1, 64, "threads that serve connections"),
        secret_url(
            text(KEY(storage.database_url),
                 starting_with("sqlite:PATH or postgresql://…", {"sqlite:", "postgresql://", "postgres://"}),
                 "where users, alerts and deliveries are stored")),
        secret_url(text(KEY(storage.redis_url),
                        or_nothing(starting_with("redis://host:port", {"redis://", "rediss://"})),
                        "Redis for the cache and the price bus; empty: in process")),
        text(KEY(storage.redis_prefix), plain_name(),
             "prefix of every key in Redis, so that several installations can share one"),
        secret_url(text(KEY(storage.rabbitmq_url),
                        or_nothing(starting_with("amqp://user:password@host:port/", {"amqp://", "amqps://"})),
                        "RabbitMQ for the delivery queue; empty: the database is the queue")),
        text(KEY(storage.rabbitmq_queue), plain_name(), "name of the delivery queue"),
        text(KEY(storage.rabbitmq_ca_file), any_path(),
             "certificate authorities for an amqps:// broker; empty: the system's"),
        number(KEY(storage.pool), 1, 200, "PostgreSQL connections per process"),
        secret_url(text(KEY(storage.replica_url),
                        or_nothing(starting_with("postgresql://…", {"postgresql://", "postgres://"})),
                        "a streaming replica from which an api process reads stored bars; empty: none")),
        duration(KEY(storage.replica_lag), 100ms, 1h,
                 "how far behind it may be; beyond, the database is read"),
        number(KEY(cluster.redundancy), 1, 16,
               "checkers, or feeds, that hold each ticker where there are more of them"),
        text(KEY(health.listen), or_nothing(host_port()),
             "where feed, checker and sender serve /health; empty: 127.0.0.1:8001, :8002, :8003"),
        text(KEY(metrics.listen), or_nothing(host_port()),
             "the only address that serves /metrics; empty: http.listen or health.listen"),
        {.name = "market.tickers",
         .accepts = "tickers such as BTC,ETH",
         .help = "tickers to watch always",
         .is_list = true,
         .set = set_tickers,
         .get =
             [](const Config& config) { return fmt::format("{}", fmt::join(config.market.tickers, ",")); }},
        {.name = "market.symbols",
         .accepts = "SOURCE.TICKER=SYMBOL, …",
         .help = "a source's symbol for a ticker, if its rule does not yield it",
         .is_list = true,
         .set = set_symbols,
         .get = get_symbols},
        flag(KEY(market.on_demand), "watch any ticker that a venue lists while somebody needs it"),
        number(KEY(market.max_tickers), 1, 10'000, "tickers watched at a time"),
        duration(KEY(market.recover), 0s, 168h, "how much missed time is asked back from the venues"),
        duration(KEY(market.quote_ttl), 1s, 10min, "how long an exchange's quote counts"),
        duration(KEY(market.aggregator_ttl), 1s, 1h,
                 "how long an aggregator's price counts, by its own time"),
    };
}

std::vector<ConfigKey> keys_after_sources() {
    return {
        text(KEY(users.registration), one_of("open or closed", {"open", "closed"}),
             "whether anyone may register; closed: only 'pricewire users create' makes accounts"),
        limit(KEY(limits.register_), "registrations per IP"),
        limit(KEY(limits.user), "requests per user and route"),
        limit(KEY(limits.rates), "requests for rates per IP"),
        limit(KEY(limits.history), "requests for a ticker's history per user"),
        limit(KEY(limits.preview), "previews of alerts per user"),
        limit(KEY(limits.failed_keys), "look-ups of invalid API keys per IP"),
        number(KEY(limits.alerts_per_user), 1, 100'000'000, "active alerts per user"),
        limit(KEY(limits.attempts), "attempts to deliver webhooks, retries and tests included, per user"),
        number(KEY(delivery.attempts), 1, 100, "attempts before a delivery fails"),
        duration(KEY(delivery.backoff_min), 1ms, 24h, "first wait between attempts"),
        duration(KEY(delivery.backoff_max), 1ms, 24h * 7, "longest wait between attempts"),
        duration(KEY(delivery.timeout), 100ms, 1min, "time limit of one attempt"),
        flag(KEY(delivery.tls_verify), "verify receivers' certificates"),
        flag(KEY(delivery.allow_http), "allow webhooks over plain http"),
        list(KEY(delivery.allow_ports), "ports and port ranges such as 443,8000-8999",
             "ports allowed in webhook URLs", parse_ports, format_ports, 1),
        texts(KEY(delivery.allow_networks), network(), "private networks that webhooks may reach"),
        number(KEY(delivery.concurrency), 1, 100'000, "concurrent attempts"),
        number(KEY(delivery.per_endpoint), 1, 10'000, "concurrent attempts per endpoint"),
        list(KEY(delivery.first_retries),
             "up to 100 durations from 100ms to 24h, such as 1s,5s,30s, or nothing",
             "waits after the first failed attempts; later ones follow the back-off", parse_first_retry,
             format_duration, 0, 100),
        number(KEY(delivery.breaker_failures), 0, 10'000,
               "consecutive failures that open an endpoint's circuit breaker; 0: never"),
        duration(KEY(delivery.breaker_pause_min), 100ms, 1h, "how long a breaker stays open at first"),
        duration(KEY(delivery.breaker_pause_max), 100ms, 24h, "how long a breaker stays open at most"),
        duration(KEY(delivery.keep), 1h, 24h * 3650, "how long ended deliveries are kept"),
        texts(KEY(delivery.dns_servers),
              {"addresses such as 10.0.0.53 or 127.0.0.1:5353, or nothing", is_name_server},
              "name servers for webhook hosts; empty: the system's"),
        flag(KEY(push.enabled), "notify browsers that their users have subscribed, with the page closed"),
        text(KEY(push.contact), or_nothing(starting_with("mailto:… or https://…", {"mailto:", "https://"})),
             "whom push services may turn to; Apple's refuses pushes without"),
        text(KEY(tracing.endpoint), or_nothing(http_url()),
             "an OTLP receiver, such as http://127.0.0.1:4318, for traces of firings; empty: none"),
        number(KEY(tracing.percent), 0, 100, "of how many alerts the firings are traced"),
        secret(text(KEY(security.master_key), or_nothing({"32 bytes in base64", is_master_key}),
                    "seals secrets in the database; empty: the key file's key")),
        text(KEY(security.master_key_file), any_path(), "the key file; empty: beside the embedded database"),
        secret(texts(
            KEY(security.previous_master_keys), {"keys of 32 bytes in base64, or nothing", is_master_key},
            "previous master keys, for opening what they sealed, until 'pricewire rotate-master-key'")),
        text(KEY(log.level), one_of("debug, info, warn or error", {"debug", "info", "warn", "error"}),
             "least severe level that is logged"),
        text(KEY(log.format), one_of("text or json", {"text", "json"}), "format of log lines"),
    };
}

#undef KEY

std::vector<ConfigKey> make_keys(std::span<const SourceDefaults> sources) {
    std::vector<ConfigKey> keys = keys_before_sources();
    for (const SourceDefaults& source : sources) add_source(keys, source);
    std::ranges::move(keys_after_sources(), std::back_inserter(keys));
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
