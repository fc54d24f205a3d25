// Whether a user who does harm slows down another one at the same host: Bob's receiver answers; beside his firings a new
// attacker in each phase has 1,000 alerts fire at once, at Bob's host or at a thousand, whose receivers hang, fail, are
// slow or all of these, and asks for as many tests, retries and recoveries as limits.user allows. Prints how long Bob
// waits from firing to receipt in each phase. The receivers are processes of their own. users_bench [Bob's firings per
// second, default 50] [seconds per phase, default 20]
#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <charconv>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "base/clock.hpp"
#include "deliver/sender.hpp"
#include "loopback_sender.hpp"
#include "net/file_limit.hpp"
#include "net/http_client.hpp"
#include "plain_secrets.hpp"
#include "queue/in_process/in_process_queue.hpp"
#include "receiver.hpp"
#include "report.hpp"
#include "storage/sqlite/sqlite_storage.hpp"
#include "webhook/signature.hpp"

namespace {

using namespace pricewire;
using namespace std::chrono_literals;
using perf::now_ns;

constexpr std::size_t most_firings = 200'000;
constexpr std::size_t attackers_alerts = 1000;

// Shared by both processes. Times are of steady_clock, which all processes on a machine share.
struct Shared {
    std::atomic<bool> stop;
    std::atomic<std::int64_t> received[most_firings];  // by Bob's firing; 0 if not yet
    std::atomic<std::uint64_t> others;                 // requests of attackers
};

// Answers by the first part of the path: /ok, /fail, /slow (200 after 200 ms) or /hang.
class UsersReceiver final : public perf::Receiver {
public:
    UsersReceiver(Shared& shared, int listener) : shared_(shared) { add_listener(listener, 0); }

    void run() {
        while (!shared_.stop) {
            step(5);
            for (; !slow_.empty() && slow_.front().due <= now_ns(); slow_.pop_front()) {
                if (is_open(slow_.front().fd, slow_.front().id)) answer(slow_.front().fd, 200);
            }
        }
    }

private:
    struct Slow {
        std::int64_t due;
        int fd;
        std::uint64_t id;
    };

    void on_request(const Connection& from, std::string_view head, std::size_t firing) override {
        if (head.starts_with("post /ok/bob ")) {
            std::int64_t none = 0;
            if (firing > 0 && firing <= most_firings) {
                shared_.received[firing - 1].compare_exchange_strong(none, now_ns());
            }
        } else {
            ++shared_.others;
        }
        if (head.starts_with("post /ok")) answer(from.fd, 200);
        if (head.starts_with("post /fail")) answer(from.fd, 500);
        if (head.starts_with("post /slow")) slow_.push_back({now_ns() + 200'000'000, from.fd, from.id});
    }

    Shared& shared_;
    std::deque<Slow> slow_;
};

struct Phase {
    std::string name;
    std::vector<std::string> answers;  // of the attacker's receivers, by turns; empty: no attacker
    bool at_many_hosts = false;
};

class Bench {
public:
    Bench(storage::Storage& storage, queue::DeliveryQueue& queue, std::uint16_t port,
          std::uint16_t port_of_many)
        : storage_(storage), queue_(queue), port_(port), port_of_many_(port_of_many), bob_(add_user("bob")) {}

