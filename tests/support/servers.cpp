#include "support/servers.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <random>
#include <sstream>
#include <stdexcept>
#include <thread>
#include <utility>

#include "support/peer_socket.hpp"

namespace pricewire::test {
namespace {

using namespace std::chrono_literals;

constexpr auto start_patience = 2min;
constexpr int ask_patience_ms = 1000;
const std::string programs = "/usr/lib/postgresql/15/bin/";

// The first bytes with which a server on `port` answers `question`; empty if there is no answer.
std::string ask(std::uint16_t port, const std::string& question) {
    const Descriptor socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in where{};
    where.sin_family = AF_INET;
    where.sin_port = htons(port);
    where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (connect(socket.get(), reinterpret_cast<const sockaddr*>(&where), sizeof where) != 0) return {};
    if (send(socket.get(), question.data(), question.size(), MSG_NOSIGNAL) < 0) return {};
    pollfd waiting{socket.get(), POLLIN, 0};
    if (poll(&waiting, 1, ask_patience_ms) <= 0) return {};
    std::string answer(16, '\0');
    const ssize_t size = recv(socket.get(), answer.data(), answer.size(), 0);
    answer.resize(static_cast<std::size_t>(std::max<ssize_t>(size, 0)));
    return answer;
}

std::string last_lines(const std::string& text) {
    return text.substr(text.size() - std::min<std::size_t>(text.size(), 3000));
}

// Runs a program to its end.
void run(const Process::Options& options) {
    Process process(options);
    if (const int code = process.wait(); code != 0) {
        throw std::runtime_error(options.command.at(0) + " ended with " + std::to_string(code) + ":\n" +
                                 last_lines(process.output()));
    }
}

}  // namespace

std::uint16_t free_port() {
    std::random_device device;
    std::uniform_int_distribution<int> any(12000, 32000);
    for (int tries = 0; tries < 1000; ++tries) {
        const auto port = static_cast<std::uint16_t>(any(device));
        try {
            return bind_loopback(SOCK_STREAM, "127.0.0.1", port).second;
        } catch (const std::runtime_error&) {
            continue;  // taken
        }
    }
    throw std::runtime_error("no port of loopback is free");
}

TestServer::TestServer(std::string name, std::filesystem::path directory)
    : name_(std::move(name)), directory_(std::move(directory)), port_(free_port()) {
    if (directory_.empty()) {
        own_ = std::make_unique<TempDir>();
        directory_ = own_->path();
    }
    std::filesystem::create_directories(directory_);
}

TestServer::~TestServer() = default;

void TestServer::start() {
    const auto deadline = std::chrono::steady_clock::now() + start_patience;
    launch();
    while (!answers()) {
        const bool ended = !process_.running();
        if (ended || std::chrono::steady_clock::now() > deadline) {
            throw std::runtime_error(name_ + (ended ? " ended at its start:\n" : " does not answer:\n") +
                                     last_lines(process_.output()));
        }
        std::this_thread::sleep_for(10ms);
    }
}

void TestServer::kill() {
    process_.kill_tree();
}

void TestServer::stop() {
    if (!process_.running()) return;
    ask_to_end();
    process_.wait();
}

void TestServer::ask_to_end() {
    process_.signal(SIGTERM);
}

void TestServer::wipe() {
    if (process_.running()) throw std::logic_error(name_ + " is running and cannot be wiped");
    std::filesystem::remove_all(data());
}

std::string TestServer::log() const {
    std::ifstream file(log_file());
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
}

PostgresServer::PostgresServer(std::filesystem::path directory)
    : PostgresServer("PostgreSQL", std::move(directory)) {}
PostgresServer::PostgresServer(std::string name, std::filesystem::path directory)
    : TestServer(std::move(name), std::move(directory)) {}

PostgresServer::~PostgresServer() {
    // Not by SIGKILL, after which its piece of shared memory would outlive it.
    process_.signal(SIGQUIT);
    for (int i = 0; i < 500 && process_.running(); ++i) std::this_thread::sleep_for(10ms);
    kill();
}

std::string PostgresServer::user() const {
    return geteuid() == 0 ? "postgres" : "";
}

std::string PostgresServer::url(const std::string& database) const {
    return "postgresql://postgres@127.0.0.1:" + std::to_string(port()) + "/" + database;
}

void PostgresServer::launch() {
    if (!std::filesystem::exists(data() / "PG_VERSION")) {
        std::filesystem::remove_all(data());
        std::filesystem::create_directory(data());
        if (const passwd* account = user().empty() ? nullptr : getpwnam(user().c_str())) {
            // Its files lie below a directory that only root could enter otherwise.
            std::filesystem::permissions(directory(), std::filesystem::perms::others_exec,
                                         std::filesystem::perm_options::add);
            if (chown(data().c_str(), account->pw_uid, account->pw_gid) != 0) {
                throw std::runtime_error("cannot give PostgreSQL its directory " + data().string());
            }
        }
        initialize();
    }
    const std::vector<std::string> settings{"listen_addresses=127.0.0.1",
                                            "port=" + std::to_string(port()),
                                            "unix_socket_directories=" + data().string(),
                                            "max_connections=200",
                                            "shared_buffers=256MB",
                                            "fsync=on",
                                            "log_min_messages=warning"};
    std::vector<std::string> command{programs + "postgres", "-D", data().string()};
    for (const std::string& setting : settings) {
        command.push_back("-c");
        command.push_back(setting);
    }
    process_ = Process({.command = command,
                        .env = {},
                        .output = log_file(),
                        .directory = data(),
                        .user = user(),
                        .with_the_test = SIGQUIT});
}

void PostgresServer::initialize() {
    run_program("initdb", {"--pgdata", data().string(), "--auth", "trust", "--username", "postgres",
                           "--encoding", "UTF8", "--locale", "C", "--no-sync"});
}

void PostgresServer::run_program(const std::string& name, const std::vector<std::string>& arguments) {
    std::vector<std::string> command{programs + name};
    command.insert(command.end(), arguments.begin(), arguments.end());
    run({.command = command, .env = {}, .output = log_file(), .directory = data(), .user = user()});
}

PostgresReplica::PostgresReplica(const PostgresServer& primary)
    : PostgresServer("the replica of PostgreSQL", {}), primary_port_(primary.port()) {}

void PostgresReplica::initialize() {
    // It must be readable by its owner alone.
    std::filesystem::permissions(data(), std::filesystem::perms::owner_all);
    run_program("pg_basebackup",
                {"--pgdata", data().string(), "--host", "127.0.0.1", "--port", std::to_string(primary_port_),
                 "--username", "postgres", "--write-recovery-conf", "--checkpoint", "fast", "--no-sync"});
}

bool PostgresServer::answers() const {
    // A start-up message of protocol 3.0; 'R' is an answer about authentication, 'E' that it is not ready
    // yet.
    std::string message{"\0\0\0\0\0\3\0\0user\0postgres\0database\0postgres\0\0", 41};
    message[3] = static_cast<char>(message.size());
    return ask(port(), message).starts_with('R');
}

void PostgresServer::ask_to_end() {
    process_.signal(SIGINT);  // without waiting for its clients to leave
}

RedisServer::RedisServer(std::filesystem::path directory) : TestServer("Redis", std::move(directory)) {}

RedisServer::~RedisServer() {
    kill();
}

std::string RedisServer::url() const {
    return "redis://127.0.0.1:" + std::to_string(port()) + "/0";
}

void RedisServer::launch() {
    std::filesystem::create_directories(data());
    process_ = Process({.command = {"/usr/bin/redis-server", "--port", std::to_string(port()), "--bind",
                                    "127.0.0.1", "--dir", data().string(), "--appendonly", "yes",
                                    "--appendfsync", "everysec", "--save", ""},
                        .env = {},
                        .output = log_file(),
                        .directory = data(),
                        .user = {}});
}

bool RedisServer::answers() const {
    return ask(port(), "PING\r\n").starts_with("+PONG");
}

RabbitmqServer::RabbitmqServer(std::filesystem::path directory)
    : TestServer("RabbitMQ", std::move(directory)), epmd_port_(free_port()), node_port_(free_port()) {}

RabbitmqServer::~RabbitmqServer() {
    kill();
    epmd_.kill();
}

std::string RabbitmqServer::url() const {
    return "amqp://guest:guest@127.0.0.1:" + std::to_string(port()) + "/";
}

void RabbitmqServer::launch() {
    std::ofstream(directory() / "enabled_plugins") << "[].\n";
    std::ofstream(directory() / "rabbitmq.conf")
        << "listeners.tcp.1 = 127.0.0.1:" << port() << "\nraft.wal_max_size_bytes = 33554432\n";
    // Started first and in the foreground, since a node that finds no epmd starts one that never ends.
    if (!epmd_.running()) {
        epmd_ = Process(
            {.command = {"/usr/bin/epmd", "-address", "127.0.0.1", "-port", std::to_string(epmd_port_)},
             .env = {},
             .output = directory() / "epmd.log",
             .directory = directory(),
             .user = {}});
        const auto deadline = std::chrono::steady_clock::now() + start_patience;
        // An unknown request is answered by closing; that it can be asked is enough.
        while (true) {
            try {
                bind_loopback(SOCK_STREAM, "127.0.0.1", epmd_port_);
            } catch (const std::runtime_error&) {
                break;
            }
            if (std::chrono::steady_clock::now() > deadline) throw std::runtime_error("epmd does not start");
            std::this_thread::sleep_for(10ms);
        }
    }
    process_ = Process(
        {.command = {"/usr/lib/rabbitmq/bin/rabbitmq-server"},
         .env = {{"HOME", directory().string()},     // of the cookie
                 {"RUNNING_UNDER_SYSTEMD", "true"},  // the script becomes the server instead of its parent
                 {"ERL_EPMD_ADDRESS", "127.0.0.1"},
                 {"ERL_EPMD_PORT", std::to_string(epmd_port_)},
                 {"RABBITMQ_CONFIG_FILE", (directory() / "rabbitmq.conf").string()},
                 {"RABBITMQ_CONF_ENV_FILE", (directory() / "none").string()},
                 {"RABBITMQ_DIST_PORT", std::to_string(node_port_)},
                 {"RABBITMQ_ENABLED_PLUGINS_FILE", (directory() / "enabled_plugins").string()},
                 {"RABBITMQ_LOGS", "-"},
                 {"RABBITMQ_MNESIA_BASE", data().string()},
                 {"RABBITMQ_NODENAME", "pricewire" + std::to_string(port()) + "@localhost"},
                 {"RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS", "+S 1:1"}},
         .output = log_file(),
         .directory = directory(),
         .user = {}});
}

bool RabbitmqServer::answers() const {
    return ask(port(), std::string("AMQP\0\0\x09\x01", 8)).starts_with('\x01');
}

}  // namespace pricewire::test
