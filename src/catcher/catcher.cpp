#include "catcher/catcher.hpp"

namespace pricewire::catcher {

CaughtRequest caught(std::string_view method, const std::vector<std::pair<std::string, std::string>>& headers,
                     std::string_view body, Timestamp now) {
    CaughtRequest out;
    out.id = make_uuid(now);
    out.at = now;
    out.method = method;
    std::size_t bytes = 0;
    for (const auto& header : headers) {
        bytes += header.first.size() + header.second.size();
        if (bytes > kept_header_bytes) break;
        out.headers.push_back(header);
    }
    out.body = body.substr(0, kept_body);
    out.body_bytes = body.size();
    return out;
}

}  // namespace pricewire::catcher
