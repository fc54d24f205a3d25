// The real program and crowds of clients, and requests that come by way of a web page.
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <ifaddrs.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "net/file_limit.hpp"
#include "scenarios/no_venues.hpp"
#include "support/eventually.hpp"
#include "support/process.hpp"
#include "support/raw_client.hpp"

namespace pricewire::test {
namespace {

std::string status_of(const std::string& answer) {
    return answer.starts_with("HTTP/1.1 ") ? answer.substr(9, 3) : answer;
}

std::string get(const std::string& path, const std::string& host = "127.0.0.1",
                const std::string& more = "") {
    return "GET " + path + " HTTP/1.1\r\nHost: " + host + "\r\n" + more + "\r\n";
}
const std::string upgrade =
    "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: "
    "dGhlIHNhbXBsZSBub25jZQ==\r\n";

std::string post(const std::string& path, const std::string& type, const std::string& body) {
    return "POST " + path + " HTTP/1.1\r\nHost: 127.0.0.1\r\n" +
           (type.empty() ? "" : "Content-Type: " + type + "\r\n") +
           "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

class ProgramInACrowd : public testing::Test {
protected:
    void SetUp() override { net::raise_file_limit(); }

    void start(std::map<std::string, std::string> settings = {}, int files = 1024) {
        Process::Options options;
        options.command = {"/bin/sh", "-c", "ulimit -n " + std::to_string(files) + " && exec \"$0\" serve",
                           std::string(PRICEWIRE_BINARY_DIR) + "/pricewire"};
        options.env = no_venues();
        options.env["PRICEWIRE_HTTP_LISTEN"] = "127.0.0.1:0";
        for (const auto& [name, value] : settings) options.env[name] = value;
        options.directory = dir_.path();
        options.output = dir_.path() / "log";
        process_ = Process(options);
        const std::string address = process_.wait_for_output("is listening on http://");
        port_ = static_cast<std::uint16_t>(std::stoi(address.substr(address.rfind(':') + 1)));
    }
    std::string ask(const std::string& request) const { return ask(port_, request); }
    static std::string ask(std::uint16_t port, const std::string& request) {
        RawClient client(port);
        client.put(request);
        return client.answer();
    }
    int lines(const std::string& text) const {
        const std::string log = process_.output();
        int count = 0;
        for (std::size_t at = 0; (at = log.find(text, at)) != std::string::npos; at += text.size()) ++count;
        return count;
    }
    // A figure of /metrics; 0 if it is not there.
    long figure(const std::string& name) const {
        const std::string text = ask(get("/metrics"));
        const std::size_t at = text.find("\n" + name + " ");
        return at == std::string::npos ? 0 : std::stol(text.substr(at + name.size() + 2));
    }

    // Her key.
    std::string register_ann() const {
        const std::string answer =
            ask(post("/api/v1/users/register", "application/json", R"({"email":"ann@example.com"})"));
        EXPECT_EQ(status_of(answer), "201") << answer;
        const std::size_t at = answer.find("sk_live_");
        return at == std::string::npos ? "" : answer.substr(at, 51);
    }

    // Opens many connections that send `bytes` and no more, and expects that others are served meanwhile.
    void crowd(const std::string& bytes) {
        std::vector<std::unique_ptr<RawClient>> crowd;
        for (int i = 0; i < 3000; ++i) {
            crowd.push_back(std::make_unique<RawClient>(port_));
            crowd.back()->put(bytes);
            if (i % 100 == 0) {
                EXPECT_EQ(status_of(ask(get("/health/live"))), "200") << i;
            }
        }
        EXPECT_EQ(status_of(ask(get("/health/live"))), "200");
        RawClient events(port_);
        events.put(get("/api/v1/events", "127.0.0.1", "X-API-Key: " + register_ann() + "\r\n"));
        EXPECT_EQ(status_of(events.until("\r\n\r\n")), "200");
        EXPECT_GT(figure(R"(pricewire_http_connections_cut_total{reason="full"})"), 1000);
        EXPECT_EQ(lines("all connections are in use"), 1);
        EXPECT_EQ(lines("new connections cannot be accepted"), 0);
    }

    TempDir dir_;
    Process process_;
    std::uint16_t port_ = 0;
};

TEST_F(ProgramInACrowd, IdleConnectionsKeepNobodyOut) {
    start();
    crowd("");
}

TEST_F(ProgramInACrowd, HalfRequestsKeepNobodyOut) {
    start();
    crowd("POST /api/v1/users/register HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Le");
}

TEST_F(ProgramInACrowd, StreamsWithoutAKeyKeepNobodyOut) {
    start();
    crowd(get("/api/v1/stream", "127.0.0.1", upgrade));
}

// An address of this machine other than loopback; nullopt if it has none.
std::optional<in_addr> outer_address() {
    ifaddrs* all = nullptr;
    if (getifaddrs(&all) != 0) return std::nullopt;
    const std::unique_ptr<ifaddrs, decltype(&freeifaddrs)> owned(all, &freeifaddrs);
    for (const ifaddrs* one = all; one != nullptr; one = one->ifa_next) {
        if (one->ifa_addr == nullptr || one->ifa_addr->sa_family != AF_INET) continue;
        const in_addr address = reinterpret_cast<const sockaddr_in*>(one->ifa_addr)->sin_addr;
        if (ntohl(address.s_addr) >> 24 != 127) return address;
    }
    return std::nullopt;
}

class Connection {
public:
    Connection(in_addr to, std::uint16_t port) {
        sockaddr_in address{.sin_family = AF_INET, .sin_port = htons(port), .sin_addr = to, .sin_zero = {}};
        if (connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0)
            throw std::runtime_error("no connection");
    }
    ~Connection() { close(fd_); }
    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;
    void wait_until_closed() const {
        char byte = 0;
        while (recv(fd_, &byte, 1, 0) > 0) {
        }
    }

private:
    const int fd_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
};

TEST_F(ProgramInACrowd, OneAddressHasItsShareAndLoopbackAll) {
    const auto address = outer_address();
    if (!address) GTEST_SKIP() << "this machine has only loopback addresses";
    start({{"PRICEWIRE_HTTP_LISTEN", "0.0.0.0:0"}, {"PRICEWIRE_HTTP_CONNECTIONS_PER_ADDRESS", "10"}});
    std::vector<std::unique_ptr<RawClient>> local;
    for (int i = 0; i < 30; ++i) local.push_back(std::make_unique<RawClient>(port_));
    std::vector<std::unique_ptr<Connection>> crowd;
    for (int i = 0; i < 40; ++i) crowd.push_back(std::make_unique<Connection>(*address, port_));
    for (int i = 0; i < 30; ++i) crowd[static_cast<std::size_t>(i)]->wait_until_closed();
    // One that is asked to go may be gone before it is counted.
    EXPECT_TRUE(eventually([&] {
        return figure(R"(pricewire_http_connections_cut_total{reason="address"})") >= 30 &&
               lines("an address has as many connections as it may") > 0;
    }));
    EXPECT_EQ(figure(R"(pricewire_http_connections_cut_total{reason="address"})"), 30);
    EXPECT_EQ(figure(R"(pricewire_http_connections_cut_total{reason="full"})"), 0);
    EXPECT_EQ(lines("an address has as many connections as it may"), 1);
}

TEST_F(ProgramInACrowd, ANameThatIsNotItsOwnIsRefusedByEveryListener) {
    start({{"PRICEWIRE_METRICS_LISTEN", "127.0.0.1:0"}, {"PRICEWIRE_HTTP_ALLOWED_HOSTS", "*.example.com"}});
    const auto metrics = static_cast<std::uint16_t>(
        std::stoi(process_.wait_for_output("Its metrics are at http://127.0.0.1:")));
    const std::string answer = ask(get("/", "rebind.example"));
    EXPECT_EQ(status_of(answer), "421");
    EXPECT_NE(answer.find("'rebind.example'"), std::string::npos) << answer;
    EXPECT_NE(answer.find("http.allowed_hosts"), std::string::npos) << answer;
    for (const char* path : {"/health/live", "/api/v1/rates", "/docs", "/nowhere"})
        EXPECT_EQ(status_of(ask(get(path, "rebind.example:" + std::to_string(port_)))), "421") << path;
    EXPECT_EQ(status_of(ask(get("/api/v1/stream", "rebind.example", upgrade))), "421");
    EXPECT_EQ(status_of(ask(get("http://rebind.example/health/live", "rebind.example"))), "421");
    EXPECT_EQ(status_of(ask(metrics, get("/metrics", "rebind.example"))), "421");
    for (const char* host : {"127.0.0.1", "localhost", "LocalHost:8000", "[::1]:80", "api.example.com"}) {
        EXPECT_EQ(status_of(ask(get("/health/live", host))), "200") << host;
        EXPECT_EQ(status_of(ask(metrics, get("/metrics", host))), "200") << host;
    }
    RawClient stream(port_);
    stream.put(get("/api/v1/stream", "api.example.com", upgrade));
    EXPECT_EQ(status_of(stream.until("\r\n\r\n")), "101");
}

TEST_F(ProgramInACrowd, AWebPageCannotRegisterThroughItsVisitorsBrowser) {
    start({{"PRICEWIRE_LIMITS_REGISTER", "100/10s"}});
    const std::string body = R"({"email":"ann@example.com"})";
    for (const char* type : {"", "text/plain", "text/plain;charset=UTF-8",
                             "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"}) {
        EXPECT_EQ(status_of(ask(post("/api/v1/users/register", type, body))), "415") << type;
    }
    EXPECT_EQ(status_of(ask(post("/api/v1/users/register", "application/json", body))), "201");
}

TEST_F(ProgramInACrowd, GuessedKeysAreCountedAndKnownOnesKeepWorking) {
    start({{"PRICEWIRE_LIMITS_USER", "1000/1s"}});
    const auto me = [&](const std::string& key) {
        return status_of(ask(get("/api/v1/users/me", "127.0.0.1", "X-API-Key: " + key + "\r\n")));
    };
    const std::string key = register_ann();
    EXPECT_EQ(me(key), "200");
    std::map<std::string, int> answers;
    for (int i = 100; i < 300; ++i) ++answers[me("sk_live_" + std::string(40, 'x') + std::to_string(i))];
    EXPECT_GE(answers["401"], 30);
    EXPECT_GE(answers["429"], 100);
    EXPECT_EQ(me(key), "200");
}

}  // namespace
}  // namespace pricewire::test
