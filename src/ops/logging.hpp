#pragma once

#include <initializer_list>
#include <span>
#include <string>
#include <string_view>

#include "base/clock.hpp"
#include "base/log.hpp"

namespace pricewire::ops {

// Writes log lines to stderr from then on. `level`: debug, info, warn or error; `format`: text or json. To be
// called before other threads start.
void install_logging(std::string_view level, std::string_view format);

// One line without its newline. A field hides a context value of the same name. Text:
// `2026-01-02T03:04:05.678Z info  message name=value`; a value with spaces, quotes or control characters is
// quoted as a JSON string, so that no value can forge a line.
std::string format_text_line(Timestamp at, log::Level level, std::string_view message,
                             std::initializer_list<log::Field> fields,
                             std::span<const log::Scope::Named> context = {});
// {"time":…,"level":…,"message":…,"name":"value",…}
std::string format_json_line(Timestamp at, log::Level level, std::string_view message,
                             std::initializer_list<log::Field> fields,
                             std::span<const log::Scope::Named> context = {});

}  // namespace pricewire::ops
