#include <netdb.h>
#include <sys/socket.h>

#include <fmt/format.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>

#include "net/address_guard.hpp"

namespace pricewire::net {
namespace {

// getaddrinfo() cannot be given a deadline, so it runs on a thread that may be left behind; this many at
// most.
constexpr int max_lookups = 16;
std::atomic<int> lookups_under_way = 0;

struct Lookup {
    std::mutex mutex;
    std::condition_variable done_changed;
    bool done = false;
    Result<std::vector<IpAddress>> result = fail("not resolved yet");
};

Result<std::vector<IpAddress>> look_up(const std::string& host) {
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    addrinfo* list = nullptr;
    const int error = getaddrinfo(host.c_str(), nullptr, &hints, &list);
    if (error != 0) return fail(fmt::format("could not resolve host {}: {}", host, gai_strerror(error)));
    std::vector<IpAddress> out;
    for (const addrinfo* at = list; at != nullptr; at = at->ai_next) {
        if (const auto address = IpAddress::from_sockaddr(*at->ai_addr)) out.push_back(*address);
    }
    freeaddrinfo(list);
    return out;
}

}  // namespace

Result<std::vector<IpAddress>> resolve(const std::string& host, int deadline_ms) {
    if (const auto literal = IpAddress::parse(host)) return std::vector{*literal};
    // These names mean this machine whatever a name server says (RFC 6761 §6.3), and libcurl takes them so
    // too.
    if (host == "localhost" || host.ends_with(".localhost"))
        return std::vector{IpAddress::parse("127.0.0.1").value()};
    if (lookups_under_way.fetch_add(1) >= max_lookups) {
        lookups_under_way.fetch_sub(1);
        return fail(fmt::format("could not resolve host {}: too many lookups wait for an answer", host));
    }
    const auto lookup = std::make_shared<Lookup>();
    std::thread([lookup, host] {
        auto result = look_up(host);
        {
            std::lock_guard lock(lookup->mutex);
            lookup->result = std::move(result);
            lookup->done = true;
        }
        lookup->done_changed.notify_all();
        lookups_under_way.fetch_sub(1);
    }).detach();
    std::unique_lock lock(lookup->mutex);
    if (!lookup->done_changed.wait_for(lock, std::chrono::milliseconds{deadline_ms},
                                       [&] { return lookup->done; })) {
        return fail(fmt::format("could not resolve host {}: no answer within {} ms", host, deadline_ms));
    }
    return std::move(lookup->result);
}

}  // namespace pricewire::net
