#pragma once

#include <cstddef>
#include <deque>
#include <functional>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "base/mutex.hpp"

namespace pricewire::api {

// A few threads that may block, with a bounded queue, shared fairly: each task is somebody's, and those with
// tasks take turns. One of them can have half of the threads and a quarter of the queue, so that slow tasks
// of one leave room for the others'.
class WorkerPool {
public:
    using Task = std::move_only_function<void()>;

    // A task must not throw.
    WorkerPool(int threads, std::size_t queue_capacity);
    ~WorkerPool() { stop(); }
    WorkerPool(const WorkerPool&) = delete;
    WorkerPool& operator=(const WorkerPool&) = delete;

    // False if there is no room: the task was not taken and still belongs to the caller.
    bool try_post(const std::string& owner, Task& task);
    // Waits for running tasks; queued ones are destroyed with the pool, without running. There is no room from now on. By
    // whoever owns the pool.
    void stop();

private:
    struct Line {
        std::deque<Task> tasks;
        std::size_t running = 0;
        bool has_turn = false;  // is in turns_
    };
    using Lines = std::map<std::string, Line>;  // whose nodes do not move

    void work();
    void give_turn(Lines::iterator line) REQUIRES(mutex_);

    const std::size_t capacity_;
    const std::size_t most_queued_;   // of one owner
    const std::size_t most_running_;  // of one owner
    Mutex mutex_;
    CondVar filled_;
    Lines lines_ GUARDED_BY(mutex_);  // of owners with a task, queued or running
    std::deque<Lines::iterator> turns_ GUARDED_BY(mutex_);
    std::size_t queued_ GUARDED_BY(mutex_) = 0;
    bool stopping_ GUARDED_BY(mutex_) = false;
    std::vector<std::thread> threads_;
};

}  // namespace pricewire::api
