#include "support/prism.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <span>
#include <stdexcept>
#include <utility>
#include <vector>

#include "base/mutex.hpp"

namespace pricewire::test {
namespace {

using namespace std::chrono_literals;

struct Exception {
    std::string_view what;
    std::string_view reason;
};

// Tests whose requests do not go through prism, and why they cannot.
constexpr Exception tests_in_process[] = {
    {"RatesTest.AKnownKeyIsAnsweredOnTheCallersThread", "it is about the thread that calls"},
    {"HttpTest.TooLargeHeadersAre431InTheApisFormat", "prism's own server refuses such headers"},
    {"HttpTest.HeadHasTheHeadersOfGetAndNoBody", "it is about bytes on one connection"},
    {"HttpTest.StoppingWaitsForRequestsInProgress", "it stops the server that it asks"},
};

// Requests that prism cannot carry; what answers them is no operation of the document either.
constexpr Exception requests_in_process[] = {
    {"BREW /coffee", "Node.js knows a fixed list of methods"},
    {"sk_live_hidden /", "the same"},
    {"GET //", "Node.js takes what follows two slashes for a host"},
};

// What the API accepts but the document leaves out on purpose, so that no client relies on it.
constexpr Exception requests_understood[] = {
    {"GET /api/v1/alerts?is_active=FALSE", "true and false have other spellings"},
    {"GET /api/v1/alerts?ticker=eth&is_active=1", "true and false have other spellings"},
    {"GET /api/v1/alerts?ticker=XYZ&ticker=ETH&unknown=1&&x", "the last of several counts"},
    {"GET /api/v1/deliveries?since=2023-11-15T00:13:21+02:00", "a plus that should have been escaped"},
    {"GET /api/v1/rates/BTC/history?interval=5m&from=2023-11-14T11:10:00+00:00&to=2023-11-14T11:15:00Z",
     "a plus that should have been escaped"},
};

// The answers that the document describes for every path at once, in its introduction.
constexpr std::string_view not_found = R"({"error":"HTTPException","detail":"Not Found","code":404})";
constexpr std::string_view not_allowed =
    R"({"error":"HTTPException","detail":"Method Not Allowed","code":405})";

thread_local bool hands_over = false;

std::string header(const net::HttpResult& result, std::string_view name) {
    const std::string* value = result.header(name);
    return value == nullptr ? std::string() : *value;
}

// Our server sends it with every answer; prism and Node.js never do.
bool is_ours(const net::HttpResult& result) {
    return header(result, "x-content-type-options") == "nosniff" &&
           header(result, "content-type") != "application/problem+json";
}

// A header that HTTP cannot carry is not sent; the API is given it all the same.
bool can_be_sent(const std::pair<std::string, std::string>& header) {
    static constexpr std::array<std::string_view, 5> of_the_connection{"host", "connection", "content-length",
                                                                       "content-type", "transfer-encoding"};
    return std::none_of(header.second.begin(), header.second.end(),
                        [](unsigned char c) { return c < ' ' || c > '~'; }) &&
           !header.second.empty() &&
           std::ranges::find(of_the_connection, header.first) == of_the_connection.end();
}

bool lists(std::span<const Exception> table, std::string_view what) {
    return std::ranges::any_of(table, [&](const Exception& e) { return e.what == what; });
}

// Some tests write what no client does; of that, what a URL cannot hold is escaped.
std::string escaped(std::string_view target) {
    std::string out;
    for (const char c : target) {
        if (c > ' ' && c < '\x7f') {
            out += c;
        } else {
            out += fmt::format("%{:02X}", static_cast<unsigned char>(c));
        }
    }
    return out;
}

std::string test_name() {
    const auto* test = testing::UnitTest::GetInstance()->current_test_info();
    return test == nullptr ? std::string() : fmt::format("{}.{}", test->test_suite_name(), test->name());
}

net::ServerResponse as_response(net::HttpResult result) {
    net::ServerResponse response;
    response.status = result.status;
    response.content_type = header(result, "content-type");
    response.headers = std::move(result.headers);
    response.body = std::move(result.body);
    return response;
}

const std::string& body_of(const net::ServerResponse& response) {
    return response.shared_body ? *response.shared_body : response.body;
}

// One line a request and answer that were judged, for tests/contract/with_prism.mjs: which of the document's
// answers no test has ever seen.
void record(const std::string& method, const std::string& path, int status) {
    static std::FILE* const file = [] {
        const char* name = std::getenv("PRICEWIRE_TEST_PRISM_LOG");
        return name == nullptr ? nullptr : std::fopen(name, "a");
    }();
    if (file == nullptr) return;
    fmt::print(file, "{} {} {}\n", method, path, status);
    std::fflush(file);
}

}  // namespace

struct Prism::Exchange {
    std::string id;
    net::ServerRequest request;
    std::string method;  // as prism sees it
    std::string target;
    Answerer answerer;
    std::promise<void> taken;
    std::promise<net::ServerResponse> answered;
    Mutex mutex;
    bool is_taken GUARDED_BY(mutex) = false;
    std::optional<net::ServerResponse> answer GUARDED_BY(mutex);  // as it was made
    std::string refusal;                                          // what the strict one said

