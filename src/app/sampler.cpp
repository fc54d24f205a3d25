#include "app/sampler.hpp"

#include <utility>

namespace pricewire::app {
namespace {

std::vector<api::Dependency> probed(std::vector<api::HealthDependency> dependencies,
                                    std::function<void()> measure) {
    std::vector<api::Dependency> out;
    for (api::HealthDependency& d : dependencies)
        out.push_back({std::move(d.name), d.needed, std::move(d.ping)});
    if (measure) out.push_back({"measurement", false, std::move(measure)});
    return out;
}

}  // namespace

Sampler::Sampler(std::vector<api::HealthDependency> dependencies, std::function<void()> measure,
                 Duration every, Duration timeout)
    : dependencies_(dependencies.size()),
      every_(every),
      probe_(std::make_unique<api::HealthProbe>(probed(std::move(dependencies), std::move(measure)), timeout,
                                                api::HealthProbe::Changes::unsaid)),
      thread_([this] { run(); }) {}

Sampler::~Sampler() {
    {
        std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    stop_asked_.notify_all();
    thread_.join();
    probe_.reset();
}

std::vector<api::PingResult> Sampler::last() const {
    std::lock_guard lock(mutex_);
    return last_;
}

void Sampler::run() {
    std::unique_lock lock(mutex_);
    while (!stopping_) {
        lock.unlock();
        probe_->check([this](const std::vector<api::PingResult>& results) {
            std::lock_guard done(mutex_);
            last_.assign(results.begin(), results.begin() + static_cast<std::ptrdiff_t>(dependencies_));
        });
        lock.lock();
        stop_asked_.wait_for(lock, every_, [&] { return stopping_; });
    }
}

}  // namespace pricewire::app
