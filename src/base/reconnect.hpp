#pragma once

#include <string_view>
#include <utility>

#include "base/backoff.hpp"
#include "base/outage.hpp"
#include "base/stop_signal.hpp"

namespace pricewire::inline base {

// Calls `work` until `stop` is set, at least once, and waits after each call for as long as it returns. If
// `work` throws Error, `failed` gets that and returns how long to wait.
template <typename Error, typename Work, typename Failed>
void repeat_until(const StopSignal& stop, Work work, Failed failed) {
    Duration pause{};
    do {
        try {
            pause = work();
        } catch (const Error& e) {
            pause = failed(e);
        }
    } while (!stop.wait_for(pause));
}

// When to open a connection again, and when to log. One that has worked is reopened at once and without a log
// line: a restart or an idle time-out of the peer is no outage. If that fails too, the outage begins: it is
// logged once, and retried with growing pauses until the connection works. Used by one thread; several may
// share the Outage, which outlives them.
class Reconnect {
public:
    Reconnect(BackoffPolicy policy, Outage& outage) : backoff_(policy), outage_(outage) {}

    // The peer has answered on the connection.
    void worked() {
        if (std::exchange(works_, true)) return;
        backoff_.reset();
        outage_.end();
    }
    // The connection could not be opened, or has failed: how long to wait before it is opened again.
    Duration failed(std::string_view reason) {
        if (std::exchange(works_, false)) return Duration::zero();
        outage_.begin(reason);
        return backoff_.next();
    }
    bool works() const { return works_; }

    // repeat_until() with these rules. `work` opens the connection if there is none; `drop` closes it.
    template <typename Error, typename Work, typename Drop>
    void run(const StopSignal& stop, Work work, Drop drop) {
        repeat_until<Error>(
            stop,
            [&] {
                const Duration pause = work();
                worked();
                return pause;
            },
            [&](const Error& e) {
                drop();
                return failed(e.what());
            });
    }

private:
    Backoff backoff_;
    Outage& outage_;
    bool works_ = false;
};

}  // namespace pricewire::inline base
