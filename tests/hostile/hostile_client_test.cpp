// Clients that send a part of HTTP or WebSocket without an end, or do not read: the real programs' memory
// stays within what docs/operations.md says, on each listener of each role.
#include <fstream>
#include <memory>
#include <thread>

#include "scenarios/sides.hpp"
#include "support/raw_client.hpp"

namespace pricewire::test {
namespace {

using namespace std::chrono_literals;

// Many times what any of them may hold, and little enough for a loop over all of them.
constexpr std::size_t flood_bytes = 8 << 20;
constexpr std::size_t crowd_bytes = 1 << 20;
constexpr std::size_t crowd = 64;
// docs/operations.md: headers, as a line and as fields, a body, and what is read ahead.
constexpr std::size_t bound_per_connection = (2 * 16 + 64 + 16) * 1024;
// What the process does beside: prices, history, a database's cache, the allocator's arenas.
constexpr std::size_t slack = 24 << 20;

struct Flood {
    const char* name;
    std::string opening;
    std::string piece;        // repeated without end
    const char* answer = "";  // statuses that may be answered, apart by a bar; empty: any, or none
    bool answered = false;    // whether the opening is answered before the rest is sent:
    std::string first{};      // first this, then the pieces
};

const std::string post = "POST /api/v1/alerts/ HTTP/1.1\r\nHost: localhost\r\n";
const std::string chunked = post + "Transfer-Encoding: chunked\r\n\r\n";
const std::string request = "GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n";

std::vector<Flood> http_floods() {
    const std::string many(4096, 'y');
    return {
        {"empty lines", "", "\r\n", "400"},
        {"a method", "", many, "431"},
        {"a target", "GET /", many, "431"},
        {"a header's name", "GET / HTTP/1.1\r\n", many, "431"},
        {"a header's value", "GET / HTTP/1.1\r\nX: ", many, "431"},
        {"headers", "GET / HTTP/1.1\r\n", "X:\r\n", "431"},
        {"folded headers", "GET / HTTP/1.1\r\nX: y\r\n", " y\r\n", "400"},
        {"extensions of WebSocket", "GET / HTTP/1.1\r\n", "Sec-WebSocket-Extensions: permessage-deflate\r\n",
         "431"},
        {"a chunk's size", chunked, std::string(4096, '0'), "400|431"},
        {"a chunk's extension", chunked + "2;", many, "431"},
        {"chunks' extensions", chunked, "1;" + std::string(500, 'y') + "\r\nx\r\n", "431"},
        {"small chunks", chunked, "1\r\nx\r\n", "413"},
        {"a large chunk", chunked + "ffffffff\r\n", many, "413"},
        {"a trailer", chunked + "0\r\nX: ", many, "431"},
        {"trailers", chunked + "0\r\n", "X: y\r\n", "431"},
        {"a body", post + "Content-Length: 99999999999\r\n\r\n", many, "413"},
        {"requests whose answers are not read", "", request},
        {"requests with bodies", "", post + "Content-Length: 4\r\n\r\n{}{}"},
        {"an upgrade with a body",
         "GET /api/v1/stream HTTP/1.1\r\nHost: localhost\r\nConnection: upgrade\r\nUpgrade: websocket\r\n"
         "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
         "Content-Length: 60000\r\n\r\n",
         many},
    };
}

// A client's frame with a mask of zeros and its length in eight bytes.
std::string frame(unsigned char first, std::uint64_t length, const std::string& data) {
    std::string out{static_cast<char>(first), '\xff'};
    for (int shift = 56; shift >= 0; shift -= 8) out += static_cast<char>(length >> shift);
    return out + std::string(4, '\0') + data;
}
std::string small_frame(unsigned char first, const std::string& data) {
    return std::string{static_cast<char>(first), static_cast<char>(0x80 | data.size())} +
           std::string(4, '\0') + data;
}

std::vector<Flood> stream_floods(const std::string& key) {
    const std::string many(4096, 'y');
    const std::string open =
        "GET /api/v1/stream HTTP/1.1\r\nHost: localhost\r\nConnection: upgrade\r\nUpgrade: websocket\r\n"
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nX-API-Key: " +
        key + "\r\n\r\n";
    return {
        {"fragments", open, frame(0x00, 4096, many), "", true, small_frame(0x01, "x")},
        {"empty fragments", open, small_frame(0x00, ""), "", true, small_frame(0x01, "x")},
        {"a frame of a huge size", open, many, "", true, frame(0x81, 1ULL << 62, "")},
        {"half a message of the largest size", open, "", "", true,
         frame(0x81, 65'536, std::string(65'535, 'y'))},
        {"pings", open, small_frame(0x89, std::string(125, 'y')), "", true},
        {"pongs", open, small_frame(0x8a, std::string(125, 'y')), "", true},
        {"messages whose answers are not read", open, small_frame(0x81, R"({"type":"ping"})"), "", true},
        {"bytes to a stream of events",
         "GET /api/v1/events HTTP/1.1\r\nHost: localhost\r\nX-API-Key: " + key + "\r\n\r\n", many, "", true},
    };
}

// The most memory the process has ever had.
std::size_t peak_of(pid_t pid) {
    std::ifstream file("/proc/" + std::to_string(pid) + "/status");
    for (std::string line; std::getline(file, line);) {
        if (line.starts_with("VmHWM:")) return std::stoul(line.substr(6)) * 1024;
    }
    throw std::runtime_error("the process is gone");
}

class Flooder {
public:
    Flooder(std::uint16_t port, const Flood& flood) : client_(port, 4096) {
        client_.put(flood.opening);
        if (flood.answered) client_.until("\r\n\r\n");
        client_.put(flood.first);
        while (piece_.size() < 64 * 1024 && !flood.piece.empty()) piece_ += flood.piece;
    }
    // Sends up to `most` bytes, until the connection is closed or the server reads no more.
    void run(std::size_t most) {
        std::size_t at = 0;
        for (std::size_t sent = 0; sent < most && !piece_.empty();) {
            const std::size_t more = client_.put_some(std::string_view(piece_).substr(at));
            if (more == 0) return;
            sent += more;
            at = (at + more) % piece_.size();
        }
    }
    std::string status() const {
        client_.end();
        const std::string answer = client_.rest();
        return answer.starts_with("HTTP/1.1 ") ? answer.substr(9, 3) : "closed";
    }

private:
    RawClient client_;
    std::string piece_;
};

class HostileClients : public ::testing::TestWithParam<Side> {
protected:
    static std::uint16_t port_of(const std::string& url) {
        return static_cast<std::uint16_t>(std::stoi(url.substr(url.rfind(':') + 1)));
    }

