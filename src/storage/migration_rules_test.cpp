// A migration that is not released yet leaves the version before it working: a rolling upgrade runs both. It may add tables,
// columns that need no value, indexes, functions and values of types. What it takes away or makes stricter must have been
// unused by a released version already. See CONTRIBUTING.md.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <regex>
#include <set>

#include "storage/migration.hpp"
#include "storage/postgres/postgres_migrations.hpp"
#include "storage/sqlite/migrations.hpp"

namespace pricewire::storage {
namespace {

// The latest migrations of the last release. What came before is never edited.
constexpr int released_postgres = 14;
constexpr int released_sqlite = 18;

struct Statement {
    std::string sql;   // without comments, in one line
    std::string note;  // the comment lines right above it
};

// Splits at semicolons that are not in a text, a comment or the body of a function or trigger.
class Splitter {
public:
    explicit Splitter(std::string_view text) : rest_(text) {}

    std::vector<Statement> split() {
        while (!rest_.empty()) {
            if (rest_.starts_with("--")) {
                comment();
            } else if (rest_.front() == '\'') {
                quoted("'");
            } else if (rest_.starts_with("$$")) {
                quoted("$$");
            } else if (rest_.front() == ';' && !in_trigger()) {
                end();
            } else {
                character();
            }
        }
        if (!now_.sql.empty()) end();
        return out_;
    }

private:
    // SQLite's triggers have statements of their own.
    bool in_trigger() const {
        return now_.sql.starts_with("CREATE TRIGGER") && now_.sql.find(" BEGIN ") != std::string::npos &&
               !now_.sql.ends_with("END");
    }
    void take(std::size_t length) {
        for (const char c : rest_.substr(0, length)) now_.sql += c == '\n' ? ' ' : c;
        rest_.remove_prefix(length);
    }
    void quoted(std::string_view mark) {
        const std::size_t close = rest_.find(mark, mark.size());
        take(close == std::string_view::npos ? rest_.size() : close + mark.size());
    }
    void comment() {
        const std::size_t length = std::min(rest_.find('\n'), rest_.size());
        if (now_.sql.empty()) now_.note += std::string(rest_.substr(0, length)) + "\n";
        rest_.remove_prefix(length);
    }
    void end() {
        if (now_.sql.ends_with(' ')) now_.sql.pop_back();
        out_.push_back(std::move(now_));
        now_ = {};
        if (!rest_.empty()) rest_.remove_prefix(1);
    }
    void character() {
        const char c = rest_.front();
        rest_.remove_prefix(1);
        if (c != ' ' && c != '\n') {
            now_.sql += c;
        } else if (!now_.sql.empty() && !now_.sql.ends_with(' ')) {
            now_.sql += ' ';
        }
    }

    std::string_view rest_;
    Statement now_;
    std::vector<Statement> out_;
};

bool matches(const std::string& text, const char* form, std::smatch& found) {
    return std::regex_match(text, found, std::regex(form));
}

bool has(const std::string& text, const char* form) {
    return std::regex_search(text, std::regex(form));
}

// Whether a test of this program has the name "Suite.Test".
bool test_exists(const std::string& name) {
    const auto& all = *::testing::UnitTest::GetInstance();
    for (int s = 0; s < all.total_test_suite_count(); ++s) {
        const auto& suite = *all.GetTestSuite(s);
        for (int t = 0; t < suite.total_test_count(); ++t)
            if (fmt::format("{}.{}", suite.name(), suite.GetTestInfo(t)->name()) == name) return true;
    }
    return false;
}

// Judges unreleased migrations in order: what one of them has created is not in use by the version before.
class Rules {
public:
    explicit Rules(int released) : released_(released) {}

    // What is wrong with the statement; empty: nothing.
    std::string fault(const Statement& statement) {
        std::smatch found;
        if (has(statement.note, "-- contract:")) return contract(statement.note);
        if (has(statement.note, "-- shown by:")) return shown(statement.note);
        if (matches(statement.sql, R"(CREATE TABLE (\w+) \(.*)", found))
            return table(statement.sql, found[1]);
        if (matches(statement.sql, R"(CREATE (UNIQUE )?INDEX (?:IF NOT EXISTS )?\w+ ON (\w+) .*)", found))
            return found[1].matched && !is_new(found[2]) ? "is stricter for rows of the version before" : "";
        if (matches(statement.sql, R"((?:ALTER TABLE|INSERT INTO|UPDATE) (\w+)\b.*)", found) &&
            is_new(found[1]))
            return "";
        if (matches(statement.sql, R"(ALTER TABLE \w+ ADD COLUMN \w+ (.*))", found)) return column(found[1]);
        return is_harmless(statement.sql) ? "" : "is of no form that is known to be harmless";
    }

private:
    bool is_new(const std::string& name) const { return new_.contains(name); }

