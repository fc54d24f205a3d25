#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <future>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "access/in_process/in_process_auth_cache.hpp"
#include "access/in_process/in_process_rate_limits.hpp"
#include "api/api.hpp"
#include "base/crypto.hpp"
#include "base/mutex.hpp"
#include "bus/in_process/in_process_bus.hpp"
#include "bus/in_process/in_process_notices.hpp"
#include "catcher/in_process/in_process_catcher.hpp"
#include "fakes/fake_secret_box.hpp"
#include "fakes/test_storage.hpp"
#include "support/prism.hpp"

namespace pricewire::api {

using namespace std::chrono_literals;

// The response to a request.
struct Answer {
    net::ServerResponse response;
    int status = 0;
    std::string body;
    // Empty if there is none.
    std::string header(std::string_view name) const {
        for (const auto& [n, v] : response.headers) {
            if (n == name) return v;
        }
        return {};
    }
    bool has(std::string_view part) const { return body.find(part) != std::string::npos; }
};

// A response that may not have arrived yet.
using Pending = std::future<net::ServerResponse>;

// A storage whose key lookups can be paused after reading.
class GatedStorage : public fakes::TestStorage {
public:
    using TestStorage::TestStorage;
    std::function<void()> after_lookup;
    std::function<void()> on_ping;
    std::function<void()> on_bars;
    std::function<void()> before_creating;
    std::optional<User> user_by_key_hash(const Sha256& hash) override {
        auto user = TestStorage::user_by_key_hash(hash);
        if (after_lookup) after_lookup();
        return user;
    }
    std::vector<Bar> bars(Ticker ticker, Duration interval, Timestamp from, Timestamp to,
                          std::size_t limit) override {
        if (on_bars) on_bars();
        return TestStorage::bars(ticker, interval, from, to, limit);
    }
    void create_each(std::span<storage::AlertCreation> creations) override {
        if (before_creating) before_creating();
        TestStorage::create_each(creations);
    }
    void ping() override {
        if (on_ping) on_ping();
        TestStorage::ping();
    }
};

struct Account {
    std::string id;
    std::string api_key;
};

// The text of member `name` of a flat JSON object.
inline std::string member(const std::string& json, const std::string& name) {
    const std::string quoted = "\"" + name + "\":";
    std::size_t at = json.find(quoted);
    if (at == std::string::npos) return {};
    at += quoted.size();
    if (json[at] == '"') return json.substr(at + 1, json.find('"', at + 1) - at - 1);
    return json.substr(at, json.find_first_of(",}]", at) - at);
}

// The routes that need a key, but for those that end an account or its key.
inline constexpr std::pair<const char*, const char*> user_routes[] = {
    {"GET", "/api/v1/users/me"},
    {"GET", "/api/v1/users/me/webhook-secret"},
    {"POST", "/api/v1/users/me/webhook-secret"},
    {"POST", "/api/v1/alerts"},
    {"GET", "/api/v1/alerts"},
    {"GET", "/api/v1/alerts/1"},
    {"DELETE", "/api/v1/alerts/1"},
    {"POST", "/api/v1/alerts/bulk"},
    {"POST", "/api/v1/alerts/preview"},
    {"DELETE", "/api/v1/alerts"},
    {"PATCH", "/api/v1/alerts/1"},
    {"GET", "/api/v1/alerts/1/firings"},
    {"GET", "/api/v1/alerts/1/state"},
    {"GET", "/api/v1/alerts/1/deliveries"},
    {"POST", "/api/v1/alerts/1/test"},
    {"GET", "/api/v1/deliveries"},
    {"GET", "/api/v1/deliveries/1"},
    {"POST", "/api/v1/deliveries/1/retry"},
    {"POST", "/api/v1/deliveries/1/cancel"},
    {"POST", "/api/v1/deliveries/recover"},
    {"GET", "/api/v1/endpoints"},
    {"POST", "/api/v1/endpoints/enable"},
    {"POST", "/api/v1/endpoints/test"},
    {"GET", "/api/v1/push"},
    {"POST", "/api/v1/push/subscriptions"},
    {"DELETE", "/api/v1/push/subscriptions/1"},
    {"POST", "/api/v1/push/subscriptions/1/test"},
    {"POST", "/api/v1/catcher"},
    {"GET", "/api/v1/catcher"},
    {"GET", "/api/v1/catcher/1"},
    {"DELETE", "/api/v1/catcher"},
};

inline test::Prism* prism_of_test() {
    return test::Prism::for_this_test(api_error_response);
}

// Fails a test whose requests should go through prism but reach the API directly.
class WatchedApi final : public Api {
public:
    explicit WatchedApi(std::unique_ptr<Api> api) : api_(std::move(api)) {}
    void handle(net::ServerRequest&& request, net::HttpServer::Respond respond) override {
        if (prism_of_test() != nullptr && !test::Prism::handing_over()) {
            ADD_FAILURE() << request.method << ' ' << request.target << " bypassed prism";
        }
        api_->handle(std::move(request), std::move(respond));
    }
    net::WsHandler upgrade(const net::ServerRequest& request, std::shared_ptr<net::WsPeer> peer) override {
        return api_->upgrade(request, std::move(peer));
    }
    void on_user_changed(std::optional<Uuid> user_id) override { api_->on_user_changed(user_id); }
    std::size_t stream_clients() const override { return api_->stream_clients(); }

private:
    std::unique_ptr<Api> api_;
};

// The API's handler on in-memory dependencies and a manual clock. Requests reach it without sockets or, if
// PRICEWIRE_TEST_PRISM is set, through prism, which validates requests and responses against openapi.yaml
// (see support/prism.hpp).
class ApiTest : public testing::Test {
protected:
    static constexpr const char* v1_secret = "whsec_c2VjcmV0";
    static constexpr const char* v1a_secret =
        "whsk_6Xb/dCcHpPea21PS1N9VY/NZW723CEc77N4rJCubMbfVKIDij2HKpMKkioLlX0dRqSKJp4AJ6p9lMicMFs6Kvg==";
    static constexpr const char* v1a_public = "whpk_1SiA4o9hyqTCpIqC5V9HUakiiaeACeqfZTInDBbOir4=";

