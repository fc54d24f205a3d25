// What Pricewire itself lacks, with the real programs: no receiver is charged for it, users and operators are
// told, and everything is sent once it is there again.
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "scenarios/sides.hpp"
#include "sim/receiver.hpp"
#include "support/deployment.hpp"
#include "support/peer_socket.hpp"

namespace pricewire::test {
namespace {

using Config = std::map<std::string, std::string>;

// A connection to "http://127.0.0.1:port" on which nothing is ever sent.
Descriptor idle_connection(const std::string& url) {
    Descriptor fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(static_cast<std::uint16_t>(std::stoi(url.substr(url.rfind(':') + 1))));
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (connect(fd.get(), reinterpret_cast<sockaddr*>(&to), sizeof to) != 0)
        throw std::runtime_error("an idle connection is not accepted");
    return fd;
}

class OwnLack : public ::testing::TestWithParam<Side> {
protected:
    void start(Config config, std::optional<int> open_files = {}) {
        deployment_.emplace(
            on(GetParam(),
               {.sim = {"--paused"}, .receiver = {}, .config = std::move(config), .open_files = open_files}));
        receiver_ = sim::create_receiver({}).value();
        deployment_->start_pricewire();
        account_ = deployment_->register_user("lack@example.com");
        receiver_->add_secret(account_.webhook_secret);
        deployment_->wait_until("the stream",
                                [&] { return json_member(deployment_->sim_status(), "clients") == "1"; });
    }
    std::string sender() const { return GetParam() == Side::embedded ? "serve" : "sender1"; }
    std::string alert(const std::string& host = "127.0.0.1") {
        const std::string url = "http://" + host + ":" + std::to_string(receiver_->port()) + "/hook";
        const auto result = deployment_->http().post(
            deployment_->api("/alerts/"),
            R"({"ticker":"BTC","condition":"gt","target_price":101,"webhook_url":")" + url + "\"}", key());
        EXPECT_EQ(result.status, 201) << result.body;
        return json_member(result.body, "id").value_or("");
    }
    void fire() { deployment_->sim_post("price/BTCUSDT", "102"); }
    net::Headers key() const { return {{"X-API-Key", account_.api_key}}; }
    std::string get(const std::string& path) {
        return deployment_->http().get(deployment_->api(path), key()).body;
    }
    std::string delivery_of(const std::string& alert) {
        const std::string list = get("/alerts/" + alert + "/deliveries");
        const auto id = json_member(list, "id");
        return id ? get("/deliveries/" + *id) : "";
    }
    void wait_until_delivered(const std::string& alert) {
        deployment_->wait_until("the webhook",
                                [&] { return json_member(delivery_of(alert), "status") == "delivered"; });
    }
    void wait_for_line(const std::string& line) {
        deployment_->wait_until("the line: " + line, [&] {
            return deployment_->process(sender()).output().find(line) != std::string::npos;
        });
    }
    std::size_t lines(const std::string& line) {
        const std::string output = deployment_->process(sender()).output();
        std::size_t count = 0;
        for (auto at = output.find(line); at != std::string::npos; at = output.find(line, at + 1)) ++count;
        return count;
    }

