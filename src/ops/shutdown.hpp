#pragma once

#include <optional>

#include "base/clock.hpp"

namespace pricewire::ops {

// Waits for SIGTERM and SIGINT. To be constructed first in main(): threads started later inherit the blocked
// signals. Ignores SIGPIPE from then on.
class Shutdown {
public:
    Shutdown();
    // Returns the signal's number. After that a second signal ends the process at once, with exit code 128 +
    // number.
    int wait();
    // The same with a timeout; nullopt if no signal came.
    std::optional<int> wait_for(Duration patience);

    // While it exists, the first signal ends the process at once with exit code 0: there is nothing to finish
    // yet. To be used on the thread that constructed Shutdown.
    class NothingToFinish {
    public:
        NothingToFinish();
        ~NothingToFinish();
        NothingToFinish(const NothingToFinish&) = delete;
        NothingToFinish& operator=(const NothingToFinish&) = delete;
    };
    // Restores the default action of the signals, for commands that need no clean stop.
    void leave_to_the_system();
};

}  // namespace pricewire::ops
