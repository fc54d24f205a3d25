#include "base/instance_lock.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

namespace pricewire::inline base {
namespace {

TEST(InstanceLock, ASecondHolderIsRejectedUntilTheFirstReleases) {
    const auto file =
        std::filesystem::path(::testing::TempDir()) / ("pricewire_lock_" + std::to_string(getpid()));
    {
        const auto first = InstanceLock::take(file);
        ASSERT_TRUE(first) << first.error().message;
        const auto second = InstanceLock::take(file);
        ASSERT_FALSE(second);
        EXPECT_NE(second.error().message.find("another Pricewire"), std::string::npos);
    }
    EXPECT_TRUE(InstanceLock::take(file));
    std::filesystem::remove(file);
}

TEST(InstanceLock, AFilesOwnLockHoldsUnderEachOfItsNames) {
    const auto file =
        std::filesystem::path(::testing::TempDir()) / ("pricewire_database_" + std::to_string(getpid()));
    const auto link = file.string() + ".link";
    EXPECT_FALSE(InstanceLock::take_within(file)) << "it does not exist, and is not created";
    std::ofstream(file) << "x";
    std::filesystem::create_symlink(file, link);
    {
        const auto first = InstanceLock::take_within(file);
        ASSERT_TRUE(first) << first.error().message;
        const auto second = InstanceLock::take_within(link);
        ASSERT_FALSE(second);
        EXPECT_NE(second.error().message.find("another Pricewire"), std::string::npos);
    }
    EXPECT_TRUE(InstanceLock::take_within(link));
    std::filesystem::remove(link);
    std::filesystem::remove(file);
}

}  // namespace
}  // namespace pricewire::inline base
