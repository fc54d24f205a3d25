#include "net/http_client.hpp"

#include <fmt/format.h>
#include <pthread.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <deque>
#include <set>
#include <thread>
#include <unordered_map>

#include "base/log.hpp"
#include "base/mutex.hpp"
#include "net/detail/curl_multi.hpp"
#include "net/detail/host_slots.hpp"
#include "net/detail/name_lookup.hpp"
#include "net/detail/poller.hpp"
#include "net/detail/transfer.hpp"
#include "net/file_limit.hpp"

namespace pricewire::net {
namespace {

using namespace detail;

// libcurl 7.88 walks all connections of a multi handle when a transfer ends that keeps its own, and once a
// second when one starts; so hosts are spread over several, and hanging ones are walked by few.
constexpr std::size_t multis = 32;
constexpr std::size_t max_spare_handles = 512;
// Reserved for the rest of the process: the database, the log, incoming connections.
constexpr std::size_t reserved_files = 192;

struct Pending {
    HttpRequest request;
    HttpClient::Done done;
    MonoTime started;
};

HttpResult failure(HttpError error, std::string text) {
    HttpResult out;
    out.error = error;
    out.error_text = std::move(text);
    return out;
}

Transfer& transfer_of(CURL* easy) {
    void* user = nullptr;
    curl_easy_getinfo(easy, CURLINFO_PRIVATE, &user);
    return *static_cast<Transfer*>(user);
}

// The configured numbers, reduced to what the process may open. A request may have two sockets while it
// connects to a host with several addresses: an eighth is added for that.
HttpClientOptions within_file_limit(HttpClientOptions options) {
    const std::size_t limit = file_limit();
    const auto needed = [&] {
        return options.max_connections + options.max_connections / 8 + options.max_idle_connections +
               reserved_files;
    };
    if (needed() <= limit) return options;
    const std::size_t wanted = options.max_connections;
    const std::size_t free = limit - std::min(limit, reserved_files);
    options.max_idle_connections = std::min(options.max_idle_connections, free / 4);
    options.max_connections = std::max<std::size_t>(1, (free - options.max_idle_connections) * 8 / 9);
    if (options.max_connections >= wanted) {
        options.max_connections = wanted;
        return options;
    }
    log::warn("the process may open too few files for as many outgoing connections as configured",
              {{"open_files", std::to_string(limit)},
               {"connections", std::to_string(options.max_connections)},
               {"configured", std::to_string(wanted)}});
    return options;
}

class CurlHttpClient final : public HttpClient {
public:
    explicit CurlHttpClient(const HttpClientOptions& options)
        : options_(within_file_limit(options)),
          names_(poller_, {.servers = options_.dns_servers}),
          count_{.max_idle = options_.max_idle_connections},
          slots_(options_.max_connections, options_.max_connections_per_host) {
        for (std::size_t i = 0; i < multis; ++i)
            multis_.push_back(std::make_unique<CurlMulti>(poller_, count_));
        thread_ = std::thread([this] { run(); });
    }

    ~CurlHttpClient() override {
        stopping_ = true;
        poller_.wake();
        thread_.join();
    }

    void start(HttpRequest request, Done done) override {
        {
            MutexLock lock(mutex_);
            incoming_.push_back({std::move(request), std::move(done), std::chrono::steady_clock::now()});
            if (std::exchange(woken_, true)) return;
        }
        poller_.wake();
    }

private:
    void run() {
        // OpenSSL writes without MSG_NOSIGNAL, and receivers may have closed the connection.
        sigset_t broken_pipe;
        sigemptyset(&broken_pipe);
        sigaddset(&broken_pipe, SIGPIPE);
        pthread_sigmask(SIG_BLOCK, &broken_pipe, nullptr);
        std::deque<Pending> taken;
        while (true) {
            {
                MutexLock lock(mutex_);
                taken.swap(incoming_);
                woken_ = false;
            }
            if (stopping_) break;
            for (Pending& pending : taken) begin(std::move(pending));
            taken.clear();
            launch();
            turn();
        }
        for (Pending& pending : taken) {
            call(pending.done, failure(HttpError::cancelled, "the client was stopped"));
        }
        while (!transfers_.empty()) {
            finish(*transfers_.begin()->second, failure(HttpError::cancelled, "the client was stopped"));
        }
        // On this thread: closing a connection may send a TLS alert.
        spare_.clear();
        multis_.clear();
    }

