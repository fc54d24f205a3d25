// What may not be in the sender's log, whatever happens to a delivery.
#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "deliver/dispatcher_fixture.hpp"
#include "webhook/signature.hpp"

namespace pricewire::deliver {
namespace {

// RFC 8291, appendix A.
const std::string p256dh =
    "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4";
const std::string auth = "BTBZMqHH6r4Tts7J_aSIgg";

class DispatcherSecrets : public DispatcherTest {
protected:
    DispatcherSecrets() {
        client_->script = [this](const net::HttpRequest& request) {
            for (const char* header : {"webhook-signature", "authorization"}) {
                const std::string value = fakes::header(request, header);
                if (!value.empty()) signatures_.push_back(value.substr(value.find_first_of(",=") + 1));
            }
            return answer_;
        };
    }
    void set_secret(const std::string& text) {
        ASSERT_TRUE(
            storage_.rotate_webhook_secret(user_, secrets_.seal(text, user_.to_string()), clock_.now()));
    }
    // Nothing of a secret, a key, a signature or a URL's path.
    void expect_nothing_told(const fakes::LogCapture& log) {
        std::vector<std::string> hidden = signatures_;
        for (const std::string& text : secrets_used_) hidden.push_back(text.substr(text.find('_') + 1));
        hidden.insert(hidden.end(), {p256dh, auth, "sealed:", "path-token"});
        for (const std::string& line : log.lines()) {
            for (const std::string& part : hidden) EXPECT_EQ(line.find(part), std::string::npos) << line;
        }
    }

    net::HttpResult answer_ = fakes::http_status(200);
    std::vector<std::string> signatures_;
    std::vector<std::string> secrets_used_{secret, webhook::make_webhook_secret(SignatureScheme::v1a).secret,
                                           "whsec_bm90IGxvbmcgZW5vdWdo", "whsec_{not base64}"};
    const std::string url_ = "https://host{}.example.com/path-token?key=path-token";
};

TEST_F(DispatcherSecrets, NoLineOfTheLogHasOneOrAnythingMadeWithIt) {
    fakes::LogCapture log(log::Level::debug);
    const Result<P256KeyPair> own_key = make_p256_key_pair();
    SenderOptions options;
    options.push_key = [&] { return own_key; };
    options.retry.attempts = 2;
    options.breaker.failures = 1;
    start(options);
    ASSERT_TRUE(storage_.put_push({.id = make_uuid(clock_.now()),
                                   .user_id = user_,
                                   .endpoint = "https://push.example/path-token",
                                   .keys = secrets_.seal(p256dh + " " + auth, user_.to_string()),
                                   .label = "Phone",
                                   .created_at = clock_.now()},
                                  max_push_subscriptions));
    net::HttpResult cut = fakes::http_status(200);
    cut.body_error = "the connection was closed";
    const std::vector<net::HttpResult> answers{
        fakes::http_status(200),
        cut,
        fakes::http_status(500),
        fakes::http_status(302),
        fakes::http_status(401),
        fakes::http_status(410),
        fakes::http_failure(HttpError::timeout, "no answer"),
        fakes::http_failure(HttpError::tls, "certificate expired"),
        fakes::http_failure(HttpError::local, "too many open files"),
    };
    for (const std::string& used : secrets_used_) {
        set_secret(used);
        for (const net::HttpResult& answer : answers) {
            answer_ = answer;
            hint(fire(2, url_));
            pass(seconds{25}, seconds{1});
        }
    }
    hint(fire(1, "http://127.0.0.1/path-token"));
    ASSERT_TRUE(storage_.rotate_webhook_secret(user_, "sealed:nobody:" + secret, clock_.now()));
    hint(fire(1, url_));
    storage_.fail("disk full");
    pass(seconds{5}, seconds{1});
    storage_.heal();
    pass(std::chrono::minutes{3}, seconds{1});
    dispatcher_->begin_stop();
    dispatcher_->finish();
    expect_nothing_told(log);

    // All of that was told of.
    EXPECT_FALSE(signatures_.empty());
    for (const char* line :
         {"attempt delivery_id=", "status=200", "status=500", "a webhook could not be delivered", "no answer",
          "certificate expired", "too many open files", "redirect",
          "error a user's webhooks cannot be signed", "push attempt", "endpoint=127.0.0.1",
          "deliveries can be neither claimed nor recorded"})
        EXPECT_GT(log.count(line), 0U) << line;
}

}  // namespace
}  // namespace pricewire::deliver
