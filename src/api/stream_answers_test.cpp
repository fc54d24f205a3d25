// The HTTP responses of the live stream's two endpoints; the stream's own tests cover what is sent on them.
#include "api/api_fixture.hpp"

namespace pricewire::api {
namespace {

class StreamAnswersTest : public ApiTest {
protected:
    Account ann_ = register_user("ann@example.com");
};

TEST_F(StreamAnswersTest, AStreamWithoutAnUpgradeIs426) {
    const Answer answer = call_as(ann_, "GET", "/api/v1/stream");
    expect_error(answer, 426, "This is a WebSocket: ask for an upgrade, or use /api/v1/events");
    EXPECT_EQ(answer.header("Upgrade"), "websocket");
    expect_error(call("GET", "/api/v1/stream"), 401, "Missing API Key in headers");
}

TEST_F(StreamAnswersTest, EventsHaveTheirOwnHeaders) {
    for (const char* path :
         {"/api/v1/events", "/api/v1/events/?tickers=btc,ETH", "/api/v1/events?tickers="}) {
        const Answer answer = call_as(ann_, "GET", path);
        EXPECT_EQ(answer.status, 200) << path;
        EXPECT_EQ(answer.response.content_type, "text/event-stream");
        EXPECT_EQ(answer.header("X-Accel-Buffering"), "no");
        EXPECT_TRUE(answer.response.stream);
    }
}

TEST_F(StreamAnswersTest, ErrorsAreReportedBeforeTheStream) {
    expect_invalid(call_as(ann_, "GET", "/api/v1/events?tickers=BTC,XYZ"), R"("query","tickers")", "enum");
    expect_error(call("GET", "/api/v1/events"), 401, "Missing API Key in headers");
    expect_error(call_as(ann_, "POST", "/api/v1/events"), 405, "Method Not Allowed");
}

TEST_F(StreamAnswersTest, StreamsAreLimitedLikeOtherRequests) {
    options_.user_limit = {1, 10s};
    api_ = nullptr;
    for (const char* path : {"/api/v1/events", "/api/v1/stream"}) {
        EXPECT_LT(call_as(ann_, "GET", path).status, 429) << path;
        EXPECT_EQ(call_as(ann_, "GET", path).status, 429) << path;
    }
}

}  // namespace
}  // namespace pricewire::api
