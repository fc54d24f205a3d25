#include "app/timed_storage.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "fakes/memory_storage.hpp"

namespace pricewire::app {
namespace {

TEST(TimedStorage, ReportsEveryCallAndWhetherItFailed) {
    auto memory = std::make_unique<fakes::MemoryStorage>();
    fakes::MemoryStorage& inside = *memory;
    std::vector<std::string> calls;
    const auto storage =
        time_storage(std::move(memory), [&](std::string_view method, Duration took, bool failed) {
            EXPECT_GE(took, Duration::zero());
            calls.push_back(std::string(method) + (failed ? " failed" : ""));
        });
    storage->ping();
    EXPECT_FALSE(storage->next_due());
    inside.fail();
    EXPECT_THROW(storage->ping(), storage::StorageError);
    EXPECT_EQ(inside.calls("ping"), 2);
    EXPECT_EQ(calls, (std::vector<std::string>{"ping", "next_due", "ping failed"}));
}

}  // namespace
}  // namespace pricewire::app