    Uuid add_user(const std::string& name) {
        const Timestamp now = system_clock().now();
        NewUser user{{make_uuid(now), name + "@example.com", true, now},
                     {},
                     webhook::make_webhook_secret(SignatureScheme::v1).secret};
        std::memcpy(user.api_key_hash.data(), user.user.id.bytes.data(), user.user.id.bytes.size());
        if (!storage_.create_user(user)) std::abort();
        return user.user.id;
    }
    std::vector<Firing> add_alerts(const Uuid& user, std::size_t count,
                                   const std::function<std::string(std::size_t)>& url_of) {
        std::vector<Firing> out;
        for (std::size_t i = 0; i < count; ++i) {
            const Timestamp now = system_clock().now();
            const Alert alert{.id = make_uuid(now),
                              .user_id = user,
                              .ticker = "BTC",
                              .target = Decimal::from_int(static_cast<std::int64_t>(++targets_)),
                              .webhook_url = url_of(i),
                              .created_at = now};
            if (!storage_.create_alert(alert, 1'000'000)) std::abort();
            out.push_back({alert.id, make_uuid(now)});
        }
        return out;
    }
    void fire(std::span<const Firing> firings) {
        FiringGroup group{.price = {.ticker = "BTC", .value = Decimal::from_int(1'000'000'000)},
                          .fired_at = system_clock().now()};
        group.firings.assign(firings.begin(), firings.end());
        queue_.publish(storage_.fire(std::span(&group, 1)));
    }
    // Bob's come first, so that their targets are their numbers.
    std::vector<Firing> bobs(std::size_t count) {
        return add_alerts(bob_, count,
                          [&](std::size_t) { return fmt::format("http://127.0.0.1:{}/ok/bob", port_); });
    }
    struct Attacker {
        Uuid user;
        std::vector<Firing> firings;
    };
    Attacker add_attacker(const Phase& phase) {
        const auto url = [&](std::size_t i) {
            const std::string host =
                phase.at_many_hosts ? fmt::format("127.20.{}.{}", 1 + i / 250, 1 + i % 250) : "127.0.0.1";
            return fmt::format("http://{}:{}/{}/{}", host, phase.at_many_hosts ? port_of_many_ : port_,
                               phase.answers[i % phase.answers.size()], i % 5);
        };
        Attacker out{add_user("attacker of " + phase.name), {}};
        if (!phase.answers.empty()) out.firings = add_alerts(out.user, attackers_alerts, url);
        return out;
    }
    // Each kind of call as limits.user has it: 5 at once, then one every 2 s.
    void attack(const Attacker& attacker, const std::atomic<bool>& stop) {
        const auto& [user, firings] = attacker;
        const Timestamp since = system_clock().now() - 1h;
        fire(firings);
        MonoTime next = system_clock().mono();
        for (std::size_t i = 0; !stop; ++i) {
            const Timestamp now = system_clock().now();
            const Firing& one = firings[i * 7 % firings.size()];
            const DeliveryTask test{make_uuid(now), 1};
            if (storage_.add_test_delivery(user, one.alert_id, test.delivery_id, Decimal::from_int(1), now))
                queue_.publish({&test, 1});
            if (const auto again = storage_.retry_delivery(user, one.delivery_id, now))
                queue_.publish({&*again, 1});
            queue_.publish(storage_.recover_deliveries(user, since, now, 1000, {}).tasks);
            if (i < 5) continue;
            for (next += 2s; !stop && system_clock().mono() < next;) std::this_thread::sleep_for(10ms);
        }
    }
    // What is left of the attacker does not count in the next phase.
    void end(const Attacker& attacker) { storage_.delete_user(attacker.user, system_clock().now()); }

private:
    storage::Storage& storage_;
    queue::DeliveryQueue& queue_;
    const std::uint16_t port_, port_of_many_;
    std::size_t targets_ = 0;
    const Uuid bob_;
};

}  // namespace

int main(int argc, char** argv) {
    std::size_t rate = 50, seconds = 20;
    if (argc > 1) std::from_chars(argv[1], argv[1] + std::strlen(argv[1]), rate);
    if (argc > 2) std::from_chars(argv[2], argv[2] + std::strlen(argv[2]), seconds);
    const std::vector<Phase> phases{{"warming up", {}},
                                    {"alone", {}},
                                    {"same host, hangs", {"hang"}},
                                    {"same host, fails", {"fail"}},
                                    {"same host, slow", {"slow"}},
                                    {"same host, all of these", {"hang", "fail", "slow", "ok"}},
                                    {"1,000 hosts, hang", {"hang"}, true},
                                    {"1,000 hosts, fail", {"fail"}, true},
                                    {"1,000 hosts, slow", {"slow"}, true},
                                    {"1,000 hosts, all of these", {"hang", "fail", "slow", "ok"}, true},
                                    {"alone again", {}}};
    const std::size_t each = rate * seconds;
    if (each == 0 || each * phases.size() > most_firings) return 2;
    net::raise_file_limit();
    void* memory = mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) return 1;
    auto* shared = new (memory) Shared{};
    // Bob's host and the thousand others have a process each.
    std::uint16_t ports[2] = {};
    pid_t children[2] = {};
    for (int i = 0; i < 2; ++i) {
        // On all addresses, so that each of 127.0.0.0/8 is a host of its own.
        const int listener = perf::listen_at(htonl(INADDR_ANY), ports[i]);
        if (listener < 0) return 1;
        children[i] = fork();
        if (children[i] == 0) {
            signal(SIGPIPE, SIG_IGN);
            UsersReceiver(*shared, listener).run();
            _exit(0);
        }
        close(listener);
    }

