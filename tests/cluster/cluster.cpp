#include "cluster/cluster.hpp"

#include <algorithm>
#include <csignal>
#include <stdexcept>

namespace pricewire::test {

Cluster::Cluster(std::map<std::string, std::string> config, int of_each, const std::string& older) {
    for (const std::string& name : servers()) server(name).start();
    deployment_.emplace(DeploymentOptions{
        .sim = {"--paused"},
        .receiver = {},
        .config = std::move(config),
        .cluster = ClusterOptions{.postgres_url = postgres_.url(),
                                  .redis_url = redis_.url(),
                                  .rabbitmq_url = rabbitmq_.url(),
                                  .of_each = of_each,
                                  .older = older,
                                  .route = [this](const std::string& process, const std::string& url) {
                                      return through_gate(process, url);
                                  }}});
    if (older.empty()) {
        deployment_->start_pricewire();
    } else {
        start({"api0", "feed0", "checker0", "sender0"});
    }
}

const std::vector<std::string>& Cluster::servers() {
    static const std::vector<std::string> names{"postgres", "redis", "rabbitmq"};
    return names;
}

std::vector<std::string> Cluster::processes_of(const std::string& role) const {
    std::vector<std::string> out;
    for (const std::string& name : processes()) {
        if (name.starts_with(role)) out.push_back(name);
    }
    return out;
}

std::vector<std::string> Cluster::apis() {
    std::vector<std::string> out;
    for (const std::string& name : processes_of("api")) out.push_back(deployment_->address_of(name));
    return out;
}

// As many as have nothing in common with what a load does with every so many-th alert.
std::vector<Account> Cluster::register_users() {
    constexpr int users = 23;
    std::vector<Account> out;
    for (int i = 0; i < users; ++i)
        out.push_back(deployment_->register_user("user" + std::to_string(i) + "@example.com"));
    return out;
}

void Cluster::wait_until_they_send(const std::vector<std::string>& senders) {
    const auto attempts = [&](const std::string& sender) {
        return deployment_->figure(sender,
                                   R"(pricewire_delivery_attempts_total{outcome="delivered",result="2xx"})");
    };
    std::map<std::string, int> before;
    for (const std::string& sender : senders) before[sender] = attempts(sender);
    for (const std::string& sender : senders) {
        deployment_->wait_until(sender + " to send", [&] { return attempts(sender) > before.at(sender); });
    }
}

bool Cluster::is_server(const std::string& name) {
    return std::find(servers().begin(), servers().end(), name) != servers().end();
}

TestServer& Cluster::server(const std::string& name) {
    if (name == "postgres") return postgres_;
    if (name == "redis") return redis_;
    if (name == "rabbitmq") return rabbitmq_;
    throw std::logic_error("unknown server " + name);
}

std::string Cluster::through_gate(const std::string& process, const std::string& url) {
    if (process == "command") return url;
    for (const std::string& name : servers()) {
        const std::string own = "127.0.0.1:" + std::to_string(server(name).port()) + "/";
        const std::size_t at = url.find(own);
        if (at == std::string::npos) continue;
        auto& gate = gates_[{process, name}];
        if (!gate) gate = std::make_unique<TcpGate>(server(name).port());
        return url.substr(0, at) + "127.0.0.1:" + std::to_string(gate->port()) + "/" +
               url.substr(at + own.size());
    }
    throw std::logic_error("no server has this URL");
}

void Cluster::kill(const std::vector<std::string>& names) {
    for (const std::string& name : names) {
        if (!is_server(name)) deployment_->process(name).signal(SIGKILL);
    }
    for (const std::string& name : names) {
        if (is_server(name)) {
            server(name).kill();
        } else {
            deployment_->process(name).wait();
        }
    }
}

void Cluster::stop(const std::string& name) {
    Process& process = deployment_->process(name);
    process.signal(SIGTERM);
    if (const int code = process.wait(); code != 0)
        throw std::runtime_error(name + " ended with " + std::to_string(code) + ":\n" + process.output());
}

void Cluster::start(const std::vector<std::string>& names) {
    for (const std::string& name : names) {
        if (is_server(name)) server(name).start();
    }
    for (const std::string& name : names) {
        if (!is_server(name)) deployment_->launch(name);
    }
    for (const std::string& name : names) {
        if (!is_server(name)) deployment_->address_of(name);
    }
}

std::vector<Cluster::Way> Cluster::ways() {
    std::vector<Way> out;
    for (const auto& [names, gate] : gates_) {
        if (std::ranges::find(processes(), names.first) != processes().end())
            out.push_back({names.first, names.second, gate.get()});
    }
    return out;
}

}  // namespace pricewire::test
