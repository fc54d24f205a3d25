#include "api/responses.hpp"

#include "api/api.hpp"
#include "base/json_writer.hpp"

namespace pricewire::api {

net::ServerResponse json_response(int status, std::string body) {
    net::ServerResponse response;
    response.status = status;
    response.body = std::move(body);
    return response;
}

net::ServerResponse error_response(int status, std::string_view detail) {
    JsonWriter w;
    w.begin_object()
        .field("error", "HTTPException")
        .field("detail", detail)
        .field("code", status)
        .end_object();
    return json_response(status, std::move(w).str());
}

net::ServerResponse no_content() {
    net::ServerResponse response;
    response.status = 204;
    return response;
}

net::ServerResponse unauthorized(std::string_view detail) {
    auto response = error_response(401, detail);
    response.headers.emplace_back("WWW-Authenticate", "ApiKey");  // required by RFC 9110, section 15.5.2
    return response;
}

net::ServerResponse unavailable(std::string_view detail, int retry_after_seconds) {
    auto response = error_response(503, detail);
    response.headers.emplace_back("Retry-After", std::to_string(retry_after_seconds));
    return response;
}

net::ServerResponse validation_response(std::span<const Issue> issues) {
    JsonWriter w;
    w.begin_object().field("error", "ValidationError").key("detail").begin_array();
    for (const Issue& issue : issues) {
        w.begin_object().key("loc").begin_array();
        for (const LocStep& step : issue.loc) std::visit([&](const auto& s) { w.value(s); }, step);
        w.end_array().field("msg", issue.message).field("type", issue.type).end_object();
    }
    w.end_array().field("code", 422).end_object();
    return json_response(422, std::move(w).str());
}

net::ServerResponse api_error_response(int status, std::string_view detail) {
    auto response = error_response(status, detail);
    response.headers.emplace_back("X-Content-Type-Options", "nosniff");
    response.headers.emplace_back("Cache-Control", "no-store");
    return response;
}

}  // namespace pricewire::api
