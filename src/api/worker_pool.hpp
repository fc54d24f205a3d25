#pragma once

#include <cstddef>
#include <deque>
#include <functional>
#include <thread>
#include <vector>

#include "base/mutex.hpp"

namespace pricewire::api {

// A few threads that may block, with a bounded queue.
class WorkerPool {
public:
    using Task = std::move_only_function<void()>;

    // A task must not throw.
    WorkerPool(int threads, std::size_t queue_capacity);
    // Waits for running tasks; queued ones are destroyed without running.
    ~WorkerPool();
    WorkerPool(const WorkerPool&) = delete;
    WorkerPool& operator=(const WorkerPool&) = delete;

    // False if the queue is full: the task was not taken and still belongs to the caller.
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
