#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <array>
#include <set>
#include <thread>

#include "base/backoff.hpp"
#include "base/clock.hpp"
#include "base/crypto.hpp"
#include "base/json_writer.hpp"
#include "base/mailbox.hpp"
#include "base/small_string.hpp"
#include "base/uuid.hpp"

namespace pricewire::inline base {
namespace {

using namespace std::chrono_literals;

TEST(Clock, WritesAndReadsRfc3339) {
    EXPECT_EQ(format_rfc3339(from_micros(1'735'689'600'000'000)), "2025-01-01T00:00:00Z");
    EXPECT_EQ(format_rfc3339(from_micros(1'735'689'600'250'000)), "2025-01-01T00:00:00.25Z");
    EXPECT_EQ(to_micros(parse_rfc3339("2025-01-01T02:00:00.250000999+02:00").value()), 1'735'689'600'250'000);
    for (const char* text :
         {"", "2025-01-01", "2025-13-01T00:00:00Z", "2025-02-30T00:00:00Z", "2025-01-01T24:00:00Z",
          "2025-01-01T00:00:00", "2025-01-01T00:00:00.Z", "2025-01-01T00:00:00Zx"}) {
        EXPECT_FALSE(parse_rfc3339(text)) << text;
    }
    rc::check([](std::int64_t us) {
        const Timestamp t = from_micros(us % 250'000'000'000'000'000);
        if (t < from_micros(-62'000'000'000'000'000)) return;
        RC_ASSERT(parse_rfc3339(format_rfc3339(t)).value() == t);
    });
}

TEST(Clock, ReadsDurationsAsPeopleWriteThem) {
    EXPECT_EQ(parse_duration("200ms").value(), 200ms);
    EXPECT_EQ(parse_duration("10s").value(), 10s);
    EXPECT_EQ(parse_duration("5m").value(), 5min);
    EXPECT_EQ(parse_duration("24h").value(), 24h);
    EXPECT_EQ(parse_duration("90d").value(), 24h * 90);
    for (const char* text : {"", "10", "s", "-1s", "1.5s", "10 s", "1w", "999999999999999999h", "5000000h"}) {
        EXPECT_FALSE(parse_duration(text)) << text;
    }
    EXPECT_EQ(parse_seconds("90"), 90s);
    EXPECT_EQ(parse_seconds("-1.5e-3"), -1500us);
    EXPECT_EQ(parse_seconds("0.0000019"), 1us);
    EXPECT_EQ(parse_seconds("18446744073769.551616"), Duration::max()) << "2^64 microseconds and a minute";
    EXPECT_EQ(parse_seconds("-1e15"), Duration::min());
    for (const char* text : {"", "10s", "+1", "1e30"}) EXPECT_FALSE(parse_seconds(text)) << text;
    EXPECT_EQ(format_duration(90s), "90s");
    EXPECT_EQ(format_duration(24h), "24h");
    EXPECT_EQ(format_duration(1500ms), "1500ms");
    EXPECT_EQ(format_duration(0s), "0s");
}

TEST(Uuid, IsVersion7AndInOrderWithinAThread) {
    const Timestamp now = from_micros(1'700'000'000'000'000);
    Uuid last = make_uuid(now);
    EXPECT_EQ(last.bytes[6] >> 4, 7);
    EXPECT_EQ(last.bytes[8] >> 6, 2);
    for (int i = 0; i < 10'000; ++i) {
        const Uuid next = make_uuid(now);
        ASSERT_LT(last, next);
        last = next;
    }
    EXPECT_EQ(Uuid::parse(last.to_string()), last);
    for (const char* text : {"", "0198c9c4", "0198c9c4-7c1a-7a3b-8f00-0123456789ag",
                             "0198c9c47c1a7a3b8f000123456789ab", "0198c9c4-7c1a-7a3b-8f00-0123456789abc"}) {
        EXPECT_FALSE(Uuid::parse(text)) << text;
    }
}

TEST(Uuid, IsUniqueAcrossThreads) {
    std::vector<std::vector<Uuid>> made(4);
    std::vector<std::thread> threads;
    for (auto& out : made) {
        threads.emplace_back([&out] {
            for (int i = 0; i < 5000; ++i) out.push_back(make_uuid(system_clock().now()));
        });
    }
    for (auto& thread : threads) thread.join();
    std::set<Uuid> all;
    for (const auto& out : made) all.insert(out.begin(), out.end());
    EXPECT_EQ(all.size(), 20'000U);
}

TEST(Crypto, AgreesWithPublishedVectors) {
    // FIPS 180-2 appendix B.1; RFC 4231 test case 2; RFC 4648 section 10.
    EXPECT_EQ(hex_encode(sha256("abc")), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    EXPECT_EQ(hex_encode(hmac_sha256(as_bytes("Jefe"), "what do ya want for nothing?")),
              "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    EXPECT_EQ(base64_encode(as_bytes("foob")), "Zm9vYg==");
    EXPECT_EQ(base64_encode({}), "");
    EXPECT_EQ(base64url_encode(as_bytes("\xfb\xff\xfe")), "-__-");
}

TEST(Crypto, Base64RefusesAnyOtherSpelling) {
    for (const char* text : {"Zg", "Zg=", "Zh==", "Z===", "Zg==Zg==", "Zm 9", "Zm9\n", "-_-_", "===="}) {
        EXPECT_FALSE(base64_decode(text)) << text;
    }
    rc::check([](const std::vector<std::uint8_t>& bytes) {
        RC_ASSERT(base64_decode(base64_encode(bytes)) == bytes);
    });
    EXPECT_TRUE(equal_constant_time("same", "same"));
    EXPECT_FALSE(equal_constant_time("same", "sama"));
    EXPECT_FALSE(equal_constant_time("same", "samesame"));
}

TEST(JsonWriter, WritesValidJsonForAnyText) {
    JsonWriter w;
    w.begin_object()
        .field("a", "q\"\\\n\x01\x7f")
        .field("b", true)
        .field("c", std::optional<int>{})
        .key("d")
        .begin_array();
    w.value(1).value(Decimal::parse("0.10").value()).value("").end_array().field("e", 1.5).end_object();
    EXPECT_EQ(w.str(), R"({"a":"q\"\\\n\u0001\u007f","b":true,"c":null,"d":[1,0.1,""],"e":1.5})");
    std::string out;
    append_json_string(out, "ok \xc3\xa9 \xf0\x9f\x98\x80 bad \xff \xc3 \xed\xa0\x80 \xc0\xaf");
    EXPECT_EQ(out,
              "\"ok \xc3\xa9 \xf0\x9f\x98\x80 bad \\ufffd \\ufffd \\ufffd\\ufffd\\ufffd \\ufffd\\ufffd\"");
}

TEST(Backoff, DoublesUpToItsCeilingAndJittersBelowIt) {
    const BackoffPolicy policy{10s, 600s};
    EXPECT_EQ(policy.ceiling(1), 10s);
    EXPECT_EQ(policy.ceiling(3), 40s);
    EXPECT_EQ(policy.ceiling(7), 600s);
    EXPECT_EQ(policy.ceiling(1000), 600s);
    Rng rng(1);
    for (int i = 0; i < 1000; ++i) {
        EXPECT_LE(policy.full_jitter(3, rng), 40s);
        EXPECT_GE(policy.equal_jitter(3, rng), 20s);
        EXPECT_LE(policy.equal_jitter(3, rng), 40s);
    }
}

TEST(Mailbox, KeepsEachSendersOrderAndLosesNothing) {
    Mailbox<std::pair<int, int>> box(64);  // small, so that senders wait for room
    std::vector<std::thread> senders;
    constexpr int each = 5000;
    for (int s = 0; s < 4; ++s) {
        senders.emplace_back([&box, s] {
            for (int i = 0; i < each; ++i) box.push({s, i});
        });
    }
    std::thread closer([&] {
        for (auto& sender : senders) sender.join();
        box.close();
    });
    std::array<int, 4> next{};
    std::vector<std::pair<int, int>> batch;
    while (box.drain(batch)) {
        for (const auto& [sender, number] : batch)
            ASSERT_EQ(number, next[static_cast<std::size_t>(sender)]++);
    }
    closer.join();
    EXPECT_EQ(next, (std::array<int, 4>{each, each, each, each}));
    EXPECT_FALSE(box.push({0, 0}));
}

TEST(Mailbox, ReturnsFalseWhenFullAndWhenLate) {
    Mailbox<int> box(1);
    EXPECT_TRUE(box.try_push(1));
    EXPECT_FALSE(box.try_push(2));
    std::vector<int> batch;
    EXPECT_TRUE(box.drain(batch, std::chrono::steady_clock::now()));
    EXPECT_EQ(batch, std::vector<int>{1});
    EXPECT_FALSE(box.drain(batch, std::chrono::steady_clock::now()));
}

TEST(SmallString, ComparesAsTextAndCutsLongInput) {
    using Name = SmallString<4>;
    EXPECT_EQ(Name("BTC").view(), "BTC");
    EXPECT_EQ(Name("DOGECOIN").view(), "DOGE");
    EXPECT_LT(Name("B"), Name("BT"));
    EXPECT_LT(Name("BTC"), Name("ETH"));
    EXPECT_TRUE(Name().empty());
}

}  // namespace
}  // namespace pricewire::inline base
