#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "domain/delivery.hpp"

namespace pricewire::queue {

// The text of a task in a message: "018f3f6e-7c1a-7a3b-8f00-0123456789ab 1".
std::string task_text(const DeliveryTask& task);
// nullopt if it is not a valid task.
std::optional<DeliveryTask> parse_task_text(std::string_view text);
// The longest text of a task.
constexpr std::size_t max_task_text = 36 + 1 + 10;

}  // namespace pricewire::queue
