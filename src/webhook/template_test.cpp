#include "webhook/template.hpp"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <boost/json.hpp>
#include <limits>
#include <string>
#include <vector>

#include "base/utf8.hpp"

namespace pricewire::webhook {
namespace {

constexpr const char* all_placeholders =
    "{{ticker}}|{{price}}|{{target}}|{{condition}}|{{time}}|{{alert_id}}|{{note}}|{{rule}}|{{firing}}|{{"
    "level}}|"
    "{{change}}|{{anchor_price}}|{{anchor_time}}|{{left_out}}|{{blind_seconds}}";

TemplateValues values(std::string note = "") {
    return {.ticker = "BTC",
            .price = *Decimal::parse("70100.5"),
            .target = Decimal::from_int(70'000),
            .condition = Condition::gt,
            .time = *parse_rfc3339("2025-01-02T03:04:05.678Z"),
            .alert_id = *Uuid::parse("018f3f6e-7c1a-7a3b-8f00-0123456789ab"),
            .note = std::move(note)};
}

std::string refusal(const WebhookTemplate& t) {
    const auto result = check_template(t);
    return result ? "" : result.error().message;
}

std::string refusal(std::string body, std::string content_type = "application/json") {
    return refusal(WebhookTemplate{std::move(body), std::move(content_type)});
}

// Any text that check_note() accepts, with many characters that need escaping.
rc::Gen<std::string> notes() {
    const auto ordinary = rc::gen::map(rc::gen::inRange<std::uint32_t>(0, 0x10'f7ff), [](std::uint32_t c) {
        return static_cast<char32_t>(c >= 0xd800 ? c + 0x800 : c);
    });
    const auto nasty = rc::gen::elementOf(
        std::vector<char32_t>{'"', '\\', '\n', '\r', '\t', '{', '}', '<',    '>',    '&',    '\'',
                              '%', '+',  'n',  'u',  '0',  '.', 'e', 0x2028, 0xfffd, 0xffff, 0x1f600});
    const auto points = rc::gen::container<std::vector<char32_t>>(rc::gen::oneOf(ordinary, nasty));
    return rc::gen::map(points, [](const std::vector<char32_t>& all) {
        std::string text;
        for (const char32_t c : all) {
            if (!is_control(c) || c == '\n' || c == '\r' || c == '\t') append_utf8(text, c);
        }
        return std::string(first_code_points(text, max_note));
    });
}

TEST(WebhookTemplate, FillsEveryPlaceholder) {
    const WebhookTemplate t{all_placeholders, "text/plain"};
    ASSERT_EQ(refusal(t), "");
    EXPECT_EQ(
        render(t, values("take profit")),
        "BTC|70100.5|70000|gt|2025-01-02T03:04:05.678Z|018f3f6e-7c1a-7a3b-8f00-0123456789ab|take profit|"
        "|1|70000||||0|0");
    TemplateValues v = values();
    v.rule = "BTC rises 5 % within 1h";
    v.firing = 3;
    v.change = "5.2%";
    v.anchor_price = Decimal::from_int(64'878);
    v.anchor_time = *parse_rfc3339("2025-01-02T02:04:05Z");
    v.left_out = 1;
    v.blind_seconds = 55;
    EXPECT_EQ(
        render(
            {"{{rule}}|{{firing}}|{{change}}|{{anchor_price}}|{{anchor_time}}|{{left_out}}|{{blind_seconds}}",
             "text/plain"},
            v),
        "BTC rises 5 % within 1h|3|5.2%|64878|2025-01-02T02:04:05Z|1|55");
}

TEST(WebhookTemplate, WritesNumbersThatAreNotKnownAsNullWithinJsonOnly) {
    TemplateValues v = values();
    v.price = v.target = std::nullopt;
    const WebhookTemplate t{
        R"({"p":{{price}},"t":[{{target}},{{level}}],"a":{{anchor_price}},"s":"{{anchor_price}}","n":{{firing}}})",
        "application/json"};
    ASSERT_EQ(refusal(t), "");
    EXPECT_EQ(render(t, v), R"({"p":null,"t":[null,null],"a":null,"s":"","n":1})");
    EXPECT_EQ(render({"p={{price}}", "application/x-www-form-urlencoded"}, v), "p=");
    EXPECT_EQ(render_message("{{price}} {{anchor_price}}", v), " ");
}

TEST(WebhookTemplate, TakesItsValuesFromTheFiredAlert) {
    const Alert alert{.id = values().alert_id,
                      .ticker = "ETH",
                      .target = Decimal::from_int(3),
                      .condition = Condition::lt,
                      .note = "n",
                      .triggered_at = values().time,
                      .triggered_price = *Decimal::parse("2.5")};
    EXPECT_EQ(
        render({all_placeholders, "text/plain"}, template_values({.alert = alert}, std::nullopt)),
        "ETH|2.5|3|lt|2025-01-02T03:04:05.678Z|018f3f6e-7c1a-7a3b-8f00-0123456789ab|n|ETH falls below 3|"
        "1|3||||0|0");
}

TEST(WebhookTemplate, SaysWhenALateFiringHappened) {
    const WebhookTemplate t{"{{late}} {{occurred_at}} {{occurred_until}} {{sources}}", "text/plain"};
    ASSERT_TRUE(check_template(t));
    TemplateValues v{.time = *parse_rfc3339("2025-01-02T03:04:05Z")};
    EXPECT_EQ(render(t, v), "false 2025-01-02T03:04:05Z 2025-01-02T03:04:05Z ");
    const Timestamp minute = *parse_rfc3339("2025-01-02T01:02:00Z");
    v.late = LateFiring{minute, minute + std::chrono::minutes{1}, {"binance", "okx"}};
    EXPECT_EQ(render(t, v), "true 2025-01-02T01:02:00Z 2025-01-02T01:03:00Z binance,okx");
}

TEST(WebhookTemplate, EscapesInsideJsonStringsAndWritesNumbersOutside) {
    const WebhookTemplate t{
        R"({"text":"{{ticker}} at {{price}}: {{note}}","price":{{price}},"n":[{{target}}]})",
        "application/json"};
    ASSERT_EQ(refusal(t), "");
    EXPECT_EQ(render(t, values("say \"hi\\there\"\nnow € 😀")),
              R"({"text":"BTC at 70100.5: say \"hi\\there\"\nnow € 😀","price":70100.5,"n":[70000]})");
}

TEST(WebhookTemplate, EscapesAsTheContentTypeRequires) {
    const std::string note = "a&b <c> \"d\" 'e' +é%\n";
    const auto rendered = [&](const char* type) {
        const WebhookTemplate t{"note={{note}}", type};
        EXPECT_EQ(refusal(t), "") << type;
        return render(t, values(note));
    };
    EXPECT_EQ(rendered("application/x-www-form-urlencoded"),
              "note=a%26b%20%3Cc%3E%20%22d%22%20%27e%27%20%2B%C3%A9%25%0A");
    for (const char* markup :
         {"application/xml", "text/xml", "text/html; charset=utf-8", "application/soap+xml"}) {
        EXPECT_EQ(rendered(markup), "note=a&amp;b &lt;c&gt; &quot;d&quot; &#39;e&#39; +é%\n") << markup;
    }
    EXPECT_EQ(rendered("text/plain"), "note=" + note);
    EXPECT_EQ(rendered("text/markdown"), "note=" + note);
}

TEST(WebhookTemplate, LeavesOutCharactersThatTextAndMarkupDoNotAllow) {
    // Such notes are refused at creation; render() does not rely on that.
    const std::string note("a\x01\x7f\xc2\x85\tb\0c\xff\xef\xbf\xbf", 13);
    EXPECT_EQ(render({"{{note}}", "text/plain"}, values(note)), "a\tbc\ufffd\uffff");
    EXPECT_EQ(render({"{{note}}", "text/xml"}, values(note)), "a\tbc\ufffd");
    EXPECT_EQ(render({"\"{{note}}\"", "application/json"}, values("\x01\x7f")), R"("\u0001\u007f")");
}

TEST(WebhookTemplate, WritesLiteralBraces) {
    const WebhookTemplate t{"{{{{ticker}} {{{{{{ticker}}}} { } }} {{{{", "text/plain"};
    ASSERT_EQ(refusal(t), "");
    EXPECT_EQ(render(t, values()), "{{ticker}} {{BTC}} { } }} {{");
}

TEST(WebhookTemplate, ReportsAnUnknownPlaceholderAndItsPlace) {
    EXPECT_EQ(
        refusal("first\nZürich {{tickers}}", "text/plain"),
        "unknown placeholder \"{{tickers}}\" (there are {{ticker}}, {{price}}, {{target}}, {{condition}}, "
        "{{time}}, {{alert_id}}, {{note}}, {{late}}, {{occurred_at}}, {{occurred_until}}, {{sources}}, "
        "{{rule}}, "
        "{{firing}}, {{level}}, {{change}}, {{anchor_price}}, {{anchor_time}}, {{left_out}} and "
        "{{blind_seconds}}; "
        "a literal \"{{\" is written \"{{{{\") at line 2, column 8");
    for (const char* body : {"{{ ticker }}", "{{TICKER}}", "{{}}", "{{{ticker}}}", "{{ticker\n}}"}) {
        EXPECT_NE(refusal(body, "text/plain").find("unknown placeholder"), std::string::npos) << body;
    }
    EXPECT_LT(refusal("{{" + std::string(9000, 'x') + "}}", "text/plain").size(), 600U);
}

TEST(WebhookTemplate, ReportsThePlaceOfAnUnclosedPlaceholder) {
    EXPECT_EQ(
        refusal("{{ticker}} {{price}", "text/plain"),
        "a placeholder is not closed by \"}}\" (a literal \"{{\" is written \"{{{{\") at line 1, column 12");
    EXPECT_NE(refusal("{{", "text/plain"), "");
    EXPECT_NE(refusal("{{{", "text/plain"), "");
}

TEST(WebhookTemplate, RefusesBodiesThatWouldNotBeJson) {
    EXPECT_EQ(refusal(R"({"a":{{note}}})"),
              "{{note}} is outside a JSON string at line 1, column 6; only {{price}}, {{target}}, "
              "{{firing}}, {{level}}, "
              "{{anchor_price}}, {{left_out}} and {{blind_seconds}} may");
    EXPECT_EQ(refusal("{\"a\":\"x\\{{note}}\"}"),
              "{{note}} is within an escape sequence at line 1, column 9");
    const std::string broken = refusal("{\n\"a\": 1,\n}\n");
    EXPECT_TRUE(broken.starts_with("the content type is JSON but the body is not, near line 3: ")) << broken;
    for (const char* body : {
             R"({"a":1{{price}}})",
             R"({"a":-{{price}}})",
             R"({"a":0.{{price}}})",
             R"({"a":{{price}}0})",
             R"({"a":{{price}}e5})",
             R"({"a":{{price}}{{target}}})",
             R"({{{price}}:1})",
             "{{price}} {{price}}",
             R"({"a":"\u00{{price}}"})",
             R"({"a":"\u{{note}}"})",
             R"({"a":"\\\{{note}}"})",
             R"({"a":"\ud83d{{note}}"})",
             R"({"a":"{{note}})",
             "{\"a\":\"\n\"}",
             R"({"a":1} x)",
             R"({"a":1,})",
             R"({a:1})",
             "// c\n1",
             "NaN",
             " ",
             "{{{{",
             R"(["{{note}}" "b"])",
         }) {
        EXPECT_NE(refusal(body), "") << body;
    }
    for (const char* body :
         {"{{price}}", "\"{{note}}\"", "[{{price}},\t{{target}}\n]", R"({"\\{{note}}":"\"{{note}}"})",
          R"({"{{ticker}}":"\u00e9{{note}}\n"})", R"(" {{{{ }} ")", "null"}) {
        EXPECT_EQ(refusal(body), "") << body;
    }
}

TEST(WebhookTemplate, BoundsTheBodyAndTheResult) {
    EXPECT_EQ(refusal("", "text/plain"), "the body is empty");
    EXPECT_EQ(refusal(std::string(max_template_body, 'x'), "text/plain"), "");
    EXPECT_EQ(refusal(std::string(max_template_body + 1, 'x'), "text/plain"),
              "the body has 16385 bytes; at most 16384 are accepted");
    EXPECT_EQ(refusal("\xff", "text/plain"), "the body is not UTF-8");
    std::string many;
    for (int i = 0; i < 32; ++i) many += "{{note}}";
    EXPECT_EQ(refusal(many, "text/plain"), "");
    EXPECT_EQ(
        refusal(many, "application/x-www-form-urlencoded"),
        "with its placeholders at their longest, the body would have 192000 bytes; at most 65536 are sent");
}

TEST(WebhookTemplate, TheLongestValuesStayWithinTheLimit) {
    std::string controls, emoji, quotes;
    for (std::size_t i = 0; i < max_note; ++i) {
        controls += "\x7f";
        emoji += "😀";
        quotes += "\"";
    }
    TemplateValues longest = values();
    longest.ticker = "ABCDEFGHIJKLMNO";
    longest.price = -Decimal::from_raw(static_cast<Decimal::Raw>(~Decimal::Unsigned{0} >> 1));
    longest.target = longest.price;
    longest.time = *parse_rfc3339("2025-01-02T03:04:05.678901Z");
    longest.rule = std::string(max_rule_words, '%');
    longest.firing = longest.left_out = longest.blind_seconds = std::numeric_limits<std::int64_t>::min();
    longest.change = longest.price->to_string() + "%";
    longest.anchor_price = longest.price;
    longest.anchor_time = longest.time;
    for (const char* type :
         {"application/json", "application/x-www-form-urlencoded", "text/xml", "text/plain"}) {
        for (const std::string one :
             {"{{ticker}}", "{{price}}", "{{target}}", "{{condition}}", "{{time}}", "{{alert_id}}",
              "{{note}}", "{{rule}}", "{{firing}}", "{{level}}", "{{change}}", "{{anchor_price}}",
              "{{anchor_time}}", "{{left_out}}", "{{blind_seconds}}"}) {
            // As many of them as are just accepted.
            std::string body = "\"";
            for (std::size_t step = 1024; step > 0; step /= 2) {
                std::string more = body;
                for (std::size_t i = 0; i < step; ++i) more += one;
                if (refusal(more + "\"", type).empty()) body = std::move(more);
            }
            ASSERT_GT(body.size(), one.size()) << type << one;
            for (const std::string& note : {controls, emoji, quotes}) {
                longest.note = note;
                EXPECT_LE(render({body + "\"", type}, longest).size(), max_rendered_template) << type << one;
            }
        }
    }
}

TEST(WebhookTemplate, AcceptsTheListedContentTypes) {
    for (const char* good : {"application/json", "APPLICATION/JSON; Charset=\"UTF-8\"", "application/ld+json",
                             "text/json", "application/json;charset=utf-8;profile=\"a b\""}) {
        EXPECT_EQ(refusal("1", good), "") << good;
        EXPECT_NE(refusal("x", good), "") << good << " is JSON";
    }
    for (const char* good : {"text/plain", "text/csv", "text/x-any.thing", "application/xml", "text/html",
                             "application/x-www-form-urlencoded", "application/atom+xml"}) {
        EXPECT_EQ(refusal("x", good), "") << good;
    }
    for (const char* bad : {"",
                            "json",
                            "application/",
                            "/json",
                            "text",
                            "application /json",
                            " application/json",
                            "application/json;",
                            "application/json; charset",
                            "application/json; charset=",
                            "application/json; =utf-8",
                            "application/json charset=utf-8",
                            "application/json; charset=\"utf-8",
                            "text/plain; charset=latin1",
                            "text/plain\r\nx-evil: 1",
                            "text/plain;a=\"\r\n\"",
                            "text/plain\n",
                            "text/pl\xc3\xa4in",
                            "text/plain;a=\x7f",
                            "application/octet-stream",
                            "multipart/form-data; boundary=x",
                            "image/svg+xml",
                            "application/javascript"}) {
        EXPECT_NE(refusal("1", bad), "") << bad;
    }
    EXPECT_EQ(refusal("1", "text/" + std::string(95, 'x')), "");
    EXPECT_EQ(refusal("1", "text/" + std::string(96, 'x')),
              "the content type must have at most 100 characters");
}

TEST(WebhookTemplate, RendersTemplatesThatWereNotChecked) {
    EXPECT_EQ(render({"{{no}} {{ticker}} {{pri", "nonsense"}, values()), "{{no}} BTC {{pri");
}

TEST(WebhookTemplate, JsonParsesAndContainsAnyNoteUnchanged) {
    rc::check([] {
        const std::string note = *notes();
        RC_PRE(check_note(note).has_value());
        const WebhookTemplate t{R"({"{{note}}":["{{note}}",{{price}},"\\{{note}}\""]})", "application/json"};
        RC_ASSERT(check_template(t).has_value());
        const std::string text = render(t, values(note));
        const auto parsed = boost::json::parse(text);
        const auto& member = *parsed.as_object().begin();
        RC_ASSERT(std::string(member.key()) == note);
        RC_ASSERT(std::string(member.value().as_array()[0].as_string()) == note);
        RC_ASSERT(member.value().as_array()[1].as_double() == 70100.5);
        RC_ASSERT(std::string(member.value().as_array()[2].as_string()) == "\\" + note + "\"");
        RC_ASSERT(render(t, values(note)) == text);
    });
}

