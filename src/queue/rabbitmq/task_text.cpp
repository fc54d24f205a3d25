#include "queue/rabbitmq/task_text.hpp"

#include <charconv>

namespace pricewire::queue {
namespace {

constexpr std::size_t id_length = 36;

}  // namespace

std::string task_text(const DeliveryTask& task) {
    return task.delivery_id.to_string() + ' ' + std::to_string(task.attempt);
}

std::optional<DeliveryTask> parse_task_text(std::string_view text) {
    if (text.size() < id_length + 2 || text.size() > max_task_text || text[id_length] != ' ') {
        return std::nullopt;
    }
    const auto id = Uuid::parse(text.substr(0, id_length));
    const std::string_view number = text.substr(id_length + 1);
    int attempt = 0;
    const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), attempt);
    if (!id || error != std::errc{} || end != number.data() + number.size() || attempt < 1) {
        return std::nullopt;
    }
    return DeliveryTask{*id, attempt};
}

}  // namespace pricewire::queue
