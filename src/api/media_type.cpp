#include "api/media_type.hpp"

#include <fmt/format.h>

#include <string>
#include <string_view>

#include "api/responses.hpp"
#include "base/text.hpp"

namespace pricewire::api {
namespace {

// As much of a client's text as an error repeats.
constexpr std::size_t max_repeated = 100;

// "application/json", or a type whose name ends in +json (RFC 6839, section 3.1).
bool is_json(std::string_view type) {
    if (equal_ignoring_case(type, "application/json")) return true;
    constexpr std::string_view suffix = "+json";
    const std::string_view kind = take_part(type, '/');
    return is_token(kind) && is_token(type) && type.size() > suffix.size() &&
           equal_ignoring_case(type.substr(type.size() - suffix.size()), suffix);
}

std::string_view unquoted(std::string_view value) {
    if (value.size() >= 2 && value.front() == '"' && value.back() == '"')
        return value.substr(1, value.size() - 2);
    return value;
}

// The charset of a type's parameters, if it is not UTF-8.
std::optional<std::string_view> other_charset(std::string_view parameters) {
    while (!parameters.empty()) {
        std::string_view value = trimmed(take_part(parameters, ';'));
        const std::string_view name = trimmed(take_part(value, '='));
        if (!equal_ignoring_case(name, "charset")) continue;
        value = unquoted(trimmed(value));
        if (!equal_ignoring_case(value, "utf-8") && !equal_ignoring_case(value, "utf8")) return value;
    }
    return std::nullopt;
}

net::ServerResponse unsupported(std::string_view detail) {
    return error_response(415, detail);
}

std::optional<net::ServerResponse> refuse_type(std::string_view content_type) {
    std::string_view parameters = content_type;
    const std::string_view type = trimmed(take_part(parameters, ';'));
    if (!is_json(type)) {
        return unsupported(
            fmt::format("The body should be JSON, sent with Content-Type: application/json, not {}",
                        type.substr(0, max_repeated)));
    }
    if (const auto charset = other_charset(parameters)) {
        return unsupported(
            fmt::format("The body should be in UTF-8, not {}", charset->substr(0, max_repeated)));
    }
    return std::nullopt;
}

}  // namespace

std::optional<net::ServerResponse> refuse_media_type(const net::ServerRequest& request) {
    if (request.body.empty()) return std::nullopt;
    bool has_type = false;
    for (const auto& [name, value] : request.headers) {
        if (name == "content-encoding" && !value.empty() && !equal_ignoring_case(value, "identity")) {
            auto out =
                unsupported(fmt::format("The body should be sent as it is, without Content-Encoding: {}",
                                        std::string_view(value).substr(0, max_repeated)));
            out.headers.emplace_back("Accept-Encoding", "identity");  // RFC 9110, section 12.5.3
            return out;
        }
        if (name != "content-type") continue;
        has_type = true;
        if (auto refused = refuse_type(value)) return refused;
    }
    if (!has_type) return unsupported("The body should be sent with Content-Type: application/json");
    return std::nullopt;
}

}  // namespace pricewire::api
