// Parsers of client input: JSON bodies, e-mail addresses, queries, client addresses.
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <string>

#include "api/bodies.hpp"
#include "api/client_address.hpp"
#include "api/email.hpp"
#include "api/json_fields.hpp"
#include "api/query_string.hpp"

namespace pricewire::api {
namespace {

using Kind = JsonField::Kind;

std::string first_type(std::string_view body) {
    const auto fields = parse_json_object(body);
    return fields ? "" : fields.error().type;
}

TEST(JsonFields, KeepTheDigitsOfNumbers) {
    for (const std::string number :
         {"0", "-0", "65420.15", "1e5", "1E+05", "-12.50e-3", "18446744073709551616",
          "123456789012345678901234567890.123456789012345678901234567890", "0.000", "1e400"}) {
        const auto fields = parse_json_object("{\"n\":" + number + "}");
        ASSERT_TRUE(fields) << number << fields.error().message;
        ASSERT_NE(fields->find("n"), nullptr);
        EXPECT_EQ(fields->find("n")->kind, Kind::number);
        EXPECT_EQ(fields->find("n")->text, number);
    }
}

TEST(JsonFields, KeepEveryDecimal) {
    rc::check([](std::int64_t whole, std::uint64_t fraction) {
        const auto raw =
            Decimal::Raw{whole} * 1'000'003 + static_cast<Decimal::Raw>(fraction % 1'000'000'007);
        const Decimal value = Decimal::from_raw(raw);
        const auto fields = parse_json_object(" { \"a\" : " + value.to_string() + " } ");
        RC_ASSERT(fields.has_value());
        RC_ASSERT(Decimal::parse(fields->find("a")->text).value() == value);
    });
}

TEST(JsonFields, DistinguishKindsAndDecodeStrings) {
    const auto fields = parse_json_object(
        R"( {"s":"a\"\\\/\b\n\u00e9\ud83d\ude80z","t":true,"f":false,"n":null,"a":[1,"x",{"s":2}],"o":{"s":[3]},"e":""} )");
    ASSERT_TRUE(fields);
    EXPECT_EQ(fields->find("s")->kind, Kind::string);
    EXPECT_EQ(fields->find("s")->text, "a\"\\/\b\n\xc3\xa9\xf0\x9f\x9a\x80z");
    EXPECT_EQ(fields->find("t")->text, "true");
    EXPECT_EQ(fields->find("f")->kind, Kind::boolean);
    EXPECT_EQ(fields->find("n")->kind, Kind::null);
    EXPECT_EQ(fields->find("a")->kind, Kind::array);
    EXPECT_EQ(fields->find("o")->kind, Kind::object);
    EXPECT_EQ(fields->find("e")->kind, Kind::string);
    EXPECT_EQ(fields->find("e")->text, "");
    EXPECT_EQ(fields->find("missing"), nullptr);
}

TEST(JsonFields, RejectEverythingButOneObject) {
    EXPECT_EQ(first_type(""), "missing");
    EXPECT_EQ(first_type("{} {}"), "json_invalid");
    EXPECT_EQ(first_type("{\"a\":1,}"), "json_invalid");
    EXPECT_EQ(first_type("{\"a\":01}"), "json_invalid");
    EXPECT_EQ(first_type("{\"a\":.5}"), "json_invalid");
    EXPECT_EQ(first_type("{\"a\":\"\xc0\x80\"}"), "json_invalid");
    EXPECT_EQ(first_type("{\"a\":\"\n\"}"), "json_invalid");
    EXPECT_EQ(first_type("/**/{}"), "json_invalid");
    EXPECT_EQ(first_type("7"), "model_attributes_type");
    EXPECT_EQ(first_type("[{\"a\":1}]"), "model_attributes_type");
    EXPECT_EQ(first_type(R"({"a":1,"b":2,"a":1})"), "duplicate");
    EXPECT_EQ(first_type(R"({"a":1,"\u0061":1})"), "duplicate");
    EXPECT_EQ(first_type(R"({"a":{"x":1,"x":2}})"), "duplicate");
    EXPECT_EQ(first_type(R"({"a":{"x":{"y":1,"y":2}},"b":[{"x":1,"x":2}]})"), "")
        << "ignored values may be unusual";
    EXPECT_EQ(first_type(R"({"a":[[[[[[[[[[1]]]]]]]]]]})"), "json_invalid");
}

TEST(JsonFields, KeepTheMembersOfANestedObject) {
    const auto fields = parse_json_object(
        R"({"a":1,"o":{"s":"x\u00e9","n":1.50,"o":{"s":"deep"},"a":["deep",{"s":2}],"z":null},"e":{},"b":[{"s":1}],"c":"y"})");
    ASSERT_TRUE(fields) << fields.error().message;
    const JsonFields inner(fields->find("o")->members);
    EXPECT_EQ(inner.find("s")->text, "x\xc3\xa9");
    EXPECT_EQ(inner.find("n")->text, "1.50");
    EXPECT_EQ(inner.find("o")->kind, Kind::object);
    EXPECT_TRUE(inner.find("o")->members.empty());
    EXPECT_EQ(inner.find("a")->kind, Kind::array);
    EXPECT_EQ(inner.find("a")->text, "");
    EXPECT_EQ(inner.find("z")->kind, Kind::null);
    EXPECT_TRUE(fields->find("e")->members.empty());
    EXPECT_TRUE(fields->find("b")->members.empty());
    EXPECT_EQ(fields->find("c")->text, "y");
    EXPECT_EQ(fields->find("deep"), nullptr);
}

TEST(JsonFields, LimitTheMembersOfANestedObject) {
    std::string inner;
    for (int i = 0; i < 64; ++i) inner += (i > 0 ? ",\"m" : "\"m") + std::to_string(i) + "\":1";
    EXPECT_EQ(first_type("{\"o\":{" + inner + "}}"), "");
    const auto fields = parse_json_object("{\"o\":{" + inner + ",\"x\":1}}");
    ASSERT_FALSE(fields);
    EXPECT_EQ(fields.error(), (Issue{{"body", "o"}, "More than 64 fields", "too_long"}));
    const auto twice = parse_json_object(R"({"o":{"x":1,"x":2}})");
    ASSERT_FALSE(twice);
    EXPECT_EQ(twice.error(), (Issue{{"body", "o", "x"}, "Field is given twice", "duplicate"}));
}

TEST(JsonFields, KeepTheTextOfNestedValuesWithTheirDigits) {
    const auto fields = parse_json_object(
        "{ \"when\" : { \"is\":\"above\", \"level\" : [ 0.990 , {\"by\":\"-5%\",\"n\":null,\"b\":true} ] },\n"
        R"("q":["\"\u00e9\u0001","]",[],{}], "last": 1 })");
    ASSERT_TRUE(fields) << fields.error().message;
    EXPECT_EQ(fields->find("when")->text, R"({"is":"above","level":[0.990,{"by":"-5%","n":null,"b":true}]})");
    EXPECT_EQ(fields->find("q")->text, "[\"\\\"\xc3\xa9\\u0001\",\"]\",[],{}]");
    EXPECT_EQ(fields->find("last")->text, "1");
    EXPECT_EQ(fields->all().size(), 3U);
}

