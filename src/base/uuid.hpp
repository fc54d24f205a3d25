#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.hpp"

namespace pricewire::inline base {

// A UUID (RFC 9562). Trivially copyable; ordered bytewise, so version 7 ids sort by their time.
struct Uuid {
    std::array<std::uint8_t, 16> bytes{};

    friend constexpr bool operator==(const Uuid&, const Uuid&) = default;
    friend constexpr auto operator<=>(const Uuid&, const Uuid&) = default;

    bool is_nil() const { return *this == Uuid{}; }
    // "018f3f6e-7c1a-7a3b-8f00-0123456789ab"
    std::string to_string() const;
    // Accepts the 36-character form, either case; nothing else.
    static std::optional<Uuid> parse(std::string_view text);

    template <typename H>
    friend H AbslHashValue(H h, const Uuid& u) {
        return H::combine_contiguous(std::move(h), u.bytes.data(), u.bytes.size());
    }
};

// Version 7: 48 bits of milliseconds, a 12-bit counter that keeps ids of one thread and millisecond in order,
// and 62 random bits from the kernel. Thread-safe.
Uuid make_uuid(Timestamp now);

}  // namespace pricewire::inline base

template <>
struct std::hash<pricewire::Uuid> {
    std::size_t operator()(const pricewire::Uuid& u) const noexcept {
        return std::hash<std::string_view>{}({reinterpret_cast<const char*>(u.bytes.data()), u.bytes.size()});
    }
};
