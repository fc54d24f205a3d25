// Ids that connect a request, its log lines and its alert's webhooks.
#include <set>

#include "api/api_fixture.hpp"
#include "fakes/log_capture.hpp"

namespace pricewire::api {
namespace {

class TraceTest : public ApiTest {
protected:
    static constexpr const char* id = "4bf92f3577b34da6a3ce929d0e0e4736";

    Alert created(const Answer& answer) {
        EXPECT_EQ(answer.status, 201) << answer.body;
        return storage_.alert(*Uuid::parse(ann_.id), *Uuid::parse(member(answer.body, "id"))).value();
    }
    Answer create(const std::string& target, net::Headers headers) {
        headers.emplace_back("x-api-key", ann_.api_key);
        return call("POST", "/api/v1/alerts", alert_body(target), std::move(headers));
    }
    static std::string parent(const std::string& trace = id) {
        return "00-" + trace + "-00f067aa0ba902b7-01";
    }

    Account ann_ = register_user("ann@example.com");
};

TEST_F(TraceTest, AnAlertContinuesTheTraceOfItsRequest) {
    const Alert alert =
        created(create("1", {{"traceparent", parent()}, {"tracestate", "a=1"}, {"tracestate", "b=2"}}));
    EXPECT_EQ(alert.trace, (TraceContext{id, true, "a=1,b=2"}));
}

TEST_F(TraceTest, AnAlertWithoutAValidTraceStartsOneThatIsLogged) {
    fakes::LogCapture log;
    std::set<std::string> ids;
    int target = 0;
    for (const net::Headers& headers :
         {net::Headers{}, net::Headers{{"traceparent", parent(std::string(32, '0'))}, {"tracestate", "a=1"}},
          net::Headers{{"traceparent", "00-" + std::string(id) + "-0000000000000000-01"}},
          net::Headers{{"traceparent", parent()}, {"traceparent", parent()}},
          net::Headers{{"tracestate", "a=1"}}}) {
        const Alert alert = created(create(std::to_string(++target), headers));
        ASSERT_TRUE(alert.trace);
        EXPECT_EQ(alert.trace->state, "");
        EXPECT_FALSE(alert.trace->sampled);
        ids.insert(alert.trace->id);
        EXPECT_EQ(log.count("alert_id=" + alert.id.to_string() + " request_id="), 1u);
        EXPECT_EQ(log.count(" trace_id=" + alert.trace->id), 1u);
    }
    EXPECT_EQ(ids.size(), 5u);
    EXPECT_FALSE(ids.contains(id));
}

TEST_F(TraceTest, EveryLogLineOfARequestHasItsId) {
    fakes::LogCapture log;
    storage_.fail();
    EXPECT_EQ(call("GET", "/api/v1/alerts", {},
                   {{"x-api-key", ann_.api_key}, {"x-request-id", "r1"}, {"traceparent", parent()}})
                  .status,
              503);
    storage_.heal();
    const std::string request = " request_id=r1 trace_id=" + std::string(id);
    EXPECT_EQ(log.count("the database cannot be reached; requests that need it are answered 503 "
                        "reason=the database is away" +
                        request),
              1u);
    EXPECT_EQ(log.count("info request method=GET route=/api/v1/alerts status=503 "), 1u);
    EXPECT_EQ(log.count(request), 2u);
}

class AccessLogTest : public ApiTest {
protected:
    Account ann_ = register_user("ann@example.com");
};

TEST_F(AccessLogTest, LogsChangesAndRejectionsAtInfo) {
    publish("BTC", "1");
    fakes::LogCapture log;
    const Answer alert = call_as(ann_, "POST", "/api/v1/alerts/", alert_body());
    const std::string id = member(alert.body, "id");
    const Answer test = call_as(ann_, "POST", "/api/v1/alerts/" + id + "/test");
    call_as(ann_, "DELETE", "/api/v1/alerts/" + id);
    const std::string user = " user_id=" + ann_.id;
    ASSERT_EQ(log.lines().size(), 3u);
    EXPECT_EQ(log.count("info request method=POST route=/api/v1/alerts status=201 ms="), 1u);
    EXPECT_EQ(log.count(" client=192.0.2.1" + user + " alert_id=" + id + " request_id="), 2u);
    EXPECT_EQ(log.count("route=/api/v1/alerts/{}/test status=202 "), 1u);
    EXPECT_EQ(
        log.count(user + " alert_id=" + id + " delivery_id=" + member(test.body, "id") + " request_id="), 1u);
    EXPECT_EQ(log.count("method=DELETE route=/api/v1/alerts/{} status=204 "), 1u);

    for (const char* path : {"/api/v1/rates", "/api/v1/users/me", "/health/live", "/docs"})
        EXPECT_EQ(call_as(ann_, "GET", path).status, 200);
    EXPECT_EQ(log.lines().size(), 3u) << "reads are not logged";
    bus_->publish_board({"BTC", std::nullopt, {}});
    EXPECT_EQ(call_as(ann_, "GET", "/api/v1/rates").status, 503);
    EXPECT_EQ(call("GET", "/api/v1/alerts").status, 401);
    EXPECT_EQ(call("BREW", "/coffee").status, 404);
    EXPECT_EQ(log.count("info request method=GET route=/api/v1/rates status=503 "), 1u);
    EXPECT_EQ(log.count("info request method=GET route=/api/v1/alerts status=401 "), 1u);
    EXPECT_EQ(log.count("info request method=other route=none status=404 "), 1u);
}

TEST_F(AccessLogTest, LinesAboutRejectedRequestsAreLimited) {
    fakes::LogCapture log;
    for (int i = 0; i < 1000; ++i) call("GET", "/api/v1/alerts");
    EXPECT_EQ(log.lines().size(), 100u);
    clock_.advance(1s);
    call("GET", "/api/v1/alerts");
    EXPECT_EQ(log.count("about=requests that were refused left_out=900"), 1u);
    EXPECT_EQ(log.count("status=401"), 101u);
}

TEST_F(AccessLogTest, ShowsNoSecrets) {
    fakes::LogCapture log(log::Level::debug);
    const std::string hidden = "sk_live_hidden";
    call("GET", "/api/v1/users/me?api_key=" + hidden, {},
         {{"x-api-key", ann_.api_key}, {"x-request-id", "r1"}});
    call("GET", "/api/v1/alerts/" + hidden, {}, {{"x-api-key", ann_.api_key}});
    call("GET", "/" + hidden, hidden, {{"x-request-id", hidden + "/"}});
    call(hidden, "/");
    ASSERT_EQ(log.count("debug request method=GET route=/api/v1/users/me status=200 ms="), 1u);
    EXPECT_EQ(log.count("request_id=r1"), 1u);
    EXPECT_EQ(log.count(ann_.api_key), 0u);
    EXPECT_EQ(log.count(hidden), 0u);
}

}  // namespace
}  // namespace pricewire::api
