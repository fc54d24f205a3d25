#include "sim/faults.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "base/decimal.hpp"
#include "base/text.hpp"

namespace pricewire::sim {
namespace {

using Kind = Fault::Kind;

struct Row {
    Kind kind;
    std::string_view name;
    bool of_symbol;
};

constexpr std::array<Row, 22> kinds{{
    {Kind::none, "none", true},
    {Kind::cut, "cut", false},
    {Kind::silence, "silence", false},
    {Kind::deaf, "deaf", true},
    {Kind::garbage, "garbage", false},
    {Kind::shape, "shape", false},
    {Kind::html, "html", false},
    {Kind::blocked, "blocked", false},
    {Kind::error200, "error200", false},
    {Kind::stale, "stale", true},
    {Kind::stuck, "stuck", true},
    {Kind::behind, "behind", true},
    {Kind::old, "old", true},
    {Kind::duplicate, "duplicate", true},
    {Kind::batch, "batch", true},
    {Kind::wild, "wild", true},
    {Kind::crash, "crash", true},
    {Kind::factor, "factor", true},
    {Kind::removed, "removed", true},
    {Kind::unacknowledged, "unacknowledged", true},
    {Kind::leaving, "leaving", false},
    {Kind::maintenance, "maintenance", false},
}};

std::unexpected<Error> no_fault(std::string_view text) {
    return fail(fmt::format("'{}' is not a fault: {}", text, fault_names()));
}

}  // namespace

std::string fault_names() {
    std::string out;
    for (const Row& row : kinds) {
        if (!out.empty()) out += ", ";
        out += row.name;
        if (row.kind == Kind::behind) out += "[:60s]";
        if (row.kind == Kind::factor) out += ":X";
    }
    return out + ", or a status such as 429 or 418:120 (Retry-After)";
}

double Fault::factor() const {
    switch (kind) {
        case Kind::wild:
            return 10;
        case Kind::crash:
            return 0.13;
        case Kind::factor:
            return Decimal::parse(argument).value_or(Decimal::from_int(1)).to_double();
        default:
            return 1;
    }
}

Duration Fault::delay() const {
    if (kind != Kind::behind) return {};
    return argument.empty() ? std::chrono::minutes{1} : parse_duration(argument).value_or(Duration{});
}

Result<Fault> parse_fault(std::string_view text) {
    std::string_view argument = text;
    const std::string_view name = take_part(argument, ':');
    for (const Row& row : kinds) {
        if (row.name != name) continue;
        const Fault fault{row.kind, 0, std::string(argument)};
        const bool takes_argument = row.kind == Kind::behind || row.kind == Kind::factor;
        if (!argument.empty() && !takes_argument) return no_fault(text);
        if (row.kind == Kind::behind && !argument.empty() && !parse_duration(argument)) return no_fault(text);
        if (row.kind == Kind::factor) {
            const auto factor = Decimal::parse(argument);
            if (!factor || !factor->is_positive()) return no_fault(text);
        }
        return fault;
    }
    const int status = parse_number<int>(name).value_or(0);
    if (status < 400 || status > 599) return no_fault(text);
    return Fault{Kind::status, status, std::string(argument)};
}

std::string to_string(const Fault& fault) {
    const auto row =
        std::find_if(kinds.begin(), kinds.end(), [&](const Row& r) { return r.kind == fault.kind; });
    const std::string name = row == kinds.end() ? std::to_string(fault.status) : std::string(row->name);
    return fault.argument.empty() ? name : name + ":" + fault.argument;
}

bool is_within(const Door& door, const Door& whole) {
    return door.starts_with(whole) && (door.size() == whole.size() || door[whole.size()] == '/');
}

bool is_of_symbol(const Fault& fault) {
    return std::any_of(kinds.begin(), kinds.end(),
                       [&](const Row& r) { return r.kind == fault.kind && r.of_symbol; });
}

bool refuses_upgrade(const Fault& fault) {
    return fault.kind == Kind::html || fault.kind == Kind::status || fault.kind == Kind::blocked;
}

bool cuts(const Fault& fault) {
    return refuses_upgrade(fault) || fault.kind == Kind::cut || fault.kind == Kind::removed ||
           fault.kind == Kind::unacknowledged;
}

Fault Faults::at(const Door& door) const {
    MutexLock lock(mutex_);
    const auto found = faults_.find(door);
    return found == faults_.end() ? Fault{} : found->second;
}

Fault Faults::at(const Door& door, std::string_view symbol) const {
    MutexLock lock(mutex_);
    if (faults_.empty()) return {};
    auto found = faults_.find(fmt::format("{}/{}", door, symbol));
    if (found == faults_.end()) found = faults_.find(door);
    return found == faults_.end() ? Fault{} : found->second;
}

void Faults::set(const Door& door, Fault fault) {
    MutexLock lock(mutex_);
    if (fault.kind == Kind::none) {
        faults_.erase(door);
    } else {
        faults_[door] = std::move(fault);
    }
}

std::map<Door, Fault> Faults::all() const {
    MutexLock lock(mutex_);
    return faults_;
}

}  // namespace pricewire::sim
