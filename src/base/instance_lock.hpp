#pragma once

#include <filesystem>
#include <string_view>

#include "base/clock.hpp"
#include "base/result.hpp"

namespace pricewire::inline base {

// An exclusive lock on a file, held for the lifetime of this object; the kernel releases it when the process
// dies. Keeps two processes from using one embedded database.
class InstanceLock {
public:
    // Error: another process holds the lock throughout `patience` (the message starts with `busy`), or the
    // file cannot be created.
    static Result<InstanceLock> take(const std::filesystem::path& file,
                                     std::string_view busy = "another Pricewire is running on this database",
                                     Duration patience = {});
    // Locks the database itself, which must exist: that holds even if the lock file is deleted, and whichever name
    // the database is opened by. To be destroyed after everything that this process has open of it, whose locks
    // that would release. Without effect on file systems that cannot lock.
    static Result<InstanceLock> take_within(const std::filesystem::path& database);
    InstanceLock(InstanceLock&& other) noexcept;
    InstanceLock& operator=(InstanceLock&&) = delete;
    ~InstanceLock();

private:
    explicit InstanceLock(int fd) : fd_(fd) {}
    int fd_;
};

}  // namespace pricewire::inline base
