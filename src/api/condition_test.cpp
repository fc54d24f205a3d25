// The tables of domain/ against the places that must list the same values and cannot include them.
#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <regex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "api/embedded.hpp"
#include "domain/delivery.hpp"
#include "domain/user.hpp"

namespace pricewire::api {
namespace {

namespace json = boost::json;

using Names = std::vector<std::string>;

Names names_of(const json::value& enumeration) {
    Names out;
    for (const json::value& name : enumeration.as_array()) out.emplace_back(name.as_string());
    return out;
}

Names names_of(const auto& table) {
    return {table.all().begin(), table.all().end()};
}

TEST(EnumDocument, OpenApiListsTheValuesOfTheTables) {
    const json::value document = json::parse(embedded_openapi_json());
    const auto at = [&](std::string_view pointer) {
        return names_of(document.at_pointer("/components/schemas/" + std::string(pointer) + "/enum"));
    };
    EXPECT_EQ(at("Condition"), names_of(condition_names));
    EXPECT_EQ(at("Format"), names_of(payload_format_names));
    EXPECT_EQ(at("DeliveryStatus"), names_of(delivery_state_names));
    EXPECT_EQ(at("Delivery/properties/kind"), names_of(delivery_kind_names));
    EXPECT_EQ(at("DeliveryDetail/properties/kind"), names_of(delivery_kind_names));
    EXPECT_EQ(at("BreakerState"), names_of(breaker_state_names));
    EXPECT_EQ(at("SignatureScheme"), names_of(signature_scheme_names));
    EXPECT_EQ(at("Quote/properties/reason"), names_of(verdict_names));
}

TEST(EnumPage, TheConditionsOfThePageAreThoseOfTheServerOnTheSameSides) {
    std::ifstream file(std::filesystem::path(PRICEWIRE_SOURCE_DIR) / "web/src/conditions.ts");
    const std::string text{std::istreambuf_iterator<char>(file), {}};
    const std::regex row(R"(\n  (\w+): \{ side: '(\w+)',)");
    std::vector<std::pair<std::string, std::string>> page, server;
    for (std::sregex_iterator match(text.begin(), text.end(), row); match != std::sregex_iterator{};
         ++match) {
        page.emplace_back((*match)[1], (*match)[2]);
    }
    for (const ConditionKind& kind : condition_kinds) {
        server.emplace_back(kind.name, kind.side == Side::above ? "above" : "below");
    }
    EXPECT_EQ(page, server);
}

}  // namespace
}  // namespace pricewire::api
