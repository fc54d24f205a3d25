#include "net/resolver.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <exception>
#include <optional>

#include "base/text.hpp"
#include "net/detail/name_lookup.hpp"
#include "net/detail/poller.hpp"
#include "net/local_failures.hpp"

namespace pricewire::net {
namespace {

// Look-ups that block their threads at once; each holds a few descriptors.
constexpr int max_blocking = 64;
std::atomic<int> blocking = 0;

struct Place {
    const bool free = blocking.fetch_add(1) < max_blocking;
    Place() = default;
    ~Place() { blocking.fetch_sub(1); }
    Place(const Place&) = delete;
    Place& operator=(const Place&) = delete;
};

}  // namespace

Result<NameServer> parse_name_server(std::string_view text) {
    NameServer out;
    std::string_view port;
    std::optional<IpAddress> address = IpAddress::parse(text);
    if (!address && text.starts_with('[')) {
        const std::size_t end = text.find(']');
        if (end != std::string_view::npos) {
            address = IpAddress::parse(text.substr(1, end - 1));
            port = text.substr(end + 1);
        }
    } else if (!address) {
        const std::size_t colon = text.find(':');
        address = IpAddress::parse(text.substr(0, colon));
        if (colon != std::string_view::npos) port = text.substr(colon);
    }
    bool good = address.has_value();
    if (!port.empty()) {
        out.port = parse_number<std::uint16_t>(port.substr(1)).value_or(0);
        good = good && port[0] == ':' && out.port > 0;
    }
    if (!good) {
        return fail(fmt::format(
            "\"{}\" is not a name server's address, such as 192.0.2.1, 192.0.2.1:53 or [2001:db8::1]:53",
            text));
    }
    out.address = *address;
    return out;
}

bool is_localhost(std::string_view host) {
    if (host.ends_with('.')) host.remove_suffix(1);
    const std::string name = lower_case(host);
    return name == "localhost" || name.ends_with(".localhost");
}

Result<std::vector<IpAddress>> resolve(const std::string& host, int deadline_ms,
                                       std::span<const std::string> servers) {
    if (const auto literal = IpAddress::parse(host)) return std::vector{*literal};
    if (is_localhost(host)) return std::vector{IpAddress::parse("127.0.0.1").value()};
    const Place place;
    if (!place.free) {
        return fail(fmt::format("could not resolve host {}: too many lookups wait for an answer", host));
    }
    const MonoTime deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds{deadline_ms};
    std::optional<detail::LookupResult> out;
    try {
        detail::Poller poller;
        detail::NameLookup names(
            poller, {.servers = {servers.begin(), servers.end()}, .max_parallel = 1, .max_cached = 0});
        MonoTime now = std::chrono::steady_clock::now();
        names.look_up(host, now, deadline, [&out](const auto& result, bool) { out = result; });
        while (!out && now < deadline) {
            poller.wait(std::min(names.due(), deadline));
            now = std::chrono::steady_clock::now();
            names.run_due(now);
        }
    } catch (const std::exception& e) {
        if (const auto cause = exhausted()) local_failures().failed(*cause);
        return fail(fmt::format("could not resolve host {}: {}", host, e.what()));
    }
    if (!out)
        return fail(fmt::format("could not resolve host {}: no answer within {} ms", host, deadline_ms));
    if (!*out) {
        if (const auto cause = out->error().local) local_failures().failed(*cause);
        return fail(out->error().message);
    }
    return std::move(**out);
}

}  // namespace pricewire::net
