#pragma once

#include <atomic>
#include <string>
#include <string_view>

namespace pricewire::inline base {

// Logs once that a service cannot be reached and once that it answers again, however many connections notice.
// Thread-safe.
class Outage {
public:
    // `service`: "Redis at 127.0.0.1:6379". `meaning`: what the outage means, "prices wait for it". `healed`:
    // what its end means, "prices flow again".
    Outage(std::string service, std::string meaning, std::string healed);

    void begin(std::string_view reason);
    void end();

private:
    const std::string service_;
    const std::string meaning_;
    const std::string healed_;
    std::atomic<bool> ongoing_ = false;
};

}  // namespace pricewire::inline base
