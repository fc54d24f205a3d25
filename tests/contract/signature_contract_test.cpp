// Pricewire's signatures are verified by the npm package `standardwebhooks` (v1) and by Node's own crypto (v1a), also
// during a rotation; tampered messages are not.
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/json_writer.hpp"
#include "base/uuid.hpp"
#include "deliver/request.hpp"
#include "secrets/sealed.hpp"
#include "webhook/signature.hpp"

namespace pricewire::contract {
namespace {

struct Message {
    std::string secret, id, timestamp, body, signature;
};

struct Verdict {
    int exit_code = -1;
    std::string output;
};

const std::filesystem::path contract_dir = std::filesystem::path(PRICEWIRE_SOURCE_DIR) / "tests/contract";

Verdict verify(const std::vector<Message>& messages) {
    const std::filesystem::path file = std::filesystem::temp_directory_path() /
                                       ("pricewire-signatures-" + std::to_string(getpid()) + ".jsonl");
    {
        std::ofstream out(file);
        for (const Message& m : messages) {
            JsonWriter w;
            w.begin_object()
                .field("secret", m.secret)
                .field("id", m.id)
                .field("timestamp", m.timestamp)
                .field("body", m.body)
                .field("signature", m.signature)
                .end_object();
            out << w.str() << '\n';
        }
    }
    const std::string command =
        "node '" + (contract_dir / "verify_signature.mjs").string() + "' < '" + file.string() + "' 2>&1";
    Verdict verdict;
    std::FILE* pipe = popen(command.c_str(), "r");
    if (pipe == nullptr) return verdict;
    std::array<char, 4096> buffer;
    while (const std::size_t n = std::fread(buffer.data(), 1, buffer.size(), pipe)) {
        verdict.output.append(buffer.data(), n);
    }
    const int status = pclose(pipe);
    verdict.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    std::filesystem::remove(file);
    return verdict;
}

class SignatureContract : public testing::Test {
protected:
    void SetUp() override {
        if (!std::filesystem::exists(contract_dir / "node_modules/standardwebhooks")) {
            GTEST_SKIP() << "the npm packages are not installed: run `npm ci` in tests/contract";
        }
        if (std::system("node --version > /dev/null 2>&1") != 0) GTEST_SKIP() << "node is not installed";
    }

    std::int64_t seconds_now() const {
        return std::chrono::floor<std::chrono::seconds>(system_clock().now()).time_since_epoch().count();
    }

    // The message that a receiver with this secret gets.
    Message sign(const NewWebhookSecret& secret, const std::string& body, std::int64_t offset = 0) {
        const std::int64_t timestamp = seconds_now() + offset;
        Message m{
            secret.shown, make_uuid(system_clock().now()).to_string(), std::to_string(timestamp), body, {}};
        m.signature = webhook::sign_webhook(secret.secret, m.id, timestamp, body).value();
        return m;
    }

    // The message sent during a rotation from `old` to `fresh`, with a day left.
    Message sign_while_rotating(const NewWebhookSecret& old, const NewWebhookSecret& fresh) {
        const auto box = secrets::create_secret_box({});
        const std::int64_t timestamp = seconds_now();
        Message m{
            {}, make_uuid(system_clock().now()).to_string(), std::to_string(timestamp), R"({"price":7})", {}};
        const WebhookSecrets secrets{box->seal(fresh.secret, "user"), box->seal(old.secret, "user"),
                                     system_clock().now() + std::chrono::hours{24}};
        m.signature = webhook::sign_delivery(secrets, *box, "user", m.id, timestamp, m.body).value();
        return m;
    }

    // The message that the sender makes of a delivery.
    Message deliver(ClaimedDelivery delivery, const std::string& secret) {
        const auto box = secrets::create_secret_box({});
        delivery.secrets.current = box->seal(secret, delivery.alert.user_id.to_string());
        const auto request = deliver::webhook_request(delivery, *box, system_clock().now(), "test").value();
        Message m{.secret = secret, .body = request.body};
        for (const auto& [name, value] : request.headers) {
            if (name == "webhook-id") m.id = value;
            if (name == "webhook-timestamp") m.timestamp = value;
            if (name == "webhook-signature") m.signature = value;
        }
        return m;
    }

