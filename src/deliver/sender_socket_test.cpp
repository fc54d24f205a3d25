// The sender against real receivers, over real sockets.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <ctime>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/mutex.hpp"
#include "deliver/sender.hpp"
#include "fakes/fake_secret_box.hpp"
#include "fakes/log_capture.hpp"
#include "fakes/test_storage.hpp"
#include "net/http_client.hpp"
#include "net/http_server.hpp"
#include "queue/in_process/in_process_queue.hpp"
#include "rule/evidence.hpp"
#include "webhook/signature.hpp"

namespace pricewire::deliver {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

const std::string secret = webhook::make_webhook_secret(SignatureScheme::v1).secret;

// A receiver on a free port. Requests that are never answered wait here for its end.
struct Receiver {
    std::unique_ptr<net::HttpServer> server;
    std::vector<net::HttpServer::Respond> hanging;

    Receiver() = default;
    ~Receiver() {
        server->stop(Duration::zero());
        hanging.clear();
    }
    Receiver(const Receiver&) = delete;
    Receiver& operator=(const Receiver&) = delete;
    std::string url(const std::string& host = "127.0.0.1") const {
        return "http://" + host + ":" + std::to_string(server->port()) + "/hook";
    }
};

class SenderSocketTest : public testing::Test {
protected:
    void SetUp() override {
        ASSERT_TRUE(storage_.create_user(
            {{user_, "a@example.com", true, now_}, {}, secrets_.seal(secret, user_.to_string())}));
        options_.urls.allow_http = true;
        options_.urls.allow_ports = {{1, 65535}};
        options_.urls.guard = net::AddressGuard({net::Network::parse("127.0.0.0/8").value()});
        options_.retry = {.attempts = 2, .backoff = {milliseconds{10}, milliseconds{20}}};
    }

    // Answers with `status`; with 0, never.
    std::unique_ptr<Receiver> receiver(int status) {
        auto receiver = std::make_unique<Receiver>();
        net::ServerOptions options;
        options.listen = "127.0.0.1:0";
        options.threads = 1;
        auto server = net::create_http_server(
            options, [this, status, to = receiver.get()](net::ServerRequest&& r, auto respond) {
                MutexLock lock(mutex_);
                const auto value = [&](std::string_view name) {
                    const std::string* h = r.header(name);
                    return h == nullptr ? std::string() : *h;
                };
                const std::string id = value("webhook-id");
                const std::string timestamp = value("webhook-timestamp");
                received_[id]++;
                told_[id] = value("pricewire-event") + " " + r.body;
                const bool good = !timestamp.empty() && r.method == "POST" &&
                                  value("content-type") == "application/json" &&
                                  value("webhook-signature") ==
                                      webhook::sign_webhook(secret, id, std::stoll(timestamp), r.body);
                if (!good) ++bad_;
                net::ServerResponse response;
                response.status = status;
                if (!retry_after_.empty()) response.headers.emplace_back("Retry-After", retry_after_);
                if (status == 302) response.headers.emplace_back("Location", "/elsewhere");
                if (status == 0) {
                    to->hanging.push_back(std::move(respond));
                } else {
                    respond(std::move(response));
                }
            });
        EXPECT_TRUE(server) << server.error().message;
        receiver->server = std::move(*server);
        return receiver;
    }

