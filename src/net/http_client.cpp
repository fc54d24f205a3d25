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
#include "net/local_failures.hpp"

namespace pricewire::net {
namespace {

using namespace detail;

// libcurl 7.88 walks all connections of a multi handle when a transfer ends that keeps its own, and once a
// second when one starts; so hosts are spread over several, and hanging ones are walked by few.
constexpr std::size_t most_multis = 32;
constexpr std::size_t max_spare_handles = 512;
// There is one multi handle for this many connections, since each holds two descriptors.
constexpr std::size_t connections_per_multi = 64;
// A delay of the thread that counts: what timed out meanwhile may have been in time.
constexpr Duration noticed_delay = std::chrono::milliseconds{50};
constexpr Duration pause_after_error = std::chrono::milliseconds{100};
// How many times events are read before deadlines are judged.
constexpr int most_waits = 64;

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

// nullptr for a handle of curl's own, with which it closes connections.
Transfer* transfer_of(CURL* easy) {
    void* user = nullptr;
    curl_easy_getinfo(easy, CURLINFO_PRIVATE, &user);
    return static_cast<Transfer*>(user);
}

class CurlHttpClient final : public HttpClient {
public:
    explicit CurlHttpClient(const HttpClientOptions& options)
        : options_(options),
          // A request has one look-up, which may outlive it: so nobody waits behind another's slow names.
          names_(poller_, {.servers = options_.dns_servers, .max_parallel = 2 * options_.max_connections}),
          count_{.max_idle = options_.max_idle_connections},
          slots_(options_.max_connections, options_.max_connections_per_host) {
        const std::size_t count =
            std::clamp<std::size_t>(options.max_connections / connections_per_multi, 1, most_multis);
        for (std::size_t i = 0; i < count; ++i)
            multis_.push_back(std::make_unique<CurlMulti>(poller_, count_));
        spare_.reserve(max_spare_handles);
        thread_ = std::thread([this] { run(); });
    }

    ~CurlHttpClient() override {
        {
            MutexLock lock(mutex_);
            stopping_ = true;
        }
        poller_.wake();
        thread_.join();
    }

    std::size_t max_connections() const override { return options_.max_connections; }

    void start(HttpRequest request, Done done) override {
        ++not_begun_;
        {
            MutexLock lock(mutex_);
            incoming_.push_back({std::move(request), std::move(done), std::chrono::steady_clock::now()});
            if (std::exchange(woken_, true)) return;
        }
        poller_.wake();
    }

