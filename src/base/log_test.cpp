#include "base/log.hpp"

#include <gtest/gtest.h>

#include <thread>

namespace pricewire::inline base::log {
namespace {

using namespace std::chrono_literals;

std::string shown() {
    std::string out;
    for (const auto& [name, value] : context()) out += std::string(name) + "=" + std::string(value) + " ";
    return out;
}

TEST(LogScope, AddsFieldsToItsThreadsLinesWhileItLives) {
    EXPECT_EQ(shown(), "");
    {
        const Scope request({{"request_id", "r1"}, {"trace_id", ""}});
        EXPECT_EQ(shown(), "request_id=r1 ");
        {
            const Scope alert({{"alert_id", "a1"}});
            EXPECT_EQ(shown(), "alert_id=a1 request_id=r1 ");
        }
        std::thread([] { EXPECT_EQ(shown(), "") << "another thread has its own"; }).join();
        EXPECT_EQ(shown(), "request_id=r1 ");
    }
    EXPECT_EQ(shown(), "");
}

TEST(AtMostEvery, GrantsTheFirstLineAndEachThatIsFarEnoughFromTheLastOne) {
    AtMostEvery lines(std::chrono::minutes{1});
    const MonoTime start{};
    EXPECT_TRUE(lines.take(start));
    EXPECT_FALSE(lines.take(start + std::chrono::seconds{59}));
    EXPECT_TRUE(lines.take(start + std::chrono::seconds{60}));
    EXPECT_FALSE(lines.take(start + std::chrono::seconds{119}));
}

TEST(LineBudget, GrantsUpToNASecondAndLogsOnceHowManyWereLeftOut) {
    std::vector<std::string> lines;
    set_sink(
        [&](Level, std::string_view message, std::initializer_list<Field> fields) {
            std::string line(message);
            for (const Field& f : fields) line += " " + std::string(f.name) + "=" + f.value;
            lines.push_back(line);
        },
        Level::info);
    LineBudget budget("requests", 2);
    const MonoTime start = MonoTime{} + 1h;
    int granted = 0;
    for (int i = 0; i < 10; ++i) granted += budget.take(start + i * 1ms) ? 1 : 0;
    EXPECT_EQ(granted, 2);
    EXPECT_TRUE(lines.empty());
    EXPECT_TRUE(budget.take(start + 1s));
    EXPECT_EQ(lines, std::vector<std::string>{"more lines than are written a second; the rest were left out "
                                              "about=requests left_out=8"});
    EXPECT_TRUE(budget.take(start + 1s));
    EXPECT_FALSE(budget.take(start + 1s));
    set_sink({}, Level::warn);
}

}  // namespace
}  // namespace pricewire::inline base::log
