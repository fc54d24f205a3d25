#pragma once

#include <functional>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "base/log.hpp"
#include "base/mutex.hpp"
#include "storage/sql/condition.hpp"
#include "storage/storage.hpp"

namespace pricewire::storage::sql {

// What is around each call of a method: its time is reported, its outcome shows the database's condition, and
// rows that this version does not understand are skipped and logged. Thread-safe.
class Calls {
protected:
    explicit Calls(const StorageEvents& events)
        : around_(events.around), row_skipped_(events.row_skipped), alert_expired_(events.alert_expired) {}

    // Runs f, the method's work. write() is for methods that may write.
    template <typename F>
    auto call(const char* method, F&& f) {
        try {
            auto done = [&] { condition_.succeeded(method, system_clock().mono()); };
            if constexpr (std::is_void_v<std::invoke_result_t<F&>>) {
                reported(method, f);
                done();
            } else {
                auto result = reported(method, f);
                done();
                return result;
            }
        } catch (const StorageError& e) {
            condition_.failed(method, e, system_clock().mono());
            throw;
        }
    }
    template <typename F>
    auto write(const char* method, F&& f) {
        const Condition::Writing writing(condition_, system_clock().mono());
        return call(method, f);
    }
    // Without any effect on the condition.
    template <typename F>
    auto reported(const char* method, F&& f) {
        using R = std::invoke_result_t<F&>;
        if constexpr (std::is_void_v<R>) {
            if (!around_) return f();
            around_(method, [&] { f(); });
        } else {
            if (!around_) return R(f());
            std::optional<R> result;
            around_(method, [&] { result.emplace(f()); });
            return R(std::move(*result));
        }
    }

    // For rows among many: nullopt for one that this version does not understand, which is logged once and
    // skipped, so that it does not stop the others.
    template <typename Read>
    auto or_skip(const char* method, Read read) {
        return [this, method, read](const auto& row) -> std::optional<decltype(read(row))> {
            try {
                return read(row);
            } catch (const UnknownValue& e) {
                skipped(method, e);
                return std::nullopt;
            }
        };
    }
    Condition& condition() { return condition_; }

    // Alerts with their users. After the commit.
    void tell_expired(const std::vector<std::pair<Uuid, Uuid>>& expired) const {
        if (!alert_expired_) return;
        for (const auto& [user, alert] : expired) alert_expired_(user, alert);
    }

private:
    void skipped(const char* method, const UnknownValue& e) {
        if (row_skipped_) row_skipped_(method);
        {
            MutexLock lock(reported_mutex_);
            if (reported_.size() >= max_reported || !reported_.insert(e.what()).second) return;
        }
        log::error("a row that this version does not understand is skipped", {{"reason", e.what()}});
    }

    static constexpr std::size_t max_reported = 1000;
    const std::function<void(std::string_view, const std::function<void()>&)> around_;
    const std::function<void(std::string_view)> row_skipped_;
    const std::function<void(const Uuid&, const Uuid&)> alert_expired_;
    Mutex reported_mutex_;
    std::set<std::string> reported_ GUARDED_BY(reported_mutex_);
    Condition condition_;
};

}  // namespace pricewire::storage::sql
