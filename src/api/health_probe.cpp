#include "api/health_probe.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <exception>
#include <utility>

#include "base/log.hpp"

namespace pricewire::api {

HealthProbe::HealthProbe(std::vector<HealthDependency> dependencies, Duration timeout, Changes changes)
    : timeout_(timeout), changes_(changes), pingers_(dependencies.size()) {
    for (std::size_t i = 0; i < pingers_.size(); ++i) {
        Pinger& pinger = pingers_[i];
        pinger.dependency = std::move(dependencies[i]);
        pinger.thread = std::thread([this, &pinger] { run_pinger(pinger); });
    }
    thread_ = std::thread([this] { run_probes(); });
}

HealthProbe::~HealthProbe() {
    {
        std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    asked_.notify_all();
    wanted_.notify_all();
    answered_.notify_all();
    thread_.join();
    for (Pinger& p : pingers_) p.thread.join();
}

void HealthProbe::check(Done done) {
    {
        std::lock_guard lock(mutex_);
        waiting_.push_back(std::move(done));
    }
    asked_.notify_one();
}

void HealthProbe::run_pinger(Pinger& pinger) {
    std::unique_lock lock(mutex_);
    while (true) {
        wanted_.wait(lock, [&] { return stopping_ || pinger.wanted > pinger.answered; });
        if (stopping_) return;
        const std::uint64_t probe = pinger.wanted;
        const MonoTime begun = std::chrono::steady_clock::now();
        pinger.busy = true;
        pinger.busy_since = begun;
        lock.unlock();
        PingResult result{pinger.dependency.name, pinger.dependency.needed, true, std::nullopt, {}};
        std::string reason;
        try {
            pinger.dependency.ping();
        } catch (const std::exception& e) {
            result.up = false;
            // The reason may name hosts and files, which are the operator's business: it goes to the log.
            result.detail = "not reachable";
            reason = e.what();
        }
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
            std::unique_lock lock(mutex_);
            asked_.wait(lock, [&] { return stopping_ || !waiting_.empty(); });
            if (stopping_) return;
        }
        const std::vector<PingResult> results = collect();
        std::vector<Done> answers;
        {
            std::lock_guard lock(mutex_);
            if (stopping_) return;
            answers.swap(waiting_);
        }
        for (Done& done : answers) done(results);
    }
}

std::vector<PingResult> HealthProbe::collect() {
    std::unique_lock lock(mutex_);
    ++probe_;
    for (Pinger& p : pingers_) p.wanted = probe_;
    wanted_.notify_all();
    const MonoTime deadline = std::chrono::steady_clock::now() + timeout_;
    // One that has hung for longer than the limit already is not waited for again.
    const auto decided = [&](const Pinger& p) {
        return p.answered == probe_ ||
               (p.busy && p.busy_since + timeout_ <= std::chrono::steady_clock::now());
    };
    answered_.wait_until(lock, deadline,
                         [&] { return stopping_ || std::all_of(pingers_.begin(), pingers_.end(), decided); });
    std::vector<PingResult> out;
    for (Pinger& p : pingers_) {
        if (p.answered == probe_) {
            out.push_back(p.result);
        } else {
            const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(timeout_).count();
            out.push_back({p.dependency.name, p.dependency.needed, false, std::nullopt,
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
        log::info("a dependency answers again", {{"dependency", result.name}});
    } else {
        log::error("a dependency does not answer; /health says so",
                   {{"dependency", result.name}, {"reason", result.detail}});
    }
}

}  // namespace pricewire::api
