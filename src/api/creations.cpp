#include "api/creations.hpp"

#include <algorithm>
#include <exception>
#include <utility>

namespace pricewire::api {
namespace {

// Alerts per commit, which bounds how long the first of them waits.
constexpr std::size_t most_together = 500;

}  // namespace

Creations::Creations(storage::Alerts& storage, const Clock& clock, Options options)
    : storage_(storage), clock_(clock), options_(std::move(options)) {
    thread_ = std::thread([this] { run(); });
}

Creations::~Creations() {
    {
        MutexLock lock(mutex_);
        stopping_ = true;
    }
    changed_.notify_one();
    thread_.join();
}

bool Creations::try_add(std::unique_ptr<Exchange>& x) {
    const MonoTime now = clock_.mono();
    {
        MutexLock lock(mutex_);
        if (stopping_ || waiting_.size() >= options_.capacity) return false;
        std::size_t& mine = by_user_[x->user.id];
        if (mine >= std::max<std::size_t>(1, options_.capacity / 4)) return false;
        ++mine;
        waiting_.push_back({std::move(x), now});
    }
    changed_.notify_one();
    return true;
}

void Creations::run() {
    while (true) {
        Group group;
        {
            MutexLock lock(mutex_);
            changed_.wait(lock, [&]() REQUIRES(mutex_) { return stopping_ || !waiting_.empty(); });
            if (stopping_) return;
            group = take();
        }
        const MonoTime since = clock_.mono() - options_.wait;
        // Those that have waited longest come first.
        auto in_time = group.begin();
        for (; in_time != group.end() && in_time->since < since; ++in_time)
            options_.too_late(std::move(in_time->exchange));
        group.erase(group.begin(), in_time);
        decide(group);
        for (Waiting& w : group) options_.decided(std::move(w.exchange));
    }
}

Creations::Group Creations::take() {
    Group group;
    while (!waiting_.empty() && group.size() < most_together) {
        const auto count = by_user_.find(waiting_.front().exchange->user.id);
        if (--count->second == 0) by_user_.erase(count);
        group.push_back(std::move(waiting_.front()));
        waiting_.pop_front();
    }
    return group;
}

void Creations::decide(Group& group) {
    if (group.empty()) return;
    std::vector<storage::AlertCreation> creations;
    for (const Waiting& w : group) creations.push_back(std::move(w.exchange->new_alert->creation));
    try {
        storage_.create_each(creations);
    } catch (...) {
        for (storage::AlertCreation& creation : creations) {
            if (!creation.error) creation.error = std::current_exception();
        }
    }
    for (std::size_t i = 0; i < group.size(); ++i) {
        PendingAlert& made = *group[i].exchange->new_alert;
        made.creation = std::move(creations[i]);
        made.is_decided = true;
    }
}

}  // namespace pricewire::api
