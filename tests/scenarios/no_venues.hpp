#pragma once

#include <map>
#include <string>

#include "base/text.hpp"
#include "sim/venues/venue.hpp"

namespace pricewire::test {

// Settings with which a program calls no venue: nobody listens at the addresses of Binance and CoinGecko, and the
// others are off.
inline std::map<std::string, std::string> no_venues() {
    std::map<std::string, std::string> settings;
    for (const sim::SimVenue* venue : sim::sim_venues())
        settings["PRICEWIRE_SOURCES_" + upper_case(venue->name) + "_ENABLED"] = "false";
    for (const std::string source : {"PRICEWIRE_SOURCES_BINANCE", "PRICEWIRE_SOURCES_COINGECKO"}) {
        settings.erase(source + "_ENABLED");
        settings[source + "_REST_URL"] = "http://127.0.0.1:1";
    }
    settings["PRICEWIRE_SOURCES_BINANCE_WS_URL"] = "ws://127.0.0.1:1/stream";
    return settings;
}

}  // namespace pricewire::test
