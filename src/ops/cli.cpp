#include "ops/cli.hpp"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>

#include "ops/config_keys.hpp"

namespace pricewire::ops {
namespace {

struct Command {
    const char* name;
    const char* help;
};
constexpr Command roles[] = {
    {"serve", "All roles in one process"},
    {"api", "HTTP and WebSocket interface"},
    {"feed", "Exchange connections, one consolidated price per ticker"},
    {"checker", "Evaluates alerts on every price and fires them"},
    {"sender", "Delivers webhooks"},
};

// A subcommand that accepts all configuration keys as flags.
CLI::App* add_command(CLI::App& parent, const Command& description, const ConfigKeys& keys,
                      CommandLine& out) {
    CLI::App& command = *parent.add_subcommand(description.name, description.help);
    command
        .add_option("--config", out.config_file, "configuration file; default: pricewire.toml if it exists")
        ->type_name("FILE");
    for (const ConfigKey& key : keys.all()) {
        command
            .add_option_function<std::string>(
                "--" + key.name,
                [&out, name = key.name](const std::string& value) { out.flags.emplace_back(name, value); },
                fmt::format("{} ({}; also {})", key.help, key.accepts, env_name(key.name)))
            ->type_name("VALUE")
            ->group("Configuration");
    }
    return &command;
}

// CLI11 reports only that an argument was not expected; a suggestion helps more.
std::string suggest(const std::vector<std::string>& arguments, const ConfigKeys& keys) {
    for (const std::string& argument : arguments) {
        if (!argument.starts_with("--")) continue;
        const std::string name = argument.substr(2, argument.find('=') - 2);
        const bool known = keys.find(name) != nullptr || name == "config" || name == "help" ||
                           name == "version" || name == "status" || name == "to" || name == "record" ||
                           name == "symbols" || name == "at";
        if (known) continue;
        const std::string nearest = keys.nearest(name);
        return nearest.empty() ? fmt::format("unknown flag --{}; --help lists the flags\n", name)
                               : fmt::format("unknown flag --{}: did you mean --{}?\n", name, nearest);
    }
    return {};
}

}  // namespace

CommandLine parse_command_line(std::vector<std::string> arguments, const ConfigKeys& keys) {
    CommandLine out;
    CLI::App app{"Pricewire watches crypto prices and delivers a signed webhook when an alert fires.",
                 "pricewire"};
    app.set_version_flag("--version", "pricewire " PRICEWIRE_VERSION);
    app.require_subcommand(1);
    app.failure_message(CLI::FailureMessage::simple);
    const auto add = [&](CLI::App& parent, const Command& command) {
        return add_command(parent, command, keys, out);
    };
    std::vector<std::string> role_names;
    for (const Command& role : roles) {
        CLI::App* command = add(app, role);
        role_names.emplace_back(role.name);
        if (role_names.back() != "feed") continue;
        command
            ->add_option(
                "--record", out.record,
                "also write the frames of every venue to DIR/VENUE.jsonl.gz; without storage.redis_url do "
                "nothing else")
            ->type_name("DIR");
    }
    auto* replay = app.add_subcommand(
        "replay", "Print the quotes in a recording of a venue's frames, a JSON object a line");
    replay->add_option("VENUE", out.venue, "whose frames they are: binance, kraken, …")->required();
    replay->add_option("FILE", out.file, "as feed --record writes it, compressed or not")->required();
    replay->add_option("--symbols", out.symbols, "what to look for; default: all that the recording names")
        ->type_name("TICKER=SYMBOL,…");
    replay
        ->add_option("--at", out.at,
                     "FRAME: judge what is live as of when each frame was received; default: as of now")
        ->type_name("FRAME");
    auto* migrate = add(app, {"migrate", "Apply or show schema migrations"});
    migrate->add_flag("--status", out.status, "show the state of each migration and apply none");
    migrate->add_option("--to", out.to, "stop at this version")
        ->type_name("N")
        ->check(CLI::NonNegativeNumber);
    migrate->add_flag(
        "--new", out.fresh,
        "begin with an empty database although the one that belongs to the key file is missing");
    add(app, {"rotate-master-key",
              "Reseal all webhook secrets under a fresh key in the key file, or under security.master_key"});
    add(app, {"check-config", "Validate the configuration and print the effective one with secrets masked"})
        ->add_option("ROLE", out.role, "validate it for this command; default: serve")
        ->check(CLI::IsMember(role_names));
    add(app, {"health", "Query /health of the process running here; exit code 0 or 1"})
        ->add_option("ROLE", out.role, "which process; default: serve")
        ->check(CLI::IsMember(role_names));
    add(app, {"cluster", "Which processes share the database, and who holds what"})
        ->add_option("TICKER", out.ticker, "who holds this ticker");
    auto* users = app.add_subcommand(
        "users", "Create, list, disable or enable users; takes effect at once in a running Pricewire");
    users->require_subcommand(1);
    add(*users, {"create", "Create a user; prints the API key and the webhook secret, this once only"})
        ->add_option("EMAIL", out.email)
        ->required();
    add(*users, {"list", "All users, oldest first"});
    add(*users, {"disable", "Reject the user's key; existing alerts stay"})
        ->add_option("EMAIL", out.email)
        ->required();
    add(*users, {"enable", "Accept the user's key again"})->add_option("EMAIL", out.email)->required();
    add(*users, {"reset-key", "Replace the user's API key; prints the new one, this once only"})
        ->add_option("EMAIL", out.email)
        ->required();

    const auto given = arguments;
    std::reverse(arguments.begin(), arguments.end());  // the order that CLI11 expects of a vector
    try {
        app.parse(arguments);
    } catch (const CLI::ParseError& e) {
        std::ostringstream good;
        std::ostringstream bad;
        out.exit_code = app.exit(e, good, bad) == 0 ? 0 : 2;
        const std::string hint = *out.exit_code == 0 ? std::string() : suggest(given, keys);
        out.text = good.str() + (hint.empty() ? bad.str() : hint);
        return out;
    }
    for (const CLI::App* command = app.get_subcommands().front(); command != nullptr;) {
        out.command += (out.command.empty() ? "" : " ") + command->get_name();
        const auto below = command->get_subcommands();
        command = below.empty() ? nullptr : below.front();
    }
    return out;
}

}  // namespace pricewire::ops