    std::vector<DeliveryTask> fire(int count, const std::string& to) {
        const FiringGroup g =
            storage_.add_alerts(count, {.user_id = user_, .webhook_url = to, .created_at = now_});
        return storage_.fire(std::span(&g, 1));
    }
    // Of a repeating alert: "BTC rises above <level>".
    Alert add_repeating(const char* level, const std::string& to) {
        Alert alert{.id = make_uuid(now_), .user_id = user_, .ticker = "BTC", .webhook_url = to};
        alert.created_at = now_;
        alert.terms = terms_of(level);
        alert.state.expires_at = now_ + seconds{60};
        alert.notify_on_expiry = true;
        EXPECT_TRUE(storage_.create_alert(alert, 100));
        return alert;
    }
    static std::shared_ptr<const Terms> terms_of(const char* level) {
        return std::make_shared<const Terms>(
            Terms{.rules = {{.ticker = "BTC", .level = {.number = *Decimal::parse(level)}}},
                  .repeat = Repeat{.rearm = {Decimal(), true}}});
    }
    // Its k-th firing.
    Uuid fire_again(const Alert& alert, int k, const char* price) {
        const Timestamp at = now_ + seconds{k};
        RuledFiring firing{.alert_id = alert.id, .delivery_id = make_uuid(at), .number = k, .time = at};
        firing.value = *Decimal::parse(price);
        firing.level = alert.terms->rules[0].level.number;
        firing.evidence = rule::to_json(
            {.rules = {{.level = {.value = firing.level}, .value = firing.value}}, .left_out = k});
        firing.after = {.firings = k, .muted_until = at, .rules = {{.armed = true, .start = at}}};
        FiringGroup group{{"BTC", firing.value, at, 1}, now_, {}};
        group.ruled.push_back(firing);
        EXPECT_EQ(storage_.fire({&group, 1}).size(), 1U);
        return firing.delivery_id;
    }
    bool ended(DeliveryState state, std::size_t count) {
        return storage_.wait_until([&] { return storage_.count(state) == count; });
    }

