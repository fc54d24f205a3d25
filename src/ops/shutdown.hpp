#pragma once

#include <optional>

#include "base/clock.hpp"

namespace pricewire::ops {

// SIGTERM and SIGINT as something to wait for. To be constructed first in main(): threads started later
// inherit the blocked signals. SIGPIPE is ignored from here on.
class Shutdown {
public:
    Shutdown();
    // Returns the signal's number when one has come. From then on a second one ends the process at once (128
    // + number).
    int wait();
    // The same for so long; nullopt where none has come.
    std::optional<int> wait_for(Duration patience);

    // While it lives, the first signal ends the process at once, with exit code 0: there is nothing to finish
    // yet. On the thread that made Shutdown.
    class NothingToFinish {
    public:
        NothingToFinish();
        ~NothingToFinish();
        NothingToFinish(const NothingToFinish&) = delete;
        NothingToFinish& operator=(const NothingToFinish&) = delete;
    };
    // For commands that nobody waits for: from here on signals end the process as they do by default.
    void leave_to_the_system();
};

}  // namespace pricewire::ops
