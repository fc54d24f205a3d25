#include "queue/rabbitmq/task_text.hpp"

#include "base/text.hpp"

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
    const auto attempt = parse_number<int>(text.substr(id_length + 1));
    if (!id || !attempt || *attempt < 1) return std::nullopt;
    return DeliveryTask{*id, *attempt};
}

}  // namespace pricewire::queue
