#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "access/rate_limits.hpp"
#include "base/crypto.hpp"
#include "base/uuid.hpp"
#include "domain/user.hpp"

namespace pricewire::access {

// What is asked about a request: whose key it carries, and a token of a bucket.
struct Ask {
    Sha256 key;          // the API key's hash
    std::string bucket;  // its name or, if it is one of the user's, what follows the user in it
    bool is_of_user = false;
    RateLimit limit;
};

struct Admission {
    std::optional<User> user;              // unset: not cached, so it must be looked up
    std::optional<RateDecision> decision;  // unset: no token was taken, because the user is not known yet
};

// The name of a user's bucket.
inline std::string bucket_of(const Uuid& user, std::string_view what) {
    return "user:" + user.to_string() + ":" + std::string(what);
}

// Answers both at once, where asking an AuthCache and RateLimits one after the other would be two round trips and would
// block. Thread-safe.
class Gate {
public:
    // Drops the calls that are still to come.
    virtual ~Gate() = default;
    // Calls `then` once: at once if nothing has to be asked, else soon, on the gate's thread, which it must not block.
    virtual void admit(Ask ask, std::move_only_function<void(Admission)> then) = 0;
};

}  // namespace pricewire::access
