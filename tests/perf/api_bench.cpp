// GET /rates and POST /alerts, of one process on SQLite and of a cluster on PostgreSQL, Redis and RabbitMQ, in turn with
// what they are compared with: nginx serving the same bytes, and the same rows inserted by bare SQL.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <csignal>
#include <fstream>
#include <functional>
#include <iostream>
#include <optional>
#include <vector>

#include "base/decimal.hpp"
#include "programs.hpp"
#include "report.hpp"

namespace {

using namespace pricewire;
using namespace std::chrono_literals;

constexpr std::array symbols{"BTCUSDT", "ETHUSDT", "DOGEUSDT", "SOLUSDT", "BNBUSDT"};

// wrk's or pgbench's figure after `name`.
double figure_after(const std::string& output, const std::string& name) {
    const std::size_t found = output.rfind(name);
    if (found == std::string::npos || output.find("Non-2xx") != std::string::npos)
        throw std::runtime_error(output);
    return std::atof(output.c_str() + found + name.size());
}

double run_for_figure(const test::TempDir& dir, const std::vector<std::string>& command,
                      const std::string& name) {
    const auto log = dir.path() / "run.log";
    std::filesystem::remove(log);
    test::Process process({command, {}, log, {}});
    process.wait();
    return figure_after(process.output(), name);
}

double wrk(const std::string& url, const std::string& header, const test::TempDir& dir) {
    return run_for_figure(dir, {"/usr/bin/wrk", "-t1", "-c32", "-d5s", "-H", header, url}, "Requests/sec:");
}

// One way to serve the API.
struct Side {
    std::string name;
    const test::TempDir dir;
    std::unique_ptr<sim::ExchangeSim> sim = perf::start_sim();
    std::vector<perf::Running> processes = {};
    std::string url = {};
    std::string key = {};
    std::string rates = {};
    // An API of the cluster with a limit of which nothing is leased: each request asks Redis.
    const test::TempDir asking_dir;
    std::optional<perf::Running> asking = std::nullopt;

