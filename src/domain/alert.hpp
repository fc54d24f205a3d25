#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/decimal.hpp"
#include "base/uuid.hpp"
#include "domain/market.hpp"

namespace pricewire {

// gt fires when the price is above the target, lt when it is below; equal fires neither.
enum class Condition : std::uint8_t { gt, lt };
std::string_view to_string(Condition c);
std::optional<Condition> parse_condition(std::string_view text);

inline bool holds(Condition c, Decimal price, Decimal target) {
    return c == Condition::gt ? price > target : price < target;
}

struct Alert {
    Uuid id;
    Uuid user_id;
    Ticker ticker;
    Decimal target;  // > 0
    Condition condition = Condition::gt;
    std::string webhook_url;
    bool is_active = true;
    Timestamp created_at;
    std::optional<Timestamp> triggered_at;
    std::optional<Decimal> triggered_price;
};

// The part of an active alert that matching needs.
struct ActiveAlert {
    Uuid id;
    Ticker ticker;
    Condition condition = Condition::gt;
    Decimal target;
    friend bool operator==(const ActiveAlert&, const ActiveAlert&) = default;
};

// What happened to the set of active alerts, in the order it was committed.
struct AlertChange {
    enum class Kind : std::uint8_t { created, deleted };
    Kind kind = Kind::created;
    ActiveAlert alert;
};

// An alert that a price has fired, and the id its delivery will have.
struct Firing {
    Uuid alert_id;
    Uuid delivery_id;
};

// All alerts that one price fired. One price fires many; keeping them together keeps the write set-based.
struct FiringGroup {
    Price price;
    Timestamp fired_at;
    std::vector<Firing> firings;
};

}  // namespace pricewire
