#include "net/detail/name_lookup.hpp"

#include <ares.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstring>
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
            return "no name server answers";
        case ARES_ECONNREFUSED:
            return "no name server can be reached";
        case ARES_ESERVFAIL:
            return "the name server fails for it";
        case ARES_EREFUSED:
            return "the name server refuses to answer";
        case ARES_EBADNAME:
            return "that is not a valid name";
        default:
            return ares_strerror(status);
    }
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
    Result<Addresses> result = fail("not resolved yet");
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
        const Result<Addresses> result = *known;
        done(result, false);
        return;
    }
    auto& lookup = lookups_[host];
    if (lookup) {
        lookup->deadline = std::max(lookup->deadline, deadline);
        lookup->waiters.push_back(std::move(done));
        return;
    }
    lookup.reset(new Lookup{*this, host, deadline, {}, nullptr});
    lookup->waiters.push_back(std::move(done));
    waiting_.push_back(lookup.get());
    deliver();
}

void NameLookup::start(Lookup& lookup) {
    ++under_way_;
    renew_channel();
    lookup.channel = channels_.back();
    ares_addrinfo_hints hints{};
    hints.ai_family = AF_UNSPEC;
    hints.ai_socktype = SOCK_STREAM;
    // Sorting would open a socket for each of any number of addresses.
    hints.ai_flags = ARES_AI_NOSORT;
    ares_getaddrinfo(lookup.channel->get(), lookup.host.c_str(), nullptr, &hints, &on_answer, &lookup);
}

void NameLookup::on_answer(void* user, int status, int, ares_addrinfo* answer) {
    auto& lookup = *static_cast<Lookup*>(user);
    if (lookup.owner.ending_) {
        ares_freeaddrinfo(answer);
        return;
    }
    Addresses addresses;
    const ares_addrinfo_node* at = answer != nullptr ? answer->nodes : nullptr;
    for (; at != nullptr && addresses.size() <= max_addresses; at = at->ai_next) {
        const auto address = IpAddress::from_sockaddr(*at->ai_addr);
        if (!address || std::find(addresses.begin(), addresses.end(), *address) != addresses.end()) continue;
        addresses.push_back(*address);
        lookup.ttl = std::min<Duration>(lookup.ttl, std::chrono::seconds{std::max(at->ai_ttl, 0)});
    }
    ares_freeaddrinfo(answer);
    if (status == ARES_SUCCESS && addresses.empty()) status = ARES_ENODATA;
    if (addresses.size() > max_addresses) {
        lookup.result = fail(fmt::format("host {} has more than {} addresses", lookup.host, max_addresses));
    } else if (status == ARES_SUCCESS) {
        lookup.result = std::move(addresses);
    } else {
        lookup.result = fail(fmt::format("could not resolve host {}: {}", lookup.host, words(status)));
    }
    // c-ares is on the stack: waiters are called once it has returned.
    lookup.owner.answered_.push_back(&lookup);
}

void NameLookup::deliver() {
    if (std::exchange(delivering_, true)) return;
    while (true) {
        const MonoTime now = std::chrono::steady_clock::now();
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
                start(next);
            } else {
                next.result = fail(
                    fmt::format("could not resolve host {}: too many names wait for an answer", next.host));
                answered_.push_back(&next);
            }
        } else {
            break;
        }
    }
    delivering_ = false;
    if (under_way_ == 0) {
        due_ = MonoTime::max();
    } else if (due_ == MonoTime::max()) {
        due_ = std::chrono::steady_clock::now() + tick;
    }
}

void NameLookup::run_due(MonoTime now) {
    if (now < due_) return;
    due_ = now + tick;
    for (const auto& channel : channels_) channel->run_timeouts();
    deliver();
    // All but the newest only finish their open queries.
    const auto newest = channels_.back();
    std::erase_if(channels_, [&](const auto& c) { return c != newest && c.use_count() == 1; });
}

}  // namespace pricewire::net::detail
