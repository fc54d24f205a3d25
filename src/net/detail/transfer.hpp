#pragma once

#include <curl/curl.h>

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "net/detail/curl_multi.hpp"
#include "net/detail/dns_cache.hpp"
#include "net/http_client.hpp"

namespace pricewire::net::detail {

struct CurlDelete {
    void operator()(CURLU* url) const { curl_url_cleanup(url); }
    void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};
using CurlUrlPtr = std::unique_ptr<CURLU, CurlDelete>;
using CurlList = std::unique_ptr<curl_slist, CurlDelete>;

// Where a request goes, as libcurl's parser sees it; libcurl is given this parse, so both always agree.
struct Target {
    CurlUrlPtr url;
    std::string host;  // lower case, an IPv6 literal without brackets
    std::string port;
    std::string endpoint;              // scheme, host and port
    std::optional<IpAddress> literal;  // if the host is an address

    // Error: why a request cannot go there.
    static Result<Target> parse(const std::string& url);
};

// A curl easy handle, to be used by one transfer after another. It has a name cache of its own, into which
// each transfer puts the addresses that were judged for it and no others, so that no transfer can meet
// another's.
class EasyHandle {
public:
    EasyHandle();  // throws std::bad_alloc
    ~EasyHandle();
    EasyHandle(const EasyHandle&) = delete;
    EasyHandle& operator=(const EasyHandle&) = delete;
    CURL* get() const { return easy_; }
    // To be called before set options: all as new, apart from the name cache.
    void reset();
    // Resolves `target`'s name to these, in place of any given before.
    bool set_addresses(const Target& target, const Addresses& addresses);

private:
    CURL* easy_ = nullptr;
    CURLSH* share_ = nullptr;
    CurlList resolve_;
    std::string known_;  // "host:port" in the name cache
};

// One request under way and all that curl's callbacks write about it. Used by one thread.
struct Transfer {
    Transfer(std::uint64_t number, HttpRequest r, HttpClient::Done d, MonoTime start)
        : id(number),
          request(std::move(r)),
          done(std::move(d)),
          started(start),
          deadline(start + request.timeout) {}
    Transfer(const Transfer&) = delete;
    Transfer& operator=(const Transfer&) = delete;

    const std::uint64_t id;
    HttpRequest request;
    HttpClient::Done done;
    const MonoTime started;
    MonoTime::duration delayed_before{};  // how long the client's thread had been delayed before it
    MonoTime deadline;                    // moves forward when the answer's headers are in
    Target target;
    bool resolved = false;
    Addresses addresses;  // judged; empty if the host is a literal
    std::optional<Duration> dns;

    // Set while curl has it.
    CurlMulti* multi = nullptr;
    std::unique_ptr<EasyHandle> easy;
    CurlList header_list;
    MonoTime given_at;                     // to curl
    std::optional<MonoTime> connected_at;  // TCP, if TLS follows
    std::array<char, CURL_ERROR_SIZE> error{};
    Headers headers;
    std::size_t header_bytes = 0;
    bool informed = false;                           // by informational answers (1xx)
    std::optional<MonoTime> answered_at;             // the headers of the final answer are in
    std::vector<std::uint64_t>* answered = nullptr;  // where its id is then added
    std::string body;
    bool truncated = false;
    std::function<int(int fd)> on_socket;  // HttpClientOptions::on_socket
    int socket_error = 0;                  // errno if no socket could be opened
    std::string refused;                   // the guard's reason
    std::string protocol;                  // what was wrong with the answer
    std::optional<LocalCause> local;       // what we lacked

    // Makes `easy` ready for `multi`; the ids of those whose headers are in are added to `answers`. False
    // if there is no memory for it.
    bool prepare(const HttpClientOptions& options, std::vector<std::uint64_t>& answers, MonoTime now);
    // After curl has ended it with `code`.
    HttpResult result(CURLcode code);

private:
    HttpTimes times() const;
    bool has_status(CURLcode code) const;
    std::optional<LocalCause> lack(CURLcode code) const;
    long os_error() const;
    std::string words(HttpError kind, CURLcode code) const;
};

// The result of a request that failed for our own lack.
HttpResult local_failure(LocalCause cause) noexcept;

// The guard's reason to refuse one of the addresses; nullopt if all are allowed or there is no guard.
std::optional<std::string> refused_among(const Addresses& addresses, const AddressGuard* guard);

}  // namespace pricewire::net::detail
