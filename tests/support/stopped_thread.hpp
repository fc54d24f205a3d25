#pragma once

#include <sys/ptrace.h>
#include <sys/wait.h>

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>
#include <system_error>

namespace pricewire::test {

// While it lives, one thread of a process that this thread has started stands still, and the others go on. False: the
// machine allows no tracing. Throws std::runtime_error if the process has no thread of that name.
class StoppedThread {
public:
    StoppedThread(pid_t process, const std::string& name) {
        std::error_code none;
        for (const auto& task :
             std::filesystem::directory_iterator("/proc/" + std::to_string(process) + "/task", none)) {
            std::string comm;
            std::getline(std::ifstream(task.path() / "comm") >> std::ws, comm);
            if (comm != name) continue;
            const pid_t thread = std::stoi(task.path().filename().string());
            if (ptrace(PTRACE_SEIZE, thread, nullptr, nullptr) != 0) {
                if (errno == EPERM || errno == ENOSYS) return;
                throw std::system_error(errno, std::generic_category(), "stopping thread " + name);
            }
            if (ptrace(PTRACE_INTERRUPT, thread, nullptr, nullptr) != 0)
                throw std::system_error(errno, std::generic_category(), "interrupting thread " + name);
            if (waitpid(thread, nullptr, __WALL) != thread)
                throw std::system_error(errno, std::generic_category(), "waiting for thread " + name);
            thread_ = thread;
            return;
        }
        throw std::runtime_error("no thread of the process is named " + name);
    }
    ~StoppedThread() {
        if (thread_ > 0) ptrace(PTRACE_DETACH, thread_, nullptr, nullptr);
    }
    StoppedThread(const StoppedThread&) = delete;
    StoppedThread& operator=(const StoppedThread&) = delete;
    explicit operator bool() const { return thread_ > 0; }

private:
    pid_t thread_ = -1;
};

}  // namespace pricewire::test
