#pragma once

#include <sys/socket.h>

#include <cstdint>
#include <cstdlib>
#include <initializer_list>
#include <optional>
#include <string>
#include <vector>

#include "support/peer_socket.hpp"
#include "support/process.hpp"

namespace pricewire::test {

// The Redis that tests share, if there is one; each test's keys have a prefix of their own.
inline std::optional<std::string> shared_redis_url() {
    const char* url = std::getenv("PRICEWIRE_TEST_REDIS_URL");
    if (url == nullptr || *url == '\0') return std::nullopt;
    return url;
}
inline const char* no_redis = "PRICEWIRE_TEST_REDIS_URL is not set";

// A redis-server of one test's own, which may be killed and started again on the same port. It keeps nothing
// on the disk, so a start is one with empty memory.
class RedisServer {
public:
    explicit RedisServer(std::initializer_list<std::string> options = {}) : options_(options) {
        port_ = bind_loopback(SOCK_STREAM, "127.0.0.1", 0).second;
        start();
    }
    void start() {
        Process::Options options;
        options.command = {"/usr/bin/redis-server",
                           "--port",
                           std::to_string(port_),
                           "--bind",
                           "127.0.0.1",
                           "--save",
                           "",
                           "--appendonly",
                           "no",
                           "--dir",
                           dir_.path().string()};
        options.command.insert(options.command.end(), options_.begin(), options_.end());
        options.output = dir_.path() / "redis.log";
        process_ = Process(options);
        process_.wait_for_output("Ready to accept connections");
    }
    void kill() { process_.kill(); }
    // SIGSTOP and SIGCONT: connections stay, answers stop.
    void signal(int number) const { process_.signal(number); }
    std::string url() const { return "redis://127.0.0.1:" + std::to_string(port_) + "/0"; }
    std::uint16_t port() const { return port_; }

private:
    TempDir dir_;
    std::vector<std::string> options_;
    std::uint16_t port_ = 0;
    Process process_;
};

}  // namespace pricewire::test