    std::string name() const { return method + " " + target; }
    void take() {
        MutexLock lock(mutex);
        if (!std::exchange(is_taken, true)) taken.set_value();
    }
    std::optional<net::ServerResponse> made() {
        MutexLock lock(mutex);
        return answer;
    }
};

Prism* Prism::for_this_test(ErrorResponse error_response) {
    static Prism* const prism = [&]() -> Prism* {
        const char* text = std::getenv("PRICEWIRE_TEST_PRISM");
        if (text == nullptr) return nullptr;
        unsigned own = 0, strict = 0, lenient = 0;
        if (std::sscanf(text, "%u,%u,%u", &own, &strict, &lenient) != 3) {
            throw std::runtime_error("PRICEWIRE_TEST_PRISM is not three ports");
        }
        // Lives as long as the process: the last test's connections are closed with it.
        return new Prism(static_cast<std::uint16_t>(own), static_cast<std::uint16_t>(strict),
                         static_cast<std::uint16_t>(lenient), error_response);
    }();
    return prism == nullptr || lists(tests_in_process, test_name()) ? nullptr : prism;
}

std::vector<std::string_view> Prism::listed_tests() {
    std::vector<std::string_view> out;
    for (const Exception& e : tests_in_process) out.push_back(e.what);
    return out;
}

bool Prism::handing_over() {
    return hands_over;
}

Prism::Prism(std::uint16_t own_port, std::uint16_t strict_port, std::uint16_t lenient_port,
             ErrorResponse error_response)
    : strict_url_(fmt::format("http://127.0.0.1:{}", strict_port)),
      lenient_url_(fmt::format("http://127.0.0.1:{}", lenient_port)) {
    net::ServerOptions options;
    options.listen = fmt::format("127.0.0.1:{}", own_port);
    options.error_response = error_response;
    options.takes_large_body = [](std::string_view path) { return path.starts_with("/api/v1/alerts/bulk"); };
    auto created = net::create_http_server(options, [this](net::ServerRequest&& request, Respond respond) {
        answer(std::move(request), std::move(respond));
    });
    if (!created) throw std::runtime_error(created.error().message);
    server_ = std::move(*created);
    client_ = net::create_http_client();
}

std::future<net::ServerResponse> Prism::send(net::ServerRequest request, Answerer answerer) {
    auto exchange = std::make_shared<Exchange>();
    // HEAD is answered as GET, so it is judged as GET. The document says of slashes at the end that they do
    // not matter, and has no other way to say it.
    exchange->method = request.method == "HEAD" ? "GET" : request.method;
    std::string path = request.path;
    if (path.size() > 1 && path.ends_with('/') && !path.ends_with("//")) path.pop_back();
    exchange->target = path + (request.query.empty() ? "" : "?" + request.query);
    exchange->request = std::move(request);
    exchange->answerer = std::move(answerer);
    auto taken = exchange->taken.get_future();
    auto answered = exchange->answered.get_future();
    {
        MutexLock lock(mutex_);
        exchange->id = std::to_string(++count_);
        open_.emplace(exchange->id, exchange);
    }
    if (lists(requests_in_process, exchange->name())) {
        net::ServerRequest original = exchange->request;
        hands_over = true;
        exchange->answerer(std::move(original),
                           [this, exchange](net::ServerResponse r) { end(exchange, std::move(r)); });
        hands_over = false;
    } else {
        start(exchange, true);
    }
    taken.wait();
    return answered;
}

void Prism::wait_until_idle() {
    MutexLock lock(mutex_);
    if (!idle_.wait_for(lock, 60s, [&]() REQUIRES(mutex_) { return open_.empty(); }))
        ADD_FAILURE() << "prism has not answered";
}

void Prism::start(const ExchangePtr& exchange, bool strict) {
    net::HttpRequest request;
    request.method = exchange->method;
    request.url = (strict ? strict_url_ : lenient_url_) + escaped(exchange->target);
    for (const auto& h : exchange->request.headers) {
        if (can_be_sent(h)) request.headers.push_back(h);
    }
    request.headers.emplace_back("x-pricewire-exchange", exchange->id);
    // Without a file's bytes prism has no text to look at.
    std::erase_if(request.headers, [](const auto& h) { return h.first == "accept-encoding"; });
    if (!exchange->request.body.empty()) {
        // Prism parses JSON before it looks at anything, and stops if it is invalid; as text it is
        // passed on.
        request.headers.emplace_back("content-type", strict ? "application/json" : "text/plain");
        request.body = exchange->request.body;
    }
    request.timeout = 60s;
    request.max_response_bytes = 16 << 20;
    client_->start(std::move(request), [this, exchange, strict](net::HttpResult result) {
        if (strict) {
            on_strict(exchange, std::move(result));
        } else {
            on_lenient(exchange, std::move(result));
        }
    });
}

// A request that prism has let through.
void Prism::answer(net::ServerRequest&& forwarded, Respond respond) {
    const std::string* id = forwarded.header("x-pricewire-exchange");
    ExchangePtr exchange;
    {
        MutexLock lock(mutex_);
        if (const auto found = id == nullptr ? open_.end() : open_.find(*id); found != open_.end())
            exchange = found->second;
    }
    if (!exchange) {
        respond({.status = 500, .body = "this request was not expected"});
        return;
    }
    net::ServerRequest original = exchange->request;
    hands_over = true;
    exchange->answerer(std::move(original),
                       [exchange, r = std::move(respond)](net::ServerResponse made) mutable {
                           {
                               MutexLock lock(exchange->mutex);
                               exchange->answer = made;
                           }
                           // Prism reads an answer to its end, which a stream has not: its head is judged.
                           made.stream = nullptr;
                           r(std::move(made));
                       });
    hands_over = false;
    exchange->take();
}

void Prism::on_strict(const ExchangePtr& exchange, net::HttpResult result) {
    if (result.error != net::HttpError::none) {
        ADD_FAILURE() << exchange->name() << ": " << result.error_text;
        return end(exchange, {});
    }
    const auto made = exchange->made();
    if (!made && !is_ours(result)) {
        exchange->refusal = fmt::format("{} {}", result.status, result.body);
        return start(exchange, false);
    }
    if (!is_ours(result)) {
        ADD_FAILURE() << exchange->name() << " was answered " << made->status << ' ' << body_of(*made)
                      << "\nwhich is not as openapi.yaml says:\n"
                      << result.body;
    } else if (const std::string violations = header(result, "sl-violations"); !violations.empty()) {
        ADD_FAILURE() << exchange->name() << " was answered " << result.status << ' ' << result.body
                      << "\nwhich is not as openapi.yaml says:\n"
                      << violations;
    } else {
        record(exchange->method, exchange->target, result.status);
    }
    end(exchange, made ? *made : as_response(std::move(result)));
}

// What the strict one has refused.
void Prism::on_lenient(const ExchangePtr& exchange, net::HttpResult result) {
    const auto made = exchange->made();
    if (result.error != net::HttpError::none || !is_ours(result)) {
        ADD_FAILURE() << exchange->name() << " did not come through: " << result.error_text << result.body;
        return end(exchange, made.value_or(net::ServerResponse{}));
    }
    const std::string violations = header(result, "sl-violations");
    const bool allow_is_told = !header(result, "allow").empty();
    const bool of_every_path =
        (result.status == 404 && made && body_of(*made) == not_found) ||
        (result.status == 405 && made && body_of(*made) == not_allowed && allow_is_told) ||
        (result.status == 204 && exchange->method == "OPTIONS" && allow_is_told);
    const bool no_such_route = violations.find("Selected route not found") != std::string::npos;
    if (of_every_path) {
    } else if (no_such_route) {
        ADD_FAILURE() << exchange->name() << " is not in openapi.yaml and was answered " << result.status
                      << ' ' << result.body;
    } else if (violations.find(R"("location":["response")") != std::string::npos) {
        ADD_FAILURE() << exchange->name() << " was answered " << result.status << ' ' << result.body
                      << "\nwhich is not as openapi.yaml says:\n"
                      << violations;
    } else if (result.status < 400 && !lists(requests_understood, exchange->name())) {
        ADD_FAILURE() << exchange->name() << ' ' << exchange->request.body << " was answered "
                      << result.status << ", though openapi.yaml forbids it:\n"
                      << exchange->refusal;
    } else {
        record(exchange->method, exchange->target, result.status);
    }
    end(exchange, made ? *made : as_response(std::move(result)));
}

void Prism::end(const ExchangePtr& exchange, net::ServerResponse response) {
    exchange->take();
    exchange->answered.set_value(std::move(response));
    MutexLock lock(mutex_);
    open_.erase(exchange->id);
    if (open_.empty()) idle_.notify_all();
}

}  // namespace pricewire::test
