#include "api/health_probe.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <exception>
#include <utility>

#include "base/log.hpp"
#include "base/unusable.hpp"

namespace pricewire::api {

HealthProbe::HealthProbe(std::vector<HealthDependency> dependencies, Duration timeout, Changes changes)
    : timeout_(timeout),
      changes_(changes),
      dependencies_(std::move(dependencies)),
      pingers_(dependencies_.size()) {
    for (std::size_t i = 0; i < dependencies_.size(); ++i)
        pinger_threads_.emplace_back([this, i] { run_pinger(i); });
    thread_ = std::thread([this] { run_probes(); });
}

HealthProbe::~HealthProbe() {
    {
        MutexLock lock(mutex_);
        stopping_ = true;
    }
    asked_.notify_all();
    wanted_.notify_all();
    answered_.notify_all();
    thread_.join();
    for (std::thread& t : pinger_threads_) t.join();
}

void HealthProbe::check(Done done) {
    {
        MutexLock lock(mutex_);
        waiting_.push_back(std::move(done));
    }
    asked_.notify_one();
}

void HealthProbe::run_pinger(std::size_t i) {
    const HealthDependency& dependency = dependencies_[i];
    MutexLock lock(mutex_);
    Pinger& pinger = pingers_[i];
    while (true) {
        wanted_.wait(lock, [&]() REQUIRES(mutex_) { return stopping_ || pinger.wanted > pinger.answered; });
        if (stopping_) return;
        const std::uint64_t probe = pinger.wanted;
        const MonoTime begun = std::chrono::steady_clock::now();
        pinger.busy = true;
        pinger.busy_since = begun;
        lock.unlock();
        PingResult result{dependency.name, dependency.needed, true, std::nullopt, {}};
        std::string reason;
        try {
            dependency.ping();
        } catch (const Unusable& e) {
            result.detail = e.brief();
            reason = e.what();
        } catch (const std::exception& e) {
            // The reason may name hosts and files, so it goes only to the log.
            result.detail = "not reachable";
            reason = e.what();
        }
        result.up = result.detail.empty();
        const Duration took = std::chrono::duration_cast<Duration>(std::chrono::steady_clock::now() - begun);
        if (result.up) result.latency_ms = static_cast<double>(took.count()) / 1000;
        if (!reason.empty()) log::debug("a ping failed", {{"dependency", result.name}, {"reason", reason}});
        lock.lock();
        pinger.result = std::move(result);
        pinger.answered = probe;
        pinger.busy = false;
        answered_.notify_one();
    }
}

void HealthProbe::run_probes() {
    while (true) {
        {
            MutexLock lock(mutex_);
            asked_.wait(lock, [&]() REQUIRES(mutex_) { return stopping_ || !waiting_.empty(); });
            if (stopping_) return;
        }
        const std::vector<PingResult> results = collect();
        std::vector<Done> answers;
        {
            MutexLock lock(mutex_);
            if (stopping_) return;
            answers.swap(waiting_);
        }
        for (Done& done : answers) done(results);
    }
}

std::vector<PingResult> HealthProbe::collect() {
    MutexLock lock(mutex_);
    ++probe_;
    for (Pinger& p : pingers_) p.wanted = probe_;
    wanted_.notify_all();
    const MonoTime deadline = std::chrono::steady_clock::now() + timeout_;
    // Do not wait for a ping that has already exceeded the timeout.
    const auto decided = [&](const Pinger& p) REQUIRES(mutex_) {
        return p.answered == probe_ ||
               (p.busy && p.busy_since + timeout_ <= std::chrono::steady_clock::now());
    };
    answered_.wait_until(lock, deadline, [&]() REQUIRES(mutex_) {
        return stopping_ || std::all_of(pingers_.begin(), pingers_.end(), decided);
    });
    std::vector<PingResult> out;
    for (std::size_t i = 0; i < pingers_.size(); ++i) {
        Pinger& p = pingers_[i];
        if (p.answered == probe_) {
            out.push_back(p.result);
        } else {
            const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(timeout_).count();
            out.push_back({dependencies_[i].name, dependencies_[i].needed, false, std::nullopt,
                           fmt::format("no answer within {} ms", ms)});
        }
        log_change(p, out.back());
    }
    return out;
}

void HealthProbe::log_change(Pinger& pinger, const PingResult& result) {
    if (changes_ == Changes::unlogged || pinger.was_up == result.up) return;
    pinger.was_up = result.up;
    if (result.up) {
        log::info("a dependency works again", {{"dependency", result.name}});
    } else {
        log::error("a dependency does not work", {{"dependency", result.name}, {"reason", result.detail}});
    }
}

}  // namespace pricewire::api
