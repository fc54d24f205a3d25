#pragma once

#include <cstddef>
#include <deque>
#include <functional>
#include <thread>
#include <vector>

#include "base/mutex.hpp"

namespace pricewire::api {

// A few threads that may wait, and a bounded queue before them.
class WorkerPool {
public:
    using Task = std::move_only_function<void()>;

    // A task must not throw.
    WorkerPool(int threads, std::size_t queue_capacity);
    // Ends the tasks that run; those in the queue are destroyed unrun.
    ~WorkerPool();
    WorkerPool(const WorkerPool&) = delete;
    WorkerPool& operator=(const WorkerPool&) = delete;

    // False where the queue is full: the task was not taken and is still the caller's.
    bool try_post(Task& task);

private:
    void work();

    const std::size_t capacity_;
    Mutex mutex_;
    CondVar filled_;
    std::deque<Task> queue_ GUARDED_BY(mutex_);
    bool stopping_ GUARDED_BY(mutex_) = false;
    std::vector<std::thread> threads_;
};

}  // namespace pricewire::api
