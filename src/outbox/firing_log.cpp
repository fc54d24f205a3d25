#include "outbox/firing_log.hpp"

#include <string>
#include <vector>

#include "outbox/written.hpp"

namespace pricewire::outbox {
namespace {

// Up to this many alerts of one price are logged one by one.
constexpr std::size_t few = 20;

struct Line {
    log::Level level;
    const FiringGroup* group;
    const Uuid* alert;
    const Uuid* delivery;
    Decimal price;
    std::int64_t number;  // 0 for an alert without terms
};

// The firings of a group that were written.
std::vector<Line> lines_of(const FiringGroup& group, const Written& commit) {
    std::vector<Line> out;
    for (const Firing& firing : group.firings) {
        if (commit.has(firing.delivery_id))
            out.push_back({{}, &group, &firing.alert_id, &firing.delivery_id, group.price.value, 0});
    }
    for (const RuledFiring& firing : group.ruled) {
        if (commit.has(firing.delivery_id))
            out.push_back({{}, &group, &firing.alert_id, &firing.delivery_id, firing.value, firing.number});
    }
    return out;
}

void write(const Line& line) {
    const log::Field alert{"alert_id", line.alert->to_string()};
    const log::Field delivery{"delivery_id", line.delivery->to_string()};
    const log::Field ticker{"ticker", std::string(line.group->price.ticker.view())};
    const log::Field price{"price", line.price.to_string()};
    if (line.group->late) {
        log::write(line.level, "alert fired late",
                   {alert, delivery, ticker, price, {"occurred", format_rfc3339(line.group->late->from)}});
    } else if (line.number > 0) {
        log::write(line.level, "alert fired",
                   {alert, delivery, ticker, price, {"firing", std::to_string(line.number)}});
    } else {
        log::write(line.level, "alert fired", {alert, delivery, ticker, price});
    }
}

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
        for (Line& line : lines_of(group, commit)) {
            const bool at_info = count <= few && budget_.take(now);
            line.level = at_info ? log::Level::info : log::Level::debug;
            if (at_info || debug) lines.push_back(line);
        }
    }
    for (const Line& line : lines) write(line);
}

}  // namespace pricewire::outbox
