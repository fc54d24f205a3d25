#pragma once

#include <condition_variable>
#include <mutex>
#include <utility>

#include "base/clock.hpp"

// Attributes of Clang's thread-safety analysis, under the names its documentation uses; nothing on other
// compilers. They say what a mutex guards, and an access without it is a compile error (-Werror=thread-safety).
#ifdef __clang__
#define PRICEWIRE_THREAD_SAFETY(attribute) __attribute__((attribute))
#else
#define PRICEWIRE_THREAD_SAFETY(attribute)
#endif

// Abseil's headers define these two with the same meaning.
#undef GUARDED_BY
#undef NO_THREAD_SAFETY_ANALYSIS

#define CAPABILITY(name) PRICEWIRE_THREAD_SAFETY(capability(name))
#define SCOPED_CAPABILITY PRICEWIRE_THREAD_SAFETY(scoped_lockable)
// A member: accessed only with the mutex held.
#define GUARDED_BY(mutex) PRICEWIRE_THREAD_SAFETY(guarded_by(mutex))
// A function or lambda: called with the mutex held, or without it.
#define REQUIRES(...) PRICEWIRE_THREAD_SAFETY(requires_capability(__VA_ARGS__))
#define EXCLUDES(...) PRICEWIRE_THREAD_SAFETY(locks_excluded(__VA_ARGS__))
// A function: takes the mutex and returns with it held, or returns it released.
#define ACQUIRE(...) PRICEWIRE_THREAD_SAFETY(acquire_capability(__VA_ARGS__))
#define RELEASE(...) PRICEWIRE_THREAD_SAFETY(release_capability(__VA_ARGS__))
// Each use says why the analysis cannot follow.
#define NO_THREAD_SAFETY_ANALYSIS PRICEWIRE_THREAD_SAFETY(no_thread_safety_analysis)

namespace pricewire::inline base {

// std::mutex with the attributes that libstdc++'s lacks.
class CAPABILITY("mutex") Mutex {
public:
    Mutex() = default;
    Mutex(const Mutex&) = delete;
    Mutex& operator=(const Mutex&) = delete;

    void lock() ACQUIRE() { mutex_.lock(); }
    void unlock() RELEASE() { mutex_.unlock(); }

private:
    friend class MutexLock;
    std::mutex mutex_;
};

// Holds the mutex until the end of the scope, apart from the time between unlock() and lock().
class SCOPED_CAPABILITY MutexLock {
public:
    explicit MutexLock(Mutex& mutex) ACQUIRE(mutex) : lock_(mutex.mutex_) {}
    ~MutexLock() RELEASE() {}
    MutexLock(const MutexLock&) = delete;
    MutexLock& operator=(const MutexLock&) = delete;

    void lock() ACQUIRE() { lock_.lock(); }
    void unlock() RELEASE() { lock_.unlock(); }

private:
    friend class CondVar;
    std::unique_lock<std::mutex> lock_;
};

// std::condition_variable. A predicate names the mutex that it reads under:
//     changed_.wait(lock, [&]() REQUIRES(mutex_) { return done_; });
// The functions that call one are not analysed: the analysis cannot tell that `lock` holds the predicate's mutex.
class CondVar {
public:
    void notify_one() { condition_.notify_one(); }
    void notify_all() { condition_.notify_all(); }

    template <typename Predicate>
    void wait(MutexLock& lock, Predicate predicate) NO_THREAD_SAFETY_ANALYSIS {
        condition_.wait(lock.lock_, std::move(predicate));
    }
    // The predicate's value at the end.
    template <typename Predicate>
    bool wait_for(MutexLock& lock, Duration time, Predicate predicate) NO_THREAD_SAFETY_ANALYSIS {
        return condition_.wait_for(lock.lock_, time, std::move(predicate));
    }
    template <typename Time, typename Predicate>
    bool wait_until(MutexLock& lock, Time deadline, Predicate predicate) NO_THREAD_SAFETY_ANALYSIS {
        return condition_.wait_until(lock.lock_, deadline, std::move(predicate));
    }

    // Without a predicate they return for no reason now and then; the caller looks again.
    void wait(MutexLock& lock) { condition_.wait(lock.lock_); }
    template <typename Time>
    void wait_until(MutexLock& lock, Time deadline) {
        condition_.wait_until(lock.lock_, deadline);
    }

private:
    std::condition_variable condition_;
};

}  // namespace pricewire::inline base