TEST(WebhookTemplate, AnyAcceptedJsonTemplateIsJsonWithAnyValues) {
    const std::vector<std::string> parts{"{{price}}",  "{{anchor_price}}",
                                         "{{note}}",   "{{rule}}",
                                         "{{firing}}", "{{{{",
                                         "\"",         "\\",
                                         "\\u00",      "{",
                                         "}",          "[",
                                         "]",          ",",
                                         ":",          "1",
                                         "-",          ".",
                                         "e",          " ",
                                         "\n",         "a",
                                         "\"a\":",     "\\ud83d"};
    int accepted = 0;
    const auto look = [&] {
        const auto middle = *rc::gen::container<std::vector<std::string>>(rc::gen::elementOf(parts));
        std::string body;
        for (const std::string& part : middle) body += part;
        const auto frame = *rc::gen::elementOf(std::vector<std::pair<std::string, std::string>>{
            {"", ""}, {"\"", "\""}, {"[", "]"}, {"{\"k\":\"", "\"}"}, {"{\"k\":", "}"}});
        const WebhookTemplate t{frame.first + body + frame.second, "application/json"};
        if (!check_template(t)) return;
        ++accepted;
        TemplateValues v = values(*notes());
        v.price = Decimal::from_raw(*rc::gen::inRange<std::int64_t>(1, INT64_MAX));
        if (*rc::gen::arbitrary<bool>())
            v.anchor_price = Decimal::from_int(*rc::gen::inRange<std::int64_t>(1, 100));
        v.rule = "any \"words\"\n";
        boost::json::error_code ec;
        boost::json::parse(render(t, v), ec);
        RC_ASSERT(!ec);
    };
    // Random parts, in a string, in a list or bare, of which few are accepted.
    rc::check([&] {
        for (int i = 0; i < 50; ++i) look();
    });
    EXPECT_GT(accepted, 0);
}

