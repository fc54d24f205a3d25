#include "ops/shutdown.hpp"

#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include <initializer_list>

namespace pricewire {
namespace {

sigset_t ending_signals() {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    return set;
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
    for (const int again : {SIGTERM, SIGINT}) {
        signal(again, [](int n) { _exit(128 + n); });
    }
    pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
    return number;
}

}  // namespace pricewire
