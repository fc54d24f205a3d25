// How deliveries are shown: listings, filters, pages, details.
#include "api/delivery_fixture.hpp"
#include "net/endpoint_name.hpp"

namespace pricewire::api {
namespace {

class DeliveriesTest : public DeliveryFixture {
protected:
    Answer list(const std::string& query = "", const std::string& path = "/api/v1/deliveries") {
        return call_as(ann_, "GET", path + query);
    }
    std::vector<std::string> listed(const std::string& query) { return ids(list(query)); }
};

using Ids = std::vector<std::string>;

TEST_F(DeliveriesTest, ShowAllFields) {
    const std::string alert = create(ann_);
    const std::string id = fire(alert, "70000.5");
    const std::string wanted =
        R"({"id":")" + id + R"(","alert_id":")" + alert +
        R"(","ticker":"BTC","webhook_url":"https://hooks.example.com/a?key=1","kind":"alert","status":"pending",)"
        R"("attempt_count":0,"created_at":"2023-11-14T22:13:20Z","deadline":"2023-11-15T22:13:20Z",)"
        R"("next_attempt_at":"2023-11-14T22:13:20Z","finished_at":null,"reason":null,"last_status":null,)"
        R"("attempts_allowed":4)";
    for (const std::string path : {"/api/v1/deliveries", "/api/v1/deliveries/",
                                   "/api/v1/alerts/{}/deliveries", "/api/v1/alerts/{}/deliveries/"}) {
        std::string target = path;
        if (const auto hole = target.find("{}"); hole != std::string::npos) target.replace(hole, 2, alert);
        EXPECT_EQ(list("", target).body, "[" + wanted + "}]") << target;
    }
    EXPECT_EQ(
        list("", "/api/v1/deliveries/" + id).body,
        wanted +
            R"(,"endpoint":{"name":"https://hooks.example.com:443","breaker":"closed","retry_at":null},)" +
            R"("request":null,"attempts_dropped":0,"attempts":[]})");
}

TEST_F(DeliveriesTest, ShowEveryAttempt) {
    const std::string id = fired(ann_);
    claim(id, 1);
    Attempt attempt;
    attempt.started_at = clock_.now();
    attempt.duration = 5000ms;
    attempt.error = "no answer within 5 s";
    record(id, 1, DeliveryState::pending, attempt);
    clock_.advance(10s);
    claim(id, 2);
    attempt.started_at = clock_.now();
    attempt.duration = 116'400us;
    attempt.error.clear();
    attempt.status = 200;
    attempt.remote_ip = "93.184.216.34";
    attempt.request_headers = R"({"webhook-id":"1","webhook-signature":"v1,…"})";
    attempt.request_body = "{\"price\": \"1\"}\n";
    attempt.answer = "\"ok\" \xff\xc3";
    attempt.times = {3100us, 20'700us, std::nullopt, 1us};
    record(id, 2, DeliveryState::delivered, attempt);
    const Answer answer = call_as(ann_, "GET", "/api/v1/deliveries/" + id + "/");
    EXPECT_EQ(answer.status, 200);
    EXPECT_TRUE(answer.has(
        R"("request":{"attempt":2,"method":"POST","url":"https://hooks.example.com/a",)"
        R"("headers":{"webhook-id":"1","webhook-signature":"v1,…"},"body":"{\"price\": \"1\"}\n"},)"))
        << answer.body;
    EXPECT_TRUE(answer.body.ends_with(
        R"("attempts_dropped":0,"attempts":[{"number":1,"started_at":"2023-11-14T22:13:20Z","duration_ms":5000,"status":null,)"
        R"("error":"no answer within 5 s","address":null,"request_headers":null,"answer":null,)"
        R"("times":{"dns_ms":null,"connect_ms":null,"tls_ms":null,"first_byte_ms":null}},)"
        R"({"number":2,"started_at":"2023-11-14T22:13:30Z","duration_ms":116.4,"status":200,"error":null,)"
        R"("address":"93.184.216.34","request_headers":{"webhook-id":"1","webhook-signature":"v1,…"},)"
        R"("answer":"\"ok\" \ufffd\ufffd","times":{"dns_ms":3.1,"connect_ms":20.7,"tls_ms":null,"first_byte_ms":0.001}}]})"))
        << answer.body;
    EXPECT_TRUE(answer.has(R"("status":"delivered","attempt_count":2,)"));
    EXPECT_TRUE(answer.has(
        R"("next_attempt_at":null,"finished_at":"2023-11-14T22:13:30Z","reason":null,"last_status":200)"))
        << answer.body;
}

