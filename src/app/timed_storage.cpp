#include "app/timed_storage.hpp"

#include <chrono>
#include <utility>

namespace pricewire::app {

std::function<void(std::string_view method, const std::function<void()>& call)> timed_by(
    StorageObserver observer) {
    return [observer = std::move(observer)](std::string_view method, const std::function<void()>& call) {
        const auto begun = std::chrono::steady_clock::now();
        const auto report = [&](bool failed) {
            const auto took = std::chrono::steady_clock::now() - begun;
            observer(method, std::chrono::duration_cast<Duration>(took), failed);
        };
        try {
            call();
        } catch (...) {
            report(true);
            throw;
        }
        report(false);
    };
}

}  // namespace pricewire::app
