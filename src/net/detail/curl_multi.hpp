#pragma once

#include <curl/curl.h>

#include <cstdint>
#include <functional>
#include <vector>

#include "base/clock.hpp"
#include "net/detail/poller.hpp"

namespace pricewire::net::detail {

// Open connections of all CurlMultis of one client, so that together they keep no more idle ones than
// allowed.
struct ConnectionCount {
    std::size_t max_idle = 0;
    std::size_t open = 0;  // sockets
    std::size_t busy = 0;  // transfers
};

// A curl multi handle on a poller: curl is notified of ready sockets and due time-outs one by one and never
// scans all. Single-threaded; must not be called from curl's callbacks.
class CurlMulti final : Poller::Source {
public:
    using Done = std::function<void(CURL* easy, CURLcode code)>;

    // `count` is not owned and outlives this. Throws std::runtime_error if curl does not start.
    CurlMulti(Poller& poller, ConnectionCount& count);
    ~CurlMulti();  // no transfer may be left in it
    CurlMulti(const CurlMulti&) = delete;
    CurlMulti& operator=(const CurlMulti&) = delete;

    // To be called with every handle before add(): its sockets are to be counted.
    void count_sockets(CURL* easy);
    // False if curl does not accept the transfer, which is then not added.
    bool add(CURL* easy);
    void remove(CURL* easy);
    // When run_due() must be called next; MonoTime::max() if never.
    MonoTime due() const { return due_; }
    void run_due(MonoTime now);
    // Calls `done` for each transfer that has ended; it is to remove it. Those whose sockets the system
    // cannot watch end with CURLE_FAILED_INIT.
    void collect(const Done& done);
    // Counts a socket opened for a transfer in here.
    void opened();

private:
    static int on_socket(CURL* easy, curl_socket_t fd, int what, void* self, void* known);
    static int on_timer(CURLM* multi, long timeout_ms, void* self);
    static int on_close(void* self, curl_socket_t fd);
    void on_ready(int fd, std::uint32_t events) override;
    void bound_idle();
    void unwatched(CURL* easy) noexcept;

    Poller& poller_;
    ConnectionCount& count_;
    CURLM* multi_ = nullptr;
    MonoTime due_ = MonoTime::max();
    std::size_t open_ = 0;
    std::size_t busy_ = 0;
    long bound_ = 0;
    std::vector<CURL*> unwatched_;  // transfers whose sockets cannot be watched
};

}  // namespace pricewire::net::detail
