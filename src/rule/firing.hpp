#pragma once

#include <optional>

#include "domain/alert.hpp"
#include "rule/run.hpp"

namespace pricewire::rule {

// What is stored of a step that is a firing, without the id of its delivery. `muted_until`: until when the alert was
// muted before it. Pure.
RuledFiring firing_of(const ActiveAlert& alert, const Step& step,
                      const std::optional<Timestamp>& muted_until);

}  // namespace pricewire::rule
