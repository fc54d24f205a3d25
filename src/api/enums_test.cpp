// Compares the tables of domain/ with the places that list the same values but cannot include them.
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

const std::filesystem::path source_dir = PRICEWIRE_SOURCE_DIR;

std::string text_of(const std::filesystem::path& file) {
    std::ifstream in(source_dir / file);
    EXPECT_TRUE(in) << file;
    return {std::istreambuf_iterator<char>(in), {}};
}

// The first group of every match.
Names matches(const std::string& text, const std::regex& pattern) {
    Names out;
    for (std::sregex_iterator i(text.begin(), text.end(), pattern), end; i != end; ++i)
        out.push_back((*i)[1]);
    return out;
}

TEST(EnumDocument, OpenApiListsTheValuesOfTheTables) {
    const json::value document = json::parse(embedded_openapi_json());
    const auto at = [&](std::string_view pointer) {
        return names_of(document.at_pointer("/components/schemas/" + std::string(pointer) + "/enum"));
    };
    EXPECT_EQ(at("Condition"), names_of(condition_names));
    EXPECT_EQ(at("Word"), names_of(word_names));
    EXPECT_EQ(at("JudgedAnchor/properties/from"), names_of(anchor_names));
    EXPECT_EQ(at("AlertStatus"), names_of(alert_status_names));
    EXPECT_EQ(at("Format"), names_of(payload_format_names));
    EXPECT_EQ(at("DeliveryStatus"), names_of(delivery_state_names));
    EXPECT_EQ(at("Delivery/properties/kind"), names_of(delivery_kind_names));
    EXPECT_EQ(at("DeliveryDetail/properties/kind"), names_of(delivery_kind_names));
    EXPECT_EQ(at("BreakerState"), names_of(breaker_state_names));
    EXPECT_EQ(at("SignatureScheme"), names_of(signature_scheme_names));
    EXPECT_EQ(at("Quote/properties/reason"), names_of(verdict_names));
}

TEST(EnumPage, TheConditionsOfThePageAreThoseOfTheServerOnTheSameSides) {
    const std::string text = text_of("web/src/conditions.ts");
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

TEST(EnumDocument, WebhooksDocumentsEveryFormat) {
    const std::string text = text_of("docs/webhooks.md");
    const std::size_t begin = text.find("| `format` | body |");
    ASSERT_NE(begin, text.npos);
    const std::string table = text.substr(begin, text.find("\n\n", begin) - begin);
    EXPECT_EQ(matches(table, std::regex(R"(\n\| `(\w+)` \|)")), names_of(payload_format_names));
}

TEST(EnumPage, ThePageOffersEveryFormatExceptTemplates) {
    Names expected = names_of(payload_format_names);
    std::erase(expected, to_string(PayloadFormat::custom));
    const std::string text = text_of("web/src/alert_body.ts");
    const std::size_t begin = text.find("['json'");
    ASSERT_NE(begin, text.npos);
    const std::string list = text.substr(begin, text.find("];", begin) - begin);
    EXPECT_EQ(matches(list, std::regex(R"(\['(\w+)',)")), expected);
}

TEST(EnumContract, EveryChatFormatHasARecordedContract) {
    for (const std::string_view name : payload_format_names.all()) {
        if (name == to_string(PayloadFormat::json) || name == to_string(PayloadFormat::custom)) continue;
        EXPECT_TRUE(
            std::filesystem::exists(source_dir / "tests/contract/formats" / (std::string(name) + ".json")))
            << name;
    }
}

}  // namespace
}  // namespace pricewire::api
