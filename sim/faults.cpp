#include "sim/faults.hpp"

#include <fmt/format.h>

#include <array>
#include <utility>

#include "base/text.hpp"

namespace pricewire::sim {
namespace {

constexpr std::array<std::pair<Fault::Kind, std::string_view>, 9> kinds{{
    {Fault::Kind::none, "none"},
    {Fault::Kind::cut, "cut"},
    {Fault::Kind::silence, "silence"},
    {Fault::Kind::garbage, "garbage"},
    {Fault::Kind::shape, "shape"},
    {Fault::Kind::html, "html"},
    {Fault::Kind::error200, "error200"},
    {Fault::Kind::stale, "stale"},
    {Fault::Kind::wild, "wild"},
}};

}  // namespace

Result<Fault> parse_fault(std::string_view text) {
    for (const auto& [kind, name] : kinds) {
        if (name == text) return Fault{kind, 0, {}};
    }
    Fault fault{Fault::Kind::status, 0, {}};
    const std::size_t colon = text.find(':');
    fault.status = parse_number<int>(text.substr(0, colon)).value_or(0);
    if (fault.status < 400 || fault.status > 599) {
        return fail(fmt::format(
            "'{}' is not a fault: none, cut, silence, garbage, shape, html, error200, stale, wild, "
            "or a status such as 429 or 418:120 (Retry-After)",
            text));
    }
    if (colon != std::string_view::npos) fault.retry_after = text.substr(colon + 1);
    return fault;
}

std::string to_string(const Fault& fault) {
    for (const auto& [kind, name] : kinds) {
        if (kind == fault.kind) return std::string(name);
    }
    return fault.retry_after.empty() ? fmt::format("{}", fault.status)
                                     : fmt::format("{}:{}", fault.status, fault.retry_after);
}

Fault Faults::at(const Door& door) const {
    MutexLock lock(mutex_);
    const auto found = faults_.find(door);
    return found == faults_.end() ? Fault{Fault::Kind::none, 0, {}} : found->second;
}

void Faults::set(const Door& door, Fault fault) {
    MutexLock lock(mutex_);
    faults_[door] = std::move(fault);
}

}  // namespace pricewire::sim
