#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.hpp"
#include "domain/enum_names.hpp"

namespace pricewire::inline domain {

// What a process of a cluster divides with others of its kind.
enum class MemberRole : std::uint8_t { checker, feed, sender };
inline constexpr auto member_role_names = enum_names<MemberRole>({
    {MemberRole::checker, "checker"},
    {MemberRole::feed, "feed"},
    {MemberRole::sender, "sender"},
});
constexpr std::string_view to_string(MemberRole role) {
    return member_role_names.name(role);
}
constexpr std::optional<MemberRole> parse_member_role(std::string_view text) {
    return member_role_names.parse(text);
}

// What a member says of itself each time it renews its lease.
struct MemberReport {
    MemberRole role = MemberRole::checker;
    std::string id;          // of this run of the process, 1 to 100 characters
    std::string name;        // for people: where it runs
    std::string version;     // of the program
    std::int64_t holds = 0;  // alerts of a checker, tickers of a feed
    // The view of its group (cluster::Group::view) for which it holds all of its share.
    std::string settled = {};
    // Of a checker: until when it has judged all prices, by the feeds' clocks; and the same as a position in the stream.
    std::optional<Timestamp> judged = std::nullopt;
    std::string position = {};
    friend bool operator==(const MemberReport&, const MemberReport&) = default;
};

// A member as the database knows it. Its times are the database's, so that clocks of members do not matter.
struct Member {
    MemberReport report;
    Timestamp since;         // when its lease began
    Duration left{};         // of its lease; not positive: it has ended
    std::int64_t epoch = 1;  // counts how often its lease has begun
    friend bool operator==(const Member&, const Member&) = default;
};

}  // namespace pricewire::inline domain
