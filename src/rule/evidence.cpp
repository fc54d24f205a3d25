#include "rule/evidence.hpp"

#include <algorithm>
#include <utility>

#include "base/text.hpp"
#include "domain/blind.hpp"
#include "rule/canonical.hpp"
#include "rule/json.hpp"
#include "rule/levels.hpp"

namespace pricewire::rule {
namespace {

void write_value(JsonWriter& w, const std::optional<AnchorSeen>& anchor) {
    if (!anchor) {
        w.value(nullptr);
        return;
    }
    w.begin_object().field("from", to_string(anchor->from));
    if (anchor->over > Duration::zero()) w.field("over", format_duration(anchor->over));
    w.field("price", anchor->price).field("time", anchor->time).end_object();
}

void write_value(JsonWriter& w, const std::optional<Change>& by) {
    if (by) {
        w.value(to_text(*by));
    } else {
        w.value(nullptr);
    }
}

void write_value(JsonWriter& w, const std::optional<Decimal>& value) {
    w.value(value);
}

// Of a channel both levels' as an array. Left out if neither has one and `always` is false.
template <typename Member>
void write_member(JsonWriter& w, std::string_view name, const RuleSeen& rule, Member LevelSeen::* member,
                  bool always) {
    const Member& lower = rule.level.*member;
    if (!always && !lower && !(rule.upper && (*rule.upper).*member)) return;
    w.key(name);
    if (rule.upper) w.begin_array();
    write_value(w, lower);
    if (!rule.upper) return;
    write_value(w, (*rule.upper).*member);
    w.end_array();
}

void write_rule(JsonWriter& w, const RuleSeen& rule) {
    w.begin_object();
    if (!rule.ticker.empty()) w.field("ticker", rule.ticker.view());
    w.field("is", to_string(rule.is));
    write_member(w, "level", rule, &LevelSeen::value, true);
    w.field("value", rule.value).field("true", rule.is_true);
    write_member(w, "anchor", rule, &LevelSeen::anchor, false);
    write_member(w, "by", rule, &LevelSeen::by, false);
    w.end_object();
}

void write_gap(JsonWriter& w, const BlindGap& gap) {
    w.begin_object();
    if (!gap.ticker.empty()) w.field("ticker", gap.ticker.view());
    w.field("from", gap.from).field("to", gap.to).field("reason", gap.reason).end_object();
}

// Those that are written, in their order.
std::vector<BlindGap> longest(std::vector<BlindGap> gaps) {
    if (gaps.size() <= max_gaps_written) return gaps;
    const auto longer = [](const BlindGap& a, const BlindGap& b) { return a.to - a.from > b.to - b.from; };
    std::ranges::sort(gaps, longer);
    gaps.resize(max_gaps_written);
    std::ranges::sort(gaps, {}, &BlindGap::from);
    return gaps;
}

// Reads members, and remembers whether one was missing or not as it is written above.
class Members {
public:
    explicit Members(const Json& value, bool& good) : value_(value), good_(good) {
        if (value.kind != Json::Kind::object) good_ = false;
    }

