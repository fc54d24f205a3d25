#pragma once

#include <optional>
#include <utility>

#include "alert/checker.hpp"
#include "api/api.hpp"
#include "base/mutex.hpp"
#include "storage/storage.hpp"
#include "watch/watcher.hpp"

namespace pricewire::app {

// Passes the storage's events on to the checker, the API and the watcher, which start after the storage and stop before
// it. Thread-safe.
class Listeners {
public:
    // For the storage, which this must outlive.
    storage::StorageEvents events() {
        return {.alert_changed =
                    [this](const AlertChange& change) {
                        MutexLock lock(mutex_);
                        if (checker_ != nullptr) checker_->on_alert_change(change);
                        if (watcher_ != nullptr) watcher_->poke();
                    },
                .user_changed =
                    [this](std::optional<Uuid> user) {
                        MutexLock lock(mutex_);
                        if (api_ != nullptr) api_->on_user_changed(user);
                    },
                .alerts_unheard =
                    [this] {
                        MutexLock lock(mutex_);
                        if (checker_ != nullptr) checker_->on_alerts_unheard();
                    },
                .alerts_missed =
                    [this] {
                        MutexLock lock(mutex_);
                        if (checker_ != nullptr) checker_->on_alerts_missed();
                    }};
    }

    // `start` starts the checker and returns it. Events wait meanwhile, so that none is lost between the
    // checker's snapshot and the first event it gets.
    template <typename Start>
    void start_checker(Start start) {
        MutexLock lock(mutex_);
        checker_ = start();
    }
    void set_api(api::Api* api) {
        MutexLock lock(mutex_);
        api_ = api;
    }
    void set_watcher(watch::Watcher* watcher) {
        MutexLock lock(mutex_);
        watcher_ = watcher;
    }
    void clear() {
        MutexLock lock(mutex_);
        checker_ = nullptr;
        api_ = nullptr;
        watcher_ = nullptr;
    }

private:
    Mutex mutex_;
    alert::Checker* checker_ GUARDED_BY(mutex_) = nullptr;
    api::Api* api_ GUARDED_BY(mutex_) = nullptr;
    watch::Watcher* watcher_ GUARDED_BY(mutex_) = nullptr;  // if alerts are made in its process
};

}  // namespace pricewire::app
