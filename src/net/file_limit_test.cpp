#include "net/file_limit.hpp"

#include <gtest/gtest.h>
#include <sys/resource.h>

namespace pricewire::net {
namespace {

const FileNeeds all{.fixed = 200, .outgoing = 4096, .idle = 256, .incoming = 10'000};

TEST(FileLimit, EnoughFilesGiveEverybodyWhatItWants) {
    const auto files = share_files(1'000'000, all);
    ASSERT_TRUE(files);
    EXPECT_EQ(files->outgoing, 4096U);
    EXPECT_EQ(files->idle, 256U);
    EXPECT_EQ(files->incoming, 10'000U);
}

TEST(FileLimit, NoPartCanTakeWhatAnotherNeeds) {
    for (std::size_t limit = 264; limit < 40'000; limit += 7) {
        const auto files = share_files(limit, all);
        ASSERT_TRUE(files) << limit;
        EXPECT_LE(all.fixed + files->outgoing + files->outgoing / 8 + files->idle + files->incoming, limit);
        EXPECT_GE(files->outgoing, 20U) << limit;
        EXPECT_GE(files->incoming, 32U) << limit;
        EXPECT_LE(files->outgoing, 4096U);
        EXPECT_LE(files->incoming, 10'000U);
    }
    const auto usual = share_files(1024, all);
    ASSERT_TRUE(usual);
    EXPECT_EQ(usual->incoming, 412U);
    EXPECT_EQ(usual->outgoing, 270U);
    EXPECT_EQ(usual->idle, 103U);
}

TEST(FileLimit, AProcessThatSendsNothingGivesClientsTheRest) {
    const auto files = share_files(1024, {.fixed = 200, .incoming = 10'000});
    ASSERT_TRUE(files);
    EXPECT_EQ(files->outgoing, 0U);
    EXPECT_EQ(files->incoming, 824U);
}

TEST(FileLimit, TooFewFilesAreAnErrorThatSaysHowManyAreNeeded) {
    const auto files = share_files(263, all);
    ASSERT_FALSE(files);
    EXPECT_TRUE(files.error().message.starts_with(
        "open files: the limit is 263, and at least 264 are needed; raise it (ulimit -n"))
        << files.error().message;
}

TEST(FileLimit, IsRaisedToTheHardLimit) {
    rlimit before{};
    ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
    rlimit few = before;
    few.rlim_cur = 400;
    ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &few), 0);
    EXPECT_EQ(file_limit(), 400U);
    EXPECT_EQ(raise_file_limit(), before.rlim_max);
    EXPECT_EQ(setrlimit(RLIMIT_NOFILE, &before), 0);
}

}  // namespace
}  // namespace pricewire::net
