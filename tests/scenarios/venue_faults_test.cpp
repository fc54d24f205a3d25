// Every venue that the simulator plays, at once: each streams over a real socket in its own protocol, and gets
// over each fault, while the others keep the price. PRICEWIRE_LONG=1: also the faults that take time.
#include <gtest/gtest.h>

#include <cstdlib>
#include <map>
#include <string>
#include <vector>

#include "scenarios/all_venues.hpp"

namespace pricewire::test {
namespace {

struct Trouble {
    const char* fault;
    // What the program does about it by itself: the connection is opened again, or the prices come otherwise.
    enum class Seen { reopened, not_streaming, nothing } seen;
    bool in_short = true;  // otherwise only with PRICEWIRE_LONG: it takes half a minute to be sure of it
};

constexpr Trouble troubles[] = {
    {"cut", Trouble::Seen::reopened},
    {"leaving", Trouble::Seen::reopened},
    {"duplicate", Trouble::Seen::nothing},
    {"old", Trouble::Seen::nothing},
    {"batch", Trouble::Seen::nothing},
    {"503", Trouble::Seen::not_streaming, false},
    {"garbage", Trouble::Seen::not_streaming, false},
    {"silence", Trouble::Seen::not_streaming, false},
    {"behind:2s", Trouble::Seen::nothing, false},
};

// Every second venue, from the first or the second on.
std::vector<std::string> half(std::size_t first) {
    std::vector<std::string> out;
    const auto all = AllVenues::names(false);
    for (std::size_t i = first; i < all.size(); i += 2) out.push_back(all[i]);
    return out;
}

class VenueFaults : public ::testing::Test {
protected:
    void seen(const std::vector<std::string>& venues, const Trouble& trouble,
              const std::map<std::string, std::uint64_t>& opened_before) {
        if (trouble.seen == Trouble::Seen::nothing) return;
        for (const std::string& venue : venues) {
            all_.deployment().wait_until(venue + " to notice " + trouble.fault, [&] {
                return trouble.seen == Trouble::Seen::reopened ? all_.opened(venue) > opened_before.at(venue)
                                                               : all_.state_of(venue) != "streaming";
            });
        }
    }

    AllVenues all_{Side::embedded,
                   {"--market", "generated:7", "--noise", "2"},
                   {{"PRICEWIRE_MARKET_TICKERS", "BTC,ETH"}}};
};

TEST_F(VenueFaults, EachStreamsAndGetsOverEachFault) {
    all_.wait_for_states(AllVenues::names(false), {"streaming"});
    all_.wait_for_states(AllVenues::names(true), {"polling"});
    for (const Trouble& trouble : troubles) {
        if (!trouble.in_short && std::getenv("PRICEWIRE_LONG") == nullptr) continue;
        for (const std::size_t first : {0U, 1U}) {
            const auto venues = half(first);
            std::map<std::string, std::uint64_t> opened;
            for (const std::string& venue : venues) opened[venue] = all_.opened(venue);
            for (const std::string& venue : venues) all_.fault(venue + ".stream", trouble.fault);
            seen(venues, trouble, opened);
            EXPECT_EQ(all_.rate("BTC").status, 200) << "the others keep the price during " << trouble.fault;
            for (const std::string& venue : venues) all_.fault(venue + ".stream", "none");
            all_.wait_for_states(venues, {"streaming"});
        }
    }
}

// What one symbol meets leaves the other alone.
TEST_F(VenueFaults, ASymbolThatIsRefusedOrNotAnsweredTakesNoOtherDown) {
    all_.wait_for_states(AllVenues::names(false), {"streaming"});
    for (const std::size_t first : {0U, 1U}) {
        const auto venues = half(first);
        for (const std::string& venue : venues)
            all_.fault(venue + ".stream/ETHUSDT", first == 0 ? "removed" : "unacknowledged");
        for (const std::string& venue : venues) {
            all_.deployment().wait_until(venue + " to give BTC", [&] {
                return all_.rate("BTC").body.find("\"source\":\"" + venue + "\"") != std::string::npos &&
                       all_.state_of(venue) == "streaming";
            });
        }
        EXPECT_EQ(all_.rate("ETH").status, 200);
    }
}

TEST_F(VenueFaults, AVenueInMaintenanceIsShownAsThat) {
    all_.wait_for_states(AllVenues::names(false), {"streaming"});
    std::vector<std::string> announced;
    for (const std::string& name : AllVenues::names(false)) {
        if (AllVenues::announces_maintenance(name)) announced.push_back(name);
    }
    ASSERT_GE(announced.size(), 3U);
    for (const std::string& venue : announced) {
        all_.fault(venue + ".rest", "maintenance");
        all_.fault(venue + ".stream", "maintenance");
    }
    all_.wait_for_states(announced, {"maintenance"});
    EXPECT_EQ(all_.rate("BTC").status, 200);
}

TEST_F(VenueFaults, AVenueThatRefusesThisPlaceIsNotAvailableFromHere) {
    all_.wait_for_states(AllVenues::names(false), {"streaming"});
    const auto venues = half(0);
    for (const std::string& venue : venues) {
        const char* const refusal = venue.size() % 2 == 0 ? "blocked" : "451";
        all_.fault(venue + ".rest", refusal);
        all_.fault(venue + ".stream", refusal);
    }
    all_.wait_for_states(venues, {"unavailable_here"});
    all_.wait_for_states(half(1), {"streaming"});
    EXPECT_NE(all_.health().find("not available from here"), std::string::npos);
    EXPECT_EQ(all_.rate("BTC").status, 200);
}

}  // namespace
}  // namespace pricewire::test
