#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "net/detail/dns_cache.hpp"
#include "net/detail/poller.hpp"
#include "net/resolver.hpp"

struct ares_addrinfo;

namespace pricewire::net::detail {

struct NameLookupOptions {
    std::vector<std::string> servers;  // as in HttpClientOptions::dns_servers
    std::size_t max_parallel = 1024;   // concurrent queries; further ones wait their turn
    std::size_t max_cached = 4096;
};

// Names to addresses by c-ares, on its owner's poller: /etc/hosts first, then the name servers, A and AAAA. A
// name has at most one query at a time, shared by all who wait for it. Single-threaded.
class NameLookup {
public:
    // `asked` is false if the answer was cached. The result is valid during the call.
    using Done = std::move_only_function<void(const Result<Addresses>& result, bool asked)>;

    // Throws std::runtime_error if a server is not an address, or c-ares does not start.
    NameLookup(Poller& poller, NameLookupOptions options);
    ~NameLookup();  // does not call those that wait
    NameLookup(const NameLookup&) = delete;
    NameLookup& operator=(const NameLookup&) = delete;

    // Calls `done` at once if the answer is known, else from run_due() or the poller; possibly after
    // `deadline`, when the caller may have given up. Waiters are bounded by the caller.
    void look_up(const std::string& host, MonoTime now, MonoTime deadline, Done done);
    // When run_due() must be called next; MonoTime::max() if nothing is under way.
    MonoTime due() const { return due_; }
    void run_due(MonoTime now);
    std::size_t cached() const { return cache_.size(); }

private:
    class Channel;
    struct Lookup;

    static void on_answer(void* lookup, int status, int timeouts, ares_addrinfo* answer);
    void start(Lookup& lookup);
    void deliver();
    void renew_channel();

    Poller& poller_;
    const NameLookupOptions options_;
    DnsCache cache_;
    std::unordered_map<std::string, std::unique_ptr<Lookup>> lookups_;  // under way or waiting their turn
    std::deque<Lookup*> waiting_;
    std::vector<Lookup*> answered_;  // not yet delivered
    std::size_t under_way_ = 0;
    bool delivering_ = false;
    bool ending_ = false;
    MonoTime due_ = MonoTime::max();
    // The last one is used; earlier ones, of an older resolv.conf, end with their last query.
    std::vector<std::shared_ptr<Channel>> channels_;
    std::int64_t configured_at_ = 0;  // resolv.conf's change, in nanoseconds
};

}  // namespace pricewire::net::detail
