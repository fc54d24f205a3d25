// A user who configures no source, on the real programs with a simulated market.
#include <gtest/gtest.h>

#include <string>

#include "support/deployment.hpp"

namespace pricewire::test {
namespace {

// In the United States Binance and Bybit serve nobody: the others have the prices.
TEST(DefaultSources, PricesComeFromTheOthersWhereTwoAreNotAvailable) {
    Deployment deployment(
        {.receiver = {}, .config = {}, .cluster = {}, .default_sources = true, .open_files = {}});
    for (const char* door : {"binance.stream", "binance.rest", "bybit.stream", "bybit.rest"})
        deployment.sim_post(std::string("fault/") + door, "451");
    deployment.start_pricewire();
    const Account account = deployment.register_user("us@example.com");
    const auto health = [&] { return deployment.http().get(deployment.root("/health")).body; };
    for (const char* ticker : {"BTC", "ETH", "DOGE", "SOL"}) {
        deployment.wait_until(std::string("a price of ") + ticker, [&] {
            const auto rate = deployment.http().get(deployment.api(std::string("/rates/") + ticker),
                                                    {{"X-API-Key", account.api_key}});
            return rate.status == 200 && json_member(rate.body, "price");
        });
    }
    for (const char* source : {"binance", "bybit"}) {
        const std::string shown = '"' + std::string(source) +
                                  R"(":{"status":"down","detail":"unavailable_here: not available from here )"
                                  R"((status 451))";
        deployment.wait_until("health to say that it is not available",
                              [&] { return health().find(shown) != std::string::npos; });
    }
    deployment.wait_until("health", [&] { return json_member(health(), "status") == "ok"; });
}

}  // namespace
}  // namespace pricewire::test