    std::string table(const std::string& sql, const std::string& name) {
        new_.insert(name);
        std::smatch found;
        static const std::regex reference(R"(REFERENCES (\w+)(?: \(\w+\))?( ON DELETE CASCADE)?)");
        for (std::sregex_iterator it(sql.begin(), sql.end(), reference); it != std::sregex_iterator(); ++it)
            if (!is_new((*it)[1]) && !(*it)[2].matched) return "keeps the version before from deleting rows";
        return "";
    }
    // The version before gives it no value, and a default that is not constant writes all rows again.
    static std::string column(const std::string& text) {
        std::smatch found;
        if (!matches(
                text,
                R"(\w+(?: \w+)?(?:\[\])?(?: COLLATE "\w+")?( NOT NULL)?( DEFAULT (?:'[^']*'|-?[\d.]+|true|false))?( NOT NULL)?)",
                found))
            return "adds a column in a form that is not known to be harmless";
        const bool required = found[1].matched || found[3].matched;
        return required && !found[2].matched ? "needs a value that the version before does not give" : "";
    }
    static bool is_harmless(const std::string& sql) {
        static const char* const forms[] = {
            R"(ALTER TABLE \w+ SET \([\w.]+ = [\w.]+(?:, [\w.]+ = [\w.]+)*\))",
            R"(ALTER TYPE \w+ ADD VALUE '\w+')",
            R"(CREATE TYPE \w+ AS ENUM \(.*\))",
            R"(CREATE SEQUENCE \w+)",
            R"(CREATE FUNCTION \w+\(.*)",
        };
        std::smatch found;
        return std::ranges::any_of(forms, [&](const char* form) { return matches(sql, form, found); });
    }
    std::string contract(const std::string& note) const {
        std::smatch found;
        static const std::regex form(R"(-- contract: unused since (\d{4})\b)");
        if (!std::regex_search(note, found, form)) return "does not say since which migration it is unused";
        return std::stoi(found[1]) > released_ ? "is still used by the last release" : "";
    }
    static std::string shown(const std::string& note) {
        std::smatch found;
        static const std::regex form(R"(-- shown by: (\w+\.\w+))");
        return std::regex_search(note, found, form) && test_exists(found[1]) ? "" : "names no test";
    }

