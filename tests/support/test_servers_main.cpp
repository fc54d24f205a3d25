// PostgreSQL, Redis and RabbitMQ for tests:
//   test-servers [--dir DIR] -- COMMAND…   runs the command with their addresses in its environment, and ends
//                                          with its exit code
//   test-servers [--dir DIR]               prints `export` lines and stays until SIGTERM
// Without --dir they live in temporary directories.
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "support/servers.hpp"

namespace pricewire::test {
namespace {

constexpr int usage_error = 2;

struct Arguments {
    std::filesystem::path dir;
    std::vector<char*> command;  // ends with a null pointer unless empty
};

int run_with_servers(Arguments arguments) {
    // Before the servers start: a signal then stays pending until sigwait().
    sigset_t awaited;
    sigemptyset(&awaited);
    for (const int number : {SIGTERM, SIGINT, SIGHUP, SIGCHLD}) sigaddset(&awaited, number);
    // Whoever started this and is gone cannot stop it any more.
    prctl(PR_SET_PDEATHSIG, SIGTERM);

    const auto place = [&](const char* name) {
        return arguments.dir.empty() ? std::filesystem::path()
                                     : std::filesystem::absolute(arguments.dir) / name;
    };
    if (!arguments.dir.empty()) {
        std::filesystem::create_directories(arguments.dir);
        std::filesystem::permissions(arguments.dir, std::filesystem::perms::others_exec,
                                     std::filesystem::perm_options::add);
    }
    PostgresServer postgres(place("postgres"));
    RedisServer redis(place("redis"));
    RabbitmqServer rabbitmq(place("rabbitmq"));
    postgres.start();
    redis.start();
    rabbitmq.start();
    const std::map<std::string, std::string> addresses{{"PRICEWIRE_TEST_POSTGRES_URL", postgres.url()},
                                                       {"PRICEWIRE_TEST_REDIS_URL", redis.url()},
                                                       {"PRICEWIRE_TEST_RABBITMQ_URL", rabbitmq.url()}};
    pid_t child = -1;
    sigprocmask(SIG_BLOCK, &awaited, nullptr);
    if (arguments.command.empty()) {
        for (const auto& [name, value] : addresses)
            std::printf("export %s=%s\n", name.c_str(), value.c_str());
        std::fflush(stdout);
    } else {
        child = fork();
        if (child < 0) throw std::runtime_error("fork failed");
        if (child == 0) {
            sigprocmask(SIG_UNBLOCK, &awaited, nullptr);
            for (const auto& [name, value] : addresses) setenv(name.c_str(), value.c_str(), 1);
            execvp(arguments.command[0], arguments.command.data());
            std::perror(arguments.command[0]);
            _exit(127);
        }
    }
    while (true) {
        int number = 0;
        if (sigwait(&awaited, &number) != 0) continue;
        if (number == SIGCHLD) {
            int status = 0;
            if (child > 0 && waitpid(child, &status, WNOHANG) == child) {
                return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
            }
        } else if (child < 0) {
            return 0;
        } else {
            ::kill(child, number);
        }
    }
}

}  // namespace
}  // namespace pricewire::test

int main(int argc, char** argv) {
    pricewire::test::Arguments arguments;
    for (int i = 1; i < argc; ++i) {
        const std::string_view argument = argv[i];
        if (argument == "--dir" && i + 1 < argc) {
            arguments.dir = argv[++i];
        } else if (argument == "--" && i + 1 < argc) {
            arguments.command.assign(argv + i + 1, argv + argc);
            arguments.command.push_back(nullptr);
            break;
        } else {
            std::fprintf(stderr, "usage: test-servers [--dir DIR] [-- COMMAND…]\n");
            return pricewire::test::usage_error;
        }
    }
    try {
        return pricewire::test::run_with_servers(std::move(arguments));
    } catch (const std::exception& e) {
        std::fprintf(stderr, "test-servers: %s\n", e.what());
        return 1;
    }
}
