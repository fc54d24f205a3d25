#include "net/detail/transfer.hpp"

#include <fmt/format.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <new>
#include <system_error>
#include <tuple>

#include "base/text.hpp"

namespace pricewire::net::detail {
namespace {

// How much of an answer's headers is kept.
constexpr std::size_t max_headers = 100;
constexpr std::size_t max_kept_header_bytes = 16 * 1024;
// An answer with more fails; the headers of informational answers (1xx) before it count, too.
constexpr std::size_t max_header_bytes = 64 * 1024;
constexpr std::size_t max_host = 253;
// Of the judged addresses, those that are tried.
constexpr std::size_t max_tried = 16;

std::optional<std::string> part(CURLU* url, CURLUPart what, unsigned flags = 0) {
    char* text = nullptr;
    if (curl_url_get(url, what, &text, flags) != CURLUE_OK) return std::nullopt;
    std::string out(text);
    curl_free(text);
    return out;
}

// False if there is no memory for it; the list is then unchanged.
bool append(CurlList& list, const std::string& line) {
    curl_slist* const longer = curl_slist_append(list.get(), line.c_str());
    if (longer == nullptr) return false;
    std::ignore = list.release();
    list.reset(longer);
    return true;
}

// Runs a callback's action, whose exceptions must not reach curl: it can only lack memory.
template <typename Outcome, typename Action>
Outcome guarded(Transfer& transfer, Outcome failed, Action&& action) noexcept {
    try {
        return action();
    } catch (...) {
        transfer.local = LocalCause::memory;
        return failed;
    }
}

std::size_t take_body(Transfer& transfer, const char* data, std::size_t size) {
    const std::size_t room = transfer.request.max_response_bytes - transfer.body.size();
    transfer.body.append(data, std::min(room, size));
    transfer.truncated = size > room;
    return transfer.truncated ? 0 : size;  // fewer than offered ends the transfer
}

std::size_t on_body(char* data, std::size_t, std::size_t size, void* user) {
    auto& transfer = *static_cast<Transfer*>(user);
    return guarded(transfer, std::size_t{0}, [&] { return take_body(transfer, data, size); });
}

long status_of(CURL* easy) {
    long status = 0;
    curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
    return status;
}

// 101 was not asked for and ends the exchange.
bool is_final(long status) {
    return status >= 200 || status == 101;
}

void keep_header(Transfer& transfer, std::string_view line) {
    constexpr std::string_view blanks = " \t\r\n";
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos) return;
    std::string name = lower_case(trimmed(line.substr(0, colon), blanks));
    const bool full = transfer.headers.size() >= max_headers || transfer.header_bytes > max_kept_header_bytes;
    // Retry-After decides when to try again, so it is kept in any case.
    if (full && (name != "retry-after" || transfer.headers.size() > max_headers)) return;
    transfer.headers.emplace_back(std::move(name), trimmed(line.substr(colon + 1), blanks));
}

std::size_t take_header(Transfer& transfer, std::string_view line) {
    if (transfer.answered_at) return line.size();  // a trailer
    transfer.header_bytes += line.size();
    if (transfer.header_bytes > max_header_bytes) {
        transfer.protocol =
            transfer.informed ? "too many informational answers (1xx)" : "the answer's headers are too large";
        return 0;
    }
    if (line.starts_with("HTTP/")) {
        transfer.headers.clear();
    } else if (line == "\r\n" || line == "\n") {
        transfer.informed = !is_final(status_of(transfer.easy->get()));
        if (transfer.informed) return line.size();
        transfer.answered->push_back(transfer.id);
        transfer.answered_at = std::chrono::steady_clock::now();
    } else {
        keep_header(transfer, line);
    }
    return line.size();
}

std::size_t on_header(char* data, std::size_t, std::size_t size, void* user) {
    auto& transfer = *static_cast<Transfer*>(user);
    return guarded(transfer, std::size_t{0}, [&] { return take_header(transfer, {data, size}); });
}

bool refuse(Transfer& transfer, const std::optional<IpAddress>& address) {
    if (transfer.request.guard == nullptr) return false;
    const auto reason = address ? transfer.request.guard->refuses(*address) : "an address of an unknown kind";
    if (reason) transfer.refused = *reason;
    return reason.has_value();
}

curl_socket_t open_socket(Transfer& transfer, const curl_sockaddr& address) {
    if (refuse(transfer, IpAddress::from_sockaddr(address.addr))) return CURL_SOCKET_BAD;
    const int fd = socket(address.family, address.socktype | SOCK_CLOEXEC, address.protocol);
    transfer.socket_error = fd < 0 ? errno : 0;
    if (fd >= 0 && transfer.on_socket) transfer.socket_error = transfer.on_socket(fd);
    if (transfer.socket_error == 0) {
        transfer.multi->opened();
        return fd;
    }
    if (fd >= 0) close(fd);
    return CURL_SOCKET_BAD;
}

curl_socket_t on_open_socket(void* user, curlsocktype, curl_sockaddr* address) {
    auto& transfer = *static_cast<Transfer*>(user);
    return guarded(transfer, curl_socket_t{CURL_SOCKET_BAD}, [&] { return open_socket(transfer, *address); });
}

// A reused connection opens no socket; this sees its address as well.
int on_request(void* user, char* ip, char*, int, int) {
    auto& transfer = *static_cast<Transfer*>(user);
    return guarded(transfer, CURL_PREREQFUNC_ABORT, [&] {
        return refuse(transfer, IpAddress::parse(ip)) ? CURL_PREREQFUNC_ABORT : CURL_PREREQFUNC_OK;
    });
}

// curl calls this before it resolves, though it only has the addresses it was given.
int on_resolve(void*, void*, void* user) {
    return static_cast<Transfer*>(user)->target.literal ? 0 : 1;
}

// Called when TCP is connected and TLS begins: curl reports that time only after the handshake, which may
// never end.
CURLcode on_tls(CURL*, void*, void* user) {
    static_cast<Transfer*>(user)->connected_at = std::chrono::steady_clock::now();
    return CURLE_OK;
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
        case CURLE_SSL_INVALIDCERTSTATUS:
            return HttpError::tls;
        default:
            return HttpError::protocol;
    }
}

