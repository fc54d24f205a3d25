// Senders that divide users, and with them their endpoints: three of them on real servers, which join, die and hang.
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/clock.hpp"
#include "base/mutex.hpp"
#include "net/http_server.hpp"
#include "scenarios/sides.hpp"
#include "support/deployment.hpp"

namespace pricewire::test {
namespace {

using namespace std::chrono_literals;

// Answers each request after a while, and counts how many wait for that.
class SlowReceiver {
public:
    SlowReceiver() {
        net::ServerOptions options;
        options.listen = "127.0.0.1:0";
        options.threads = 1;
        server_ = net::create_http_server(options, [this](net::ServerRequest&& request, auto respond) {
                      const std::string* id = request.header("webhook-id");
                      const std::string* signed_at = request.header("webhook-timestamp");
                      MutexLock lock(mutex_);
                      if (signed_at != nullptr)
                          signed_.push_back(Timestamp{std::chrono::seconds{std::stoll(*signed_at)}});
                      if (id != nullptr) ids_.insert(*id);
                      ++requests_;
                      waiting_.emplace_back(system_clock().mono() + 50ms, std::move(respond));
                      most_ = std::max(most_, waiting_.size());
                  }).value();
        thread_ = std::thread([this] { answer(); });
    }
    ~SlowReceiver() {
        {
            MutexLock lock(mutex_);
            ended_ = true;
        }
        thread_.join();
        server_->stop(Duration::zero());
    }
    SlowReceiver(const SlowReceiver&) = delete;
    SlowReceiver& operator=(const SlowReceiver&) = delete;

    std::string url() const { return "http://127.0.0.1:" + std::to_string(server_->port()) + "/"; }
    std::size_t arrived() const {
        MutexLock lock(mutex_);
        return ids_.size();
    }
    std::size_t requests() const {
        MutexLock lock(mutex_);
        return requests_;
    }
    // By their signatures.
    std::vector<Timestamp> times() const {
        MutexLock lock(mutex_);
        return signed_;
    }
    // The most that have waited at a time, since the last call.
    std::size_t take_most() {
        MutexLock lock(mutex_);
        return std::exchange(most_, 0);
    }

private:
    void answer() {
        while (true) {
            std::deque<net::HttpServer::Respond> due;
            {
                MutexLock lock(mutex_);
                if (ended_) return;
                while (!waiting_.empty() && waiting_.front().first <= system_clock().mono()) {
                    due.push_back(std::move(waiting_.front().second));
                    waiting_.pop_front();
                }
            }
            for (auto& respond : due) respond({.status = 204});
            std::this_thread::sleep_for(1ms);
        }
    }

    mutable Mutex mutex_;
    std::deque<std::pair<MonoTime, net::HttpServer::Respond>> waiting_ GUARDED_BY(mutex_);
    std::set<std::string> ids_ GUARDED_BY(mutex_);
    std::size_t most_ GUARDED_BY(mutex_) = 0;
    std::size_t requests_ GUARDED_BY(mutex_) = 0;
    std::vector<Timestamp> signed_ GUARDED_BY(mutex_);
    bool ended_ GUARDED_BY(mutex_) = false;
    std::unique_ptr<net::HttpServer> server_;
    std::thread thread_;
};

constexpr std::size_t window = 8;

class SenderShards : public ::testing::Test {
protected:
    void SetUp() override {
        if (!can_run(Side::cluster)) GTEST_SKIP() << why_not_run;
    }
    void begin(std::map<std::string, Duration> skews = {}) {
        DeploymentOptions options =
            on(Side::cluster, {.sim = {"--paused"},
                               .config = {{"PRICEWIRE_LIMITS_ALERTS_PER_USER", "10000"},
                                          {"PRICEWIRE_LIMITS_REGISTER", "1000/1s"},
                                          {"PRICEWIRE_MARKET_QUOTE_TTL", "60s"},
                                          {"PRICEWIRE_DELIVERY_PER_ENDPOINT", std::to_string(window)},
                                          {"PRICEWIRE_DELIVERY_TIMEOUT", "2s"}}});
        options.skews = std::move(skews);
        options.cluster->of_each = 3;
        deployment_.emplace(options);
        deployment().start_pricewire();
        for (const char* name : {"api2", "api3", "feed2", "feed3", "checker2", "checker3"})
            deployment().process(name).kill();
        wait_until_settled(senders_);
        deployment().wait_until("the stream",
                                [&] { return json_member(deployment().sim_status(), "clients") == "1"; });
    }
    Deployment& deployment() { return *deployment_; }
    // Those that live hold their shares, as all of them see it.
    void wait_until_settled(const std::vector<std::string>& living) {
        const int count = static_cast<int>(living.size());
        deployment().wait_until("senders to hold their shares", [&] {
            return std::ranges::all_of(living, [&](const std::string& sender) {
                return deployment().figure(sender, R"(pricewire_members{role="sender"})") == count &&
                       deployment().figure(sender, R"(pricewire_members_settled{role="sender"})") == count;
            });
        });
    }
    // On one price, each with a path of its own.
    void alerts_above(const Account& account, const std::string& url, std::size_t count, int level,
                      const std::string& terms = {}) {
        for (std::size_t made = 0; made < count; made += 500) {
            std::string body;
            for (std::size_t i = made; i < std::min(count, made + 500); ++i) {
                body += body.empty() ? "[" : ",";
                body += R"({"ticker":"BTC","condition":"gt","target_price":)" + std::to_string(level) +
                        R"(,"webhook_url":")" + url + std::to_string(level) + "/" + std::to_string(i) + "\"" +
                        terms + "}";
            }
            const auto answer = deployment().http().post(deployment().api("/alerts/bulk"), body + "]",
                                                         {{"X-API-Key", account.api_key}});
            ASSERT_EQ(answer.status, 200) << answer.body.substr(0, 500);
        }
    }
    void cross(int level) { deployment().sim_post("price/BTCUSDT", std::to_string(level + 1)); }
    int attempts_of(const std::string& sender) {
        return std::max(
            0, deployment().figure(sender,
                                   R"(pricewire_delivery_attempts_total{outcome="delivered",result="2xx"})"));
    }
    // The senders of these that have made attempts since then.
    std::vector<std::string> at_work(const std::vector<std::string>& among,
                                     const std::map<std::string, int>& since) {
        std::vector<std::string> out;
        for (const std::string& sender : among) {
            if (attempts_of(sender) > since.at(sender)) out.push_back(sender);
        }
        return out;
    }
    std::map<std::string, int> attempts(const std::vector<std::string>& senders) {
        std::map<std::string, int> out;
        for (const std::string& sender : senders) out[sender] = attempts_of(sender);
        return out;
    }
    static std::vector<std::string> without(std::vector<std::string> senders, const std::string& one) {
        std::erase(senders, one);
        return senders;
    }