    int released_;
    std::set<std::string, std::less<>> new_;
};

std::vector<std::string> faults(Rules& rules, std::string_view sql) {
    std::vector<std::string> out;
    for (const Statement& statement : Splitter(sql).split())
        if (const std::string fault = rules.fault(statement); !fault.empty())
            out.push_back(fmt::format("\"{}\" {}", statement.sql.substr(0, 100), fault));
    return out;
}

template <typename Files>
void expect_harmless(const Files& files, int released) {
    Rules rules(released);
    for (const KnownMigration& migration : known_migrations(files)) {
        if (migration.version <= released) continue;
        for (const std::string& fault : faults(rules, migration.sql))
            ADD_FAILURE() << migration.version << ' ' << migration.name << ": " << fault;
    }
}

TEST(MigrationRulesTest, TheVersionBeforeWorksAfterEachMigrationOfPostgres) {
    expect_harmless(postgres_migrations(), released_postgres);
}

TEST(MigrationRulesTest, TheVersionBeforeWorksAfterEachMigrationOfSqlite) {
    expect_harmless(migrations(), released_sqlite);
}

TEST(MigrationRulesTest, WhatAddsIsHarmless) {
    for (const char* sql : {
             "CREATE TABLE visits (id uuid PRIMARY KEY, note text NOT NULL) WITH (fillfactor = 70);",
             "CREATE TABLE visits (id BLOB PRIMARY KEY) STRICT, WITHOUT ROWID;",
             "CREATE TABLE visits (id uuid); CREATE UNIQUE INDEX visits_once ON visits (id);"
             "ALTER TABLE visits ALTER id SET NOT NULL; INSERT INTO visits SELECT id FROM alerts;",
             "CREATE TABLE visits (alert_id uuid REFERENCES alerts ON DELETE CASCADE);",
             "CREATE INDEX alerts_by_note ON alerts (note) WHERE note <> '';",
             "CREATE INDEX IF NOT EXISTS alerts_by_note ON alerts (note);",
             "-- What it is for; or not.\nALTER TABLE alerts ADD COLUMN colour text COLLATE \"C\";",
             "ALTER TABLE alerts ADD COLUMN colour text NOT NULL DEFAULT 'red; green';",
             "ALTER TABLE alerts ADD COLUMN size INTEGER NOT NULL DEFAULT 1;",
             "ALTER TABLE alerts ADD COLUMN bold boolean DEFAULT false NOT NULL;",
             "ALTER TABLE alerts SET (fillfactor = 85, autovacuum_vacuum_scale_factor = 0.02);",
             "ALTER TYPE delivery_kind ADD VALUE 'letter';",
             "CREATE FUNCTION one() RETURNS int LANGUAGE sql AS $$ SELECT 1; $$;",
             "-- contract: unused since 0011\nDROP INDEX deliveries_tests;",
             "-- shown by: MigrationRulesTest.WhatAddsIsHarmless\nUPDATE alerts SET note = '';",
         }) {
        Rules rules(12);
        EXPECT_EQ(faults(rules, sql), std::vector<std::string>{}) << sql;
    }
}

TEST(MigrationRulesTest, WhatTakesAwayOrIsStricterOrUnknownIsRefused) {
    for (const char* sql : {
             "DROP TABLE breakers;",
             "DROP INDEX deliveries_tests;",
             "ALTER TABLE alerts DROP COLUMN note;",
             "ALTER TABLE alerts RENAME COLUMN note TO remark;",
             "ALTER TABLE breakers RENAME TO old_breakers;",
             "ALTER TABLE alerts ALTER COLUMN note TYPE varchar(10);",
             "ALTER TABLE alerts ALTER COLUMN trace SET NOT NULL;",
             "ALTER TABLE alerts ALTER COLUMN is_active DROP DEFAULT;",
             "ALTER TABLE alerts ADD COLUMN colour text NOT NULL;",
             "ALTER TABLE alerts ADD COLUMN colour text, DROP COLUMN note;",
             "ALTER TABLE alerts ADD COLUMN colour text CHECK (colour <> '');",
             "ALTER TABLE alerts ADD COLUMN owner uuid REFERENCES users;",
             "ALTER TABLE alerts ADD COLUMN made_at timestamptz DEFAULT clock_timestamp();",
             "ALTER TABLE alerts ADD CONSTRAINT short CHECK (length(note) < 10);",
             "CREATE UNIQUE INDEX alerts_once ON alerts (user_id, note);",
             "CREATE TABLE visits (alert_id uuid REFERENCES alerts);",
             "CREATE TRIGGER t BEFORE UPDATE ON alerts FOR EACH ROW EXECUTE FUNCTION f();",
             "CREATE TRIGGER t AFTER DELETE ON alerts BEGIN DELETE FROM breakers; DELETE FROM bars; END;",
             "CREATE OR REPLACE FUNCTION push_delivery(a uuid, b uuid) RETURNS uuid LANGUAGE sql AS $$ "
             "SELECT a $$;",
             "UPDATE alerts SET note = '';",
             "DELETE FROM deliveries;",
             "INSERT INTO write_probe VALUES (2, now());",
             "DO $$ BEGIN DROP TABLE alerts; END $$;",
             "PRAGMA writable_schema = ON;",
             "CREATE INDEX a ON alerts (note); DROP TABLE breakers",
             "-- contract: unused since 0013\nDROP INDEX deliveries_tests;",
             "-- contract: it is not needed\nDROP INDEX deliveries_tests;",
             "-- shown by: OlderVersionTest.NoSuchTest\nUPDATE alerts SET note = '';",
             "-- contract: unused since 0011\nDROP INDEX deliveries_tests; DROP TABLE breakers;",
         }) {
        Rules rules(12);
        EXPECT_EQ(faults(rules, sql).size(), 1U) << sql;
    }
}

}  // namespace
}  // namespace pricewire::storage
