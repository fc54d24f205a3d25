#pragma once

#include <functional>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/mutex.hpp"
#include "net/http_client.hpp"
#include "net/http_server.hpp"

namespace pricewire::test {

// Requests of tests on their way through `prism proxy` and back, which judges both sides by openapi.yaml. Two
// of them run (tests/contract/with_prism.mjs starts them): one with --errors, that every request is sent to
// first; and one without, that passes on what the first refuses, so that the answers to wrong requests are
// judged as well.
//   - an answer that the document does not describe is a failure of the test,
//   - so is a request that prism refuses and the API accepts.
// Behind both, a server of ours passes requests to the code under test.
//
// Prism rewrites JSON and URLs (1.10 becomes 1.1, "//" becomes "/"), so what answers is given the request
// as the test wrote it, and the test is given the answer as it was made. Thread-safe.
class Prism {
public:
    using Respond = net::HttpServer::Respond;
    using ErrorResponse = net::ServerResponse (*)(int status, std::string_view detail);
    using Answerer = std::function<void(net::ServerRequest&&, Respond)>;

    // Where PRICEWIRE_TEST_PRISM says "<our port>,<port of the strict one>,<port of the lenient one>"; else
    // null, and null for tests that are listed as staying in the process (see the table in prism.cpp).
    // `error_response` makes the answers that a server gives by itself, as ServerOptions has it.
    static Prism* for_this_test(ErrorResponse error_response);
    // Those tests, as "Suite.Name".
    static std::vector<std::string_view> listed_tests();

    // Returns once `answerer` has been given the request, or the request has been answered without it (what
    // is too large, say). The answer comes once prism has judged it.
    std::future<net::ServerResponse> send(net::ServerRequest request, Answerer answerer);
    // All that was sent has been judged.
    void wait_until_idle();
    // Whether this thread hands over a request that came through prism.
    static bool handing_over();

private:
    struct Exchange;
    using ExchangePtr = std::shared_ptr<Exchange>;

    Prism(std::uint16_t own_port, std::uint16_t strict_port, std::uint16_t lenient_port,
          ErrorResponse error_response);
    void answer(net::ServerRequest&& forwarded, Respond respond);
    void start(const ExchangePtr& exchange, bool strict);
    void on_strict(const ExchangePtr& exchange, net::HttpResult result);
    void on_lenient(const ExchangePtr& exchange, net::HttpResult result);
    void end(const ExchangePtr& exchange, net::ServerResponse response);

    std::string strict_url_;
    std::string lenient_url_;
    Mutex mutex_;
    CondVar idle_;
    std::unordered_map<std::string, ExchangePtr> open_ GUARDED_BY(mutex_);
    std::uint64_t count_ GUARDED_BY(mutex_) = 0;
    std::unique_ptr<net::HttpServer> server_;
    std::unique_ptr<net::HttpClient> client_;
};

}  // namespace pricewire::test