    // Waits for events and deadlines, and handles them.
    void turn() {
        MonoTime until = names_.due();
        if (!deadlines_.empty()) until = std::min(until, deadlines_.begin()->first);
        for (const auto& multi : multis_) until = std::min(until, multi->due());
        poller_.wait(until);
        const MonoTime now = std::chrono::steady_clock::now();
        names_.run_due(now);
        for (const auto& multi : multis_) {
            multi->run_due(now);
            multi->collect([this](CURL* easy, CURLcode code) {
                Transfer& transfer = transfer_of(easy);
                finish(transfer, transfer.result(code));
            });
        }
        expire(now);
    }

    void begin(Pending pending) {
        const std::uint64_t id = ++last_id_;
        auto& transfer =
            *transfers_
                 .emplace(id, std::make_unique<Transfer>(id, std::move(pending.request),
                                                         std::move(pending.done), pending.started))
                 .first->second;
        auto target = Target::parse(transfer.request.url);
        if (!target) return finish(transfer, failure(HttpError::bad_url, target.error().message));
        transfer.target = std::move(*target);
        deadlines_.emplace(transfer.deadline, id);
        if (transfer.target.literal) {
            const Addresses only{*transfer.target.literal};
            if (const auto reason = refused_among(only, transfer.request.guard))
                return refuse(transfer, *reason);
            return enqueue(transfer);
        }
        if (is_localhost(transfer.target.host)) return use_localhost(transfer);
        names_.look_up(
            transfer.target.host, std::chrono::steady_clock::now(), transfer.deadline,
            [this, id](const Result<Addresses>& result, bool asked) { resolved(id, result, asked); });
    }

    void refuse(Transfer& transfer, const std::string& reason) {
        finish(transfer, failure(HttpError::refused_address, "the address is not allowed: " + reason));
    }

    // No name server can change localhost, so it is enough that one of its addresses is allowed.
    void use_localhost(Transfer& transfer) {
        std::optional<std::string> refused;
        for (const char* text : {"127.0.0.1", "::1"}) {
            const Addresses one{IpAddress::parse(text).value()};
            const auto reason = refused_among(one, transfer.request.guard);
            if (!reason) transfer.addresses.push_back(one[0]);
            if (reason && !refused) refused = reason;
        }
        if (transfer.addresses.empty()) return refuse(transfer, refused.value());
        enqueue(transfer);
    }

    void resolved(std::uint64_t id, const Result<Addresses>& result, bool asked) {
        const auto found = transfers_.find(id);
        if (found == transfers_.end()) return;  // it had timed out
        Transfer& transfer = *found->second;
        if (asked) {
            transfer.dns =
                std::chrono::duration_cast<Duration>(std::chrono::steady_clock::now() - transfer.started);
        }
        if (!result) return finish(transfer, failure(HttpError::resolve, result.error().message));
        if (const auto reason = refused_among(*result, transfer.request.guard))
            return refuse(transfer, *reason);
        // If there are both, the other family is tried 200 ms later; every network has IPv4.
        for (const bool v4 : {true, false}) {
            std::copy_if(result->begin(), result->end(), std::back_inserter(transfer.addresses),
                         [v4](const IpAddress& a) { return a.is_v4() == v4; });
        }
        enqueue(transfer);
    }

    void enqueue(Transfer& transfer) {
        transfer.resolved = true;
        slots_.enqueue(transfer.target.endpoint, transfer.id);
    }

