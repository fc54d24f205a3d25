#pragma once

#include <optional>
#include <string_view>

#include "ops/config.hpp"
#include "ops/shutdown.hpp"

namespace pricewire::app {

// What a process does. `serve` does all of it.
struct Roles {
    bool api = false;
    bool feed = false;
    bool checker = false;
    bool sender = false;
    bool all() const { return api && feed && checker && sender; }
    // The command that starts it.
    std::string_view name() const {
        return all() ? "serve" : api ? "api" : feed ? "feed" : checker ? "checker" : "sender";
    }
};
// Of a command; nullopt where it is not a role.
std::optional<Roles> roles_of(std::string_view command);

// Runs until a signal comes. Returns the exit code: 0 after a clean stop, 1 where something needed is not to
// be had and does not come by waiting, 2 where the configuration is wrong for these roles.
int run_roles(const ops::Config& config, const Roles& roles, ops::Shutdown& shutdown);

}  // namespace pricewire::app
