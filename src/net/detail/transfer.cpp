#include "net/detail/transfer.hpp"

#include <fmt/format.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <new>
#include <system_error>

#include "base/text.hpp"

namespace pricewire::net::detail {
namespace {

constexpr std::size_t max_headers = 100;
constexpr std::size_t max_header_bytes = 16 * 1024;
// At most this many informational answers (1xx) before the real one.
constexpr int max_informational = 8;
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
    constexpr std::string_view blanks = " \t\r\n";
    const std::size_t colon = line.find(':');
    if (colon != std::string_view::npos) {
        transfer.headers.emplace_back(lower_case(trimmed(line.substr(0, colon), blanks)),
                                      trimmed(line.substr(colon + 1), blanks));
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
    const int fd = socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
    if (fd < 0) {
        transfer.socket_error = errno;
        return CURL_SOCKET_BAD;
    }
    transfer.multi->opened();
    return fd;
}

// A reused connection opens no socket; this sees its address as well.
int on_request(void* user, char* ip, char*, int, int) {
    auto& transfer = *static_cast<Transfer*>(user);
    return refuse(transfer, IpAddress::parse(ip)) ? CURL_PREREQFUNC_ABORT : CURL_PREREQFUNC_OK;
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
    if (curl_url_set(out.url.get(), CURLUPART_URL, text.c_str(), CURLU_NON_SUPPORT_SCHEME) != CURLUE_OK) {
        return fail("the URL is not an absolute one such as https://example.com/hook");
    }
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
        resolve_.reset(curl_slist_append(resolve_.release(), ("-" + known_).c_str()));
        known_.clear();
    }
    if (!addresses.empty()) {
        std::string line = host + ":";
        for (std::size_t i = 0; i < std::min(addresses.size(), max_tried); ++i) {
            const std::string text = addresses[i].to_string();
            line += (i > 0 ? "," : "") + (addresses[i].is_v4() ? text : "[" + text + "]");
        }
        resolve_.reset(curl_slist_append(resolve_.release(), line.c_str()));
        known_ = host;
    }
    return curl_easy_setopt(easy_, CURLOPT_RESOLVE, resolve_.get()) == CURLE_OK;
}

bool Transfer::prepare(const HttpClientOptions& options, MonoTime now) {
    CURL* e = easy->get();
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - now).count();
    const auto ms = std::max<long>(1, static_cast<long>(left));
    given_at = now;
    const auto add = [this](const std::string& line) {
        header_list.reset(curl_slist_append(header_list.release(), line.c_str()));
    };
    for (const auto& [name, value] : request.headers) add(value.empty() ? name + ";" : name + ": " + value);
    // libcurl waits a second for "100 Continue" otherwise.
    add("Expect:");
    bool ok = easy->set_addresses(target, addresses);
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

HttpResult Transfer::result(CURLcode code) {
    HttpResult out;
    long status = 0;
    char* ip = nullptr;
    curl_easy_getinfo(easy->get(), CURLINFO_RESPONSE_CODE, &status);
    curl_easy_getinfo(easy->get(), CURLINFO_PRIMARY_IP, &ip);
    if (ip != nullptr) out.remote_ip = ip;
    out.truncated = truncated;
    out.times = times();
    // If we stopped reading, the body's end does not matter: the status has arrived.
    if ((code == CURLE_OK || (code == CURLE_WRITE_ERROR && truncated)) && status >= 200) {
        out.status = static_cast<int>(status);
        out.headers = std::move(headers);
        out.body = std::move(body);
        return out;
    }
    if (!refused.empty()) {
        out.error = HttpError::refused_address;
        out.error_text = "the address is not allowed: " + refused;
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

std::string Transfer::words(HttpError kind, CURLcode code) const {
    if (kind == HttpError::timeout)
        return fmt::format("no answer within {}", format_duration(request.timeout));
    if (kind == HttpError::connect) {
        long number = socket_error;
        if (number == 0) curl_easy_getinfo(easy->get(), CURLINFO_OS_ERRNO, &number);
        if (number != 0) {
            return fmt::format("could not connect to {} port {}: {}", target.host, target.port,
                               std::generic_category().message(static_cast<int>(number)));
        }
    }
    return error[0] != '\0' ? error.data() : curl_easy_strerror(code);
}

std::optional<std::string> refused_among(const Addresses& addresses, const AddressGuard* guard) {
    if (guard == nullptr) return std::nullopt;
    for (const IpAddress& address : addresses) {
        if (auto reason = guard->refuses(address)) return reason;
    }
    return std::nullopt;
}

}  // namespace pricewire::net::detail
