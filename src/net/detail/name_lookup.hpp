#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
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
    using Done = std::move_only_function<void(const LookupResult& result, bool asked)>;

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
    // What we lack if a look-up under way has taken too long: its turn has not come, or no name server has
    // answered anything since it began.
    std::optional<LocalCause> lack(const std::string& host) const;

private:
    class Channel;
    struct Lookup;

    static void on_answer(void* lookup, int status, int timeouts, ares_addrinfo* answer);
    static void on_control(void* self, int status, int timeouts, unsigned char* answer, int size);
    void take(Lookup& lookup, int status, const ares_addrinfo* answer);
    void judge(Lookup& lookup, int status);
    void ask_control();
    void try_to_start(Lookup& lookup);
    void start(Lookup& lookup);
    void deliver();
    void deliver_all();
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
    // What is known of the name servers themselves.
    MonoTime answered_at_{};     // they last gave an answer that shows them at work
    MonoTime quiet_since_{};     // since then, or since the first open query
    bool starting_ = false;      // an answer of now comes from /etc/hosts
    bool control_open_ = false;  // the control question is under way
    MonoTime control_at_{};      // it was last asked
    MonoTime control_ended_at_{};
    std::vector<Lookup*> doubtful_;  // failed; the control question's answer decides why
    // The last one is used; earlier ones, of an older resolv.conf, end with their last query.
    std::vector<std::shared_ptr<Channel>> channels_;
    std::int64_t configured_at_ = 0;  // resolv.conf's change, in nanoseconds
};

}  // namespace pricewire::net::detail
