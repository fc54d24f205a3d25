#include "net/http_client.hpp"

#include <curl/curl.h>
#include <fmt/format.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <deque>
#include <mutex>
#include <stdexcept>
#include <thread>
#include <unordered_set>

#include "base/log.hpp"

namespace pricewire::net {
namespace {

constexpr std::size_t max_headers = 100;
constexpr std::size_t max_header_bytes = 16 * 1024;
// Informational answers (1xx) before the real one; more is a flood.
constexpr int max_informational = 8;
constexpr std::size_t max_idle_handles = 512;

struct Pending {
    HttpRequest request;
    HttpClient::Done done;
    MonoTime started;
};

// One request under way. Its callbacks run on the client's thread.
struct Transfer {
    explicit Transfer(Pending p)
        : request(std::move(p.request)), done(std::move(p.done)), started(p.started) {}
    ~Transfer() { curl_slist_free_all(header_list); }
    Transfer(const Transfer&) = delete;
    Transfer& operator=(const Transfer&) = delete;

    HttpRequest request;
    HttpClient::Done done;
    MonoTime started;
    CURL* easy = nullptr;
    curl_slist* header_list = nullptr;
    std::array<char, CURL_ERROR_SIZE> error{};
    Headers headers;
    std::size_t header_bytes = 0;
    int informational = 0;
    std::string body;
    bool truncated = false;
    std::string refused;   // the guard's reason
    std::string protocol;  // what was wrong with the answer
};

std::string lower(std::string_view text) {
    std::string out(text);
    std::transform(out.begin(), out.end(), out.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return out;
}

std::string_view trim(std::string_view text) {
    const auto begin = text.find_first_not_of(" \t\r\n");
    if (begin == std::string_view::npos) return {};
    return text.substr(begin, text.find_last_not_of(" \t\r\n") - begin + 1);
}

std::size_t on_body(char* data, std::size_t, std::size_t size, void* user) {
    auto& transfer = *static_cast<Transfer*>(user);
    const std::size_t room = transfer.request.max_response_bytes - transfer.body.size();
    transfer.body.append(data, std::min(room, size));
    transfer.truncated = size > room;
    return transfer.truncated ? 0 : size;  // fewer than offered ends the transfer
}

std::size_t on_header(char* data, std::size_t, std::size_t size, void* user) {
    auto& transfer = *static_cast<Transfer*>(user);
    const std::string_view line(data, size);
    transfer.header_bytes += size;
    if (transfer.header_bytes > max_header_bytes || transfer.headers.size() >= max_headers) {
        transfer.protocol = "the answer's headers are too large";
        return 0;
    }
    if (line.starts_with("HTTP/")) {
        transfer.headers.clear();
        if (++transfer.informational > max_informational) {
            transfer.protocol = "too many informational answers (1xx)";
            return 0;
        }
        return size;
    }
    const std::size_t colon = line.find(':');
    if (colon != std::string_view::npos) {
        transfer.headers.emplace_back(lower(trim(line.substr(0, colon))), trim(line.substr(colon + 1)));
    }
    return size;
}

bool refuse(Transfer& transfer, const std::optional<IpAddress>& address) {
    if (transfer.request.guard == nullptr) return false;
    const auto reason = address ? transfer.request.guard->refuses(*address) : "an address of an unknown kind";
    if (reason) transfer.refused = *reason;
    return reason.has_value();
}

curl_socket_t on_open_socket(void* user, curlsocktype, curl_sockaddr* address) {
    auto& transfer = *static_cast<Transfer*>(user);
    if (refuse(transfer, IpAddress::from_sockaddr(address->addr))) return CURL_SOCKET_BAD;
    return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

// A reused connection opens no socket; this sees its address as well.
int on_request(void* user, char* ip, char*, int, int) {
    auto& transfer = *static_cast<Transfer*>(user);
    return refuse(transfer, IpAddress::parse(ip)) ? CURL_PREREQFUNC_ABORT : CURL_PREREQFUNC_OK;
}

HttpError kind_of(CURLcode code) {
    switch (code) {
        case CURLE_URL_MALFORMAT:
        case CURLE_UNSUPPORTED_PROTOCOL:
            return HttpError::bad_url;
        case CURLE_COULDNT_RESOLVE_HOST:
            return HttpError::resolve;
        case CURLE_COULDNT_CONNECT:
            return HttpError::connect;
        case CURLE_OPERATION_TIMEDOUT:
            return HttpError::timeout;
        case CURLE_SSL_CONNECT_ERROR:
        case CURLE_PEER_FAILED_VERIFICATION:
        case CURLE_SSL_CERTPROBLEM:
        case CURLE_SSL_CIPHER:
        case CURLE_SSL_CACERT_BADFILE:
        case CURLE_SSL_ISSUER_ERROR:
            return HttpError::tls;
        default:
            return HttpError::protocol;
    }
}

class CurlHttpClient final : public HttpClient {
public:
    explicit CurlHttpClient(const HttpClientOptions& options) : options_(options) {
        static const CURLcode global = curl_global_init(CURL_GLOBAL_DEFAULT);
        multi_ = curl_multi_init();
        if (global != CURLE_OK || multi_ == nullptr) throw std::runtime_error("libcurl does not start");
        curl_multi_setopt(multi_, CURLMOPT_MAX_TOTAL_CONNECTIONS,
                          static_cast<long>(options_.max_connections));
        curl_multi_setopt(multi_, CURLMOPT_MAX_HOST_CONNECTIONS,
                          static_cast<long>(options_.max_connections_per_host));
        curl_multi_setopt(multi_, CURLMOPT_MAXCONNECTS,
                          static_cast<long>(std::min<std::size_t>(options_.max_connections, 256)));
        curl_multi_setopt(multi_, CURLMOPT_PIPELINING, CURLPIPE_NOTHING);
        thread_ = std::thread([this] { run(); });
    }

    ~CurlHttpClient() override {
        stopping_ = true;
        curl_multi_wakeup(multi_);
        thread_.join();
        for (CURL* easy : idle_) curl_easy_cleanup(easy);
        curl_multi_cleanup(multi_);
    }

    void start(HttpRequest request, Done done) override {
        {
            std::lock_guard lock(mutex_);
            incoming_.push_back({std::move(request), std::move(done), std::chrono::steady_clock::now()});
            if (std::exchange(woken_, true)) return;
        }
        curl_multi_wakeup(multi_);
    }

private:
    void run() {
        std::deque<Pending> taken;
        while (true) {
            {
                std::lock_guard lock(mutex_);
                taken.swap(incoming_);
                woken_ = false;
            }
            if (stopping_) break;
            for (Pending& pending : taken) begin(std::move(pending));
            taken.clear();
            int running = 0;
            check(curl_multi_perform(multi_, &running));
            collect();
            {
                std::lock_guard lock(mutex_);
                if (!incoming_.empty()) continue;
            }
            check(curl_multi_poll(multi_, nullptr, 0, 1000, nullptr));
        }
        for (Pending& pending : taken) {
            HttpResult result;
            result.error = HttpError::cancelled;
            result.error_text = "the client was stopped";
            call(pending.done, std::move(result));
        }
        while (!active_.empty()) {
            Transfer* transfer = *active_.begin();
            HttpResult result;
            result.error = HttpError::cancelled;
            result.error_text = "the client was stopped";
            end(transfer, std::move(result));
        }
    }

    void check(CURLMcode code) {
        if (code != CURLM_OK)
            log::error("outgoing HTTP is in trouble", {{"reason", curl_multi_strerror(code)}});
    }

    void begin(Pending pending) {
        auto* transfer = new Transfer(std::move(pending));
        active_.insert(transfer);
        CURL* easy = nullptr;
        if (!idle_.empty()) {
            easy = idle_.back();
            idle_.pop_back();
        } else {
            easy = curl_easy_init();
        }
        transfer->easy = easy;
        if (easy == nullptr || !set_options(*transfer)) {
            HttpResult result;
            result.error = HttpError::bad_url;
            result.error_text = "the request cannot be made";
            end(transfer, std::move(result));
            return;
        }
        check(curl_multi_add_handle(multi_, easy));
    }

    bool set_options(Transfer& t) {
        CURL* e = t.easy;
        const HttpRequest& r = t.request;
        const auto left =
            r.timeout - std::chrono::duration_cast<Duration>(std::chrono::steady_clock::now() - t.started);
        const auto ms =
            std::max<long>(1, static_cast<long>(std::chrono::ceil<std::chrono::milliseconds>(left).count()));
        for (const auto& [name, value] : r.headers) {
            const std::string line = value.empty() ? name + ";" : name + ": " + value;
            t.header_list = curl_slist_append(t.header_list, line.c_str());
        }
        // libcurl waits a second for "100 Continue" otherwise.
        t.header_list = curl_slist_append(t.header_list, "Expect:");
        bool ok = true;
        const auto set = [&](CURLoption option, auto value) {
            ok = curl_easy_setopt(e, option, value) == CURLE_OK && ok;
        };
        set(CURLOPT_URL, r.url.c_str());
        set(CURLOPT_HTTPHEADER, t.header_list);
        set(CURLOPT_USERAGENT, options_.user_agent.c_str());
        if (r.method == "GET") {
            set(CURLOPT_HTTPGET, 1L);
        } else if (r.method == "HEAD") {
            set(CURLOPT_NOBODY, 1L);
        } else {
            set(CURLOPT_POST, 1L);
            set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(r.body.size()));
            set(CURLOPT_POSTFIELDS, r.body.c_str());
            if (r.method != "POST") set(CURLOPT_CUSTOMREQUEST, r.method.c_str());
        }
        set(CURLOPT_TIMEOUT_MS, ms);
        set(CURLOPT_CONNECTTIMEOUT_MS, ms);
        set(CURLOPT_NOSIGNAL, 1L);
        set(CURLOPT_PROTOCOLS_STR, "http,https");
        set(CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
        set(CURLOPT_HTTP09_ALLOWED, 0L);
        set(CURLOPT_FOLLOWLOCATION, 0L);
        set(CURLOPT_PROXY, "");
        set(CURLOPT_TCP_NODELAY, 1L);
        set(CURLOPT_TCP_KEEPALIVE, 1L);
        set(CURLOPT_MAXAGE_CONN, 60L);
        set(CURLOPT_DNS_CACHE_TIMEOUT, 30L);
        set(CURLOPT_SSL_VERIFYPEER, r.verify_tls ? 1L : 0L);
        set(CURLOPT_SSL_VERIFYHOST, r.verify_tls ? 2L : 0L);
        set(CURLOPT_BUFFERSIZE, 16L * 1024);
        set(CURLOPT_ERRORBUFFER, t.error.data());
        set(CURLOPT_WRITEFUNCTION, &on_body);
        set(CURLOPT_WRITEDATA, static_cast<void*>(&t));
        set(CURLOPT_HEADERFUNCTION, &on_header);
        set(CURLOPT_HEADERDATA, static_cast<void*>(&t));
        set(CURLOPT_OPENSOCKETFUNCTION, &on_open_socket);
        set(CURLOPT_OPENSOCKETDATA, static_cast<void*>(&t));
        set(CURLOPT_PREREQFUNCTION, &on_request);
        set(CURLOPT_PREREQDATA, static_cast<void*>(&t));
        set(CURLOPT_PRIVATE, static_cast<void*>(&t));
        return ok;
    }

    void collect() {
        int left = 0;
        while (CURLMsg* message = curl_multi_info_read(multi_, &left)) {
            if (message->msg != CURLMSG_DONE) continue;
            const CURLcode code = message->data.result;
            void* user = nullptr;
            curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &user);
            auto* transfer = static_cast<Transfer*>(user);
            end(transfer, result_of(*transfer, code));
        }
    }

    static HttpResult result_of(Transfer& t, CURLcode code) {
        HttpResult result;
        long status = 0;
        char* ip = nullptr;
        curl_easy_getinfo(t.easy, CURLINFO_RESPONSE_CODE, &status);
        curl_easy_getinfo(t.easy, CURLINFO_PRIMARY_IP, &ip);
        if (ip != nullptr) result.remote_ip = ip;
        result.truncated = t.truncated;
        // The body's end does not matter where we stopped reading: the status has come, and it is what
        // counts.
        if ((code == CURLE_OK || (code == CURLE_WRITE_ERROR && t.truncated)) && status >= 200) {
            result.status = static_cast<int>(status);
            result.headers = std::move(t.headers);
            result.body = std::move(t.body);
            return result;
        }
        if (!t.refused.empty()) {
            result.error = HttpError::refused_address;
            result.error_text = "the address is not allowed: " + t.refused;
        } else if (!t.protocol.empty()) {
            result.error = HttpError::protocol;
            result.error_text = t.protocol;
        } else {
            result.error = kind_of(code);
            result.error_text = t.error[0] != '\0' ? t.error.data() : curl_easy_strerror(code);
            if (result.error == HttpError::timeout) {
                result.error_text = fmt::format("no answer within {}", format_duration(t.request.timeout));
            }
        }
        return result;
    }

    void end(Transfer* transfer, HttpResult result) {
        const std::unique_ptr<Transfer> owned(transfer);
        active_.erase(transfer);
        result.duration =
            std::chrono::duration_cast<Duration>(std::chrono::steady_clock::now() - transfer->started);
        if (transfer->easy != nullptr) {
            curl_multi_remove_handle(multi_, transfer->easy);
            curl_easy_reset(transfer->easy);
            if (idle_.size() < max_idle_handles) {
                idle_.push_back(transfer->easy);
            } else {
                curl_easy_cleanup(transfer->easy);
            }
        }
        call(transfer->done, std::move(result));
    }

    static void call(Done& done, HttpResult result) {
        try {
            done(std::move(result));
        } catch (const std::exception& e) {
            log::error("an answer could not be handled", {{"reason", e.what()}});
        }
    }

    const HttpClientOptions options_;
    CURLM* multi_ = nullptr;
    std::mutex mutex_;
    std::deque<Pending> incoming_;  // under mutex_, as is woken_
    bool woken_ = false;
    std::atomic<bool> stopping_ = false;
    std::unordered_set<Transfer*> active_;  // the thread's own, as is idle_
    std::vector<CURL*> idle_;
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
