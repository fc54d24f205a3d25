#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "domain/delivery.hpp"
#include "queue/delivery_queue.hpp"

namespace pricewire::queue {

// The text of a task in a message: "018f3f6e-7c1a-7a3b-8f00-0123456789ab 1".
std::string task_text(const DeliveryTask& task);
// nullopt if it is not a valid task.
std::optional<DeliveryTask> parse_task_text(std::string_view text);
// The longest text of a task.
constexpr std::size_t max_task_text = 36 + 1 + 10;

// A message to one sender may hold several tasks: a line for each, with its user: "018f3f6e-… 1 018f3f6e-…\n".
constexpr std::size_t max_tasks_in_message = 100;
std::string tasks_text(std::span<const DeliveryTask> tasks);
// The tasks of a message, one in the form without a user, or as many lines; without receipts. Empty if the text is neither.
std::vector<QueuedTask> parse_tasks_text(std::string_view text);
// The longest text of a message.
constexpr std::size_t max_tasks_text = max_tasks_in_message * (max_task_text + 1 + 36 + 1);

}  // namespace pricewire::queue
