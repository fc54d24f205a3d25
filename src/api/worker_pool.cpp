#include "api/worker_pool.hpp"

#include <algorithm>
#include <utility>

namespace pricewire::api {

WorkerPool::WorkerPool(int threads, std::size_t queue_capacity) : capacity_(queue_capacity) {
    for (int i = 0; i < std::max(1, threads); ++i) threads_.emplace_back([this] { work(); });
}

WorkerPool::~WorkerPool() {
    {
        MutexLock lock(mutex_);
        stopping_ = true;
    }
    filled_.notify_all();
    for (std::thread& t : threads_) t.join();
}

bool WorkerPool::try_post(Task& task) {
    {
        MutexLock lock(mutex_);
        if (stopping_ || queue_.size() >= capacity_) return false;
        queue_.push_back(std::move(task));
    }
    filled_.notify_one();
    return true;
}

void WorkerPool::work() {
    while (true) {
        Task task;
        {
            MutexLock lock(mutex_);
            filled_.wait(lock, [&]() REQUIRES(mutex_) { return stopping_ || !queue_.empty(); });
            if (stopping_) return;
            task = std::move(queue_.front());
            queue_.pop_front();
        }
        task();
    }
}

}  // namespace pricewire::api
