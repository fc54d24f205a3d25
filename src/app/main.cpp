#include <fmt/format.h>

#include <cstdio>
#include <filesystem>
#include <string>
#include <vector>

#include "app/ask_health.hpp"
#include "app/check.hpp"
#include "app/cluster_command.hpp"
#include "app/options.hpp"
#include "app/parts.hpp"
#include "app/record.hpp"
#include "app/replay.hpp"
#include "app/report.hpp"
#include "app/roles.hpp"
#include "app/users_command.hpp"
#include "base/log.hpp"
#include "ops/cli.hpp"
#include "ops/config_load.hpp"
#include "ops/logging.hpp"
#include "ops/own_process.hpp"
#include "ops/shutdown.hpp"
#include "secrets/rotate_master_key.hpp"
#include "storage/open.hpp"

namespace pricewire::app {
namespace {

void show(const std::vector<storage::MigrationState>& states) {
    for (const storage::MigrationState& state : states) {
        fmt::print("{:04} {:<20} {}\n", state.version, state.name,
                   state.applied_at ? "applied " + format_rfc3339(*state.applied_at) : "pending");
    }
}

int migrate(const ops::Config& config, const ops::CommandLine& command) {
    const std::string& url = config.storage.database_url;
    const auto place = storage::place_of(url);
    if (!place) return report(place.error().message, 1);
    if (!command.status) {
        if (const auto there = check_not_lost(config); !there && !command.fresh)
            return report(there.error().message, 1);
        const auto applied = storage::migrate(url, command.to);
        if (!applied) return report(applied.error().message, 1);
        fmt::print("{} migration{} applied to {}\n", *applied, *applied == 1 ? "" : "s", *place);
        return 0;
    }
    const auto states = storage::migration_states(url);
    if (!states) return report(states.error().message, 1);
    show(*states);
    return 0;
}

int rotate(const ops::Config& config) {
    // Opening the database would create it.
    const std::string& url = config.storage.database_url;
    if (!storage::is_shared(url) && !std::filesystem::exists(storage::file_of(url)))
        return report(fmt::format("database {} does not exist", storage::file_of(url).string()), 1);
    const auto storage = open_storage(config, {});
    const auto lines = secrets::rotate_master_key(key_places_of(config), *storage);
    if (!lines) return report(lines.error().message, 1);
    for (const std::string& line : *lines) fmt::print("{}\n", line);
    return 0;
}

int check_config(const ops::LoadedConfig& loaded, const Roles& roles, const ops::ConfigKeys& keys) {
    for (const std::string& line : loaded.warnings) report("warning: " + line, 0);
    if (const auto wrong = wrong_for(loaded.config, roles); !wrong.empty()) return report(wrong, 2);
    fmt::print("{}", ops::describe_config(loaded, keys));
    return 0;
}

int run(const ops::CommandLine& command, const ops::ConfigKeys& keys, ops::Shutdown& shutdown) {
    if (command.command == "replay") {
        shutdown.leave_to_the_system();
        return run_replay(command);
    }
    const auto loaded = ops::load_config({.flags = command.flags,
                                          .file = command.config_file,
                                          .environment = ops::process_environment(),
                                          .directory = "."},
                                         keys);
    if (!loaded) return report(loaded.error(), 2);
    const ops::Config& config = loaded->config;
    if (command.command == "check-config") return check_config(*loaded, *roles_of(command.role), keys);
    if (command.command == "health") return ask_health(config, *roles_of(command.role));
    ops::install_logging(config.log.level, config.log.format);
    for (const std::string& line : loaded->warnings) log::warn(line);
    if (command.record) return run_recording_feed(config, *command.record, shutdown);
    if (const auto roles = roles_of(command.command)) return run_roles(config, *roles, shutdown);
    shutdown.leave_to_the_system();
    if (command.command == "migrate") return migrate(config, command);
    if (command.command == "rotate-master-key") return rotate(config);
    if (command.command == "cluster") return run_cluster(config, command);
    return run_users(config, command);
}

}  // namespace
}  // namespace pricewire::app

int main(int argc, char** argv) {
    using namespace pricewire;
    ops::set_up_process();
    ops::Shutdown shutdown;
    try {
        const ops::ConfigKeys keys = app::config_keys();
        const ops::CommandLine command = ops::parse_command_line({argv + 1, argv + argc}, keys);
        if (command.exit_code) {
            fmt::print(*command.exit_code == 0 ? stdout : stderr, "{}", command.text);
            return *command.exit_code;
        }
        return pricewire::app::run(command, keys, shutdown);
    } catch (const std::exception& e) {
        return pricewire::app::report(e.what(), 1);
    }
}
