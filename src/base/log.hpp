#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/mutex.hpp"

// How every room logs. Rooms know this header only; ops/ decides where lines go and in which format.
// Thread-safe. Until a sink is set, warnings and errors go to stderr. Never pass a secret: API keys, webhook
// secrets, URLs with a password.
namespace pricewire::inline base::log {

enum class Level { debug, info, warn, error };

// A named value beside the message: {"alert_id", id.to_string()}. Written as key=value or as a JSON member.
struct Field {
    std::string_view name;
    std::string value;
};

// Adds these fields to every line that the thread logs while it lives; nested scopes add up. The strings
// outlive it. Empty values are left out.
class Scope {
public:
    struct Named {
        std::string_view name;
        std::string_view value;
    };
    static constexpr std::size_t most = 3;  // fields; further ones are left out
    explicit Scope(std::initializer_list<Named> fields);
    ~Scope();
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;

private:
    friend std::vector<Named> context();
    std::array<Named, most> fields_;
    std::size_t size_ = 0;
    const Scope* outer_;
};
// The fields of this thread's scopes, innermost first, for sinks, which write them after the line's own.
std::vector<Scope::Named> context();

// Limits the lines a second about events of which there may be any number, so that neither crowds nor
// attackers fill the disk. Once a second it logs how many were left out. Thread-safe.
class LineBudget {
public:
    // `what` appears in the line about those left out: "requests".
    LineBudget(std::string_view what, std::uint32_t lines_a_second)
        : what_(what), lines_a_second_(lines_a_second) {}
    // Whether another line may be written now.
    bool take(MonoTime now);

private:
    const std::string_view what_;
    const std::uint32_t lines_a_second_;
    Mutex mutex_;
    MonoTime second_ GUARDED_BY(mutex_);  // when it began
    std::uint32_t taken_ GUARDED_BY(mutex_) = 0;
    std::uint64_t left_out_ GUARDED_BY(mutex_) = 0;
};

// Leaves out lines that follow an earlier one too soon: for outages that come and go. Not thread-safe.
class AtMostEvery {
public:
    explicit AtMostEvery(Duration apart) : apart_(apart) {}
    // Whether another line may be written now.
    bool take(MonoTime now) {
        if (last_ && now - *last_ < apart_) return false;
        last_ = now;
        return true;
    }

private:
    Duration apart_;
    std::optional<MonoTime> last_;
};

using Sink = std::function<void(Level, std::string_view message, std::initializer_list<Field> fields)>;

// Replaces the sink and the lowest level it gets. Call it before other threads log, and at exit.
void set_sink(Sink sink, Level lowest);
bool enabled(Level level);
void write(Level level, std::string_view message, std::initializer_list<Field> fields = {});

inline void debug(std::string_view m, std::initializer_list<Field> f = {}) {
    write(Level::debug, m, f);
}
inline void info(std::string_view m, std::initializer_list<Field> f = {}) {
    write(Level::info, m, f);
}
inline void warn(std::string_view m, std::initializer_list<Field> f = {}) {
    write(Level::warn, m, f);
}
inline void error(std::string_view m, std::initializer_list<Field> f = {}) {
    write(Level::error, m, f);
}

}  // namespace pricewire::inline base::log
