#include "ops/logging.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <array>

#include "base/json_writer.hpp"

namespace pricewire::ops {
namespace {

// By log::Level.
constexpr std::array<std::string_view, 4> level_names{"debug", "info", "warn", "error"};

std::string_view name_of(log::Level level) {
    return level_names[static_cast<std::size_t>(level)];
}

log::Level parse_level(std::string_view text) {
    return static_cast<log::Level>(std::ranges::find(level_names, text) - level_names.begin());
}

std::string milliseconds_of(Timestamp at) {
    const auto ms = std::chrono::floor<std::chrono::milliseconds>(at);
    return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:03}Z", fmt::gmtime(std::chrono::system_clock::to_time_t(ms)),
                       ms.time_since_epoch().count() % 1000);
}

bool is_plain(std::string_view text) {
    return !text.empty() && std::all_of(text.begin(), text.end(), [](unsigned char c) {
        return c > 0x20 && c != 0x7f && c != '"' && c != '=' && c != '\\';
    });
}

// The fields, then the context values that have no field of the same name.
template <typename F>
void each_field(std::initializer_list<log::Field> fields, std::span<const log::Scope::Named> context, F&& f) {
    for (const log::Field& field : fields) f(field.name, field.value);
    for (std::size_t i = 0; i < context.size(); ++i) {
        const auto same = [&](const auto& other) { return other.name == context[i].name; };
        if (std::none_of(fields.begin(), fields.end(), same) &&
            std::none_of(context.begin(), context.begin() + static_cast<std::ptrdiff_t>(i), same))
            f(context[i].name, context[i].value);
    }
}

}  // namespace

std::string format_text_line(Timestamp at, log::Level level, std::string_view message,
                             std::initializer_list<log::Field> fields,
                             std::span<const log::Scope::Named> context) {
    std::string line = fmt::format("{} {:<5} ", milliseconds_of(at), name_of(level));
    for (const char c : message) line += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
    each_field(fields, context, [&](std::string_view name, std::string_view value) {
        line += fmt::format(" {}=", name);
        if (is_plain(value)) {
            line += value;
        } else {
            append_json_string(line, value);
        }
    });
    return line;
}

std::string format_json_line(Timestamp at, log::Level level, std::string_view message,
                             std::initializer_list<log::Field> fields,
                             std::span<const log::Scope::Named> context) {
    JsonWriter w;
    w.begin_object()
        .field("time", milliseconds_of(at))
        .field("level", name_of(level))
        .field("message", message);
    each_field(fields, context, [&](std::string_view name, std::string_view value) { w.field(name, value); });
    w.end_object();
    return std::move(w).str();
}

void install_logging(std::string_view level, std::string_view format) {
    auto logger =
        std::make_shared<spdlog::logger>("pricewire", std::make_shared<spdlog::sinks::stderr_sink_mt>());
    logger->set_pattern("%v");
    logger->set_level(spdlog::level::trace);
    const bool json = format == "json";
    log::set_sink(
        [logger, json](log::Level l, std::string_view message, std::initializer_list<log::Field> fields) {
            const Timestamp now = system_clock().now();
            const auto context = log::context();
            const std::string line = json ? format_json_line(now, l, message, fields, context)
                                          : format_text_line(now, l, message, fields, context);
            logger->log(spdlog::level::info, spdlog::string_view_t(line.data(), line.size()));
        },
        parse_level(level));
}

}  // namespace pricewire::ops
