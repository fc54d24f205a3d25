#include "outbox/firing_log.hpp"

#include <string>
#include <unordered_set>
#include <vector>

namespace pricewire::outbox {
namespace {

// Up to this many alerts of one price are logged one by one.
constexpr std::size_t few = 20;

struct Line {
    log::Level level;
    const FiringGroup* group;
    const Firing* firing;
};

// What a commit wrote: nearly always everything, which is checked without looking at each firing.
class Written {
public:
    Written(std::span<const FiringGroup> groups, std::span<const DeliveryTask> tasks) {
        std::size_t firings = 0;
        for (const FiringGroup& group : groups) firings += group.firings.size();
        all_ = firings == tasks.size();
        if (all_) return;
        for (const DeliveryTask& task : tasks) deliveries_.insert(task.delivery_id);
    }
    bool has(const Firing& firing) const { return all_ || deliveries_.contains(firing.delivery_id); }
    std::size_t count(const FiringGroup& group) const {
        if (all_) return group.firings.size();
        std::size_t n = 0;
        for (const Firing& firing : group.firings) n += has(firing) ? 1 : 0;
        return n;
    }

private:
    bool all_ = false;
    std::unordered_set<Uuid> deliveries_;
};

}  // namespace

void FiringLog::written(std::span<const FiringGroup> groups, std::span<const DeliveryTask> tasks) {
    if (tasks.empty() || !log::enabled(log::Level::info)) return;
    const bool debug = log::enabled(log::Level::debug);
    const Written commit(groups, tasks);
    const MonoTime now = system_clock().mono();
    std::vector<Line> lines;
    for (const FiringGroup& group : groups) {
        const std::size_t count = commit.count(group);
        if (count > few) {
            log::info(group.late ? "alerts fired late" : "alerts fired",
                      {{"alerts", std::to_string(count)},
                       {"ticker", std::string(group.price.ticker.view())},
                       {"price", group.price.value.to_string()}});
            if (!debug) continue;
        }
        for (const Firing& firing : group.firings) {
            if (!commit.has(firing)) continue;
            const bool at_info = count <= few && budget_.take(now);
            if (at_info || debug)
                lines.push_back({at_info ? log::Level::info : log::Level::debug, &group, &firing});
        }
    }
    for (const auto& [level, group, firing] : lines) {
        const log::Field alert{"alert_id", firing->alert_id.to_string()};
        const log::Field delivery{"delivery_id", firing->delivery_id.to_string()};
        const log::Field ticker{"ticker", std::string(group->price.ticker.view())};
        const log::Field price{"price", group->price.value.to_string()};
        if (group->late) {
            log::write(level, "alert fired late",
                       {alert, delivery, ticker, price, {"occurred", format_rfc3339(group->late->from)}});
        } else {
            log::write(level, "alert fired", {alert, delivery, ticker, price});
        }
    }
}

}  // namespace pricewire::outbox
