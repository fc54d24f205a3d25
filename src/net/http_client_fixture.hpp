#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <future>
#include <memory>
#include <string>
#include <vector>

#include "base/mutex.hpp"
#include "net/http_client.hpp"
#include "net/server_fixture.hpp"

namespace pricewire::net {

// Results of many requests, waited for together.
class Results {
public:
    HttpClient::Done one() {
        return [this](HttpResult result) {
            MutexLock lock(mutex_);
            results_.push_back(std::move(result));
            came_.notify_all();
        };
    }
    // The results so far, as soon as there are `count`; fewer if they do not arrive within a minute.
    std::vector<HttpResult> wait_for(std::size_t count) {
        MutexLock lock(mutex_);
        came_.wait_for(lock, std::chrono::seconds{60},
                       [&]() REQUIRES(mutex_) { return results_.size() >= count; });
        return results_;
    }
    std::size_t size() {
        MutexLock lock(mutex_);
        return results_.size();
    }

private:
    Mutex mutex_;
    CondVar came_;
    std::vector<HttpResult> results_ GUARDED_BY(mutex_);
};

inline HttpResult send_by(HttpClient& client, HttpRequest request) {
    std::promise<HttpResult> promise;
    auto result = promise.get_future();
    client.start(std::move(request), [&](HttpResult r) { promise.set_value(std::move(r)); });
    return result.get();
}

inline AddressGuard allowing(std::initializer_list<const char*> networks) {
    std::vector<Network> out;
    for (const char* text : networks) out.push_back(Network::parse(text).value());
    return AddressGuard(std::move(out));
}

}  // namespace pricewire::net
