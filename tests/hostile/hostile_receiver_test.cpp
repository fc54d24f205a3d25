#include "support/hostile_receiver.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <set>

#include "base/sanitizers.hpp"
#include "hostile/hostile_fixture.hpp"

namespace pricewire::test {
namespace {

using net::HttpError;

// What the client reports for one kind of receiver: one of these errors, or an answer with this status.
struct Expectation {
    Behaviour behaviour;
    std::vector<HttpError> errors;
    int status = 0;
    std::string body = {};  // the start of the answer's body, if there is one
};

const Expectation expectations[] = {
    {Behaviour::answers, {HttpError::none}, 200, "ok"},
    {Behaviour::gone, {HttpError::none}, 410, "gone"},
    {Behaviour::too_many, {HttpError::none}, 429, "slower"},
    {Behaviour::redirects, {HttpError::none}, 302},
    {Behaviour::drips, {HttpError::timeout}},
    {Behaviour::drips_body, {HttpError::none}, 200},
    {Behaviour::keeps_open, {HttpError::none}, 200, "ok"},
    {Behaviour::informs_first, {HttpError::none}, 200, "ok"},
    {Behaviour::many_headers, {HttpError::none}, 200, "ok"},
    {Behaviour::endless_headers, {HttpError::protocol}},
    {Behaviour::endless_header_line, {HttpError::protocol}},
    {Behaviour::huge_body, {HttpError::none}, 200, "xxx"},
    {Behaviour::gzip_bomb, {HttpError::none}, 200, "\x1f\x8b"},
    {Behaviour::resets_on_accept, {HttpError::protocol, HttpError::connect, HttpError::tls}},
    {Behaviour::resets_after_request, {HttpError::protocol}},
    {Behaviour::resets_in_headers, {HttpError::protocol}},
    // Over TLS its kernel may drop what it has not sent yet.
    {Behaviour::resets_in_body, {HttpError::none, HttpError::protocol}, 200},
    {Behaviour::half_closes, {HttpError::protocol}},
    {Behaviour::silent, {HttpError::timeout}},
    {Behaviour::stalls_handshake, {HttpError::timeout}},
    {Behaviour::http09, {HttpError::protocol}},
    {Behaviour::informational_flood, {HttpError::protocol}},
    {Behaviour::answers_early, {HttpError::none}, 200, "early"},
    {Behaviour::ends_early, {HttpError::none}, 200, "ten bytes."},
    {Behaviour::says_too_much, {HttpError::none}, 200, "ok"},
    {Behaviour::negative_length, {HttpError::none}, 200},
    {Behaviour::two_lengths, {HttpError::none}, 200},
    {Behaviour::garbage_chunks, {HttpError::none}, 200},
    {Behaviour::huge_chunk, {HttpError::none}, 200},
    {Behaviour::garbage, {HttpError::protocol}},
};

constexpr std::int64_t mebibyte = 1024 * 1024;

// This process's peak memory in bytes (proc(5), VmHWM).
std::int64_t peak_memory() {
    std::ifstream status("/proc/self/status");
    std::string word;
    while (status >> word) {
        std::int64_t kib = 0;
        if (word == "VmHWM:" && status >> kib) return kib * 1024;
    }
    throw std::runtime_error("no VmHWM in /proc/self/status");
}

const TestAuthority& authority() {
    static const TestAuthority one;
    return one;
}

struct Case {
    Expectation expected;
    bool tls = false;
};

std::string name_of(const Case& c) {
    return std::string(to_string(c.expected.behaviour)) + (c.tls ? "_tls" : "");
}

void PrintTo(const Case& c, std::ostream* out) {
    *out << name_of(c);
}

std::vector<Case> cases() {
    std::vector<Case> out;
    for (const Expectation& expected : expectations) {
        out.push_back({expected, false});
        // This one implements its own broken TLS.
        if (expected.behaviour != Behaviour::stalls_handshake) out.push_back({expected, true});
    }
    return out;
}

class HostileReceiverTest : public testing::TestWithParam<Case> {
protected:
    static HostileReceiver receiver_of(const Case& c) {
        HostileOptions options{.behaviour = c.expected.behaviour};
        if (c.tls) options.identity = authority().issue({.names = {"127.0.0.1"}});
        options.redirect_to = "http://127.0.0.1:1/";
        return HostileReceiver(std::move(options));
    }

