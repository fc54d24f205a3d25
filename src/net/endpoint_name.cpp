#include "net/endpoint_name.hpp"

#include "base/text.hpp"

namespace pricewire::net {
std::string endpoint_name(std::string_view webhook_url) {
    const std::size_t scheme_end = webhook_url.find("://");
    if (scheme_end == std::string_view::npos) return {};
    const std::string scheme = lower_case(webhook_url.substr(0, scheme_end));
    std::string_view host = webhook_url.substr(scheme_end + 3);
    host = host.substr(0, host.find_first_of("/?#"));
    std::string_view port = scheme == "http" ? "80" : "443";
    // A colon inside of brackets belongs to an IPv6 address.
    const std::size_t colon = host.rfind(':');
    if (colon != std::string_view::npos && host.find(']', colon) == std::string_view::npos) {
        if (colon + 1 < host.size()) port = host.substr(colon + 1);
        host = host.substr(0, colon);
    }
    // As net::parse_webhook_url does: URLs from before it kept one spelling may have a full name's dot.
    if (host.ends_with('.')) host.remove_suffix(1);
    if (host.empty()) return {};
    return scheme + "://" + lower_case(host) + ":" + std::string(port);
}

std::string origin_of(std::string_view url) {
    std::string out = endpoint_name(url);
    const std::string_view own_port = out.starts_with("https://") ? ":443" : ":80";
    if (out.ends_with(own_port)) out.resize(out.size() - own_port.size());
    return out;
}

}  // namespace pricewire::net