    // Null, or not there: nullptr.
    const Json* maybe(std::string_view name) const {
        const Json* const found = value_.find(name);
        return found == nullptr || found->kind == Json::Kind::null ? nullptr : found;
    }
    template <typename Read>
    auto read(std::string_view name, Read read) const {
        using T = typename decltype(read(std::string_view()))::value_type;
        const Json* const found = maybe(name);
        const auto value = found != nullptr ? read(std::string_view(found->text)) : std::nullopt;
        if (!value) good_ = false;
        return value.value_or(T{});
    }
    template <typename Read>
    auto maybe_read(std::string_view name, Read read) const -> decltype(read(std::string_view())) {
        if (maybe(name) == nullptr) return std::nullopt;
        return this->read(name, read);
    }
    // The elements of an array; those of a member that is not there: none.
    const std::vector<Json>& items(std::string_view name) const {
        static const std::vector<Json> none;
        const Json* const found = maybe(name);
        if (found == nullptr) return none;
        if (found->kind != Json::Kind::array) good_ = false;
        return found->items;
    }

private:
    const Json& value_;
    bool& good_;
};

std::optional<Decimal> read_decimal(std::string_view text) {
    const auto out = Decimal::parse(text);
    return out ? std::optional(*out) : std::nullopt;
}
std::optional<Timestamp> read_time(std::string_view text) {
    const auto out = parse_rfc3339(text);
    return out ? std::optional(*out) : std::nullopt;
}
std::optional<Duration> read_duration(std::string_view text) {
    const auto out = parse_duration(text);
    return out ? std::optional(*out) : std::nullopt;
}
std::optional<bool> read_bool(std::string_view text) {
    return text == "true" ? std::optional(true) : text == "false" ? std::optional(false) : std::nullopt;
}
std::optional<std::string> read_text(std::string_view text) {
    return std::string(text);
}
std::optional<Ticker> read_ticker(std::string_view text) {
    return text.size() > Ticker::max_size ? std::nullopt : std::optional(Ticker(text));
}
std::optional<Change> read_change(std::string_view text) {
    const bool is_percent = text.ends_with('%');
    if (is_percent) text.remove_suffix(1);
    const auto amount = read_decimal(text);
    return amount ? std::optional(Change{*amount, is_percent}) : std::nullopt;
}

AnchorSeen read_anchor(const Json& json, bool& good) {
    const Members m(json, good);
    return {m.read("from", parse_anchor), m.maybe_read("over", read_duration).value_or(Duration::zero()),
            m.read("price", read_decimal), m.maybe_read("time", read_time)};
}

// Of a level that is one of two, each member is an array.
LevelSeen read_level(const Members& rule, std::optional<std::size_t> place, bool& good) {
    const auto member = [&](std::string_view name) -> const Json* {
        const Json* found = rule.maybe(name);
        if (found == nullptr || !place) return found;
        const bool has = found->kind == Json::Kind::array && found->items.size() == 2;
        if (!has) good = false;
        return has && found->items[*place].kind != Json::Kind::null ? &found->items[*place] : nullptr;
    };
    const auto read = [&](std::string_view name, auto reader) -> decltype(reader(std::string_view())) {
        const Json* const found = member(name);
        if (found == nullptr) return std::nullopt;
        const auto value = reader(std::string_view(found->text));
        if (!value) good = false;
        return value;
    };
    LevelSeen out{.value = read("level", read_decimal), .by = read("by", read_change)};
    if (const Json* const anchor = member("anchor")) out.anchor = read_anchor(*anchor, good);
    return out;
}

RuleSeen read_rule(const Json& json, bool& good) {
    const Members m(json, good);
    RuleSeen out;
    out.ticker = m.maybe_read("ticker", read_ticker).value_or(Ticker());
    out.is = m.read("is", parse_word);
    const bool has_two = is_channel(out.is);
    out.level = read_level(m, has_two ? std::optional<std::size_t>(0) : std::nullopt, good);
    if (has_two) out.upper = read_level(m, 1, good);
    out.value = m.maybe_read("value", read_decimal);
    out.is_true = m.maybe_read("true", read_bool);
    return out;
}

BlindGap read_gap(const Json& json, bool& good) {
    const Members m(json, good);
    return {m.maybe_read("ticker", read_ticker).value_or(Ticker()), m.read("from", read_time),
            m.read("to", read_time), m.maybe_read("reason", read_text).value_or(std::string())};
}

Closest read_closest(const Json& json, bool& good) {
    const Members m(json, good);
    return {m.read("price", read_decimal), m.read("distance", read_decimal), m.read("time", read_time),
            m.maybe_read("within", read_duration).value_or(Duration::zero())};
}

}  // namespace

std::optional<Evidence> parse_evidence(std::string_view json) {
    const auto root = parse_json(json);
    if (!root) return std::nullopt;
    bool good = true;
    const Members m(*root, good);
    Evidence out;
    for (const Json& rule : m.items("rules")) out.rules.push_back(read_rule(rule, good));
    out.shown =
        m.maybe_read("shown", [](std::string_view t) { return parse_number<std::size_t>(t); }).value_or(0);
    out.held_since = m.maybe_read("held_since", read_time);
    out.muted_until = m.maybe_read("muted_until", read_time);
    out.left_out = m.maybe_read("left_out", [](std::string_view t) {
                        return parse_number<std::int64_t>(t);
                    }).value_or(0);
    for (const Json& gap : m.items("blind")) out.blind.push_back(read_gap(gap, good));
    out.last_price = m.maybe_read("last_price", read_decimal);
    if (const Json* const closest = m.maybe("closest")) out.closest = read_closest(*closest, good);
    if (out.shown >= std::max<std::size_t>(1, out.rules.size())) good = false;
    return good ? std::optional(std::move(out)) : std::nullopt;
}

void write_members(JsonWriter& w, const Evidence& evidence) {
    w.key("rules").begin_array();
    for (const RuleSeen& rule : evidence.rules) write_rule(w, rule);
    w.end_array();
    if (evidence.shown > 0) w.field("shown", evidence.shown);
    w.field("held_since", evidence.held_since)
        .field("muted_until", evidence.muted_until)
        .field("left_out", evidence.left_out)
        .key("blind")
        .begin_array();
    for (const BlindGap& gap : longest(evidence.blind)) write_gap(w, gap);
    w.end_array();
    if (evidence.last_price) w.field("last_price", *evidence.last_price);
    if (!evidence.closest) return;
    w.key("closest");
    write_closest(w, evidence.closest);
}

void write_closest(JsonWriter& w, const std::optional<Closest>& closest) {
    if (!closest) {
        w.value(nullptr);
        return;
    }
    w.begin_object()
        .field("price", closest->price)
        .field("distance", closest->distance)
        .field("time", closest->time)
        .field("within", closest->within > Duration::zero() ? std::optional(format_duration(closest->within))
                                                            : std::nullopt)
        .end_object();
}

std::string to_json(const Evidence& evidence) {
    JsonWriter w;
    w.begin_object();
    write_members(w, evidence);
    w.end_object();
    return std::move(w).str();
}

const LevelSeen* passed_level(const Evidence& evidence, Decimal level) {
    if (evidence.rules.empty()) return nullptr;
    const RuleSeen& rule = evidence.rules[std::min(evidence.shown, evidence.rules.size() - 1)];
    return rule.upper && rule.upper->value == level && rule.level.value != level ? &*rule.upper : &rule.level;
}

Decimal change_in_percent(Decimal from, Decimal to) {
    constexpr Decimal::Raw most = Decimal::one_raw * 100'000'000'000'000'000;
    constexpr Decimal::Raw hundredth = Decimal::one_raw / 100;
    const Decimal::Raw percent =
        std::min(mul_div((to - from).abs().raw(), 100 * Decimal::one_raw, from.raw()).value_or(most), most);
    const Decimal exact = Decimal::from_raw(percent);
    const Decimal shown = percent < 10 * hundredth
                              ? exact.rounded(2)
                              : Decimal::from_raw((percent + hundredth / 2) / hundredth * hundredth);
    return to < from ? -shown : shown;
}

std::string change_text(Decimal from, Decimal to) {
    return to_text(Change{change_in_percent(from, to), true});
}

std::int64_t blind_seconds(const std::vector<BlindGap>& gaps) {
    std::vector<std::pair<Timestamp, Timestamp>> spans;
    for (const BlindGap& gap : gaps) spans.emplace_back(gap.from, gap.to);
    return std::chrono::ceil<std::chrono::seconds>(covered(std::move(spans))).count();
}

std::string sources_json(const TickerBoard& board, Timestamp now) {
    JsonWriter w;
    w.begin_array();
    for (const JudgedQuote& judged : board.quotes) {
        const Quote& quote = judged.quote;
        const Duration age = now - std::min(quote.time, quote.received_at);
        w.begin_object()
            .field("source", quote.source.view())
            .field("price", judged.dollars.value_or(quote.price))
            .field("age_ms", std::max<std::int64_t>(0, age.count() / 1000))
            .field("counts", judged.verdict == Verdict::counted)
            .field("reason", to_string(judged.verdict));
        if (!judged.dollars && quote.currency != "USD") w.field("currency", quote.currency.view());
        w.end_object();
    }
    w.end_array();
    return std::move(w).str();
}

}  // namespace pricewire::rule