    ApiTest() {
        options_.tickers = {"BTC", "ETH", "DOGE"};
        // High, so that only tests about limits reach them.
        options_.register_limit = {10'000, 10s};
        options_.user_limit = {10'000, 10s};
        options_.rates_limit = {10'000, 10s};
        options_.history_limit = {10'000, 10s};
        options_.preview_limit = {10'000, 10s};
    }
    ~ApiTest() override {
        {
            MutexLock lock(ends_);
            has_ended_ = true;
        }
        api_ = nullptr;  // answers pending requests
        if (test::Prism* prism = prism_of_test()) prism->wait_until_idle();
    }

    Api& api() {
        if (!api_) {
            ApiDependencies use{storage_, *bus_, *auth_cache_, *rate_limits_, clock_, secrets_, *notices_};
            use.make_webhook_secret = [](SignatureScheme scheme) {
                return scheme == SignatureScheme::v1 ? NewWebhookSecret{v1_secret, v1_secret}
                                                     : NewWebhookSecret{v1a_secret, v1a_public};
            };
            use.ping_queue = [this] {
                if (ping_queue_) ping_queue_();
            };
            use.vet_webhook_url = vet_;
            use.answered = answered_;
            use.directory = directory_.get();
            use.demand = demand_;
            use.catcher = catcher_.get();
            use.push_key = push_key_;
            if (make_gate_) use.gate = make_gate_();
            use.hint = [this](std::span<const DeliveryTask> tasks) {
                hinted_.insert(hinted_.end(), tasks.begin(), tasks.end());
                if (on_hint_) on_hint_();
            };
            api_ = std::make_unique<WatchedApi>(create_api(std::move(use), options_));
        }
        return *api_;
    }

    // The response, once it arrives, possibly from another thread.
    Pending start(std::string method, std::string target, std::string body = {}, net::Headers headers = {},
                  std::string peer = "192.0.2.1") {
        net::ServerRequest request;
        request.method = std::move(method);
        const std::size_t question = target.find('?');
        request.path = target.substr(0, question);
        if (question != std::string::npos) request.query = target.substr(question + 1);
        request.target = std::move(target);
        request.headers = std::move(headers);
        if (!body.empty() && request.header("content-type") == nullptr)
            request.headers.emplace_back("content-type", "application/json");
        request.body = std::move(body);
        request.peer = *net::IpAddress::parse(peer);
        return start(std::move(request));
    }
    Pending start(net::ServerRequest request) {
        Api& to = api();
        if (test::Prism* prism = prism_of_test()) {
            return prism->send(std::move(request),
                               [&to](net::ServerRequest&& r, net::HttpServer::Respond respond) {
                                   to.handle(std::move(r), std::move(respond));
                               });
        }
        auto promise = std::make_shared<std::promise<net::ServerResponse>>();
        auto future = promise->get_future();
        to.handle(std::move(request), [promise](net::ServerResponse r) { promise->set_value(std::move(r)); });
        return future;
    }

    static Answer wait(Pending future) {
        if (future.wait_for(60s) != std::future_status::ready) {
            ADD_FAILURE() << "no response within 60 s";
            return {};
        }
        Answer answer;
        answer.response = future.get();
        answer.status = answer.response.status;
        answer.body = answer.response.shared_body ? *answer.response.shared_body : answer.response.body;
        return answer;
    }

    Answer call(std::string method, std::string target, std::string body = {}, net::Headers headers = {},
                std::string peer = "192.0.2.1") {
        return wait(start(std::move(method), std::move(target), std::move(body), std::move(headers),
                          std::move(peer)));
    }

    Answer call_as(const Account& account, std::string method, std::string target, std::string body = {}) {
        return call(std::move(method), std::move(target), std::move(body), {{"x-api-key", account.api_key}});
    }

    // What the client of a WebSocket at the live stream is sent goes to `peer`.
    net::WsHandler open_stream(const Account& account, const std::shared_ptr<net::WsPeer>& peer) {
        net::ServerRequest request;
        request.method = "GET";
        request.target = request.path = "/api/v1/stream";
        request.headers = {{"x-api-key", account.api_key}};
        request.peer = *net::IpAddress::parse("192.0.2.1");
        return api().upgrade(request, peer);
    }

    Account register_user(const std::string& email) {
        const Answer answer = call("POST", "/api/v1/users/register", R"({"email":")" + email + "\"}");
        EXPECT_EQ(answer.status, 201) << answer.body;
        return {member(answer.body, "id"), member(answer.body, "api_key")};
    }

    void publish(Ticker ticker, std::string_view price) {
        TickerBoard board;
        board.ticker = ticker;
        board.price = Price{ticker, *Decimal::parse(price), clock_.now(), 1};
        Quote quote{"binance", SourceKind::exchange, ticker, board.price->value, clock_.now(), clock_.now()};
        board.quotes.push_back({quote, Verdict::counted});
        bus_->publish_board(board);
    }

    static std::string alert_body(const std::string& target = "70000.00", const std::string& ticker = "BTC",
                                  const std::string& condition = "gt",
                                  const std::string& url = "https://hooks.example.com/a") {
        return R"({"ticker":")" + ticker + R"(","target_price":)" + target + R"(,"condition":")" + condition +
               R"(","webhook_url":")" + url + "\"}";
    }
    // The ids of a listing, in order.
    static std::vector<std::string> ids(const Answer& answer) {
        std::vector<std::string> out;
        for (std::size_t at = 0; (at = answer.body.find("\"id\":\"", at)) != std::string::npos; at += 6) {
            out.push_back(answer.body.substr(at + 6, 36));
        }
        return out;
    }
    static std::string next_page(const Answer& answer) {
        const std::string link = answer.header("Link");
        if (link.empty()) return {};
        EXPECT_TRUE(link.starts_with("<") && link.ends_with(">; rel=\"next\"")) << link;
        return link.substr(1, link.find('>') - 1);
    }
    // The ids on all pages of a listing; after_page(number of pages so far, ids so far).
    template <typename F>
    std::vector<std::string> ids_of_pages(const Account& account, std::string target, F after_page) {
        std::vector<std::string> seen;
        for (int pages = 1; !target.empty(); ++pages) {
            const Answer page = call_as(account, "GET", target);
            EXPECT_EQ(page.status, 200) << page.body;
            for (const auto& id : ids(page)) seen.push_back(id);
            target = next_page(page);
            after_page(pages, seen);
        }
        return seen;
    }
    // Calls `change` while a request has looked the account's key up but has not finished.
    template <typename F>
    void change_during_lookup(const Account& account, F change) {
        std::promise<void> has_read;
        std::promise<void> go_on;
        std::atomic<bool> first{true};
        storage_.after_lookup = [&, gate = go_on.get_future().share()] {
            if (!first.exchange(false)) return;
            has_read.set_value();
            gate.wait();
        };
        auto slow = start("GET", "/api/v1/users/me", {}, {{"x-api-key", account.api_key}});
        has_read.get_future().wait();
        change();
        go_on.set_value();
        wait(std::move(slow));
        storage_.after_lookup = nullptr;
    }
    // Fires an alert; returns the id of its delivery.
    std::string fire(const std::string& alert_id, std::string_view price) {
        const Uuid delivery = make_uuid(clock_.now());
        const FiringGroup group{{"BTC", *Decimal::parse(price), clock_.now(), 1},
                                clock_.now(),
                                {{*Uuid::parse(alert_id), delivery}}};
        EXPECT_EQ(storage_.fire({&group, 1}).size(), 1u);
        return delivery.to_string();
    }

    static void expect_error(const Answer& answer, int status, std::string_view detail) {
        EXPECT_EQ(answer.status, status) << answer.body;
        EXPECT_EQ(answer.body, R"({"error":"HTTPException","detail":")" + std::string(detail) +
                                   R"(","code":)" + std::to_string(status) + "}");
        EXPECT_EQ(answer.response.content_type, "application/json");
    }

    // Expects a 422 with only this issue.
    static void expect_invalid(const Answer& answer, const std::string& loc, std::string_view type) {
        EXPECT_EQ(answer.status, 422) << answer.body;
        EXPECT_TRUE(answer.body.starts_with(R"({"error":"ValidationError","detail":[{"loc":[)" + loc + "],"))
            << answer.body;
        EXPECT_TRUE(answer.body.ends_with(R"("type":")" + std::string(type) + R"("}],"code":422})"))
            << answer.body;
    }

    ManualClock clock_;
    fakes::FakeSecretBox secrets_;
    ApiOptions options_;
    std::unique_ptr<bus::PriceBus> bus_ = bus::create_in_process_bus({"BTC", "ETH", "DOGE"});
    std::unique_ptr<bus::DeliveryNotices> notices_ = bus::create_in_process_notices();
    std::unique_ptr<access::AuthCache> auth_cache_ = access::create_in_process_auth_cache(clock_);
    std::unique_ptr<access::RateLimits> rate_limits_ = access::create_in_process_rate_limits();
    // The storage's thread reports to the API and outlives it.
    Mutex ends_;
    bool has_ended_ GUARDED_BY(ends_) = false;
    GatedStorage storage_{storage::StorageEvents{{}, [this](std::optional<Uuid> user) {
                                                     MutexLock lock(ends_);
                                                     if (!has_ended_) api().on_user_changed(user);
                                                 }}};
    std::unique_ptr<directory::Book> directory_;  // tests that need one set it
    watch::Demand* demand_ = nullptr;             // likewise
    std::unique_ptr<catcher::Catcher> catcher_ = catcher::create_in_process_catcher();
    std::function<Result<std::string>()> push_key_ = [] { return std::string("public key"); };
    std::function<void()> ping_queue_;
    std::function<std::unique_ptr<access::Gate>()> make_gate_;
    // No test queries a name server.
    std::function<Result<net::WebhookUrl>(std::string_view)> vet_ = [](std::string_view) {
        return net::WebhookUrl{};
    };
    std::function<void(const AnsweredRequest&)> answered_;
    // The notifications of the senders, one vector per request.
    std::vector<DeliveryTask> hinted_;
    std::function<void()> on_hint_;
    std::unique_ptr<Api> api_;
};

}  // namespace pricewire::api