TEST_F(DeliveriesTest, ShowTheBreakerOfTheEndpoint) {
    const std::string id = fired(ann_, "70000", "https://hooks.example.com/a?key=1");
    const std::string of_bob = fired(bob_, "70000", "https://hooks.example.com/b");
    const Breaker breakers[] = {
        open_breaker("ann@example.com", "https://hooks.example.com:443", 5),
        open_breaker("ann@example.com", "https://other.example.com:443", 9),
    };
    storage_.save_breakers(breakers);
    EXPECT_TRUE(
        call_as(ann_, "GET", "/api/v1/deliveries/" + id)
            .has(
                R"("endpoint":{"name":"https://hooks.example.com:443","breaker":"open","retry_at":"2023-11-14T22:14:20Z"})"));
    EXPECT_TRUE(
        call_as(bob_, "GET", "/api/v1/deliveries/" + of_bob)
            .has(
                R"("endpoint":{"name":"https://hooks.example.com:443","breaker":"closed","retry_at":null})"));
}

TEST_F(DeliveriesTest, AreListedNewestFirstForTheirUserOnly) {
    Ids wanted;
    for (int i = 1; i <= 3; ++i) {
        wanted.insert(wanted.begin(), fired(ann_, std::to_string(i)));
        clock_.advance(1ms);
        fired(bob_, std::to_string(i));
    }
    EXPECT_EQ(listed(""), wanted);
    EXPECT_EQ(list().header("Link"), "");
}

TEST_F(DeliveriesTest, AreFilteredByEndpointKindAndAnswer) {
    const std::string alert = create(ann_, "1", "https://hooks.example.com/a");
    const std::string first = fire(alert, "2");
    clock_.advance(1ms);
    const std::string second = fired(ann_, "2", "https://hooks.example.com/b");
    clock_.advance(1ms);
    const std::string third = fired(ann_, "3", "https://hooks.example.com/b");
    clock_.advance(1ms);
    const std::string test = member(call_as(ann_, "POST", "/api/v1/alerts/" + alert + "/test").body, "id");
    end(first, DeliveryState::failed);
    end(second, DeliveryState::delivered);
    claim(third, 1);
    record(third, 1, DeliveryState::pending, Attempt{});
    EXPECT_EQ(listed("?endpoint=https://hooks.example.com/b"), (Ids{third, second}));
    EXPECT_EQ(listed("?endpoint=HTTPS%3A%2F%2FHooks.example.com/a&kind=alert"), (Ids{first}));
    EXPECT_EQ(listed("?endpoint=HTTPS%3A%2F%2FHooks.example.com/a").size(), 2U);
    EXPECT_EQ(listed("?endpoint=nothing"), Ids{});
    EXPECT_EQ(listed("?kind=test"), (Ids{test}));
    EXPECT_EQ(listed("?kind=alert"), (Ids{third, second, first}));
    EXPECT_EQ(listed("?kind=expired"), Ids{});
    EXPECT_EQ(listed("?code=5xx"), (Ids{first}));
    EXPECT_EQ(listed("?code=2xx"), (Ids{second}));
    EXPECT_EQ(listed("?code=none"), (Ids{third})) << "of those that were attempted";
    EXPECT_EQ(listed("?code=4xx"), Ids{});
    EXPECT_EQ(listed("?status=failed&code=5xx&kind=alert&endpoint=https://hooks.example.com/a"),
              (Ids{first}));
    EXPECT_EQ(listed("?status=failed&endpoint=https://hooks.example.com/b"), Ids{});
    EXPECT_EQ(listed("?status=pending,failed&alert_id=" + alert + "&code=5xx"), (Ids{first}));
    EXPECT_EQ(ids(list("?kind=test", "/api/v1/alerts/" + alert + "/deliveries")), (Ids{test}));
    expect_invalid(list("?kind=tests"), R"("query","kind")", "enum");
    expect_invalid(list("?code=404"), R"("query","code")", "enum");
    expect_invalid(list("?from=yesterday"), R"("query","from")", "datetime_parsing");
}

TEST_F(DeliveriesTest, SayHowManyAttemptsThereAreInAll) {
    options_.attempts = 3;
    api_ = nullptr;
    const std::string id = fired(ann_);
    claim(id, 1);
    record(id, 1, DeliveryState::pending, Attempt{});
    EXPECT_TRUE(list().has(R"("attempt_count":1,)"));
    EXPECT_TRUE(list().has(R"("next_attempt_at":"2023-11-14T22:13:30Z","finished_at":null,)"
                           R"("reason":"503 Service Unavailable","last_status":null,"attempts_allowed":3})"));
    clock_.advance(10s);
    for (const int number : {2, 3}) {
        claim(id, number);
        record(id, number, number == 3 ? DeliveryState::failed : DeliveryState::pending, Attempt{});
        clock_.advance(10s);
    }
    ASSERT_EQ(call_as(ann_, "POST", "/api/v1/deliveries/" + id + "/retry").status, 202);
    EXPECT_TRUE(list().has(R"("attempts_allowed":4})")) << "one more, whatever it comes to";
    claim(id, 4);
    record(id, 4, DeliveryState::failed, Attempt{});
    EXPECT_TRUE(list().has(R"("attempts_allowed":4})"));
}

TEST_F(DeliveriesTest, AreFilteredByStateAlertAndTime) {
    const std::string alert = create(ann_, "1");
    const std::string first = fire(alert, "2");
    clock_.advance(1s);
    const std::string second = fired(ann_, "2");
    clock_.advance(1s);
    const std::string third = fired(ann_, "3");
    end(first, DeliveryState::failed);
    end(second, DeliveryState::delivered);
    EXPECT_EQ(listed("?status=failed"), (Ids{first}));
    EXPECT_EQ(listed("?status=delivered"), (Ids{second}));
    EXPECT_EQ(listed("?status=pending"), (Ids{third}));
    EXPECT_EQ(listed("?status=cancelled"), Ids{});
    EXPECT_EQ(listed("?status=failed,pending"), (Ids{third, first}));
    EXPECT_EQ(listed("?status=failed%2Cfailed"), (Ids{first}));
    EXPECT_EQ(listed("?status=pending,delivering,delivered,failed,expired,cancelled"),
              (Ids{third, second, first}));
    EXPECT_EQ(listed("?alert_id=" + alert), (Ids{first}));
    EXPECT_EQ(listed("?from=2023-11-14T22:13:21Z"), listed("?since=2023-11-14T22:13:21Z"));
    EXPECT_EQ(listed("?from=2023-11-14T22:13:21Z&to=2023-11-14T22:13:22Z"), (Ids{second}));
    EXPECT_EQ(listed("?since=2023-11-14T22:13:21Z"), (Ids{third, second}));
    EXPECT_EQ(listed("?until=2023-11-14T22:13:21Z"), (Ids{first}));
    EXPECT_EQ(listed("?since=2023-11-14T22:13:21Z&until=2023-11-14T22:13:22Z&status=delivered"),
              (Ids{second}));
    EXPECT_EQ(listed("?since=2023-11-15T00:13:21+02:00"), (Ids{third, second})) << "an unescaped plus";
    EXPECT_EQ(listed("?since=2023-11-15T00:13:21%2B02:00"), (Ids{third, second}));
    EXPECT_EQ(listed("?since=2023-11-14%2022:13:21Z"), (Ids{third, second}));
    EXPECT_EQ(ids(list("?status=failed", "/api/v1/alerts/" + alert + "/deliveries")), (Ids{first}));
    EXPECT_EQ(ids(list("?status=pending", "/api/v1/alerts/" + alert + "/deliveries")), Ids{});
    const std::string other = member(list("", "/api/v1/deliveries/" + third).body, "alert_id");
    EXPECT_EQ(ids(list("?alert_id=" + other, "/api/v1/alerts/" + alert + "/deliveries")), (Ids{first}))
        << "the path wins";
}

TEST_F(DeliveriesTest, PagesHaveNoGapsOrDuplicates) {
    Ids wanted;
    for (int i = 1; i <= 7; ++i) {
        const std::string id = fired(ann_, std::to_string(i));
        end(id, i % 2 == 0 ? DeliveryState::failed : DeliveryState::delivered);
        wanted.insert(wanted.begin(), id);
        clock_.advance(1ms);
    }
    for (const std::string query : {"?limit=3", "?limit=3&status=failed,delivered"}) {
        int pages = 0;
        const Ids seen = ids_of_pages(ann_, "/api/v1/deliveries/" + query, [&](int page, const Ids&) {
            pages = page;
            // Deliveries created meanwhile do not shift the pages.
            if (page == 1 && query == "?limit=3") fired(ann_, "999");
        });
        EXPECT_EQ(seen, wanted) << query;
        EXPECT_EQ(pages, 3);
    }
    EXPECT_EQ(next_page(list("?limit=3&status=failed")), "") << "a full last page";
    const std::string next = next_page(list("?limit=2&status=failed,delivered&since=2023-11-14T22:13:20Z"));
    EXPECT_TRUE(next.starts_with(
        "/api/v1/deliveries/?limit=2&status=failed%2Cdelivered&since=2023-11-14T22%3A13%3A20Z&cursor="))
        << next;
}

TEST_F(DeliveriesTest, PagesOfAnAlertKeepTheAlert) {
    const std::string alert = create(ann_);
    fire(alert, "70001");
    for (int i = 0; i < 2; ++i) {
        clock_.advance(1ms);
        ASSERT_EQ(call_as(ann_, "POST", "/api/v1/alerts/" + alert + "/test").status, 202);
    }
    const std::string path = "/api/v1/alerts/" + alert + "/deliveries/";
    const Answer first = list("?limit=2", path);
    EXPECT_EQ(ids(first).size(), 2u);
    EXPECT_TRUE(next_page(first).starts_with(path + "?limit=2&cursor=")) << next_page(first);
    EXPECT_EQ(ids(list("", next_page(first))).size(), 1u);
}

TEST_F(DeliveriesTest, InvalidParametersAre422) {
    const std::string alert = create(ann_);
    for (const std::string& path :
         {std::string("/api/v1/deliveries"), "/api/v1/alerts/" + alert + "/deliveries"}) {
        for (const char* status : {"", "open", "failed,", ",failed", "FAILED", "failed pending"}) {
            expect_invalid(list("?status=" + std::string(status), path), R"("query","status")", "enum");
        }
        for (const char* time : {"", "yesterday", "2023-11-14", "2023-13-14T00:00:00Z", "1700000000"}) {
            expect_invalid(list("?since=" + std::string(time), path), R"("query","since")",
                           "datetime_parsing");
            expect_invalid(list("?until=" + std::string(time), path), R"("query","until")",
                           "datetime_parsing");
        }
        expect_invalid(list("?alert_id=7", path), R"("query","alert_id")", "uuid_parsing");
        expect_invalid(list("?limit=0", path), R"("query","limit")", "out_of_range");
        expect_invalid(list("?limit=1001", path), R"("query","limit")", "out_of_range");
        expect_invalid(list("?limit=x", path), R"("query","limit")", "int_parsing");
        expect_invalid(list("?cursor=x", path), R"("query","cursor")", "value_error");
    }
    const Answer both = list("?status=x&limit=0");
    EXPECT_TRUE(both.has(R"("query","status")") && both.has(R"("query","limit")")) << both.body;
}

TEST_F(DeliveriesTest, MissingOnesAndThoseOfOthersAre404) {
    const std::string alert = create(ann_);
    const std::string id = fire(alert, "70001");
    for (const std::string& which : {std::string("018f3f6e-7c1a-7a3b-8f00-0123456789ab"), std::string("7"),
                                     std::string("%00"), id + "0"}) {
        expect_error(call_as(ann_, "GET", "/api/v1/deliveries/" + which), 404, "Delivery not found");
        expect_error(call_as(ann_, "GET", "/api/v1/alerts/" + which + "/deliveries"), 404, "Alert not found");
    }
    expect_error(call_as(bob_, "GET", "/api/v1/deliveries/" + id), 404, "Delivery not found");
    expect_error(call_as(bob_, "GET", "/api/v1/alerts/" + alert + "/deliveries"), 404, "Alert not found");
    EXPECT_EQ(call_as(bob_, "GET", "/api/v1/deliveries").body, "[]");
    EXPECT_EQ(call_as(bob_, "GET", "/api/v1/deliveries?alert_id=" + alert).body, "[]");
}

TEST_F(DeliveriesTest, OfADeletedAlertStillExist) {
    const std::string alert = create(ann_);
    const std::string id = fire(alert, "70001");
    ASSERT_EQ(call_as(ann_, "DELETE", "/api/v1/alerts/" + alert).status, 204);
    EXPECT_EQ(listed(""), (Ids{id}));
    EXPECT_EQ(call_as(ann_, "GET", "/api/v1/deliveries/" + id).status, 200);
    const std::string path = "/api/v1/alerts/" + alert + "/deliveries";
    EXPECT_EQ(ids(list("", path)), (Ids{id}));
    EXPECT_EQ(list("?status=failed", path).body, "[]");
    const std::string unfired = create(ann_, "2");
    ASSERT_EQ(call_as(ann_, "DELETE", "/api/v1/alerts/" + unfired).status, 204);
    expect_error(list("", "/api/v1/alerts/" + unfired + "/deliveries"), 404, "Alert not found");
}

TEST_F(DeliveriesTest, APageLooksAtABoundedNumberAndLinksToTheRest) {
    const FiringGroup old = storage_.add_alerts(
        1,
        {.user_id = *Uuid::parse(ann_.id), .webhook_url = "https://a.example/", .created_at = clock_.now()});
    storage_.fire({&old, 1});
    clock_.advance(10s);
    const FiringGroup many = storage_.add_alerts(
        20'000,
        {.user_id = *Uuid::parse(ann_.id), .webhook_url = "https://a.example/", .created_at = clock_.now()});
    const auto tasks = storage_.fire({&many, 1});
    ASSERT_EQ(storage_.claim(tasks, clock_.now(), {"test", clock_.now() + 30s}).size(), 20'000u);
    const Answer first = list("?status=pending");
    EXPECT_EQ(first.body, "[]");
    const std::string rest = next_page(first);
    ASSERT_FALSE(rest.empty());
    const Answer second = call_as(ann_, "GET", rest);
    EXPECT_TRUE(second.has(old.firings[0].delivery_id.to_string())) << second.body;
    EXPECT_EQ(second.header("Link"), "");
    EXPECT_EQ(list("?status=failed").header("Link"), "") << "these are found by their index";
}

TEST_F(DeliveriesTest, ShowTheLastAttemptsAndHowManyAreGone) {
    const std::string id = fired(ann_);
    for (int number = 1; number <= 103; ++number) {
        claim(id, number);
        record(id, number, DeliveryState::pending, Attempt{});
        clock_.advance(10s);
    }
    const Answer answer = call_as(ann_, "GET", "/api/v1/deliveries/" + id);
    EXPECT_TRUE(answer.has(R"("attempt_count":103)"));
    EXPECT_TRUE(answer.has(R"("attempts_dropped":83,"attempts":[{"number":84,)"));
    EXPECT_TRUE(answer.has(R"({"number":103,)"));
}

TEST(EndpointName, IsSchemeHostAndPort) {
    const std::pair<const char*, const char*> cases[] = {
        {"https://example.com", "https://example.com:443"},
        {"https://example.com/", "https://example.com:443"},
        {"HTTPS://Example.COM/Path?x=http://y", "https://example.com:443"},
        {"http://example.com?x", "http://example.com:80"},
        {"https://example.com:8443/hook", "https://example.com:8443"},
        {"https://example.com:/hook", "https://example.com:443"},
        {"https://[2606:4700::1111]/hook", "https://[2606:4700::1111]:443"},
        {"https://[2606:4700::1111]:8443/hook", "https://[2606:4700::1111]:8443"},
        {"https://example.com/a:b", "https://example.com:443"},
        {"https://example.com./x", "https://example.com:443"},
        {"https:///x", ""},
        {"rubbish", ""},
        {"", ""},
    };
    for (const auto& [url, name] : cases) EXPECT_EQ(net::endpoint_name(url), name) << url;
}

TEST(EndpointName, AnOriginHasNoPortOfItsScheme) {
    EXPECT_EQ(net::origin_of("https://Example.com/x"), "https://example.com");
    EXPECT_EQ(net::origin_of("https://example.com:8443/x"), "https://example.com:8443");
    EXPECT_EQ(net::origin_of("https://example.com:80/x"), "https://example.com:80");
    EXPECT_EQ(net::origin_of("http://example.com/x"), "http://example.com");
    EXPECT_EQ(net::origin_of(""), "");
}

}  // namespace
}  // namespace pricewire::api
