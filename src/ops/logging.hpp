#pragma once

#include <initializer_list>
#include <span>
#include <string>
#include <string_view>

#include "base/clock.hpp"
#include "base/log.hpp"

namespace pricewire::ops {

// Sends base/log's lines to stderr from here on. `level`: debug, info, warn, error; `format`: text or json,
// as the configuration takes them. To be called before other threads start.
void install_logging(std::string_view level, std::string_view format);

// One line without its end. What the context has and the fields have as well is shown once, as the fields
// have it. Text: `2026-01-02T03:04:05.678Z info  message name=value`; what could be mistaken
// for more than a value (spaces, quotes, control characters) is quoted as a JSON string, so no line can be
// forged.
std::string format_text_line(Timestamp at, log::Level level, std::string_view message,
                             std::initializer_list<log::Field> fields,
                             std::span<const log::Scope::Named> context = {});
// {"time":…,"level":…,"message":…,"name":"value",…}
std::string format_json_line(Timestamp at, log::Level level, std::string_view message,
                             std::initializer_list<log::Field> fields,
                             std::span<const log::Scope::Named> context = {});

}  // namespace pricewire::ops