TEST(JsonLists, AreAMemberOrTheBodyAlone) {
    const std::vector<std::string> elements{R"({"a":[1,{"b":"],"}]})", "7.50", "\"x,y\\\"]\"", "[]", "null"};
    const std::string list = R"([ {"a":[1, {"b":"],"}]}, 7.50,"x,y\"]" , [ ], null ])";
    for (const std::string& body :
         {list, "{\"alerts\":" + list + "}", "{\"x\":[1],\"alerts\":" + list + "}"}) {
        const auto parsed = parse_json_list(body, "alerts", 5);
        ASSERT_TRUE(parsed) << body << ' ' << parsed.error().message;
        EXPECT_EQ(*parsed, elements) << body;
    }
    const auto type = [](std::string_view body) { return parse_json_list(body, "alerts", 2).error().type; };
    EXPECT_EQ(type("[1,2,3]"), "too_long");
    EXPECT_EQ(type("[]"), "too_short");
    EXPECT_EQ(type("{}"), "missing");
    EXPECT_EQ(type(R"({"alerts":{}})"), "list_type");
    EXPECT_EQ(type(R"([1],"x":[2])"), "json_invalid");
    EXPECT_EQ(type("[1"), "json_invalid");
    EXPECT_EQ(type("7"), "model_attributes_type");
    EXPECT_EQ(type(R"({"alerts":[1],"alerts":[2]})"), "duplicate");
    EXPECT_EQ(type("[" + std::string(12, '[') + std::string(12, ']') + "]"), "json_invalid");
}

