// The catcher's routes, and its addresses as URLs of webhooks.
#include "catcher/catcher.hpp"

#include "api/api_fixture.hpp"
#include "fakes/fake_peer.hpp"
#include "webhook/signature.hpp"

namespace pricewire::api {
namespace {

class CatcherTest : public ApiTest {
protected:
    CatcherTest() {
        // What the guard says of a default installation.
        vet_ = [](std::string_view) -> Result<net::WebhookUrl> { return fail("it is loopback"); };
        api_ = nullptr;
    }
    Answer open(const Account& account) {
        return call("POST", "/api/v1/catcher", {},
                    {{"x-api-key", account.api_key}, {"host", "localhost:8000"}});
    }
    std::string path_of(const Answer& opened) {
        const std::string url = member(opened.body, "url");
        return url.substr(url.find("/try/"));
    }
    Answer show(const Account& account) { return call_as(account, "GET", "/api/v1/catcher"); }

    const Account ann_ = register_user("ann@example.com");
    const Account bob_ = register_user("bob@example.com");
};

TEST_F(CatcherTest, ShowsWhatIsSentToItsAddress) {
    EXPECT_EQ(show(ann_).status, 404);
    const Answer opened = open(ann_);
    EXPECT_EQ(opened.status, 201) << opened.body;
    EXPECT_TRUE(opened.has(R"("expires_at":"2023-11-14T23:13:20Z","requests":[]})")) << opened.body;
    EXPECT_EQ(open(ann_).status, 200);
    EXPECT_EQ(member(open(ann_).body, "id"), member(opened.body, "id"));
    EXPECT_EQ(open(bob_).status, 201);
    const Answer sent = call("POST", path_of(opened), R"({"a":1})", {{"content-type", "application/json"}});
    EXPECT_EQ(sent.status, 200);
    EXPECT_EQ(sent.body, R"({"caught":true})");
    const std::string one = "/api/v1/catcher/" + member(opened.body, "id");
    for (const std::string& path : {std::string("/api/v1/catcher"), one}) {
        const Answer shown = call_as(ann_, "GET", path);
        EXPECT_EQ(shown.status, 200);
        EXPECT_TRUE(shown.has(R"("at":"2023-11-14T22:13:20Z","method":"POST","headers":{)")) << shown.body;
        EXPECT_TRUE(shown.has(R"("body":"{\"a\":1}","body_bytes":7,"signature":"missing"})")) << shown.body;
    }
    EXPECT_EQ(call_as(bob_, "GET", one).status, 404);
    EXPECT_TRUE(show(bob_).has(R"("requests":[])"));
    EXPECT_EQ(call_as(ann_, "DELETE", "/api/v1/catcher").status, 204);
    EXPECT_EQ(call_as(ann_, "DELETE", "/api/v1/catcher").status, 404);
    expect_error(call("POST", path_of(opened), R"({"a":1})", {{"content-type", "application/json"}}), 410,
                 "This address is not there any more; it lived for an hour");
}

TEST_F(CatcherTest, SaysWhetherAWebhookIsSignedRightly) {
    const Answer opened = open(ann_);
    const auto secrets = storage_.webhook_secrets(*Uuid::parse(ann_.id)).value();
    const auto send = [&](const std::string& id, const std::string& body) {
        const std::string signature =
            webhook::sign_delivery(secrets, secrets_, ann_.id, "1", 1'700'000'000, body).value();
        const net::Headers headers{{"content-type", "application/json"},
                                   {"webhook-id", id},
                                   {"webhook-timestamp", "1700000000"},
                                   {"webhook-signature", "v1,bm8= " + signature}};
        EXPECT_EQ(call("POST", path_of(opened), body, headers).status, 200);
    };
    send("1", "{}");
    EXPECT_TRUE(show(ann_).has(R"("requests":[{"id":)"));
    EXPECT_TRUE(show(ann_).has(R"("signature":"valid"})")) << show(ann_).body;
    send("2", "{}");
    EXPECT_TRUE(show(ann_).has(R"("signature":"invalid"})"));
    send("1", "\"" + std::string(20'000, 'x') + "\"");
    EXPECT_TRUE(show(ann_).has(R"("body_bytes":20002,"signature":"unknown"})"));
}

TEST_F(CatcherTest, ItsAddressIsAllowedForItsUsersWebhooksAndNothingElse) {
    const std::string token = path_of(open(ann_)).substr(5);
    const auto test = [&](const Account& account, const std::string& url) {
        return call_as(account, "POST", "/api/v1/endpoints/test", R"({"webhook_url":")" + url + "\"}").status;
    };
    const std::string url = "http://127.0.0.1:8000/try/" + token;
    EXPECT_EQ(test(ann_, url), 202);
    const Answer created = call_as(ann_, "POST", "/api/v1/alerts", alert_body("1", "BTC", "gt", url));
    EXPECT_EQ(created.status, 201) << created.body;
    EXPECT_EQ(
        call_as(ann_, "PATCH", "/api/v1/alerts/" + member(created.body, "id"), R"({"note":"x"})").status,
        200);
    EXPECT_EQ(test(bob_, url), 422) << "another user's";
    for (const std::string& other :
         {url + "/", url + "?a=1", "http://127.0.0.1:8000/" + token,
          "http://127.0.0.1:8000/try/" + std::string(43, 'a'), std::string("http://127.0.0.1:8000/hook")}) {
        EXPECT_EQ(test(ann_, other), 422) << other;
    }
    clock_.advance(1h);
    EXPECT_EQ(test(ann_, url), 422) << "it has ended";
}

TEST_F(CatcherTest, WhatArrivesIsSentOnTheStream) {
    const Answer opened = open(ann_);
    const auto peer = std::make_shared<fakes::FakePeer>();
    const net::WsHandler handler = open_stream(ann_, peer);
    ASSERT_TRUE(peer->wait_for("ready"));
    EXPECT_EQ(call("POST", path_of(opened), "{}", {{"content-type", "application/json"}}).status, 200);
    EXPECT_TRUE(peer->wait_for(R"({"type":"caught","id":")"));
    EXPECT_EQ(peer->count(R"("body":"{}","body_bytes":2,"signature":"missing"}})"), 1U);
    handler.on_close();
}

}  // namespace
}  // namespace pricewire::api
