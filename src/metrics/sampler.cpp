#include "metrics/sampler.hpp"

#include <utility>

namespace pricewire::metrics {
namespace {

std::vector<api::HealthDependency> with(std::vector<api::HealthDependency> dependencies,
                                        std::function<void()> measure) {
    if (measure) dependencies.push_back({"measurement", false, std::move(measure)});
    return dependencies;
}

}  // namespace

Sampler::Sampler(std::vector<api::HealthDependency> dependencies, std::function<void()> measure,
                 Duration every, Duration timeout)
    : dependencies_(dependencies.size()),
      every_(every),
      probe_(std::make_unique<api::HealthProbe>(with(std::move(dependencies), std::move(measure)), timeout,
                                                api::HealthProbe::Changes::unlogged)),
      thread_([this] { run(); }) {}

Sampler::~Sampler() {
    stop_.set();
    thread_.join();
    probe_.reset();
}

std::vector<api::PingResult> Sampler::last() const {
    MutexLock lock(mutex_);
    return last_;
}

void Sampler::run() {
    do {
        probe_->check([this](const std::vector<api::PingResult>& results) {
            MutexLock lock(mutex_);
            last_.assign(results.begin(), results.begin() + static_cast<std::ptrdiff_t>(dependencies_));
        });
    } while (!stop_.wait_for(every_));
}

}  // namespace pricewire::metrics