    std::size_t not_begun() const override { return not_begun_; }

private:
    void run() {
        // OpenSSL writes without MSG_NOSIGNAL, and receivers may have closed the connection.
        sigset_t broken_pipe;
        sigemptyset(&broken_pipe);
        sigaddset(&broken_pipe, SIGPIPE);
        pthread_sigmask(SIG_BLOCK, &broken_pipe, nullptr);
        std::deque<Pending> taken;
        while (true) {
            bool is_last = false;
            {
                // Read together, so that requests started before the stop are taken and not left behind.
                MutexLock lock(mutex_);
                taken.swap(incoming_);
                woken_ = false;
                is_last = stopping_;
            }
            if (is_last) break;
            for (Pending& pending : taken) try_to_begin(pending);
            not_begun_ -= taken.size();
            taken.clear();
            try {
                launch();
                turn();
                failing_ = false;
            } catch (const std::exception& e) {
                // No request is lost: those under way have their deadlines.
                local_failures().failed(LocalCause::memory);
                if (!std::exchange(failing_, true))
                    log::error("outgoing requests met an unexpected error; they continue",
                               {{"reason", e.what()}});
                std::this_thread::sleep_for(pause_after_error);
            }
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
        const MonoTime asked = std::chrono::steady_clock::now();
        note_delay(asked - woken_at_);
        bool more = poller_.wait(until);
        for (int i = 1; more && i < most_waits; ++i) more = poller_.wait(MonoTime::min());
        woken_at_ = std::chrono::steady_clock::now();
        note_delay(woken_at_ - std::max(asked, until));
        names_.run_due(woken_at_);
        for (const auto& multi : multis_) {
            multi->run_due(woken_at_);
            multi->collect([this](CURL* easy, CURLcode code) {
                if (Transfer* transfer = transfer_of(easy)) finish(*transfer, transfer->result(code));
            });
        }
        follow_answers();
        // What had arrived by then has been read: only now is a deadline a time-out.
        expire(asked);
        local_failures().tick(woken_at_);
    }

    void note_delay(MonoTime::duration delay) {
        if (delay > noticed_delay) delayed_ += delay;
    }

    // The body of an answer is waited for as long as the request says.
    void follow_answers() {
        for (const std::uint64_t id : answers_) {
            const auto found = transfers_.find(id);
            if (found == transfers_.end() || !found->second->request.body_within) continue;
            Transfer& transfer = *found->second;
            deadlines_.erase({transfer.deadline, id});
            transfer.deadline =
                std::min(transfer.deadline, *transfer.answered_at + *transfer.request.body_within);
            deadlines_.emplace(transfer.deadline, id);
        }
        answers_.clear();
    }

    void try_to_begin(Pending& pending) {
        const std::uint64_t id = last_id_ + 1;
        try {
            begin(pending);
        } catch (const std::bad_alloc&) {
            const auto found = transfers_.find(id);
            if (found != transfers_.end()) return finish(*found->second, local_failure(LocalCause::memory));
            local_failures().failed(LocalCause::memory);
            call(pending.done, local_failure(LocalCause::memory));
        }
    }

    void begin(Pending& pending) {
        const std::uint64_t id = ++last_id_;
        // `pending` keeps the request until there is memory for all of it.
        auto place = transfers_.emplace(id, nullptr).first;
        try {
            place->second = std::make_unique<Transfer>(id, std::move(pending.request),
                                                       std::move(pending.done), pending.started);
        } catch (...) {
            transfers_.erase(place);
            throw;
        }
        Transfer& transfer = *place->second;
        transfer.delayed_before = delayed_ - (std::chrono::steady_clock::now() - pending.started);
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
        names_.look_up(transfer.target.host, std::chrono::steady_clock::now(), transfer.deadline,
                       [this, id](const LookupResult& result, bool asked) { resolved(id, result, asked); });
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

    void resolved(std::uint64_t id, const LookupResult& result, bool asked) {
        const auto found = transfers_.find(id);
        if (found == transfers_.end()) return;  // it had timed out
        Transfer& transfer = *found->second;
        try {
            take_addresses(transfer, result, asked);
        } catch (const std::bad_alloc&) {
            if (transfers_.contains(id)) finish(transfer, local_failure(LocalCause::memory));
        }
    }

    void take_addresses(Transfer& transfer, const LookupResult& result, bool asked) {
        if (asked) {
            transfer.dns =
                std::chrono::duration_cast<Duration>(std::chrono::steady_clock::now() - transfer.started);
        }
        if (!result) {
            const LookupError& why = result.error();
            return finish(transfer,
                          why.local ? local_failure(*why.local) : failure(HttpError::resolve, why.message));
        }
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
            try {
                if (give_to_curl(transfer)) continue;
            } catch (const std::bad_alloc&) {
                // Ends like a failure to start.
            }
            transfer.multi = nullptr;
            finish(transfer, local_failure(LocalCause::memory));
        }
    }

    bool give_to_curl(Transfer& transfer) {
        if (spare_.empty()) {
            transfer.easy = std::make_unique<EasyHandle>();
        } else {
            transfer.easy = std::move(spare_.back());
            spare_.pop_back();
        }
        const std::size_t at = std::hash<std::string>{}(transfer.target.endpoint) % multis_.size();
        transfer.multi = multis_[at].get();
        return transfer.prepare(options_, answers_, std::chrono::steady_clock::now()) &&
               transfer.multi->add(transfer.easy->get());
    }

    void expire(MonoTime now) {
        while (!deadlines_.empty() && deadlines_.begin()->first <= now) {
            Transfer& transfer = *transfers_.at(deadlines_.begin()->second);
            finish(transfer, timed_out(transfer));
        }
    }

    HttpResult timed_out(Transfer& transfer) {
        if (transfer.multi != nullptr) return transfer.result(CURLE_OPERATION_TIMEDOUT);
        if (transfer.resolved) return local_failure(LocalCause::connections);
        if (const auto cause = names_.lack(transfer.target.host)) return local_failure(*cause);
        return failure(HttpError::timeout,
                       fmt::format("host {} was not resolved within {}", transfer.target.host,
                                   format_duration(transfer.request.timeout)));
    }

    // Whether this thread did not run for a good part of a request's time: the receiver may have been in
    // time.
    bool was_delayed(const Transfer& transfer) const {
        return delayed_ - transfer.delayed_before >= transfer.request.timeout / 4;
    }

    void finish(Transfer& transfer, HttpResult result) {
        const auto found = transfers_.find(transfer.id);
        const std::unique_ptr<Transfer> owned = std::move(found->second);
        transfers_.erase(found);
        if (result.error == HttpError::timeout && was_delayed(*owned)) {
            HttpResult ours = local_failure(LocalCause::processor);
            ours.times = result.times;
            ours.remote_ip = std::move(result.remote_ip);
            result = std::move(ours);
        }
        if (result.local) local_failures().failed(*result.local);
        deadlines_.erase({owned->deadline, owned->id});
        slots_.release(owned->id);
        if (!result.times.dns) result.times.dns = owned->dns;
        if (owned->multi != nullptr) owned->multi->remove(owned->easy->get());
        if (owned->easy && spare_.size() < spare_.capacity()) {
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
    bool stopping_ GUARDED_BY(mutex_) = false;
    std::atomic<std::size_t> not_begun_ = 0;
    // Used by the thread only.
    NameLookup names_;
    ConnectionCount count_;
    HostSlots slots_;
    std::vector<std::unique_ptr<CurlMulti>> multis_;
    std::vector<std::unique_ptr<EasyHandle>> spare_;
    std::unordered_map<std::uint64_t, std::unique_ptr<Transfer>> transfers_;
    std::set<std::pair<MonoTime, std::uint64_t>> deadlines_;
    std::vector<std::uint64_t> answers_;  // of transfers whose headers have just come in
    MonoTime woken_at_ = std::chrono::steady_clock::now();
    MonoTime::duration delayed_{};  // how long the thread did not run when it should have, in all
    bool failing_ = false;
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
        case HttpError::local:
            return "local";
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
