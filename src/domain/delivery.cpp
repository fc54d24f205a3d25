#include "domain/delivery.hpp"

#include <array>
#include <utility>

namespace pricewire::inline domain {
namespace {

template <typename E, std::size_t N>
using Names = std::array<std::pair<E, std::string_view>, N>;

constexpr Names<DeliveryState, 6> states{{
    {DeliveryState::pending, "pending"},
    {DeliveryState::delivering, "delivering"},
    {DeliveryState::delivered, "delivered"},
    {DeliveryState::failed, "failed"},
    {DeliveryState::expired, "expired"},
    {DeliveryState::cancelled, "cancelled"},
}};
constexpr Names<DeliveryKind, 2> kinds{{{DeliveryKind::alert, "alert"}, {DeliveryKind::test, "test"}}};
constexpr Names<BreakerState, 3> breaker_states{{
    {BreakerState::closed, "closed"},
    {BreakerState::open, "open"},
    {BreakerState::half_open, "half_open"},
}};

template <typename E, std::size_t N>
std::string_view name_of(const Names<E, N>& names, E value) {
    for (const auto& [e, name] : names) {
        if (e == value) return name;
    }
    return "unknown";
}

template <typename E, std::size_t N>
std::optional<E> named(const Names<E, N>& names, std::string_view text) {
    for (const auto& [e, name] : names) {
        if (name == text) return e;
    }
    return std::nullopt;
}

}  // namespace

std::string_view to_string(DeliveryState s) {
    return name_of(states, s);
}
std::optional<DeliveryState> parse_delivery_state(std::string_view text) {
    return named(states, text);
}

std::string_view to_string(DeliveryKind k) {
    return name_of(kinds, k);
}
std::optional<DeliveryKind> parse_delivery_kind(std::string_view text) {
    return named(kinds, text);
}

std::string_view to_string(BreakerState s) {
    return name_of(breaker_states, s);
}
std::optional<BreakerState> parse_breaker_state(std::string_view text) {
    return named(breaker_states, text);
}

}  // namespace pricewire::inline domain
