#pragma once

namespace pricewire {

// SIGTERM and SIGINT as something to wait for. To be constructed first in main(): threads started later
// inherit the blocked signals. SIGPIPE is ignored from here on.
class Shutdown {
public:
    Shutdown();
    // Returns the signal's number when one has come. From then on a second one ends the process at once (128
    // + number).
    int wait();
};

}  // namespace pricewire
