#pragma once

#include <gtest/gtest.h>

#include <ostream>
#include <string>
#include <utility>

#include "support/deployment.hpp"

namespace pricewire::test {

// How Pricewire runs in a test: as the one process on SQLite, or as processes of one role each on PostgreSQL,
// Redis and RabbitMQ.
enum class Side { embedded, cluster };

inline std::string to_string(Side side) {
    return side == Side::embedded ? "Embedded" : "Cluster";
}
inline std::ostream& operator<<(std::ostream& out, Side side) {
    return out << to_string(side);
}
inline auto both_sides() {
    return ::testing::Values(Side::embedded, Side::cluster);
}
inline std::string name_of_side(const ::testing::TestParamInfo<Side>& test) {
    return to_string(test.param);
}

// Whether this side can run here; otherwise why it cannot is to be said by skipping.
inline bool can_run(Side side) {
    return side == Side::embedded || cluster_of_environment();
}
inline const char* const why_not_run =
    "PRICEWIRE_TEST_POSTGRES_URL, PRICEWIRE_TEST_REDIS_URL and PRICEWIRE_TEST_RABBITMQ_URL are not set";

inline DeploymentOptions on(Side side, DeploymentOptions options) {
    if (side == Side::cluster) options.cluster = cluster_of_environment();
    return options;
}

}  // namespace pricewire::test