TEST(JsonFields, ReportTheByteOfASyntaxError) {
    const auto fields = parse_json_object("{\"a\":1,,}");
    ASSERT_FALSE(fields);
    EXPECT_TRUE(fields.error().message.starts_with("Invalid JSON at byte 7: ")) << fields.error().message;
}

TEST(JsonFields, PassOverAByteOrderMarkAndNameOtherEncodings) {
    const auto marked = parse_json_object("\xef\xbb\xbf{\"a\":1}");
    ASSERT_TRUE(marked) << marked.error().message;
    EXPECT_EQ(marked->find("a")->text, "1");
    EXPECT_EQ(first_type("\xef\xbb\xbf"), "missing");
    EXPECT_EQ(first_type("\xef\xbb\xbf\xef\xbb\xbf{}"), "json_invalid") << "only one";
    const auto message = [](std::string_view body) {
        const auto fields = parse_json_object(body);
        return fields ? std::string() : fields.error().message;
    };
    using namespace std::string_view_literals;
    for (const std::string_view body : {"\xff\xfe{\0}\0"sv, "\xfe\xff\0{\0}"sv, "{\0}\0"sv, "\0{\0}"sv,
                                        "{\0\0\0}\0\0\0"sv, "\0\0\0{\0\0\0}"sv}) {
        EXPECT_EQ(message(body), "Invalid JSON: the body is in UTF-16 or UTF-32; send it in UTF-8");
    }
    EXPECT_EQ(message("{\"a\":\"\xe9\"}"), "Invalid JSON at byte 6: not valid UTF-8");
    EXPECT_EQ(message("\x1f\x8b\x08\x00gz"), "Invalid JSON at byte 1: not valid UTF-8");
}

TEST(Email, AcceptsMailboxAddresses) {
    for (const char* good :
         {"a@b.co", "ann@example.com", "first.last+tag@sub.example.co.uk", "o'neil@example.org",
          "x_y-z@ex-ample.io", "1@1.aa", "a@xn--bcher-kva.example", "!#$%&'*+-/=?^_`{|}~@example.com"}) {
        const auto parsed = parse_email(good);
        ASSERT_TRUE(parsed) << good << ": " << parsed.error().message;
        EXPECT_EQ(*parsed, good);
    }
    EXPECT_TRUE(parse_email(std::string(64, 'a') + "@example.com"));
    const std::string label(62, 'd');
    EXPECT_TRUE(parse_email("a@" + label + "." + label + "." + label + "." + std::string(63, 'e')));
}