    // Gives curl the transfers that may have a connection now. Not from curl's callbacks.
    void launch() {
        while (const auto id = slots_.next()) {
            Transfer& transfer = *transfers_.at(*id);
            deadlines_.erase({transfer.deadline, transfer.id});
            const std::size_t at = std::hash<std::string>{}(transfer.target.endpoint) % multis_.size();
            if (spare_.empty()) {
                transfer.easy = std::make_unique<EasyHandle>();
            } else {
                transfer.easy = std::move(spare_.back());
                spare_.pop_back();
            }
            transfer.multi = multis_[at].get();
            if (!transfer.prepare(options_, std::chrono::steady_clock::now()) ||
                !transfer.multi->add(transfer.easy->get())) {
                transfer.multi = nullptr;
                finish(transfer, failure(HttpError::bad_url, "the request cannot be made"));
            }
        }
    }

    // Ends transfers that timed out before curl got them.
    void expire(MonoTime now) {
        while (!deadlines_.empty() && deadlines_.begin()->first <= now) {
            Transfer& transfer = *transfers_.at(deadlines_.begin()->second);
            const std::string within = format_duration(transfer.request.timeout);
            finish(transfer,
                   failure(HttpError::timeout, transfer.resolved
                                                   ? fmt::format("no connection was free within {}", within)
                                                   : fmt::format("host {} was not resolved within {}",
                                                                 transfer.target.host, within)));
        }
    }

    void finish(Transfer& transfer, HttpResult result) {
        const auto found = transfers_.find(transfer.id);
        const std::unique_ptr<Transfer> owned = std::move(found->second);
        transfers_.erase(found);
        deadlines_.erase({owned->deadline, owned->id});
        slots_.release(owned->id);
        if (!result.times.dns) result.times.dns = owned->dns;
        if (owned->multi != nullptr) owned->multi->remove(owned->easy->get());
        if (owned->easy && spare_.size() < max_spare_handles) {
            owned->easy->reset();
            spare_.push_back(std::move(owned->easy));
        }
        result.duration =
            std::chrono::duration_cast<Duration>(std::chrono::steady_clock::now() - owned->started);
        call(owned->done, std::move(result));
    }

    static void call(Done& done, HttpResult result) {
        try {
            done(std::move(result));
        } catch (const std::exception& e) {
            log::error("an answer could not be handled", {{"reason", e.what()}});
        }
    }

    const HttpClientOptions options_;
    Poller poller_;
    Mutex mutex_;
    std::deque<Pending> incoming_ GUARDED_BY(mutex_);
    bool woken_ GUARDED_BY(mutex_) = false;
    std::atomic<bool> stopping_ = false;
    // Used by the thread only.
    NameLookup names_;
    ConnectionCount count_;
    HostSlots slots_;
    std::vector<std::unique_ptr<CurlMulti>> multis_;
    std::vector<std::unique_ptr<EasyHandle>> spare_;
    std::unordered_map<std::uint64_t, std::unique_ptr<Transfer>> transfers_;
    std::set<std::pair<MonoTime, std::uint64_t>> deadlines_;  // of transfers that curl does not have yet
    std::uint64_t last_id_ = 0;
    std::thread thread_;
};

}  // namespace

std::string_view to_string(HttpError e) {
    switch (e) {
        case HttpError::none:
            return "none";
        case HttpError::bad_url:
            return "bad_url";
        case HttpError::resolve:
            return "resolve";
        case HttpError::refused_address:
            return "refused_address";
        case HttpError::connect:
            return "connect";
        case HttpError::tls:
            return "tls";
        case HttpError::timeout:
            return "timeout";
        case HttpError::protocol:
            return "protocol";
        case HttpError::cancelled:
            return "cancelled";
    }
    return "unknown";
}

const std::string* HttpResult::header(std::string_view lower_name) const {
    const auto found =
        std::find_if(headers.begin(), headers.end(), [&](const auto& h) { return h.first == lower_name; });
    return found == headers.end() ? nullptr : &found->second;
}

std::unique_ptr<HttpClient> create_http_client(const HttpClientOptions& options) {
    return std::make_unique<CurlHttpClient>(options);
}

}  // namespace pricewire::net
