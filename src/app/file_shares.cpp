#include "app/file_shares.hpp"

#include <fmt/format.h>

#include <cstddef>
#include <string>

#include "app/options.hpp"
#include "base/log.hpp"

namespace pricewire::app {

Result<net::FileShares> share_files(const ops::Config& config, const Roles& roles) {
    const std::size_t limit = net::raise_file_limit();
    const net::FileNeeds needs = file_needs_of(config, roles);
    auto files = net::share_files(limit, needs);
    if (files && (files->outgoing < needs.outgoing || files->incoming < needs.incoming)) {
        log::warn("the process may open too few files for as many connections as configured",
                  {{"open_files", std::to_string(limit)},
                   {"incoming", fmt::format("{} of {}", files->incoming, needs.incoming)},
                   {"outgoing", fmt::format("{} of {}", files->outgoing, needs.outgoing)}});
    }
    return files;
}

}  // namespace pricewire::app
