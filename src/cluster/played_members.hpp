#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.hpp"
#include "domain/member.hpp"

namespace pricewire::cluster {

// For tests: the table of members, by a clock that they move. Statements of one step run at the same time: none of them sees what
// another one writes.
class PlayedMembers {
public:
    explicit PlayedMembers(const Clock& clock) : clock_(clock) {}

    // Those that live.
    std::vector<Member> renew(const MemberReport& report, Duration lease) {
        Row row = rows_[report.id];
        if (row.ends <= clock_.mono()) {
            row.member.since = clock_.now();
            ++row.member.epoch;
        }
        row.member.report = report;
        row.ends = clock_.mono() + lease;
        written_[report.id] = row;
        auto seen = rows_;
        seen[report.id] = row;
        std::vector<Member> living = shown(seen);
        std::erase_if(living, [](const Member& one) { return one.left <= Duration::zero(); });
        return living;
    }
    std::vector<Member> all() const { return shown(rows_); }
    void end_step() {
        for (const auto& [id, row] : std::exchange(written_, {})) rows_[id] = row;
    }

private:
    struct Row {
        Member member;
        MonoTime ends{};
    };
    using ById = std::map<std::string, Row>;

    std::vector<Member> shown(const ById& rows) const {
        std::vector<Member> out;
        for (const auto& [id, row] : rows) {
            out.push_back(row.member);
            out.back().left = std::chrono::duration_cast<Duration>(row.ends - clock_.mono());
        }
        return out;
    }

    const Clock& clock_;
    ById rows_, written_;
};

}  // namespace pricewire::cluster