TEST(Email, RejectsInvalidAddresses) {
    for (const char* bad : {"",
                            "@",
                            "a@",
                            "@b.co",
                            "a",
                            "a@b",
                            "a@@b.co",
                            "a@b@c.co",
                            "a b@c.co",
                            " a@b.co",
                            "a@b.co ",
                            "a@b.co\n",
                            "a\t@b.co",
                            ".a@b.co",
                            "a.@b.co",
                            "a..b@c.co",
                            "a@.co",
                            "a@b.",
                            "a@b..co",
                            "a@-b.co",
                            "a@b-.co",
                            "a@b_c.co",
                            "a@[127.0.0.1]",
                            "a@127.0.0.1",
                            "a@b.123",
                            "Ann <ann@example.com>",
                            "\"a b\"@c.co",
                            "a(comment)@b.co",
                            "a,b@c.co",
                            "a@b.co,c@d.co",
                            "mailto:a@b.co",
                            "a\x7f@b.co",
                            "a\xc2\x85@b.co",
                            "a\xe2\x80\x8b@b.co",
                            "a\xe2\x80\xae@b.co",
                            "a\xc2\xa0@b.co",
                            "a@b\xe3\x80\x80.co"}) {
        EXPECT_FALSE(parse_email(bad)) << bad;
    }
    EXPECT_FALSE(parse_email(std::string("a\0@b.co", 7)));
    EXPECT_FALSE(parse_email(std::string(65, 'a') + "@example.com"));
    EXPECT_FALSE(parse_email("a@" + std::string(64, 'd') + ".com"));
    EXPECT_FALSE(parse_email("a@" + std::string(63, 'd') + "." + std::string(63, 'd') + "." +
                             std::string(63, 'd') + "." + std::string(61, 'd') + ".com"));
}

TEST(Email, AnInternationalDomainIsOneTextHoweverItIsTyped) {
    // ü precomposed, decomposed, in capitals, in full-width dots, and as a browser sends it.
    for (const char* typed : {"a@b\xc3\xbc"
                              "cher.example",
                              "a@bu\xcc\x88"
                              "cher.example",
                              "a@B\xc3\x9c"
                              "CHER.EXAMPLE",
                              "a@b\xc3\xbc"
                              "cher\xe3\x80\x82"
                              "example",
                              "a@xn--bcher-kva.example"}) {
        EXPECT_EQ(parse_email(typed).value(), "a@xn--bcher-kva.example") << typed;
    }
    EXPECT_EQ(parse_email("a@\xe4\xbe\x8b.\xe5\xb9\xbf\xe5\x91\x8a").value(), "a@xn--fsq.xn--4rr70v")
        << "a name in Chinese";
    for (const char* bad :
         {"a@xn--a.example", "a@xn--.example", "a@xn--bcher.example", "a@b\xc3\xbc..example",
          "a@b\xe2\x80\x8d"
          "c.example",
          "a@\xe2\x98\x83\xef\xb8\x8f",
          "a@\xd7\x90"
          "b.example"}) {
        EXPECT_FALSE(parse_email(bad)) << bad;
    }
    EXPECT_NE(parse_email("a@\xd0\xb0pple.example").value_or(""), "a@apple.example") << "a Cyrillic letter";
}

TEST(Email, TheLocalPartIsAscii) {
    for (const char* typed : {"\xc3\xa9@example.com", "e\xcc\x81@example.com", "\xef\xbd\x81@example.com",
                              "\xd0\xb0nn@example.com"}) {
        const auto parsed = parse_email(typed);
        ASSERT_FALSE(parsed) << typed;
        EXPECT_EQ(
            parsed.error().message,
            "the part before the @-sign contains a letter that is not one of a to z, which is not supported");
    }
}

TEST(Email, KnowsTheSpellingsOfEarlierVersions) {
    using Texts = std::vector<std::string>;
    EXPECT_EQ(email_spellings("ann@example.com"), Texts{"ann@example.com"});
    const std::string typed =
        "a@B\xc3\xbc"
        "cher.example";
    const std::string ascii = "a@xn--bcher-kva.example";
    const std::string international =
        "a@b\xc3\xbc"
        "cher.example";
    EXPECT_EQ(email_spellings(typed), (Texts{typed, ascii, international}));
    EXPECT_EQ(email_spellings(ascii), (Texts{ascii, international}));
    EXPECT_EQ(email_spellings("\xc3\xa9@example.com"), Texts{"\xc3\xa9@example.com"});
}

