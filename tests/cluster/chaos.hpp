#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "cluster/cluster.hpp"
#include "cluster/load.hpp"

namespace pricewire::test {

// What happened at the points of one kind.
struct PointStats {
    int points = 0;
    // From the trade to the webhook, the slowest; of what was traded before the kill of one process, from the
    // kill; of what was traded before all else was well again, from then.
    Duration longest{};
};

// Does to a cluster under load what happens to clusters, one point after another; each ends when all webhooks
// of before it have arrived. The thread of the cluster.
class Chaos {
public:
    Chaos(Cluster& cluster, Load& load, std::uint64_t seed);

    // Each kind once, in a random order, and again until there were so many points. Throws std::runtime_error
    // where one is not recovered from within two minutes.
    void run(int points);
    const std::map<std::string, PointStats>& stats() const { return stats_; }

private:
    struct Kind {
        std::string name;
        std::function<MonoTime()> happen;  // until it is over; returns when recovery begins
    };
    std::vector<Kind> kinds();
    void point(const Kind& kind);

    MonoTime lose_one(const std::string& role);
    MonoTime lose_server(const std::string& name, Duration away, bool wipe);
    MonoTime lose_several();
    MonoTime disturb(const std::function<void(TcpGate&)>& how);
    MonoTime disturb_receiver();
    void restart(const std::vector<std::string>& names);
    void pause(int from_ms, int to_ms);
    std::size_t any(std::size_t count);

    Cluster& cluster_;
    Load& load_;
    std::mt19937_64 rng_;
    std::map<std::string, PointStats> stats_;
};

}  // namespace pricewire::test
