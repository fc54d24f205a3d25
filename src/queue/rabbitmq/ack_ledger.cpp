#include "queue/rabbitmq/ack_ledger.hpp"

#include <algorithm>

namespace pricewire::queue {

std::vector<AckLedger::Ack> AckLedger::done(std::span<const std::uint64_t> tags) {
    std::vector<std::uint64_t> sorted(tags.begin(), tags.end());
    std::sort(sorted.begin(), sorted.end());
    sorted.erase(std::unique(sorted.begin(), sorted.end()), sorted.end());
    std::erase_if(sorted, [&](std::uint64_t tag) { return !open(tag); });

    std::vector<Ack> out;
    for (const std::uint64_t tag : sorted) {
        // Everything before it is settled, so one frame can cover the whole run at the start of the open
        // tags.
        const bool leads = tag == first_open_;
        if (leads && !out.empty() && out.back().multiple) {
            out.back().tag = tag;
        } else {
            out.push_back({tag, leads});
        }
        settle(tag);
    }
    return out;
}

void AckLedger::settle(std::uint64_t tag) {
    if (!open(tag)) return;
    settled_.insert(tag);
    while (!settled_.empty() && *settled_.begin() == first_open_) {
        settled_.erase(settled_.begin());
        ++first_open_;
    }
}

}  // namespace pricewire::queue
