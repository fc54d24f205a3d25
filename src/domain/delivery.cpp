#include "domain/delivery.hpp"

#include <array>
#include <utility>

namespace pricewire {
namespace {

constexpr std::array<std::pair<DeliveryState, std::string_view>, 4> names{{
    {DeliveryState::pending, "pending"},
    {DeliveryState::delivering, "delivering"},
    {DeliveryState::delivered, "delivered"},
    {DeliveryState::failed, "failed"},
}};

}  // namespace

std::string_view to_string(DeliveryState s) {
    for (const auto& [state, name] : names) {
        if (state == s) return name;
    }
    return "unknown";
}

std::optional<DeliveryState> parse_delivery_state(std::string_view text) {
    for (const auto& [state, name] : names) {
        if (name == text) return state;
    }
    return std::nullopt;
}

}  // namespace pricewire