    std::optional<Deployment> deployment_;
    std::unique_ptr<sim::Receiver> receiver_;
    Account account_;
};

INSTANTIATE_TEST_SUITE_P(Sides, OwnLack, both_sides(), name_of_side);

const char* const began = "requests cannot be sent for a reason on this side";

TEST_P(OwnLack, MoreIdleClientsThanFilesTakeNothingFromTheSender) {
    if (!can_run(GetParam())) GTEST_SKIP() << why_not_run;
    start({}, 1024);
    const std::string id = alert();
    std::vector<Descriptor> idle;
    for (const std::string& name : deployment_->names()) {
        const std::string address = deployment_->address_of(name);
        for (int i = 0; i < 1100; ++i) idle.push_back(idle_connection(address));
    }
    fire();
    deployment_->wait_until("the webhook", [&] { return receiver_->total() > 0; });
    idle.clear();
    wait_until_delivered(id);
    EXPECT_EQ(attempts_in(delivery_of(id)), "1:204 ");
    EXPECT_EQ(lines(began), 0U) << deployment_->process(sender()).output();
}

// The lowest number that the next file of the process would get.
rlim_t next_file_of(pid_t pid) {
    std::set<int> used;
    for (const auto& entry : std::filesystem::directory_iterator("/proc/" + std::to_string(pid) + "/fd"))
        used.insert(std::stoi(entry.path().filename()));
    int next = 0;
    while (used.contains(next)) ++next;
    return static_cast<rlim_t>(next);
}

TEST_P(OwnLack, WithoutAFreeFileDeliveriesWaitWithAllTheirAttempts) {
    if (!can_run(GetParam())) GTEST_SKIP() << why_not_run;
    start({{"PRICEWIRE_DELIVERY_ATTEMPTS", "1"}});
    const std::string id = alert();
    const pid_t pid = deployment_->process(sender()).pid();
    rlimit before{};
    ASSERT_EQ(prlimit(pid, RLIMIT_NOFILE, nullptr, &before), 0);
    rlimit none = before;
    none.rlim_cur = next_file_of(pid);
    ASSERT_EQ(prlimit(pid, RLIMIT_NOFILE, &none, nullptr), 0);
    fire();
    wait_for_line(began);
    ASSERT_EQ(prlimit(pid, RLIMIT_NOFILE, &before, nullptr), 0);
    wait_until_delivered(id);
    EXPECT_EQ(attempts_in(delivery_of(id)), "1:204 ") << "its only attempt";
    EXPECT_EQ(lines("cause=files"), 1U);
}

TEST_P(OwnLack, WithoutANameServerDeliveriesWaitAndSayWhy) {
    if (!can_run(GetParam())) GTEST_SKIP() << why_not_run;
    const std::uint16_t closed = bind_loopback(SOCK_DGRAM, "127.0.0.1", 0).second;
    start({{"PRICEWIRE_DELIVERY_ATTEMPTS", "1"},
           {"PRICEWIRE_DELIVERY_DNS_SERVERS", "127.0.0.1:" + std::to_string(closed)}});
    const std::string named = alert("hook.example"), plain = alert();
    fire();
    wait_until_delivered(plain);
    deployment_->wait_until("the reason", [&] {
        return json_member(delivery_of(named), "reason") ==
               "Pricewire itself could not send: none of its name servers answers";
    });
    EXPECT_EQ(json_member(delivery_of(named), "status"), "pending");
    EXPECT_EQ(json_member(delivery_of(named), "attempt_count"), "0");
    wait_for_line("cause=name_servers");
    const std::string address = deployment_->address_of(sender());
    const std::string health = deployment_->http().get(address + "/health").body;
    EXPECT_NE(health.find(R"("outgoing":{"status":"down")"), std::string::npos) << health;
    EXPECT_NE(health.find(R"("detail":"no name server answers")"), std::string::npos) << health;
    EXPECT_EQ(json_member(health, "status"), "degraded") << health;
    const std::string metrics = deployment_->http().get(address + "/metrics").body;
    EXPECT_EQ(metrics.find("pricewire_local_failures_total{cause=\"name_servers\"} 0"), std::string::npos);
    EXPECT_NE(metrics.find("pricewire_local_failures_total{cause=\"files\"} 0"), std::string::npos);
    EXPECT_EQ(lines(began), 1U);
}

TEST(TooFewFiles, EndsTheStartWithOneLineThatSaysHowMany) {
    for (const int limit : {20, 40, 60, 90, 125}) {
        Deployment deployment({.sim = {"--paused"}, .receiver = {}, .config = {}, .open_files = limit});
        deployment.launch("serve");
        EXPECT_EQ(deployment.process("serve").wait(), 1) << limit;
        const std::string output = deployment.process("serve").output();
        EXPECT_NE(output.find("open files: the limit is " + std::to_string(limit) + ", and at least "),
                  std::string::npos)
            << output;
        EXPECT_EQ(std::ranges::count(output, '\n'), 1) << output;
    }
}

}  // namespace
}  // namespace pricewire::test
