// The reading of rules: of a request's members, one a line (when, for, repeat, watch), and of what is stored. A rule that is
// read has one spelling, which reads back as the same rule, and a sentence.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "base/text.hpp"
#include "domain/alert_state.hpp"
#include "rule/canonical.hpp"
#include "rule/evidence.hpp"
#include "rule/parse.hpp"
#include "rule/words.hpp"

namespace {

using namespace pricewire;
using namespace pricewire::rule;

void require(bool holds) {
    if (!holds) std::abort();
}

const Ticker alert_ticker = "BTC";

std::expected<Ticker, std::string> named(std::string_view text) {
    const std::string upper = upper_case(text);
    if (upper != "BTC" && upper != "ETH") return std::unexpected(std::string("no such ticker"));
    return Ticker(upper);
}

void check_sentence(const Terms& terms) {
    LifeWords life;
    life.now = Timestamp{std::chrono::hours{24 * 20'000}};
    life.expires_at = life.now + terms.hold;
    const std::string sentence = says(terms, life);
    require(sentence.starts_with(rule_words(terms)) && is_ascii(sentence));
    StateFacts facts;
    facts.now = life.now;
    require(!state_words(terms, facts).empty());
    // As it is seen without prices.
    Evidence seen;
    for (const Rule& rule : terms.rules) {
        RuleSeen out;
        out.is = rule.word;
        if (rule.upper) out.upper.emplace();
        out.value = rule.level.number;
        if (rule.level.from == Anchor::number) out.level.value = rule.level.number;
        if (rule.upper && rule.upper->from == Anchor::number) out.upper->value = rule.upper->number;
        seen.rules.push_back(out);
    }
    require(parse_evidence(to_json(seen)).has_value());
    because(terms, seen, facts.now);
    facts.seen = &seen;
    for (const bool armed : {false, true}) {
        facts.armed = facts.has_fired = armed;
        require(!state_words(terms, facts).empty());
    }
}

void check_terms(const Terms& terms) {
    require(terms.joined == Joined::one ? terms.rules.size() == 1
                                        : terms.rules.size() >= 2 && terms.rules.size() <= max_rules);
    require(terms.hold >= Duration{} && terms.hold <= max_hold);
    for (const Rule& rule : terms.rules) require(is_channel(rule.word) == rule.upper.has_value());
    const std::string text = canonical(terms);
    require(parse_canonical(text) == terms && rule_key(terms).size() == 22);
    if (const auto plain = plain_form(terms))
        require(plain_terms(terms.rules.front().ticker, plain->first, plain->second) == terms);
    if (const auto target = shown_target(terms)) require(target->second.is_positive());
    check_sentence(terms);
}

void check_issues(const std::vector<RuleIssue>& issues) {
    require(!issues.empty());
    for (const RuleIssue& issue : issues)
        require(!issue.path.empty() && !issue.message.empty() && !issue.type.empty());
}

void body(std::string_view text) {
    RuleInput input;
    input.ticker = alert_ticker;
    for (auto* const member : {&input.when, &input.hold, &input.repeat, &input.watch}) {
        const std::string_view line = take_part(text, '\n');
        if (!line.empty()) *member = line;
    }
    const auto terms = parse_terms(input, named);
    if (!terms) return check_issues(terms.error());
    check_terms(*terms);
    // What the API shows is taken back.
    const std::string when = when_json(*terms, alert_ticker), hold = hold_json(*terms),
                      repeat = repeat_json(*terms);
    RuleInput shown;
    shown.ticker = alert_ticker;
    shown.when = when;
    shown.hold = hold;
    shown.repeat = repeat;
    const auto again = parse_terms(shown, named);
    require(again && *again == *terms);
}

void stored(std::string_view text) {
    if (const auto terms = parse_canonical(text)) check_terms(*terms);
    if (const auto states = parse_rule_states(text)) require(parse_rule_states(to_text(*states)) == *states);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    body(text);
    stored(text);
    return 0;
}