TEST(Note, IsLimitedAndHasNoControlCharacters) {
    std::string longest;
    for (std::size_t i = 0; i < max_note; ++i) longest += "😀";
    EXPECT_TRUE(check_note(longest));
    EXPECT_EQ(check_note(longest + "x").error().message, "the note must have at most 500 characters");
    EXPECT_EQ(check_note(std::string(501, 'x')).error().message, "the note must have at most 500 characters");
    EXPECT_TRUE(check_note(""));
    EXPECT_TRUE(check_note("line one\r\nline\ttwo \xc2\xa0 {{note}} <!channel> @everyone"));
    EXPECT_EQ(check_note("\xe2\x82").error().message, "the note is not UTF-8");
    EXPECT_EQ(check_note(std::string("a\0b", 3)).error().message,
              "the note has the control character U+0000; of these, only tabs and line breaks are accepted");
    for (const char* bad : {"\x1b[2J", "\x7f", "\xc2\x85"}) EXPECT_FALSE(check_note(bad));
}

TEST(Message, IsFilledAsATextIs) {
    EXPECT_TRUE(check_message("{{ticker}} at {{price}}: {{note}}, {{{{"));
    EXPECT_EQ(render_message("{{ticker}} at {{price}}: {{note}}, {{{{", values("a \"b\" <c>\n{{price}}")),
              "BTC at 70100.5: a \"b\" <c>\n{{price}}, {{");
}

