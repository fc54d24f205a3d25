#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "support/deployment.hpp"
#include "support/servers.hpp"
#include "support/tcp_gate.hpp"

namespace pricewire::test {

// Some processes of each role on dedicated servers, with a gate between each process and each server. Not
// thread-safe.
class Cluster {
public:
    // With an older program (see ClusterOptions), one process of each role runs it, and those of this build are yet to be
    // started.
    Cluster(std::map<std::string, std::string> config, int of_each, const std::string& older = "");

    Deployment& deployment() { return *deployment_; }
    const std::vector<std::string>& processes() const { return deployment_->names(); }
    // Of this role: "api1", "api2", …
    std::vector<std::string> processes_of(const std::string& role) const;
    // Where its APIs listen.
    std::vector<std::string> apis();

    // Users, so many that each sender is in charge of some.
    std::vector<Account> register_users();
    // Until each of these has begun to make attempts, or goes on; under load, with the users above.
    void wait_until_they_send(const std::vector<std::string>& senders);

    static const std::vector<std::string>& servers();  // "postgres", "redis", "rabbitmq"
    static bool is_server(const std::string& name);
    TestServer& server(const std::string& name);

    // SIGKILL to processes and servers, without waiting for one to exit before killing the next.
    void kill(const std::vector<std::string>& names);
    // SIGTERM, on which a process ends with exit code 0, or this throws std::runtime_error.
    void stop(const std::string& name);
    // Servers first; returns once all answer. A process may be one more than those of the beginning, and is none of
    // processes() then.
    void start(const std::vector<std::string>& names);

    struct Way {
        std::string process;
        std::string server;
        TcpGate* gate;
    };
    std::vector<Way> ways();  // of processes()

private:
    std::string through_gate(const std::string& process, const std::string& url);

    PostgresServer postgres_;
    RedisServer redis_;
    RabbitmqServer rabbitmq_;
    std::map<std::pair<std::string, std::string>, std::unique_ptr<TcpGate>> gates_;  // by process and server
    std::optional<Deployment> deployment_;
};

}  // namespace pricewire::test
