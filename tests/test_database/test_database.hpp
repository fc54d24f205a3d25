#pragma once

#include <optional>
#include <string>

#include "support/own_database.hpp"

namespace pricewire::test {

// The superuser's URL of the PostgreSQL server that tests may use: PRICEWIRE_TEST_POSTGRES_URL. Nullopt if it
// is not set; such tests skip, with postgres_missing as the reason.
std::optional<std::string> postgres_url();
inline constexpr const char* postgres_missing =
    "PRICEWIRE_TEST_POSTGRES_URL is not set: there is no PostgreSQL here";

// A database of the test's own on that server.
class TestDatabase : public OwnDatabase {
public:
    enum class Schema { none, latest };
    // With the schema it is a copy of a database that the first test creates, which is cheap.
    explicit TestDatabase(Schema schema = Schema::latest);
    // As it was when it was made, but for changes of its schema. Ends the connections that are still there.
    void empty() const;
};

}  // namespace pricewire::test
