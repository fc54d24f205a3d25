#pragma once

#include <functional>
#include <initializer_list>
#include <string>
#include <string_view>

// The way every room says something to the operator. Rooms know this header only; ops/ decides where lines go
// and in which format. Thread-safe. Before a sink is set, warnings and errors go to stderr.
// Never pass a secret: API keys, webhook secrets, URLs with a password.
namespace pricewire::log {

enum class Level { debug, info, warn, error };

// A named value beside the message: {"alert_id", id.to_string()}. Shown as key=value, or as a JSON member.
struct Field {
    std::string_view name;
    std::string value;
};

using Sink = std::function<void(Level, std::string_view message, std::initializer_list<Field> fields)>;

// Replaces the sink and the lowest level it gets. To be called before other threads log, and at exit.
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

}  // namespace pricewire::log
