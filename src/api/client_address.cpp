#include "api/client_address.hpp"

#include <algorithm>
#include <optional>
#include <string_view>

namespace pricewire::api {
namespace {

bool is_trusted(const net::IpAddress& address, const std::vector<net::Network>& trusted) {
    return std::any_of(trusted.begin(), trusted.end(), [&](const auto& n) { return n.contains(address); });
}

// "192.0.2.1", "192.0.2.1:4711", "2001:db8::1", "[2001:db8::1]:4711".
std::optional<net::IpAddress> parse_hop(std::string_view text) {
    const auto blank = [](char c) { return c == ' ' || c == '\t'; };
    while (!text.empty() && blank(text.front())) text.remove_prefix(1);
    while (!text.empty() && blank(text.back())) text.remove_suffix(1);
    if (text.starts_with('[')) {
        return net::IpAddress::parse(text.substr(1, std::min(text.find(']'), text.size()) - 1));
    }
    if (std::count(text.begin(), text.end(), ':') == 1) text = text.substr(0, text.find(':'));
    return net::IpAddress::parse(text);
}

}  // namespace

net::IpAddress client_address(const net::ServerRequest& request, const std::vector<net::Network>& trusted) {
    net::IpAddress client = request.peer;
    if (trusted.empty() || !is_trusted(client, trusted)) return client;
    for (auto header = request.headers.rbegin(); header != request.headers.rend(); ++header) {
        if (header->first != "x-forwarded-for") continue;
        std::string_view rest = header->second;
        while (true) {
            const std::size_t comma = rest.rfind(',');
            const auto hop = parse_hop(comma == std::string_view::npos ? rest : rest.substr(comma + 1));
            // An entry that is not an address hides the ones before it: the proxy itself counts as the
            // client.
            if (!hop) return client;
            client = *hop;
            if (!is_trusted(client, trusted)) return client;
            if (comma == std::string_view::npos) break;
            rest = rest.substr(0, comma);
        }
    }
    return client;
}

bool from_unknown_proxy(const net::ServerRequest& request, const std::vector<net::Network>& trusted) {
    if (request.header("x-forwarded-for") == nullptr && request.header("forwarded") == nullptr) return false;
    static const std::vector<net::Network> near = [] {
        std::vector<net::Network> out;
        for (const char* text : {"127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16",
                                 "100.64.0.0/10", "169.254.0.0/16", "::1", "fc00::/7", "fe80::/10"}) {
            out.push_back(net::Network::parse(text).value());
        }
        return out;
    }();
    return is_trusted(request.peer, near) && !is_trusted(request.peer, trusted);
}

std::string address_key(const net::IpAddress& address) {
    const std::string text = address.client().to_string();
    return address.is_v4() ? text : text + "/64";
}

}  // namespace pricewire::api
