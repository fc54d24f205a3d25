#include "support/tcp_gate.hpp"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <string>
#include <thread>

#include "support/peer_socket.hpp"

namespace pricewire::test {
namespace {

using namespace std::chrono_literals;

class Gate : public ::testing::Test {
protected:
    Gate() : gate_(server_.second) {}

    // A connection through the gate; invalid if it is refused.
    Descriptor connect() {
        Descriptor socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
        sockaddr_in where{};
        where.sin_family = AF_INET;
        where.sin_port = htons(gate_.port());
        where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&where), sizeof where) != 0) {
            return Descriptor();
        }
        return socket;
    }
    // The server's end of the next connection.
    Descriptor accept() {
        wait(server_.first.get(), 30s);
        return Descriptor(::accept(server_.first.get(), nullptr, nullptr));
    }
    static bool wait(int fd, std::chrono::milliseconds time) {
        pollfd waiting{fd, POLLIN, 0};
        return poll(&waiting, 1, static_cast<int>(time.count())) > 0;
    }
    static void say(const Descriptor& socket, const std::string& text) {
        EXPECT_EQ(send(socket.get(), text.data(), text.size(), MSG_NOSIGNAL), std::ssize(text));
    }
    // The next bytes; "end" at the peer's end, "reset" where the connection was reset.
    static std::string hear(const Descriptor& socket) {
        if (!wait(socket.get(), 30s)) return "silence";
        std::array<char, 100> buffer;
        const ssize_t size = recv(socket.get(), buffer.data(), buffer.size(), 0);
        if (size == 0) return "end";
        if (size < 0) return errno == ECONNRESET ? "reset" : "error";
        return {buffer.data(), static_cast<std::size_t>(size)};
    }

    std::pair<Descriptor, std::uint16_t> server_ = bind_loopback(SOCK_STREAM, "127.0.0.1", 0);
    TcpGate gate_;
};

TEST_F(Gate, PassesBothWaysAndEachEndByItself) {
    const Descriptor client = connect();
    const Descriptor server = accept();
    say(client, "ask");
    EXPECT_EQ(hear(server), "ask");
    shutdown(client.get(), SHUT_WR);
    EXPECT_EQ(hear(server), "end");
    say(server, "answer");
    EXPECT_EQ(hear(client), "answer");
    shutdown(server.get(), SHUT_WR);
    EXPECT_EQ(hear(client), "end");
    EXPECT_EQ(gate_.accepted(), 1);
}

TEST_F(Gate, PassesMuchWithoutHoldingIt) {
    const Descriptor client = connect();
    const Descriptor server = accept();
    const std::string block(1000, 'x');
    std::thread writer([&] {
        for (int i = 0; i < 20'000; ++i) say(client, block);
        shutdown(client.get(), SHUT_WR);
    });
    std::size_t total = 0;
    for (std::string bytes = hear(server); bytes != "end"; bytes = hear(server)) total += bytes.size();
    writer.join();
    EXPECT_EQ(total, 20'000'000U);
}

TEST_F(Gate, CutResetsWhatIsOpenAndRefusesUntilItPasses) {
    const Descriptor client = connect();
    const Descriptor server = accept();
    gate_.cut();
    EXPECT_EQ(hear(client), "reset");
    EXPECT_EQ(hear(server), "reset");
    EXPECT_FALSE(connect());
    gate_.pass();
    const Descriptor again = connect();
    ASSERT_TRUE(again);
    const Descriptor server_again = accept();
    say(again, "ask");
    EXPECT_EQ(hear(server_again), "ask");
}

TEST_F(Gate, ResetSparesNewConnections) {
    const Descriptor client = connect();
    const Descriptor server = accept();
    gate_.reset();
    EXPECT_EQ(hear(client), "reset");
    EXPECT_EQ(hear(server), "reset");
    EXPECT_EQ(gate_.open(), 0U);
    EXPECT_TRUE(connect());
}

TEST_F(Gate, HalfOpenKeepsEverythingToItselfUntilItPasses) {
    const Descriptor client = connect();
    const Descriptor server = accept();
    gate_.half_open();
    say(client, "ask");
    say(server, "answer");
    EXPECT_FALSE(wait(client.get(), 50ms));
    EXPECT_FALSE(wait(server.get(), 50ms));
    const Descriptor second = connect();
    EXPECT_TRUE(second);
    gate_.pass();
    EXPECT_EQ(hear(server), "ask");
    EXPECT_EQ(hear(client), "answer");
    const Descriptor second_server = accept();
    say(second, "second");
    EXPECT_EQ(hear(second_server), "second");
}

TEST_F(Gate, DelaysAndKeepsTheOrder) {
    const Descriptor client = connect();
    const Descriptor server = accept();
    gate_.delay(100ms);
    const auto begin = std::chrono::steady_clock::now();
    say(client, "one");
    EXPECT_EQ(hear(server), "one");
    EXPECT_GE(std::chrono::steady_clock::now() - begin, 100ms);
    gate_.pass();
    say(client, "two");
    EXPECT_EQ(hear(server), "two");
}

TEST_F(Gate, ResetsTheClientWhereNobodyListensBehindIt) {
    server_.first = Descriptor();
    const Descriptor client = connect();
    ASSERT_TRUE(client);
    EXPECT_EQ(hear(client), "reset");
}

}  // namespace
}  // namespace pricewire::test
