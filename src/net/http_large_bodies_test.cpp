// Bodies that are larger than most paths take.
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "base/mutex.hpp"
#include "net/http_server.hpp"
#include "support/raw_client.hpp"

namespace pricewire::net {
namespace {

using test::RawClient;

class HttpLargeBodiesTest : public ::testing::Test {
protected:
    HttpLargeBodiesTest() {
        ServerOptions options;
        options.listen = "127.0.0.1:0";
        options.max_body_bytes = 100;
        options.max_large_body_bytes = 1000;
        options.max_large_bodies = 2;
        options.takes_large_body = [](std::string_view path) { return path.starts_with("/many"); };
        auto made = create_http_server(options, [this](ServerRequest&& request, HttpServer::Respond respond) {
            if (request.path != "/many/held") {
                // Gives its place back before the client can send the next one.
                std::exchange(request, {});
                return respond({.content_type = "text/plain"});
            }
            MutexLock lock(mutex_);
            held_.emplace_back(std::move(request), std::move(respond));
            arrived_.notify_all();
        });
        EXPECT_TRUE(made);
        server_ = std::move(*made);
    }

    static std::string post(const std::string& path, std::size_t size) {
        return "POST " + path + " HTTP/1.1\r\nHost: h\r\nContent-Length: " + std::to_string(size) +
               "\r\n\r\n" + std::string(size, 'x');
    }
    static std::string chunked(const std::string& path, std::size_t size) {
        std::string out = "POST " + path + " HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n";
        for (std::size_t i = 0; i < size / 10; ++i) out += "a\r\nxxxxxxxxxx\r\n";
        return out + "0\r\n\r\n";
    }
    std::string status(const std::string& bytes) const {
        const RawClient c(server_->port());
        c.put(bytes);
        c.end();
        const std::string answer = c.rest();
        return answer.starts_with("HTTP/1.1 ") ? answer.substr(9, 3) : answer;
    }
    void hold(const std::string& bytes, std::vector<std::unique_ptr<RawClient>>& clients) {
        MutexLock lock(mutex_);
        const std::size_t before = held_.size();
        clients.push_back(std::make_unique<RawClient>(server_->port()));
        clients.back()->put(bytes);
        arrived_.wait(lock, [&]() REQUIRES(mutex_) { return held_.size() > before; });
    }

    Mutex mutex_;
    CondVar arrived_;
    std::vector<std::pair<ServerRequest, HttpServer::Respond>> held_ GUARDED_BY(mutex_);
    std::unique_ptr<HttpServer> server_;
};

TEST_F(HttpLargeBodiesTest, AreTakenOnTheirPathsOnlyAndUpToTheirLimit) {
    for (const auto form : {post, chunked}) {
        EXPECT_EQ(status(form("/one", 100)), "200");
        EXPECT_EQ(status(form("/one", 110)), "413");
        EXPECT_EQ(status(form("/many", 1000)), "200");
        EXPECT_EQ(status(form("/many", 1010)), "413");
    }
    const RawClient c(server_->port());
    c.put(post("/many", 1000) + post("/one", 110));
    c.end();
    const std::string answers = c.rest();
    EXPECT_TRUE(answers.starts_with("HTTP/1.1 200")) << answers;
    EXPECT_TRUE(answers.contains("HTTP/1.1 413")) << "the limit of one request is not the next one's";
}

TEST_F(HttpLargeBodiesTest, AreHeldInABoundedNumberUntilTheyAreAnswered) {
    std::vector<std::unique_ptr<RawClient>> clients;
    hold(post("/many/held", 900), clients);
    hold(chunked("/many/held", 900), clients);
    EXPECT_EQ(status(post("/many", 900)), "503");
    EXPECT_EQ(status(chunked("/many", 900)), "503");
    EXPECT_EQ(status(post("/many", 100)), "200") << "one that is not large needs no place";
    clients.clear();
    EXPECT_EQ(status(post("/many", 900)), "503") << "their clients have left, and they are still there";
    {
        MutexLock lock(mutex_);
        held_.pop_back();
    }
    EXPECT_EQ(status(post("/many", 900)), "200");
    EXPECT_EQ(status(post("/many", 900)), "200") << "each gives its place back";
    MutexLock lock(mutex_);
    held_.clear();
}

}  // namespace
}  // namespace pricewire::net
