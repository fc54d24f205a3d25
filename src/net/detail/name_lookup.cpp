#include "net/detail/name_lookup.hpp"

#include <ares.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstring>
#include <new>
#include <optional>
#include <stdexcept>
#include <utility>

#include "base/log.hpp"

namespace pricewire::net::detail {
namespace {

// How long a name server has to answer the first of three tries; doubled for each further one.
constexpr int first_try_ms = 1000;
constexpr int tries = 3;
// c-ares 1.18 finds its next time-out by walking every question, so it is asked at this pace instead.
constexpr Duration tick = std::chrono::milliseconds{50};
// More than any legitimate name has; an answer over TCP could hold thousands, each to be judged.
constexpr std::size_t max_addresses = 128;
// If the servers say nothing for this long they are asked the control question, at most once a second.
constexpr Duration quiet_before_control = std::chrono::milliseconds{300};
constexpr Duration control_apart = std::chrono::seconds{1};
constexpr const char* system_configuration = "/etc/resolv.conf";

std::int64_t changed_at(const char* file) {
    struct stat status{};
    if (stat(file, &status) != 0) return 0;
    return std::int64_t{status.st_mtim.tv_sec} * 1'000'000'000 + status.st_mtim.tv_nsec;
}

const char* words(int status) {
    switch (status) {
        case ARES_ENOTFOUND:
            return "no such name";
        case ARES_ENODATA:
            return "the name has no address";
        case ARES_ETIMEOUT:
            return "no name server answers for it";
        case ARES_ECONNREFUSED:  // c-ares says so if each has answered SERVFAIL or REFUSED, too
        case ARES_ESERVFAIL:
        case ARES_EREFUSED:
            return "the name servers fail for it";
        case ARES_EBADNAME:
            return "that is not a valid name";
        default:
            return ares_strerror(status);
    }
}

// Statuses by which a name server answers, whatever it says of the name.
bool is_answer(int status) {
    return status == ARES_SUCCESS || status == ARES_ENODATA || status == ARES_ENOTFOUND;
}

bool may_be_servers(int status) {
    return status == ARES_ETIMEOUT || status == ARES_ECONNREFUSED || status == ARES_ESERVFAIL ||
           status == ARES_EREFUSED;
}

// Statuses that no name and no name server can cause.
std::optional<LocalCause> local_cause_of(int status) {
    switch (status) {
        case ARES_ENOMEM:
            return LocalCause::memory;
        case ARES_EFILE:
            return exhausted().value_or(LocalCause::files);
        default:
            return may_be_servers(status) ? exhausted() : std::nullopt;
    }
}

LookupResult unresolved(const std::string& host, int status, std::optional<LocalCause> cause) {
    return std::unexpected(
        LookupError({fmt::format("could not resolve host {}: {}", host, words(status))}, cause));
}

void check(int status) {
    if (status == ARES_SUCCESS) return;
    throw std::runtime_error(std::string("names cannot be looked up: ") + ares_strerror(status));
}

}  // namespace

// One c-ares channel and its sockets.
class NameLookup::Channel final : Poller::Source {
public:
    Channel(Poller& poller, const std::vector<std::string>& servers) : poller_(poller) {
        static const int library = ares_library_init(ARES_LIB_INIT_ALL);
        check(library);
        ares_options options{};
        char lookups[] = "fb";  // /etc/hosts, then the name servers
        options.flags = ARES_FLAG_NOALIASES;
        options.timeout = first_try_ms;
        options.tries = tries;
        options.lookups = lookups;
        options.sock_state_cb = &on_socket;
        options.sock_state_cb_data = this;
        check(ares_init_options(&channel_, &options,
                                ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_LOOKUPS |
                                    ARES_OPT_SOCK_STATE_CB));
        try {
            set_servers(servers);
        } catch (...) {
            ares_destroy(channel_);
            throw;
        }
    }
    ~Channel() { ares_destroy(channel_); }
    Channel(const Channel&) = delete;
    Channel& operator=(const Channel&) = delete;

    ares_channel get() const { return channel_; }
    void run_timeouts() { ares_process_fd(channel_, ARES_SOCKET_BAD, ARES_SOCKET_BAD); }
    void on_ready(int fd, std::uint32_t events) override {
        const bool trouble = (events & (EPOLLERR | EPOLLHUP)) != 0;
        ares_process_fd(channel_, trouble || (events & EPOLLIN) != 0 ? fd : ARES_SOCKET_BAD,
                        trouble || (events & EPOLLOUT) != 0 ? fd : ARES_SOCKET_BAD);
        if (after_answers) after_answers();
    }

    std::function<void()> after_answers;

private:
    static void on_socket(void* self, ares_socket_t fd, int read, int write) {
        auto& channel = *static_cast<Channel*>(self);
        channel.poller_.watch(fd, read != 0, write != 0, channel);
    }

