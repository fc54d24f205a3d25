#pragma once

#include <absl/container/flat_hash_map.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "access/rate_limits.hpp"
#include "base/mutex.hpp"

namespace pricewire::access {

// Tokens of shared buckets that this process has taken in advance, so that not every request is a round trip. Pure, and
// thread-safe.
//
// A lease lasts for `lease_time`, and what is left of it then is dropped. It holds no more tokens than the bucket is
// refilled with in that time, and no more than a sixteenth of the bucket, so that buckets of which less than two tokens
// would be leased have none: they are exact, as by default. A lease begins as a single token and doubles whenever it was
// used up within its time, so that who asks seldom costs the others nothing.
//
// So any number of requests that come within a time are at most as many as the bucket allows, and one lease for each
// process; and a client that stops and begins again may be refused one lease too early.
//
// That a bucket is empty is remembered for lease_time, too, or until its next token: refused requests cost Redis nothing.
class Leases {
public:
    static constexpr Duration lease_time = std::chrono::milliseconds{250};
    // Tokens that a lease of such a bucket may hold. Less than two: there is none.
    static std::uint32_t most(const RateLimit& limit);

    // The debt of a bucket, as Redis keeps it: in microseconds, and the rest in 1 / count of one.
    struct Debt {
        std::int64_t whole = 0;
        std::int64_t part = 0;
    };
    // What follows from it, as token_bucket.hpp computes it.
    static RateDecision decision(bool allowed, const Debt& debt, const RateLimit& limit);

    // What to do about a request: the decision or, if it is unset, how many tokens to ask Redis for. If that is more than
    // one, or `is_lease` is set, then granted() or failed() must follow.
    struct Plan {
        std::optional<RateDecision> decision;
        std::uint32_t tokens = 1;
        bool is_lease = false;
    };
    Plan take(std::string_view bucket, const RateLimit& limit, MonoTime now);
    // Redis gave that many, of which the first is for the request that asked, at `asked`; none: the bucket is empty.
    RateDecision granted(std::string_view bucket, const RateLimit& limit, const Plan& plan,
                         std::uint32_t tokens, const Debt& debt, MonoTime asked);
    void failed(std::string_view bucket, const Plan& plan);

private:
    struct Lease {
        std::uint32_t size = 0;
        std::uint32_t left = 0;
        bool is_asked_for = false;  // a thread is about to replace it
        bool is_empty = false;      // the bucket
        Debt debt;                  // at `since`
        MonoTime since, until;
    };
    struct NameHash {
        using is_transparent = void;
        std::size_t operator()(std::string_view name) const { return std::hash<std::string_view>{}(name); }
    };
    struct Shard {
        Mutex mutex;
        absl::flat_hash_map<std::string, Lease, NameHash, std::equal_to<>> leases GUARDED_BY(mutex);
        MonoTime swept GUARDED_BY(mutex);
    };
    static constexpr std::size_t most_kept = 4096;  // of a shard

    Shard& shard_of(std::string_view bucket);
    static RateDecision served(const Lease& lease, const RateLimit& limit, MonoTime now);
    static std::uint32_t next_size(const Lease& lease, const RateLimit& limit, MonoTime now);
    static bool has_room(Shard& shard, MonoTime now) REQUIRES(shard.mutex);

    std::array<Shard, 16> shards_;
};

}  // namespace pricewire::access
