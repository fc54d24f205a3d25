#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <list>
#include <optional>
#include <unordered_map>

#include "access/token_bucket.hpp"
#include "base/clock.hpp"
#include "base/log.hpp"
#include "base/uuid.hpp"
#include "domain/delivery.hpp"

namespace pricewire::deliver {

// How many attempts each user may cause: a token bucket per user, from which an attempt takes a token before it
// starts. First attempts of firings may empty it; retries, tests and recoveries leave half of it to them. Pure:
// time is a parameter. One thread.
//
// Of senders that share a database the one in charge of a user counts alone; another that takes over begins with a full
// bucket, as does a sender's start. So does a user who is forgotten, the one whose last attempt is oldest.
class AttemptBudget {
public:
    enum class Kind : std::uint8_t { first_of_firing, other };
    struct Refusal {
        // Until a token is there for it. Those refused one after the other get times one after the other, so
        // that they do not all come back for the same token.
        Duration wait{};
        bool first = false;  // the user's first one in an hour
    };

    explicit AttemptBudget(std::optional<access::RateLimit> limit, std::size_t max_users = 65'536)
        : limit_(limit), max_users_(max_users) {}

    // What take() means for a claim: nullopt if its attempt may start; else it waits without one, or expires.
    std::optional<DeliveryOutcome> refuses(const ClaimedDelivery& claim, const Moment& now);
    // nullopt: the attempt may start.
    std::optional<Refusal> take(const Uuid& user, Kind kind, MonoTime now);
    // The user's attempt that took the last token was not made.
    void give_back(const Uuid& user);
    std::size_t users() const { return users_.size(); }

private:
    struct User {
        Uuid id;
        access::TokenBucket bucket;
        std::array<MonoTime, 2> last_wait_ends{};  // by kind
        MonoTime told_until = MonoTime::min();
    };

    User& user(const Uuid& id);

    const std::optional<access::RateLimit> limit_;
    const std::size_t max_users_;
    log::LineBudget told_{"users whose attempts are used up", 5};
    std::list<User> users_;  // most recently used first
    std::unordered_map<Uuid, std::list<User>::iterator> by_id_;
};

}  // namespace pricewire::deliver
