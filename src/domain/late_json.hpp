#pragma once

#include <string_view>

#include "base/json_writer.hpp"
#include "domain/alert.hpp"

namespace pricewire::inline domain {

// The members of a firing that is late, within an object that is open: "late", "occurred_at" or "occurred_between",
// and "sources", or another name for these. The same in webhooks and in the API.
inline void write_late(JsonWriter& w, const LateFiring& late, std::string_view sources = "sources") {
    w.field("late", true);
    if (late.is_exact()) {
        w.field("occurred_at", late.from);
    } else {
        w.key("occurred_between").begin_array().value(late.from).value(late.to).end_array();
    }
    w.key(sources).begin_array();
    for (const SourceName source : late.sources) w.value(source.view());
    w.end_array();
}

}  // namespace pricewire::inline domain
