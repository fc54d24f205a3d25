#pragma once

#include "deliver/sender.hpp"

namespace pricewire::fakes {

// A sender that does nothing; tests say what differs.
class FakeSender : public deliver::Sender {
public:
    void stop(Duration) override {}
    deliver::SenderStats stats() const override { return {}; }
    std::optional<storage::Claim> claim() override { return std::nullopt; }
    void take(std::vector<ClaimedDelivery>, Timestamp) override {}
    void prepare(std::vector<ClaimedDelivery>, Timestamp) override {}
    void drop() override {}
};

}  // namespace pricewire::fakes