    std::mt19937_64 rng_{20'250'101};
};

TEST_F(SignatureContract, OtherLibrariesVerifyTheSignatures) {
    std::vector<Message> messages;
    for (int i = 0; i < 100; ++i) {
        const Timestamp now = system_clock().now();
        ClaimedDelivery d{.id = make_uuid(now), .attempt = 1, .created_at = now};
        d.alert.id = make_uuid(now);
        d.alert.ticker = i % 2 == 0 ? "BTC" : "DOGE";
        d.alert.condition = i % 3 == 0 ? Condition::lt : Condition::gt;
        d.alert.target = Decimal::from_raw(static_cast<Decimal::Raw>(rng_() >> 1));
        d.alert.triggered_price = Decimal::from_raw(static_cast<Decimal::Raw>(rng_() >> 1) * 1000);
        d.alert.created_at = now;
        d.alert.triggered_at = now;
        messages.push_back(deliver(d, webhook::make_webhook_secret(SignatureScheme::v1).secret));
    }
    const std::vector<std::string> texts{
        "",
        "plain",
        "Ünïcödé",
        "Прайсвайр",
        "価格アラート",
        "\xf0\x9f\x9a\x80 to the moon",
        "quote \" and backslash \\",
        "tab\tnewline\nreturn\r",
        "line\xe2\x80\xa8separator",
        std::string("nul\0inside", 10),
        "e\xcc\x81 combining",
        std::string(20'000, 'x'),
    };
    for (int i = 0; i < 100; ++i) {
        JsonWriter w;
        w.begin_object()
            .field("text", texts[static_cast<std::size_t>(i) % texts.size()])
            .field("number", static_cast<std::int64_t>(rng_()))
            .end_object();
        messages.push_back(sign(webhook::make_webhook_secret(SignatureScheme::v1), w.str(), i - 50));
        messages.push_back(sign(webhook::make_webhook_secret(SignatureScheme::v1a), w.str(), i - 50));
    }
    const Verdict verdict = verify(messages);
    EXPECT_EQ(verdict.exit_code, 0) << verdict.output;
    EXPECT_EQ(verdict.output, "300 verified\n");
}

TEST_F(SignatureContract, OtherLibrariesRefuseTamperedMessages) {
    for (const SignatureScheme scheme : {SignatureScheme::v1, SignatureScheme::v1a}) {
        const NewWebhookSecret secret = webhook::make_webhook_secret(scheme);
        const Message good = sign(secret, R"({"price":70000})");
        ASSERT_EQ(verify({good}).exit_code, 0);

        const auto expect_refused = [&](const char* what, auto&& tamper) {
            Message m = good;
            tamper(m);
            const Verdict verdict = verify({good, m});
            EXPECT_EQ(verdict.exit_code, 1) << what << ": " << verdict.output;
            EXPECT_NE(verdict.output.find("line 2: "), std::string::npos) << what << ": " << verdict.output;
            EXPECT_NE(verdict.output.find("1 verified"), std::string::npos) << what << ": " << verdict.output;
        };
        expect_refused("body", [](Message& m) { m.body = R"({"price":70001})"; });
        expect_refused("white space in the body", [](Message& m) { m.body = R"({"price": 70000})"; });
        expect_refused("id", [](Message& m) { m.id.back() = m.id.back() == '0' ? '1' : '0'; });
        expect_refused("timestamp",
                       [](Message& m) { m.timestamp = std::to_string(std::stoll(m.timestamp) - 1); });
        expect_refused("signature", [](Message& m) { m.signature[10] = m.signature[10] == 'A' ? 'B' : 'A'; });
        expect_refused("version", [](Message& m) { m.signature.replace(0, m.signature.find(','), "v2"); });
        expect_refused("secret", [&](Message& m) { m.secret = webhook::make_webhook_secret(scheme).shown; });
        const Message old = sign(secret, "{}", -3600);
        expect_refused("an old message", [&](Message& m) { m = old; });
    }
}

TEST_F(SignatureContract, DuringARotationOnlyTheOldAndTheNewSecretVerify) {
    using enum SignatureScheme;
    for (const auto& [from, to] : {std::pair{v1, v1}, {v1, v1a}, {v1a, v1}, {v1a, v1a}}) {
        const NewWebhookSecret old = webhook::make_webhook_secret(from);
        const NewWebhookSecret fresh = webhook::make_webhook_secret(to);
        Message m = sign_while_rotating(old, fresh);
        const auto verdict_for = [&](const std::string& shown) {
            m.secret = shown;
            return verify({m});
        };
        const std::string what = m.signature;
        EXPECT_NE(what.find(' '), what.npos);
        EXPECT_EQ(verdict_for(old.shown).exit_code, 0) << what;
        EXPECT_EQ(verdict_for(fresh.shown).exit_code, 0) << what;
        EXPECT_EQ(verdict_for(webhook::make_webhook_secret(v1).shown).exit_code, 1) << what;
        EXPECT_EQ(verdict_for(webhook::make_webhook_secret(v1a).shown).exit_code, 1) << what;
        m.body = R"({"price":8})";
        EXPECT_EQ(verdict_for(old.shown).exit_code, 1) << what;
        EXPECT_EQ(verdict_for(fresh.shown).exit_code, 1) << what;
    }
}

}  // namespace
}  // namespace pricewire::contract
