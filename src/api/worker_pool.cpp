#include "api/worker_pool.hpp"

#include <algorithm>
#include <utility>

namespace pricewire::api {

WorkerPool::WorkerPool(int threads, std::size_t queue_capacity)
    : capacity_(queue_capacity),
      most_queued_(std::max<std::size_t>(1, queue_capacity / 4)),
      most_running_(static_cast<std::size_t>(std::max(1, threads / 2))) {
    for (int i = 0; i < std::max(1, threads); ++i) threads_.emplace_back([this] { work(); });
}

void WorkerPool::stop() {
    {
        MutexLock lock(mutex_);
        stopping_ = true;
    }
    filled_.notify_all();
    for (std::thread& t : threads_) t.join();
    threads_.clear();
}

bool WorkerPool::try_post(const std::string& owner, Task& task) {
    {
        MutexLock lock(mutex_);
        if (stopping_ || queued_ >= capacity_) return false;
        const auto line = lines_.try_emplace(owner).first;
        if (line->second.tasks.size() >= most_queued_) return false;
        line->second.tasks.push_back(std::move(task));
        ++queued_;
        give_turn(line);
    }
    filled_.notify_one();
    return true;
}

void WorkerPool::give_turn(Lines::iterator line) {
    Line& l = line->second;
    if (l.tasks.empty() || l.running >= most_running_ || std::exchange(l.has_turn, true)) return;
    turns_.push_back(line);
}

void WorkerPool::work() {
    MutexLock lock(mutex_);
    while (true) {
        filled_.wait(lock, [&]() REQUIRES(mutex_) { return stopping_ || !turns_.empty(); });
        if (stopping_) return;
        const auto line = turns_.front();
        turns_.pop_front();
        Line& l = line->second;
        l.has_turn = false;
        Task task = std::move(l.tasks.front());
        l.tasks.pop_front();
        --queued_;
        ++l.running;
        give_turn(line);
        const bool others_have_turns = !turns_.empty();
        lock.unlock();
        if (others_have_turns) filled_.notify_one();
        task();
        task = {};
        lock.lock();
        --l.running;
        give_turn(line);
        if (l.tasks.empty() && l.running == 0) lines_.erase(line);
    }
}

}  // namespace pricewire::api
