#pragma once

#include <memory>
#include <optional>
#include <string>

namespace pricewire::test {

// The superuser's URL of the PostgreSQL server that tests may use: PRICEWIRE_TEST_POSTGRES_URL. Nullopt where
// it is not set; such tests skip, with postgres_missing as the reason.
std::optional<std::string> postgres_url();
inline constexpr const char* postgres_missing =
    "PRICEWIRE_TEST_POSTGRES_URL is not set: there is no PostgreSQL here";

// A database of one test's own, removed with it.
class TestDatabase {
public:
    enum class Schema { none, latest };
    // With the schema it is a copy of a database that the first test has made, so that it costs little.
    // Throws where the server is not there, or not a superuser's.
    explicit TestDatabase(Schema schema = Schema::latest);
    ~TestDatabase();
    TestDatabase(const TestDatabase&) = delete;
    TestDatabase& operator=(const TestDatabase&) = delete;

    const std::string& url() const { return url_; }
    const std::string& name() const { return name_; }
    // Runs SQL, as a superuser, and gives the first row's first column; empty where there is none.
    std::string ask(const std::string& sql) const;
    // Ends the connections of this database whose application_name is like this one; returns how many.
    int terminate(const std::string& application_name) const;

private:
    std::string name_;
    std::string url_;
};

}  // namespace pricewire::test
