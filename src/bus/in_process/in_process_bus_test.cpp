#include "bus/in_process/in_process_bus.hpp"

#include <gtest/gtest.h>

#include <stdexcept>

namespace pricewire::bus {
namespace {

TEST(InProcessBus, RejectsASubscriberThatWouldMissPrices) {
    const auto bus = create_in_process_bus({"BTC"});
    bus->publish({"BTC", Decimal::from_int(1), {}, 1});
    EXPECT_THROW(bus->subscribe({}), std::logic_error);
}

TEST(InProcessBus, SharesTheRatesUntilAPriceChanges) {
    const auto bus = create_in_process_bus({"BTC"});
    TickerBoard board{"BTC", Price{"BTC", Decimal::from_int(7), {}, 1}, {}};
    bus->publish_board(board);
    const auto first = bus->rates_json();
    EXPECT_EQ(bus->rates_json().get(), first.get());
    board.price->sequence = 2;
    bus->publish_board(board);
    EXPECT_EQ(bus->rates_json().get(), first.get()) << "the same price again";
    board.price->value = Decimal::from_int(8);
    bus->publish_board(board);
    EXPECT_EQ(*bus->rates_json(), R"({"BTC":8})");
    EXPECT_EQ(*first, R"({"BTC":7})") << "old bytes stay valid";
}

}  // namespace
}  // namespace pricewire::bus
