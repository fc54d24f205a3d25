#pragma once

#include <gtest/gtest.h>

#include <set>
#include <string>
#include <vector>

#include "support/deployment.hpp"

namespace pricewire::test {

// An alert's firings are numbered from 1, each has a delivery of its own, and the receiver accepts the webhook of each
// of these, for which this waits, and no other.
inline void expect_webhooks(Deployment& deployment, const std::string& alert,
                            const std::vector<ShownFiring>& firings) {
    std::set<std::string> deliveries;
    for (std::size_t i = 0; i < firings.size(); ++i) {
        EXPECT_EQ(firings[i].number, static_cast<int>(i) + 1) << alert;
        deliveries.insert(firings[i].delivery_id);
    }
    EXPECT_EQ(deliveries.size(), firings.size()) << alert;
    deployment.wait_until("the webhooks of " + alert,
                          [&] { return deployment.accepted(alert).size() >= deliveries.size(); });
    EXPECT_EQ(deployment.accepted(alert), deliveries) << alert;
}

}  // namespace pricewire::test