// Debian's libcurl names a directory of certificates beside the file with the same ones; with the directory
// it reads them again for every connection, with the file alone once a day.
const char* system_ca_file() {
    static const char* const file = [] {
        const char* named = curl_version_info(CURLVERSION_NOW)->cainfo;
        return named != nullptr && access(named, R_OK) == 0 ? named : nullptr;
    }();
    return file;
}

std::optional<Duration> between(curl_off_t from, curl_off_t to) {
    if (to <= 0) return std::nullopt;
    return Duration{std::max<curl_off_t>(0, to - from)};
}

}  // namespace

Result<Target> Target::parse(const std::string& text) {
    Target out;
    out.url.reset(curl_url());
    if (!out.url) throw std::bad_alloc();
    // As it is: what is stored and shown to users is what is requested.
    const CURLUcode code =
        curl_url_set(out.url.get(), CURLUPART_URL, text.c_str(), CURLU_NON_SUPPORT_SCHEME | CURLU_PATH_AS_IS);
    if (code == CURLUE_OUT_OF_MEMORY) throw std::bad_alloc();
    if (code != CURLUE_OK) return fail("the URL is not an absolute one such as https://example.com/hook");
    const std::string scheme = part(out.url.get(), CURLUPART_SCHEME).value_or("");
    if (scheme != "http" && scheme != "https") return fail("only http and https URLs can be requested");
    out.host = lower_case(part(out.url.get(), CURLUPART_HOST).value_or(""));
    out.port = part(out.url.get(), CURLUPART_PORT, CURLU_DEFAULT_PORT).value_or("");
    out.endpoint = scheme + "://" + out.host + ":" + out.port;
    const bool bracketed = out.host.starts_with('[') && out.host.ends_with(']');
    if (bracketed) out.host = out.host.substr(1, out.host.size() - 2);
    out.literal = IpAddress::parse(out.host);
    if (bracketed && (!out.literal || part(out.url.get(), CURLUPART_ZONEID))) {
        return fail("the URL has no IPv6 address that can be used");
    }
    const bool named =
        !out.host.empty() && out.host.size() <= max_host &&
        std::all_of(out.host.begin(), out.host.end(), [](char c) {
            return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_';
        });
    if (!out.literal && !named) return fail("the URL's host is neither a name nor an address");
    return out;
}

