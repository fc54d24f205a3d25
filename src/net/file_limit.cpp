#include "net/file_limit.hpp"

#include <sys/resource.h>

#include <cerrno>
#include <system_error>

#include "base/log.hpp"

namespace pricewire::net {

std::size_t file_limit() {
    rlimit limit{};
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        throw std::system_error(errno, std::generic_category(), "getrlimit");
    return static_cast<std::size_t>(limit.rlim_cur);
}

std::size_t raise_file_limit() {
    rlimit limit{};
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        throw std::system_error(errno, std::generic_category(), "getrlimit");
    if (limit.rlim_cur != limit.rlim_max) {
        limit.rlim_cur = limit.rlim_max;
        if (setrlimit(RLIMIT_NOFILE, &limit) != 0) {
            log::warn("the number of open files cannot be raised",
                      {{"reason", std::generic_category().message(errno)}});
        }
    }
    return file_limit();
}

}  // namespace pricewire::net
