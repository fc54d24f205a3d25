#include "webhook/chat_formats.hpp"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <boost/json.hpp>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "base/utf8.hpp"

namespace pricewire::webhook {
namespace {

namespace json = boost::json;

// Counted in another way than the tested code does.
std::size_t length_in(std::string_view unit, std::string_view text) {
    const auto lead = [&](unsigned from) {
        return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [&](char c) {
            const auto byte = static_cast<unsigned char>(c);
            return byte >= from && (byte < 0x80 || byte >= 0xc0);
        }));
    };
    return unit == "utf16" ? lead(0) + lead(0xf0) : lead(0);
}

std::string_view type_of(const json::value& v) {
    if (v.is_string()) return "string";
    if (v.is_int64() || v.is_uint64()) return "integer";
    if (v.is_bool()) return "boolean";
    if (v.is_array()) return "array";
    return v.is_object() ? "object" : "other";
}

json::value recorded(const std::string& service) {
    std::ifstream file(std::string(PRICEWIRE_SOURCE_DIR "/tests/contract/formats/") + service + ".json");
    std::stringstream text;
    text << file.rdbuf();
    return json::parse(text.str());
}

// How a body differs from the service's documentation; empty if it does not.
std::string offence(const json::value& record, const json::value& body) {
    if (!body.is_object()) return "no object";
    const json::object& members = record.at("members").as_object();
    for (const auto& member : members) {
        if (member.value().as_object().contains("required") && !body.as_object().contains(member.key())) {
            return "lacks " + std::string(member.key());
        }
    }
    for (const auto& member : body.as_object()) {
        const std::string name(member.key());
        const auto* rule = members.if_contains(name);
        if (rule == nullptr) return "has " + name;
        const std::string types(rule->at("type").as_string());
        if (("|" + types + "|").find("|" + std::string(type_of(member.value())) + "|") == types.npos) {
            return name + " is no " + types;
        }
        if (const auto* max = rule->as_object().if_contains("max")) {
            const auto size = length_in(rule->at("unit").as_string(), member.value().as_string());
            if (size == 0 || size > max->to_number<std::size_t>())
                return name + " has " + std::to_string(size);
        }
    }
    return "";
}

std::string body_for(const std::string& service, const ChatMessage& m) {
    if (service == "slack") return slack_body(m);
    return service == "discord" ? discord_body(m) : telegram_body(m, "-1001234567890");
}

std::string text_in(const std::string& service, const std::string& body) {
    const json::value parsed = json::parse(body);
    return std::string(parsed.at(service == "discord" ? "content" : "text").as_string());
}

const std::vector<std::string> services{"slack", "discord", "telegram"};

ChatMessage message(std::string note = "") {
    return {.headline = "BTC rose above 70000: 70000.01",
            .note = std::move(note),
            .time = "2025-01-02T03:04:05.678Z"};
}

std::string repeat(std::string_view what, std::size_t times) {
    std::string all;
    for (std::size_t i = 0; i < times; ++i) all += what;
    return all;
}

TEST(ChatFormats, MatchTheServicesDocumentation) {
    EXPECT_EQ(slack_body(message()),
              R"({"text":"BTC rose above 70000: 70000.01\n2025-01-02T03:04:05.678Z"})");
    EXPECT_EQ(
        slack_body(message("sell <!channel> & \"rest\"")),
        R"({"text":"BTC rose above 70000: 70000.01\nsell &lt;!channel&gt; &amp; \"rest\"\n2025-01-02T03:04:05.678Z"})");
    EXPECT_EQ(discord_body(message("@everyone <@1>")),
              R"({"content":"BTC rose above 70000: 70000.01\n@everyone <@1>\n2025-01-02T03:04:05.678Z",)"
              R"("allowed_mentions":{"parse":[]}})");
    EXPECT_EQ(
        telegram_body(message("_a_ <b>"), "-100123"),
        R"({"chat_id":-100123,"text":"BTC rose above 70000: 70000.01\n_a_ <b>\n2025-01-02T03:04:05.678Z"})");
    EXPECT_EQ(
        telegram_body(message(), "@my_channel"),
        R"({"chat_id":"@my_channel","text":"BTC rose above 70000: 70000.01\n2025-01-02T03:04:05.678Z"})");
}

TEST(ChatFormats, MatchTheRecordedShapes) {
    for (const std::string& service : services) {
        const json::value record = recorded(service);
        EXPECT_EQ(offence(record, record.at("example")), "")
            << service << ": the documentation's own example";
        EXPECT_NE(offence(record, json::parse("{}")), "");
        EXPECT_NE(offence(record, json::parse(R"({"unheard":1})")), "");
        for (const char* unit : {"", "x", "&", "é", "😀", "\"", "\n"}) {
            for (const std::size_t times : {1U, 500U, 5000U}) {
                const json::value body = json::parse(body_for(service, message(repeat(unit, times))));
                EXPECT_EQ(offence(record, body), "") << service << " " << times << " of " << unit;
            }
        }
    }
    EXPECT_EQ(json::parse(discord_body(message("@here"))).at("allowed_mentions"),
              recorded("discord").at("mentions_nobody"));
}

