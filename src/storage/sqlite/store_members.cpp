#include "storage/sqlite/store.hpp"

namespace pricewire::storage::sqlite {

std::vector<Member> Store::renew_members(std::span<const MemberReport> reports, Duration lease) {
    return call("renew_members", [&] {
        std::vector<Member> out;
        for (const MemberReport& report : reports) out.push_back({report, {}, lease});
        return out;
    });
}

void Store::end_membership(MemberRole, std::string_view) {
    call("end_membership", [] {});
}

std::vector<Member> Store::members() {
    return call("members", [] { return std::vector<Member>{}; });
}

Timestamp Store::database_time() {
    return call("database_time", [] { return system_clock().now(); });
}

}  // namespace pricewire::storage::sqlite
