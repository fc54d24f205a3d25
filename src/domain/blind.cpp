#include "domain/blind.hpp"

#include <algorithm>

namespace pricewire::inline domain {

Duration covered(std::vector<std::pair<Timestamp, Timestamp>> spans) {
    std::sort(spans.begin(), spans.end());
    Duration total{};
    Timestamp counted = Timestamp::min();
    for (const auto& [from, to] : spans) {
        if (to <= counted) continue;
        total += to - std::max(from, counted);
        counted = to;
    }
    return total;
}

}  // namespace pricewire::inline domain