TEST(Query, DecodesAndEncodes) {
    EXPECT_EQ(QueryString("x=%41+%2B%zz%4").find("x"), "A +%zz%4");
    const QueryString q("a=1&b&c=%26&a=2&&=x");
    EXPECT_EQ(q.find("a"), "2");
    EXPECT_EQ(q.find("b"), "");
    EXPECT_EQ(q.find("c"), "&");
    EXPECT_FALSE(q.find("d"));
    EXPECT_EQ(q.repeated(), "a");
    EXPECT_FALSE(QueryString("a=1&b=1").repeated());
    EXPECT_EQ(q.with("a", "3"), "b=&c=%26&=x&a=3");
    EXPECT_EQ(QueryString("").with("a", "/"), "a=%2F");
}

TEST(Query, EncodingRoundTrips) {
    rc::check([](const std::string& text) {
        RC_ASSERT(QueryString(QueryString("x=1").with("y", text)).find("y") == text);
    });
}

net::IpAddress ip(const char* text) {
    return *net::IpAddress::parse(text);
}

std::string client(const char* peer, std::vector<std::string> forwarded) {
    net::ServerRequest request;
    request.peer = ip(peer);
    for (auto& f : forwarded) request.headers.emplace_back("x-forwarded-for", std::move(f));
    const std::vector<net::Network> trusted{*net::Network::parse("10.0.0.0/8"),
                                            *net::Network::parse("fd00::/8")};
    return client_address(request, trusted).to_string();
}

TEST(ClientAddress, IsTheRightmostThatIsNotATrustedProxy) {
    EXPECT_EQ(client("192.0.2.1", {"198.51.100.1"}), "192.0.2.1");
    EXPECT_EQ(client("10.0.0.1", {}), "10.0.0.1");
    EXPECT_EQ(client("10.0.0.1", {"198.51.100.1"}), "198.51.100.1");
    EXPECT_EQ(client("10.0.0.1", {"6.6.6.6, 198.51.100.1"}), "198.51.100.1");
    EXPECT_EQ(client("10.0.0.1", {"6.6.6.6, 198.51.100.1 ,10.0.0.2"}), "198.51.100.1");
    EXPECT_EQ(client("10.0.0.1", {"6.6.6.6", "198.51.100.1", "10.0.0.2"}), "198.51.100.1");
    EXPECT_EQ(client("10.0.0.1", {"10.0.0.3, 10.0.0.2"}), "10.0.0.3");
    EXPECT_EQ(client("fd00::1", {"2001:db8::7"}), "2001:db8::7");
}

TEST(ClientAddress, AcceptsPortsAndStopsAtInvalidEntries) {
    EXPECT_EQ(client("10.0.0.1", {"198.51.100.1:4711"}), "198.51.100.1");
    EXPECT_EQ(client("10.0.0.1", {"[2001:db8::7]:4711"}), "2001:db8::7");
    EXPECT_EQ(client("10.0.0.1", {"198.51.100.1, unknown"}), "10.0.0.1");
    EXPECT_EQ(client("10.0.0.1", {"198.51.100.1, rubbish, 10.0.0.2"}), "10.0.0.2");
    EXPECT_EQ(client("10.0.0.1", {""}), "10.0.0.1");
    EXPECT_EQ(client("10.0.0.1", {"[", "]:", ","}), "10.0.0.1");
}

TEST(ClientAddress, KeysAreAddressesOrNetworksOf64Bits) {
    EXPECT_EQ(address_key(ip("192.0.2.1")), "192.0.2.1");
    EXPECT_EQ(address_key(ip("2001:db8:1:2:3:4:5:6")), "2001:db8:1:2::/64");
    EXPECT_EQ(address_key(ip("2001:db8:1:2::9")), address_key(ip("2001:db8:1:2:3:4:5:6")));
    EXPECT_EQ(address_key(ip("::ffff:192.0.2.1")), "192.0.2.1");
}

}  // namespace
}  // namespace pricewire::api
