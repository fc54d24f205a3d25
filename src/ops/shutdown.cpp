#include "ops/shutdown.hpp"

#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <ctime>
#include <initializer_list>

namespace pricewire::ops {
namespace {

sigset_t ending_signals() {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    return set;
}

void end_at_the_next_signal() {
    for (const int again : {SIGTERM, SIGINT}) {
        signal(again, [](int n) { _exit(128 + n); });
    }
    const sigset_t set = ending_signals();
    pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
}

}  // namespace

Shutdown::Shutdown() {
    const sigset_t set = ending_signals();
    pthread_sigmask(SIG_BLOCK, &set, nullptr);
    signal(SIGPIPE, SIG_IGN);
}

int Shutdown::wait() {
    const sigset_t set = ending_signals();
    int number = 0;
    while (sigwait(&set, &number) != 0) {
    }
    end_at_the_next_signal();
    return number;
}

std::optional<int> Shutdown::wait_for(Duration patience) {
    const sigset_t set = ending_signals();
    const auto until = std::chrono::steady_clock::now() + patience;
    while (true) {
        const auto left =
            std::max(Duration::zero(), std::chrono::ceil<Duration>(until - std::chrono::steady_clock::now()));
        const timespec wait{.tv_sec = left.count() / 1'000'000, .tv_nsec = left.count() % 1'000'000 * 1000};
        const int number = sigtimedwait(&set, nullptr, &wait);
        if (number > 0) {
            end_at_the_next_signal();
            return number;
        }
        if (left == Duration::zero()) return std::nullopt;
    }
}

Shutdown::NothingToFinish::NothingToFinish() {
    for (const int number : {SIGTERM, SIGINT}) {
        signal(number, [](int) { _exit(0); });
    }
    const sigset_t set = ending_signals();
    pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
}

Shutdown::NothingToFinish::~NothingToFinish() {
    const sigset_t set = ending_signals();
    pthread_sigmask(SIG_BLOCK, &set, nullptr);
    for (const int number : {SIGTERM, SIGINT}) signal(number, SIG_DFL);
}

void Shutdown::leave_to_the_system() {
    const sigset_t set = ending_signals();
    pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
}

}  // namespace pricewire::ops