    explicit Side(const perf::Shared* shared) : name(shared != nullptr ? "four processes" : "one process") {
        auto env = perf::environment(dir, sim->port());
        std::vector<std::string> roles{"serve"};
        if (shared != nullptr) {
            for (const auto& [name_of, value] : shared->environment) env[name_of] = value;
            roles = {"feed", "checker", "sender", "api"};
        }
        for (const std::string& role : roles) processes.push_back(perf::start(dir, env, role));
        if (shared != nullptr) {
            env["PRICEWIRE_LIMITS_RATES"] = "1000000000/87600h";
            asking.emplace(perf::start(asking_dir, env, "api"));
        }
        url = processes.back().url;
        perf::wait_for_client(*sim);
        test::BlockingHttp http;
        key = perf::register_user(http, url).api_key;
        while (rates.find("BNB") == std::string::npos) {
            trade();
            std::this_thread::sleep_for(50ms);
            rates = http.get(url + "/api/v1/rates/", {{"X-API-Key", key}}).body;
        }
    }
    void trade() const {
        for (const char* symbol : symbols) sim->trade(symbol, Decimal::from_int(580));
    }
    double get_rates(const std::string& from) const {
        // Keeps the price fresh, as real trades would.
        std::atomic<bool> done = false;
        std::thread trades([&] {
            while (!done) {
                trade();
                std::this_thread::sleep_for(100ms);
            }
        });
        const double out = wrk(from + "/api/v1/rates/", "X-API-Key: " + key, dir);
        done = true;
        trades.join();
        return out;
    }
    double create_alerts(int round) const {
        std::ofstream(dir.path() / "create.lua")
            << "local n = " << round << "000000\n"
            << "local headers = {['X-API-Key'] = '" << key << "', ['Content-Type'] = 'application/json'}\n"
            << "request = function()\n  n = n + 1\n  return wrk.format('POST', '/api/v1/alerts', headers,\n"
            << "    '{\"ticker\":\"BTC\",\"condition\":\"gt\",\"target_price\":1' .. n .. '.5,"
            << "\"webhook_url\":\"http://127.0.0.1:9/hook\"}')\nend\n";
        return run_for_figure(
            dir, {"/usr/bin/wrk", "-t1", "-c32", "-d5s", "-s", (dir.path() / "create.lua").string(), url},
            "Requests/sec:");
    }
};

// Serves those bytes.
class Nginx {
public:
    explicit Nginx(const std::string& body) {
        std::filesystem::create_directories(dir_.path() / "logs");
        const auto file = [&](const char* name) { return (dir_.path() / name).string(); };
        const std::uint16_t port = 18'000 + static_cast<std::uint16_t>(getpid() % 1000);
        std::ofstream(file("nginx.conf"))
            << "daemon off; master_process on; worker_processes 2; pid " << file("pid") << ";\n"
            << "error_log " << file("error.log") << "; events { worker_connections 1024; }\n"
            << "http { access_log off; keepalive_requests 1000000000; server { listen 127.0.0.1:" << port
            << "; location / { default_type application/json; return 200 '" << body << "'; } } }\n";
        process_ = test::Process({{"/usr/sbin/nginx", "-p", dir_.path().string(), "-c", file("nginx.conf")},
                                  {},
                                  file("nginx.log"),
                                  {}});
        url_ = "http://127.0.0.1:" + std::to_string(port) + "/api/v1/rates/";
        test::BlockingHttp http;
        while (http.get(url_).status != 200) {
            if (!process_.running()) throw std::runtime_error("nginx has ended: " + process_.output());
            std::this_thread::sleep_for(20ms);
        }
    }
    ~Nginx() {
        process_.signal(SIGQUIT);
        process_.wait();
    }
    double get() const { return wrk(url_, "X-API-Key: none", dir_); }

private:
    const test::TempDir dir_;
    test::Process process_;
    std::string url_;
};

// The same rows by 32 connections, one each at a time.
double insert_rows(const perf::Shared& shared) {
    const test::TempDir dir;
    const auto file = dir.path() / "insert.sql";
    std::ofstream(file)
        << "INSERT INTO alerts (id, user_id, ticker, condition, target, webhook_url, is_active, created_at, "
           "format, note, deliver_within) VALUES (gen_random_uuid(), (SELECT id FROM users LIMIT 1), 'BTC', "
           "'gt', "
           "(2000000000 + random() * 1000000000)::numeric(30, 9), 'http://127.0.0.1:9/hook', true, now(), "
           "'json', '', 86400000000);\n";
    return run_for_figure(dir,
                          {"/usr/lib/postgresql/15/bin/pgbench", "-n", "-c", "32", "-j", "1", "-T", "5", "-f",
                           file.string(), shared.database.url()},
                          "tps = ");
}

struct Figures {
    std::string what;
    std::function<double(int round)> measure;
    double best = 0;
};

void compare(std::vector<Figures> all, const std::vector<std::string>& goals) {
    for (int round = 1; round <= 3; ++round) {
        for (Figures& f : all) f.best = std::max(f.best, f.measure(round));
    }
    for (std::size_t i = 0; i < all.size(); ++i) {
        perf::row(all[i].what, fmt::format("{:.0f}/s", all[i].best));
        if (i > 0)
            perf::row("  share of the first", fmt::format("{:.0f} %", all[i].best / all[0].best * 100),
                      goals[i]);
    }
}

}  // namespace

int main(int argc, char** argv) {
    const std::string only = argc > 1 ? argv[1] : "";
    try {
        const Side embedded(nullptr);
        const auto shared = perf::shared_servers();
        std::optional<Side> cluster;
        if (shared) cluster.emplace(shared.get());
        if (only.empty() || only == "rates") {
            const Nginx nginx(embedded.rates);
            std::vector<Figures> all{
                {"GET /rates, one process", [&](int) { return embedded.get_rates(embedded.url); }}};
            std::vector<std::string> goals{""};
            if (cluster) {
                all.push_back(
                    {"GET /rates, four processes", [&](int) { return cluster->get_rates(cluster->url); }});
                all.push_back({"GET /rates, four processes, nothing leased",
                               [&](int) { return cluster->get_rates(cluster->asking->url); }});
                goals.insert(goals.end(), {">= 50 %", ""});
            }
            all.push_back({"nginx, the same bytes", [&](int) { return nginx.get(); }});
            goals.emplace_back("<= 167 %");
            compare(std::move(all), goals);
        }
        if (only.empty() || only == "alerts") {
            std::vector<Figures> all{{"POST /alerts, one process, 32 callers",
                                      [&](int round) { return embedded.create_alerts(round); }}};
            if (cluster) {
                all.push_back({"POST /alerts, four processes",
                               [&](int round) { return cluster->create_alerts(round); }});
                all.push_back(
                    {"INSERT by 32 connections to PostgreSQL", [&](int) { return insert_rows(*shared); }});
            }
            compare(std::move(all), {"", ">= 60 %", ""});
        }
        return 0;
    } catch (const std::exception& e) {
        std::cerr << "api_bench: " << e.what() << "\n";
        return 1;
    }
}
