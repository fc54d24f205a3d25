#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "base/clock.hpp"
#include "base/decimal.hpp"
#include "domain/rule.hpp"

// What the brute force is given, and what it tells.
namespace pricewire::rule::brute_force {

struct Event {
    Timestamp time;
    Ticker ticker;
    std::optional<Decimal> price;  // unset: it is gone
};

struct Firing {
    std::int64_t number = 0;
    Timestamp time;
    Decimal value;
    std::int64_t left_out = 0;
    std::size_t machine = 0;
    std::vector<std::optional<Decimal>> values = {};  // of the machine's rules
    friend bool operator==(const Firing&, const Firing&) = default;
};

struct Life {
    Timestamp begins;
    std::optional<Timestamp> expires = {}, snoozed_until = {};
};

// What an edit that is no new start makes of it, from after everything of its time on.
struct Edit {
    Timestamp time;
    std::optional<Timestamp> expires = {}, snoozed_until = {};
    std::optional<Repeat> repeat = {};
};

// A value, in effect within [from, to).
struct Span {
    Decimal value;
    Timestamp from;
    std::optional<Timestamp> to = {};
};
inline std::vector<Span> spans_of(const std::vector<Event>& events) {
    std::vector<Span> spans;
    for (const Event& event : events) {
        if (!spans.empty() && !spans.back().to) spans.back().to = event.time;
        if (event.price) spans.push_back({*event.price, event.time});
    }
    return spans;
}

}  // namespace pricewire::rule::brute_force