EasyHandle::EasyHandle() : easy_(curl_easy_init()), share_(curl_share_init()) {
    if (easy_ != nullptr && share_ != nullptr &&
        curl_share_setopt(share_, CURLSHOPT_SHARE, CURL_LOCK_DATA_DNS) == CURLSHE_OK &&
        curl_easy_setopt(easy_, CURLOPT_SHARE, share_) == CURLE_OK) {
        return;
    }
    curl_easy_cleanup(easy_);
    curl_share_cleanup(share_);
    throw std::bad_alloc();
}

EasyHandle::~EasyHandle() {
    curl_easy_cleanup(easy_);
    curl_share_cleanup(share_);
}

void EasyHandle::reset() {
    curl_easy_reset(easy_);
    resolve_.reset();
}

bool EasyHandle::set_addresses(const Target& target, const Addresses& addresses) {
    const std::string host = target.host + ":" + target.port;
    if (!known_.empty() && known_ != host) {
        if (!append(resolve_, "-" + known_)) return false;
        known_.clear();
    }
    if (!addresses.empty()) {
        std::string line = host + ":";
        for (std::size_t i = 0; i < std::min(addresses.size(), max_tried); ++i) {
            const std::string text = addresses[i].to_string();
            line += (i > 0 ? "," : "") + (addresses[i].is_v4() ? text : "[" + text + "]");
        }
        if (!append(resolve_, line)) return false;
        known_ = host;
    }
    return curl_easy_setopt(easy_, CURLOPT_RESOLVE, resolve_.get()) == CURLE_OK;
}

bool Transfer::prepare(const HttpClientOptions& options, std::vector<std::uint64_t>& answers, MonoTime now) {
    CURL* e = easy->get();
    answered = &answers;
    on_socket = options.on_socket;
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - now).count();
    const auto ms = std::max<long>(1, static_cast<long>(left));
    given_at = now;
    bool ok = easy->set_addresses(target, addresses);
    const auto add = [&](const std::string& line) { ok = append(header_list, line) && ok; };
    for (const auto& [name, value] : request.headers) add(value.empty() ? name + ";" : name + ": " + value);
    // libcurl waits a second for "100 Continue" otherwise.
    add("Expect:");
    const auto set = [&](CURLoption option, auto value) {
        ok = curl_easy_setopt(e, option, value) == CURLE_OK && ok;
    };
    set(CURLOPT_CURLU, target.url.get());
    set(CURLOPT_HTTPHEADER, header_list.get());
    set(CURLOPT_USERAGENT, options.user_agent.c_str());
    if (request.method == "GET") {
        set(CURLOPT_HTTPGET, 1L);
    } else if (request.method == "HEAD") {
        set(CURLOPT_NOBODY, 1L);
    } else {
        set(CURLOPT_POST, 1L);
        set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body.size()));
        set(CURLOPT_POSTFIELDS, request.body.c_str());
        if (request.method != "POST") set(CURLOPT_CUSTOMREQUEST, request.method.c_str());
    }
    // Divided among a host's addresses. The whole is the client's own deadline, which it judges only after it
    // has read what has arrived.
    set(CURLOPT_CONNECTTIMEOUT_MS, ms);
    set(CURLOPT_NOSIGNAL, 1L);
    set(CURLOPT_PROTOCOLS_STR, "http,https");
    set(CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
    set(CURLOPT_HTTP09_ALLOWED, 0L);
    set(CURLOPT_FOLLOWLOCATION, 0L);
    set(CURLOPT_PROXY, "");
    set(CURLOPT_TCP_NODELAY, 1L);
    set(CURLOPT_TCP_KEEPALIVE, 1L);
    // A connection outlives a change of its name's address by at most this, and is judged on each request.
    set(CURLOPT_MAXAGE_CONN, 60L);
    set(CURLOPT_MAXLIFETIME_CONN, 300L);
    // Literals only, which cannot change; the names' entries have no age.
    set(CURLOPT_DNS_CACHE_TIMEOUT, 1L);
    set(CURLOPT_SSL_VERIFYPEER, request.verify_tls ? 1L : 0L);
    set(CURLOPT_SSL_VERIFYHOST, request.verify_tls ? 2L : 0L);
    if (const char* ca = options.ca_file.empty() ? system_ca_file() : options.ca_file.c_str()) {
        set(CURLOPT_CAINFO, ca);
        set(CURLOPT_CAPATH, static_cast<const char*>(nullptr));
    }
    set(CURLOPT_BUFFERSIZE, 16L * 1024);
    set(CURLOPT_ERRORBUFFER, error.data());
    set(CURLOPT_WRITEFUNCTION, &on_body);
    set(CURLOPT_WRITEDATA, static_cast<void*>(this));
    set(CURLOPT_HEADERFUNCTION, &on_header);
    set(CURLOPT_HEADERDATA, static_cast<void*>(this));
    set(CURLOPT_OPENSOCKETFUNCTION, &on_open_socket);
    set(CURLOPT_OPENSOCKETDATA, static_cast<void*>(this));
    set(CURLOPT_PREREQFUNCTION, &on_request);
    set(CURLOPT_PREREQDATA, static_cast<void*>(this));
    set(CURLOPT_SSL_CTX_FUNCTION, &on_tls);
    set(CURLOPT_SSL_CTX_DATA, static_cast<void*>(this));
    set(CURLOPT_RESOLVER_START_FUNCTION, &on_resolve);
    set(CURLOPT_RESOLVER_START_DATA, static_cast<void*>(this));
    set(CURLOPT_PRIVATE, static_cast<void*>(this));
    multi->count_sockets(e);
    return ok;
}

