#include "app/cluster_command.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <vector>

#include "app/parts.hpp"
#include "app/report.hpp"
#include "cluster/group.hpp"
#include "domain/market.hpp"
#include "domain/user_slot.hpp"
#include "storage/open.hpp"

namespace pricewire::app {
namespace {

std::string seconds_text(Duration time) {
    return fmt::format("{:.1f} s", static_cast<double>(time.count()) / 1e6);
}

std::string lease_text(const Member& member) {
    return member.left > Duration::zero() ? seconds_text(member.left)
                                          : "ended " + seconds_text(-member.left) + " ago";
}

std::string holds_text(const MemberReport& report) {
    switch (report.role) {
        case MemberRole::checker:
            return fmt::format("{} alerts", report.holds);
        case MemberRole::feed:
            return fmt::format("{} tickers", report.holds);
        case MemberRole::sender:
            // Of a version that takes every delivery, or not begun yet.
            if (report.settled.empty()) return "";
            return fmt::format("{} of {} slots of users", report.holds, user_slots);
    }
    return "";
}

std::vector<Member> living(std::span<const Member> members) {
    std::vector<Member> out;
    std::ranges::copy_if(members, std::back_inserter(out),
                         [](const Member& member) { return member.left > Duration::zero(); });
    return out;
}

}  // namespace

std::string members_table(std::span<const Member> members) {
    if (members.empty()) return "no process has joined\n";
    std::vector<std::vector<std::string>> rows{
        {"ROLE", "NAME", "ID", "SINCE", "LEASE", "LIFE", "VERSION", "HOLDS"}};
    for (const Member& member : members) {
        const MemberReport& report = member.report;
        rows.push_back({std::string(to_string(report.role)), report.name, report.id,
                        format_rfc3339(std::chrono::floor<std::chrono::seconds>(member.since)),
                        lease_text(member), std::to_string(member.epoch), report.version,
                        holds_text(report)});
    }
    std::vector<std::size_t> widths(rows[0].size());
    for (const auto& row : rows) {
        for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
    }
    std::string out;
    for (const auto& row : rows) {
        std::string line;
        for (std::size_t i = 0; i < row.size(); ++i) line += fmt::format("{:<{}}  ", row[i], widths[i]);
        line.erase(line.find_last_not_of(' ') + 1);
        out += line + "\n";
    }
    return out;
}

std::string holders_text(std::span<const Member> members, std::string_view ticker, std::size_t redundancy) {
    const cluster::Groups groups(living(members), redundancy);
    std::string out;
    for (const MemberRole role : {MemberRole::checker, MemberRole::feed}) {
        const auto& group = groups.of(role);
        out += fmt::format("{}s of {}:{}\n", to_string(role), ticker, group->size() == 0 ? " none" : "");
        for (const Member* member : group->owners(ticker))
            out += fmt::format("  {}  {}\n", member->report.name, member->report.id);
        if (!group->is_settled())
            out +=
                "  members have come or gone: what they held before, they still hold until all have "
                "their share\n";
    }
    return out;
}

int run_cluster(const ops::Config& config, const ops::CommandLine& command) {
    if (!storage::is_shared(config.storage.database_url)) {
        return report(
            "an embedded database has one process, which does everything; see docs/cluster.md for more", 1);
    }
    if (!command.ticker.empty() && !is_ticker(command.ticker))
        return report(fmt::format("'{}' is not a valid ticker", command.ticker), 2);
    const auto members = open_storage(config, {})->members();
    if (command.ticker.empty()) {
        fmt::print("{}", members_table(members));
    } else {
        fmt::print(
            "{}", holders_text(members, command.ticker, static_cast<std::size_t>(config.cluster.redundancy)));
    }
    return 0;
}

}  // namespace pricewire::app
