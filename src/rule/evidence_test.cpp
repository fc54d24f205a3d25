#include "rule/evidence.hpp"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include "rule/json.hpp"

namespace pricewire::rule {
namespace {

using namespace std::chrono_literals;

Decimal number(const char* text) {
    return *Decimal::parse(text);
}
Timestamp time(const char* text) {
    return *parse_rfc3339(text);
}

// Of the move that the specification shows.
Evidence move() {
    return {.rules = {{.is = Word::above,
                       .level = {.value = number("68121.9"),
                                 .anchor = AnchorSeen{Anchor::low, 1h, number("64878"),
                                                      time("2025-01-02T09:58:04.1Z")},
                                 .by = Change{number("5"), true}},
                       .value = number("68250.5"),
                       .is_true = true}},
            .left_out = 1};
}

TEST(Evidence, IsTheDocumentedObject) {
    EXPECT_EQ(
        to_json(move()),
        R"({"rules":[{"is":"above","level":68121.9,"value":68250.5,"true":true,)"
        R"("anchor":{"from":"low","over":"1h","price":64878,"time":"2025-01-02T09:58:04.1Z"},"by":"5%"}],)"
        R"("held_since":null,"muted_until":null,"left_out":1,"blind":[]})");
}

TEST(Evidence, OfAChannelHasTwoOfEach) {
    Evidence e = move();
    RuleSeen& rule = e.rules[0];
    rule = {.is = Word::outside,
            .level = {.value = number("95"),
                      .anchor = AnchorSeen{Anchor::start, {}, number("100")},
                      .by = Change{number("-5"), true}},
            .upper = LevelSeen{.value = number("110")},
            .value = number("94.5"),
            .is_true = true};
    e.left_out = 0;
    EXPECT_EQ(to_json(e), R"({"rules":[{"is":"outside","level":[95,110],"value":94.5,"true":true,)"
                          R"("anchor":[{"from":"start","price":100,"time":null},null],"by":["-5%",null]}],)"
                          R"("held_since":null,"muted_until":null,"left_out":0,"blind":[]})");
    EXPECT_EQ(parse_evidence(to_json(e)), e);
    EXPECT_EQ(passed_level(e, number("95")), &e.rules[0].level);
    EXPECT_EQ(passed_level(e, number("110")), &*e.rules[0].upper);
}

TEST(Evidence, OfSeveralRulesNamesTheirTickersAndTheOneThatFired) {
    Evidence e{.rules = {{.ticker = "BTC", .is = Word::above, .level = {.value = number("100")}},
                         {.ticker = "ETH",
                          .is = Word::below,
                          .level = {.value = number("50")},
                          .value = number("49"),
                          .is_true = true}},
               .shown = 1};
    EXPECT_EQ(to_json(e), R"({"rules":[{"ticker":"BTC","is":"above","level":100,"value":null,"true":null},)"
                          R"({"ticker":"ETH","is":"below","level":50,"value":49,"true":true}],"shown":1,)"
                          R"("held_since":null,"muted_until":null,"left_out":0,"blind":[]})");
    EXPECT_EQ(passed_level(e, number("50")), &e.rules[1].level);
    EXPECT_EQ(passed_level({}, number("50")), nullptr);
}

rc::Gen<Decimal> decimals() {
    return rc::gen::map(rc::gen::pair(rc::gen::arbitrary<std::int64_t>(), rc::gen::inRange(0, 15)),
                        [](const auto& p) {
                            Decimal::Raw raw = p.first;
                            for (int i = 0; i < p.second; ++i) raw *= 10;
                            return Decimal::from_raw(raw);
                        });
}
Timestamp some_time() {
    return from_micros(*rc::gen::inRange<std::int64_t>(0, 4'000'000'000'000'000));
}
template <typename T>
std::optional<T> perhaps(T value) {
    return *rc::gen::arbitrary<bool>() ? std::optional(value) : std::nullopt;
}

LevelSeen some_level() {
    LevelSeen out{.value = perhaps(*decimals())};
    if (*rc::gen::arbitrary<bool>()) {
        out.anchor =
            AnchorSeen{*rc::gen::element(Anchor::number, Anchor::start, Anchor::high, Anchor::low),
                       *rc::gen::element<Duration>(0s, 1min, 1h, 168h), *decimals(), perhaps(some_time())};
    }
    out.by = perhaps(Change{*decimals(), *rc::gen::arbitrary<bool>()});
    return out;
}

Evidence some_evidence() {
    Evidence out;
    const auto rules = *rc::gen::inRange<std::size_t>(0, max_rules + 1);
    for (std::size_t i = 0; i < rules; ++i) {
        RuleSeen rule{.is = static_cast<Word>(*rc::gen::inRange(0, 9)), .level = some_level()};
        if (*rc::gen::arbitrary<bool>()) rule.ticker = "1000PEPE";
        if (is_channel(rule.is)) rule.upper = some_level();
        rule.value = perhaps(*decimals());
        rule.is_true = perhaps(*rc::gen::arbitrary<bool>());
        out.rules.push_back(rule);
    }
    if (rules > 0) out.shown = *rc::gen::inRange<std::size_t>(0, rules);
    out.held_since = perhaps(some_time());
    out.muted_until = perhaps(some_time());
    out.left_out = *rc::gen::inRange<std::int64_t>(0, 1'000'000);
    for (int i = *rc::gen::inRange(0, 4); i > 0; --i) {
        const Timestamp from = some_time();
        out.blind.push_back(
            {*rc::gen::element<Ticker>("", "ETH"), from, from + 5s, "binance \"was\" silent €"});
    }
    out.last_price = perhaps(*decimals());
    if (*rc::gen::arbitrary<bool>()) {
        out.closest = Closest{*decimals(), *decimals(), some_time(), *rc::gen::element<Duration>(0s, 1min)};
    }
    return out;
}

TEST(Evidence, IsReadBackAsItWasWritten) {
    EXPECT_TRUE(rc::check("what is written is read back", [] {
        const Evidence e = some_evidence();
        RC_ASSERT(parse_evidence(to_json(e)) == e);
    }));
}

TEST(Evidence, OfANewerVersionIsReadWithoutWhatIsNew) {
    std::string text = to_json(move());
    text.insert(1, R"("mood":{"of":["the",1e9]},)");
    EXPECT_EQ(parse_evidence(text), move());
    text.insert(text.find(R"("is")"), R"("volume":12,)");
    EXPECT_EQ(parse_evidence(text), move());
}

TEST(Evidence, ThatSaysSomethingElseIsNotRead) {
    const std::string good = to_json(move());
    const auto with = [&](std::string_view what, std::string_view instead) {
        std::string text = good;
        return text.replace(text.find(what), what.size(), instead);
    };
    ASSERT_TRUE(parse_evidence(good));
    EXPECT_FALSE(parse_evidence(with("above", "jumps"))) << "a word of a newer version";
    EXPECT_FALSE(parse_evidence(with("\"low\"", "\"average\"")));
    EXPECT_FALSE(parse_evidence(with("\"is\":\"above\",", "")));
    EXPECT_FALSE(parse_evidence(with("above", "inside"))) << "a channel has two levels";
    EXPECT_FALSE(parse_evidence(with("68121.9", "\"much\"")));
    EXPECT_FALSE(parse_evidence(with("2025-01-02T09:58:04.1Z", "yesterday")));
    EXPECT_FALSE(parse_evidence(with("\"5%\"", "\"%\"")));
    EXPECT_FALSE(parse_evidence(with("\"left_out\":1", "\"left_out\":1.5")));
    EXPECT_FALSE(parse_evidence(with("\"left_out\":1", "\"left_out\":1,\"shown\":1")));
    for (const char* text : {"", "[]", "7", "{\"rules\":{}}", "{\"rules\":[1]}", "{", "{\"blind\":[{}]}"}) {
        EXPECT_FALSE(parse_evidence(text)) << text;
    }
}

TEST(Evidence, TellsTheLongestOfManyGapsInTheirOrder) {
    Evidence e;
    for (int i = 0; i < 30; ++i) {
        const Timestamp from = time("2025-01-02T00:00:00Z") + i * 1h;
        e.blind.push_back({{}, from, from + (i % 3 == 0 ? 5s : 60s), ""});
    }
    const auto read = parse_evidence(to_json(e));
    ASSERT_TRUE(read);
    ASSERT_EQ(read->blind.size(), max_gaps_written);
    EXPECT_TRUE(std::ranges::is_sorted(read->blind, {}, &BlindGap::from));
    EXPECT_TRUE(std::ranges::all_of(read->blind, [](const BlindGap& g) { return g.to - g.from == 60s; }));
}

TEST(Change, IsShownToTwoPlacesOrTwoDigits) {
    const auto change = [](const char* from, const char* to) {
        return change_text(number(from), number(to));
    };
    EXPECT_EQ(change("64878", "68250.5"), "5.2%");
    EXPECT_EQ(change("100", "97"), "-3%");
    EXPECT_EQ(change("70000", "69980.2"), "-0.028%");
    EXPECT_EQ(change("100", "112.345"), "12.35%");
    EXPECT_EQ(change("3", "4"), "33.33%");
    EXPECT_EQ(change("100", "100"), "0%");
    EXPECT_EQ(change("1", "2.5"), "150%");
    EXPECT_EQ(change("1000000000000000", "1000000000000000.000000000000000001"), "0%") << "below every digit";
    EXPECT_EQ(change("0.000000000000000001", "1000000000000000"), "100000000000000000%")
        << "the most that is told";
    EXPECT_EQ(change("170000000000000000000", "85000000000000000000"), "-50%");
}

TEST(BlindSeconds, CountWhatOverlapsOnce) {
    const Timestamp t = time("2025-01-02T00:00:00Z");
    EXPECT_EQ(blind_seconds({}), 0);
    EXPECT_EQ(blind_seconds({{{}, t, t + 55s, ""}}), 55);
    EXPECT_EQ(blind_seconds({{{}, t, t + 1500ms, ""}}), 2);
    EXPECT_EQ(
        blind_seconds({{{"ETH"}, t + 10s, t + 70s, ""}, {{}, t, t + 30s, ""}, {{}, t + 20s, t + 25s, ""}}),
        70);
}

TEST(Sources, AreTheBoardAtTheFiring) {
    const Timestamp now = time("2025-01-02T10:11:12.5Z");
    TickerBoard board{.ticker = "BTC"};
    const auto quote = [&](const char* source, const char* price, Duration age, Verdict verdict,
                           const char* currency, std::optional<Decimal> dollars) {
        board.quotes.push_back({{.source = source,
                                 .price = number(price),
                                 .time = now - age,
                                 .received_at = now - age,
                                 .currency = currency},
                                verdict,
                                dollars});
    };
    quote("binance", "68273.3", 40ms, Verdict::counted, "USDT", number("68250.5"));
    quote("coingecko", "67900", 31s, Verdict::check_only, "USD", number("67900"));
    quote("bithumb", "101000000", -1s, Verdict::foreign, "KRW", std::nullopt);
    EXPECT_EQ(
        sources_json(board, now),
        R"([{"source":"binance","price":68250.5,"age_ms":40,"counts":true,"reason":"counted"},)"
        R"({"source":"coingecko","price":67900,"age_ms":31000,"counts":false,"reason":"check_only"},)"
        R"({"source":"bithumb","price":101000000,"age_ms":0,"counts":false,"reason":"foreign","currency":"KRW"}])");
    EXPECT_EQ(sources_json({.ticker = "ETH"}, now), "[]");
    EXPECT_TRUE(parse_json(sources_json(board, now)));
}

}  // namespace
}  // namespace pricewire::rule
