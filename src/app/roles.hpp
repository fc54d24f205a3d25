#pragma once

#include <optional>
#include <string_view>

#include "feed/frame_tap.hpp"
#include "ops/config.hpp"
#include "ops/shutdown.hpp"

namespace pricewire::app {

// What a process does; `serve` does all of it.
struct Roles {
    bool api = false;
    bool feed = false;
    bool checker = false;
    bool sender = false;
    bool all() const { return api && feed && checker && sender; }
    // The command that starts such a process.
    std::string_view name() const {
        return all() ? "serve" : api ? "api" : feed ? "feed" : checker ? "checker" : "sender";
    }
};
// The roles of a command; nullopt if it starts none.
std::optional<Roles> roles_of(std::string_view command);

// Runs until a signal arrives. Returns the exit code: 0 after a clean stop, 1 if something required is
// unavailable and waiting does not help, 2 if the configuration is invalid for these roles. `tap` sees the venues'
// frames; null: nobody does.
int run_roles(const ops::Config& config, const Roles& roles, ops::Shutdown& shutdown,
              feed::FrameTap* tap = nullptr);

}  // namespace pricewire::app
