#include "queue/rabbitmq/task_text.hpp"

#include "base/text.hpp"
#include "domain/user_slot.hpp"

namespace pricewire::queue {
namespace {

constexpr std::size_t id_length = 36;

std::optional<QueuedTask> parse_line(std::string_view line) {
    const std::size_t space = line.rfind(' ');
    if (space == line.npos) return std::nullopt;
    const auto task = parse_task_text(line.substr(0, space));
    const auto user = Uuid::parse(line.substr(space + 1));
    if (!task || !user || user->is_nil()) return std::nullopt;
    return QueuedTask{.task = {task->delivery_id, task->attempt, *user}, .slot = user_slot(*user)};
}

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

std::string tasks_text(std::span<const DeliveryTask> tasks) {
    std::string out;
    for (const DeliveryTask& task : tasks) out += task_text(task) + ' ' + task.user_id.to_string() + '\n';
    return out;
}

std::vector<QueuedTask> parse_tasks_text(std::string_view text) {
    if (const auto task = parse_task_text(text)) return {{.task = *task}};
    std::vector<QueuedTask> out;
    while (!text.empty()) {
        const std::size_t end = text.find('\n');
        if (end == text.npos || out.size() == max_tasks_in_message) return {};
        auto one = parse_line(text.substr(0, end));
        if (!one) return {};
        out.push_back(*one);
        text.remove_prefix(end + 1);
    }
    return out;
}

}  // namespace pricewire::queue
