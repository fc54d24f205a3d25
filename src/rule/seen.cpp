#include "rule/seen.hpp"

namespace pricewire::rule {
namespace {

LevelSeen seen(const Level& level, const std::optional<Decimal>& value, const std::optional<Point>& anchor) {
    LevelSeen out{.value = value, .by = level.by};
    if (level.from == Anchor::number) {
        if (level.by) out.anchor = {level.from, {}, level.number, std::nullopt};
    } else if (anchor) {
        out.anchor = {level.from, level.over, anchor->value, anchor->time};
    }
    return out;
}

}  // namespace

std::vector<RuleSeen> seen(const Terms& terms, const std::vector<RuleView>& views) {
    std::vector<RuleSeen> out;
    for (std::size_t i = 0; i < views.size(); ++i) {
        const Rule& rule = terms.rules[i];
        const RuleView& view = views[i];
        RuleSeen& seen_rule = out.emplace_back();
        if (terms.joined != Joined::one) seen_rule.ticker = rule.ticker;
        seen_rule.is = rule.word;
        seen_rule.level = seen(rule.level, view.level, view.anchor);
        if (rule.upper) seen_rule.upper = seen(*rule.upper, view.upper, view.upper_anchor);
        seen_rule.value = view.value;
        seen_rule.is_true = view.holds;
    }
    return out;
}

}  // namespace pricewire::rule
