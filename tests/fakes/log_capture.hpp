#pragma once

#include <algorithm>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "base/log.hpp"
#include "base/mutex.hpp"

namespace pricewire::fakes {

// While it lives, log lines go here, as "warn the message key=value". One at a time; thread-safe.
class LogCapture {
public:
    explicit LogCapture(log::Level lowest = log::Level::info) {
        log::set_sink(
            [this](log::Level level, std::string_view message, std::initializer_list<log::Field> fields) {
                static constexpr const char* names[] = {"debug", "info", "warn", "error"};
                std::string line = names[static_cast<int>(level)];
                line += ' ';
                line += message;
                for (const log::Field& f : fields) {
                    line += ' ';
                    line += f.name;
                    line += '=';
                    line += f.value;
                }
                for (const auto& [name, value] : log::context()) {
                    line += ' ';
                    line += name;
                    line += '=';
                    line += value;
                }
                MutexLock lock(mutex_);
                lines_.push_back(std::move(line));
            },
            lowest);
    }
    ~LogCapture() { log::set_sink({}, log::Level::warn); }
    LogCapture(const LogCapture&) = delete;
    LogCapture& operator=(const LogCapture&) = delete;

    std::vector<std::string> lines() const {
        MutexLock lock(mutex_);
        return lines_;
    }
    std::size_t count(std::string_view part) const {
        const auto all = lines();
        return static_cast<std::size_t>(std::count_if(
            all.begin(), all.end(), [&](const std::string& l) { return l.find(part) != std::string::npos; }));
    }

private:
    mutable Mutex mutex_;
    std::vector<std::string> lines_ GUARDED_BY(mutex_);
};

}  // namespace pricewire::fakes
