#include "base/instance_lock.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>
#include <thread>
#include <utility>

namespace pricewire::inline base {

Result<InstanceLock> InstanceLock::take(const std::filesystem::path& file, std::string_view busy,
                                        Duration patience) {
    std::error_code error;
    if (const auto parent = file.parent_path(); !parent.empty() && !std::filesystem::exists(parent, error)) {
        std::filesystem::create_directories(parent, error);
        if (!error) std::filesystem::permissions(parent, std::filesystem::perms::owner_all, error);
    }
    const int fd = open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        return fail(fmt::format("cannot open {}: {}", file.string(), std::generic_category().message(errno)));
    InstanceLock lock(fd);
    const MonoTime until = system_clock().mono() + patience;
    while (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        if (errno != EWOULDBLOCK && errno != EINTR) {
            return fail(
                fmt::format("cannot lock {}: {}", file.string(), std::generic_category().message(errno)));
        }
        if (system_clock().mono() >= until)
            return fail(fmt::format("{} ({} is locked)", busy, file.string()));
        std::this_thread::sleep_for(std::chrono::milliseconds{20});
    }
    return lock;
}

Result<InstanceLock> InstanceLock::take_within(const std::filesystem::path& database) {
    const int fd = open(database.c_str(), O_RDWR | O_CLOEXEC);
    if (fd < 0) {
        return fail(
            fmt::format("cannot open {}: {}", database.string(), std::generic_category().message(errno)));
    }
    InstanceLock lock(fd);
    // On a byte beyond any database's end, and of the open file: SQLite's own locks are on other bytes, and of
    // the process.
    struct flock byte{};
    byte.l_type = F_WRLCK;
    byte.l_whence = SEEK_SET;
    byte.l_start = off_t{1} << 62;
    byte.l_len = 1;
    if (fcntl(fd, F_OFD_SETLK, &byte) != 0 && (errno == EAGAIN || errno == EACCES))
        return fail(
            fmt::format("another Pricewire is running on this database ({} is locked)", database.string()));
    return lock;
}

InstanceLock::InstanceLock(InstanceLock&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}

InstanceLock::~InstanceLock() {
    if (fd_ >= 0) close(fd_);
}

}  // namespace pricewire::inline base
