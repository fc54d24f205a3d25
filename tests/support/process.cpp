#include "support/process.hpp"

#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <fstream>
#include <optional>
#include <set>
#include <sstream>
#include <stdexcept>
#include <thread>
#include <utility>

namespace pricewire::test {
namespace {

using namespace std::chrono_literals;
constexpr auto patience = 60s;

int exit_code(int status) {
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

struct Relative {
    pid_t parent = -1;
    char state = 'Z';
};

// nullopt if the process has ended.
std::optional<Relative> relative(pid_t pid) {
    std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
    std::string text;
    if (!std::getline(file, text)) return std::nullopt;
    // The name, in parentheses, may hold anything.
    std::istringstream rest(text.substr(text.rfind(')') + 1));
    Relative out;
    rest >> out.state >> out.parent;
    return out;
}

// All descendants of `root`, from one scan.
std::vector<pid_t> descendants_of(pid_t root) {
    std::multimap<pid_t, pid_t> children;
    for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
        const pid_t pid = std::atoi(entry.path().filename().c_str());
        if (pid <= 0) continue;
        if (const auto found = relative(pid)) children.emplace(found->parent, pid);
    }
    std::vector<pid_t> out;
    std::vector<pid_t> open{root};
    while (!open.empty()) {
        const auto [begin, end] = children.equal_range(open.back());
        open.pop_back();
        for (auto it = begin; it != end; ++it) {
            out.push_back(it->second);
            open.push_back(it->second);
        }
    }
    return out;
}

}  // namespace

Process::Process(const Options& options) : output_(options.output) {
    std::error_code ignored;
    const auto size = std::filesystem::file_size(output_, ignored);
    output_start_ = ignored ? 0 : size;

    std::map<std::string, std::string> env_values = options.env;
    for (const char* name :
         {"PATH", "HOME", "TMPDIR", "ASAN_OPTIONS", "LSAN_OPTIONS", "TSAN_OPTIONS", "UBSAN_OPTIONS"}) {
        if (const char* value = std::getenv(name)) env_values.try_emplace(name, value);
    }
    std::vector<std::string> env_text;
    for (const auto& [name, value] : env_values) env_text.push_back(name + "=" + value);
    std::vector<char*> env;
    for (std::string& text : env_text) env.push_back(text.data());
    env.push_back(nullptr);
    std::vector<std::string> command = options.command;
    std::vector<char*> argv;
    for (std::string& text : command) argv.push_back(text.data());
    argv.push_back(nullptr);

    uid_t uid = 0;
    gid_t gid = 0;
    if (!options.user.empty()) {
        const passwd* account = getpwnam(options.user.c_str());
        if (account == nullptr) throw std::runtime_error("there is no user " + options.user);
        uid = account->pw_uid;
        gid = account->pw_gid;
    }
    const int out = open(output_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (out < 0) throw std::runtime_error("cannot open " + output_.string());
    pid_ = fork();
    if (pid_ < 0) throw std::runtime_error("fork failed");
    if (pid_ == 0) {
        if (!options.user.empty() && (setgroups(0, nullptr) != 0 || setgid(gid) != 0 || setuid(uid) != 0)) {
            _exit(126);
        }
        // A test that is killed must not leave its servers behind. After the change of the user, which undoes
        // it.
        prctl(PR_SET_PDEATHSIG, options.with_the_test);
        dup2(out, 1);
        dup2(out, 2);
        if (!options.directory.empty() && chdir(options.directory.c_str()) != 0) _exit(127);
        execve(argv[0], argv.data(), env.data());
        _exit(127);
    }
    close(out);
}

Process::Process(Process&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)),
      status_(other.status_),
      output_(std::move(other.output_)),
      output_start_(other.output_start_) {}

Process& Process::operator=(Process&& other) noexcept {
    kill();
    pid_ = std::exchange(other.pid_, -1);
    status_ = other.status_;
    output_ = std::move(other.output_);
    output_start_ = other.output_start_;
    return *this;
}

Process::~Process() {
    kill();
}

bool Process::running() {
    if (pid_ < 0) return false;
    if (waitpid(pid_, &status_, WNOHANG) == pid_) pid_ = -1;
    return pid_ >= 0;
}

void Process::signal(int number) const {
    if (pid_ > 0) ::kill(pid_, number);
}

int Process::wait() {
    const auto deadline = std::chrono::steady_clock::now() + patience;
    while (running()) {
        if (std::chrono::steady_clock::now() > deadline)
            throw std::runtime_error("the process does not end:\n" + output());
        std::this_thread::sleep_for(5ms);
    }
    return exit_code(status_);
}

void Process::kill() {
    if (!running()) return;
    ::kill(pid_, SIGKILL);
    waitpid(pid_, &status_, 0);
    pid_ = -1;
}

void Process::kill_tree() {
    if (!running()) return;
    // Stopped, it can start nothing between the look and the kill; what it has started is stopped as it is
    // seen.
    std::set<pid_t> seen;
    ::kill(pid_, SIGSTOP);
    for (bool more = true; more;) {
        more = false;
        for (const pid_t pid : descendants_of(pid_)) {
            if (!seen.insert(pid).second) continue;
            ::kill(pid, SIGSTOP);
            more = true;
        }
    }
    for (const pid_t pid : seen) ::kill(pid, SIGKILL);
    kill();
    const auto deadline = std::chrono::steady_clock::now() + patience;
    for (const pid_t pid : seen) {
        for (auto found = relative(pid); found && found->state != 'Z'; found = relative(pid)) {
            if (std::chrono::steady_clock::now() > deadline) {
                throw std::runtime_error("process " + std::to_string(pid) + " does not die");
            }
            std::this_thread::sleep_for(2ms);
        }
    }
}

std::string Process::output() const {
    std::ifstream file(output_);
    file.seekg(static_cast<std::streamoff>(output_start_));
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
}

std::string Process::wait_for_output(const std::string& text) {
    const auto deadline = std::chrono::steady_clock::now() + patience;
    while (true) {
        const bool alive = running();
        const std::string all = output();
        const std::size_t at = all.find(text);
        if (at != std::string::npos) {
            const std::size_t begin = at + text.size();
            const std::size_t end = all.find_first_of(" \t\r\n", begin);
            if (end != std::string::npos) return all.substr(begin, end - begin);
        }
        if (!alive) throw std::runtime_error("the process ended before printing \"" + text + "\":\n" + all);
        if (std::chrono::steady_clock::now() > deadline) {
            throw std::runtime_error("the process does not print \"" + text + "\":\n" + all);
        }
        std::this_thread::sleep_for(2ms);
    }
}

TempDir::TempDir() {
    std::string pattern = (std::filesystem::temp_directory_path() / "pricewire-test-XXXXXX").string();
    if (mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("cannot make a directory");
    path_ = pattern;
}

TempDir::~TempDir() {
    if (std::getenv("PRICEWIRE_KEEP_TEST_FILES") != nullptr) return;
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
}

}  // namespace pricewire::test
