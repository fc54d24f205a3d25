#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "support/process.hpp"

namespace pricewire::test {

// A TCP port of loopback that no program listens on, outside the range for outgoing connections: it stays free while a server is down, however many connections are opened meanwhile.
std::uint16_t free_port();

// What the three servers below have in common. Each begins stopped, with a directory and loopback ports of
// its own that it keeps for its life. The methods belong to one thread, whose end is the servers' end as
// well.
class TestServer {
public:
    virtual ~TestServer();
    TestServer(const TestServer&) = delete;
    TestServer& operator=(const TestServer&) = delete;

    // Starts it, also after kill() or stop(), and waits until it answers. Throws std::runtime_error with its
    // log's last lines if it does not within two minutes.
    void start();
    // SIGKILL to all its processes at once.
    void kill();
    // Requests an orderly shutdown and waits.
    void stop();
    // Removes all it has stored; it must be down.
    void wipe();
    bool running() { return process_.running(); }

    virtual std::string url() const = 0;  // for clients, with user and password where one is needed
    std::uint16_t port() const { return port_; }
    std::string log() const;  // all it has printed
    std::filesystem::path log_file() const { return directory_ / "log"; }

protected:
    // An empty directory: one in the place for temporary files, which is removed with this object.
    TestServer(std::string name, std::filesystem::path directory);

    const std::filesystem::path& directory() const { return directory_; }
    Process process_;

private:
    virtual void launch() = 0;         // sets process_
    virtual bool answers() const = 0;  // a single fast try
    virtual void ask_to_end();
    virtual std::filesystem::path data() const = 0;

    std::string name_;
    std::unique_ptr<TempDir> own_;
    std::filesystem::path directory_;
    std::uint16_t port_;
};

// PostgreSQL 15 of Debian, durable as in production (fsync on), without passwords. It refuses to run as root,
// and runs as the user postgres there.
class PostgresServer : public TestServer {
public:
    explicit PostgresServer(std::filesystem::path directory = {});
    ~PostgresServer() override;
    std::string url() const override { return url("postgres"); }
    std::string url(const std::string& database) const;

protected:
    PostgresServer(std::string name, std::filesystem::path directory);
    std::filesystem::path data() const override { return directory() / "data"; }
    // Fills the empty data directory, which belongs to user().
    virtual void initialize();
    // Runs one of PostgreSQL's programs as user() to its end.
    void run_program(const std::string& name, const std::vector<std::string>& arguments);

private:
    void launch() override;
    bool answers() const override;
    void ask_to_end() override;
    std::string user() const;
};

// A streaming replica of a server that runs when this one is started for the first time.
class PostgresReplica final : public PostgresServer {
public:
    explicit PostgresReplica(const PostgresServer& primary);

private:
    void initialize() override;

    const std::uint16_t primary_port_;
};

// Redis with its append-only file, flushed every second.
class RedisServer : public TestServer {
public:
    explicit RedisServer(std::filesystem::path directory = {});
    ~RedisServer() override;
    std::string url() const override;

private:
    void launch() override;
    bool answers() const override;
    std::filesystem::path data() const override { return directory() / "data"; }
};

// RabbitMQ, a node of its own with a name service (epmd) of its own.
class RabbitmqServer : public TestServer {
public:
    explicit RabbitmqServer(std::filesystem::path directory = {});
    ~RabbitmqServer() override;
    std::string url() const override;

private:
    void launch() override;
    bool answers() const override;
    std::filesystem::path data() const override { return directory() / "mnesia"; }

    Process epmd_;
    std::uint16_t epmd_port_;
    std::uint16_t node_port_;
};

}  // namespace pricewire::test