    const std::vector<std::string> senders_{"sender1", "sender2", "sender3"};
    std::optional<Deployment> deployment_;
};

TEST_F(SenderShards, OneIsInChargeOfAnEndpointAndItsWindowIsExceededByOneAtMostWhoeverJoinsDiesOrHangs) {
    constexpr std::size_t all = 6000;
    begin();
    SlowReceiver receiver;
    const Account account = deployment().register_user("window@example.com");
    alerts_above(account, receiver.url(), all, 100);
    std::size_t most = 0;
    const auto wait_for_more = [&](std::size_t count) {
        const std::size_t enough = std::min(all, receiver.arrived() + count);
        deployment().wait_until("more webhooks", [&] { return receiver.arrived() >= enough; });
    };
    const auto wait_for_full_use = [&] {
        deployment().wait_until("all of the window to be used", [&] {
            const std::size_t now = receiver.take_most();
            most = std::max(most, now);
            return now >= window;
        });
        EXPECT_LT(receiver.arrived(), all);
    };
    // The only one of these that makes attempts.
    const auto in_charge = [&](const std::vector<std::string>& among) {
        // Figures are a second old at most, and who has been settled for longer makes no more attempts.
        const auto since = attempts(among);
        deployment().wait_until("attempts", [&] { return !at_work(among, since).empty(); });
        wait_for_more(50);
        const auto working = at_work(among, since);
        EXPECT_EQ(working.size(), 1U);
        return working.empty() ? among.front() : working.front();
    };
    cross(100);
    wait_for_full_use();
    const std::string first = in_charge(senders_);
    deployment().process(first).kill();
    std::vector<std::string> living = without(senders_, first);
    wait_until_settled(living);
    wait_for_full_use();
    const std::string second = in_charge(living);

    // It comes back with another name, and another share.
    deployment().start(first);
    wait_until_settled(senders_);
    wait_for_full_use();
    const std::string third = in_charge(senders_);

    deployment().process(third).signal(SIGSTOP);
    living = without(senders_, third);
    wait_until_settled(living);
    wait_for_full_use();
    in_charge(living);
    deployment().process(third).signal(SIGCONT);
    wait_until_settled(senders_);
    wait_for_full_use();
    EXPECT_EQ(in_charge(senders_), third) << "it has the same share as before";

    deployment().process(third).signal(SIGTERM);
    EXPECT_EQ(deployment().process(third).wait(), 0);
    wait_until_settled(living);
    wait_for_more(all);
    most = std::max(most, receiver.take_most());
    EXPECT_EQ(receiver.arrived(), all);
    EXPECT_LE(most, window + 1);
    EXPECT_GE(most, window);
}

// Each user's webhook arrives, by whoever is in charge, while senders go one after the other until one is left.
TEST_F(SenderShards, UsersAreDividedAndWhoeverIsLeftServesAll) {
    constexpr std::size_t users = 24;
    begin();
    SlowReceiver receiver;
    for (std::size_t i = 0; i < users; ++i) {
        const Account account = deployment().register_user("user" + std::to_string(i) + "@example.com");
        for (const int level : {100, 103, 106})
            alerts_above(account, receiver.url() + std::to_string(i) + "/", 1, level);
    }
    const auto wait_for_rounds = [&](std::size_t rounds) {
        deployment().wait_until("a webhook for each user",
                                [&] { return receiver.arrived() >= rounds * users; });
    };
    const auto nobody = attempts(senders_);
    cross(100);
    wait_for_rounds(1);
    deployment().wait_until("all of them to have sent",
                            [&] { return at_work(senders_, nobody).size() == 3; });
    const std::string shown = deployment().run({"cluster"}).output;
    std::size_t shares = 0;
    for (std::size_t at = 0; (at = shown.find("of 256 slots of users", at)) != std::string::npos; ++at)
        ++shares;
    EXPECT_EQ(shares, 3U) << shown;

    deployment().process("sender1").kill();
    cross(103);
    wait_for_rounds(2);
    wait_until_settled({"sender2", "sender3"});
    deployment().process("sender2").signal(SIGSTOP);
    cross(106);
    wait_for_rounds(3);
    wait_until_settled({"sender3"});
    EXPECT_NE(deployment().run({"cluster"}).output.find("256 of 256 slots of users"), std::string::npos);
    deployment().process("sender2").signal(SIGCONT);
    wait_until_settled({"sender2", "sender3"});
    EXPECT_EQ(receiver.arrived(), 3 * users);
}

// By its own clock one would send its users' webhooks a minute late, others would take each other for dead, and alerts would
// begin in a minute, or be deleted then.
TEST_F(SenderShards, OnesWhoseClocksAreAMinuteOffRepeatNothingAndSignByTheDatabasesTime) {
    constexpr std::size_t users = 24;
    constexpr Duration between = 30s;  // right and a minute off
    begin({{"sender2", 1min}, {"sender3", -1min}, {"api1", 1min}});
    SlowReceiver receiver;
    const Timestamp began = system_clock().now();
    // An alert with terms is judged from the moment it was made.
    const std::string terms = R"(,"repeat":{"cooldown":"10s","rearm":"1%"})";
    for (std::size_t i = 0; i < users; ++i) {
        const Account account = deployment().register_user("user" + std::to_string(i) + "@example.com");
        for (const int level : {100, 103})
            alerts_above(account, receiver.url() + std::to_string(i) + "/", 1, level, terms);
        const std::string made =
            deployment().http().get(deployment().api("/alerts/"), {{"X-API-Key", account.api_key}}).body;
        const std::string name = R"("created_at":")";
        const std::size_t at = made.find(name);
        ASSERT_NE(at, std::string::npos) << made;
        const std::size_t from = at + name.size();
        EXPECT_LT(parse_rfc3339(made.substr(from, made.find('"', from) - from)).value(),
                  system_clock().now() + between);
    }
    const auto nobody = attempts(senders_);
    const auto cross_and_wait = [&](int level, std::size_t rounds) {
        cross(level);
        deployment().wait_until("a webhook for each user",
                                [&] { return receiver.arrived() >= rounds * users; });
    };
    cross_and_wait(100, 1);
    deployment().wait_until("all of them to have sent",
                            [&] { return at_work(senders_, nobody).size() == 3; });
    // What is not recorded yet is sent again after a kill.
    deployment().wait_until("all of them to be recorded", [&] {
        return ask_postgres(deployment().database_url(),
                            "SELECT count(*) FROM deliveries WHERE state = 'delivered'") ==
               std::to_string(users);
    });
    EXPECT_EQ(receiver.requests(), users);
    deployment().process("sender2").kill();
    cross_and_wait(103, 2);
    wait_until_settled({"sender1", "sender3"});
    EXPECT_EQ(receiver.requests(), 2 * users);
    EXPECT_EQ(receiver.times().size(), 2 * users);
    for (const Timestamp at : receiver.times()) {
        EXPECT_GT(at, began - between);
        EXPECT_LT(at, system_clock().now() + between);
    }
    const Account account = deployment().register_user("deletes@example.com");
    const std::string id = deployment().create_alert(account, "BTC", "gt", "1000000");
    EXPECT_EQ(
        deployment().http().del(deployment().api("/alerts/" + id), {{"X-API-Key", account.api_key}}).status,
        204);
    EXPECT_EQ(ask_postgres(
                  deployment().database_url(),
                  "SELECT count(*) FROM alerts WHERE deleted_at BETWEEN clock_timestamp() - interval '30 s' "
                  "AND clock_timestamp() + interval '30 s'"),
              "1");
    const auto tells = [&](const std::string& name) {
        return deployment().process(name).output().contains(
            "this host's clock differs from the database's, which");
    };
    for (const char* name : {"sender2", "sender3", "api1"}) EXPECT_TRUE(tells(name)) << name;
    EXPECT_FALSE(tells("sender1"));
}

}  // namespace
}  // namespace pricewire::test
