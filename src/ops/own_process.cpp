#include "ops/own_process.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cstdlib>
#include <exception>
#include <latch>
#include <new>
#include <string_view>
#include <system_error>
#include <thread>
#include <vector>

#include "base/sanitizers.hpp"

namespace pricewire::ops {
namespace {

// glibc's own choice where the limit is unlimited. Sanitizers need more.
constexpr std::size_t stack_size = std::size_t{2} << 20;

constexpr std::string_view out_of_memory =
    "pricewire: out of memory; raise the limit of the container or of address space (ulimit -v)\n";
constexpr std::string_view out_of_threads =
    "pricewire: a thread could not be started; raise the limits of processes (ulimit -u, pids of the "
    "container) and of address space (ulimit -v)\n";
constexpr std::string_view unreadable_mapping =
    "pricewire: a file that is mapped into memory was truncated or cannot be read (the database's -shm?); "
    "check the disk, and start again\n";

void say(std::string_view line) {
    // Not through the log: it may be what has no memory.
    [[maybe_unused]] const ssize_t written = write(STDERR_FILENO, line.data(), line.size());
}

[[noreturn]] void ended() {
    const auto error = std::current_exception();
    try {
        // Without an exception: a part was destroyed while its threads ran, since a further one did not start.
        if (error) std::rethrow_exception(error);
        say(out_of_threads);
    } catch (const std::bad_alloc&) {
        say(out_of_memory);
    } catch (const std::system_error& e) {
        if (e.code() == std::errc::resource_unavailable_try_again) {
            say(out_of_threads);
        } else {
            say("pricewire: ");
            say(e.what());
            say("\n");
        }
    } catch (const std::exception& e) {
        say("pricewire: bug: ");
        say(e.what());
        say("\n");
        std::abort();
    } catch (...) {
        std::abort();
    }
    _exit(1);
}

void on_bus_error(int) {
    say(unreadable_mapping);
    _exit(1);
}

void keep_standard_descriptors() {
    int fd = open("/dev/null", O_RDWR);
    while (fd >= 0 && fd <= STDERR_FILENO) fd = dup(fd);
    if (fd > STDERR_FILENO) close(fd);
}

void spare_address_space() {
    rlimit space{};
    if (getrlimit(RLIMIT_AS, &space) == 0 && space.rlim_cur != RLIM_INFINITY) mallopt(M_ARENA_MAX, 2);
}

void set_stack_size() {
    pthread_attr_t attributes;
    if (pthread_attr_init(&attributes) != 0) return;
    if (pthread_attr_setstacksize(&attributes, stack_size) == 0) pthread_setattr_default_np(&attributes);
    pthread_attr_destroy(&attributes);
}

}  // namespace

void set_up_process() {
    keep_standard_descriptors();
    signal(SIGXFSZ, SIG_IGN);
    if (!is_sanitized) {
        signal(SIGBUS, on_bus_error);
        set_stack_size();
    }
    spare_address_space();
    std::set_terminate(ended);
}

Result<void> check_threads(std::size_t count) {
    std::latch go(1);
    std::vector<std::thread> threads;
    threads.reserve(count);
    Result<void> result;
    try {
        // Each touches the heap: the first time a thread does, glibc reserves address space for it.
        while (threads.size() < count)
            threads.emplace_back([&go] {
                go.wait();
                std::vector<char>(1 << 16).shrink_to_fit();
            });
    } catch (const std::system_error&) {
        result = fail(fmt::format(
            "only {} of the {} threads that it needs could be started: raise the limits of processes "
            "(ulimit -u, pids of the container) and of address space (ulimit -v)",
            threads.size(), count));
    }
    go.count_down();
    for (std::thread& thread : threads) thread.join();
    return result;
}

}  // namespace pricewire::ops