    std::unique_ptr<net::HttpClient> client_ = make_client();
};

void expect(const net::HttpResult& result, const Expectation& expected) {
    EXPECT_TRUE(std::find(expected.errors.begin(), expected.errors.end(), result.error) !=
                expected.errors.end())
        << net::to_string(result.error) << ": " << result.error_text;
    if (result.error == HttpError::none) {
        EXPECT_EQ(result.status, expected.status);
        EXPECT_EQ(result.body.substr(0, expected.body.size()), expected.body);
    } else {
        EXPECT_EQ(result.status, 0);
        EXPECT_FALSE(result.error_text.empty());
    }
    EXPECT_LE(result.body.size(), 64U * 1024);
    EXPECT_LE(result.headers.size(), 100U);
}

TEST_P(HostileReceiverTest, IsBoundedAndDelaysNoOther) {
    const Case& c = GetParam();
    HostileReceiver healthy({.behaviour = Behaviour::answers});
    const HostileReceiver hostile = receiver_of(c);
    const std::int64_t memory_before = peak_memory();

    std::vector<std::future<net::HttpResult>> open;
    for (int i = 0; i < 4; ++i) {
        net::HttpRequest request = webhook_to(hostile.url());
        request.verify_tls = false;
        // Only a receiver that hangs may use up the timeout; anything else that is slow is this machine.
        if (c.expected.errors.front() != HttpError::timeout) request.timeout = std::chrono::seconds{20};
        open.push_back(start(*client_, std::move(request)));
    }
    // The healthy receiver is served throughout and afterwards.
    const auto all_ended = [&] {
        return std::all_of(open.begin(), open.end(), [](const auto& answer) {
            return answer.wait_for(std::chrono::seconds{0}) == std::future_status::ready;
        });
    };
    const auto give_up_at = std::chrono::steady_clock::now() + patience;
    bool ended = false;
    int served = 0;
    do {
        ended = all_ended();
        net::HttpRequest request = webhook_to(healthy.url());
        request.timeout = patience;
        const auto result = send(*client_, std::move(request));
        ASSERT_EQ(result.status, 200) << result.error_text;
        ++served;
    } while (!ended && std::chrono::steady_clock::now() < give_up_at);
    ASSERT_TRUE(ended) << "requests did not end";
    EXPECT_EQ(healthy.requests(), served);

    for (auto& answer : open) expect(answer.get(), c.expected);
    EXPECT_GE(hostile.connections(), 1);
    // It could send only as much as the kernel buffers, not everything it had.
    EXPECT_LT(hostile.bytes_written(), 64 * mebibyte);
    if (!is_sanitized) {
        EXPECT_LT(peak_memory() - memory_before, 64 * mebibyte);
    }
}

INSTANTIATE_TEST_SUITE_P(All, HostileReceiverTest, testing::ValuesIn(cases()),
                         [](const testing::TestParamInfo<Case>& info) { return name_of(info.param); });

TEST(HostileReceivers, EveryKindHasAnExpectation) {
    std::set<Behaviour> seen;
    for (const Expectation& expected : expectations) seen.insert(expected.behaviour);
    EXPECT_EQ(seen.size(), all_behaviours().size());
}

TEST(HostileReceivers, ReportsRetryAfterAndLocationAndDoesNotFollowRedirects) {
    const auto client = make_client();
    const HostileReceiver target({.behaviour = Behaviour::answers});
    const HostileReceiver redirects({.behaviour = Behaviour::redirects, .redirect_to = target.url()});
    const auto redirected = send(*client, webhook_to(redirects.url()));
    EXPECT_EQ(redirected.status, 302);
    ASSERT_NE(redirected.header("location"), nullptr);
    EXPECT_EQ(*redirected.header("location"), target.url());
    EXPECT_EQ(target.connections(), 0);

    const HostileReceiver busy({.behaviour = Behaviour::too_many, .retry_after = std::chrono::seconds{42}});
    const auto refused = send(*client, webhook_to(busy.url()));
    ASSERT_NE(refused.header("retry-after"), nullptr);
    EXPECT_EQ(*refused.header("retry-after"), "42");
}

TEST(HostileReceivers, UnsolicitedDataIsNotTakenForTheNextAnswer) {
    const auto client = make_client();
    const HostileReceiver talker({.behaviour = Behaviour::says_too_much});
    for (int i = 0; i < 5; ++i) {
        const auto result = send(*client, webhook_to(talker.url()));
        EXPECT_EQ(result.status, 200) << result.error_text;
        EXPECT_EQ(result.body, "ok");
    }
}

struct CertificateCase {
    const char* name;
    TlsIdentity identity;
    const char* complaint;  // in the error's text if the authority is trusted
};

TEST(HostileReceivers, RejectsAnInvalidCertificateBeforeSendingTheRequest) {
    const auto client = make_client({.ca_file = authority().file(), .dns_servers = {}});
    const CertificateCase bad[] = {
        {"wrong name", authority().issue({.names = {"example.com"}}), "127.0.0.1"},
        {"no name", authority().issue({.names = {}}), "127.0.0.1"},
        {"expired",
         authority().issue(
             {.names = {"127.0.0.1"}, .from = -std::chrono::hours{48}, .until = -std::chrono::hours{24}}),
         "expired"},
        {"not yet valid",
         authority().issue(
             {.names = {"127.0.0.1"}, .from = std::chrono::hours{24}, .until = std::chrono::hours{48}}),
         "not yet valid"},
        {"self-signed", self_signed({.names = {"127.0.0.1"}}), "self-signed"},
        {"of an untrusted authority", TestAuthority().issue({.names = {"127.0.0.1"}}), ""},
    };
    for (const CertificateCase& c : bad) {
        const HostileReceiver receiver({.behaviour = Behaviour::answers, .identity = c.identity});
        const auto result = send(*client, webhook_to(receiver.url()));
        EXPECT_EQ(result.error, HttpError::tls) << c.name << ": " << result.error_text;
        EXPECT_NE(result.error_text.find(c.complaint), std::string::npos) << result.error_text;
        EXPECT_EQ(receiver.requests(), 0) << c.name;
    }
    const HostileReceiver good(
        {.behaviour = Behaviour::answers, .identity = authority().issue({.names = {"127.0.0.1"}})});
    const auto result = send(*client, webhook_to(good.url()));
    EXPECT_EQ(result.status, 200) << result.error_text;
}

}  // namespace
}  // namespace pricewire::test
