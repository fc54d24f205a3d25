#include "app/unwatched.hpp"

#include <gtest/gtest.h>

namespace pricewire::app {
namespace {

TEST(Unwatched, ListsTheTickersThatAlertsWaitForInVain) {
    Unwatched unwatched({"BTC"});
    EXPECT_EQ(unwatched.list(), "");
    std::vector<ActiveAlert> alerts(6);
    for (std::size_t i = 0; i < alerts.size(); ++i) alerts[i].ticker = i < 2 ? "ADA" : i < 5 ? "XRP" : "BTC";
    unwatched.add(alerts);
    EXPECT_EQ(unwatched.list(), "XRP: 3, ADA: 2");
    for (int i = 0; i < 30; ++i) {
        alerts[0].ticker = Ticker("T" + std::to_string(i));
        unwatched.add({alerts.data(), 1});
    }
    EXPECT_TRUE(unwatched.list().ends_with(" and 12 more tickers")) << unwatched.list();
}

}  // namespace
}  // namespace pricewire::app
