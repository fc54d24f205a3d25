#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <filesystem>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/decimal.hpp"
#include "base/mutex.hpp"
#include "programs.hpp"
#include "report.hpp"
#include "seed.hpp"
#include "sim/exchange_sim.hpp"
#include "sim/receiver.hpp"
#include "storage/sqlite/migrate.hpp"
#include "support/blocking_http.hpp"
#include "support/deployment.hpp"
#include "support/process.hpp"

namespace pricewire::perf {

// The whole program with alerts that wait, an exchange and a receiver of its own: one process on SQLite or, on shared
// servers, one process of each role but for the checkers.
class Deployed {
public:
    struct Options {
        std::size_t waiting = 0;
        std::size_t tickers = 1;   // of those that wait: BTC, and others without prices
        std::size_t checkers = 1;  // in a cluster
        std::map<std::string, std::string> settings = {};
    };

    // Returns once every checker has its alerts.
    Deployed(const Options& options, const Shared* shared) : in_cluster_(shared != nullptr) {
        if (shared != nullptr) {
            seed_alerts_postgres(shared->database, options.waiting, "1000000", "https://example.com/hook",
                                 options.tickers);
        } else {
            const auto file = dir_.path() / "pricewire.db";
            if (!storage::sqlite_migrate(file)) throw std::runtime_error("cannot create the database");
            seed_alerts(file, options.waiting, "1000000");
        }
        auto env = environment(dir_, sim_->port());
        for (const auto& [name, value] : options.settings) env[name] = value;
        if (shared != nullptr) {
            for (const auto& [name, value] : shared->environment) env[name] = value;
            for (const char* role : {"sender", "feed", "api"}) others_.push_back(start(dir_, env, role));
        }
        const auto begin = std::chrono::steady_clock::now();
        for (std::size_t i = 0; i < (in_cluster_ ? options.checkers : 1); ++i) {
            checkers_.push_back(start(dir_, env, in_cluster_ ? "checker" : "serve",
                                      in_cluster_ ? "checker" + std::to_string(i) : "serve"));
        }
        for (Running& checker : checkers_) wait_until_loaded(checker.process);
        start_seconds_ = seconds_since(begin);
        wait_for_client(*sim_);
        account_ = register_user(http_, url());
    }

    std::string name() const { return in_cluster_ ? "cluster" : "one process"; }
    const std::filesystem::path& directory() const { return dir_.path(); }
    std::uint16_t receiver_port() const { return receiver_->port(); }
    double start_seconds() const { return start_seconds_; }
    std::vector<double> checkers_mb() const {
        std::vector<double> out;
        for (const Running& checker : checkers_) out.push_back(use_of(checker.process.pid()).resident_mb);
        return out;
    }

    // Alerts that fire above these targets, to the receiver.
    void create(const std::vector<Decimal>& targets) {
        constexpr std::size_t most = 1000;
        for (std::size_t from = 0; from < targets.size(); from += most) {
            std::string body;
            for (std::size_t i = from; i < std::min(from + most, targets.size()); ++i) {
                body += body.empty() ? "[" : ",";
                body += fmt::format(
                    R"({{"ticker":"BTC","condition":"gt","target_price":{},"webhook_url":"http://127.0.0.1:{}/{}"}})",
                    targets[i].to_string(), receiver_->port(), i);
            }
            const auto made =
                http_.post(url() + "/api/v1/alerts/bulk", body + "]", {{"X-API-Key", account_.api_key}});
            if (made.status != 200 || test::json_member(made.body, "failed") != "0")
                throw std::runtime_error(made.body.substr(0, 500));
        }
    }
    // Makes a trade: the times of webhooks that name its price count from here.
    void trade(const Decimal& price) {
        {
            MutexLock lock(mutex_);
            sent_[price.to_string()] = system_clock().now();
        }
        sim_->trade("BTCUSDT", price);
    }
    // Waits a minute at most for so many webhooks. How long each that has arrived took from its price, in milliseconds.
    std::vector<double> wait_for(std::size_t count) {
        const auto give_up = std::chrono::steady_clock::now() + std::chrono::minutes{1};
        while (arrived_.load() < count && std::chrono::steady_clock::now() < give_up)
            std::this_thread::sleep_for(std::chrono::milliseconds{1});
        MutexLock lock(mutex_);
        arrived_ = 0;
        return std::exchange(milliseconds_, {});
    }

private:
    std::string url() const { return in_cluster_ ? others_.back().url : checkers_.front().url; }

    // However many they are.
    static void wait_until_loaded(test::Process& checker) {
        while (checker.output().find("active alerts are loaded") == std::string::npos) {
            if (!checker.running()) throw std::runtime_error("a checker ended:\n" + checker.output());
            std::this_thread::sleep_for(std::chrono::milliseconds{10});
        }
    }

    void note(const sim::ReceivedDelivery& delivery) {
        const auto price = test::json_member(delivery.body, "triggered_price");
        if (!price) return;
        MutexLock lock(mutex_);
        const auto found = sent_.find(*price);
        if (found == sent_.end()) return;
        milliseconds_.push_back(static_cast<double>((delivery.at - found->second).count()) / 1000);
        ++arrived_;
    }

    const bool in_cluster_;
    const test::TempDir dir_;
    Mutex mutex_;
    std::unordered_map<std::string, Timestamp> sent_ GUARDED_BY(mutex_);  // by the price's digits
    std::vector<double> milliseconds_ GUARDED_BY(mutex_);
    std::atomic<std::size_t> arrived_ = 0;
    const std::unique_ptr<sim::Receiver> receiver_ =
        sim::create_receiver({.keep_log = false, .on_delivery = [this](const auto& d) { note(d); }}).value();
    const std::unique_ptr<sim::ExchangeSim> sim_ = start_sim();
    std::vector<Running> others_, checkers_;
    double start_seconds_ = 0;
    test::BlockingHttp http_;
    test::Account account_;
};

}  // namespace pricewire::perf
