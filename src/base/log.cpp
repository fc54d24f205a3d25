#include "base/log.hpp"

#include <atomic>
#include <cstdio>
#include <utility>

namespace pricewire::inline base::log {
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
thread_local const Scope* innermost = nullptr;

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

Scope::Scope(std::initializer_list<Named> fields) : outer_(innermost) {
    for (const Named& field : fields) {
        if (!field.value.empty() && size_ < most) fields_[size_++] = field;
    }
    innermost = this;
}

Scope::~Scope() {
    innermost = outer_;
}

std::vector<Scope::Named> context() {
    std::vector<Scope::Named> out;
    for (const Scope* scope = innermost; scope != nullptr; scope = scope->outer_)
        out.insert(out.end(), scope->fields_.begin(),
                   scope->fields_.begin() + static_cast<std::ptrdiff_t>(scope->size_));
    return out;
}

bool LineBudget::take(MonoTime now) {
    std::uint64_t left_out = 0;
    bool granted = false;
    {
        MutexLock lock(mutex_);
        if (now - second_ >= std::chrono::seconds{1} || second_ == MonoTime{}) {
            second_ = now;
            taken_ = 0;
            left_out = std::exchange(left_out_, 0);
        }
        granted = taken_ < lines_a_second_;
        if (granted) {
            ++taken_;
        } else {
            ++left_out_;
        }
    }
    if (left_out > 0) {
        info("more lines than are written a second; the rest were left out",
             {{"about", std::string(what_)}, {"left_out", std::to_string(left_out)}});
    }
    return granted;
}

}  // namespace pricewire::inline base::log