    void set_servers(const std::vector<std::string>& servers) {
        if (servers.empty()) return;
        std::vector<ares_addr_port_node> nodes;
        for (const std::string& text : servers) {
            const auto server = parse_name_server(text);
            if (!server) throw std::runtime_error(server.error().message);
            ares_addr_port_node node{};
            node.family = server->address.is_v4() ? AF_INET : AF_INET6;
            node.udp_port = node.tcp_port = server->port;
            const auto& bytes = server->address.bytes;
            if (node.family == AF_INET) {
                std::memcpy(&node.addr.addr4, bytes.data() + 12, 4);
            } else {
                std::memcpy(&node.addr.addr6, bytes.data(), 16);
            }
            nodes.push_back(node);
        }
        for (std::size_t i = 0; i + 1 < nodes.size(); ++i) nodes[i].next = &nodes[i + 1];
        check(ares_set_servers_ports(channel_, nodes.data()));
    }

    Poller& poller_;
    ares_channel channel_ = nullptr;
};

struct NameLookup::Lookup {
    NameLookup& owner;
    std::string host;
    MonoTime deadline;  // the latest of the waiters
    std::vector<Done> waiters;
    std::shared_ptr<Channel> channel;  // while under way
    MonoTime started{};
    int status = ARES_SUCCESS;
    LookupResult result = fail("not resolved yet");
    Duration ttl = DnsCache::max_ttl;
};

NameLookup::NameLookup(Poller& poller, NameLookupOptions options)
    : poller_(poller), options_(std::move(options)), cache_(options_.max_cached) {
    renew_channel();
}

NameLookup::~NameLookup() {
    ending_ = true;
    waiting_.clear();
    answered_.clear();
    // Cancels the open queries; what their callbacks write to still exists.
    for (const auto& [host, lookup] : lookups_) lookup->channel.reset();
    channels_.clear();
}

void NameLookup::renew_channel() {
    const std::int64_t changed = options_.servers.empty() ? changed_at(system_configuration) : 0;
    if (!channels_.empty() && changed == configured_at_) return;
    try {
        auto channel = std::make_shared<Channel>(poller_, options_.servers);
        channel->after_answers = [this] { deliver(); };
        channels_.push_back(std::move(channel));
    } catch (const std::exception& e) {
        if (channels_.empty()) throw;
        log::warn("the changed name servers cannot be used; the former ones stay", {{"reason", e.what()}});
    }
    configured_at_ = changed;
}

void NameLookup::look_up(const std::string& host, MonoTime now, MonoTime deadline, Done done) {
    if (const auto* known = cache_.find(host, now)) {
        const LookupResult result = *known;
        done(result, false);
        return;
    }
    auto& lookup = lookups_[host];
    if (lookup) {
        lookup->deadline = std::max(lookup->deadline, deadline);
        lookup->waiters.push_back(std::move(done));
        return;
    }
    try {
        lookup.reset(new Lookup{*this, host, deadline, {}, nullptr, now});
        lookup->waiters.push_back(std::move(done));
        waiting_.push_back(lookup.get());
    } catch (const std::bad_alloc&) {
        lookups_.erase(host);
        throw;
    }
    deliver();
}

void NameLookup::try_to_start(Lookup& lookup) {
    try {
        start(lookup);
    } catch (const std::bad_alloc&) {
        lookup.result = std::unexpected(LookupError({}, LocalCause::memory));
        answered_.push_back(&lookup);
    }
}

void NameLookup::start(Lookup& lookup) {
    renew_channel();
    // Room for what c-ares' callback adds, in which no exception may be thrown.
    answered_.reserve(lookups_.size());
    doubtful_.reserve(lookups_.size());
    lookup.started = std::chrono::steady_clock::now();
    if (++under_way_ == 1) quiet_since_ = lookup.started;
    lookup.channel = channels_.back();
    ares_addrinfo_hints hints{};
    hints.ai_family = AF_UNSPEC;
    hints.ai_socktype = SOCK_STREAM;
    // Sorting would open a socket for each of any number of addresses.
    hints.ai_flags = ARES_AI_NOSORT;
    starting_ = true;
    ares_getaddrinfo(lookup.channel->get(), lookup.host.c_str(), nullptr, &hints, &on_answer, &lookup);
    starting_ = false;
}

void NameLookup::on_answer(void* user, int status, int, ares_addrinfo* answer) {
    auto& lookup = *static_cast<Lookup*>(user);
    NameLookup& self = lookup.owner;
    if (!self.ending_) {
        try {
            self.take(lookup, status, answer);
        } catch (const std::bad_alloc&) {
            lookup.result = std::unexpected(LookupError({}, LocalCause::memory));
            self.answered_.push_back(&lookup);
        }
    }
    ares_freeaddrinfo(answer);
}

void NameLookup::take(Lookup& lookup, int status, const ares_addrinfo* answer) {
    Addresses addresses;
    const ares_addrinfo_node* at = answer != nullptr ? answer->nodes : nullptr;
    for (; at != nullptr && addresses.size() <= max_addresses; at = at->ai_next) {
        const auto address = IpAddress::from_sockaddr(*at->ai_addr);
        if (!address || std::find(addresses.begin(), addresses.end(), *address) != addresses.end()) continue;
        addresses.push_back(*address);
        lookup.ttl = std::min<Duration>(lookup.ttl, std::chrono::seconds{std::max(at->ai_ttl, 0)});
    }
    if (status == ARES_SUCCESS && addresses.empty()) status = ARES_ENODATA;
    if (is_answer(status) && !starting_) answered_at_ = quiet_since_ = std::chrono::steady_clock::now();
    if (addresses.size() > max_addresses) {
        lookup.result = fail(fmt::format("host {} has more than {} addresses", lookup.host, max_addresses));
    } else if (status == ARES_SUCCESS) {
        lookup.result = std::move(addresses);
    } else if (may_be_servers(status) && !exhausted() && answered_at_ < lookup.started) {
        lookup.status = status;
        doubtful_.push_back(&lookup);
        return;
    } else {
        lookup.result = unresolved(lookup.host, status, local_cause_of(status));
    }
    // c-ares is on the stack: waiters are called once it has returned.
    answered_.push_back(&lookup);
}

// A name may fail for its own servers' sake: ours only pass that on, or say nothing. To tell this from
// servers of ours that do not work they are asked for the root, which every resolver knows and no user has a
// hand in.
void NameLookup::ask_control() {
    if (control_open_) return;
    control_open_ = true;
    control_at_ = std::chrono::steady_clock::now();
    constexpr int internet = 1, name_server = 2;
    ares_query(channels_.back()->get(), ".", internet, name_server, &on_control, this);
}

void NameLookup::on_control(void* user, int status, int, unsigned char*, int) {
    auto& self = *static_cast<NameLookup*>(user);
    self.control_open_ = false;
    if (self.ending_) return;
    self.control_ended_at_ = std::chrono::steady_clock::now();
    if (is_answer(status)) self.answered_at_ = self.quiet_since_ = self.control_ended_at_;
}

void NameLookup::judge(Lookup& lookup, int status) {
    std::optional<LocalCause> cause = local_cause_of(status);
    if (!cause && answered_at_ < lookup.started) cause = LocalCause::name_servers;
    lookup.result = unresolved(lookup.host, status, cause);
    answered_.push_back(&lookup);
}

std::optional<LocalCause> NameLookup::lack(const std::string& host) const {
    const auto found = lookups_.find(host);
    if (found == lookups_.end()) return std::nullopt;
    if (!found->second->channel) return LocalCause::connections;
    const MonoTime started = found->second->started;
    if (answered_at_ >= started || (!control_open_ && control_ended_at_ < started)) return std::nullopt;
    return LocalCause::name_servers;
}

void NameLookup::deliver() {
    if (std::exchange(delivering_, true)) return;
    try {
        deliver_all();
    } catch (...) {
        delivering_ = false;
        throw;
    }
    delivering_ = false;
    if (under_way_ == 0) {
        due_ = control_open_ ? due_ : MonoTime::max();
    } else if (due_ == MonoTime::max()) {
        due_ = std::chrono::steady_clock::now() + tick;
    }
}

void NameLookup::deliver_all() {
    while (true) {
        const MonoTime now = std::chrono::steady_clock::now();
        // One that failed after the control question ended waits for the next.
        if (!doubtful_.empty()) {
            const MonoTime ended = control_ended_at_;
            const auto decided = std::ranges::partition(doubtful_, [&](const Lookup* lookup) {
                return ended < lookup->started && answered_at_ < lookup->started;
            });
            for (Lookup* lookup : decided) judge(*lookup, lookup->status);
            doubtful_.erase(decided.begin(), decided.end());
            if (!doubtful_.empty() && !control_open_) {
                ask_control();
                if (!control_open_) continue;  // it has ended at once
            }
        }
        if (!answered_.empty()) {
            const auto found = lookups_.find(answered_.back()->host);
            answered_.pop_back();
            const std::unique_ptr<Lookup> lookup = std::move(found->second);
            lookups_.erase(found);
            if (lookup->channel) {
                --under_way_;
                lookup->channel.reset();
                cache_.put(lookup->host, lookup->result, lookup->ttl, now);
            }
            for (Done& done : lookup->waiters) done(lookup->result, true);
        } else if (!waiting_.empty() && under_way_ < options_.max_parallel) {
            Lookup& next = *waiting_.front();
            waiting_.pop_front();
            if (next.deadline > now) {
                try_to_start(next);
            } else {
                next.result = std::unexpected(LookupError(
                    {fmt::format("could not resolve host {}: too many names wait for an answer", next.host)},
                    LocalCause::connections));
                answered_.push_back(&next);
            }
        } else {
            return;
        }
    }
}

void NameLookup::run_due(MonoTime now) {
    if (now < due_) return;
    due_ = now + tick;
    for (const auto& channel : channels_) channel->run_timeouts();
    if (under_way_ > 0 && now - quiet_since_ >= quiet_before_control && now - control_at_ >= control_apart)
        ask_control();
    deliver();
    // All but the newest only finish their open queries.
    const auto newest = channels_.back();
    std::erase_if(channels_, [&](const auto& c) { return c != newest && c.use_count() == 1; });
}

}  // namespace pricewire::net::detail
