#include "catcher/catching_client.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <future>
#include <string>
#include <utility>
#include <vector>

#include "catcher/in_process/in_process_catcher.hpp"

namespace pricewire::catcher {
namespace {

using namespace std::chrono_literals;

// Answers everything with 299.
class RealClient : public net::HttpClient {
public:
    void start(net::HttpRequest request, Done done) override {
        urls.push_back(request.url);
        net::HttpResult result;
        result.status = 299;
        done(std::move(result));
    }
    std::size_t not_begun() const override { return 0; }
    std::vector<std::string> urls;
};

// One that loses its server.
class LostCatcher : public Catcher {
public:
    CatcherAddress open(const Uuid&, Timestamp, bool&) override { throw CatcherUnavailable("gone"); }
    std::optional<CatcherAddress> of_user(const Uuid&, Timestamp) override {
        throw CatcherUnavailable("gone");
    }
    std::optional<CatcherAddress> find(std::string_view, Timestamp) override {
        throw CatcherUnavailable("gone");
    }
    bool keep(const CatcherAddress&, const CaughtRequest&, Timestamp) override { return false; }
    std::vector<CaughtRequest> requests(const CatcherAddress&, Timestamp) override { return {}; }
    bool close(const Uuid&) override { return false; }
};

class CatchingClientTest : public testing::Test {
protected:
    net::HttpResult send(const std::string& url, Catcher& catcher) {
        const auto client = create_catching_client(
            real_, catcher, {}, clock_, [this](const CatcherAddress& address, const CaughtRequest& request) {
                kept_.emplace_back(address.user_id, request.id);
            });
        std::promise<net::HttpResult> promise;
        auto result = promise.get_future();
        net::HttpRequest request;
        request.method = "POST";
        request.url = url;
        request.headers = {{"webhook-id", "1"}};
        request.body = "body";
        client->start(std::move(request), [&promise](net::HttpResult r) { promise.set_value(std::move(r)); });
        return result.get();
    }
    net::HttpResult send(const std::string& url) { return send(url, *catcher_); }

    ManualClock clock_;
    RealClient real_;
    std::unique_ptr<Catcher> catcher_ = create_in_process_catcher();
    std::vector<std::pair<Uuid, Uuid>> kept_;
    bool is_new_ = false;
    const CatcherAddress address_ = catcher_->open(make_uuid(clock_.now()), clock_.now(), is_new_);
};

TEST_F(CatchingClientTest, WhatIsSentToAnAddressIsKeptAndGoesNowhere) {
    for (const char* origin :
         {"http://127.0.0.1:8000", "https://169.254.169.254", "http://[::1]:1", "https://example.com"}) {
        EXPECT_EQ(send(std::string(origin) + "/try/" + address_.token).status, 200) << origin;
    }
    EXPECT_TRUE(real_.urls.empty());
    const auto requests = catcher_->requests(address_, clock_.now());
    ASSERT_EQ(requests.size(), 4U);
    EXPECT_EQ(requests[0].body, "body");
    EXPECT_EQ(requests[0].headers, (net::Headers{{"webhook-id", "1"}}));
    ASSERT_EQ(kept_.size(), 4U);
    EXPECT_EQ(kept_[3], std::pair(address_.user_id, requests[0].id));
}

TEST_F(CatchingClientTest, EverythingElseIsSentByTheClient) {
    const std::string base = "https://example.com", token = address_.token;
    for (const std::string& url :
         {base + "/hook", base + "/try/" + token + "/", base + "/try/" + token + "?a=1",
          base + "/x/try/" + token, base + "/try/" + token.substr(1), base + "/TRY/" + token,
          "https://x/?y=http://z/try/" + token}) {
        EXPECT_EQ(send(url).status, 299) << url;
        EXPECT_EQ(real_.urls.back(), url);
    }
    EXPECT_TRUE(kept_.empty());
}

// What has its form and is none must not reach what webhooks must not reach.
TEST_F(CatchingClientTest, AnAddressThatHasEndedIsJudgedLikeAnyUrl) {
    clock_.advance(address_life);
    for (const char* origin :
         {"http://127.0.0.1:8000", "https://127.0.0.1", "http://example.com", "https://example.com:22"}) {
        const net::HttpResult result = send(std::string(origin) + "/try/" + address_.token);
        EXPECT_EQ(result.error, net::HttpError::refused_address) << origin;
        EXPECT_EQ(result.error_text, "this address of the catcher has ended; it lives for an hour");
    }
    EXPECT_TRUE(real_.urls.empty());
    EXPECT_EQ(send("https://example.com/try/" + address_.token).status, 299);
}

TEST_F(CatchingClientTest, WithoutTheCatcherTheAttemptFails) {
    LostCatcher lost;
    const net::HttpResult result = send("https://example.com/try/" + address_.token, lost);
    EXPECT_EQ(result.error, net::HttpError::connect);
    EXPECT_TRUE(real_.urls.empty());
}

}  // namespace
}  // namespace pricewire::catcher