HttpTimes Transfer::times() const {
    curl_off_t name = 0, connect = 0, tls = 0, sent = 0, first = 0;
    long opened = 0;
    CURL* e = easy->get();
    curl_easy_getinfo(e, CURLINFO_NUM_CONNECTS, &opened);
    curl_easy_getinfo(e, CURLINFO_NAMELOOKUP_TIME_T, &name);
    curl_easy_getinfo(e, CURLINFO_CONNECT_TIME_T, &connect);
    curl_easy_getinfo(e, CURLINFO_APPCONNECT_TIME_T, &tls);
    curl_easy_getinfo(e, CURLINFO_PRETRANSFER_TIME_T, &sent);
    curl_easy_getinfo(e, CURLINFO_STARTTRANSFER_TIME_T, &first);
    HttpTimes out{.dns = dns};
    if (opened > 0) {
        out.connect = between(name, connect);
        out.tls = between(connect, tls);
        if (!out.connect && connected_at)
            out.connect = std::chrono::duration_cast<Duration>(*connected_at - given_at);
    }
    // curl sets the first byte's time when it sends a body, too.
    if (header_bytes > 0) out.first_byte = between(sent, first);
    return out;
}

// An invalid length or encoding is found before the headers end, and concerns the body alone.
bool Transfer::has_status(CURLcode code) const {
    const bool concerns_body = code == CURLE_WEIRD_SERVER_REPLY || code == CURLE_BAD_CONTENT_ENCODING;
    return (answered_at || (concerns_body && header_bytes > 0)) && is_final(status_of(easy->get()));
}

