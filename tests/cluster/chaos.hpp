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

// Results of one kind of disruption.
struct PointStats {
    int points = 0;
    // The slowest time from a trade to its webhook. For trades before the kill of a process it is measured
    // from the kill, for other trades before recovery from the recovery.
    Duration longest{};
};

// Disrupts a cluster under load, one disruption ("point") after another; each ends when all earlier webhooks
// have arrived. To be used on the cluster's thread.
class Chaos {
public:
    Chaos(Cluster& cluster, Load& load, std::uint64_t seed);

    // Each kind once in random order, repeated until `points` are done. Throws std::runtime_error if the
    // cluster does not recover from one within two minutes.
    void run(int points);
    const std::map<std::string, PointStats>& stats() const { return stats_; }

private:
    struct Kind {
        std::string name;
        std::function<MonoTime()> happen;  // blocks until it is over; returns when recovery begins
    };
    std::vector<Kind> kinds();
    void point(const Kind& kind);

    MonoTime lose_one(const std::string& role);
    MonoTime stop_one();
    MonoTime join_and_leave();
    MonoTime lose_server(const std::string& name, Duration away, bool wipe);
    MonoTime lose_several();
    MonoTime disturb(const std::function<void(TcpGate&)>& how);
    MonoTime cut_off_from_postgres();
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
