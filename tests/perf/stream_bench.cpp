// What 5,000 clients of the live stream cost the process that serves them, idle and with all prices.
#include <fmt/format.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "net/file_limit.hpp"
#include "programs.hpp"
#include "report.hpp"
#include "support/deployment.hpp"
#include "support/raw_client.hpp"

namespace {

using namespace pricewire;
using namespace std::chrono_literals;
using perf::use_of;

constexpr int clients = 5000;
constexpr int clients_a_user = 50;
constexpr auto measured = 20s;

double cpu_of(pid_t pid) {
    const double before = use_of(pid).cpu_seconds;
    std::this_thread::sleep_for(measured);
    return (use_of(pid).cpu_seconds - before) / std::chrono::duration<double>(measured).count() * 100;
}

std::uint16_t port_of(const std::string& url) {
    return static_cast<std::uint16_t>(std::stoi(url.substr(url.rfind(':') + 1)));
}

// Clients that do not read by themselves: data waits in the kernel's buffers or is not sent.
std::vector<std::unique_ptr<test::RawClient>> connect(const test::Deployment& deployment,
                                                      const std::vector<std::string>& keys,
                                                      const std::string& query) {
    std::vector<std::unique_ptr<test::RawClient>> out;
    for (int i = 0; i < clients; ++i) {
        out.push_back(std::make_unique<test::RawClient>(port_of(deployment.root(""))));
        out.back()->put("GET /api/v1/events" + query + " HTTP/1.1\r\nHost: localhost\r\nX-API-Key: " +
                        keys[static_cast<std::size_t>(i / clients_a_user)] + "\r\n\r\n");
        const std::string ready = out.back()->until("event: ready\n");
        if (!ready.ends_with("event: ready\n")) throw std::runtime_error("no stream: " + ready);
    }
    return out;
}

// Reads what clients are sent until stopped.
class Drain {
public:
    explicit Drain(std::vector<std::unique_ptr<test::RawClient>>& all)
        : thread_([this, &all] {
              while (!stop_) {
                  for (const auto& client : all) bytes_ += client->discard();
                  std::this_thread::sleep_for(20ms);
              }
          }) {}
    ~Drain() {
        stop_ = true;
        thread_.join();
    }
    std::size_t bytes() const { return bytes_; }

private:
    std::atomic<bool> stop_{false};
    std::atomic<std::size_t> bytes_{0};
    std::thread thread_;
};

}  // namespace

int main() {
    net::raise_file_limit();
    test::Deployment deployment(
        {.sim = {"--market", "generated"}, .receiver = {}, .config = {}, .cluster = {}});
    deployment.start_pricewire();
    const pid_t pid = deployment.process("serve").pid();
    std::vector<std::string> keys;
    for (int i = 0; i < clients / clients_a_user; ++i) {
        keys.push_back(deployment.register_user("stream" + std::to_string(i) + "@example.com").api_key);
    }
    deployment.wait_until("prices", [&] {
        return deployment.http().get(deployment.api("/rates"), {{"X-API-Key", keys[0]}}).status == 200;
    });
    const double alone = cpu_of(pid);
    const double before = use_of(pid).resident_mb;
    perf::row("stream: the process without clients, a market of 5 tickers",
              fmt::format("{:.1f} % CPU", alone));
    {
        auto idle = connect(deployment, keys, "?tickers=");
        const double memory = use_of(pid).resident_mb - before;
        const Drain drain(idle);
        const double cpu = cpu_of(pid);
        perf::row("stream: 5,000 clients without prices", fmt::format("{:.1f} % CPU", cpu));
        perf::row("stream: memory of an idle client", fmt::format("{:.1f} KB", memory * 1024 / clients));
    }
    {
        auto watching = connect(deployment, keys, "");
        const Drain drain(watching);
        const double cpu = cpu_of(pid);
        perf::row("stream: 5,000 clients with all prices, up to 10 times a second",
                  fmt::format("{:.0f} % CPU", cpu));
        perf::row("stream: sent to them meanwhile",
                  fmt::format("{:.1f} MB/s", static_cast<double>(drain.bytes()) / 1e6 /
                                                 std::chrono::duration<double>(measured).count()));
    }
    return 0;
}
