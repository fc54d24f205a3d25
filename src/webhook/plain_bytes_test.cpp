// The bytes that receivers of alerts in the plain form rely on, whatever else alerts learn to say.
#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

#include "base/crypto.hpp"
#include "base/utf8.hpp"
#include "webhook/payload.hpp"

namespace pricewire::webhook {
namespace {

// Deliveries as an alert in the plain form may have them; the same from the same seed, on every machine.
class PlainDeliveries {
public:
    explicit PlainDeliveries(std::uint32_t seed) : random_(seed) {}

    ClaimedDelivery next(PayloadFormat format) {
        ClaimedDelivery d;
        d.id = id();
        d.kind = below(4) == 0 ? DeliveryKind::test : DeliveryKind::alert;
        d.created_at = time();
        Alert& alert = d.alert;
        alert.id = id();
        alert.user_id = id();
        alert.ticker = below(2) == 0 ? "BTC" : "1000PEPE";
        alert.target = decimal();
        alert.condition = below(2) == 0 ? Condition::gt : Condition::lt;
        alert.webhook_url =
            format == PayloadFormat::telegram
                ? "https://api.telegram.org/bot1:a/sendMessage?chat_id=-100" + std::to_string(below(1000) + 1)
                : "https://example.com/hook";
        alert.format = format;
        alert.note = note();
        alert.is_active = false;
        alert.created_at = time();
        alert.triggered_at = time();
        alert.triggered_price = decimal();
        if (below(3) == 0) alert.late = late();
        if (format == PayloadFormat::custom) alert.custom = body();
        return d;
    }

private:
    std::uint32_t below(std::uint32_t limit) { return random_() % limit; }
    Uuid id() {
        Uuid out;
        for (auto& byte : out.bytes) byte = static_cast<std::uint8_t>(below(256));
        return out;
    }
    // A statement for each number drawn: compilers order the operands of one differently.
    Timestamp time() {
        const std::int64_t whole = std::int64_t{below(1'000'000)} * 1'000'003;
        const std::int64_t micros = below(1'000'000);
        return from_micros(1'700'000'000'000'000 + whole + (micros % 2 == 0 ? 0 : micros));
    }
    Decimal decimal() {
        Decimal::Raw raw = below(1'000'000'000);
        for (std::uint32_t i = below(25); i > 0; --i) raw *= 10;
        return Decimal::from_raw(raw + below(1000) + 1);
    }
    std::string note() {
        std::string out;
        static constexpr char32_t points[] = {'"', '\\', '\n', '\t', '{',  '}',    '<',    '>',
                                              '&', '\'', 'a',  ' ',  0xe9, 0x20ac, 0x1f600};
        for (std::uint32_t i = below(3) == 0 ? below(500) : 0; i > 0; --i)
            append_utf8(out, points[below(15)]);
        return out;
    }
    LateFiring late() {
        const Timestamp from = time();
        LateFiring out{from, below(2) == 0 ? from : from + std::chrono::minutes{1}, {"binance"}};
        if (below(2) == 0) out.sources.emplace_back("kraken");
        return out;
    }
    WebhookTemplate body() {
        static const WebhookTemplate all[] = {
            {R"({"t":"{{ticker}} {{note}} {{time}}","p":{{price}},"g":"{{target}}","c":"{{condition}}"})",
             "application/json"},
            {"a={{alert_id}}&n={{note}}&p={{price}}", "application/x-www-form-urlencoded"},
            {"<p>{{note}} {{late}} {{occurred_at}} {{occurred_until}} {{sources}}</p>", "text/html"},
            {"{{{{ {{ticker}} }} {{note}}", "text/plain"}};
        return all[below(4)];
    }

    std::mt19937 random_;
};

std::string digest(PayloadFormat format) {
    PlainDeliveries deliveries(7);
    std::string all;
    for (int i = 0; i < 2000; ++i) {
        const WebhookBody body = webhook_body(deliveries.next(format));
        all.append(body.text).append("\n").append(body.content_type).append(body.test ? " test\n" : "\n");
    }
    return hex_encode(sha256(all));
}

// The digests are of what the program wrote before alerts had rules.
TEST(PlainWebhooks, AreByteForByteWhatTheyWereBeforeAlertsHadRules) {
    EXPECT_EQ(digest(PayloadFormat::json),
              "3ab1746f9617e5cea6d41dc11e83dab1c22cf2783b4bddb505eaac4120647fd7");
    EXPECT_EQ(digest(PayloadFormat::slack),
              "3140c57494efbf4bde758b94f6da608c10c135c32ae325f8597d29336f9e4e5c");
    EXPECT_EQ(digest(PayloadFormat::discord),
              "445d6167d95c0e0d1fe81a755482fe0a3e38f1a4351cd430395975590138800e");
    EXPECT_EQ(digest(PayloadFormat::telegram),
              "3101467d9d7ba590cb3c37f899ce9a13b7c27ea113c058c19d90494911e2af24");
    EXPECT_EQ(digest(PayloadFormat::custom),
              "9a8eeab9afa3a9a2e3c0f29df0d2bd1e7b3e47b229f5b6d013cf6520ca70456f");
}

}  // namespace
}  // namespace pricewire::webhook
