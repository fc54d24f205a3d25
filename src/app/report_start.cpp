#include "app/report_start.hpp"

#include <fmt/format.h>

#include <cstdio>
#include <string>

#include "app/check.hpp"
#include "app/options.hpp"
#include "base/log.hpp"
#include "storage/open.hpp"

namespace pricewire::app {

void report_start(const ops::Config& config, const Roles& roles, const Front& front) {
    const std::string listen = listen_of(config, roles);
    fmt::print("Pricewire {} is listening on http://{}:{}\n", PRICEWIRE_VERSION,
               listen.substr(0, listen.rfind(':')), front.port());
    if (front.metrics_port() != 0) {
        const std::string& metrics = config.metrics.listen;
        fmt::print("Its metrics are at http://{}:{}/metrics\n", metrics.substr(0, metrics.rfind(':')),
                   front.metrics_port());
    }
    std::fflush(stdout);
    log::info("started", {{"role", std::string(roles.name())},
                          {"version", PRICEWIRE_VERSION},
                          {"database", storage::place_of(config.storage.database_url).value()}});
    if (roles.api && config.users.registration == "open" && is_open_to_a_network(listen)) {
        log::warn(
            "anyone who can reach this server can register; to make accounts only by 'pricewire users "
            "create', set users.registration to closed",
            {{"http.listen", listen}});
    }
}

}  // namespace pricewire::app
