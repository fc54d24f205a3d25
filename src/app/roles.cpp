#include "app/roles.hpp"

namespace pricewire::app {

std::optional<Roles> roles_of(std::string_view command) {
    if (command == "serve") return Roles{.api = true, .feed = true, .checker = true, .sender = true};
    if (command == "api") return Roles{.api = true};
    if (command == "feed") return Roles{.feed = true};
    if (command == "checker") return Roles{.checker = true};
    if (command == "sender") return Roles{.sender = true};
    return std::nullopt;
}

}  // namespace pricewire::app