HttpResult Transfer::result(CURLcode code) {
    HttpResult out;
    char* ip = nullptr;
    curl_easy_getinfo(easy->get(), CURLINFO_PRIMARY_IP, &ip);
    if (ip != nullptr) out.remote_ip = ip;
    out.truncated = truncated;
    out.times = times();
    const bool whole = code == CURLE_OK || (code == CURLE_WRITE_ERROR && truncated);
    // The status has arrived; a body that does not end is no reason to lose it.
    if (has_status(code) && !local && (whole || request.body_within)) {
        out.status = static_cast<int>(status_of(easy->get()));
        out.headers = std::move(headers);
        out.body = std::move(body);
        if (!whole) {
            out.body_error = code == CURLE_OPERATION_TIMEDOUT ? "it did not end in time"
                                                              : words(HttpError::protocol, code);
        }
        return out;
    }
    if (!refused.empty()) {
        out.error = HttpError::refused_address;
        out.error_text = "the address is not allowed: " + refused;
    } else if (const auto cause = lack(code)) {
        HttpResult ours = local_failure(*cause);
        ours.times = out.times;
        return ours;
    } else if (!protocol.empty()) {
        out.error = HttpError::protocol;
        out.error_text = protocol;
    } else {
        out.error = kind_of(code);
        // Curl gives the same code if the answer is not HTTP/1.1.
        if (out.error == HttpError::bad_url && !out.remote_ip.empty()) out.error = HttpError::protocol;
        out.error_text = words(out.error, code);
    }
    return out;
}

long Transfer::os_error() const {
    long number = socket_error;
    if (number == 0) curl_easy_getinfo(easy->get(), CURLINFO_OS_ERRNO, &number);
    return number;
}

// The table of curl's codes that may be ours: docs/operations.md has the same for operators.
std::optional<LocalCause> Transfer::lack(CURLcode code) const {
    if (local) return local;
    long sent = 0;
    switch (code) {
        case CURLE_COULDNT_CONNECT: {
            const Addresses only = target.literal ? Addresses{*target.literal} : addresses;
            return local_connect_cause(static_cast<int>(os_error()), only);
        }
        case CURLE_SSL_CACERT_BADFILE:
            return exhausted().value_or(LocalCause::certificates);
        case CURLE_OUT_OF_MEMORY:
            // Its buffers have limits of their own, and an answer that exceeds one ends so as well.
            curl_easy_getinfo(easy->get(), CURLINFO_REQUEST_SIZE, &sent);
            return sent > 0 ? exhausted() : exhausted().value_or(LocalCause::memory);
        case CURLE_FAILED_INIT:
            return exhausted().value_or(LocalCause::memory);
        case CURLE_SEND_ERROR:
        case CURLE_RECV_ERROR:
            return local_cause(static_cast<int>(os_error()));
        case CURLE_SSL_CONNECT_ERROR:
            return exhausted();
        default:
            return std::nullopt;
    }
}

std::string Transfer::words(HttpError kind, CURLcode code) const {
    if (kind == HttpError::timeout)
        return fmt::format("no answer within {}", format_duration(request.timeout));
    if (kind == HttpError::connect) {
        if (const long number = os_error(); number != 0) {
            return fmt::format("could not connect to {} port {}: {}", target.host, target.port,
                               std::generic_category().message(static_cast<int>(number)));
        }
    }
    // Curl calls a buffer that may not grow further a lack of memory.
    if (code == CURLE_OUT_OF_MEMORY || std::string_view(error.data()).starts_with("Out of memory"))
        return answered_at ? "the answer's trailers are too large" : "the answer's headers are too large";
    if (code == CURLE_UNSUPPORTED_PROTOCOL && kind == HttpError::protocol)
        return "the answer is not HTTP/1.1";
    // The answer began, and is none that can be understood.
    if (code == CURLE_OK) return "the answer has no valid status";
    return error[0] != '\0' ? error.data() : curl_easy_strerror(code);
}

HttpResult local_failure(LocalCause cause) noexcept {
    HttpResult out;
    out.error = HttpError::local;
    out.local = cause;
    try {
        out.error_text = fmt::format("Pricewire itself could not send: {}", row_of(cause).words);
    } catch (const std::bad_alloc&) {
        // The cause is enough.
    }
    return out;
}

std::optional<std::string> refused_among(const Addresses& addresses, const AddressGuard* guard) {
    if (guard == nullptr) return std::nullopt;
    for (const IpAddress& address : addresses) {
        if (auto reason = guard->refuses(address)) return reason;
    }
    return std::nullopt;
}

}  // namespace pricewire::net::detail
