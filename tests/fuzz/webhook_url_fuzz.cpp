#include <arpa/inet.h>
#include <curl/curl.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "net/webhook_url.hpp"

// Arbitrary bytes as a webhook's URL: an accepted URL passes the guard, is in canonical form, and means the
// same to libcurl.
namespace {

using namespace pricewire::net;

void require(bool holds) {
    if (!holds) std::abort();
}

// `text` as libcurl parses it when it is a request's URL; a part that is absent is empty.
class AsCurlReadsIt {
public:
    explicit AsCurlReadsIt(const std::string& text) : handle_(curl_url()) {
        require(handle_ != nullptr);
        require(curl_url_set(handle_, CURLUPART_URL, text.c_str(), CURLU_GUESS_SCHEME) == CURLUE_OK);
    }
    ~AsCurlReadsIt() { curl_url_cleanup(handle_); }
    AsCurlReadsIt(const AsCurlReadsIt&) = delete;
    AsCurlReadsIt& operator=(const AsCurlReadsIt&) = delete;

    std::string part(CURLUPart what) const {
        char* text = nullptr;
        if (curl_url_get(handle_, what, &text, CURLU_DEFAULT_PORT) != CURLUE_OK) return {};
        std::string out(text);
        curl_free(text);
        return out;
    }

private:
    CURLU* handle_;
};

void check(const WebhookUrl& url, const UrlPolicy& policy) {
    require(url.scheme == "https" || (url.scheme == "http" && policy.allow_http));
    require(std::any_of(policy.allow_ports.begin(), policy.allow_ports.end(), [&](const auto& range) {
        return range.first <= url.port && url.port <= range.second;
    }));
    require(!url.host.empty() && url.host.size() <= 253 && url.url.size() <= 2048);
    for (const char c : url.url) require(c > 0x20 && c < 0x7f && c != '\\' && c != '#');
    const auto address = IpAddress::parse(url.host);
    require(!address || !policy.guard.refuses(*address));
    // No resolver may take a name for a numeric address.
    in_addr four{};
    require(address || inet_aton(url.host.c_str(), &four) == 0);

    const auto again = parse_webhook_url(url.url, policy);
    require(again && again->url == url.url && again->scheme == url.scheme && again->host == url.host &&
            again->port == url.port);

    const AsCurlReadsIt curl(url.url);
    const bool is_v6 = address && !address->is_v4();
    require(curl.part(CURLUPART_SCHEME) == url.scheme);
    require(curl.part(CURLUPART_HOST) == (is_v6 ? "[" + url.host + "]" : url.host));
    require(curl.part(CURLUPART_PORT) == std::to_string(url.port));
    for (const CURLUPart absent : {CURLUPART_USER, CURLUPART_PASSWORD, CURLUPART_FRAGMENT, CURLUPART_ZONEID})
        require(curl.part(absent).empty());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    static const UrlPolicy strict;
    static const UrlPolicy lax{.allow_http = true, .allow_ports = {{1, 65535}}, .guard = AddressGuard()};
    for (const UrlPolicy* policy : {&strict, &lax}) {
        const auto url = parse_webhook_url(text, *policy);
        if (url) {
            check(*url, *policy);
        } else {
            require(!url.error().message.empty());
        }
    }
    return 0;
}
