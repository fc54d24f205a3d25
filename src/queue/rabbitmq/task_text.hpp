#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "domain/delivery.hpp"

namespace pricewire::queue {

// A task as a message holds it: "018f3f6e-7c1a-7a3b-8f00-0123456789ab 1".
std::string task_text(const DeliveryTask& task);
// nullopt where it is anything else.
std::optional<DeliveryTask> parse_task_text(std::string_view text);
// No text of a task is longer.
constexpr std::size_t max_task_text = 36 + 1 + 10;

}  // namespace pricewire::queue
