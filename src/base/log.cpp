#include "base/log.hpp"

#include <atomic>
#include <cstdio>

namespace pricewire::log {
namespace {

void to_stderr(Level, std::string_view message, std::initializer_list<Field> fields) {
    std::string line(message);
    for (const Field& f : fields) {
        line += ' ';
        line += f.name;
        line += '=';
        line += f.value;
    }
    line += '\n';
    std::fwrite(line.data(), 1, line.size(), stderr);
}

Sink& sink() {
    static Sink s = to_stderr;
    return s;
}
std::atomic<Level> lowest_level{Level::warn};

}  // namespace

void set_sink(Sink s, Level lowest) {
    sink() = s ? std::move(s) : Sink(to_stderr);
    lowest_level.store(lowest);
}

bool enabled(Level level) {
    return level >= lowest_level.load(std::memory_order_relaxed);
}

void write(Level level, std::string_view message, std::initializer_list<Field> fields) {
    if (enabled(level)) sink()(level, message, fields);
}

}  // namespace pricewire::log
