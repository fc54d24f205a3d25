#include "app/timed_storage.hpp"

#include <gtest/gtest.h>

#include <stdexcept>
#include <string>
#include <vector>

namespace pricewire::app {
namespace {

TEST(TimedStorageTest, ReportsEachCallAndWhetherItThrew) {
    std::vector<std::string> seen;
    const auto timed = timed_by([&](std::string_view method, Duration took, bool failed) {
        EXPECT_GE(took, Duration::zero());
        seen.push_back(std::string(method) + (failed ? " failed" : ""));
    });
    int calls = 0;
    timed("ping", [&] { ++calls; });
    EXPECT_THROW(timed("fire", [] { throw std::runtime_error("gone"); }), std::runtime_error);
    EXPECT_EQ(calls, 1);
    EXPECT_EQ(seen, (std::vector<std::string>{"ping", "fire failed"}));
}

}  // namespace
}  // namespace pricewire::app
