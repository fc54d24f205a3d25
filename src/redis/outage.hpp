#pragma once

#include <string>
#include <string_view>

#include "base/mutex.hpp"
#include "redis/url.hpp"

namespace pricewire::redis {

// Says once that a Redis is away and what that means, and once that it is back, however many connections
// notice. Thread-safe.
class Outage {
public:
    // `meaning`: "prices wait for it". `healed`: "prices flow again".
    Outage(const Address& address, std::string meaning, std::string healed);

    // It cannot be connected to. A connection that merely broke is tried again first.
    void away(std::string_view reason);
    void back();
    bool is_away() const;

private:
    const std::string where_;
    const std::string meaning_;
    const std::string healed_;
    mutable Mutex mutex_;
    bool away_ GUARDED_BY(mutex_) = false;
};

}  // namespace pricewire::redis
