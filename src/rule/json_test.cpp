#include "rule/json.hpp"

#include <gtest/gtest.h>

namespace pricewire::rule {
namespace {

TEST(RuleJson, KeepsDigitsNamesAndOrder) {
    const auto value = parse_json(R"( {"a":[1.50,1e-3,"x\u00e9"],"b":{"c":null,"d":true},"a":2} )");
    ASSERT_TRUE(value);
    EXPECT_EQ(value->names, (std::vector<std::string>{"a", "b", "a"}));
    const Json* const list = value->find("a");
    ASSERT_NE(list, nullptr);
    ASSERT_EQ(list->items.size(), 3u);
    EXPECT_EQ(list->items[0].text, "1.50");
    EXPECT_EQ(list->items[1].text, "1e-3");
    EXPECT_EQ(list->items[2].text, "x\xc3\xa9");
    const Json* const object = value->find("b");
    ASSERT_NE(object, nullptr);
    EXPECT_EQ(object->items[0].kind, Json::Kind::null);
    EXPECT_EQ(object->items[1].kind, Json::Kind::boolean);
    EXPECT_EQ(object->items[1].text, "true");
    EXPECT_EQ(object->find("e"), nullptr);
}

TEST(RuleJson, RefusesWhatIsNoJsonOrTooDeep) {
    for (const char* bad : {"", "{", "1 2", "{\"a\":}", "nul", "'a'", "[1,]", "01"})
        EXPECT_FALSE(parse_json(bad)) << bad;
    EXPECT_TRUE(parse_json(std::string(16, '[') + std::string(16, ']')));
    EXPECT_FALSE(parse_json(std::string(17, '[') + std::string(17, ']')));
    EXPECT_EQ(parse_json("7")->text, "7");
}

}  // namespace
}  // namespace pricewire::rule
