#pragma once

#include <cstddef>
#include <expected>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/clock.hpp"
#include "domain/rule.hpp"

// Reads what a request says about when an alert fires, and checks all of it. Pure.
namespace pricewire::rule {

// A member's name, or a place in an array, from 0.
using PathPart = std::variant<std::string, std::size_t>;

// What is wrong with a body: `path` leads to the member, without "body"; `type` is a rule's name in pydantic's style.
struct RuleIssue {
    std::vector<PathPart> path;
    std::string message;
    std::string type;
    friend bool operator==(const RuleIssue&, const RuleIssue&) = default;
};

template <typename T>
using Checked = std::expected<T, std::vector<RuleIssue>>;

// The ticker of that name, ignoring case; else a sentence that says why there is none.
using NamedTicker = std::function<std::expected<Ticker, std::string>(std::string_view)>;

// Above any price that Decimal has to be added to or multiplied with.
constexpr std::int64_t max_level = 1'000'000'000'000'000;
constexpr Duration max_hold = std::chrono::hours{24};
constexpr Duration min_cooldown = std::chrono::seconds{10};
constexpr Duration max_cooldown = std::chrono::hours{24 * 30};
constexpr std::int64_t max_times = 1'000'000;
constexpr Duration min_age = std::chrono::seconds{1};
constexpr Duration max_age = std::chrono::hours{24 * 7};

// Members are JSON texts as the body has them (a string with its quotes); unset where the member is missing or null.
struct RuleInput {
    Ticker ticker;  // the alert's; empty if it was refused already
    std::optional<std::string_view> when = {};
    std::optional<std::string_view> watch = {};  // at the top: that of the only rule
    std::optional<std::string_view> hold = {};   // "for"
    std::optional<std::string_view> repeat = {};
    // The seed's form, checked by the caller: set where the body has the member, whether or not it was refused.
    std::optional<Condition> condition = {};
    std::optional<Decimal> target = {};
};
// All errors at once.
Checked<Terms> parse_terms(const RuleInput& input, const NamedTicker& named);

// The members that say when an alert lives, as above.
struct LifeInput {
    std::optional<std::string_view> starts_at = {};
    std::optional<std::string_view> expires_at = {};
    std::optional<std::string_view> snoozed_until = {};
    std::optional<std::string_view> notify_on_expiry = {};
};
struct Life {
    std::optional<Timestamp> starts_at = {}, expires_at = {}, snoozed_until = {};
    bool notify_on_expiry = false;
    friend bool operator==(const Life&, const Life&) = default;
};
Checked<Life> parse_life(const LifeInput& input, Timestamp now);

// The message for a member that is not in `known`: names the nearest one if it is near.
std::string no_such_member(std::string_view name, const std::vector<std::string_view>& known);
constexpr std::string_view unknown_member = "extra_forbidden";  // its type

}  // namespace pricewire::rule
