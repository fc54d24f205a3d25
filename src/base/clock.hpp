#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace pricewire::inline base {

// Wall-clock time, UTC, in microseconds: for everything stored and shown.
using Timestamp = std::chrono::sys_time<std::chrono::microseconds>;
// Monotonic time: for time-outs and ages.
using MonoTime = std::chrono::steady_clock::time_point;
using Duration = std::chrono::microseconds;

// One moment on both clocks: `mono` to measure with, `wall` to store and show.
struct Moment {
    Timestamp wall;
    MonoTime mono;
};

// The source of time, which tests replace. Implementations are thread-safe.
class Clock {
public:
    virtual ~Clock() = default;
    virtual Timestamp now() const = 0;
    virtual MonoTime mono() const = 0;
    Moment moment() const { return {now(), mono()}; }
};

// The machine's clock, with the lifetime of the program.
const Clock& system_clock();

// A clock that only advance() moves. advance() must not run beside any other member.
class ManualClock : public Clock {
public:
    explicit ManualClock(Timestamp start = Timestamp{std::chrono::seconds{1'700'000'000}}) : now_(start) {}
    Timestamp now() const override { return now_; }
    MonoTime mono() const override { return mono_; }
    void advance(Duration d) {
        now_ += d;
        mono_ += d;
    }

private:
    Timestamp now_;
    MonoTime mono_{std::chrono::hours{1}};
};

// RFC 3339 in UTC, with a fraction only where it is not zero: "2025-01-01T00:00:00Z",
// "2025-01-01T00:00:00.25Z".
std::string format_rfc3339(Timestamp t);
// Accepts what format_rfc3339 writes and any offset ("+02:00"); digits beyond microseconds are cut off.
Result<Timestamp> parse_rfc3339(std::string_view text);

// "200ms", "10s", "5m", "24h", "90d", "0s": one number, one unit, at most a century.
// Error: says what is accepted.
Result<Duration> parse_duration(std::string_view text);
// A JSON number of seconds, cut to whole microseconds; beyond what Duration holds, its limit. nullopt: not a number, or
// out of the range of Decimal.
std::optional<Duration> parse_seconds(std::string_view number);
// In the largest unit up to hours that divides it, as parse_duration reads it back: "10s", "1500ms", "24h".
std::string format_duration(Duration d);

inline std::int64_t to_micros(Timestamp t) {
    return t.time_since_epoch().count();
}
inline Timestamp from_micros(std::int64_t us) {
    return Timestamp{Duration{us}};
}

}  // namespace pricewire::inline base
