#pragma once

#include <string>
#include <string_view>

#include "base/unusable.hpp"

namespace pricewire::redis {

// Redis cannot be reached, did not answer in time, or returned an error. The text may name the host, but
// never a password. The connection must not be used any further.
struct RedisError : Unusable {
    explicit RedisError(const std::string& text, std::string_view brief = "not reachable")
        : Unusable(text, brief) {}
};

// What an error that Redis returns means, by its code, in words for anyone.
constexpr std::string_view brief(std::string_view error) {
    if (error.starts_with("OOM")) return "cannot store anything: it is out of memory";
    if (error.starts_with("READONLY")) return "cannot store anything: it is a read-only replica";
    if (error.starts_with("MISCONF")) return "cannot store anything: it cannot write to its disk";
    if (error.starts_with("NOPERM") || error.starts_with("NOAUTH") || error.starts_with("WRONGPASS"))
        return "it refuses access";
    if (error.starts_with("LOADING")) return "it is still loading its data";
    return "it returns errors";
}

}  // namespace pricewire::redis
