#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/decimal.hpp"
#include "base/text.hpp"
#include "scenarios/sides.hpp"
#include "sim/venues/venue.hpp"
#include "support/deployment.hpp"

namespace pricewire::test {

// A Pricewire with every source enabled, and the simulator that plays them all.
class AllVenues {
public:
    AllVenues(Side side, std::vector<std::string> sim, std::map<std::string, std::string> config = {})
        : deployment_(on(
              side, {.sim = std::move(sim), .receiver = {}, .config = with_all_sources(std::move(config))})) {
        deployment_.start_pricewire();
        account_ = deployment_.register_user("venues@example.com");
    }

    static std::vector<std::string> names(bool aggregators) {
        std::vector<std::string> out;
        for (const sim::SimVenue* venue : sim::sim_venues()) {
            if (venue->is_aggregator == aggregators) out.emplace_back(venue->name);
        }
        return out;
    }

    static bool announces_maintenance(std::string_view name) {
        const auto all = sim::sim_venues();
        return std::any_of(all.begin(), all.end(),
                           [&](auto* v) { return v->name == name && !v->maintenance_frame.empty(); });
    }

    Deployment& deployment() { return deployment_; }
    const Account& account() const { return account_; }

    void fault(const std::string& door, const std::string& fault) {
        deployment_.sim_post("fault/" + door, fault);
    }

    std::string sim_status() { return deployment_.sim_status(); }
    // How often a venue's stream has been opened.
    std::uint64_t opened(std::string_view venue) {
        const std::string status = sim_status();
        const std::string counts = status.substr(std::min(status.find("\"opened\""), status.size()));
        return parse_number<std::uint64_t>(json_member(counts, std::string(venue)).value_or("0")).value_or(0);
    }
    // "streaming"; empty where /health does not name the source.
    std::string state_of(std::string_view source) { return state_in(health(), source); }
    static std::string state_in(const std::string& health, std::string_view source) {
        std::size_t at = health.find("\"sources\"");
        if (at != std::string::npos) at = health.find('"' + std::string(source) + "\":{", at);
        if (at == std::string::npos) return {};
        const std::string object = health.substr(at, health.find('}', at) - at);
        return json_member(object, "state").value_or("");
    }
    std::string health() {
        // Each role of a cluster has its own; the feed's is the one that knows its sources best.
        return deployment_.http().get(deployment_.root("/health")).body;
    }
    net::HttpResult rate(const std::string& ticker) {
        return deployment_.http().get(deployment_.api("/rates/" + ticker), {{"X-API-Key", account_.api_key}});
    }

    void wait_for_states(const std::vector<std::string>& sources, const std::set<std::string>& states) {
        std::string missing;
        const auto are_there = [&] {
            missing.clear();
            const std::string shown = health();
            for (const std::string& source : sources) {
                const std::string state = state_in(shown, source);
                if (!states.contains(state)) missing += source + " is " + state + "; ";
            }
            return missing.empty();
        };
        try {
            deployment_.wait_until("states of sources", are_there);
        } catch (const std::runtime_error& e) {
            throw std::runtime_error(missing + e.what());
        }
    }

private:
    static std::map<std::string, std::string> with_all_sources(std::map<std::string, std::string> config) {
        for (const sim::SimVenue* venue : sim::sim_venues())
            config.emplace("PRICEWIRE_SOURCES_" + upper_case(venue->name) + "_ENABLED", "true");
        config.emplace("PRICEWIRE_LIMITS_USER", "1000000/1s");
        config.emplace("PRICEWIRE_LIMITS_RATES", "1000000/1s");
        config.emplace("PRICEWIRE_SOURCES_COINGECKO_POLL_INTERVAL", "1s");
        config.emplace("PRICEWIRE_SOURCES_COINPAPRIKA_POLL_INTERVAL", "1s");
        return config;
    }

    Deployment deployment_;
    Account account_;
};

}  // namespace pricewire::test
