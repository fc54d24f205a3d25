// Answers of receivers that are odd, cut off or endless: where only the status counts, it counts.
#include <gtest/gtest.h>

#include <optional>

#include "net/http_client_fixture.hpp"

namespace pricewire::net {
namespace {

using namespace std::chrono_literals;

std::string repeated(std::string_view text, int times) {
    std::string out;
    for (int i = 0; i < times; ++i) out += text;
    return out;
}

// Sends `answer`; then keeps the connection open until the client closes it, or ends or resets it.
enum class After { waits, closes, resets };
// The body has `body_within` to end once the status counts; without it, it counts for nothing unless the body is whole.
HttpResult answer_to(const std::string& answer, After after, std::optional<Duration> body_within) {
    RawServer server([&](int fd) {
        read_request(fd);
        put(fd, answer);
        char byte = 0;
        if (after == After::waits) {
            while (recv(fd, &byte, 1, 0) > 0) {
            }
        }
        if (after == After::resets) {
            const linger hard{1, 0};
            setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
        }
    });
    const auto client = create_http_client();
    HttpRequest request{.method = "POST", .url = server.url(), .body = "{}", .timeout = 60s};
    request.body_within = body_within;
    return send_by(*client, std::move(request));
}

struct Answer {
    const char* what;
    std::string text;
    After after;
    int status;              // 0: none counts
    std::string words = {};  // in the error if no status counts, else why the body is not whole
};

const std::string interim = "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n";
const std::string ok = "HTTP/1.1 200 OK\r\n";
const std::string two = "Content-Length: 2\r\n\r\nhi";

const std::string too_long = "did not end in time";

const Answer answers[] = {
    {"no end of the body", ok + "\r\n", After::waits, 200, too_long},
    {"a length that never comes", ok + "Content-Length: 10\r\n\r\nhi", After::waits, 200, too_long},
    {"a chunk that never comes", ok + "Transfer-Encoding: chunked\r\n\r\n5\r\nhe", After::waits, 200,
     too_long},
    {"a trailer that never ends", ok + "Transfer-Encoding: chunked\r\n\r\n0\r\nX: y", After::waits, 200,
     too_long},
    {"an early end", ok + "Content-Length: 10\r\n\r\nhi", After::closes, 200, "closed"},
    {"an early reset", ok + "Content-Length: 10\r\n\r\nhi", After::resets, 200, "reset"},
    {"chunks cut off", ok + "Transfer-Encoding: chunked\r\n\r\n5\r\nhe", After::closes, 200, "closed"},
    {"chunks of garbage", ok + "Transfer-Encoding: chunked\r\n\r\nzz\r\n-1\r\n", After::waits, 200, "hunk"},
    {"a negative length", ok + "Content-Length: -5\r\n\r\nhello", After::waits, 200, "Content-Length"},
    {"an unknown encoding", ok + "Transfer-Encoding: secret\r\n\r\nhi", After::closes, 200, "encoding"},
    {"six encodings", ok + "Transfer-Encoding: gzip, gzip, gzip, gzip, gzip, gzip\r\n\r\nhi", After::closes,
     200, "encoding"},
    {"headers without a colon or with NUL", ok + "nonsense\r\n" + std::string("X: \0y\r\n", 7) + two,
     After::closes, 200, "eader"},
    {"a length beyond all numbers", ok + "Content-Length: 99999999999999999999\r\n\r\nhi", After::closes,
     200},
    {"trailers", ok + "Transfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\nX: y\r\nRetry-After: 7\r\n\r\n",
     After::waits, 200},
    {"a trailer line of 200 KB",
     ok + "Transfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\nX: " + std::string(200'000, 'y') + "\r\n\r\n",
     After::waits, 200, "trailers are too large"},
    {"500 headers", ok + repeated("X-Filler: y\r\n", 500) + two, After::waits, 200},
    {"60 KB of headers", ok + repeated("X-Filler: " + std::string(986, 'y') + "\r\n", 60) + two, After::waits,
     200},
    {"gone, and no end", "HTTP/1.1 410 Gone\r\n\r\n", After::waits, 410, too_long},
    {"12 informational answers", repeated(interim, 12) + ok + two, After::waits, 200},
    {"1,000 informational answers", repeated("HTTP/1.1 100 Continue\r\n\r\n", 1000) + ok + two, After::waits,
     200},
    {"no content, yet some", "HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\nhello", After::waits, 204},
    {"switched protocols", "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n", After::waits, 101,
     too_long},
    {"status 777", "HTTP/1.1 777 What\r\n" + two, After::waits, 777},
    {"HTTP/2 in name", "HTTP/2 200 OK\r\n" + two, After::closes, 200},
    {"HTTP/1.0", "HTTP/1.0 200 OK\r\n\r\nhi", After::closes, 200},

    {"endless informational answers", repeated(interim, 5000), After::waits, 0, "informational"},
    {"100 KB of headers", ok + repeated("X-Filler: " + std::string(986, 'y') + "\r\n", 100) + two,
     After::waits, 0, "headers are too large"},
    {"a header line of 200 KB", ok + "X: " + std::string(200'000, 'y') + "\r\n" + two, After::waits, 0,
     "headers are too large"},
    {"a status line of 200 KB", "HTTP/1.1 200 " + std::string(200'000, 'y') + "\r\n" + two, After::waits, 0,
     "headers are too large"},
    {"headers cut off", ok + "Content-Le", After::closes, 0},
    {"status 000", "HTTP/1.1 000 None\r\n" + two, After::closes, 0},
    {"status 99", "HTTP/1.1 99 Low\r\n" + two, After::closes, 0},
    {"HTTP/0.9", "hello", After::closes, 0, "not HTTP/1.1"},
    {"an HTTP/2 preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", After::closes, 0, "not HTTP/1.1"},
};

TEST(HttpAnswers, TheStatusCountsOnceTheHeadersAreInWhateverFollows) {
    for (const Answer& answer : answers) {
        const bool ends = answer.words != too_long;
        const HttpResult result = answer_to(answer.text, answer.after, ends ? 60s : 200ms);
        EXPECT_EQ(result.status, answer.status) << answer.what << ": " << result.error_text;
        EXPECT_EQ(result.error == HttpError::none, answer.status != 0) << answer.what;
        const std::string& said = answer.status == 0 ? result.error_text : result.body_error;
        EXPECT_NE(said.find(answer.words), std::string::npos) << answer.what << ": " << said;
        EXPECT_EQ(result.body_error.empty(), answer.words.empty() || answer.status == 0)
            << answer.what << ": " << result.body_error;
        EXPECT_EQ(said.find("memory"), std::string::npos) << answer.what << ": " << said;
        EXPECT_LE(result.headers.size(), 101U) << answer.what;
        EXPECT_EQ(result.header("x"), nullptr) << answer.what << ": a trailer is no header";
    }
}

TEST(HttpAnswers, RetryAfterIsKeptBehindAnyNumberOfHeaders) {
    for (const int fillers : {0, 99, 100, 101, 2000}) {
        const HttpResult result = answer_to(
            "HTTP/1.1 503 Later\r\n" + repeated("X-Filler: y\r\n", fillers) + "Retry-After: 7\r\n\r\n",
            After::waits, 200ms);
        EXPECT_EQ(result.status, 503) << fillers;
        ASSERT_NE(result.header("retry-after"), nullptr) << fillers;
        EXPECT_EQ(*result.header("retry-after"), "7");
    }
}

TEST(HttpAnswers, WhereTheBodyCountsOneThatIsNotWholeIsAnError) {
    for (const char* rest : {"Content-Length: 10\r\n\r\nhi", "Transfer-Encoding: chunked\r\n\r\n5\r\nhe",
                             "Transfer-Encoding: chunked\r\n\r\nzz\r\n", "Content-Length: -5\r\n\r\nhello"}) {
        const HttpResult result = answer_to(ok + rest, After::closes, std::nullopt);
        EXPECT_EQ(result.error, HttpError::protocol) << rest;
        EXPECT_EQ(result.status, 0) << rest;
    }
}

}  // namespace
}  // namespace pricewire::net
