#include "app/check.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <system_error>

#include "app/options.hpp"
#include "base/text.hpp"
#include "net/ip_address.hpp"
#include "queue/rabbitmq/rabbitmq_queue.hpp"
#include "redis/url.hpp"
#include "secrets/key_file.hpp"
#include "storage/open.hpp"

namespace pricewire::app {
namespace {

using Lines = std::vector<std::string>;

void check_servers(const ops::Config& config, const Roles& roles, Lines& out) {
    const bool shared = storage::is_shared(config.storage.database_url);
    if (!roles.all() && !shared) {
        out.push_back(fmt::format(
            "storage.database_url: '{}' runs one role as a separate process, which needs a database "
            "that processes can share (postgresql://…); 'pricewire serve' runs all roles on SQLite",
            roles.name()));
    }
    if (!roles.all() && config.storage.redis_url.empty() && !roles.sender) {
        out.push_back(fmt::format(
            "storage.redis_url: '{}' runs one role as a separate process, and prices pass from feed to "
            "checker and api through Redis: set redis://host:port",
            roles.name()));
    }
    if (!shared && !config.storage.replica_url.empty())
        out.emplace_back(
            "storage.replica_url: SQLite has no replicas; set storage.database_url to PostgreSQL's");
    if (shared && (roles.api || roles.sender) && config.security.master_key.empty() &&
        config.security.master_key_file.empty()) {
        out.emplace_back(
            "security.master_key: processes that share a database must share the key that seals its secrets; "
            "set the same key for all (openssl rand -base64 32), or security.master_key_file to a file that "
            "they share");
    }
}

void check_urls(const ops::Config& config, Lines& out) {
    const auto check = [&](std::string_view key, const std::string& url, auto parse) {
        if (url.empty()) return;
        if (const auto parsed = parse(url); !parsed)
            out.push_back(fmt::format("{}: {}", key, parsed.error().message));
    };
    check("storage.database_url", config.storage.database_url, storage::place_of);
    check("storage.replica_url", config.storage.replica_url, storage::place_of);
    check("storage.redis_url", config.storage.redis_url, redis::parse_url);
    check("storage.rabbitmq_url", config.storage.rabbitmq_url, queue::rabbitmq_address);
}

struct HostPort {
    std::string host;  // without brackets
    std::string port;
};
HostPort split(const std::string& listen) {
    const std::size_t colon = listen.rfind(':');
    HostPort out{listen.substr(0, colon), listen.substr(colon + 1)};
    if (out.host.starts_with('[')) out.host = out.host.substr(1, out.host.size() - 2);
    return out;
}

// A listener on every address of a family takes the port on each of them.
bool clash(const std::string& a, const std::string& b) {
    const HostPort x = split(a);
    const HostPort y = split(b);
    if (x.port != y.port || std::stoi(x.port) == 0) return false;
    const auto covers = [](const std::string& all, const std::string& one) {
        return (all == "0.0.0.0" && one.find(':') == one.npos) || all == "::";
    };
    return x.host == y.host || covers(x.host, y.host) || covers(y.host, x.host);
}

void check_listeners(const ops::Config& config, const Roles& roles, Lines& out) {
    const std::string own = listen_of(config, roles);
    const std::string& metrics = config.metrics.listen;
    if (metrics.empty() || !clash(own, metrics)) return;
    out.push_back(fmt::format("metrics.listen: {} clashes with {} ({}): set another port", metrics,
                              roles.api ? "http.listen" : "health.listen", own));
}

// Empty if the file may hold certificates in PEM form.
std::string why_no_certificates(const std::string& file) {
    constexpr std::size_t most = 1024 * 1024;
    std::error_code error;
    const bool regular = std::filesystem::is_regular_file(file, error);
    if (error) return "cannot be read: " + error.message();
    if (!regular) return "is not a regular file";
    errno = 0;
    std::ifstream in(file);
    std::string text(most, '\0');
    in.read(text.data(), most);
    if (in.gcount() == 0 && errno != 0) return "cannot be read: " + std::generic_category().message(errno);
    if (text.find("-----BEGIN ") == text.npos) return "has no certificate in PEM form";
    return {};
}

// A parameter of a PostgreSQL URL; empty if it is not given.
std::string parameter_of(const std::string& url, const std::string& name) {
    const std::size_t mark = url.rfind('?');
    if (mark == url.npos) return {};
    for (const std::string_view item : split_list(std::string_view(url).substr(mark + 1), '&')) {
        if (item.starts_with(name + "=")) return percent_decode(item.substr(name.size() + 1));
    }
    return {};
}

void check_certificates(const ops::Config& config, Lines& out) {
    const auto check = [&](std::string_view key, const std::string& file) {
        if (file.empty()) return;
        if (const std::string why = why_no_certificates(file); !why.empty())
            out.push_back(fmt::format("{}: {} {}", key, file, why));
    };
    if (config.storage.rabbitmq_url.starts_with("amqps://"))
        check("storage.rabbitmq_ca_file", config.storage.rabbitmq_ca_file);
    const std::string& url = config.storage.database_url;
    // Other modes work without the file.
    if (storage::is_shared(url) && parameter_of(url, "sslmode").starts_with("verify-"))
        check("storage.database_url: sslrootcert", parameter_of(url, "sslrootcert"));
}

void check_files(const ops::Config& config, const Roles& roles, Lines& out) {
    const std::string& url = config.storage.database_url;
    if (!storage::is_shared(url) && std::filesystem::is_directory(storage::file_of(url)))
        out.push_back(fmt::format("storage.database_url: {} is a directory", storage::file_of(url).string()));
    check_certificates(config, out);
    if (!roles.api && !roles.sender) return;
    const secrets::KeyPlaces places = key_places_of(config);
    if (places.configured || places.key_file.empty()) return;
    // A file that does not exist is no error: a start creates it.
    if (const auto read = secrets::read_key_file(places.key_file); !read)
        out.push_back("security.master_key_file: " + read.error().message);
}

}  // namespace

std::vector<std::string> wrong_for(const ops::Config& config, const Roles& roles) {
    Lines out;
    check_servers(config, roles, out);
    check_urls(config, out);
    check_listeners(config, roles, out);
    check_files(config, roles, out);
    if (roles.feed) {
        for (std::string& line : wrong_options(feed_options_of(config))) out.push_back(std::move(line));
    }
    return out;
}

bool is_open_to_a_network(const std::string& listen) {
    const std::string host = split(listen).host;
    if (host == "localhost") return false;
    const auto address = net::IpAddress::parse(host);
    if (!address) return true;
    static const net::Network loopback[] = {net::Network::parse("127.0.0.0/8").value(),
                                            net::Network::parse("::1").value()};
    return !loopback[0].contains(*address) && !loopback[1].contains(*address);
}

}  // namespace pricewire::app