    void expect_bounded(pid_t pid, std::uint16_t port, const std::string& listener,
                        const std::vector<Flood>& floods) {
        const std::size_t before = peak_of(pid);
        for (const Flood& flood : floods) {
            Flooder one(port, flood);
            one.run(flood_bytes);
            const std::string answer = flood.answer;
            // An answer may be lost where the connection is reset for what is still being sent.
            if (!answer.empty()) {
                EXPECT_TRUE((answer + "|closed").contains(one.status())) << listener << ": " << flood.name;
            }
            EXPECT_LT(peak_of(pid), before + bound_per_connection + slack) << listener << ": " << flood.name;
        }
        std::vector<std::unique_ptr<Flooder>> all;
        for (std::size_t i = 0; i < crowd; ++i) {
            all.push_back(std::make_unique<Flooder>(port, floods[i % floods.size()]));
        }
        std::vector<std::thread> threads;
        for (const auto& one : all) threads.emplace_back([&] { one->run(crowd_bytes); });
        for (auto& thread : threads) thread.join();
        EXPECT_LT(peak_of(pid), before + crowd * bound_per_connection + slack) << listener << ": all at once";
    }
};

TEST_P(HostileClients, NothingWithoutAnEndTakesMoreThanItsShareOfMemory) {
    if (!can_run(GetParam())) GTEST_SKIP() << why_not_run;
    Deployment deployment(on(GetParam(), {.config = {{"PRICEWIRE_METRICS_LISTEN", "127.0.0.1:0"}}}));
    deployment.start_pricewire();
    const Account account = deployment.register_user("ann@example.com");
    for (const std::string& name : deployment.names()) {
        Process& process = deployment.process(name);
        const std::uint16_t port = port_of(deployment.address_of(name));
        std::string metrics = process.wait_for_output("metrics are at ");
        metrics.resize(metrics.rfind('/'));
        expect_bounded(process.pid(), port, name, http_floods());
        expect_bounded(process.pid(), port_of(metrics), name + "'s metrics", http_floods());
        if (name == "serve" || name.starts_with("api")) {
            expect_bounded(process.pid(), port, name + "'s stream", stream_floods(account.api_key));
        }
        EXPECT_TRUE(process.running());
        EXPECT_EQ(deployment.http().get("http://127.0.0.1:" + std::to_string(port) + "/health").status, 200);
    }
}

INSTANTIATE_TEST_SUITE_P(Sides, HostileClients, both_sides(), name_of_side);

}  // namespace
}  // namespace pricewire::test
