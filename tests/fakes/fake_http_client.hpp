#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/mutex.hpp"
#include "net/http_client.hpp"

namespace pricewire::fakes {

inline net::HttpResult http_status(int status) {
    net::HttpResult r;
    r.status = status;
    r.duration = std::chrono::milliseconds{3};
    return r;
}

inline net::HttpResult http_failure(net::HttpError error, std::string text) {
    net::HttpResult r;
    r.error = error;
    r.error_text = std::move(text);
    r.duration = std::chrono::seconds{5};
    return r;
}

// An HTTP client whose answers a test gives, now or later. Thread-safe. Requests still open when it goes end
// as cancelled, as the real one's do.
class FakeHttpClient : public net::HttpClient {
public:
    // Where it returns a result, the request is answered at once; else it stays open. Set before use.
    std::function<std::optional<net::HttpResult>(const net::HttpRequest&)> script;

    ~FakeHttpClient() override {
        while (open() > 0) answer(0, http_failure(net::HttpError::cancelled, "cancelled"));
    }

    // As if its thread were behind: how many requests it has not begun, by how many are open. Set before use.
    std::function<std::size_t(std::size_t open)> behind;

    std::size_t not_begun() const override { return behind ? behind(open()) : 0; }
    void start(net::HttpRequest request, Done done) override {
        std::optional<net::HttpResult> result;
        if (script) result = script(request);
        {
            MutexLock lock(mutex_);
            seen_.push_back(request);
            if (!result) open_.emplace_back(std::move(request), std::move(done));
        }
        if (result) done(std::move(*result));
    }

    std::size_t open() const {
        MutexLock lock(mutex_);
        return open_.size();
    }
    net::HttpRequest open_request(std::size_t i) const {
        MutexLock lock(mutex_);
        return open_.at(i).first;
    }
    // Every request ever started, in order.
    std::vector<net::HttpRequest> seen() const {
        MutexLock lock(mutex_);
        return seen_;
    }
    // Ends the i-th open request.
    void answer(std::size_t i, net::HttpResult result) {
        Done done;
        {
            MutexLock lock(mutex_);
            done = std::move(open_.at(i).second);
            open_.erase(open_.begin() + static_cast<std::ptrdiff_t>(i));
        }
        done(std::move(result));
    }

private:
    mutable Mutex mutex_;
    std::vector<std::pair<net::HttpRequest, Done>> open_ GUARDED_BY(mutex_);
    std::vector<net::HttpRequest> seen_ GUARDED_BY(mutex_);
};

// The value of a header, empty where it is not there.
inline std::string header(const net::HttpRequest& request, std::string_view name) {
    for (const auto& [n, v] : request.headers) {
        if (n == name) return v;
    }
    return {};
}

}  // namespace pricewire::fakes