    const Timestamp now_ = system_clock().now();
    const Uuid user_ = make_uuid(now_);
    SenderOptions options_;
    fakes::FakeSecretBox secrets_;
    fakes::TestStorage storage_;
    std::unique_ptr<queue::DeliveryQueue> queue_ = queue::create_in_process_queue();
    std::unique_ptr<net::HttpClient> client_ = net::create_http_client();
    std::string retry_after_;  // of every receiver; set before a request
    Mutex mutex_;
    std::map<std::string, int> received_ GUARDED_BY(mutex_);
    std::map<std::string, std::string> told_ GUARDED_BY(mutex_);  // pricewire-event and the body
    int bad_ GUARDED_BY(mutex_) = 0;
};

TEST_F(SenderSocketTest, EachDeliveryArrivesOnceAndSigned) {
    const auto server = receiver(200);
    const auto sender = start_sender(options_, storage_, *queue_, *client_, secrets_, system_clock());
    for (int i = 0; i < 10; ++i) queue_->publish(fire(100, server->url()));
    ASSERT_TRUE(ended(DeliveryState::delivered, 1000));
    sender->stop(seconds{30});
    MutexLock lock(mutex_);
    EXPECT_EQ(received_.size(), 1000U);
    EXPECT_TRUE(std::all_of(received_.begin(), received_.end(), [](const auto& r) { return r.second == 1; }));
    EXPECT_EQ(bad_, 0);
}

TEST_F(SenderSocketTest, EachFiringOfARepeatingAlertArrivesAsItWas) {
    const auto server = receiver(200);
    const Alert alert = add_repeating("100", server->url());
    const Uuid first = fire_again(alert, 1, "101"), second = fire_again(alert, 2, "102");
    const auto edit = [](Alert& a) { return (a.terms = terms_of("200"), true); };
    ASSERT_TRUE(storage_.change_alert(user_, alert.id, edit, {.now = now_, .limit = 100}));
    const auto sender = start_sender(options_, storage_, *queue_, *client_, secrets_, system_clock());
    ASSERT_TRUE(ended(DeliveryState::delivered, 2));
    MutexLock lock(mutex_);
    const auto has = [&](const Uuid& id, std::string_view part) REQUIRES(mutex_) {
        EXPECT_NE(told_[id.to_string()].find(part), std::string::npos) << told_[id.to_string()];
    };
    has(first, R"("triggered_price":101,"target_price":100,"condition":"gt")");
    has(first, R"("rule":"BTC rises above 100","firing":1,)");
    has(first, R"("left_out":1,)");
    has(second, R"("triggered_price":102,"target_price":100,"condition":"gt")");
    has(second, R"("rule":"BTC rises above 100","firing":2,)");
    EXPECT_EQ(bad_, 0);
}

TEST_F(SenderSocketTest, TheEndOfAnAlertsLifeArrivesMarkedAsSuchAndIsRetriedLikeAnyOther) {
    fakes::LogCapture log;
    const auto good = receiver(200), bad = receiver(500);
    FiringGroup group{{.ticker = "BTC", .value = *Decimal::parse("99.5"), .time = now_}, now_, {}};
    for (const auto& url : {good->url(), bad->url()}) {
        const Alert alert = add_repeating("100", url);
        const rule::Evidence evidence{
            .closest = rule::Closest{*Decimal::parse("99.8"), *Decimal::parse("0.2"), now_, {}}};
        group.expiries.push_back(
            {alert.id, 1, now_ + seconds{60}, now_, make_uuid(now_), rule::to_json(evidence)});
    }
    const auto tasks = storage_.fire({&group, 1});
    ASSERT_EQ(tasks.size(), 2U);
    const auto sender = start_sender(options_, storage_, *queue_, *client_, secrets_, system_clock());
    ASSERT_TRUE(ended(DeliveryState::delivered, 1));
    ASSERT_TRUE(ended(DeliveryState::failed, 1));
    MutexLock lock(mutex_);
    for (const DeliveryTask& task : tasks) {
        const std::string& told = told_[task.delivery_id.to_string()];
        EXPECT_TRUE(told.starts_with("expired {\"alert_id\":")) << told;
        EXPECT_NE(
            told.find(
                "\"message\":\"Expired: BTC rises above 100. It has not fired. It came as close as 0.2,"),
            std::string::npos)
            << told;
        EXPECT_NE(told.find(R"("event":"expired","closest":{"price":99.8,)"), std::string::npos) << told;
    }
    EXPECT_EQ(received_[tasks[0].delivery_id.to_string()] + received_[tasks[1].delivery_id.to_string()], 3);
    EXPECT_EQ(bad_, 0);
}

TEST_F(SenderSocketTest, AHangingReceiverDoesNotSlowOthers) {
    const auto slow = receiver(0);
    const auto fast = receiver(200);
    options_.timeout = seconds{20};
    const auto sender = start_sender(options_, storage_, *queue_, *client_, secrets_, system_clock());
    queue_->publish(fire(1000, slow->url()));
    queue_->publish(fire(300, fast->url()));
    // No time-out has passed yet: the fast one did not wait for the slow one.
    ASSERT_TRUE(ended(DeliveryState::delivered, 300));
    // They are counted shortly after they are written.
    EXPECT_TRUE(storage_.wait_until([&] { return sender->stats().attempts >= 300; }));
    EXPECT_EQ(sender->stats().attempts, 300U);
    sender->stop(milliseconds{1});
    EXPECT_EQ(storage_.count(DeliveryState::pending), 1000U) << "handed back";
}

TEST_F(SenderSocketTest, ARedirectIsAFailureAndIsNotFollowed) {
    fakes::LogCapture log;
    const auto server = receiver(302);
    const auto sender = start_sender(options_, storage_, *queue_, *client_, secrets_, system_clock());
    const auto tasks = fire(1, server->url());
    queue_->publish(tasks);
    ASSERT_TRUE(ended(DeliveryState::failed, 1));
    const auto attempts = storage_.attempts_of(tasks[0].delivery_id);
    ASSERT_EQ(attempts.size(), 2U);
    EXPECT_EQ(attempts[0].status, 302);
    EXPECT_EQ(attempts[0].error, "the receiver answered 302, a redirect; redirects are not followed");
    MutexLock lock(mutex_);
    EXPECT_EQ(received_[tasks[0].delivery_id.to_string()], 2) << "one request an attempt";
}

TEST_F(SenderSocketTest, RetryAfterIsHonouredInEveryFormOfADate) {
    const auto busy = receiver(503);
    const auto then = std::chrono::floor<seconds>(now_) + std::chrono::hours{2};
    const std::time_t time = std::chrono::system_clock::to_time_t(then);
    std::tm parts{};
    gmtime_r(&time, &parts);
    for (const char* form :
         {"%a, %d %b %Y %H:%M:%S GMT", "%A, %d-%b-%y %H:%M:%S GMT", "%a %b %e %H:%M:%S %Y"}) {
        std::array<char, 64> text{};
        ASSERT_GT(std::strftime(text.data(), text.size(), form, &parts), 0U);
        retry_after_ = text.data();
        const auto sender = start_sender(options_, storage_, *queue_, *client_, secrets_, system_clock());
        const auto tasks = fire(1, busy->url());
        queue_->publish(tasks);
        ASSERT_TRUE(
            storage_.wait_until([&] { return storage_.attempts_of(tasks[0].delivery_id).size() == 1; }));
        const auto all = storage_.all_deliveries();
        const auto shown = std::ranges::find(all, tasks[0].delivery_id, &DeliveryView::id);
        ASSERT_TRUE(shown != all.end() && shown->next_attempt_at);
        EXPECT_GE(*shown->next_attempt_at, then) << retry_after_;
        EXPECT_LE(*shown->next_attempt_at, then + seconds{12}) << retry_after_;
    }
}

TEST_F(SenderSocketTest, ANameWithAForbiddenAddressIsRefusedAtConnect) {
    fakes::LogCapture log;
    const auto server = receiver(200);
    options_.urls.guard = net::AddressGuard();
    const auto sender = start_sender(options_, storage_, *queue_, *client_, secrets_, system_clock());
    const auto tasks = fire(1, server->url("localhost"));
    queue_->publish(tasks);
    ASSERT_TRUE(ended(DeliveryState::failed, 1));
    const auto attempts = storage_.attempts_of(tasks[0].delivery_id);
    EXPECT_NE(attempts[0].error.find("loopback"), std::string::npos) << attempts[0].error;
    EXPECT_FALSE(attempts[0].status);
    MutexLock lock(mutex_);
    EXPECT_TRUE(received_.empty());
}

TEST_F(SenderSocketTest, ASilentReceiverCostsItsTimeout) {
    fakes::LogCapture log;
    const auto server = receiver(0);
    options_.timeout = milliseconds{100};
    const auto sender = start_sender(options_, storage_, *queue_, *client_, secrets_, system_clock());
    const auto tasks = fire(1, server->url());
    queue_->publish(tasks);
    ASSERT_TRUE(ended(DeliveryState::failed, 1));
    const auto attempts = storage_.attempts_of(tasks[0].delivery_id);
    ASSERT_EQ(attempts.size(), 2U);
    for (const Attempt& a : attempts) {
        EXPECT_FALSE(a.status);
        EXPECT_FALSE(a.error.empty());
        EXPECT_GE(a.duration, milliseconds{90});
    }
}

TEST_F(SenderSocketTest, AClosedPortIsAFailure) {
    fakes::LogCapture log;
    std::string nowhere;
    {
        const auto server = receiver(200);
        nowhere = server->url();
    }
    const auto sender = start_sender(options_, storage_, *queue_, *client_, secrets_, system_clock());
    const auto tasks = fire(1, nowhere);
    queue_->publish(tasks);
    ASSERT_TRUE(ended(DeliveryState::failed, 1));
    EXPECT_FALSE(storage_.attempts_of(tasks[0].delivery_id)[0].error.empty());
    EXPECT_EQ(log.count("its attempts are used up"), 1U);
}

}  // namespace
}  // namespace pricewire::deliver
