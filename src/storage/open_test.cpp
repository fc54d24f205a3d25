#include "storage/open.hpp"

#include <gtest/gtest.h>

#include "storage/sqlite/temp_dir.hpp"

namespace pricewire::storage {
namespace {

TEST(OpenTest, AUrlNamesOneFileOrASharedDatabase) {
    EXPECT_FALSE(is_shared("sqlite:data/pricewire.db"));
    EXPECT_EQ(file_of("sqlite:data/pricewire.db"), "data/pricewire.db");
    EXPECT_EQ(place_of("sqlite:data/pricewire.db"), "data/pricewire.db");
    EXPECT_TRUE(is_shared("postgresql://h/d"));
    EXPECT_EQ(place_of("postgresql://ann:pw@db.example:5433/prices"), "db.example:5433/prices");
    EXPECT_EQ(place_of("postgresql:///prices?user=pw&password=s3cret"), "localhost:5432/prices");
    EXPECT_EQ(place_of("postgres://pw@h/d"), "h:5432/d");
}

TEST(OpenTest, NoErrorAboutAUrlContainsThePassword) {
    for (const char* odd :
         {"postgresql://u:s3?cret@db/x", "postgresql://u:s3/cret@db/x", "postgresql://u:s3#cret@db/x",
          "postgresql://u:s3@cret@db/x", "postgresql://u:%zzs3cret@db/x"}) {
        const auto place = place_of(odd);
        const std::string text = place ? *place : place.error().message;
        EXPECT_EQ(text.find("s3"), std::string::npos) << text;
    }
}

TEST(OpenTest, MigratesAndOpensTheFile) {
    const TempDir dir;
    const std::string url = "sqlite:" + (dir / "new.db").string();
    const auto all = static_cast<int>(migration_states(url).value().size());
    EXPECT_EQ(migrate(url, 1), 1);
    open(url, {}, {})->ping();
    EXPECT_EQ(migrate(url), 0);
    EXPECT_TRUE(migration_states(url).value().at(static_cast<std::size_t>(all) - 1).applied_at);
}

}  // namespace
}  // namespace pricewire::storage
