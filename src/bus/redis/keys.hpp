#pragma once

#include <string>
#include <string_view>

#include "base/backoff.hpp"

namespace pricewire::bus {

// The names of the keys, which all parts of the bus share. Lives as long as the bus.
struct Keys {
    std::string prices;
    std::string latest;  // followed by the ticker
    std::string boards;
    std::string feed;  // followed by the feed's id
    std::string feeds;
    std::string processed;
    std::string ping;

    explicit Keys(std::string_view prefix)
        : prices(std::string(prefix) + "prices"),
          latest(std::string(prefix) + "latest:"),
          boards(std::string(prefix) + "boards"),
          feed(std::string(prefix) + "feed:"),
          feeds(std::string(prefix) + "feeds"),
          processed(std::string(prefix) + "processed"),
          ping(std::string(prefix) + "ping") {}
};

inline constexpr BackoffPolicy reconnect_policy{std::chrono::milliseconds{50}, std::chrono::seconds{1}};

}  // namespace pricewire::bus
