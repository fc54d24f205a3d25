#include <fmt/format.h>

#include "api/embedded.hpp"
#include "api/handlers.hpp"
#include "base/crypto.hpp"

namespace pricewire::api {
namespace {

constexpr std::string_view style = R"(
:root{color-scheme:light dark}
body{font:16px/1.5 system-ui,sans-serif;margin:0}
main{max-width:52rem;margin:2rem auto;padding:0 1rem}
h1 small{font-weight:normal;opacity:.6}
h2{margin-top:3rem}
h3{margin:2rem 0 .5rem;padding-top:1rem;border-top:1px solid #8884}
h3 span{font-weight:normal;opacity:.7}
code,pre{font:14px/1.4 ui-monospace,monospace}
pre{padding:.75rem;background:#8881;white-space:pre-wrap;overflow-wrap:anywhere}
table{border-collapse:collapse;width:100%;margin:.5rem 0}
th,td{text-align:left;vertical-align:top;padding:.25rem .75rem .25rem 0;border-bottom:1px solid #8883}
th{font-weight:normal;opacity:.6}
summary{cursor:pointer;padding:.15rem 0}
)";

constexpr std::string_view home = R"(<h1>Pricewire</h1>
<p>This is the API of a Pricewire server: it watches crypto prices, and when a price alert of yours fires it sends a
signed webhook.</p>
<p>This binary was built without its page. <code>./run</code> builds both; by hand, <code>scripts/build-web</code>
before the next <code>cmake --build</code>.</p>
<ul>
<li><a href="/docs">Reference of the API</a></li>
<li><a href="/openapi.json">The same as OpenAPI 3.1</a></li>
<li><a href="/health">Health</a></li>
</ul>
)";

net::ServerResponse html_response(std::string_view title, std::string_view body) {
    // The page may use only its own style: no scripts, images, other hosts or framing.
    static const std::string policy = "default-src 'none'; style-src 'sha256-" +
                                      base64_encode(sha256(style)) +
                                      "'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
    net::ServerResponse response;
    response.content_type = "text/html; charset=utf-8";
    response.body = fmt::format(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>{}</title>"
        "<meta name=\"viewport\" "
        "content=\"width=device-width\"><style>{}</style></head><body><main>\n{}</main>"
        "</body></html>\n",
        title, style, body);
    response.headers.emplace_back("Content-Security-Policy", policy);
    response.headers.emplace_back("Referrer-Policy", "no-referrer");
    return response;
}

}  // namespace

net::ServerResponse show_openapi(Services&, Exchange&) {
    static const auto json = std::make_shared<const std::string>(embedded_openapi_json());
    net::ServerResponse response;
    response.shared_body = json;
    // Public, so that tools on other origins may read it.
    response.headers.emplace_back("Access-Control-Allow-Origin", "*");
    return response;
}

net::ServerResponse show_docs(Services& services, Exchange& exchange) {
    if (auto page = services.reference.serve(exchange.request, "index.html")) return std::move(*page);
    return html_response("Pricewire API", embedded_openapi_html());
}

net::ServerResponse show_plain_docs(Services&, Exchange&) {
    return html_response("Pricewire API", embedded_openapi_html());
}

net::ServerResponse show_docs_file(Services& services, Exchange& exchange) {
    if (auto file = services.reference.serve(exchange.request, exchange.parameter)) return std::move(*file);
    return error_response(404, "Not Found");
}

net::ServerResponse show_home(Services& services, Exchange& exchange) {
    if (auto page = services.page.serve(exchange.request, "index.html")) return std::move(*page);
    return html_response("Pricewire", home);
}

net::ServerResponse show_asset(Services& services, Exchange& exchange) {
    if (auto file = services.page.serve(exchange.request, "assets/" + exchange.parameter))
        return std::move(*file);
    return error_response(404, "Not Found");
}

net::ServerResponse show_service_worker(Services& services, Exchange& exchange) {
    if (auto file = services.page.serve(exchange.request, "sw.js")) return std::move(*file);
    return error_response(404, "Not Found");
}

}  // namespace pricewire::api
