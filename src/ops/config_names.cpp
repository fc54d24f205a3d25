// Names of keys, masking of passwords, and checks that involve several keys.
#include <fmt/format.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "base/text.hpp"
#include "ops/config_keys.hpp"

namespace pricewire::ops {
namespace {

using namespace std::chrono_literals;

// Requests add their path to the address, so that a key in it would not arrive. The error does not repeat it.
void check_no_key(const Config& c, const SourceDefaults& source, std::vector<std::string>& errors) {
    if (!source.has_api_key || c.sources.at(source.name).rest_url.find("key=") == std::string::npos) return;
    errors.push_back(fmt::format("sources.{0}.rest_url: a key belongs in sources.{0}.api_key", source.name));
}

// "https://api.example.com/v3" → "api.example.com"
std::string_view host_of(std::string_view url) {
    const std::size_t scheme = url.find("://");
    if (scheme != std::string_view::npos) url.remove_prefix(scheme + 3);
    return url.substr(0, url.find('/'));
}

// A price that REST repeats less often than it counts would come and go. The venue's own limit is an excuse.
void check_poll_interval(const Config& c, const SourceDefaults& source, std::vector<std::string>& errors) {
    const SourceSettings& used = c.sources.at(source.name);
    const Duration ttl = source.is_aggregator ? c.market.aggregator_ttl : c.market.quote_ttl;
    if (!used.enabled || used.rest_url.empty() || used.poll_interval < std::max(ttl, source.figures_ttl) ||
        used.poll_interval <= least_poll(used, source))
        return;
    errors.push_back(fmt::format(
        "sources.{}.poll_interval ({}) must be shorter than market.{} ({}): its prices would stop counting "
        "between two requests",
        source.name, format_duration(used.poll_interval),
        source.is_aggregator ? "aggregator_ttl" : "quote_ttl", format_duration(ttl)));
}

}  // namespace

std::string ConfigKeys::nearest(std::string_view name) const {
    const std::string wanted = env_name(name);
    std::string best;
    // A swapped pair of letters counts as two edits. More would suggest keys that have nothing to do with it.
    std::size_t distance = std::min<std::size_t>(2, name.size() / 3) + 1;
    for (const ConfigKey& key : keys_) {
        const std::size_t d = edit_distance(env_name(key.name), wanted);
        if (d >= distance) continue;
        best = key.name;
        distance = d;
    }
    return best;
}

std::string env_name(std::string_view key) {
    std::string name = "PRICEWIRE_" + upper_case(key);
    std::replace(name.begin(), name.end(), '.', '_');
    return name;
}

std::string mask_password(std::string_view url) {
    std::string out(url);
    const std::size_t scheme = out.find("://");
    if (scheme == std::string::npos) return out;
    const std::size_t begin = scheme + 3;
    // A password that is not percent-encoded may contain any of "/?#@": mask up to the last "@".
    if (const std::size_t at = out.rfind('@'); at != std::string::npos && at >= begin) {
        if (const std::size_t colon = out.find(':', begin); colon < at) {
            out.replace(colon, at - colon, ":***");
        }
    }
    for (std::size_t found = 0; (found = out.find("password=", found)) != std::string::npos;) {
        found += std::string_view("password=").size();
        out.replace(found, std::min(out.find('&', found), out.size()) - found, "***");
    }
    return out;
}

Duration least_poll(const SourceSettings& used, const SourceDefaults& source) {
    if (host_of(used.rest_url) != host_of(source.settings.rest_url)) return {};
    return used.api_key.empty() ? source.least_poll : source.least_poll_with_key;
}

std::vector<std::string> cross_check(const Config& c, std::span<const SourceDefaults> sources) {
    std::vector<std::string> errors;
    if (c.delivery.breaker_pause_min > c.delivery.breaker_pause_max) {
        errors.push_back(fmt::format(
            "delivery.breaker_pause_min ({}) is longer than delivery.breaker_pause_max ({})",
            format_duration(c.delivery.breaker_pause_min), format_duration(c.delivery.breaker_pause_max)));
    }
    if (c.delivery.backoff_min > c.delivery.backoff_max) {
        errors.push_back(fmt::format("delivery.backoff_min ({}) is longer than delivery.backoff_max ({})",
                                     format_duration(c.delivery.backoff_min),
                                     format_duration(c.delivery.backoff_max)));
    }
    if (static_cast<std::size_t>(c.market.max_tickers) < c.market.tickers.size()) {
        errors.push_back(fmt::format("market.max_tickers ({}) is less than the number of market.tickers ({})",
                                     c.market.max_tickers, c.market.tickers.size()));
    }
    const bool any =
        std::any_of(c.sources.begin(), c.sources.end(), [](const auto& s) { return s.second.enabled; });
    if (!any)
        errors.emplace_back("every source is disabled: enable at least one, such as sources.binance.enabled");
    for (const SourceDefaults& source : sources) {
        check_poll_interval(c, source, errors);
        check_no_key(c, source, errors);
        const SourceSettings& used = c.sources.at(source.name);
        const Duration least = least_poll(used, source);
        if (used.poll_interval >= least) continue;
        errors.push_back(fmt::format("sources.{}.poll_interval ({}) must be at least {}s: {}", source.name,
                                     format_duration(used.poll_interval),
                                     std::chrono::ceil<std::chrono::seconds>(least).count(),
                                     source.least_poll_reason));
    }
    return errors;
}

}  // namespace pricewire::ops