TEST(Message, IsCheckedWhenItsAlertIsMade) {
    const auto refused = [](std::string_view text) {
        const auto checked = check_message(text);
        return checked ? std::string() : checked.error().message;
    };
    std::string longest;
    for (std::size_t i = 0; i < max_message; ++i) longest += "😀";
    EXPECT_EQ(refused(longest), "");
    EXPECT_EQ(refused(longest + "x"), "the message must have at most 1000 characters");
    EXPECT_EQ(refused("\xe2\x82"), "the message is not UTF-8");
    EXPECT_EQ(
        refused("\x1b[2J"),
        "the message has the control character U+001B; of these, only tabs and line breaks are accepted");
    EXPECT_TRUE(
        refused("Sell {{half}}").starts_with("unknown placeholder \"{{half}}\" (there are {{ticker}}"));
    EXPECT_TRUE(refused("{{price").starts_with("a placeholder is not closed"));
    std::string many;
    for (int i = 0; i < 100; ++i) many += "{{note}}";
    EXPECT_TRUE(
        refused(many).starts_with("with its placeholders at their longest, the message would have 200000"))
        << refused(many);
}

TEST(Note, APlaceholderInANoteIsNotFilled) {
    EXPECT_EQ(render({"{{note}}", "text/plain"}, values("{{price}}")), "{{price}}");
}

}  // namespace
}  // namespace pricewire::webhook
