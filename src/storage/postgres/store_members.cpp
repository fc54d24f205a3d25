#include "storage/postgres/store.hpp"

namespace pricewire::storage::postgres {
namespace {

// role, id, name, version, holds, settled, judged, position, since, left, epoch.
constexpr auto read_member = [](const Row& row) {
    Member member;
    MemberReport& report = member.report;
    report.id = row.text(1);
    report.role = sql::known(&parse_member_role, row, 0, "members.role", report.id);
    report.name = row.text(2);
    report.version = row.text(3);
    report.holds = row.number(4);
    report.settled = row.text(5);
    report.judged = sql::maybe_time(row, 6);
    report.position = row.text(7);
    member.since = row.time(8);
    member.left = Duration{row.number(9)};
    member.epoch = row.number(10);
    return member;
};

}  // namespace

// A lease lost with the database is renewed half a second later, so it need not be flushed to disk.
std::vector<Member> Store::renew_members(std::span<const MemberReport> reports, Duration lease) {
    Array role, id, name, version, holds, settled, judged, position;
    for (const MemberReport& report : reports) {
        role.add(to_string(report.role));
        id.add(report.id);
        name.add(report.name);
        version.add(report.version);
        holds.add(report.holds);
        settled.add(report.settled);
        judged.add(report.judged);
        position.add(report.position);
    }
    return write("renew_members", [&] {
        return db_.repeatable_statement(Durability::process, [&](Connection& db) {
            return present(db.all(or_skip("renew_members", read_member), "members_renew", role, id, name,
                                  version, holds, settled, judged, position, lease));
        });
    });
}

void Store::end_membership(MemberRole role, std::string_view id) {
    statement("end_membership", Durability::process,
              [&](Connection& db) { db.change("member_end", to_string(role), id); });
}

std::vector<Member> Store::members() {
    return transaction("members", Durability::process, [&](Connection& db) {
        db.change("members_forget", keep_ended_members);
        return present(db.all(or_skip("members", read_member), "members_all", keep_ended_members));
    });
}

Timestamp Store::database_time() {
    return read("database_time", [](Connection& db) {
        return *db.first([](const Row& row) { return row.time(0); }, "database_time");
    });
}

void Store::forget_members() {
    db_.statement(Durability::process,
                  [](Connection& db) { return db.change("members_forget", keep_ended_members); });
}

}  // namespace pricewire::storage::postgres
