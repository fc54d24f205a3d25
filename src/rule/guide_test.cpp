#include <gtest/gtest.h>

#include <fstream>

#include "rule/canonical.hpp"
#include "rule/detail/terms_json.hpp"
#include "rule/json.hpp"
#include "rule/words.hpp"

namespace pricewire::rule {
namespace {

// "# SENTENCE\ncurl … -d 'BODY'" of docs/alerts.md, in its order.
struct Example {
    std::string sentence, body;
};
std::vector<Example> examples_of(std::string_view guide) {
    std::vector<Example> out;
    constexpr std::string_view call = "\ncurl -s $api/alerts/ ";
    for (std::size_t at = guide.find(call); at != guide.npos; at = guide.find(call, at + 1)) {
        const std::size_t line = guide.rfind("\n# ", at - 1) + 3;
        const std::size_t body = guide.find("-d '", at) + 4;
        out.push_back({std::string(guide.substr(line, at - line)),
                       std::string(guide.substr(body, guide.find('\'', body) - body))});
    }
    return out;
}

std::optional<Timestamp> moment_in(const Json& body, std::string_view name) {
    const Json* const moment = body.find(name);
    return moment == nullptr ? std::nullopt : std::optional(parse_rfc3339(moment->text).value());
}

// What an alert with this body says.
std::string sentence_of(const Json& body) {
    const Ticker ticker(body.find("ticker")->text);
    const LifeWords life{.starts_at = moment_in(body, "starts_at"),
                         .expires_at = moment_in(body, "expires_at")};
    if (const Json* const condition = body.find("condition")) {
        const Decimal target = Decimal::parse(body.find("target_price")->text).value();
        return says(plain_terms(ticker, parse_condition(condition->text).value(), target), life);
    }
    const auto any = [](std::string_view text) -> std::expected<Ticker, std::string> { return Ticker(text); };
    const auto terms =
        detail::read_terms({body.find("when"), nullptr, body.find("for"), body.find("repeat")}, ticker, any);
    return terms ? says(*terms, life) : terms.error().front().message;
}

TEST(RuleGuide, ItsExamplesSayWhatItSays) {
    std::ifstream file(PRICEWIRE_SOURCE_DIR "/docs/alerts.md");
    const std::string guide{std::istreambuf_iterator<char>(file), {}};
    const std::vector<Example> examples = examples_of(guide);
    EXPECT_EQ(examples.size(), 15u);
    for (const Example& example : examples) {
        const auto body = parse_json(example.body);
        ASSERT_TRUE(body && body->find("ticker")) << example.body;
        EXPECT_EQ(sentence_of(*body), example.sentence);
    }
}

}  // namespace
}  // namespace pricewire::rule
