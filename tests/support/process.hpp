#pragma once

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace pricewire::test {

// A program started for a test: its output goes to a file, and it ends with this object at the latest.
class Process {
public:
    struct Options {
        std::vector<std::string> command;        // program and arguments
        std::map<std::string, std::string> env;  // added to a nearly empty environment
        std::filesystem::path output;            // stdout and stderr, appended
        std::filesystem::path directory;         // working directory; empty: the test's
        std::string user;                        // the user it runs as (only for root); empty: the test's
        int with_the_test = 9;  // the signal it gets when the thread that started it ends: SIGKILL
    };

    Process() = default;
    explicit Process(const Options& options);
    Process(Process&& other) noexcept;
    Process& operator=(Process&& other) noexcept;
    ~Process();  // SIGKILL if it still runs

    pid_t pid() const { return pid_; }
    bool running();
    void signal(int number) const;
    // Waits for its end; the exit code, or 128 + the signal's number. Throws after 60 s.
    int wait();
    void kill();       // SIGKILL and wait
    void kill_tree();  // the same with all that it has started, and what those have
    std::string output() const;
    // Waits until a line of the output holds `text`, then returns what follows it up to white space.
    // Throws std::runtime_error, with the output, after 60 s or when the process has ended.
    std::string wait_for_output(const std::string& text);

private:
    pid_t pid_ = -1;
    int status_ = 0;
    std::filesystem::path output_;
    std::uintmax_t output_start_ = 0;
};

// A directory of its own, removed with this object unless PRICEWIRE_KEEP_TEST_FILES is set.
class TempDir {
public:
    TempDir();
    ~TempDir();
    TempDir(const TempDir&) = delete;
    TempDir& operator=(const TempDir&) = delete;
    const std::filesystem::path& path() const { return path_; }

private:
    std::filesystem::path path_;
};

}  // namespace pricewire::test
