#include "storage/sql/id_range.hpp"

#include <algorithm>
#include <cstdint>

namespace pricewire::storage::sql {
namespace {

constexpr Duration slack = std::chrono::seconds{2};

Uuid first_id_of(Timestamp time) {
    constexpr std::int64_t end = std::int64_t{1} << 48;
    const auto ms = std::chrono::floor<std::chrono::milliseconds>(time).time_since_epoch().count();
    Uuid id;
    if (ms >= end) {
        id.bytes.fill(0xff);
        return id;
    }
    for (int i = 0; i < 6; ++i)
        id.bytes[static_cast<std::size_t>(i)] =
            static_cast<std::uint8_t>(std::max<std::int64_t>(ms, 0) >> (8 * (5 - i)));
    return id;
}

}  // namespace

Uuid first_id_since(Timestamp since) {
    return since > Timestamp::min() + slack ? first_id_of(since - slack) : Uuid{};
}

Uuid end_id_until(Timestamp until) {
    return first_id_of(until < Timestamp::max() - slack ? until + slack : Timestamp::max());
}

Uuid id_after(Uuid id) {
    const Uuid given = id;
    for (auto byte = id.bytes.rbegin(); byte != id.bytes.rend(); ++byte) {
        if (++*byte != 0) return id;
    }
    return given;
}

}  // namespace pricewire::storage::sql
