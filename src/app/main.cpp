#include <fmt/format.h>

#include <cstdio>
#include <filesystem>
#include <string>
#include <vector>

#include "app/options.hpp"
#include "app/roles.hpp"
#include "app/rotate_master_key.hpp"
#include "ops/cli.hpp"
#include "ops/config_load.hpp"
#include "ops/logging.hpp"
#include "ops/shutdown.hpp"
#include "storage/sqlite/migrate.hpp"
#include "storage/sqlite/sqlite_storage.hpp"

namespace pricewire {
namespace {

int complain(const std::string& line, int code) {
    fmt::print(stderr, "pricewire: {}\n", line);
    return code;
}

int migrate(const Config& config, const CommandLine& command) {
    for (const std::string& line : not_built(config)) return complain(line, 2);
    const auto file = sqlite_file_of(config);
    if (!command.status) {
        const auto applied = sqlite_migrate(file, command.to);
        if (!applied) return complain(applied.error().message, 1);
        fmt::print("{} migration{} applied to {}\n", *applied, *applied == 1 ? "" : "s", file.string());
        return 0;
    }
    const auto states = sqlite_migration_states(file);
    if (!states) return complain(states.error().message, 1);
    for (const MigrationState& state : *states) {
        fmt::print("{:04} {:<20} {}\n", state.version, state.name,
                   state.applied_at ? "applied " + format_rfc3339(*state.applied_at) : "pending");
    }
    return 0;
}

int users(const Config& config, const CommandLine& command) {
    for (const std::string& line : not_built(config)) return complain(line, 2);
    const auto storage = create_sqlite_storage({.file = sqlite_file_of(config)}, {});
    if (command.command == "users list") {
        for (const User& user : storage->users()) {
            fmt::print("{}  {:<8}  {}  {}\n", user.id.to_string(), user.is_active ? "active" : "disabled",
                       format_rfc3339(user.created_at), user.email);
        }
        return 0;
    }
    const bool active = command.command == "users enable";
    const auto user = storage->user_by_email(command.email);
    if (!user) return complain(fmt::format("there is no user with the e-mail {}", command.email), 1);
    storage->set_user_active(user->id, active);
    fmt::print("{} is {}\n", user->email, active ? "enabled" : "disabled");
    return 0;
}

int rotate(const Config& config) {
    for (const std::string& line : not_built(config)) return complain(line, 2);
    const auto file = sqlite_file_of(config);
    // Opening it would make it.
    if (!std::filesystem::exists(file))
        return complain(fmt::format("there is no database {}", file.string()), 1);
    const auto storage = create_sqlite_storage({.file = file}, {});
    const auto lines = rotate_master_key(config, file, *storage);
    if (!lines) return complain(lines.error().message, 1);
    for (const std::string& line : *lines) fmt::print("{}\n", line);
    return 0;
}

int run(const CommandLine& command, Shutdown& shutdown) {
    const auto loaded = load_config({.flags = command.flags,
                                     .file = command.config_file,
                                     .environment = process_environment(),
                                     .directory = "."});
    if (!loaded) {
        for (const std::string& line : loaded.error()) complain(line, 2);
        return 2;
    }
    const Config& config = loaded->config;
    if (command.command == "check-config") {
        fmt::print("{}", describe_config(*loaded));
        return 0;
    }
    install_logging(config.log.level, config.log.format);
    if (command.command == "serve") return serve(config, shutdown);
    if (command.command == "migrate") return migrate(config, command);
    if (command.command == "rotate-master-key") return rotate(config);
    if (command.command.starts_with("users")) return users(config, command);
    return complain(
        fmt::format(
            "'{}' runs one role as a process of its own, which needs PostgreSQL, Redis and RabbitMQ; this "
            "build has the embedded storage only: use 'pricewire serve'",
            command.command),
        2);
}

}  // namespace
}  // namespace pricewire

int main(int argc, char** argv) {
    using namespace pricewire;
    Shutdown shutdown;
    try {
        const CommandLine command = parse_command_line({argv + 1, argv + argc});
        if (command.exit_code) {
            fmt::print(*command.exit_code == 0 ? stdout : stderr, "{}", command.text);
            return *command.exit_code;
        }
        return run(command, shutdown);
    } catch (const std::exception& e) {
        return complain(e.what(), 1);
    }
}
