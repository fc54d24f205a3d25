#pragma once

#include <gtest/gtest.h>

#include <ostream>
#include <string>
#include <utility>

#include "support/deployment.hpp"

namespace pricewire::test {

// How Pricewire runs in a test: as one process on SQLite; as processes of one role each on PostgreSQL, Redis
// and RabbitMQ; or as the latter in the middle of a rolling upgrade, with an older process of each role beside
// them.
enum class Side { embedded, cluster, upgrade };

inline std::string to_string(Side side) {
    switch (side) {
        case Side::embedded:
            return "Embedded";
        case Side::cluster:
            return "Cluster";
        case Side::upgrade:
            return "Upgrade";
    }
    return "unknown";
}
inline std::ostream& operator<<(std::ostream& out, Side side) {
    return out << to_string(side);
}
inline auto both_sides() {
    return ::testing::Values(Side::embedded, Side::cluster);
}
inline auto all_sides() {
    return ::testing::Values(Side::embedded, Side::cluster, Side::upgrade);
}
inline std::string name_of_side(const ::testing::TestParamInfo<Side>& test) {
    return to_string(test.param);
}

// Whether this side can run here; a test that cannot run skips with why_not_run.
inline bool can_run(Side side) {
    if (side == Side::upgrade && older_binary_of_environment().empty()) return false;
    return side == Side::embedded || cluster_of_environment();
}
inline const char* const why_not_run =
    "PRICEWIRE_TEST_POSTGRES_URL, PRICEWIRE_TEST_REDIS_URL and PRICEWIRE_TEST_RABBITMQ_URL are not set (a "
    "rolling upgrade also needs PRICEWIRE_TEST_OLDER_BINARY)";

inline DeploymentOptions on(Side side, DeploymentOptions options) {
    if (side == Side::embedded) return options;
    options.cluster = cluster_of_environment();
    if (side == Side::upgrade) options.cluster->older = older_binary_of_environment();
    return options;
}

}  // namespace pricewire::test
