// Two sender processes and one endpoint: together they never have more attempts under way there than one alone may have,
// and one more, whoever joins, is killed or stands still.
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <deque>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <utility>

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
                      MutexLock lock(mutex_);
                      if (id != nullptr) ids_.insert(*id);
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
    bool ended_ GUARDED_BY(mutex_) = false;
    std::unique_ptr<net::HttpServer> server_;
    std::thread thread_;
};

TEST(SharedWindow, TwoSendersTogetherExceedItByOneAtMost) {
    if (!can_run(Side::cluster)) GTEST_SKIP() << why_not_run;
    constexpr std::size_t window = 8;
    constexpr std::size_t all = 2500;
    DeploymentOptions options = on(Side::cluster, {.sim = {"--paused"},
                                                   .config = {{"PRICEWIRE_LIMITS_ALERTS_PER_USER", "10000"},
                                                              {"PRICEWIRE_MARKET_QUOTE_TTL", "60s"},
                                                              {"PRICEWIRE_DELIVERY_PER_ENDPOINT", "8"},
                                                              {"PRICEWIRE_DELIVERY_TIMEOUT", "2s"}}});
    options.cluster->of_each = 2;
    SlowReceiver receiver;
    Deployment deployment(options);
    deployment.start_pricewire();
    const Account account = deployment.register_user("window@example.com");
    for (std::size_t made = 0; made < all; made += 500) {
        std::string body;
        for (std::size_t i = made; i < made + 500; ++i) {
            body += body.empty() ? "[" : ",";
            body += R"({"ticker":"BTC","condition":"gt","target_price":100,"webhook_url":")" +
                    receiver.url() + std::to_string(i) + "\"}";
        }
        const auto answer = deployment.http().post(deployment.api("/alerts/bulk"), body + "]",
                                                   {{"X-API-Key", account.api_key}});
        ASSERT_EQ(answer.status, 200) << answer.body.substr(0, 500);
    }
    const auto wait_for_more = [&](std::size_t count) {
        const std::size_t enough = std::min(all, receiver.arrived() + count);
        deployment.wait_until("more webhooks", [&] { return receiver.arrived() >= enough; });
    };
    std::size_t most = 0;
    const auto wait_for_full_use = [&] {
        deployment.wait_until("all of the window to be used", [&] {
            const std::size_t now = receiver.take_most();
            most = std::max(most, now);
            return now >= window;
        });
        EXPECT_LT(receiver.arrived(), all);
    };
    deployment.wait_until("the stream",
                          [&] { return json_member(deployment.sim_status(), "clients") == "2"; });
    deployment.sim_post("price/BTCUSDT", "101");
    wait_for_full_use();
    deployment.process("sender2").kill();
    wait_for_more(50);
    wait_for_full_use();
    deployment.start("sender2");
    wait_for_more(300);
    deployment.process("sender1").signal(SIGSTOP);
    wait_for_more(50);
    wait_for_full_use();
    deployment.process("sender1").signal(SIGCONT);
    wait_for_more(300);
    wait_for_full_use();
    wait_for_more(all);
    most = std::max(most, receiver.take_most());
    EXPECT_EQ(receiver.arrived(), all);
    EXPECT_LE(most, window + 1);
    EXPECT_GE(most, window);
}

}  // namespace
}  // namespace pricewire::test
