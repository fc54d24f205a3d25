#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/mutex.hpp"
#include "net/http_server.hpp"

namespace pricewire::fakes {

// A client's connection without a socket: keeps what it is sent. Thread-safe.
class FakePeer : public net::WsPeer {
public:
    void send(std::shared_ptr<const std::string> data) override {
        MutexLock lock(mutex_);
        sent_.push_back(*data);
        changed_.notify_all();
    }
    void close(std::uint16_t code, std::string) override {
        MutexLock lock(mutex_);
        code_ = code;
        changed_.notify_all();
    }
    void send_binary(std::string message) override {
        send(std::make_shared<const std::string>(std::move(message)));
    }
    void send_ping(std::string) override {}
    void abort() override {}
    using net::WsPeer::close;
    std::size_t queued_bytes() const override { return 0; }

    bool wait(const std::function<bool(const std::vector<std::string>&, int code)>& holds) const {
        MutexLock lock(mutex_);
        return changed_.wait_for(lock, std::chrono::seconds{30},
                                 [&]() REQUIRES(mutex_) { return holds(sent_, code_); });
    }
    bool wait_for(const std::string& part, std::size_t times = 1) const {
        return wait([&](const auto& sent, int) { return count_in(sent, part) >= times; });
    }
    std::size_t count(const std::string& part) const {
        MutexLock lock(mutex_);
        return count_in(sent_, part);
    }
    std::vector<std::string> sent() const {
        MutexLock lock(mutex_);
        return sent_;
    }
    // The last event's id.
    std::string last_id() const {
        MutexLock lock(mutex_);
        std::string out;
        for (const std::string& s : sent_) {
            const std::size_t at = s.find(R"("id":")");
            if (s.starts_with(R"({"type":"delivery")") || s.starts_with(R"({"type":"alert_fired")")) {
                out = s.substr(at + 6, s.find('"', at + 6) - at - 6);
            }
        }
        return out;
    }

private:
    static std::size_t count_in(const std::vector<std::string>& sent, const std::string& part) {
        return static_cast<std::size_t>(std::count_if(
            sent.begin(), sent.end(), [&](const auto& s) { return s.find(part) != std::string::npos; }));
    }

    mutable Mutex mutex_;
    mutable CondVar changed_;
    std::vector<std::string> sent_ GUARDED_BY(mutex_);
    int code_ GUARDED_BY(mutex_) = 0;
};

}  // namespace pricewire::fakes
