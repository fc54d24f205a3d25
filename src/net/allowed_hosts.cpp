#include "net/allowed_hosts.hpp"

#include <algorithm>

#include "base/text.hpp"
#include "net/ip_address.hpp"

namespace pricewire::net {
namespace {

constexpr std::size_t max_name = 253;

bool is_label(std::string_view label) {
    return !label.empty() &&
           std::ranges::all_of(label, [](char c) { return is_alphanumeric(c) || c == '-' || c == '_'; });
}

// "*.example.com" without its star is what the names end in.
bool fits(std::string_view host, std::string_view pattern) {
    if (pattern == "*") return true;
    if (!pattern.starts_with("*.")) return host == pattern;
    pattern.remove_prefix(1);
    return host.size() > pattern.size() && host.ends_with(pattern);
}

}  // namespace

AllowedHosts::AllowedHosts(const std::vector<std::string>& patterns) : patterns_{"localhost", "*.localhost"} {
    for (const std::string& pattern : patterns) patterns_.push_back(lower_case(pattern));
}

bool AllowedHosts::is_pattern(std::string_view text) {
    if (text == "*") return true;
    if (text.starts_with("*.")) text.remove_prefix(2);
    if (text.empty() || text.size() > max_name || text.ends_with('.')) return false;
    while (!text.empty()) {
        if (!is_label(take_part(text, '.'))) return false;
    }
    return true;
}

bool AllowedHosts::allows(std::string_view host) const {
    if (host.empty()) return true;
    if (host.ends_with('.')) host.remove_suffix(1);  // the root's
    if (IpAddress::parse(host)) return true;
    return std::ranges::any_of(patterns_, [&](const std::string& p) { return fits(host, p); });
}

}  // namespace pricewire::net