TEST(ChatFormats, LimitsMatchTheRecordedOnes) {
    EXPECT_EQ(recorded("slack").at("members").at("text").at("max").to_number<std::size_t>(), slack_limit);
    EXPECT_EQ(recorded("discord").at("members").at("content").at("max").to_number<std::size_t>(),
              discord_limit);
    EXPECT_EQ(recorded("telegram").at("members").at("text").at("max").to_number<std::size_t>(),
              telegram_limit);
}

TEST(ChatFormats, CutOnlyTheNoteAndExactlyToTheLimit) {
    const std::string head = message().headline + "\n";
    const std::string tail = "\n" + message().time;
    const std::size_t fixed = head.size() + tail.size();
    const auto text = [&](const std::string& service, const std::string& note) {
        return text_in(service, body_for(service, message(note)));
    };
    for (const auto& [service, limit] :
         {std::pair<std::string, std::size_t>{"slack", 4000}, {"discord", 2000}, {"telegram", 4096}}) {
        const std::size_t room = limit - fixed;
        EXPECT_EQ(text(service, repeat("é", room)), head + repeat("é", room) + tail) << service;
        EXPECT_EQ(text(service, repeat("é", room + 1)), head + repeat("é", room - 1) + "…" + tail) << service;
    }
    // Two units of UTF-16 each: if only one is left, the whole character is left out.
    EXPECT_EQ(text("telegram", repeat("😀", 3000)), head + repeat("😀", (4096 - fixed - 1) / 2) + "…" + tail);
    EXPECT_EQ(text("telegram", "a" + repeat("😀", 3000)),
              head + "a" + repeat("😀", (4096 - fixed - 2) / 2) + "…" + tail);
    EXPECT_EQ(text("discord", repeat("😀", 3000)), head + repeat("😀", 2000 - fixed - 1) + "…" + tail);
    // Entities, of five characters each, are never cut.
    EXPECT_EQ(text("slack", repeat("&", 3000)), head + repeat("&amp;", (4000 - fixed - 1) / 5) + "…" + tail);
}

TEST(ChatFormats, ANoteOf500CharactersIsNotCut) {
    for (const std::string& service : services) {
        for (const std::string unit : {"x", "&", "😀"}) {
            const std::string text = text_in(service, body_for(service, message(repeat(unit, 500))));
            EXPECT_EQ(text.find("…"), text.npos) << service << unit;
        }
    }
}

TEST(ChatFormats, NoMessageExceedsItsServicesLimit) {
    std::vector<json::value> records;
    for (const std::string& service : services) records.push_back(recorded(service));
    rc::check([&] {
        const auto points =
            *rc::gen::container<std::vector<std::uint32_t>>(rc::gen::inRange<std::uint32_t>(1, 0x10'f7ff));
        std::string once;
        for (const std::uint32_t p : points) append_utf8(once, p >= 0xd800 ? p + 0x800 : p);
        const std::string note = repeat(once, static_cast<std::size_t>(*rc::gen::inRange(1, 80)));
        for (std::size_t i = 0; i < services.size(); ++i) {
            const std::string body = body_for(services[i], message(note));
            RC_ASSERT(is_utf8(body));
            RC_ASSERT(offence(records[i], json::parse(body)) == "");
            RC_ASSERT(text_in(services[i], body).starts_with(message().headline));
            RC_ASSERT(text_in(services[i], body).ends_with(message().time));
            RC_ASSERT(body_for(services[i], message(note)) == body);
        }
    });
}

TEST(ChatFormats, ANoteThatIsNotUtf8IsStillSent) {
    for (const std::string& service : services) {
        EXPECT_TRUE(is_utf8(body_for(service, message(repeat("\xff", 5000))))) << service;
    }
}

TEST(TelegramChat, IsReadFromTheQuery) {
    const std::string path = "https://api.telegram.org/bot1:a/sendMessage";
    EXPECT_EQ(telegram_chat_id(path + "?chat_id=-1001234567890"), "-1001234567890");
    EXPECT_EQ(telegram_chat_id(path + "?a=1&chat_id=%40my_channel&chat_id=2"), "@my_channel");
    EXPECT_EQ(telegram_chat_id(path + "?chat%5Fid=%2D5"), "-5");
    EXPECT_EQ(telegram_chat_id(path + "?&&x=%&chat_id=%4"), "%4");
    for (const char* none :
         {"", "?", "?chat_id", "?xchat_id=1", "#?chat_id=1", "?a=chat_id=1", "?CHAT_ID=1"}) {
        EXPECT_EQ(telegram_chat_id(path + none), "") << none;
    }
}

TEST(TelegramChat, IsANumberOrAName) {
    for (const char* good : {"1", "-1001234567890", "4503599627370496", "@abc_9"}) {
        EXPECT_TRUE(is_telegram_chat_id(good)) << good;
    }
    for (const char* bad :
         {"", "-", "0", "01", "+1", "1.5", "1e3", "12345678901234567", "abc", "@", "@a b", "@a\"", "--1"}) {
        EXPECT_FALSE(is_telegram_chat_id(bad)) << bad;
    }
    EXPECT_FALSE(is_telegram_chat_id("@" + repeat("a", 65)));
}

}  // namespace
}  // namespace pricewire::webhook
