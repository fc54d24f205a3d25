#include "ops/own_process.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <functional>
#include <new>
#include <string>
#include <thread>

#include "base/sanitizers.hpp"

namespace pricewire::ops {
namespace {

struct Ended {
    int code = -1;  // -1: by a signal
    std::string said;
};

// Runs `f` in a process of its own; what it writes to stderr is returned.
Ended in_child(const std::function<int()>& f) {
    int pipes[2];
    EXPECT_EQ(pipe(pipes), 0);
    const pid_t child = fork();
    if (child == 0) {
        dup2(pipes[1], STDERR_FILENO);
        close(pipes[0]);
        close(pipes[1]);
        _exit(f());
    }
    close(pipes[1]);
    Ended out;
    char piece[1000];
    for (ssize_t n = 0; (n = read(pipes[0], piece, sizeof piece)) > 0;)
        out.said.append(piece, static_cast<std::size_t>(n));
    close(pipes[0]);
    int status = 0;
    EXPECT_EQ(waitpid(child, &status, 0), child);
    if (WIFEXITED(status)) out.code = WEXITSTATUS(status);
    return out;
}

TEST(OwnProcess, AFileThatMayGrowNoFurtherIsAnErrorOfTheWrite) {
    EXPECT_EQ(in_child([] {
                  set_up_process();
                  const rlimit none{10, 10};
                  setrlimit(RLIMIT_FSIZE, &none);
                  const int fd = open("/tmp", O_TMPFILE | O_RDWR, 0600);
                  if (write(fd, "0123456789", 10) != 10) return 2;
                  return write(fd, "x", 1) < 0 && errno == EFBIG ? 0 : 1;
              }).code,
              0);
}

TEST(OwnProcess, NoFileGetsTheNumberOfAClosedStandardDescriptor) {
    EXPECT_EQ(in_child([] {
                  for (const int fd : {0, 1, 2}) close(fd);
                  set_up_process();
                  return open("/dev/null", O_RDONLY) > 2 && write(2, "x", 1) == 1 ? 0 : 1;
              }).code,
              0);
}

TEST(OwnProcess, AnExceptionThatNobodyHandlesIsOneLine) {
    if (has_thread_sanitizer)
        GTEST_SKIP() << "ThreadSanitizer reports a process that ends while its threads run";
    const auto run_thread = [](const std::function<void()>& f) {
        return in_child([&] {
            set_up_process();
            std::thread(f).join();
            return 0;
        });
    };
    const Ended memory = run_thread([] { throw std::bad_alloc(); });
    EXPECT_EQ(memory.code, 1);
    EXPECT_TRUE(memory.said.starts_with("pricewire: out of memory")) << memory.said;
    const Ended threads = run_thread([] { throw std::system_error(EAGAIN, std::generic_category()); });
    EXPECT_EQ(threads.code, 1);
    EXPECT_TRUE(threads.said.starts_with("pricewire: a thread could not be started")) << threads.said;
    // A part whose second thread did not start is destroyed while its first one runs.
    const Ended part = run_thread([] { const std::thread first([] {}); });
    EXPECT_EQ(part.code, 1);
    EXPECT_TRUE(part.said.starts_with("pricewire: a thread could not be started")) << part.said;
    EXPECT_EQ(part.said.find('\n'), part.said.size() - 1);
    const Ended bug = run_thread([] { throw std::runtime_error("unexpected"); });
    EXPECT_EQ(bug.code, -1) << "leaves a core";
    EXPECT_EQ(bug.said, "pricewire: bug: unexpected\n");
}

TEST(OwnProcess, AMappedFileThatIsTruncatedIsOneLine) {
    if (is_sanitized) GTEST_SKIP() << "sanitizers handle the signal";
    const Ended ended = in_child([] {
        set_up_process();
        const int fd = open("/tmp", O_TMPFILE | O_RDWR, 0600);
        if (ftruncate(fd, 4096) != 0) return 2;
        void* const mapped = mmap(nullptr, 4096, PROT_READ, MAP_SHARED, fd, 0);
        if (mapped == MAP_FAILED || ftruncate(fd, 0) != 0) return 2;
        return static_cast<int>(*static_cast<const volatile char*>(mapped));
    });
    EXPECT_EQ(ended.code, 1);
    EXPECT_TRUE(ended.said.starts_with("pricewire: a file that is mapped into memory")) << ended.said;
}

TEST(OwnProcess, TooFewThreadsAreAnErrorThatSaysSo) {
    EXPECT_TRUE(check_threads(4));
    if (is_sanitized) GTEST_SKIP() << "sanitizers need terabytes of address space";
    const Ended ended = in_child([] {
        rlimit little{};
        getrlimit(RLIMIT_AS, &little);
        little.rlim_cur = std::size_t{256} << 20;
        setrlimit(RLIMIT_AS, &little);
        const auto enough = check_threads(1000);
        if (enough) return 0;
        fputs(enough.error().message.c_str(), stderr);
        return 1;
    });
    EXPECT_EQ(ended.code, 1);
    EXPECT_NE(ended.said.find("of the 1000 threads that it needs"), std::string::npos) << ended.said;
}

}  // namespace
}  // namespace pricewire::ops