    std::string directory = (std::filesystem::temp_directory_path() / "pricewire-bench-XXXXXX").string();
    if (mkdtemp(directory.data()) == nullptr) return 1;
    std::vector<std::int64_t> fired(each * phases.size());
    std::vector<std::uint64_t> others(phases.size());
    {
        const auto storage = storage::create_sqlite_storage({.file = directory + "/bench.db"}, {});
        const auto queue = queue::create_in_process_queue();
        deliver::SenderOptions options = perf::loopback_sender_options();
        options.attempts_by_user = {10'000, 10min};
        const auto client = net::create_http_client(
            {.max_connections = options.concurrency, .max_connections_per_host = 256});
        const perf::PlainSecrets secrets;
        Bench bench(*storage, *queue, ports[0], ports[1]);
        const auto firings = bench.bobs(fired.size());
        std::vector<Bench::Attacker> attackers;
        for (const Phase& phase : phases) attackers.push_back(bench.add_attacker(phase));
        const auto sender =
            deliver::start_sender(options, *storage, *queue, *client, secrets, system_clock());
        for (std::size_t p = 0; p < phases.size(); ++p) {
            const std::uint64_t before = shared->others;
            std::atomic<bool> stop = false;
            std::thread attacker;
            if (!phases[p].answers.empty())
                attacker = std::thread([&, p] { bench.attack(attackers[p], stop); });
            auto next = std::chrono::steady_clock::now();
            for (std::size_t i = p * each; i < (p + 1) * each; ++i) {
                std::this_thread::sleep_until(next += std::chrono::microseconds{1'000'000 / rate});
                fired[i] = now_ns();
                bench.fire(std::span(firings).subspan(i, 1));
            }
            stop = true;
            if (attacker.joinable()) attacker.join();
            others[p] = shared->others - before;
            bench.end(attackers[p]);
            if (!phases[p].answers.empty()) std::this_thread::sleep_for(options.timeout + 1s);
        }
        std::this_thread::sleep_for(3s);
        sender->stop(0s);
    }
    shared->stop = true;
    for (const pid_t child : children) waitpid(child, nullptr, 0);
    std::filesystem::remove_all(directory);

    double base = 0;
    bool lost = false;
    for (std::size_t p = 1; p < phases.size(); ++p) {
        std::vector<double> waits;
        for (std::size_t i = p * each; i < (p + 1) * each; ++i) {
            if (shared->received[i] != 0)
                waits.push_back(static_cast<double>(shared->received[i] - fired[i]) / 1e6);
        }
        lost = lost || waits.size() < each;
        const double p99 = perf::quantile(waits, 0.99);
        if (p == 1) base = p99;
        perf::row(
            fmt::format("Bob, {}/s, beside: {}", rate, phases[p].name),
            fmt::format(
                "p50 {:.2f}, p99 {:.2f} ms, ratio {:.2f}, {} of {} arrived, {} requests of the attacker",
                perf::quantile(waits, 0.5), p99, base > 0 ? p99 / base : 0, waits.size(), each, others[p]),
            phases[p].answers.empty() ? "" : "ratio <= 2");
    }
    return lost ? 1 : 0;
}
