#pragma once

#include <filesystem>
#include <string_view>

#include "base/clock.hpp"
#include "base/result.hpp"

namespace pricewire::ops {

// A lock on a file, held as long as this object lives and let go by the kernel when the process dies: two
// processes that each believe to be alone on one embedded database must not run.
class InstanceLock {
public:
    // Error: another process holds it for the whole of `patience`, which `busy` says; or the file cannot be
    // made.
    static Result<InstanceLock> take(const std::filesystem::path& file,
                                     std::string_view busy = "another Pricewire is running on this database",
                                     Duration patience = {});
    InstanceLock(InstanceLock&& other) noexcept;
    InstanceLock& operator=(InstanceLock&&) = delete;
    ~InstanceLock();

private:
    explicit InstanceLock(int fd) : fd_(fd) {}
    int fd_;
};

}  // namespace pricewire::ops
