#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace pricewire::net {

// The names that a server goes by. A web page can point a name of its own at any address and have its
// visitors' browsers send requests there ("DNS rebinding"); such a request still carries the page's name as
// its Host.
class AllowedHosts {
public:
    // "example.com", "*.example.com" (names below it) or "*" (any), in any case. Address literals, localhost
    // and names below it are always allowed: no page can have them.
    explicit AllowedHosts(const std::vector<std::string>& patterns);
    static bool is_pattern(std::string_view text);

    // `host` as in ServerRequest. An empty one is allowed: HTTP/1.0 requests need none, and no browser sends
    // these.
    bool allows(std::string_view host) const;

private:
    std::vector<std::string> patterns_;
};

}  // namespace pricewire::net
