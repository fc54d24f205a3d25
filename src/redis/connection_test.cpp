#include "redis/connection.hpp"

#include <gtest/gtest.h>

#include <csignal>

#include "fakes/log_capture.hpp"
#include "support/peer_socket.hpp"
#include "support/redis_server.hpp"

namespace pricewire::redis {
namespace {

using namespace std::chrono_literals;

class ConnectionTest : public testing::Test {
protected:
    void SetUp() override {
        const auto url = test::shared_redis_url();
        if (!url) GTEST_SKIP() << test::no_redis;
        address_ = *parse_url(*url);
    }
    Address address_;
};

TEST_F(ConnectionTest, AnswersSingleCommandsAndPipelines) {
    const auto c = Connection::open(address_, {});
    EXPECT_EQ(c->command({"ECHO", "one\r\ntwo"}).text(), "one\r\ntwo");
    const std::string large(3'000'000, 'x');
    EXPECT_EQ(c->command({"ECHO", large}).text(), large);
    for (int i = 0; i < 1000; ++i) c->append({"ECHO", std::to_string(i)});
    c->send(c->deadline());
    for (int i = 0; i < 1000; ++i) ASSERT_EQ(c->read(c->deadline()).text(), std::to_string(i));
}

TEST_F(ConnectionTest, AnErrorIsAReplyAndMissingPartsReadAsNil) {
    const auto c = Connection::open(address_, {});
    const Reply error = c->command({"NO-SUCH-COMMAND"});
    EXPECT_TRUE(error.is_error());
    EXPECT_THROW(error.checked(), RedisError);
    const Reply pong = c->command({"PING"});
    EXPECT_EQ(pong.size(), 0u);
    EXPECT_TRUE(pong[3][1].is_nil());
    EXPECT_EQ(pong.integer(), 0);
}

TEST_F(ConnectionTest, RunsAScriptThatRedisHasForgotten) {
    const auto c = Connection::open(address_, {});
    const Script script("return {KEYS[1], ARGV[1], '" + std::to_string(::getpid()) + "'}");
    const std::string_view keys[] = {"k"};
    const std::string_view arguments[] = {"a"};
    for (int i = 0; i < 2; ++i) {
        const Reply reply = script.run(*c, keys, arguments);
        ASSERT_EQ(reply.size(), 3u) << reply.text();
        EXPECT_EQ(reply[0].text(), "k");
        EXPECT_EQ(reply[1].text(), "a");
        c->command({"SCRIPT", "FLUSH"});
    }
}

TEST_F(ConnectionTest, ALateAnswerEndsTheConnection) {
    const auto c = Connection::open(address_, {.command = 50ms});
    EXPECT_THROW(c->command({"BLPOP", "pricewire-test-nothing-ever", "5"}), RedisError);
}

TEST(RedisConnection, AuthenticatesWithUserAndPasswordAndShowsNeither) {
    const test::RedisServer server({"--requirepass", "s3cret-pass"});
    const std::string at = "@127.0.0.1:" + std::to_string(server.port()) + "/5";
    const auto c = Connection::open(*parse_url("redis://:s3cret-pass" + at), {});
    c->command({"ACL", "SETUSER", "ann", "on", ">s3cret-ann", "~*", "+@all"}).checked();
    EXPECT_NO_THROW(Connection::open(*parse_url("redis://ann:s3cret-ann" + at), {}));
    for (const char* entry : {":s3cret-wrong", "ann:s3cret-wrong"}) {
        try {
            Connection::open(*parse_url("redis://" + std::string(entry) + at), {});
            FAIL() << "accepted " << entry;
        } catch (const RedisError& e) {
            EXPECT_EQ(std::string(e.what()).find("s3cret"), std::string::npos) << e.what();
        }
    }
    EXPECT_THROW(Connection::open(*parse_url(server.url()), {}), RedisError) << "no password at all";
}

TEST(RedisConnection, TimesOutIfThePeerNeverAnswers) {
    const auto [listening, port] = test::bind_loopback(SOCK_STREAM, "127.0.0.1", 0);
    Address dead;
    dead.port = port;
    EXPECT_THROW(Connection::open(dead, {.connect = 100ms, .command = 100ms}), RedisError);
}

TEST(RedisConnection, APeerThatIsGoneIsAnErrorNotASignal) {
    test::RedisServer server;
    const auto c = Connection::open(*parse_url(server.url()), {});
    server.kill();
    const std::string large(1'000'000, 'x');
    EXPECT_THROW(c->command({"ECHO", large}), RedisError);
    EXPECT_THROW(c->command({"ECHO", large}), RedisError);
    EXPECT_THROW(Connection::open(*parse_url(server.url()), {}), RedisError);
}

TEST(RedisConnection, DetectsASuspendedServer) {
    test::RedisServer server;
    const auto c = Connection::open(*parse_url(server.url()), {.command = 100ms});
    server.signal(SIGSTOP);
    EXPECT_THROW(c->command({"PING"}), RedisError);
    server.signal(SIGCONT);
}

}  // namespace
}  // namespace pricewire::redis
